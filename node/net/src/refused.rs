//! Why a connection did not come about.

use crate::{admission::Refusal, reason::Reason, verifier::CertificateRefusal};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error(transparent)]
    Admission(#[from] Refusal),
    #[error(transparent)]
    Certificate(#[from] CertificateRefusal),
    #[error("{0}")]
    Handshake(String),
    #[error("no answer within {0:?}")]
    Timeout(std::time::Duration),
    #[error("it does not speak countersign/1")]
    Protocol,
    #[error("it is this member itself")]
    Myself,
    #[error("{address} cannot be resolved: {error}")]
    Resolve { address: String, error: String },
    #[error(transparent)]
    Reason(#[from] Reason),
    #[error("QUIC: {quic}; TCP: {tcp}")]
    Both { quic: Box<Refused>, tcp: Box<Refused> },
}

impl Refused {
    /// The word in metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Admission(refusal) => refusal.name(),
            Self::Certificate(refusal) => refusal.name(),
            Self::Handshake(_) => "handshake",
            Self::Timeout(_) => "timeout",
            Self::Protocol => "protocol",
            Self::Myself => "myself",
            Self::Resolve { .. } => "resolve",
            Self::Reason(reason) => reason.name(),
            Self::Both { tcp, .. } => tcp.name(),
        }
    }
}
