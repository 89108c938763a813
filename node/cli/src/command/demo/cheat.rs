//! The cheating hospital of the demo: it drops rows it does not like, and proves the rest with all of its skill.
//!
//! The proof it makes is a proof: of a table over other rows than the anchored ones. The opening ties the rows to the commitments, and that is
//! where it fails. Nothing else in the program uses this.

use crate::{failure::Failure, keyed_connection::KeyedConnection};
use countersign_hospital::{Answering, Hospital};
use countersign_ledger::Verdict;
use countersign_messages::{Payload, QueryId};

/// Answers a query from a table in which one row in seven was emptied.
///
/// # Errors
/// The answer could not even be made.
pub(super) async fn answer_dropping_rows(hospital: &Hospital, network: &mut KeyedConnection, query: QueryId) -> Result<Answering, Failure> {
    let answer = hospital.forged_answer(network, query, |slot| slot % 7 == 0).await?;
    let transaction = network.sign(&hospital.member, Payload::Answer(answer));
    let (_, result) = network.submit(transaction).await?;
    Ok(match result.verdict {
        Verdict::Accepted(_) => Answering::Accepted,
        Verdict::Rejected { code, detail } => Answering::Rejected(format!("{code}: {detail}")),
    })
}
