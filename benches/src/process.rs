//! Whole processes, measured from outside: time, CPU, memory, bytes written.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// How often a running process is looked at. Its CPU seconds and peak memory are those of the last look.
const LOOK: Duration = Duration::from_millis(2);
/// The kernel's clock ticks a second (`sysconf(_SC_CLK_TCK)`: 100 on every Linux there is).
const TICKS: f64 = 100.0;

/// What one process took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Taken {
    /// Seconds from start to end.
    pub seconds: f64,
    /// CPU seconds of all its threads.
    pub cpu: f64,
    /// Most memory it held, MiB.
    pub peak_mib: f64,
    /// What it handed to the disk, MiB.
    pub written_mib: f64,
}

fn field(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

fn look(process: u32, taken: &mut Taken) {
    let read = |file: &str| std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join(file)).unwrap_or_default();
    if let Some(kib) = field(&read("status"), "VmHWM:") {
        taken.peak_mib = taken.peak_mib.max(kib / 1024.0);
    }
    if let Some(bytes) = field(&read("io"), "write_bytes:") {
        taken.written_mib = bytes / 1_048_576.0;
    }
    // the name in parentheses may hold anything; user and system time are the 12th and 13th field after it
    let stat = read("stat");
    let times: Vec<f64> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2).filter_map(|t| t.parse().ok()).collect();
    if let [user, system] = times[..] {
        taken.cpu = (user + system) / TICKS;
    }
}

/// Runs a command to its end, and gives what it took and what it printed.
///
/// # Panics
/// It cannot be started or fails; with what it said.
pub fn run(mut command: Command) -> (Taken, String) {
    let (out, err) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    command.stdin(Stdio::null()).stdout(out.reopen().unwrap()).stderr(err.reopen().unwrap());
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut taken = Taken::default();
    let status = loop {
        look(child.id(), &mut taken);
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => std::thread::sleep(LOOK),
        }
    };
    taken.seconds = start.elapsed().as_secs_f64();
    let said = std::fs::read_to_string(out.path()).unwrap();
    assert!(status.success(), "{command:?} failed: {said}{}", std::fs::read_to_string(err.path()).unwrap());
    (taken, said)
}

/// Builds the program, with the features that the whole workspace has, and says where it is: beside this one.
///
/// # Panics
/// It does not build.
pub fn program() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo).args(["build", "--release", "--locked", "--workspace", "--bin", "countersign"]).status().unwrap();
    assert!(built.success(), "the program does not build");
    std::env::current_exe().unwrap().with_file_name("countersign")
}

/// What a running process has taken so far; no time.
pub fn of(process: u32) -> Taken {
    let mut taken = Taken::default();
    look(process, &mut taken);
    taken
}

/// What this process has taken so far; no time.
pub fn own() -> Taken {
    of(std::process::id())
}
