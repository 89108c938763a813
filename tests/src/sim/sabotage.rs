//! Nodes that are broken on purpose. Each must be found by a check, or the check is none.

use countersign_messages::{Payload, Transaction};

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Nothing.
    None,
    /// Takes a valid block as decided as soon as it has seen it.
    CommitsWithoutQuorum,
    /// Loses the write-ahead log and the proposed blocks when it dies.
    ForgetsLock,
    /// Votes at once when it has lost its database or its log.
    VotesAtOnce,
    /// Puts transactions of earlier blocks into its proposals again, and does not check what others propose.
    ExecutesTwice,
    /// Has withdrawals neither in its mempool nor in its proposals.
    DropsWithdrawals,
    /// Never asks for blocks it has missed.
    NeverSyncs,
    /// Believes every proof.
    BelievesProofs,
    /// Refuses every transaction of one member, the researcher.
    Censors,
}

/// Which nodes are broken, and how.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How.
    pub sabotage: Sabotage,
    /// The first so many of the four.
    pub nodes: usize,
}

impl Plan {
    /// All nodes are honest.
    pub const HONEST: Self = Self { sabotage: Sabotage::None, nodes: 0 };

    pub(super) fn of(&self, node: usize) -> Sabotage {
        if node < self.nodes { self.sabotage } else { Sabotage::None }
    }
}

impl Sabotage {
    /// True if the node does not want to know of a transaction.
    pub(super) fn drops(self, transaction: &Transaction) -> bool {
        match self {
            Self::DropsWithdrawals => matches!(transaction.payload, Payload::Withdraw(_)),
            Self::Censors => transaction.signer == super::harness::id(super::harness::Researcher),
            _ => false,
        }
    }
}
