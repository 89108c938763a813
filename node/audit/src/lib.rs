//! A chain or an exported answer, checked by who trusts nobody.
//!
//! [`chain`] executes a whole chain again from genesis, every certificate, rule and proof included: from a folder, a chain file or an archive ([`chain::at`]), or
//! block by block from a gateway ([`chain::from_gateway`]). [`answer`] verifies one exported answer: headers, paths and proofs. What was found is a plain
//! report with its words and its JSON; that it is about development keys is a field of it.
//!
//! ```no_run
//! # use countersign_audit::{AuditError, Exported, chain};
//! # use countersign_member::VerifyingFolder;
//! # async fn a_check() -> Result<(), AuditError> {
//! let keys = VerifyingFolder::new("circuit-keys").read()?;
//! println!("{}", chain::from_gateway("http://127.0.0.1:7480", None, keys.clone(), |_| {}).await?);
//! println!("{}", Exported::file("q7-north.answer".as_ref())?.verify(keys)?);
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here links consensus, an HTTP server or a prover. The binary `countersign-audit` is these two calls with arguments ([`arguments`]).

pub mod answer;
pub mod arguments;
pub mod chain;
mod error;
mod gateway;

pub use answer::{AnswerFinding, Exported};
pub use chain::ChainFinding;
pub use error::AuditError;

/// What a verification never says (docs/protocol/not-proved.md).
pub const NOT_CHECKED: &str = "not checked: that source data are true, that every patient was anchored, that a consent was really given";
