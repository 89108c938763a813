//! What a message between members is for, and how big it may be.

use std::fmt;

/// One of the streams of messages between two members. Messages of one channel arrive in the order they were sent; those of different
/// channels overtake each other, so that big ones never hold up votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Votes and proposals. When the queue is full the oldest are dropped: a later vote is worth more than an earlier one.
    Consensus,
    /// Parts of proposed blocks. When the queue is full the sender is told.
    Parts,
    /// Gossip of transactions. When the queue is full the sender is told.
    Transactions,
    /// How far a member is. Only the newest ones matter: the oldest are dropped.
    Status,
}

impl Channel {
    /// All channels, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Consensus, Self::Status, Self::Parts, Self::Transactions];

    /// The size of the biggest message in bytes.
    pub const fn message_bytes_max(self) -> usize {
        match self {
            // a vote has about 200 bytes, a certificate of 100 validators about 10 KiB
            Self::Consensus => 64 << 10,
            // blocks travel in parts, so that their pieces can be checked and passed on one by one
            Self::Parts => 512 << 10,
            // the ledger's biggest transaction is 16 MiB; the rest is room for its envelope
            Self::Transactions => 17 << 20,
            // a height and a few hashes
            Self::Status => 4 << 10,
        }
    }

    /// How many messages may wait for one peer.
    pub(crate) const fn queue_messages_max(self) -> usize {
        match self {
            // several rounds of votes of 100 validators
            Self::Consensus => 1024,
            Self::Parts => 256,
            Self::Transactions => 1024,
            Self::Status => 4,
        }
    }

    /// How many bytes may wait for one peer.
    pub(crate) const fn queue_bytes_max(self) -> usize {
        match self {
            Self::Consensus => 4 << 20,
            // one block of the largest size and the start of the next
            Self::Parts => 32 << 20,
            Self::Transactions => 2 * Self::Transactions.message_bytes_max(),
            Self::Status => 16 << 10,
        }
    }

    /// Whether a full queue drops its oldest message rather than refuse the newest.
    pub(crate) const fn drops_oldest(self) -> bool {
        matches!(self, Self::Consensus | Self::Status)
    }

    /// The name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consensus => "consensus",
            Self::Parts => "parts",
            Self::Transactions => "transactions",
            Self::Status => "status",
        }
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Consensus => 0,
            Self::Status => 1,
            Self::Parts => 2,
            Self::Transactions => 3,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
