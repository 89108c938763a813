//! Events.

use super::{Id, Time, TransactionSummary};
use serde::{Deserialize, Serialize};

/// What a block, or a transaction in it, says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A block was decided. Its other events follow.
    Block {
        /// Its height.
        height: u64,
        /// Its time.
        time: Time,
        /// Its id.
        id: Id,
        /// Transactions in it.
        transactions: usize,
    },
    /// What became of a transaction.
    Transaction {
        /// The transaction.
        #[serde(flatten)]
        summary: TransactionSummary,
    },
    /// A query was opened.
    Query {
        /// The query.
        query: Id,
        /// Its number.
        number: u32,
        /// Sites asked.
        sites: u32,
    },
    /// A site answered a query.
    Answer {
        /// The query.
        query: Id,
        /// The site.
        hospital: Id,
        /// True if the board should look at the hospital's own withdrawals.
        marked: bool,
    },
    /// A site declined a query.
    Declined {
        /// The query.
        query: Id,
        /// The site.
        hospital: Id,
    },
}

impl Event {
    /// Its name: what a stream of server-sent events calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Block { .. } => "block",
            Self::Transaction { .. } => "transaction",
            Self::Query { .. } => "query",
            Self::Answer { .. } => "answer",
            Self::Declined { .. } => "declined",
        }
    }
}
