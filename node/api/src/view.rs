//! What the JSON looks like. Types of the ledger are turned into these and back into nothing: clients send canonical bytes.
//!
//! Ids are lower-case hexadecimal. Heights, times, sequence and other numbers below 2^53 are JSON numbers (a chain would need 285,000 years of a
//! block a millisecond to pass that); numbers that may be larger are strings.

pub(crate) mod block;
pub(crate) mod dictionary;
pub(crate) mod member;
pub(crate) mod proposal;
pub(crate) mod query;
pub(crate) mod status;
pub(crate) mod study;
pub(crate) mod transaction;

use countersign_circuits::{consent::Day, hash::Digest32};
use countersign_messages::BlockTime;
use jiff::{SignedDuration, civil::DateTime};
use serde::Serialize;
use utoipa::ToSchema;

/// 32 bytes in lower-case hexadecimal: a hash or an Ed25519 key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
pub(crate) struct Id(String);

impl Id {
    pub(crate) fn of(id: impl std::fmt::Display) -> Self {
        Self(id.to_string())
    }

    pub(crate) fn of_bytes(bytes: &[u8; 32]) -> Self {
        Self(Digest32(*bytes).to_string())
    }
}

/// A moment, twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Time {
    /// Milliseconds since 1970-01-01T00:00:00 UTC.
    pub(crate) ms: u64,
    /// The same by RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) utc: String,
}

impl From<BlockTime> for Time {
    fn from(time: BlockTime) -> Self {
        Self::at_ms(time.0)
    }
}

impl Time {
    /// Times beyond the year 9999, which no block has, show as its end.
    pub(crate) fn at_ms(ms: u64) -> Self {
        let since = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        Self { ms, utc: format!("{:.3}Z", EPOCH.checked_add(since).unwrap_or(DateTime::MAX)) }
    }
}

/// In civil time: the calendar's timestamps with a time zone end a day before the year 9999 does.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// A UTC date by ISO 8601. Days beyond the calendar show as its end.
pub(crate) fn date(day: Day) -> String {
    let since = SignedDuration::from_hours(i64::from(day.0) * 24);
    EPOCH.checked_add(since).unwrap_or(DateTime::MAX).date().to_string()
}

/// Raw bytes, in the document only.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code, reason = "stands for bytes in the document")]
pub(crate) struct Octets(Vec<u8>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_full() {
        assert_eq!(Time::at_ms(0).utc, "1970-01-01T00:00:00.000Z");
        assert_eq!(Time::at_ms(20_000 * 86_400_000 + 1).utc, "2024-10-04T00:00:00.001Z");
        assert_eq!(Time::at_ms(BlockTime::MAX.0).utc, "9999-12-31T23:59:59.999Z");
        assert_eq!(Time::at_ms(u64::MAX).utc, "9999-12-31T23:59:59.999Z");
        assert_eq!(date(Day(20_000)), "2024-10-04");
        assert_eq!(date(Day(i32::MAX)), "9999-12-31");
    }
}
