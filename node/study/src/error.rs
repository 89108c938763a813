//! What keeps a researcher or a board from doing what they set out to do.

use countersign_member::LedgerError;
use countersign_messages::{MemberId, sealed::SealError};
use countersign_query::Refusal;
use countersign_stats::TableError;
use countersign_store::StoreError;
use std::path::PathBuf;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// Nobody can approve a study.
    #[error("the network has no ethics board that could approve this study; a governance member proposes one")]
    NoBoard,
    /// A name that is no board's.
    #[error("\"{name}\" is no ethics board that could approve this study; there are: {}", boards.join(", "))]
    NoSuchBoard {
        /// As given.
        name: String,
        /// Who could.
        boards: Vec<String>,
    },
    /// There are several boards and none is named.
    #[error("say which ethics board is to approve the study: {}", .0.join(", "))]
    WhichBoard(Vec<String>),
    /// Not a member, or not any more.
    #[error("the ledger lists no member {0}")]
    NotListed(MemberId),
    /// Answers would be sealed to a key the researcher does not have.
    #[error(
        "the ledger lists another sealing key for you than that of your keys.toml, and you could not open the answers; have your card proposed again"
    )]
    OtherSealingKey,
    /// Answers would be sealed to a key the board does not have.
    #[error(
        "study S-{0} is not approved: its answers would not be sealed to the key of this board's keys.toml. Have your card proposed again if that is the \
         right key, and the study submitted again"
    )]
    NotSealedToBoard(u32),
    /// A person signs for one board.
    #[error("this person's key is for another ethics board than that of the keys.toml at hand")]
    OtherBoard,
    /// Not what is to be signed, or not as a board's program wrote it.
    #[error("this is no request for a signature, or it was changed on the way: {0}")]
    Request(String),
    /// The ledger does not know it.
    #[error("the ledger has no such {0}")]
    Unknown(&'static str),
    /// There is nothing to ask about.
    #[error("no dictionary is published yet; anchor a table first")]
    NoDictionary,
    /// The question is refused.
    #[error(transparent)]
    Question(#[from] Refusal),
    /// Somebody asked one thing and wrote another beside it.
    #[error("Q-{0}: the words on the ledger are not those of the statement that was asked; ask who asked it")]
    OtherWords(u32),
    /// The ledger accepted a transaction and recorded another effect: a fault of this program.
    #[error("the ledger recorded no {0}")]
    NotRecorded(&'static str),
    /// A sealed answer that is on record is nowhere.
    #[error("{0}'s sealed answer is not stored")]
    NotStored(String),
    /// An answer does not verify here.
    #[error("{hospital}: {reason}")]
    NotVerified {
        /// Whose.
        hospital: String,
        /// Why.
        reason: String,
    },
    /// No circuit is large enough.
    #[error("the statement has too many cells")]
    Cells,
    /// A place for files that is none.
    #[error("cannot write into {}: {source}", folder.display())]
    Export {
        /// Where.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What came back cannot be tabulated.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A sealed answer cannot be opened with these keys.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The chain on disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl StudyError {
    /// True if whoever asked must ask or give something else; false if the same may work another time.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::NoBoard
            | Self::NoSuchBoard { .. }
            | Self::WhichBoard(_)
            | Self::NotListed(_)
            | Self::OtherSealingKey
            | Self::NotSealedToBoard(_)
            | Self::OtherBoard
            | Self::Unknown(_)
            | Self::NoDictionary
            | Self::Question(_)
            | Self::OtherWords(_) => true,
            Self::Ledger(error) => error.is_refusal(),
            _ => false,
        }
    }

    /// True if something that was to be verified does not verify.
    pub fn is_not_verified(&self) -> bool {
        matches!(self, Self::NotVerified { .. } | Self::NotStored(_) | Self::Request(_))
    }
}
