//! What can go wrong with the store.

use crate::{codes::CodesError, slots::SlotError};
use std::path::PathBuf;

/// An operation that changed nothing. No message names a patient or a value.
#[derive(Debug, thiserror::Error)]
pub enum HospitalStoreError {
    /// The file can be read by others.
    #[error("{} can be read by other users of this machine; make it private (chmod 600) and start again", .0.display())]
    Permissions(PathBuf),
    /// The file could not be made or examined.
    #[error("cannot open {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite refused; "database is locked" means that another process of this hospital runs.
    #[error("the hospital's database refused an operation")]
    Database(#[from] sqlx::Error),
    /// The file was written by another version of the program.
    #[error("the hospital's database does not fit this version of the program")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored value is not what this program stores: the file is damaged or was edited.
    #[error("the hospital's database is damaged ({0}); restore the latest backup")]
    Damaged(&'static str),
    /// The register cannot give out slots.
    #[error(transparent)]
    Slots(#[from] SlotError),
    /// Rows or consents do not fit their layout.
    #[error(transparent)]
    Codes(#[from] CodesError),
    /// A call out of order: the journal is not at the step it reports. Ask for the next step.
    #[error("the journal is not at that step: {0}")]
    OutOfOrder(&'static str),
    /// Another anchor is running.
    #[error("another table is being anchored; finish or abandon that first")]
    AnchorRunning,
    /// The same patient twice in one import.
    #[error("record {line} of the import names a patient who already has a row in it")]
    RepeatedPatient {
        /// Position in the import, from 1.
        line: usize,
    },
    /// A gate about to be released overlaps a cell of an answer stored in the meantime.
    #[error("another answer was stored since this one was judged, and together they would speak of too few people; judge and prove again")]
    Overlap,
    /// The operation is not in the journal.
    #[error("the journal knows no such {0}")]
    Unknown(&'static str),
}

/// SQLite's SQLITE_BUSY and SQLITE_LOCKED, with any extension (https://sqlite.org/rescode.html).
const IN_USE: [u32; 2] = [5, 6];

impl HospitalStoreError {
    /// True if another process has the file open.
    pub fn is_in_use(&self) -> bool {
        let code = |error: &sqlx::Error| error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<u32>().ok());
        let in_use = |error: &sqlx::Error| code(error).is_some_and(|code| IN_USE.contains(&(code & 0xff)));
        match self {
            Self::Database(error) | Self::Migration(sqlx::migrate::MigrateError::Execute(error)) => in_use(error),
            _ => false,
        }
    }
}
