//! Log lines about strangers: one an address a minute. Pure: time is passed in.

use crate::admission::Origin;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

const EVERY: Duration = Duration::from_secs(60);
/// Addresses remembered at a time; the others are not logged.
const ADDRESSES_MAX: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Quiet {
    /// When last logged, and how often not since.
    said: HashMap<Origin, (Instant, u64)>,
}

impl Quiet {
    /// If a line may be written: how many were not since the last.
    pub(crate) fn may_say(&mut self, origin: Origin, now: Instant) -> Option<u64> {
        if let Some((at, left_out)) = self.said.get_mut(&origin) {
            if now.saturating_duration_since(*at) < EVERY {
                *left_out += 1;
                return None;
            }
            *at = now;
            return Some(std::mem::take(left_out));
        }
        if self.said.len() >= ADDRESSES_MAX {
            self.said.retain(|_, (at, _)| now.saturating_duration_since(*at) < EVERY);
        }
        if self.said.len() >= ADDRESSES_MAX {
            return None;
        }
        self.said.insert(origin, (now, 0));
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    #[test]
    fn one_line_an_address_a_minute_and_a_bound_on_addresses() {
        let (mut quiet, now) = (Quiet::default(), Instant::now());
        let origin = |n: u32| Origin::of(IpAddr::V4(Ipv4Addr::from(n)));
        assert_eq!(quiet.may_say(origin(0), now), Some(0));
        assert_eq!(quiet.may_say(origin(0), now + Duration::from_secs(59)), None);
        assert_eq!(quiet.may_say(origin(0), now + Duration::from_secs(60)), Some(1));
        for n in 1..5000 {
            quiet.may_say(origin(n), now + Duration::from_secs(60));
        }
        assert_eq!(quiet.said.len(), ADDRESSES_MAX);
        assert_eq!(quiet.may_say(origin(5000), now + Duration::from_secs(120)), Some(0));
    }
}
