//! The clock of this machine.

use countersign_messages::BlockTime;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the clock says, in milliseconds since 1970. Doors read it and hand it to what needs the time.
#[allow(clippy::disallowed_methods, reason = "the one place outside consensus where the clock is read")]
pub fn now() -> BlockTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    BlockTime(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
