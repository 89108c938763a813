//! What a node's gateway says, in JSON: the same types for the gateway that writes it and for whoever reads it.
//!
//! Ids are lower-case hexadecimal. Heights, times, sequence and other numbers below 2^53 are JSON numbers (a chain would need 285,000 years of a
//! block a millisecond to pass that); numbers that may be larger are strings. Who reads passes over fields it does not know, so a newer gateway may
//! say more. Nothing here is signed or hashed: those are the canonical bytes ([`crate::codec`]). The feature `openapi` adds the schemas.

mod answer;
mod block;
mod certificate;
mod dictionary;
mod event;
mod id;
mod leavers;
mod member;
mod page;
mod patient;
mod problem;
mod proposal;
mod query;
mod status;
mod study;
mod time;
mod transaction;

pub use answer::{Answer, Gates, Kept};
pub use block::{Block, Header, Headers};
pub use certificate::{Certificate, CommitSignature};
pub use dictionary::DictionarySummary;
pub use event::Event;
pub use id::Id;
pub use leavers::Leavers;
pub use member::{Member, Validators};
pub use page::Page;
pub use patient::{Left, PatientSlot, Slot, SlotRow, Use};
pub use problem::ProblemBody;
pub use proposal::{Change, Proposal, ProposalStanding, ProposalSummary, Tally, Vote};
pub use query::{Query, QuerySummary, SiteOfQuery, SiteStatus};
pub use status::{Alert, Peer, Progress, Sync, Well};
pub use study::{Conditions, Decision, PersonSignature, SealingKey, Site, Standing, Study, StudySummary, Waiting};
pub use time::Time;
pub use transaction::{Effect, MerklePath, Queued, Transaction, TransactionBytes, TransactionSummary, Verdict};

#[cfg(test)]
mod tests;
