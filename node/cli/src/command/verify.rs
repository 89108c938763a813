//! `countersign verify`: an exported answer, from a file or from a gateway that is not trusted. `countersign-audit` is the same alone.

use super::Session;
use crate::failure::Failure;
use async_recursion::async_recursion as boxed;
use countersign_audit::arguments::AnswerArguments;

/// Runs it.
///
/// # Errors
/// The file is unreadable, or something in it does not verify.
#[boxed]
pub async fn run(session: &Session, arguments: &AnswerArguments) -> Result<(), Failure> {
    let keys = session.keys.verifying()?;
    let working = session.screen.working("verifying headers, paths and proofs");
    let finding = arguments.finding(keys).await?;
    drop(working);
    session.screen.found(&finding);
    Ok(())
}
