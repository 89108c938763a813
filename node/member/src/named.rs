//! Studies, queries, proposals and members by the names people give them: `S-3`, `Q-7`, `G-2`, a number, or the whole id.

use countersign_circuits::hash::Digest32;
use countersign_ledger::State;
use countersign_messages::{MemberId, ProposalId, QueryId, StudyId, TransactionId};

/// Why a name names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamedError {
    /// It has no form of a name.
    #[error("\"{text}\" is neither a number such as {letter}-1 nor an id of 64 hexadecimal digits")]
    Form {
        /// As written.
        text: String,
        /// The letter of such names.
        letter: char,
    },
    /// The ledger has none of that name.
    #[error("the ledger has no {what} \"{text}\"")]
    Absent {
        /// What was meant.
        what: &'static str,
        /// As written.
        text: String,
    },
    /// Nobody is called so.
    #[error("\"{text}\" is no member; members are {}", members.join(", "))]
    NoMember {
        /// As written.
        text: String,
        /// The names of all.
        members: Vec<String>,
    },
}

/// What a person wrote: a number or an id.
enum Named {
    Number(u32),
    Id(TransactionId),
}

impl Named {
    fn read(text: &str, letter: char) -> Result<Self, NamedError> {
        if let Ok(id) = text.parse::<Digest32>() {
            return Ok(Self::Id(TransactionId(id)));
        }
        let number = text.strip_prefix([letter, letter.to_ascii_lowercase()]).map_or(text, |rest| rest.trim_start_matches('-'));
        number.parse().map(Self::Number).map_err(|_| NamedError::Form { text: text.to_owned(), letter })
    }

    fn is(&self, id: &TransactionId, number: u32) -> bool {
        match self {
            Self::Number(n) => *n == number,
            Self::Id(wanted) => wanted == id,
        }
    }
}

fn absent(what: &'static str, text: &str) -> NamedError {
    NamedError::Absent { what, text: text.to_owned() }
}

/// A study: `S-3`.
///
/// # Errors
/// [`NamedError`].
pub fn study(state: &State, text: &str) -> Result<StudyId, NamedError> {
    let wanted = Named::read(text, 'S')?;
    state.studies().find(|(id, s)| wanted.is(&id.0, s.number)).map(|(id, _)| *id).ok_or_else(|| absent("study", text))
}

/// A query: `Q-7`.
///
/// # Errors
/// [`NamedError`].
pub fn query(state: &State, text: &str) -> Result<QueryId, NamedError> {
    let wanted = Named::read(text, 'Q')?;
    state.queries().find(|(id, q)| wanted.is(&id.0, q.number)).map(|(id, _)| *id).ok_or_else(|| absent("query", text))
}

/// A proposal: `G-2`.
///
/// # Errors
/// [`NamedError`].
pub fn proposal(state: &State, text: &str) -> Result<ProposalId, NamedError> {
    let wanted = Named::read(text, 'G')?;
    state.proposals().find(|(id, p)| wanted.is(&id.0, p.number)).map(|(id, _)| *id).ok_or_else(|| absent("proposal", text))
}

/// A member, by its name or its key. A key is taken as it is: the member may be gone.
///
/// # Errors
/// [`NamedError`].
pub fn member(state: &State, text: &str) -> Result<MemberId, NamedError> {
    if let Ok(id) = text.parse::<Digest32>() {
        return Ok(MemberId(id.0));
    }
    let members = || state.members().map(|m| m.name.to_string()).collect();
    let found = state.members().find(|m| m.name.as_str() == text).map(|m| m.id);
    found.ok_or_else(|| NamedError::NoMember { text: text.to_owned(), members: members() })
}
