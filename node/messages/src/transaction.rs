//! Signed transactions.

mod anchor;
mod enrol;
mod erase;
mod governance;
mod person;
mod query;
mod signing;
mod study;
mod study_act;
mod withdraw;

pub use anchor::{Anchor, AnchoredTable};
pub use enrol::{Enrol, Enrolment};
pub use erase::{Erase, ErasedVersion};
pub use governance::{Change, Proposal, ProposalId, Vote};
pub use person::{Office, Person, name_digest};
pub use query::{Answer, Query, QueryId, Refusal, RefusalCode};
pub use signing::{BoardStatement, Signing, StudyDecision, study_version};
pub use study::{SealingKey, SealingParty, StudyAccept, StudyId, StudySubmit};
pub use study_act::{Act, Conditions, StudyAct};
pub use withdraw::{Cause, Withdraw, WithdrawByKey};

use crate::{
    codec::{DecodeError, Wire, bytes_of},
    envelope::EnvelopeError,
    genesis::NetworkId,
    identity::{MemberId, PersonKey, Role},
    limits::TRANSACTION_BYTES_MAX,
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{hash::Digest32, tag};
use ed25519_dalek::{Signer, SigningKey};
use std::fmt;

/// Hash of a signed transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct TransactionId(pub Digest32);

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An Ed25519 signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Signature(pub [u8; 64]);

/// What a transaction does.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Payload {
    /// Proposes a change of what is governed (governance).
    Propose(Proposal),
    /// Votes on a proposal (governance).
    Vote(Vote),
    /// Anchors segments of a table (hospital).
    Anchor(Anchor),
    /// Takes slots out of force for ever (hospital).
    Withdraw(Withdraw),
    /// Submits a study (researcher).
    StudySubmit(StudySubmit),
    /// A person of an ethics board signs: decides about a study, or about who signs (board).
    Sign(Signing),
    /// Ends a person of an ethics board (that board).
    EndPerson(PersonKey),
    /// Accepts a study at a site and fixes its cut (hospital).
    StudyAccept(StudyAccept),
    /// Asks (researcher of the study).
    Query(Query),
    /// Answers with a proof (hospital).
    Answer(Answer),
    /// Declines to answer (hospital).
    Refusal(Refusal),
    /// Enrols keys of patients for their slots (hospital).
    Enrol(Enrol),
    /// Takes a slot out of force (the patient's key).
    WithdrawByKey(WithdrawByKey),
    /// Empties slots that are out of force (hospital).
    Erase(Erase),
    /// Suspends, lifts or closes a study (who submitted it).
    StudyAct(StudyAct),
}

