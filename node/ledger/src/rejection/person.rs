//! Why a signature of a person of an ethics board, or a change of who signs, is refused.

use countersign_messages::limits::{
    ADMISSIONS_A_DAY_MAX, PERSON_CHANGES_MAX, PERSON_DAYS_MAX, PERSONS_MAX, PERSONS_RECORDED_MAX, RECUSED_MAX, SIGNATURE_DAYS,
    SIGNATURES_WAITING_MAX,
};

/// A rule of persons and their signatures that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PersonRefused {
    /// Nobody of this board.
    #[error("no person of this ethics board has this key")]
    Unknown,
    /// Not yet, not any more.
    #[error("this person does not sign now: admitted less than a day ago, ended, or their last day is over")]
    NotInForce,
    /// Not theirs, or of something else.
    #[error("the person's signature does not verify under their key, for this board and network")]
    Signature,
    /// Of tomorrow, or too long ago.
    #[error("a signature counts from the day it was signed for {SIGNATURE_DAYS} days; sign again")]
    SigningDay,
    /// Another decision came first, or it was used.
    #[error(
        "signed as number {found}, and the next is {next}: something was decided meanwhile, or the signature was used; read again and sign again"
    )]
    Number {
        /// Signed.
        found: u32,
        /// The next.
        next: u32,
    },
    /// Something else was read.
    #[error("signed for another version of the study than there is; read it again and sign again")]
    Version,
    /// A conflict of interest.
    #[error("this person takes no part in this study")]
    Recused,
    /// The list is full.
    #[error("{RECUSED_MAX} persons of this board take no part in this study, all that may be recorded")]
    RecusedMax,
    /// Not for an assessor.
    #[error("this is decided by the chair or a deputy, and the secretary; an assessor may suspend a study")]
    Office,
    /// Once is enough.
    #[error("this person has signed this already; it waits for another's signature")]
    SignedAlready,
    /// A person's share is used up.
    #[error(
        "{SIGNATURES_WAITING_MAX} of this person's signatures wait for a second, all that may; have some signed, or wait until they are {SIGNATURE_DAYS} days old"
    )]
    Waiting,
    /// Two others.
    #[error("nobody prolongs their own time or changes their own office; two others of the board do")]
    Own,
    /// Not a board.
    #[error("persons sign for ethics boards; this member is none")]
    NoBoard,
    /// Somebody else's.
    #[error("this key is a member's, or stands for a person of another board; a person has a key of their own for each")]
    KeyTaken,
    /// Nobody has shown to have it.
    #[error("whoever has this key has not signed for this board with it, or it is none that binds its signatures")]
    Possession,
    /// Too short or too long.
    #[error("a person is admitted from today to at most {PERSON_DAYS_MAX} days from now")]
    Until,
    /// For good.
    #[error("this person signs no more, for good; whoever comes back has a new key")]
    Ended,
    /// The record is full.
    #[error("a person is changed at most {PERSON_CHANGES_MAX} times; admit a new key")]
    Changes,
    /// The board is full.
    #[error("an ethics board has at most {PERSONS_MAX} persons who sign; end one first")]
    Persons,
    /// The directory is full.
    #[error(
        "{PERSONS_RECORDED_MAX} persons have signed for this ethics board, all that are ever recorded; a vote admits the board under a new key"
    )]
    Recorded,
    /// A day's allowance is used up.
    #[error("an ethics board admits or changes at most {ADMISSIONS_A_DAY_MAX} persons a day; go on tomorrow")]
    AdmissionsADay,
}

impl PersonRefused {
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Unknown => 241,
            Self::NotInForce => 242,
            Self::Signature => 243,
            Self::SigningDay => 244,
            Self::Number { .. } => 245,
            Self::Version => 246,
            Self::Recused => 247,
            Self::RecusedMax => 248,
            Self::Office => 249,
            Self::SignedAlready => 250,
            Self::Waiting => 251,
            Self::Own => 252,
            Self::NoBoard => 253,
            Self::KeyTaken => 254,
            Self::Possession => 255,
            Self::Until => 256,
            Self::Ended => 257,
            Self::Changes => 258,
            Self::Persons => 259,
            Self::AdmissionsADay => 263,
            Self::Recorded => 265,
        }
    }
}
