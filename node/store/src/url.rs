//! Where a chain is kept.

use crate::StoreError;
use sqlx::{
    any::AnyConnectOptions,
    postgres::{PgConnectOptions, PgSslMode},
};
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

/// Parameters a PostgreSQL URL may carry. Others are refused: a misspelt one would be ignored, and might be a password.
const PARAMETERS: [&str; 9] = ["host", "port", "dbname", "user", "password", "sslmode", "sslrootcert", "application_name", "options"];

/// Where a chain is kept: `sqlite:PATH`, `sqlite://PATH`, a bare path (SQLite too), or `postgres://USER@HOST/DATABASE`.
///
/// A password in the URL is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl(Location);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// A file.
    Sqlite(PathBuf),
    /// A database of a server: the URL with its secrets, and what may be shown of it.
    Postgres { url: String, shown: String },
}

/// How a SQLite file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Made if it is missing.
    Made,
    /// Others may write to it meanwhile.
    Shared,
    /// Nobody writes to it, and nothing is written beside it.
    Still,
}

impl StoreUrl {
    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Location::Sqlite(path) => Some(path),
            Location::Postgres { .. } => None,
        }
    }

    pub(crate) fn location(&self) -> &Location {
        &self.0
    }

    /// For the driver. A PostgreSQL database must be there.
    pub(crate) fn options(&self, access: Access) -> Result<AnyConnectOptions, StoreError> {
        match &self.0 {
            Location::Sqlite(path) => {
                let mode = match access {
                    Access::Made => "rwc",
                    Access::Shared => "rw",
                    Access::Still => "ro&immutable=1",
                };
                Ok(format!("sqlite://{}?mode={mode}", encoded(&resolved(path)?)?).parse()?)
            }
            Location::Postgres { url, .. } => Ok(url.parse()?),
        }
    }
}

impl From<&Path> for StoreUrl {
    fn from(path: &Path) -> Self {
        Self(Location::Sqlite(path.to_owned()))
    }
}

impl FromStr for StoreUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(StoreError::Url("it names no file".into())) } else { Ok(Self::from(Path::new(path))) };
        }
        match text.split_once("://") {
            Some(("postgres" | "postgresql", rest)) => postgres(text, rest),
            // only the scheme is repeated: the rest may hold a password
            Some((scheme, _)) => Err(StoreError::Url(format!("databases of kind \"{scheme}\" are not supported"))),
            None if text.is_empty() => Err(StoreError::Url("it is empty".into())),
            None => Ok(Self::from(Path::new(text))),
        }
    }
}

fn postgres(url: &str, rest: &str) -> Result<StoreUrl, StoreError> {
    let parameters = rest.split_once('?').map_or("", |(_, p)| p).split('&').filter(|p| !p.is_empty());
    for name in parameters.map(|p| p.split_once('=').map_or(p, |(name, _)| name)) {
        if !PARAMETERS.contains(&name) {
            return Err(StoreError::Url(format!("it has a parameter other than {}", PARAMETERS.join(", "))));
        }
    }
    let options =
        PgConnectOptions::from_str(url).map_err(|_| StoreError::Url("it is not of the form postgres://USER@HOST/DATABASE".into()))?;
    let database = options.get_database().ok_or_else(|| StoreError::Url("it names no database".into()))?;
    let remote = options.get_socket().is_none() && !is_this_machine(options.get_host());
    let mut url = url.to_owned();
    if remote && !asks_for_tls(rest) {
        // without the parameter the driver would take a server that offers none, or any that offers some
        url.push_str(if rest.contains('?') { "&sslmode=verify-full" } else { "?sslmode=verify-full" });
    }
    // asked of the URL as the driver will read it: what was added may have come to stand where it counts for nothing
    if remote && !PgConnectOptions::from_str(&url).is_ok_and(|options| matches!(options.get_ssl_mode(), PgSslMode::VerifyFull)) {
        let words = "a server on another machine is spoken to with TLS under its own name only: sslmode=verify-full, and sslrootcert=FILE for an authority of your own";
        return Err(StoreError::Url(words.into()));
    }
    let host = options.get_socket().map_or_else(|| options.get_host().to_owned(), |s| s.display().to_string());
    let shown = format!("postgres://{}@{host}:{}/{database}", options.get_username(), options.get_port());
    Ok(StoreUrl(Location::Postgres { url, shown }))
}

