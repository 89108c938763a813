//! Requests a second of one client.

use crate::config::Limits;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::HashMapStateStore,
};
use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
};

/// What a client is counted as: its IPv4 address, or its IPv6 /64, of which one subscriber has all addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientKey(IpAddr);

impl From<IpAddr> for ClientKey {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => Self(IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)))),
            v4 => Self(v4),
        }
    }
}

/// Why a request has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooFast {
    /// The client itself is too fast.
    Client {
        /// Whole seconds until its next request is allowed, at least 1.
        retry_seconds: u64,
    },
    /// The table is full of busy clients and this one is new.
    TableFull,
}

/// A token bucket a client, in a bounded table.
#[derive(Debug)]
pub(crate) struct Rates {
    limiter: RateLimiter<ClientKey, HashMapStateStore<ClientKey>, DefaultClock>,
    clock: DefaultClock,
    clients_max: usize,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        let positive = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(positive(limits.requests_per_second)).allow_burst(positive(limits.requests_burst));
        Self { limiter: RateLimiter::hashmap(quota), clock: DefaultClock::default(), clients_max: limits.clients }
    }

    /// Counts one request. Forgetting idle clients costs a pass over the table, once it is full.
    pub(crate) fn check(&self, client: ClientKey) -> Result<(), TooFast> {
        if self.limiter.len() >= self.clients_max {
            self.limiter.retain_recent();
            // known clients are turned away too while the table is full of busy ones: telling them apart is not worth a second table
            if self.limiter.len() >= self.clients_max {
                return Err(TooFast::TableFull);
            }
        }
        self.limiter.check_key(&client).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            TooFast::Client { retry_seconds: wait.as_secs() + 1 }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(requests_burst: u32, clients: usize) -> Rates {
        // one request in a second: the test is over long before a token comes back
        Rates::new(&Limits { requests_per_second: 1, requests_burst, clients, ..Limits::default() })
    }

    fn client(text: &str) -> ClientKey {
        ClientKey::from(text.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn each_client_has_its_own_bucket() {
        let rates = rates(3, 10);
        for _ in 0..3 {
            assert_eq!(rates.check(client("192.0.2.1")), Ok(()));
        }
        assert!(matches!(rates.check(client("192.0.2.1")), Err(TooFast::Client { retry_seconds: 1..=2 })));
        assert_eq!(rates.check(client("192.0.2.2")), Ok(()));
    }

    #[test]
    fn one_subscriber_is_one_client() {
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:2"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
    }

    #[test]
    fn the_table_is_bounded() {
        let rates = rates(1, 2);
        assert_eq!(rates.check(client("192.0.2.1")), Ok(()));
        assert_eq!(rates.check(client("192.0.2.2")), Ok(()));
        assert_eq!(rates.check(client("192.0.2.3")), Err(TooFast::TableFull));
        assert_eq!(rates.limiter.len(), 2);
    }
}
