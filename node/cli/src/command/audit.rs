//! `countersign audit`: a whole chain from genesis, trusting nothing that is stored or sent.

mod remote;

use super::{Session, verify::NOT_CHECKED};
use crate::{circuit_keys::DEVELOPMENT_NOTICE, failure::Failure};
use anyhow::Context;
use clap::Args;
use countersign_ledger::{KeyedChecker, ProofChecker};
use countersign_store::{AuditReport, Auditor, ChainStore, StoreError, StoreUrl, archive};
use serde_json::{Value, json};
use std::{
    io::Read,
    path::{Path, PathBuf},
};

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub struct AuditArguments {
    /// A data folder, a member's folder, a chain file, or an archive
    #[arg(required_unless_present = "url", conflicts_with = "url")]
    pub path: Option<PathBuf>,
    /// URL of a gateway to fetch the chain from; it is not trusted
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// With --url: the genesis file the network started from; without it, the gateway's is taken and is for you to compare
    #[arg(long, value_name = "FILE", requires = "url")]
    pub genesis: Option<PathBuf>,
    /// Write the whole chain to one archive file after the audit
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub archive: Option<PathBuf>,
}

/// How every SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// What is wrong with a chain is a failed verification. A place that cannot be read, or keys that are not at hand here, say nothing about it.
pub(super) fn judged(error: StoreError) -> Failure {
    if error.is_about_content() { Failure::NotVerified(error.to_string()) } else { Failure::Unreadable(error.to_string()) }
}

/// Audits a chain file with its own fresh checker: every block, certificate, rule and proof again.
///
/// # Errors
/// The first thing that is wrong.
pub async fn chain(path: &Path, checker: &dyn ProofChecker, progress: impl FnMut(&AuditReport)) -> Result<AuditReport, Failure> {
    let store = ChainStore::read(&StoreUrl::from(path)).await.map_err(judged)?;
    let report = Auditor::store(&store, checker, progress).await.map_err(judged)?.report().clone();
    store.close().await;
    Ok(report)
}

/// The report as JSON.
pub fn to_json(report: &AuditReport) -> Value {
    json!({ "verified": true, "blocks": report.tip.height.0, "tip": report.tip.block.to_string(), "signatures": report.signatures, "accepted": report.accepted, "rejected": report.rejected,
        "segments": report.segments, "answers": report.answers, "sealed": report.blobs, "not_checked": NOT_CHECKED })
}

/// The report in words.
pub fn to_text(report: &AuditReport) -> String {
    format!(
        "{} blocks decided by {} signatures, {} transactions accepted, {} rejected with their reasons, {} segments and {} answers: all verified\nlast block {}: \
         compare with what a member you trust says\n{NOT_CHECKED}",
        report.tip.height.0, report.signatures, report.accepted, report.rejected, report.segments, report.answers, report.tip.block
    )
}

/// Runs it.
///
/// # Errors
/// Something does not verify.
pub async fn run(session: &Session, arguments: &AuditArguments) -> Result<(), Failure> {
    let keys = session.keys.verifying()?;
    let development = keys.development();
    let checker = KeyedChecker::new(keys);
    let working = session.screen.working("auditing");
    let progress = |r: &AuditReport| working.now(format!("auditing, block {}, {} answers", r.tip.height.0, r.answers));
    let report = match (&arguments.path, &arguments.url) {
        (Some(path), _) => files(path, arguments.archive.as_deref(), &checker, progress).await?,
        (None, Some(url)) => remote::chain(url, arguments.genesis.as_deref(), &checker, progress).await?,
        (None, None) => return Err(Failure::Refused("name a file or folder, or a gateway with --url".into())),
    };
    drop(working);
    session.screen.result(
        || if development { format!("{}\n{DEVELOPMENT_NOTICE}", to_text(&report)) } else { to_text(&report) },
        || {
            let mut value = to_json(&report);
            if let Some(object) = value.as_object_mut() {
                object.insert("development_keys".into(), json!(development));
            }
            value
        },
    );
    Ok(())
}

/// Audits a chain file, alone or in its folder, or an archive.
async fn files(
    path: &Path,
    archive_to: Option<&Path>,
    checker: &dyn ProofChecker,
    progress: impl FnMut(&AuditReport),
) -> Result<AuditReport, Failure> {
    let file = if path.is_dir() { path.join("chain.sqlite") } else { path.to_owned() };
    let head = std::fs::File::open(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut start = Vec::new();
    head.take(SQLITE.len().max(archive::NAME.len()) as u64)
        .read_to_end(&mut start)
        .with_context(|| format!("cannot read {}", file.display()))?;
    if start.starts_with(archive::NAME) {
        let input = std::io::BufReader::new(std::fs::File::open(&file)?);
        return Ok(Auditor::archive(input, checker, progress).map_err(judged)?.report().clone());
    }
    if !start.starts_with(SQLITE) {
        return Err(Failure::NotVerified(format!("{} is neither a chain file nor an archive of a chain", file.display())));
    }
    let report = chain(&file, checker, progress).await?;
    if let Some(out) = archive_to {
        let store = ChainStore::read(&StoreUrl::from(file.as_path())).await?;
        let mut writer =
            std::io::BufWriter::new(std::fs::File::create_new(out).with_context(|| format!("cannot write {}", out.display()))?);
        archive::export(&store, archive::Blobs::Include, &mut writer).await?;
        store.close().await;
    }
    Ok(report)
}