impl Payload {
    /// Its kind, for people and indexes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Propose(_) => "propose",
            Self::Vote(_) => "vote",
            Self::Anchor(_) => "anchor",
            Self::Withdraw(_) => "withdraw",
            Self::StudySubmit(_) => "study-submit",
            Self::Sign(_) => "sign",
            Self::EndPerson(_) => "end-person",
            Self::StudyAct(_) => "study-act",
            Self::StudyAccept(_) => "study-accept",
            Self::Query(_) => "query",
            Self::Answer(_) => "answer",
            Self::Refusal(_) => "refusal",
            Self::Enrol(_) => "enrol",
            Self::WithdrawByKey(_) => "withdraw-by-key",
            Self::Erase(_) => "erase",
        }
    }

    /// The role it takes to send it; `None`: no member sends it.
    pub fn role(&self) -> Option<Role> {
        Some(match self {
            Self::Propose(_) | Self::Vote(_) => Role::Governance,
            Self::Anchor(_) | Self::Erase(_) | Self::Withdraw(_) | Self::Enrol(_) => Role::Hospital,
            Self::StudyAccept(_) | Self::Answer(_) | Self::Refusal(_) => Role::Hospital,
            Self::StudySubmit(_) | Self::StudyAct(_) | Self::Query(_) => Role::Researcher,
            Self::Sign(_) | Self::EndPerson(_) => Role::Board,
            Self::WithdrawByKey(_) => return None,
        })
    }

    /// True if it changes who signs for an ethics board, or is a first signature for that.
    pub fn is_of_persons(&self) -> bool {
        match self {
            Self::EndPerson(_) => true,
            Self::Sign(signing) => matches!(signing.statement, BoardStatement::Admit { .. } | BoardStatement::End { .. }),
            _ => false,
        }
    }

    /// True if executing it verifies proofs: of an anchor, erasure or answer, or that somebody has the secrets of keys.
    pub fn has_proof(&self) -> bool {
        matches!(self, Self::Anchor(_) | Self::Erase(_) | Self::Answer(_) | Self::Enrol(_))
    }

    fn check_bounds(&self) -> Result<(), DecodeError> {
        match self {
            Self::Propose(proposal) => proposal.check_bounds(),
            Self::Anchor(anchor) => anchor.check_bounds(),
            Self::Withdraw(withdraw) => withdraw.check_bounds(),
            Self::StudySubmit(study) => study.check_bounds(),
            Self::StudyAct(act) => act.check_bounds(),
            Self::Enrol(enrol) => enrol.check_bounds(),
            Self::Erase(erase) => erase.check_bounds(),
            Self::Sign(signing) => signing.statement.check_bounds(),
            Self::Vote(_) | Self::EndPerson(_) | Self::StudyAccept(_) | Self::WithdrawByKey(_) => Ok(()),
            Self::Query(query) => query.check_bounds(),
            Self::Answer(answer) => answer.check_bounds(),
            Self::Refusal(refusal) => refusal.check_bounds(),
        }
    }
}

/// A transaction of a member, or of a patient's key.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Transaction {
    /// The network it is for.
    pub network: NetworkId,
    /// Who signs: a member, or the key of a patient who withdraws.
    pub signer: MemberId,
    /// Counts the signer's transactions in blocks, from 0: a transaction is valid once, in order. A patient's key has one, 0.
    pub sequence: u64,
    /// What it does.
    pub payload: Payload,
    /// Ed25519 over [`Transaction::message`].
    pub signature: Signature,
}

impl Wire for Transaction {
    const WHAT: &'static str = "transaction";
    const BYTES_MAX: usize = TRANSACTION_BYTES_MAX;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        self.payload.check_bounds()
    }
}

impl Transaction {
    /// Makes and signs a transaction.
    pub fn sign(key: &SigningKey, network: NetworkId, sequence: u64, payload: Payload) -> Self {
        let signer = MemberId::from(&key.verifying_key());
        let message = message(&network, &signer, sequence, &payload);
        Self { network, signer, sequence, payload, signature: Signature(key.sign(&message.0).to_bytes()) }
    }

    /// What is signed: a tagged hash of everything but the signature.
    pub fn message(&self) -> Digest32 {
        message(&self.network, &self.signer, self.sequence, &self.payload)
    }

    /// Hash of the signed bytes.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn id(&self) -> TransactionId {
        TransactionId(Digest32::tagged(tag::TRANSACTION_ID, [bytes_of(self).as_slice()]))
    }

    /// Checks the signature strictly: canonical scalar, no key or point of small order.
    ///
    /// # Errors
    /// [`EnvelopeError::Signature`].
    pub fn check_signature(&self) -> Result<(), EnvelopeError> {
        let key = self.signer.key().ok_or(EnvelopeError::Signature)?;
        let signature = ed25519_dalek::Signature::from_bytes(&self.signature.0);
        key.verify_strict(&self.message().0, &signature).map_err(|_| EnvelopeError::Signature)
    }
}

fn message(network: &NetworkId, signer: &MemberId, sequence: u64, payload: &Payload) -> Digest32 {
    let head = bytes_of(&(network, signer, sequence));
    Digest32::tagged(tag::TRANSACTION, [head.as_slice(), &bytes_of(payload)])
}
