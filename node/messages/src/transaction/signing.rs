//! What a person signs for an ethics board.

use super::{Act, Person, Signature, StudyId, StudySubmit};
use crate::{
    codec::{DecodeError, Wire, bound, bytes_of, plain},
    genesis::NetworkId,
    identity::{MemberId, PersonKey},
    limits::{TEXT_BYTES_MAX, TRANSACTION_BYTES_MAX},
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{consent::Day, hash::Digest32, tag};
use ed25519_dalek::{Signer, SigningKey};

/// A decision about a study.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StudyDecision {
    /// The study.
    pub study: StudyId,
    /// Decisions of the board about this study so far: a signature serves one decision.
    pub number: u32,
    /// [`study_version`] of what was read.
    pub version: Digest32,
    /// What is decided.
    pub act: Act,
    /// Why, in words that everybody reads. An approval may say nothing.
    pub reason: String,
}

/// Digest of all of a study that boards decide about: who submitted it, its version, the scope registry it is read by, and what was submitted.
pub fn study_version(submitter: &MemberId, version: u32, registry: &Digest32, submitted: &StudySubmit) -> Digest32 {
    Digest32::tagged(tag::STUDY_VERSION, [bytes_of(&(submitter, version, registry, submitted)).as_slice()])
}

/// What a person says.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum BoardStatement {
    /// Decides about a study.
    Study(StudyDecision),
    /// Takes no part in a study: the person itself, or two others say so.
    Recuse {
        /// The study.
        study: StudyId,
        /// Who takes no part.
        person: PersonKey,
        /// Why, in words that everybody reads.
        reason: String,
    },
    /// Admits a person to the board, prolongs its time, or changes its office.
    Admit {
        /// Changes of this person so far: a signature serves one change.
        number: u32,
        /// The person.
        person: Person,
    },
    /// A person signs no more, for good.
    End {
        /// Who.
        person: PersonKey,
    },
}

impl BoardStatement {
    /// What a signature under it means, in words. They are part of what is signed.
    pub fn meaning(&self) -> &'static str {
        match self {
            Self::Study(StudyDecision { act, .. }) => match act {
                Act::Approve(_) => {
                    "I have read this version of the study, have no conflict of interest in it, and approve it for my board under these conditions"
                }
                Act::Reject => {
                    "I have read this version of the study, have no conflict of interest in it, and do not approve it for my board"
                }
                Act::Suspend => "I have no conflict of interest in this study, and suspend it for my board",
                Act::Lift => "I have no conflict of interest in this study, and lift my board's suspension of it",
                Act::Stop => "I have no conflict of interest in this study, and end it for my board",
                Act::Close => "I close this study",
            },
            Self::Recuse { .. } => "this person takes no part in this study",
            Self::Admit { .. } => "this person signs for my board, in this office and until this day",
            Self::End { .. } => "this person signs no more for my board",
        }
    }

    /// The study it is about, if it is about one.
    pub fn study(&self) -> Option<&StudyId> {
        match self {
            Self::Study(decision) => Some(&decision.study),
            Self::Recuse { study, .. } => Some(study),
            Self::Admit { .. } | Self::End { .. } => None,
        }
    }

    /// What it decides about a study, if it does.
    pub fn act(&self) -> Option<&Act> {
        if let Self::Study(decision) = self { Some(&decision.act) } else { None }
    }

    /// Why, as far as it says.
    pub fn reason(&self) -> &str {
        match self {
            Self::Study(decision) => &decision.reason,
            Self::Recuse { reason, .. } => reason,
            Self::Admit { .. } | Self::End { .. } => "",
        }
    }

    /// What it is about and says, whoever signs it and when.
    pub fn digest(&self) -> Digest32 {
        Digest32::tagged(tag::PERSON_STATEMENT, [bytes_of(self).as_slice()])
    }

    /// Refuses what is over a bound, or no plain text.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn check_bounds(&self) -> Result<(), DecodeError> {
        if let Self::Study(decision) = self {
            decision.act.check_bounds()?;
        }
        bound("statement", "reason bytes", self.reason().len(), TEXT_BYTES_MAX)?;
        plain("statement", "reason", self.reason())
    }
}

/// A statement that a person of an ethics board has signed. The board's node sends it, and can change nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Signing {
    /// Who signs.
    pub person: PersonKey,
    /// The day it was signed: a first signature waits so long for a second and no longer.
    pub day: Day,
    /// What is said.
    pub statement: BoardStatement,
    /// By the person, over network, board, day, meaning and statement.
    pub signature: Signature,
}

impl Wire for Signing {
    const WHAT: &'static str = "signature";
    const BYTES_MAX: usize = TRANSACTION_BYTES_MAX;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        self.statement.check_bounds()
    }
}

impl Signing {
    /// Signs a statement for a board.
    pub fn sign(key: &SigningKey, network: &NetworkId, board: &MemberId, day: Day, statement: BoardStatement) -> Self {
        let person = PersonKey::from(&key.verifying_key());
        let message = message(network, board, &person, day, &statement);
        Self { person, day, statement, signature: Signature(key.sign(&message.0).to_bytes()) }
    }

    /// Checks the signature strictly.
    pub fn is_signed(&self, network: &NetworkId, board: &MemberId) -> bool {
        self.person.is_signed(&message(network, board, &self.person, self.day, &self.statement), &self.signature)
    }
}

fn message(network: &NetworkId, board: &MemberId, person: &PersonKey, day: Day, statement: &BoardStatement) -> Digest32 {
    let head = bytes_of(&(network, board, person, day, statement.meaning()));
    Digest32::tagged(tag::PERSON_SIGNATURE, [head.as_slice(), &bytes_of(statement)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::TransactionId;

    #[test]
    fn a_signature_is_of_one_statement_for_one_board_of_one_network_on_one_day() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let (network, board) = (NetworkId(Digest32([1; 32])), MemberId([2; 32]));
        let decided = |act, number| {
            let study = StudyId(TransactionId(Digest32([3; 32])));
            BoardStatement::Study(StudyDecision { study, number, version: Digest32([4; 32]), act, reason: "a reason".into() })
        };
        let signed = Signing::sign(&key, &network, &board, Day(5), decided(Act::Suspend, 0));
        assert!(signed.is_signed(&network, &board));
        assert!(!signed.is_signed(&NetworkId(Digest32([9; 32])), &board), "another network");
        assert!(!signed.is_signed(&network, &MemberId([9; 32])), "another board");
        let other = PersonKey::from(&SigningKey::from_bytes(&[8; 32]).verifying_key());
        let changed: [Signing; 5] = [
            Signing { person: other, ..signed.clone() },
            Signing { day: Day(6), ..signed.clone() },
            Signing { statement: decided(Act::Suspend, 1), ..signed.clone() },
            Signing { statement: decided(Act::Stop, 0), ..signed.clone() },
            Signing { signature: Signature([0; 64]), ..signed.clone() },
        ];
        assert!(changed.iter().all(|signing| !signing.is_signed(&network, &board)));
    }
}
