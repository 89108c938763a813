//! Why an erasure is refused.

use countersign_messages::Height;

/// A rule of erasures that is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErasureRefused {
    /// A height that is not decided.
    #[error("the erasure names height {found}; it must be at most {last}")]
    Height {
        /// Named.
        found: Height,
        /// The last decided height.
        last: Height,
    },
    /// Nobody of the segment has left.
    #[error("segment {0} has no slot that is out of force; take the slots out of force first")]
    Nothing(u32),
    /// Not exactly what has to go.
    #[error(
        "segment {0}: an erasure replaces every version of it that is in force or that a study in date is answered from, of every table, ascending, and no other but those of a research cut"
    )]
    Versions(u32),
    /// The S4 proof.
    #[error("the proof of the erasure {0}")]
    Proof(String),
}

impl ErasureRefused {
    pub(super) fn code(&self) -> u16 {
        match self {
            Self::Height { .. } => 230,
            Self::Nothing(_) => 231,
            Self::Versions(_) => 232,
            Self::Proof(_) => 233,
        }
    }
}
