//! How a command fails, and its exit code.

use countersign_query::Refusal;

/// A command that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A rule refuses it: the asker must ask otherwise. Exit code 2.
    #[error("{0}")]
    Refused(String),
    /// Another transaction used this one's sequence number: it can never stand in a block, and is to be signed again. Exit code 1.
    #[error("another transaction of this member used sequence {0} meanwhile; run the same command again")]
    Overtaken(u64),
    /// A proof, chain or file does not verify. Exit code 3.
    #[error("not verified: {0}")]
    NotVerified(String),
    /// What was to be verified could not be read: nothing is said about it. Exit code 1.
    #[error("could not be read, so nothing is verified: {0}")]
    Unreadable(String),
    /// An answer of a site is missing. Exit code 4.
    #[error("{0}")]
    SiteMissing(String),
    /// Something else is wrong. Exit code 1.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl Failure {
    /// 1 other, 2 refused, 3 not verified, 4 a site is missing.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Other(_) | Self::Overtaken(_) | Self::Unreadable(_) => 1,
            Self::Refused(_) => 2,
            Self::NotVerified(_) => 3,
            Self::SiteMissing(_) => 4,
        }
    }

    /// The same failure, with something more to say.
    #[must_use]
    pub fn with(self, more: &str) -> Self {
        match self {
            Self::Refused(words) => Self::Refused(format!("{words}\n{more}")),
            Self::NotVerified(words) => Self::NotVerified(format!("{words}\n{more}")),
            Self::Unreadable(words) => Self::Unreadable(format!("{words}\n{more}")),
            Self::SiteMissing(words) => Self::SiteMissing(format!("{words}\n{more}")),
            Self::Overtaken(_) | Self::Other(_) => Self::Other(anyhow::anyhow!("{}\n{more}", self.message())),
        }
    }

    /// The failure as one JSON object for standard error.
    pub fn to_json(&self) -> serde_json::Value {
        let kind = match self {
            Self::Other(_) | Self::Overtaken(_) => "error",
            Self::Refused(_) => "refused",
            Self::NotVerified(_) => "not_verified",
            Self::Unreadable(_) => "unreadable",
            Self::SiteMissing(_) => "site_missing",
        };
        serde_json::json!({ "error": kind, "message": self.message(), "exit_code": self.exit_code() })
    }

    /// The message with its causes.
    pub fn message(&self) -> String {
        match self {
            // many causes are in their effect's words already
            Self::Other(error) => error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
                "" => cause,
                words if words.contains(&cause) => said,
                words => format!("{words}: {cause}"),
            }),
            other => other.to_string(),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.to_string())
    }
}

macro_rules! other {
    ($($error:ty),+ $(,)?) => { $(impl From<$error> for Failure {
        fn from(error: $error) -> Self {
            Self::Other(error.into())
        }
    })+ };
}

other!(
    std::io::Error,
    countersign_store::StoreError,
    countersign_consensus::NodeError,
    countersign_hospital::KeepingError,
    countersign_prover::keys::KeyError,
    countersign_messages::sealed::SealError,
    countersign_stats::TableError,
    tokio::task::JoinError,
);

impl From<countersign_ingest::ImportError> for Failure {
    fn from(error: countersign_ingest::ImportError) -> Self {
        match error {
            // nothing is wrong with the question or the records: they are not there
            countersign_ingest::ImportError::Io { .. } => Self::Other(anyhow::anyhow!("{error}")),
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<countersign_hospital::HospitalError> for Failure {
    fn from(error: countersign_hospital::HospitalError) -> Self {
        match error {
            countersign_hospital::HospitalError::Ledger(error) => error.into(),
            countersign_hospital::HospitalError::Member(error) => error.into(),
            error if error.is_refusal() => Self::Refused(error.to_string()),
            error => Self::Other(error.into()),
        }
    }
}

impl From<countersign_member::LedgerError> for Failure {
    fn from(error: countersign_member::LedgerError) -> Self {
        use countersign_member::LedgerError;
        match error {
            LedgerError::Refused(_) | LedgerError::Rejected { .. } => Self::Refused(error.to_string()),
            LedgerError::Overtaken(sequence) => Self::Overtaken(sequence),
            LedgerError::Gateway(error) => error.into(),
            LedgerError::Store(error) => error.into(),
            error => Self::Other(error.into()),
        }
    }
}

impl From<countersign_member::MemberError> for Failure {
    fn from(error: countersign_member::MemberError) -> Self {
        use countersign_member::MemberError;
        match error {
            MemberError::Readable(_) | MemberError::Card { .. } => Self::Refused(error.to_string()),
            error => Self::Other(error.into()),
        }
    }
}

impl From<countersign_member::gateway::GatewayError> for Failure {
    fn from(error: countersign_member::gateway::GatewayError) -> Self {
        use countersign_member::gateway::GatewayError;
        match error {
            GatewayError::Problem(problem) if problem.status == reqwest::StatusCode::NOT_FOUND => Self::Refused(problem.to_string()),
            GatewayError::Url { .. } => Self::Refused(error.to_string()),
            other => Self::Other(other.into()),
        }
    }
}

impl From<countersign_messages::NameError> for Failure {
    fn from(error: countersign_messages::NameError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<countersign_ledger::Rejection> for Failure {
    fn from(rejection: countersign_ledger::Rejection) -> Self {
        Self::Refused(rejection.to_string())
    }
}
