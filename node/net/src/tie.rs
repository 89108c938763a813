//! Which of two connections with the same member stays. Pure.
//!
//! Both ends decide by themselves and must come to the same end. Another run of the peer's process replaces the earlier one at once,
//! however alive its connection looks. Within one run, a newer connection dialled by the same end replaces the older, as that end has
//! given it up; of two that were dialled by different ends, the one dialled by the smaller key stays, whichever came first.

use crate::hello::Instance;
use countersign_messages::MemberId;

/// What matters about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Which run of the peer's process.
    pub(crate) instance: Instance,
    /// Which end dialled.
    pub(crate) dialled_by: MemberId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Winner {
    Old,
    New,
}

/// Decides; `one` and `other` are the two ends.
pub(crate) fn winner(old: Claim, new: Claim, one: MemberId, other: MemberId) -> Winner {
    if old.instance != new.instance || old.dialled_by == new.dialled_by {
        return Winner::New;
    }
    if new.dialled_by == one.min(other) { Winner::New } else { Winner::Old }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(instance: u64, by: u8) -> Claim {
        Claim { instance: Instance(instance), dialled_by: MemberId([by; 32]) }
    }

    #[test]
    fn both_ends_keep_the_same_connection_in_whatever_order_they_see_them() {
        let (a, b) = (MemberId([1; 32]), MemberId([2; 32]));
        let (by_a, by_b) = (claim(7, 1), claim(7, 2));
        for (one, other) in [(a, b), (b, a)] {
            assert_eq!(winner(by_a, by_b, one, other), Winner::Old);
            assert_eq!(winner(by_b, by_a, one, other), Winner::New);
        }
    }

    #[test]
    fn a_restarted_process_and_a_repeated_dial_get_in() {
        let (a, b) = (MemberId([1; 32]), MemberId([2; 32]));
        for by in [1, 2] {
            assert_eq!(winner(claim(7, 1), claim(8, by), a, b), Winner::New);
            assert_eq!(winner(claim(7, by), claim(7, by), a, b), Winner::New);
        }
    }
}
