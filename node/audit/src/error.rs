//! Why an audit has no finding.

use countersign_member::{MemberError, gateway::GatewayError};
use countersign_store::StoreError;
use std::path::PathBuf;

/// Why there is no finding. Only [`AuditError::NotVerified`] says something about what was to be checked.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Something in it does not verify.
    #[error("{0}")]
    NotVerified(String),
    /// It cannot be read, or keys are not at hand: nothing is said about it.
    #[error("{0}")]
    Unreadable(StoreError),
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A gateway does not know what was asked for.
    #[error("the gateway knows no \"{wanted}\" among its {what}")]
    NotListed {
        /// A list of it.
        what: &'static str,
        /// As asked.
        wanted: String,
    },
    /// The gateway fails.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The circuit keys at hand.
    #[error(transparent)]
    Keys(#[from] MemberError),
}

impl AuditError {
    /// Something in it does not verify, in words.
    pub(crate) fn not_verified(what: &str, why: impl ToString) -> Self {
        Self::NotVerified(format!("{what}: {}", why.to_string()))
    }
}

/// What is wrong with a chain is a failed verification. A place that cannot be read, or keys that are not at hand here, say nothing about it.
impl From<StoreError> for AuditError {
    fn from(error: StoreError) -> Self {
        if error.is_about_content() { Self::NotVerified(error.to_string()) } else { Self::Unreadable(error) }
    }
}
