//! Organisations with nodes as processes of their own on loopback. Every process is killed when its organisation is dropped.

use crate::common::{Outcome, arguments, command, finish, run};
use countersign_tests::loopback::unused_address;
use serde_json::Value;
use std::{
    cell::RefCell,
    ffi::OsString,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

/// Bounds a failure; never decides a result.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(150);

/// Who signs for an ethics board.
pub const OFFICES: [&str; 2] = ["chair", "secretary"];

/// One organisation: its folder, and its node's process while it runs.
pub struct Organisation {
    pub name: String,
    pub folder: PathBuf,
    child: RefCell<Option<Child>>,
    starts: u32,
}

impl Drop for Organisation {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Organisation {
    /// Makes keys and configuration: gateways on ports the system chooses, and a quick pace.
    pub fn init(network: &Path, name: &str, roles: &[&str]) -> Self {
        let folder = network.join(name);
        let mut all = arguments!["--json", "init", "--member", name, "--folder", folder];
        all.extend(roles.iter().flat_map(|role| arguments!["--role", role]));
        if roles.contains(&"validator") {
            all.extend(arguments!["--listen", unused_address().to_string()]);
        }
        run(all).done();
        let organisation = Self { name: name.to_owned(), folder, child: RefCell::default(), starts: 0 };
        if roles.contains(&"board") {
            for office in OFFICES {
                let new = arguments!["--json", "person", "new", "--name", format!("the {office}"), "--board", organisation.card()];
                run([new, arguments!["--out", organisation.person(office)]].concat()).done();
            }
        }
        organisation.edit("#listen = \"127.0.0.1:7480\"", "listen = \"127.0.0.1:0\"");
        for (default, quick) in [
            ("block_min_ms = 200", 0),
            ("idle_ms = 5000", 500),
            ("propose_ms = 2000", 1_000),
            ("vote_ms = 500", 300),
            ("delta_ms = 500", 300),
        ] {
            let key = default.split(' ').next().unwrap();
            organisation.edit(&format!("#{default}"), &format!("{key} = {quick}"));
        }
        organisation
    }

    /// Changes the configuration.
    pub fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from}");
        std::fs::write(self.config(), text.replace(from, to)).unwrap();
    }

    pub fn config(&self) -> PathBuf {
        self.folder.join("node.toml")
    }

    pub fn card(&self) -> PathBuf {
        self.folder.join(format!("{}.member.json", self.name))
    }

    /// The secret key of who signs for the board in an office.
    pub fn person(&self, office: &str) -> PathBuf {
        self.folder.join(format!("{office}.key"))
    }

    /// Chair and secretary sign one after the other; what the second hears.
    pub fn both_sign(&self, arguments: Vec<OsString>) -> Outcome {
        let sign = |office| self.run([arguments.clone(), arguments!["--person", self.person(office)]].concat()).done();
        sign(OFFICES[0]);
        sign(OFFICES[1])
    }

    /// Joins, knowing the others' cards.
    pub fn join(&self, genesis: &Path, cards: &[PathBuf]) -> Outcome {
        let mut all = arguments!["--json", "join", "--folder", self.folder, "--genesis", genesis, "--peer"];
        all.extend(cards.iter().map(OsString::from));
        run(all).done()
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!("log-{}", self.starts))
    }

    /// What the node has logged since it was started.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Starts the node, the first time or again.
    pub fn start(&mut self) {
        assert!(self.child.get_mut().is_none(), "{} runs", self.name);
        self.starts += 1;
        let mut command = command(arguments!["node", "--config", self.config()]);
        command.stdout(Stdio::null()).stderr(File::create(self.log()).unwrap());
        self.child.replace(Some(command.spawn().unwrap()));
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.get_mut().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM, and what the node ends with.
    pub fn terminate(&mut self) -> Option<i32> {
        let mut child = self.child.get_mut().take().unwrap();
        let sent = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        child.wait().unwrap().code()
    }

    /// Runs a command beside the node, with more arguments.
    pub fn run(&self, arguments: Vec<OsString>) -> Outcome {
        finish(self.command(arguments))
    }

    /// Such a command.
    pub fn command(&self, arguments: Vec<OsString>) -> std::process::Command {
        let mut all = arguments!["--json"];
        all.extend(arguments);
        all.extend(arguments!["--config", self.config()]);
        command(all)
    }

    /// What `status` says.
    pub fn status(&self) -> Value {
        self.run(arguments!["status"]).done().json()
    }

    pub fn height(&self) -> u64 {
        self.until("a height", |s| s["height"].is_u64())["height"].as_u64().unwrap()
    }

    /// URL of the running gateway.
    pub fn url(&self) -> String {
        self.until("an address", |s| s["url"].is_string())["url"].as_str().unwrap().to_owned()
    }

    /// Looks at the status until it is as wanted; gives it.
    pub fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let found = self.run(arguments!["status"]);
            let status = (found.code == Some(0)).then(|| found.json()).filter(|s| s["running"] == true);
            if let Some(status) = status.filter(&is) {
                return status;
            }
            let ended = self.child.borrow_mut().as_mut().and_then(|child| child.try_wait().unwrap());
            if ended.is_some() || start.elapsed() > PATIENCE {
                let log = self.log_text();
                let end: Vec<&str> = log.lines().rev().take(40).collect();
                let end = end.into_iter().rev().collect::<Vec<_>>().join("\n");
                panic!("{} does not come to {what}; ended: {ended:?}; found: {found:?}\n{end}", self.name);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits for a height.
    pub fn reach(&self, height: u64) -> Value {
        self.until(&format!("block {height}"), |s| s["height"].as_u64().is_some_and(|h| h >= height))
    }
}

/// The genesis of a development network with these members.
pub fn genesis(network: &Path, members: &[&Organisation]) -> PathBuf {
    let file = network.join("network.genesis");
    let mut all = arguments!["--json", "genesis", "--development", "--out", file, "--card"];
    all.extend(members.iter().map(|m| OsString::from(m.card())));
    for (member, office) in members.iter().flat_map(|m| OFFICES.map(|office| (m, office))) {
        let card = member.folder.join(format!("{office}.person.json"));
        all.extend(if card.exists() { arguments![format!("--{office}"), card] } else { Vec::new() });
    }
    run(all).done();
    file
}

/// The words a list of a status has for a code.
pub fn has_alert(status: &Value, code: &str) -> bool {
    status["alerts"].as_array().unwrap().iter().any(|a| a["code"] == code)
}

/// True if the validators of a status are these.
pub fn validators_are(status: &Value, names: &[&str]) -> bool {
    let mut found: Vec<&str> = status["validators"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
    found.sort_unstable();
    found == names
}
