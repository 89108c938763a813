//! What a person signs on a machine of their own, where no chain is: everything they read is in the request, and what they sign names it.
//!
//! A board's node is run by somebody. If the keys of its persons lay there, that somebody would be two people.

use crate::{StudyError, conditions_in_words};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{consent::Day, hash::Digest32};
use countersign_ledger::State;
use countersign_member::PersonSecret;
use countersign_messages::{
    Act, BoardStatement, DecodeError, MemberId, Name, NetworkId, Signing, StudyDecision, StudySubmit, Wire,
    codec::bound,
    limits::{MEMBERS_MAX, TRANSACTION_BYTES_MAX},
    study_version,
};

/// Days by which a request's may differ from the machine's that signs it.
const REQUEST_DAYS: u32 = 2;

/// The study a statement is about, whole.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Version {
    submitter: MemberId,
    version: u32,
    registry: Digest32,
    submitted: StudySubmit,
}

/// A statement to be signed by a person of a board, with what it is about.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SigningRequest {
    network: NetworkId,
    board: MemberId,
    day: Day,
    statement: BoardStatement,
    study: Option<Version>,
    /// What the board's node calls those it names. No signature covers it.
    names: Vec<(MemberId, Name)>,
}

impl Wire for SigningRequest {
    const WHAT: &'static str = "request for a signature";
    const BYTES_MAX: usize = 2 * TRANSACTION_BYTES_MAX;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        self.statement.check_bounds()?;
        bound(Self::WHAT, "names", self.names.len(), MEMBERS_MAX)?;
        self.study.as_ref().map_or(Ok(()), |study| study.submitted.check_bounds())
    }
}

impl SigningRequest {
    /// A request of a board, for the day of the last block.
    pub fn new(state: &State, board: MemberId, statement: BoardStatement) -> Self {
        let study = match &statement {
            BoardStatement::Study(decision) => state.study(&decision.study),
            _ => None,
        };
        let study = study.map(|record| Version {
            submitter: record.submitter,
            version: record.version,
            registry: record.registry,
            submitted: record.submitted.clone(),
        });
        let names = state.members().map(|member| (member.id, member.name.clone())).collect();
        Self { network: state.network(), board, day: state.tip().time.day(), statement, study, names }
    }

    /// Reads a request. What it shows of a study is what its statement names.
    ///
    /// # Errors
    /// It is none, or says of another study than it shows.
    pub fn read(bytes: &[u8]) -> Result<Self, StudyError> {
        let request = Self::decode(bytes).map_err(|e| StudyError::Request(e.to_string()))?;
        let named = match &request.statement {
            BoardStatement::Study(StudyDecision { version, .. }) => Some(*version),
            _ => None,
        };
        let shown = request.study.as_ref().map(|study| study_version(&study.submitter, study.version, &study.registry, &study.submitted));
        if named == shown { Ok(request) } else { Err(StudyError::Request("it shows another study than it names".into())) }
    }

    /// What is to be signed, in words: all of it, a line each. Members are named as the board's node calls them, with the key that is meant.
    pub fn in_words(&self) -> Vec<String> {
        let name = |id: &MemberId| {
            let found = self.names.iter().find(|(of, _)| of == id);
            found.map_or_else(|| id.to_string(), |(_, name)| format!("{name} ({id})"))
        };
        let mut lines = statement_in_words(&name, &self.statement);
        lines.push(format!("For the board {}, on {}, in network {}.", name(&self.board), self.day, self.network));
        if let Some(Version { submitter, version, registry, submitted }) = &self.study {
            let researchers: Vec<String> = submitted.researchers.iter().map(name).collect();
            lines.extend([
                format!("The study, version {version}: {}", submitted.title),
                format!("  in plain words: {}", submitted.summary),
                format!("  for {}, with data of {}", submitted.purpose, submitted.categories.join(", ")),
                format!("  at least {} people behind a released number, until {}", submitted.k_min, submitted.expiry),
                format!("  submitted by {}; researchers {}", name(submitter), researchers.join(", ")),
                format!("  answers are opened by {}", submitted.sealing.iter().map(|key| name(&key.member)).collect::<Vec<_>>().join(", ")),
                format!("  dictionary {}, scope registry {registry}", submitted.dictionary),
            ]);
        }
        lines
    }

