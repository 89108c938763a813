//! Bounds of studies, why a decision about one is refused, and what somebody decided refuses.

use countersign_circuits::consent::Day;

/// A bound that is reached, a rule of decisions about studies that is broken, or a decision that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StudyRefused {
    /// A board may not approve what it submitted or takes part in.
    #[error("a board does not approve a study that it submitted or is a researcher of")]
    OwnStudy,
    /// It could not open the answers of what it approves.
    #[error("answers of this study are not sealed to the board that approves it; have it submitted again, sealed to you")]
    NotSealed,
    /// The day's studies are submitted.
    #[error("you have submitted {max} studies today, all you may; go on tomorrow", max = countersign_messages::limits::STUDIES_A_DAY_MAX)]
    StudiesADay,
    /// A member's share of the waiting studies is used up.
    #[error("{max} of your studies wait for a board, all that may; wait until one is approved, or forgotten after {days} days", max = countersign_messages::limits::STUDIES_WAITING_MAX, days = countersign_messages::limits::WAITING_DAYS)]
    StudiesWaiting,
    /// Somebody suspended it.
    #[error("the study is suspended: {0}")]
    Suspended(String),
    /// Not the signer's to decide.
    #[error(
        "this is not for this member to decide: who submitted a study suspends it, lifts that, and closes it; an ethics board that its answers are sealed to rejects it; a board that approved it \
         suspends it, lifts that, and stops it"
    )]
    NotTheirs,
    /// Only its own suspension.
    #[error("this member has not suspended the study; a suspension is lifted only by who made it")]
    NothingToLift,
    /// Once is enough.
    #[error("this member has suspended the study already")]
    SuspendedAlready,
    /// A day's allowance is used up.
    #[error("a member suspends studies at most {max} times a day; go on tomorrow, or stop the study", max = countersign_messages::limits::SUSPENSIONS_A_DAY_MAX)]
    SuspensionsADay,
    /// No reason.
    #[error("a decision about a study says why, in words that everybody reads")]
    Reason,
    /// Of an approval.
    #[error("the conditions of the approval are refused: {0}")]
    Conditions(&'static str),
    /// A condition of the approval.
    #[error("by the approval of this study nothing is asked before {0}")]
    NotBefore(Day),
    /// Not a hospital, or not boards.
    #[error("a vote names the ethics boards of a hospital: one or more members that are, ascending, or none")]
    RequiredBoards,
    /// By vote.
    #[error("by vote this hospital accepts a study only when these ethics boards have approved it: {}; have them approve it, or submitted again with them", .0.join(", "))]
    BoardsMissing(Vec<String>),
    /// A condition of the approval.
    #[error("an approval of this study names the hospitals that may take part; this one is not among them")]
    Site,
}

impl StudyRefused {
    pub(super) fn code(&self) -> u16 {
        match self {
            Self::RequiredBoards => 212,
            Self::OwnStudy => 156,
            Self::NotSealed => 157,
            Self::StudiesADay => 158,
            Self::StudiesWaiting => 159,
            Self::Suspended(_) => 234,
            Self::NotTheirs => 235,
            Self::NothingToLift => 236,
            Self::SuspendedAlready => 237,
            Self::Reason => 238,
            Self::SuspensionsADay => 239,
            Self::Conditions(_) => 260,
            Self::NotBefore(_) => 261,
            Self::Site => 262,
            Self::BoardsMissing(_) => 264,
        }
    }
}
