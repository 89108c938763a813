//! How many connections are open, in total and of one address.

use crate::{
    config::Limits,
    measure::Gauged,
    problem::{Problem, ProblemKind},
};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};

/// Refusals that wait for the client to read them. More are dropped without a word.
const REFUSALS_MAX: usize = 64;
/// How long a refused client may take to read why.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// Bytes of a refused client's request that are read so that closing does not destroy the refusal on its way.
const REFUSAL_READ_BYTES: u64 = 64 << 10;

/// Open connections by address. The table has at most as many entries as connections.
#[derive(Debug)]
pub(crate) struct Connections {
    total_max: usize,
    /// None behind a proxy.
    per_address_max: Option<usize>,
    open: Mutex<HashMap<IpAddr, usize>>,
    refusals: Arc<Semaphore>,
}

/// An open connection's place in the table.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    connections: Arc<Connections>,
    address: IpAddr,
    _gauged: Gauged,
}

impl Connections {
    pub(crate) fn new(limits: &Limits, behind_proxy: bool) -> Arc<Self> {
        Arc::new(Self {
            total_max: limits.connections,
            per_address_max: (!behind_proxy).then_some(limits.connections_per_address),
            open: Mutex::default(),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
        })
    }

    /// Takes a place, or says why there is none.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Result<ConnectionSlot, Problem> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = open.values().sum();
        let of_address = open.get(&address).copied().unwrap_or(0);
        if total >= self.total_max {
            return Err(Problem::new(ProblemKind::TooManyConnections, format!("{total} connections are open, all there may be")));
        }
        if self.per_address_max.is_some_and(|max| of_address >= max) {
            let detail = format!("{of_address} connections of your address are open, all it may have");
            return Err(Problem::new(ProblemKind::TooManyConnections, detail));
        }
        open.insert(address, of_address + 1);
        drop(open);
        Ok(ConnectionSlot { connections: Arc::clone(self), address, _gauged: Gauged::new("countersign_http_connections") })
    }

    /// Tells a client why its connection is closed, without keeping anybody waiting.
    pub(crate) fn refuse(&self, mut stream: TcpStream, problem: &Problem) {
        metrics::counter!("countersign_http_refused_total", "reason" => "connections").increment(1);
        let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() else { return };
        let response = problem.raw_response();
        tokio::spawn(async move {
            let tell = async {
                // the answer comes after the question: some clients take one that comes before for an error
                let _begun = stream.read(&mut [0; 512]).await?;
                stream.write_all(&response).await?;
                stream.shutdown().await?;
                tokio::io::copy(&mut (&mut stream).take(REFUSAL_READ_BYTES), &mut tokio::io::sink()).await
            };
            // the client's loss if it does not listen
            let _told = timeout(REFUSAL_TIME, tell).await;
            drop(permit);
        });
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let limits = Limits { connections: 3, connections_per_address: 2, ..Limits::default() };
        let connections = Connections::new(&limits, false);
        let address = |n: u8| IpAddr::from([192, 0, 2, n]);
        let first = connections.take(address(1)).unwrap();
        let _second = connections.take(address(1)).unwrap();
        assert!(connections.take(address(1)).is_err(), "third of the address");
        let third = connections.take(address(2)).unwrap();
        assert!(connections.take(address(3)).is_err(), "fourth of all");
        drop(first);
        let _again = connections.take(address(1)).unwrap();
        drop(third);
        assert_eq!(connections.open.lock().unwrap().len(), 1, "an address without connections is forgotten");
        // behind a proxy only the total counts
        let proxied = Connections::new(&limits, true);
        let _all: Vec<ConnectionSlot> = (0..3).map(|_| proxied.take(address(1)).unwrap()).collect();
        assert!(proxied.take(address(1)).is_err());
    }
}
