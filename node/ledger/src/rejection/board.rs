//! Why a board may not approve a study.

/// A rule of boards that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BoardRefused {
    /// A board may not approve what it submitted or takes part in.
    #[error("a board does not approve a study that it submitted or is a researcher of")]
    OwnStudy,
    /// It could not open the answers of what it approves.
    #[error("answers of this study are not sealed to the board that approves it; have it submitted again, sealed to you")]
    NotSealed,
}

impl BoardRefused {
    pub(super) fn code(self) -> u16 {
        match self {
            Self::OwnStudy => 156,
            Self::NotSealed => 157,
        }
    }
}
