//! How the JSON is made: types of the ledger are turned into the shapes of `countersign_messages::json`, and back into nothing: clients send canonical
//! bytes.

pub(crate) mod answer;
pub(crate) mod block;
pub(crate) mod dictionary;
pub(crate) mod member;
pub(crate) mod patient;
pub(crate) mod proposal;
pub(crate) mod query;
pub(crate) mod status;
pub(crate) mod study;
pub(crate) mod transaction;

use countersign_circuits::consent::Day;
use countersign_messages::{BlockTime, json};
use jiff::{SignedDuration, civil::DateTime};
use utoipa::ToSchema;

/// The time of a block.
pub(crate) fn time(time: BlockTime) -> json::Time {
    time_at_ms(time.0)
}

/// Milliseconds since 1970 UTC. Times beyond the year 9999, which no block has, show as its end.
pub(crate) fn time_at_ms(ms: u64) -> json::Time {
    let since = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
    json::Time { ms, utc: format!("{:.3}Z", EPOCH.checked_add(since).unwrap_or(DateTime::MAX)) }
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
        assert_eq!(time_at_ms(0).utc, "1970-01-01T00:00:00.000Z");
        assert_eq!(time_at_ms(20_000 * 86_400_000 + 1).utc, "2024-10-04T00:00:00.001Z");
        assert_eq!(time(BlockTime::MAX).utc, "9999-12-31T23:59:59.999Z");
        assert_eq!(time_at_ms(u64::MAX).utc, "9999-12-31T23:59:59.999Z");
        assert_eq!(date(Day(20_000)), "2024-10-04");
        assert_eq!(date(Day(i32::MAX)), "9999-12-31");
    }

    /// Rejections say a day without a calendar library.
    #[test]
    fn a_day_calls_itself_what_the_calendar_does() {
        for day in (-719_162..2_932_896).step_by(17).chain([-719_162, 11_016, 11_017, 19_782, 2_932_896]) {
            assert_eq!(Day(day).to_string(), date(Day(day)));
        }
    }
}
