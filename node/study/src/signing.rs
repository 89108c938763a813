//! Persons of an ethics board sign what it decides.

use crate::StudyError;
use async_recursion::async_recursion as boxed;
use countersign_circuits::consent::Day;
use countersign_ledger::{Effect, State, WaitingStatement};
use countersign_member::{Connection, Member, PersonSecret};
use countersign_messages::{
    Act, BoardStatement, Conditions, Height, MemberId, Payload, Person, SealingKey, SealingParty, Signing, StudyDecision, StudyId,
};

/// What became of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// It stands on the ledger and waits for a second.
    Waits(Height),
    /// What was signed is so.
    Done(Height),
}

/// What a board would say about a study as it stands, to be signed by its persons.
///
/// # Errors
/// There is no such study; or an approval by a board that could not open the study's answers with its own key.
pub fn decision(state: &State, board: &Member, study: StudyId, act: Act, reason: &str) -> Result<BoardStatement, StudyError> {
    let record = state.study(&study).ok_or(StudyError::Unknown("study"))?;
    // the ledger sees that it is sealed to the key it lists for the board; whether that is the key at hand only the board can tell
    let own = SealingKey { party: SealingParty::Board, member: board.id(), key: board.sealing().public() };
    if matches!(act, Act::Approve(_)) && !record.submitted.sealing.contains(&own) {
        return Err(StudyError::NotSealedToBoard(record.number));
    }
    let (number, version) = (record.decisions_of(&board.id()), record.version_digest());
    Ok(BoardStatement::Study(StudyDecision { study, number, version, act, reason: reason.to_owned() }))
}

/// What a board would say to admit or change a person.
pub fn admission(state: &State, person: Person) -> BoardStatement {
    BoardStatement::Admit { number: state.person(&person.key).map_or(0, |record| record.number()), person }
}

/// Statements of a board about a study that wait for a second signature, those that could still be taken.
pub fn waiting(state: &State, board: &MemberId, study: &StudyId) -> Vec<WaitingStatement> {
    let about = |waiting: &&WaitingStatement| waiting.statement.study() == Some(study);
    let today = state.tip().time.day();
    state.waiting_statements(board).filter(|waiting| waiting.until() >= today).filter(about).cloned().collect()
}

/// Signs a statement with a person's key, and sends it for their board.
///
/// # Errors
/// The key is of another board's person, or the ledger refuses.
#[boxed]
pub async fn sign(
    connection: &mut Connection,
    board: &Member,
    person: &PersonSecret,
    statement: BoardStatement,
) -> Result<Signed, StudyError> {
    if person.board != board.id() {
        return Err(StudyError::OtherBoard);
    }
    let (network, day) = (connection.state().network(), connection.state().tip().time.day());
    send(connection, board, person.sign(&network, day, statement)).await
}

/// Sends what a person has signed elsewhere for their board.
///
/// # Errors
/// The ledger refuses.
#[boxed]
pub async fn send(connection: &mut Connection, board: &Member, signing: Signing) -> Result<Signed, StudyError> {
    let (height, result) = connection.accepted(board, Payload::Sign(signing)).await?;
    Ok(match result.effect() {
        Some(Effect::Signed(_)) => Signed::Waits(height),
        _ => Signed::Done(height),
    })
}

/// Conditions in words, one a line, with hospitals by name; none if an approval has none.
pub fn conditions_in_words(name: &dyn Fn(&MemberId) -> String, conditions: &Conditions) -> Vec<String> {
    let day = |words: &str, day: Option<Day>| day.map(|day| format!("{words} {day}"));
    let sites = conditions.sites.iter().map(name).collect::<Vec<_>>().join(", ");
    let all = [
        day("nothing is asked before", conditions.not_before),
        day("nothing is asked or answered after", conditions.until),
        conditions.k_min.map(|k_min| format!("at least {k_min} people behind a released number")),
        (!sites.is_empty()).then(|| format!("only these hospitals take part: {sites}")),
        (!conditions.words.is_empty()).then(|| conditions.words.clone()),
    ];
    all.into_iter().flatten().collect()
}
