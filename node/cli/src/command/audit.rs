//! `countersign audit`: a whole chain from genesis, trusting nothing that is stored or sent. `countersign-audit` is the same alone.

use super::Session;
use crate::failure::Failure;
use async_recursion::async_recursion as boxed;
use countersign_audit::arguments::ChainArguments;
use countersign_store::AuditReport;

/// Runs it.
///
/// # Errors
/// Something does not verify.
#[boxed]
pub async fn run(session: &Session, arguments: &ChainArguments) -> Result<(), Failure> {
    let keys = session.keys.verifying()?;
    let working = session.screen.working("auditing");
    let progress = |r: &AuditReport| working.now(format!("auditing, block {}, {} answers", r.tip.height.0, r.answers));
    let finding = arguments.finding(keys, progress).await?;
    drop(working);
    session.screen.found(&finding);
    Ok(())
}
