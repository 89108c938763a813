//! A whole chain from genesis, trusting nothing that is stored or sent.

use crate::{AuditError, NOT_CHECKED, gateway};
use countersign_ledger::KeyedChecker;
use countersign_member::{DEVELOPMENT_NOTICE, gateway::GatewayClient};
use countersign_store::{AuditReport, Auditor, ChainStore, StoreUrl, archive};
use countersign_verifier::VerifyingKeys;
use serde::Serialize;
use std::{
    fmt,
    fs::File,
    io::{BufReader, BufWriter, Read},
    path::{Path, PathBuf},
};

/// How every SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// A chain of which everything verifies.
#[derive(Debug, Clone, Serialize)]
pub struct ChainFinding {
    /// Always true.
    pub verified: bool,
    /// Blocks, so the height of the last.
    pub blocks: u64,
    /// The last block's id: compare it with what a member you trust says.
    pub tip: String,
    /// Validators' signatures verified: a quorum or more a block.
    pub signatures: u64,
    /// Transactions accepted.
    pub accepted: u64,
    /// Transactions rejected, with the reason on record.
    pub rejected: u64,
    /// Segments whose proof of validity was verified again.
    pub segments: u64,
    /// Answers whose proof was verified again.
    pub answers: u64,
    /// Sealed answers whose digest was computed again.
    pub sealed: u64,
    /// What this never says.
    pub not_checked: &'static str,
    /// Whether these are development keys: whoever made them could forge every proof of it.
    pub development_keys: bool,
}

impl ChainFinding {
    fn new(report: &AuditReport, development: bool) -> Self {
        Self {
            verified: true,
            blocks: report.tip.height.0,
            tip: report.tip.block.to_string(),
            signatures: report.signatures,
            accepted: report.accepted,
            rejected: report.rejected,
            segments: report.segments,
            answers: report.answers,
            sealed: report.blobs,
            not_checked: NOT_CHECKED,
            development_keys: development,
        }
    }
}

impl fmt::Display for ChainFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blocks, signatures, accepted, rejected, segments, answers, tip, .. } = self;
        writeln!(
            f,
            "{blocks} blocks decided by {signatures} signatures, {accepted} transactions accepted, {rejected} rejected with their reasons, {segments} \
             segments and {answers} answers: all verified"
        )?;
        write!(f, "last block {tip}: compare with what a member you trust says\n{NOT_CHECKED}")?;
        if self.development_keys { write!(f, "\n{DEVELOPMENT_NOTICE}") } else { Ok(()) }
    }
}

/// Audits a chain file, alone or in its folder, or an archive. `progress` hears of every block.
///
/// # Errors
/// The first thing that is wrong, or what keeps it from being read.
pub async fn at(path: &Path, keys: VerifyingKeys, progress: impl FnMut(&AuditReport)) -> Result<ChainFinding, AuditError> {
    let development = keys.development();
    let checker = KeyedChecker::new(keys);
    let file = chain_file(path);
    let start = start_of(&file)?;
    let report = if start.starts_with(archive::NAME) {
        let input = File::open(&file).map_err(|source| AuditError::Read { path: file.clone(), source })?;
        Auditor::archive(BufReader::new(input), &checker, progress)?.report().clone()
    } else if start.starts_with(SQLITE) {
        let store = ChainStore::read(&StoreUrl::from(file.as_path())).await?;
        let report = Auditor::store(&store, &checker, progress).await?.report().clone();
        store.close().await;
        report
    } else {
        return Err(AuditError::NotVerified(format!("{} is neither a chain file nor an archive of a chain", file.display())));
    };
    Ok(ChainFinding::new(&report, development))
}

/// Audits a gateway's chain up to the block that is its last when the audit starts. Without a genesis of one's own the gateway's is taken, and is for the
/// auditor to compare.
///
/// # Errors
/// The first thing that is wrong, or what the gateway does not send.
pub async fn from_gateway(
    url: &str,
    genesis: Option<&Path>,
    keys: VerifyingKeys,
    progress: impl FnMut(&AuditReport),
) -> Result<ChainFinding, AuditError> {
    let development = keys.development();
    let genesis =
        genesis.map(|path| std::fs::read(path).map_err(|source| AuditError::Read { path: path.to_owned(), source })).transpose()?;
    let report = gateway::audit(&GatewayClient::new(url)?, genesis, &KeyedChecker::new(keys), progress).await?;
    Ok(ChainFinding::new(&report, development))
}

/// Writes a whole chain to one archive file, which must not be there yet.
///
/// # Errors
/// The chain cannot be read, or the file not written.
pub async fn write_archive(path: &Path, out: &Path) -> Result<(), AuditError> {
    let store = ChainStore::read(&StoreUrl::from(chain_file(path).as_path())).await?;
    let file = File::create_new(out).map_err(|source| AuditError::Write { path: out.to_owned(), source })?;
    archive::export(&store, archive::Blobs::Include, &mut BufWriter::new(file)).await?;
    store.close().await;
    Ok(())
}

fn chain_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("chain.sqlite") } else { path.to_owned() }
}

/// The first bytes of a file.
fn start_of(file: &Path) -> Result<Vec<u8>, AuditError> {
    let mut start = Vec::new();
    let length = SQLITE.len().max(archive::NAME.len()) as u64;
    let read = File::open(file).and_then(|head| head.take(length).read_to_end(&mut start));
    read.map_err(|source| AuditError::Read { path: file.to_owned(), source })?;
    Ok(start)
}
