//! The node's clock.
//!
//! Block time is what validators agree on. A proposer takes its clock's time, or the first millisecond after the last block if its clock
//! is behind that. The others accept no proposal from the future, and a fresh one only if its time is near their own clock's.

use countersign_messages::BlockTime;
use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// How far any proposal's time may be ahead of a validator's clock: clocks kept by NTP differ by far less.
pub const AHEAD_MS_MAX: u64 = 3_000;
/// How far a fresh proposal's time may be behind: it may have waited for a slow link or a restart, and a lie is bounded by a minute.
pub const BEHIND_MS_MAX: u64 = 60_000;

/// Tells the time in milliseconds since 1970 UTC.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> BlockTime + Send + Sync>);

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now().0)
    }
}

impl Clock {
    /// The machine's clock.
    #[allow(clippy::disallowed_methods, reason = "a node's edge is where the clock is read")]
    pub fn system() -> Self {
        let now = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            BlockTime(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
        };
        Self(Arc::new(now))
    }

    /// A clock of one's own.
    pub fn new(now: impl Fn() -> BlockTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time.
    pub fn now(&self) -> BlockTime {
        (self.0)()
    }

    /// The time for a block after another.
    pub fn after(&self, last: BlockTime) -> BlockTime {
        self.now().max(last.plus_ms(1))
    }

    /// True if a proposal's time may be voted for. One that its proposer says was prevoted for in an earlier round (`again`) may be old; that is the
    /// proposer's word only, so it must not make a time in the future acceptable.
    pub fn accepts(&self, time: BlockTime, again: bool) -> bool {
        let now = self.now();
        time <= now.plus_ms(AHEAD_MS_MAX) && (again || now.since(time) <= BEHIND_MS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposals_are_near_the_clock() {
        let clock = Clock::new(|| BlockTime(1_000_000));
        assert_eq!(clock.after(BlockTime(5)), BlockTime(1_000_000));
        assert_eq!(clock.after(BlockTime(1_000_000)), BlockTime(1_000_001));
        let accepted = |ms| clock.accepts(BlockTime(ms), false);
        assert!(accepted(1_000_000) && accepted(1_003_000) && accepted(940_000));
        assert!(!accepted(1_003_001) && !accepted(939_999) && !accepted(u64::MAX) && !accepted(0));
        // what is proposed again may be old, never from the future: the proposer's word alone says it is proposed again
        let again = |ms| clock.accepts(BlockTime(ms), true);
        assert!(again(0) && again(939_999) && again(1_003_000));
        assert!(!again(1_003_001) && !again(u64::MAX));
    }
}