    /// Signs it.
    ///
    /// # Errors
    /// The key is for another board; or the request is of another day than the machine's, give or take two: a signature counts from the day it names.
    pub fn sign(&self, person: &PersonSecret, today: Day) -> Result<Signing, StudyError> {
        if person.board != self.board {
            return Err(StudyError::OtherBoard);
        }
        if self.day.0.abs_diff(today.0) > REQUEST_DAYS {
            return Err(StudyError::Request(format!(
                "it is of {}, and today is {today} by this machine's clock; have it made anew",
                self.day
            )));
        }
        Ok(person.sign(&self.network, self.day, self.statement.clone()))
    }
}

/// A statement in words: what a signature under it means, and what it names.
pub fn statement_in_words(name: &dyn Fn(&MemberId) -> String, statement: &BoardStatement) -> Vec<String> {
    let mut lines = vec![format!("\"{}\"", statement.meaning())];
    match statement {
        BoardStatement::Study(decision) => {
            lines.push(format!("Study {}, decision {} of the board about it.", decision.study, decision.number.saturating_add(1)));
            if let Act::Approve(conditions) = &decision.act {
                lines.extend(conditions_in_words(name, conditions).iter().map(|words| format!("Condition: {words}")));
            }
            lines.extend((!decision.reason.is_empty()).then(|| format!("Reason: {}", decision.reason)));
        }
        BoardStatement::Recuse { study, person, reason } => {
            lines.push(format!("Study {study}, person {person}. Reason: {reason}"));
        }
        BoardStatement::Admit { number, person } => {
            let known = if *number == 0 { "somebody new" } else { "a change of who signs already" };
            lines.push(format!("Person {}, {known}: {}, until {}; name {}.", person.key, person.office, person.until, person.name));
        }
        BoardStatement::End { person } => lines.push(format!("Person {person}.")),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_messages::{StudyId, TransactionId};

    fn request() -> (SigningRequest, PersonSecret) {
        let board = MemberId([7; 32]);
        let submitted = StudySubmit {
            title: "Heart".into(),
            summary: "We count patients.".into(),
            dictionary: Digest32([1; 32]),
            purpose: "p.health".into(),
            categories: vec!["c.labs".into()],
            k_min: 10,
            researchers: vec![MemberId([2; 32])],
            sealing: Vec::new(),
            expiry: Day(20_100),
        };
        let study = Version { submitter: MemberId([2; 32]), version: 1, registry: Digest32([3; 32]), submitted };
        let version = study_version(&study.submitter, study.version, &study.registry, &study.submitted);
        let id = StudyId(TransactionId(Digest32([4; 32])));
        let statement =
            BoardStatement::Study(StudyDecision { study: id, number: 0, version, act: Act::Reject, reason: "too little is said".into() });
        let network = NetworkId(Digest32([5; 32]));
        let request = SigningRequest { network, board, day: Day(20_000), statement, study: Some(study), names: Vec::new() };
        (request, PersonSecret::generate(Name::new("Jane Doe").unwrap(), board).unwrap())
    }

    /// Whoever carries a request could show one study and have another signed.
    #[test]
    fn what_is_shown_is_what_is_signed() {
        let (request, person) = request();
        let read = SigningRequest::read(&request.encode()).unwrap();
        assert_eq!(read, request);
        assert!(read.in_words().join("\n").contains("We count patients."));
        assert!(read.sign(&person, Day(20_000)).unwrap().is_signed(&request.network, &request.board));
        // nobody gives away today a signature that counts in a year
        assert!(matches!(read.sign(&person, Day(20_000 - 3)), Err(StudyError::Request(_))));
        assert!(matches!(read.sign(&person, Day(20_000 + 3)), Err(StudyError::Request(_))));
        let mut other = request.clone();
        if let Some(study) = &mut other.study {
            study.submitted.summary = "We sell patients.".into();
        }
        assert!(matches!(SigningRequest::read(&other.encode()), Err(StudyError::Request(_))));
        assert!(matches!(SigningRequest::read(&SigningRequest { study: None, ..request.clone() }.encode()), Err(StudyError::Request(_))));
        assert!(matches!(SigningRequest::read(b"none"), Err(StudyError::Request(_))));
        let stranger = PersonSecret::generate(Name::new("Jane Doe").unwrap(), MemberId([8; 32])).unwrap();
        assert!(matches!(request.sign(&stranger, Day(20_000)), Err(StudyError::OtherBoard)));
    }
}
