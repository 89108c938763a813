//! Every test runs on both databases: a fresh SQLite file, and a fresh database of a private PostgreSQL server.

mod server;

use countersign_harness::*;
use countersign_messages::*;
use countersign_store::{ChainStore, StoreUrl};
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Row, any::AnyConnectOptions};
use std::path::PathBuf;

/// Makes a test for each database of functions that take a [`TestDatabase`].
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::databases::TestDatabase::sqlite()).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $test() {
                if let Some(place) = crate::databases::TestDatabase::postgres().await {
                    super::$test(place).await;
                }
            })+
        }
    };
}
pub(crate) use on_both;

/// A fresh place for a chain, and a folder that goes with the test.
#[derive(Debug)]
pub struct TestDatabase {
    /// The place as it is written.
    pub text: String,
    /// A folder for other files.
    pub folder: tempfile::TempDir,
}

impl TestDatabase {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { text: format!("sqlite:{}", folder.path().join("chain.sqlite").display()), folder }
    }

    /// `None`, with a message, where no server can be started.
    pub async fn postgres() -> Option<Self> {
        match server::fresh_database().await {
            Ok(text) => Some(Self { text, folder: tempfile::tempdir().unwrap() }),
            Err(reason) => {
                let mut shown = std::io::stderr();
                std::io::Write::write_all(&mut shown, format!("skipped on PostgreSQL: {reason}\n").as_bytes()).unwrap();
                None
            }
        }
    }

    /// Another place in a database of the same kind.
    pub async fn another(&self) -> Self {
        if self.is_sqlite() { Self::sqlite() } else { Self::postgres().await.unwrap() }
    }

    pub fn is_sqlite(&self) -> bool {
        self.text.starts_with("sqlite:")
    }

    pub fn url(&self) -> StoreUrl {
        self.text.parse().unwrap()
    }

    pub fn file(&self) -> PathBuf {
        self.url().file().unwrap().to_owned()
    }

    /// A connection of its own, for what the store would never do.
    pub async fn connect(&self) -> AnyConnection {
        sqlx::any::install_default_drivers();
        let text = self.text.replace("sqlite:", "sqlite://");
        let options: AnyConnectOptions = if self.is_sqlite() { format!("{text}?mode=rwc").parse() } else { text.parse() }.unwrap();
        options.connect().await.unwrap()
    }

    pub async fn run(&self, statement: &str) {
        let done = sqlx::query(AssertSqlSafe(statement)).execute(&mut self.connect().await).await.unwrap();
        assert!(done.rows_affected() > 0, "{statement}");
    }

    pub async fn count(&self, table: &str) -> i64 {
        let statement = format!("SELECT COUNT(*) AS n FROM {table}");
        sqlx::query(AssertSqlSafe(statement)).fetch_one(&mut self.connect().await).await.unwrap().try_get("n").unwrap()
    }

    /// Bytes as a literal.
    pub fn bytes(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        if self.is_sqlite() { format!("x'{hex}'") } else { format!("'\\x{hex}'::bytea") }
    }

    /// From here on nothing can be written to a table: as with a full disk, SQLite rolls the transaction back by itself.
    pub async fn refuse_writes(&self, table: &str) {
        let statement = if self.is_sqlite() {
            format!("CREATE TRIGGER full_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END")
        } else {
            format!("ALTER TABLE {table} ADD CONSTRAINT full_{table} CHECK (height < 0) NOT VALID")
        };
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut self.connect().await).await.unwrap();
    }

    /// There is room again.
    pub async fn accept_writes(&self, table: &str) {
        let statement = if self.is_sqlite() {
            format!("DROP TRIGGER full_{table}")
        } else {
            format!("ALTER TABLE {table} DROP CONSTRAINT full_{table}")
        };
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut self.connect().await).await.unwrap();
    }

    /// Changes bytes of one row behind the store's back.
    pub async fn tamper(&self, table: &str, column: &str, at: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut connection = self.connect().await;
        let read = format!("SELECT {column} AS bytes FROM {table} WHERE {at}");
        let row = sqlx::query(AssertSqlSafe(read)).fetch_one(&mut connection).await.unwrap();
        let mut bytes: Vec<u8> = row.try_get("bytes").unwrap();
        let before = bytes.clone();
        change(&mut bytes);
        assert_ne!(bytes, before, "nothing was changed");
        let write = format!("UPDATE {table} SET {column} = $1 WHERE {at}");
        let done = sqlx::query(AssertSqlSafe(write)).bind(bytes).execute(&mut connection).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
    }
}

/// The certificate of the network's only validator.
pub fn certified(block: &Block) -> Certificate {
    Certificate::sign_alone(&key(Validator), &block.header)
}

/// A short chain with one of everything.
pub fn short_chain(genesis: Genesis) -> (Net, QueryId) {
    let mut net = Net::new(genesis);
    let study = net.open();
    let query = net.ask(study);
    net.accept(HospitalA, withdraw(&[3, 2_050], Cause::Word));
    let (bad, answer) = (net.bad_answer(query), net.answer_now(HospitalA, query));
    net.block(vec![(HospitalA, bad), (HospitalA, answer), (HospitalB, refusal(query, 30))]);
    (net, query)
}

/// A chain of the harness, written block by block through the store.
pub async fn stored(place: &TestDatabase) -> (Net, QueryId, ChainStore) {
    let (net, query) = short_chain(genesis());
    let store = ChainStore::create(&place.url(), &genesis()).await.unwrap();
    for (block, results) in &net.blocks {
        store.append(block, results, &certified(block)).await.unwrap();
    }
    (net, query, store)
}
