//! An ethics board approves a study.

use crate::StudyError;
use async_recursion::async_recursion as boxed;
use countersign_member::{Connection, Member};
use countersign_messages::{Height, Payload, SealingKey, SealingParty, StudyApprove, StudyId};

/// Approves a study for an ethics board.
///
/// # Errors
/// The ledger refuses it, or its answers would be sealed to another key than the board's own.
#[boxed]
pub async fn approve(connection: &mut Connection, board: &Member, study: StudyId) -> Result<Height, StudyError> {
    let record = connection.state().study(&study).ok_or(StudyError::Unknown("study"))?;
    // the ledger sees that it is sealed to the key it lists for the board; whether that is the key at hand only the board can tell
    let own = SealingKey { party: SealingParty::Board, member: board.id(), key: board.sealing().public() };
    if !record.submitted.sealing.contains(&own) {
        return Err(StudyError::NotSealedToBoard(record.number));
    }
    Ok(connection.accepted(board, Payload::StudyApprove(StudyApprove { study })).await?.0)
}
