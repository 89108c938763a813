//! `countersign verify FILE`: an exported answer, offline.

use super::Session;
use crate::{circuit_keys::DEVELOPMENT_NOTICE, failure::Failure};
use anyhow::Context;
use clap::Args;
use countersign_ledger::{KeyedChecker, Wire, light::AnswerExport};
use serde_json::json;
use std::path::PathBuf;

/// What a verification never says (docs/protocol/not-proved.md).
pub const NOT_CHECKED: &str = "not checked: that source data are true, that every patient was anchored, that a consent was really given";

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// A file written by `query --export`
    pub file: PathBuf,
}

/// Runs it.
///
/// # Errors
/// The file is unreadable, or something in it does not verify.
pub fn run(session: &Session, arguments: &VerifyArguments) -> Result<(), Failure> {
    let bytes = std::fs::read(&arguments.file).with_context(|| format!("cannot read {}", arguments.file.display()))?;
    let export = AnswerExport::decode(&bytes)
        .map_err(|e| Failure::NotVerified(format!("{} is not an exported answer: {e}", arguments.file.display())))?;
    let keys = session.keys.verifying()?;
    let development = keys.development();
    let working = session.screen.working("verifying headers, paths and proofs");
    let finding = export.check(&KeyedChecker::new(keys)).map_err(|e| Failure::NotVerified(e.to_string()))?;
    drop(working);
    let answer = &finding.answer;
    let text = || {
        let mut lines = vec![
            format!("verified on this machine: answer of block {} by hospital {}", answer.height.0, answer.hospital),
            format!("consent state and withdrawals up to block {}, rule k_min {}", answer.named.0, answer.k_min),
            format!(
                "gates: {} released, {} small, {} withheld",
                answer.counts.released,
                answer.counts.small,
                answer.counts.withheld.iter().sum::<u32>()
            ),
            format!("headers end in block {}: compare with what a member you trust says", finding.block),
            NOT_CHECKED.to_owned(),
        ];
        if development {
            lines.push(DEVELOPMENT_NOTICE.to_owned());
        }
        lines.join("\n")
    };
    let value = || {
        json!({ "verified": true, "block": answer.height.0, "hospital": answer.hospital.to_string(), "named": answer.named.0, "k_min": answer.k_min,
            "gates": { "released": answer.counts.released, "small": answer.counts.small, "withheld": answer.counts.withheld },
            "tip": finding.block.to_string(), "development_keys": development, "not_checked": NOT_CHECKED })
    };
    session.screen.result(text, value);
    Ok(())
}
