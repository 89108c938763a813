//! Heights and block time.

use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::consent::Day;
use std::fmt;

/// Position of a block. The genesis is height 0 and has no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Height(pub u64);

impl Height {
    /// The next height.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds since 1970-01-01T00:00:00 UTC, as agreed in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct BlockTime(pub u64);

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

impl BlockTime {
    /// The last millisecond of the year 9999; no block is later.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// The UTC date. Times beyond [`Self::MAX`] count as that day.
    ///
    /// # Panics
    /// Never: the year 9999 is about day 2.9 million.
    pub fn day(self) -> Day {
        Day(i32::try_from(self.0.min(Self::MAX.0) / DAY_MS).expect("the year 9999 is about day 2.9 million"))
    }

    /// Milliseconds from an earlier time to this one; 0 if it is not earlier.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time so many milliseconds later.
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_turn_at_midnight_utc() {
        assert_eq!(BlockTime(0).day(), Day(0));
        assert_eq!(BlockTime(DAY_MS - 1).day(), Day(0));
        assert_eq!(BlockTime(DAY_MS).day(), Day(1));
        assert_eq!(BlockTime::MAX.day(), BlockTime(u64::MAX).day());
    }
}
