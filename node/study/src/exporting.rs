//! Accepted answers as files, with what verifies each.

use crate::StudyError;
use async_recursion::async_recursion as boxed;
use countersign_ledger::PairStatus;
use countersign_member::Connection;
use countersign_messages::{QueryId, Wire};
use std::path::{Path, PathBuf};

/// Makes the folder for exported answers and tries whether it can be written to: before anything is asked.
///
/// # Errors
/// It cannot.
pub fn writable(folder: &Path) -> Result<(), StudyError> {
    let tried = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder).map(drop));
    tried.map_err(|source| StudyError::Export { folder: folder.to_owned(), source })
}

/// Writes one file an accepted answer, `q7-HOSPITAL.answer`; gives their paths, by name.
///
/// # Errors
/// They cannot be written.
#[boxed]
pub async fn export(connection: &Connection, query: QueryId, folder: &Path) -> Result<Vec<PathBuf>, StudyError> {
    writable(folder)?;
    let state = connection.state();
    let record = state.query(&query).ok_or(StudyError::Unknown("query"))?;
    let mut files = Vec::new();
    for site in &record.hospitals {
        if state.pair(&query, site).is_some_and(|p| matches!(p.status, PairStatus::Answered(_))) {
            let bytes = connection.store().export_answer(state, &query, site).await?.encode();
            let path = folder.join(format!("q{}-{}.answer", record.number, connection.member_name(site)));
            std::fs::write(&path, bytes).map_err(|source| StudyError::Export { folder: folder.to_owned(), source })?;
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
