//! Who may try to connect: counts and rates by address. Pure: time is passed in.

use crate::config::Limits;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

/// Addresses remembered at a time; beyond that, new ones are refused until some are forgotten.
const ADDRESSES_MAX: usize = 4096;

/// Why an attempt is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("too many attempts from this address")]
    Rate,
    #[error("too many handshakes in progress from this address")]
    AddressHandshakes,
    #[error("too many connections from this address")]
    AddressConnections,
    #[error("too many handshakes in progress")]
    Handshakes,
    #[error("too many connections")]
    Connections,
    #[error("too many addresses")]
    Addresses,
}

impl Refusal {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rate => "address_rate",
            Self::AddressHandshakes => "address_handshakes",
            Self::AddressConnections => "address_connections",
            Self::Handshakes => "handshakes",
            Self::Connections => "connections",
            Self::Addresses => "addresses",
        }
    }
}

/// One address, or one /64 in IPv6, as one host has all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Origin(IpAddr);

impl Origin {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(v4.into()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
        }
    }
}

#[derive(Debug)]
struct Entry {
    handshakes: usize,
    connections: usize,
    /// Thousandths of attempts that are left.
    tokens: u64,
    at: Instant,
}

#[derive(Debug)]
pub(crate) struct Admission {
    limits: Limits,
    entries: HashMap<Origin, Entry>,
    handshakes: usize,
    connections: usize,
}

impl Admission {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, entries: HashMap::new(), handshakes: 0, connections: 0 }
    }

    fn tokens_max(&self) -> u64 {
        u64::from(self.limits.attempts_burst_max) * 1000
    }

    fn refilled(&self, entry: &Entry, now: Instant) -> u64 {
        // an hour refills any burst; the bound keeps the product small
        let elapsed = now.saturating_duration_since(entry.at).min(Duration::from_secs(3600));
        let added = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).saturating_mul(self.limits.attempts_per_second_max.into());
        entry.tokens.saturating_add(added).min(self.tokens_max())
    }

    /// A handshake begins.
    pub(crate) fn begin(&mut self, origin: Origin, now: Instant) -> Result<(), Refusal> {
        if !self.entries.contains_key(&origin) {
            if self.entries.len() >= ADDRESSES_MAX {
                self.forget(now);
            }
            if self.entries.len() >= ADDRESSES_MAX {
                return Err(Refusal::Addresses);
            }
        }
        let fresh = Entry { handshakes: 0, connections: 0, tokens: self.tokens_max(), at: now };
        let tokens = self.refilled(self.entries.get(&origin).unwrap_or(&fresh), now);
        let entry = self.entries.entry(origin).or_insert(fresh);
        entry.at = now;
        entry.tokens = tokens;
        if tokens < 1000 {
            return Err(Refusal::Rate);
        }
        entry.tokens -= 1000;
        if entry.handshakes >= self.limits.handshakes_per_address_max {
            Err(Refusal::AddressHandshakes)
        } else if entry.connections >= self.limits.connections_per_address_max {
            Err(Refusal::AddressConnections)
        } else if self.handshakes >= self.limits.handshakes_max {
            Err(Refusal::Handshakes)
        } else if self.connections >= self.limits.connections_max {
            Err(Refusal::Connections)
        } else {
            entry.handshakes += 1;
            self.handshakes += 1;
            Ok(())
        }
    }

    /// A handshake became a connection. On refusal the handshake still counts until it ends.
    pub(crate) fn establish(&mut self, origin: Origin) -> Result<(), Refusal> {
        let Some(entry) = self.entries.get_mut(&origin) else { return Err(Refusal::Addresses) };
        if entry.connections >= self.limits.connections_per_address_max {
            return Err(Refusal::AddressConnections);
        }
        if self.connections >= self.limits.connections_max {
            return Err(Refusal::Connections);
        }
        entry.handshakes -= 1;
        self.handshakes -= 1;
        entry.connections += 1;
        self.connections += 1;
        Ok(())
    }

    pub(crate) fn end_handshake(&mut self, origin: Origin) {
        if let Some(entry) = self.entries.get_mut(&origin) {
            entry.handshakes -= 1;
            self.handshakes -= 1;
        }
    }

    pub(crate) fn end_connection(&mut self, origin: Origin) {
        if let Some(entry) = self.entries.get_mut(&origin) {
            entry.connections -= 1;
            self.connections -= 1;
        }
    }

    /// Handshakes and connections that are open.
    #[cfg(test)]
    pub(crate) fn open(&self) -> (usize, usize) {
        (self.handshakes, self.connections)
    }

    /// Forgets addresses with nothing open and a full allowance: they are as if never seen.
    fn forget(&mut self, now: Instant) {
        let full = self.tokens_max();
        let idle: Vec<Origin> = self
            .entries
            .iter()
            .filter(|(_, e)| e.handshakes == 0 && e.connections == 0 && self.refilled(e, now) >= full)
            .map(|(origin, _)| *origin)
            .collect();
        for origin in idle {
            self.entries.remove(&origin);
        }
    }
}

#[cfg(test)]
mod tests;
