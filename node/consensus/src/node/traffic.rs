//! How much of consensus one member may say: counted before anything is decoded, so that a validator that says too much pays for it, not the others.
//!
//! What a message costs grows with its length: a vote is one signature to check, a certificate one for each hundred bytes. Small messages are charged as
//! if they were larger, as each takes a place in the engine's queue, which has no bound of its own: what can stand there is what the buckets let through.

use crate::bucket::Bucket;
use countersign_messages::MemberId;
use countersign_net::Channel;
use std::{collections::BTreeMap, time::Duration};

/// What a channel lets through.
struct Allowed {
    /// Bytes a message is charged at least.
    least: u64,
    /// Bytes at once.
    burst: u64,
    /// Bytes a second in the long run.
    per_second: u64,
}

/// Votes, proposals and certificates. Validators that decide a hundred blocks a second, as fast as loopback goes, say about 350 things a second each, and
/// twenty seconds of that at once after the network has held it up; 2,048 votes a second cost a tenth of a core.
const CONSENSUS: Allowed = Allowed { least: 256, burst: 8_192 * 256, per_second: 2_048 * 256 };
/// Of more validators than this, each has a smaller share of that: together they never take more than half a core.
const SHARES: u64 = 4;
/// Messages of consensus above this are certificates. They are charged as if they were so many times longer: a signature in them takes less room than a vote.
const CERTIFICATE_BYTES_MIN: u64 = 256;
/// See [`CERTIFICATE_BYTES_MIN`].
const CERTIFICATE_WEIGHT: u64 = 3;
/// Parts of blocks. At once: a proposal of the largest size, and two that are proposed again. In the long run: a largest block a second.
const PARTS: Allowed = Allowed { least: 16 << 10, burst: 64 << 20, per_second: 24 << 20 };
/// Statuses. Validators say one a second, and each draws a request for blocks from one that is behind.
const STATUS: Allowed = Allowed { least: 4 << 10, burst: 64 * (4 << 10), per_second: 4 * (4 << 10) };

/// A member has said more than it may. The message is to be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Overuse {
    /// An honest validator may come to this: what the network has held up comes at once.
    #[error("more than may be taken in now")]
    Busy,
    /// No honest validator says so much.
    #[error("said more on a channel of consensus than any honest validator does")]
    Flood,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    buckets: BTreeMap<(MemberId, Channel), Bucket>,
    /// What is left of the share in messages of consensus.
    shares: BTreeMap<MemberId, Bucket>,
}

impl Allowed {
    fn bucket(&self, now: Duration) -> Bucket {
        Bucket::full(self.burst, self.per_second * 1_000, now)
    }
}

impl Traffic {
    /// Charges a message of one of so many validators. `now` is the time since any fixed moment of a clock that does not run backwards.
    ///
    /// # Errors
    /// [`Overuse`].
    pub(super) fn charge(
        &mut self,
        from: MemberId,
        channel: Channel,
        bytes: usize,
        validators: usize,
        now: Duration,
    ) -> Result<(), Overuse> {
        let (allowed, overuse) = match channel {
            Channel::Consensus => (CONSENSUS, Overuse::Flood),
            Channel::Parts => (PARTS, Overuse::Busy),
            // the engine says one whenever somebody connects: how often is not its sender's choice alone
            Channel::Status => (STATUS, Overuse::Busy),
            // the mempool has its own allowance
            Channel::Transactions => return Ok(()),
        };
        let mut size = allowed.least.max(bytes as u64);
        if channel == Channel::Consensus && size > CERTIFICATE_BYTES_MIN {
            size *= CERTIFICATE_WEIGHT;
        }
        take(self.buckets.entry((from, channel)).or_insert_with(|| allowed.bucket(now)), size, now).ok_or(overuse)?;
        let crowd = (validators as u64).div_ceil(SHARES);
        if channel == Channel::Consensus && crowd > 1 {
            take(self.shares.entry(from).or_insert_with(|| allowed.bucket(now)), size * crowd, now).ok_or(Overuse::Busy)?;
        }
        Ok(())
    }

    /// Forgets members that have left. One that is only away stays, or coming back would fill its buckets.
    pub(super) fn retain(&mut self, stays: impl Fn(&MemberId) -> bool) {
        self.buckets.retain(|(member, _), _| stays(member));
        self.shares.retain(|member, _| stays(member));
    }
}

