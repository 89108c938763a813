//! Says it is an hour later than it is, or an hour earlier.

use countersign_consensus::Clock;
use countersign_messages::BlockTime;

pub const HOUR_MS: u64 = 3_600_000;

pub fn ahead() -> Clock {
    let clock = Clock::system();
    Clock::new(move || BlockTime(clock.now().0 + HOUR_MS))
}

pub fn behind() -> Clock {
    let clock = Clock::system();
    Clock::new(move || BlockTime(clock.now().0 - HOUR_MS))
}
