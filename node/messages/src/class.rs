//! Kinds of transactions.

use crate::transaction::Payload;
use std::fmt;

/// Kinds of transactions that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Anchors and erasures.
    Anchors,
    /// Answers.
    Answers,
    /// Withdrawals.
    Withdrawals,
    /// All others.
    Others,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anchors => "anchors",
            Self::Answers => "answers",
            Self::Withdrawals => "withdrawals",
            Self::Others => "transactions of this kind",
        })
    }
}

impl Class {
    /// The class of a payload.
    pub fn of(payload: &Payload) -> Self {
        match payload {
            Payload::Anchor(_) | Payload::Erase(_) => Self::Anchors,
            Payload::Answer(_) => Self::Answers,
            Payload::Withdraw(_) | Payload::WithdrawByKey(_) => Self::Withdrawals,
            _ => Self::Others,
        }
    }
}
