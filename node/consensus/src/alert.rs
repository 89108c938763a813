//! What an operator should know: conditions that hold now, and what members were seen to do wrong.

use countersign_messages::{Height, MemberId};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Accusations of one member that are kept; older ones are in the log. Each has its own number, so that nobody's make others' forgotten.
pub const ACCUSATIONS_A_MEMBER_MAX: usize = 32;

/// A condition that needs a person. What each means and what to do: docs/operating.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertCode {
    /// No block for longer than blocks should take.
    Stalled,
    /// Fewer members are connected than decide.
    NoQuorum,
    /// A block that a quorum signed does not execute here: this program differs from the others', or they broke the rules.
    Fork,
    /// The consensus engine has stopped: its write-ahead log is damaged, or the disk failed.
    EngineStopped,
    /// This validator does not vote: its record of the votes it has made is lost, or not known yet.
    NotVoting,
    /// The database failed.
    Storage,
    /// This node does not hold the circuit keys in force.
    CircuitKeys,
    /// This clock differs from block time by more than proposals may.
    Clock,
}

impl AlertCode {
    /// The name in status, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stalled => "stalled",
            Self::NoQuorum => "no-quorum",
            Self::Fork => "fork",
            Self::EngineStopped => "engine-stopped",
            Self::NotVoting => "not-voting",
            Self::Storage => "storage",
            Self::CircuitKeys => "circuit-keys",
            Self::Clock => "clock",
        }
    }
}

impl fmt::Display for AlertCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a member did wrong, as far as this node saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Offence {
    /// Signed two different votes or proposals for one round.
    Equivocation,
    /// Proposed a block that does not execute to what its header says, or does not decode.
    InvalidBlock,
    /// Proposed a block whose time is far from this clock's.
    BlockTime,
    /// Sent parts that are no proposal.
    InvalidParts,
    /// Proposed in another's round, or again and again in its own.
    OutOfTurn,
    /// Was the proposer of a round and no proposal came in time.
    NoProposal,
    /// Sent transactions that no honest node passes on.
    InvalidTransactions,
    /// Sent messages that do not decode or that are not for it to send.
    InvalidMessage,
    /// Answered a request for blocks with something else.
    InvalidSync,
    /// Said more than any honest validator does.
    Flood,
}

impl Offence {
    /// The name in status, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Equivocation => "equivocation",
            Self::InvalidBlock => "invalid-block",
            Self::BlockTime => "block-time",
            Self::InvalidParts => "invalid-parts",
            Self::OutOfTurn => "out-of-turn",
            Self::NoProposal => "no-proposal",
            Self::InvalidTransactions => "invalid-transactions",
            Self::InvalidMessage => "invalid-message",
            Self::InvalidSync => "invalid-sync",
            Self::Flood => "flood",
        }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who did what, when this node was about to decide which height.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accusation {
    /// Who.
    pub member: MemberId,
    /// What.
    pub offence: Offence,
    /// The height.
    pub height: Height,
    /// In words.
    pub detail: String,
}

#[derive(Debug, Default)]
struct Kept {
    alerts: BTreeMap<AlertCode, String>,
    accusations: VecDeque<Accusation>,
}

/// Alerts and accusations of a node.
#[derive(Debug, Default)]
pub struct Alerts(Mutex<Kept>);

impl Alerts {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A condition holds. Logged when it begins.
    pub fn raise(&self, code: AlertCode, words: impl Into<String>) {
        let words = words.into();
        if self.kept().alerts.insert(code, words.clone()).is_none() {
            tracing::error!(alert = %code, "{words}");
            metrics::gauge!("countersign_alert", "code" => code.name()).set(1.0);
        }
    }

    /// A condition holds no more.
    pub fn clear(&self, code: AlertCode) {
        if self.kept().alerts.remove(&code).is_some() {
            tracing::info!(alert = %code, "over");
            metrics::gauge!("countersign_alert", "code" => code.name()).set(0.0);
        }
    }

    /// What holds now.
    pub fn raised(&self) -> Vec<(AlertCode, String)> {
        self.kept().alerts.iter().map(|(code, words)| (*code, words.clone())).collect()
    }

    /// A member did something wrong. What it does again and again at one height is logged and kept once, and counted each time.
    pub fn accuse(&self, member: MemberId, offence: Offence, height: Height, detail: impl Into<String>) {
        metrics::counter!("countersign_offences_total", "offence" => offence.name()).increment(1);
        let detail = detail.into();
        let mut kept = self.kept();
        let mut of_member = kept.accusations.iter().enumerate().filter(|(_, a)| a.member == member);
        if of_member.clone().any(|(_, a)| a.offence == offence && a.height == height) {
            return;
        }
        tracing::warn!(%member, %offence, %height, "{detail}");
        let oldest = of_member.next().map(|(at, _)| at);
        if let Some(at) = oldest.filter(|_| of_member.count() + 1 >= ACCUSATIONS_A_MEMBER_MAX) {
            kept.accusations.remove(at);
        }
        kept.accusations.push_back(Accusation { member, offence, height, detail });
    }

    /// The latest accusations, oldest first.
    pub fn accusations(&self) -> Vec<Accusation> {
        self.kept().accusations.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_member_does_hides_nothing_that_others_did() {
        let alerts = Alerts::default();
        let (quiet, loud) = (MemberId([1; 32]), MemberId([2; 32]));
        alerts.accuse(quiet, Offence::Equivocation, Height(1), "once");
        for height in 1..=1_000 {
            for _ in 0..3 {
                alerts.accuse(loud, Offence::OutOfTurn, Height(height), "again");
            }
        }
        let kept = alerts.accusations();
        assert_eq!(kept.len(), 1 + ACCUSATIONS_A_MEMBER_MAX);
        assert_eq!((kept[0].member, kept[0].offence), (quiet, Offence::Equivocation));
        // the latest, each once
        assert!(kept[1..].iter().map(|a| a.height.0).eq(1_001 - ACCUSATIONS_A_MEMBER_MAX as u64..=1_000));
    }
}