/// True if the URL says how.
fn asks_for_tls(rest: &str) -> bool {
    rest.split_once('?').is_some_and(|(_, parameters)| parameters.split('&').any(|p| p.starts_with("sslmode=")))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Location::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Location::Postgres { shown, .. } => f.write_str(shown),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

/// The one name of a file, so that two ways of writing it are the same lock.
pub(crate) fn resolved(path: &Path) -> Result<PathBuf, StoreError> {
    let resolve = || {
        if path.exists() {
            return path.canonicalize();
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let name = path.file_name().ok_or(std::io::ErrorKind::InvalidFilename)?;
        Ok(folder.canonicalize()?.join(name))
    };
    resolve().map_err(|e| StoreError::Database(sqlx::Error::Io(e)))
}

/// Percent-encodes a path, because the driver decodes it.
fn encoded(path: &Path) -> Result<String, StoreError> {
    let text = path.to_str().ok_or_else(|| StoreError::Url("the file's name is not UTF-8".into()))?;
    let byte = |b: u8| match b {
        b'/' | b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(b).to_string(),
        other => format!("%{other:02X}"),
    };
    Ok(text.bytes().map(byte).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<StoreUrl, StoreError> {
        text.parse()
    }

    #[test]
    fn three_ways_to_write_a_file() {
        for text in ["sqlite:a b/c.sqlite", "sqlite://a b/c.sqlite", "a b/c.sqlite"] {
            assert_eq!(url(text).unwrap().file(), Some(Path::new("a b/c.sqlite")));
        }
        assert_eq!(url("sqlite:///tmp/x").unwrap().to_string(), "sqlite:/tmp/x");
        assert!(url("").is_err() && url("sqlite:").is_err() && url("sqlite://").is_err());
    }

    #[test]
    fn passwords_are_never_shown() {
        for text in [
            "postgres://ann:hunter2@db.example:5433/chain",
            "postgresql://ann@db.example:5433/chain?password=hunter2",
            "postgres://db.example/chain?user=ann&port=5433&password=hunter2",
        ] {
            let url = url(text).unwrap();
            assert_eq!(url.to_string(), "postgres://ann@db.example:5433/chain");
            assert_eq!(format!("{url:?}"), "StoreUrl(postgres://ann@db.example:5433/chain)");
        }
        for text in [
            "postgre://ann:hunter2@db/chain",
            "postgres://ann:hunter2@db",
            "postgres://ann:hunter2@db:port/chain",
            "postgres://ann@db/chain?pasword=hunter2",
            "postgres://ann@db/chain?hunter2",
            "mysql://ann:hunter2@db/chain",
        ] {
            let error = url(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}: {error}");
        }
    }

    /// Who sits on the wire to a server could choose the chain.
    #[test]
    fn a_server_elsewhere_is_spoken_to_with_tls_or_not_at_all() {
        for (text, ends) in [
            ("postgres://ann@db.example/chain", "?sslmode=verify-full"),
            ("postgres://ann@db.example/chain?application_name=x", "&sslmode=verify-full"),
            ("postgres://ann@db.example/chain?sslmode=verify-full&sslrootcert=ca.pem", "ca.pem"),
            ("postgres://ann@127.0.0.1.example/chain", "?sslmode=verify-full"),
            ("postgres://ann@10.0.0.7/chain", "?sslmode=verify-full"),
            ("postgres://ann@localhost/chain", "/chain"),
            ("postgres://ann@127.0.0.1/chain?sslmode=disable", "disable"),
            ("postgres://ann@[::1]/chain", "/chain"),
            ("postgres://ann@ignored/chain?host=/run/postgresql", "/run/postgresql"),
        ] {
            let found = url(text).unwrap();
            let Location::Postgres { url, .. } = found.location() else { panic!("{text}") };
            assert!(url.ends_with(ends), "{url}");
        }
        for mode in ["disable", "allow", "prefer", "require", "verify-ca"] {
            let error = url(&format!("postgres://ann@db.example/chain?sslmode={mode}")).unwrap_err().to_string();
            assert!(error.contains("sslmode=verify-full"), "{error}");
        }
        // behind a fragment nothing is a parameter
        assert!(url("postgres://ann@db.example/chain#x").is_err());
        // another host in a parameter than in the place of the host
        assert!(url("postgres://ann@localhost/chain?host=db.example&sslmode=disable").is_err());
    }

    #[test]
    fn odd_names_of_files_reach_the_driver_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("100% sure? #1 ü.sqlite");
        let options = StoreUrl::from(path.as_path()).options(Access::Made).unwrap();
        let back = sqlx::sqlite::SqliteConnectOptions::from_str(options.database_url.as_str()).unwrap();
        assert_eq!(back.get_filename(), resolved(&path).unwrap());
    }
}
