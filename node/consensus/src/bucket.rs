//! A token bucket: so much at once, and so much in the long run.

use std::time::Duration;

/// A token bucket. Tokens are counted in millionths, so that slow rates lose nothing to rounding.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    micro: u64,
    max: u64,
    per_1000_seconds: u64,
    filled: Duration,
}

const MICRO: u64 = 1_000_000;

impl Bucket {
    /// A full one.
    pub(crate) fn full(max: u64, per_1000_seconds: u64, now: Duration) -> Self {
        Self { micro: max * MICRO, max: max * MICRO, per_1000_seconds, filled: now }
    }

    /// Fills up, and says how long until there are so many tokens; zero if there are now. More than it can ever hold counts as all it can hold.
    pub(crate) fn wait(&mut self, tokens: u64, now: Duration) -> Duration {
        let passed = u64::try_from(now.saturating_sub(self.filled).as_millis()).unwrap_or(u64::MAX);
        // tokens a thousand seconds are millionths of a token a millisecond
        self.micro = self.micro.saturating_add(passed.saturating_mul(self.per_1000_seconds)).min(self.max);
        self.filled = self.filled.max(now);
        let short = tokens.saturating_mul(MICRO).min(self.max).saturating_sub(self.micro);
        Duration::from_millis(short.div_ceil(self.per_1000_seconds.max(1)))
    }

    /// True if it holds less than a millionth of a token.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.micro == 0
    }

    /// Takes so many.
    pub(crate) fn take(&mut self, tokens: u64) {
        self.micro = self.micro.saturating_sub(tokens.saturating_mul(MICRO));
    }
}
