//! Who signs for the ethics boards of the network under test, and what they sign.

use crate::{Net, START, Who, digest, genesis, id, member};
use countersign_circuits::consent::Day;
use countersign_ledger::State;
use countersign_messages::{
    Act, BoardStatement, Conditions, Genesis, MemberId, Office, Payload, Person, PersonKey, Role, Signing, StudyDecision, StudyId, limits,
};
use ed25519_dalek::SigningKey;

/// The key of a board's person.
pub fn person_key(board: Who, office: Office) -> SigningKey {
    SigningKey::from_bytes(&[100 + 4 * board as u8 + office as u8; 32])
}

/// A board's person, to be admitted.
pub fn person(board: Who, office: Office) -> Person {
    let key = person_key(board, office);
    let (until, possession) = (Day(START.day().0 + limits::PERSON_DAYS_MAX), PersonKey::prove_possession(&key, &id(board)));
    Person { key: PersonKey::from(&key.verifying_key()), office, until, name: digest("a name"), possession }
}

/// One person of each office of these boards, as a genesis lists them.
pub fn persons(boards: &[Who]) -> Vec<(MemberId, Person)> {
    let mut all: Vec<_> = boards.iter().flat_map(|board| Office::ALL.map(|office| (id(*board), person(*board, office)))).collect();
    all.sort_by_key(|(_, person)| person.key);
    all
}

/// The network with more ethics boards, each with its persons.
pub fn with_boards(others: &[(Who, &str)]) -> Genesis {
    let mut genesis = genesis();
    genesis.members.extend(others.iter().map(|(who, name)| member(*who, name, &[Role::Board])));
    genesis.members.sort_by_key(|m| m.id);
    let all: Vec<Who> = [Who::Board].into_iter().chain(others.iter().map(|(who, _)| *who)).collect();
    genesis.persons = persons(&all);
    genesis
}

/// An approval without conditions.
pub fn approval() -> Act {
    Act::Approve(Conditions::default())
}

/// What a person of a board signs on the day of a state's last block.
pub fn sign_statement(state: &State, board: Who, office: Office, statement: BoardStatement) -> Payload {
    let key = person_key(board, office);
    Payload::Sign(Signing::sign(&key, &state.network(), &id(board), state.tip().time.day(), statement))
}

/// A decision of a board about a study as it stands in a state; about one that is unknown, with numbers of nothing.
pub fn decision_on(state: &State, board: Who, study: StudyId, act: Act) -> BoardStatement {
    let record = state.study(&study);
    let (number, version) = record.map(|r| (r.decisions_of(&id(board)), r.version_digest())).unwrap_or_default();
    let reason = format!("{act} for a reason");
    BoardStatement::Study(StudyDecision { study, number, version, act, reason })
}

impl Net {
    /// What a person of a board signs today.
    pub fn signing(&self, board: Who, office: Office, statement: BoardStatement) -> Payload {
        sign_statement(&self.state, board, office, statement)
    }

    /// A decision of a board about a study as it stands, to be signed.
    pub fn decision(&self, board: Who, study: StudyId, act: Act) -> BoardStatement {
        decision_on(&self.state, board, study, act)
    }

    /// What the chair of a board signs to approve a study.
    pub fn approves(&self, board: Who, study: StudyId) -> Payload {
        self.signing(board, Office::Chair, self.decision(board, study, approval()))
    }

    /// Chair and secretary of a board decide about a study: both are accepted, the second decides.
    pub fn decide(&mut self, board: Who, study: StudyId, act: Act) {
        let statement = self.decision(board, study, act.clone());
        let first = self.signing(board, Office::Chair, statement.clone());
        let second = self.signing(board, Office::Secretary, statement);
        let both = [(board, first), (board, second)];
        // the first suspends alone
        let results = self.block(both[..if act == Act::Suspend { 1 } else { 2 }].to_vec());
        assert!(results.iter().all(|result| result.effect().is_some()), "{results:?}");
    }
}
