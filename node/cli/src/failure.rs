//! How a command fails, and its exit code.

use countersign_audit::AuditError;
use countersign_consortium::ConsortiumError;
use countersign_hospital::{HospitalError, backup::BackupError};
use countersign_ingest::ImportError;
use countersign_member::{LedgerError, MemberError, gateway::GatewayError, named::NamedError};
use countersign_patient::PatientError;
use countersign_service::ServiceError;
use countersign_study::StudyError;

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

/// Errors that are refusals or something else.
macro_rules! judged {
    ($($error:ty),+ $(,)?) => { $(impl From<$error> for Failure {
        fn from(error: $error) -> Self {
            if error.is_refusal() { Self::Refused(error.to_string()) } else { Self::Other(error.into()) }
        }
    })+ };
}

judged!(ConsortiumError, MemberError);

/// Errors that are refusals always.
macro_rules! refused {
    ($($error:ty),+ $(,)?) => { $(impl From<$error> for Failure {
        fn from(error: $error) -> Self {
            Self::Refused(error.to_string())
        }
    })+ };
}

refused!(countersign_query::Refusal, countersign_messages::NameError, NamedError);

/// Errors that never are.
macro_rules! other {
    ($($error:ty),+ $(,)?) => { $(impl From<$error> for Failure {
        fn from(error: $error) -> Self {
            Self::Other(error.into())
        }
    })+ };
}

other!(std::io::Error, countersign_store::StoreError, countersign_consensus::NodeError, countersign_hospital::HospitalStoreError,);

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            // nothing is wrong with the question or the records: they are not there
            ImportError::Io { .. } => Self::Other(anyhow::anyhow!("{error}")),
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<HospitalError> for Failure {
    fn from(error: HospitalError) -> Self {
        match error {
            HospitalError::Ledger(error) => error.into(),
            HospitalError::Member(error) => error.into(),
            error if error.is_refusal() => Self::Refused(error.to_string()),
            error => Self::Other(error.into()),
        }
    }
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        match error {
            StudyError::Ledger(error) => error.into(),
            error if error.is_refusal() => Self::Refused(error.to_string()),
            error if error.is_not_verified() => Self::NotVerified(error.to_string()),
            error => Self::Other(error.into()),
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Ledger(error) => error.into(),
            error if error.is_refusal() => Self::Refused(error.to_string()),
            error => Self::Other(error.into()),
        }
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        if error.is_refusal() { Self::Refused(error.to_string()) } else { Self::Other(error.into()) }
    }
}

impl From<PatientError> for Failure {
    fn from(error: PatientError) -> Self {
        match error {
            PatientError::Gateway(error) => error.into(),
            error @ (PatientError::Record(_) | PatientError::Receipt(_)) => Self::NotVerified(error.to_string()),
            error if error.is_refusal() => Self::Refused(error.to_string()),
            error => Self::Other(error.into()),
        }
    }
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::NotVerified(words) => Self::NotVerified(words),
            AuditError::Unreadable(error) => Self::Unreadable(error.to_string()),
            AuditError::NotListed { .. } => Self::Refused(error.to_string()),
            AuditError::Gateway(error) => error.into(),
            AuditError::Keys(error) => error.into(),
            error => Self::Other(error.into()),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Refused(_) | LedgerError::Rejected { .. } => Self::Refused(error.to_string()),
            LedgerError::Overtaken(sequence) => Self::Overtaken(sequence),
            LedgerError::Gateway(error) => error.into(),
            LedgerError::Store(error) => error.into(),
            error => Self::Other(error.into()),
        }
    }
}

impl From<GatewayError> for Failure {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Problem(problem) if problem.is_not_found() => Self::Refused(problem.to_string()),
            GatewayError::Url { .. } => Self::Refused(error.to_string()),
            other => Self::Other(other.into()),
        }
    }
}