/// Takes so much if it is there.
fn take(bucket: &mut Bucket, size: u64, now: Duration) -> Option<()> {
    bucket.wait(size, now).is_zero().then(|| bucket.take(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOTE: usize = 200;

    fn member(i: u8) -> MemberId {
        MemberId([i; 32])
    }

    /// How many of so many messages at one moment are let through.
    fn let_through(traffic: &mut Traffic, channel: Channel, bytes: usize, count: usize, now: Duration) -> usize {
        (0..count).filter(|_| traffic.charge(member(1), channel, bytes, 4, now).is_ok()).count()
    }

    #[test]
    fn an_honest_validator_never_reaches_its_bound() {
        let mut traffic = Traffic::default();
        for ms in (0..60_000).step_by(10) {
            let now = Duration::from_millis(ms);
            // 400 votes and proposals a second, a block of 200 KiB a hundred times a second, a certificate of 100 validators each, a status a second
            assert_eq!(let_through(&mut traffic, Channel::Consensus, VOTE, 4, now), 4);
            assert_eq!(let_through(&mut traffic, Channel::Parts, 200 << 10, 1, now), 1);
            assert_eq!(let_through(&mut traffic, Channel::Status, 100, usize::from(ms % 1_000 == 0), now), usize::from(ms % 1_000 == 0));
        }
    }

    #[test]
    fn a_flood_of_votes_is_one() {
        let mut traffic = Traffic::default();
        assert_eq!(let_through(&mut traffic, Channel::Consensus, VOTE, 100_000, Duration::ZERO), 8_192);
        assert_eq!(traffic.charge(member(1), Channel::Consensus, VOTE, 4, Duration::ZERO), Err(Overuse::Flood));
        // in the long run what a tenth of a core checks; others are not concerned
        assert_eq!(let_through(&mut traffic, Channel::Consensus, VOTE, 100_000, Duration::from_secs(1)), 2_048);
        assert_eq!(traffic.charge(member(2), Channel::Consensus, VOTE, 4, Duration::ZERO), Ok(()));
        assert_eq!(traffic.charge(member(1), Channel::Status, VOTE, 4, Duration::ZERO), Ok(()));
    }

    #[test]
    fn together_they_take_half_a_core_at_most() {
        for validators in [5, 7, 31, 100, 256] {
            let mut traffic = Traffic::default();
            let mut let_through = |said: usize, seconds: u64| {
                let now = Duration::from_secs(seconds);
                (0..said).filter(|_| traffic.charge(member(1), Channel::Consensus, VOTE, validators, now).is_ok()).count()
            };
            let_through(8_000, 0);
            let a_second = let_through(2_000, 1);
            assert!(a_second * validators <= 10_000, "{validators}: {a_second}");
            // five blocks a second, votes and what is said again with them
            assert!(a_second >= 30, "{validators}: {a_second}");
            // who says more is not cut off before it is a flood anywhere
            assert_eq!(traffic.charge(member(1), Channel::Consensus, VOTE, validators, Duration::from_secs(1)), Err(Overuse::Busy));
        }
    }

    #[test]
    fn certificates_are_charged_by_their_signatures() {
        let mut traffic = Traffic::default();
        let longest = Channel::Consensus.message_bytes_max();
        assert_eq!(let_through(&mut traffic, Channel::Consensus, longest, 100_000, Duration::ZERO), 10);
    }

    #[test]
    fn parts_of_one_byte_are_charged_for_their_place() {
        let mut traffic = Traffic::default();
        assert_eq!(let_through(&mut traffic, Channel::Parts, 1, 100_000, Duration::ZERO), 4_096);
        // nobody is cut off for it
        assert_eq!(traffic.charge(member(1), Channel::Parts, 1, 4, Duration::ZERO), Err(Overuse::Busy));
        // the largest block passes at once, and again
        let mut traffic = Traffic::default();
        let pieces = countersign_messages::limits::BLOCK_BYTES_MAX.div_ceil(256 << 10);
        assert_eq!(let_through(&mut traffic, Channel::Parts, 256 << 10, 2 * pieces, Duration::ZERO), 2 * pieces);
    }

    #[test]
    fn statuses_draw_requests_and_are_few() {
        let mut traffic = Traffic::default();
        assert_eq!(let_through(&mut traffic, Channel::Status, 60, 100_000, Duration::ZERO), 64);
        assert_eq!(traffic.charge(member(1), Channel::Status, 60, 4, Duration::ZERO), Err(Overuse::Busy));
    }

    #[test]
    fn who_comes_back_has_used_up_what_it_had() {
        let mut traffic = Traffic::default();
        let_through(&mut traffic, Channel::Consensus, VOTE, 100_000, Duration::ZERO);
        traffic.retain(|m| *m == member(1));
        assert_eq!(traffic.charge(member(1), Channel::Consensus, VOTE, 4, Duration::ZERO), Err(Overuse::Flood));
        traffic.retain(|m| *m == member(2));
        assert!(traffic.buckets.is_empty());
    }
}
