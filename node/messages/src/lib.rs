//! Countersign's messages: everything that members sign, send and keep, with its one canonical form.
//!
//! Transactions, blocks, certificates, the genesis, sealed answers; the bounds of each. What a gateway says of them in JSON ([`json`]). No rules
//! beyond form: what a message does is the state machine's business (`countersign-ledger`).

mod block;
mod certificate;
mod circuit_keys;
mod claim;
mod class;
pub mod codec;
mod envelope;
mod genesis;
mod identity;
pub mod json;
pub mod limits;
pub mod merkle;
mod narrowing;
mod record;
mod rejection_code;
pub mod sealed;
mod sealed_stream;
mod sheet;
mod time;
mod transaction;
mod typed;

pub use countersign_circuits::tag;

pub use block::{Block, BlockError, BlockId, HEADER_BYTES, Header, transaction_leaves};
pub use certificate::{Certificate, CertificateError, ValidatorSet, VoteKind, vote_message};
pub use circuit_keys::{CircuitKeys, KeysError};
pub use claim::{ClaimCode, ClaimError, ClaimId, ClaimRequest, KEYS_OF_A_CLAIM, Letter};
pub use class::Class;
pub use codec::{DecodeError, Wire};
pub use envelope::EnvelopeError;
pub use genesis::{Genesis, GenesisError, K_MIN_FLOOR, K_MIN_MAX, Member, NetworkId, Rules};
pub use identity::{MemberId, Name, NameError, PatientKey, PersonKey, Role};
pub use narrowing::{NARROWING_MS, Narrowing};
pub use record::{RECORD_ROWS_MAX, Record, RecordRow, RecordSource, RecordTable, source_leaf, source_salt};
pub use rejection_code::RejectionCode;
pub use sealed_stream::{OpeningReader, SealingWriter};
pub use sheet::{Sheet, SheetError};
pub use time::{BlockTime, Height};
pub use transaction::{
    Act, Anchor, AnchoredTable, Answer, BoardStatement, Cause, Change, Conditions, Enrol, Enrolment, Erase, ErasedVersion, Office, Payload,
    Person, Proposal, ProposalId, Query, QueryId, Refusal, RefusalCode, SealingKey, SealingParty, Signature, Signing, StudyAccept,
    StudyAct, StudyDecision, StudyId, StudySubmit, Transaction, TransactionId, Vote, Withdraw, WithdrawByKey, name_digest, study_version,
};
