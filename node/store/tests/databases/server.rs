//! A PostgreSQL server of the machine's own binaries, one a test binary, in a temporary folder, reached by a socket there.

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use std::{
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, OnceCell};

/// Runs the server until standard input ends: that is when the process of the tests ends, however it ends.
const SCRIPT: &str = r#"
initdb -D "$1/data" -A trust -U tests -E UTF8 --locale=C --no-sync >"$1/log" 2>&1 || exit 1
postgres -D "$1/data" -k "$1" -c listen_addresses= -c fsync=off >>"$1/log" 2>&1 &
server=$!
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$1"
"#;
/// Bounds failure only.
const START_WAIT: Duration = Duration::from_secs(60);

struct Server {
    folder: PathBuf,
    made: Mutex<u32>,
    /// Holds the other end of its standard input.
    _running: Child,
}

static SERVER: OnceCell<Result<Server, String>> = OnceCell::const_new();

/// The URL of a new database, or why there is none.
pub(super) async fn fresh_database() -> Result<String, &'static str> {
    let server = SERVER.get_or_init(start).await.as_ref().map_err(String::as_str)?;
    // one at a time: making two at once from one template can fail
    let mut made = server.made.lock().await;
    *made += 1;
    let mut connection = maintenance(&server.folder).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE fresh{made}"))).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    Ok(format!("postgres://tests@localhost/fresh{made}?host={}", server.folder.display()))
}

async fn maintenance(folder: &Path) -> Result<PgConnection, sqlx::Error> {
    PgConnectOptions::new_without_pgpass().socket(folder).username("tests").database("postgres").connect().await
}

/// Folders that may hold the binaries.
fn search_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(packaged.map(|version| version.path().join("bin")));
    folders
}

async fn start() -> Result<Server, String> {
    let folders = search_path();
    for binary in ["initdb", "postgres"] {
        if !folders.iter().any(|f| f.join(binary).exists()) {
            return Err(format!("no {binary} on this machine"));
        }
    }
    let folder = tempfile::Builder::new().prefix("countersign-postgres-").tempdir().map_err(|e| e.to_string())?;
    let mut command = if std::fs::metadata(folder.path()).map_err(|e| e.to_string())?.uid() == 0 {
        // the server refuses to run as root
        let (user, group) = nobody()?;
        chown(folder.path(), Some(user), Some(group)).map_err(|e| format!("cannot give a folder to nobody: {e}"))?;
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into(), "sh".into()]);
        command
    } else {
        Command::new("sh")
    };
    let path = std::env::join_paths(folders).map_err(|e| e.to_string())?;
    command.args(["-c", SCRIPT, "sh"]).arg(folder.path()).env("PATH", path).current_dir("/").process_group(0);
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut running = spawned.map_err(|e| format!("cannot drop root's privileges or run a shell: {e}"))?;
    let since = Instant::now();
    while let Err(error) = maintenance(folder.path()).await {
        let ended = running.try_wait().map_err(|e| e.to_string())?.is_some();
        if ended || since.elapsed() > START_WAIT {
            let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            return Err(format!("the server does not start ({error}): {log}"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // removed by the script from here on
    Ok(Server { folder: folder.keep(), made: Mutex::new(0), _running: running })
}

/// User and group of the account without rights.
fn nobody() -> Result<(u32, u32), String> {
    let accounts = std::fs::read_to_string("/etc/passwd").map_err(|e| e.to_string())?;
    let line = accounts.lines().find(|l| l.starts_with("nobody:")).ok_or("there is no account nobody")?;
    let mut ids = line.split(':').skip(2).map(str::parse);
    match (ids.next(), ids.next()) {
        (Some(Ok(user)), Some(Ok(group))) => Ok((user, group)),
        _ => Err("the account nobody is not understood".into()),
    }
}
