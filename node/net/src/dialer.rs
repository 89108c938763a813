//! Staying connected to the configured peers.

use crate::{
    backoff::Backoff,
    config::{PeerAddress, Transport},
    connection::Direction,
    limits::LIVED,
    reason::Reason,
    refused::Refused,
    session,
    shared::Shared,
};
use countersign_messages::MemberId;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::task::AbortHandle;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// The part of the handshake's time that QUIC gets when TCP comes next: a firewall that drops UDP does not say so.
const QUIC_SHARE: u32 = 4;

/// A task for each configured peer.
#[derive(Debug, Default)]
pub(crate) struct Dialer(Mutex<BTreeMap<MemberId, (PeerAddress, AbortHandle)>>);

impl Dialer {
    fn tasks(&self) -> MutexGuard<'_, BTreeMap<MemberId, (PeerAddress, AbortHandle)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn peers(&self) -> Vec<PeerAddress> {
        self.tasks().values().map(|(peer, _)| peer.clone()).collect()
    }

    /// Starts, ends and changes tasks.
    pub(crate) fn set(&self, shared: &Arc<Shared>, peers: Vec<PeerAddress>) {
        let mut tasks = self.tasks();
        let mut before = std::mem::take(&mut *tasks);
        for peer in peers {
            if peer.member == shared.me || tasks.contains_key(&peer.member) {
                continue;
            }
            let task = match before.remove(&peer.member) {
                Some((same, task)) if same == peer => task,
                changed => {
                    if let Some((_, task)) = changed {
                        task.abort();
                    }
                    tokio::spawn(keep(shared.clone(), peer.clone())).abort_handle()
                }
            };
            tasks.insert(peer.member, (peer, task));
        }
        for (member, (_, task)) in before {
            task.abort();
            if let Some(connection) = shared.registry.get(&member).filter(|c| c.direction == Direction::Outbound) {
                connection.stop(Reason::NotPeer);
            }
        }
    }

    pub(crate) fn stop(&self) {
        for (_, task) in std::mem::take(&mut *self.tasks()).into_values() {
            task.abort();
        }
    }
}

/// Dials a peer whenever it is away.
async fn keep(shared: Arc<Shared>, peer: PeerAddress) {
    let mut backoff = Backoff::new(shared.limits.backoff_min, shared.limits.backoff_max);
    let mut members = shared.members.clone();
    let mut said = String::new();
    while !shared.registry.is_closed() {
        if let Some(connection) = shared.registry.get(&peer.member) {
            said.clear();
            connection.gone().await;
            if connection.since.elapsed() >= LIVED {
                backoff.reset();
            }
            tokio::time::sleep(backoff.pause(rand::random())).await;
            continue;
        }
        if let Some(until) = shared.registry.banned_until(&peer.member).filter(|until| Instant::now() < *until) {
            tokio::time::sleep_until(until.into()).await;
            continue;
        }
        // no dial can succeed before the peer is a member; an error is the end of the list, and of this process
        if members.wait_for(|members| members.contains(&peer.member)).await.is_err() {
            return;
        }
        if let Err(refused) = Box::pin(dial(&shared, &peer)).await {
            let error = refused.to_string();
            // once for each new reason, not for each try
            if error != said {
                tracing::warn!(member = %peer.member, address = peer.address, error, "cannot connect, trying on");
                said.clone_from(&error);
            }
            shared.registry.set_error(peer.member, error);
            tokio::time::sleep(backoff.pause(rand::random())).await;
        }
    }
}

async fn dial(shared: &Arc<Shared>, peer: &PeerAddress) -> Result<(), Refused> {
    let unresolved = |error: String| Refused::Resolve { address: peer.address.clone(), error };
    let patience = shared.limits.handshake_timeout;
    let lookup = tokio::time::timeout(patience, tokio::net::lookup_host(&peer.address)).await;
    let found = lookup.map_err(|_| Refused::Timeout(patience))?.map_err(|e| unresolved(e.to_string()))?;
    let mut last = unresolved("no address of that name".into());
    for address in found.take(ADDRESSES_MAX) {
        match dial_address(shared, peer, address, patience).await {
            Ok(()) => return Ok(()),
            Err(refused) => last = refused,
        }
    }
    Err(last)
}

async fn dial_address(shared: &Arc<Shared>, peer: &PeerAddress, address: SocketAddr, patience: Duration) -> Result<(), Refused> {
    match peer.transport {
        Transport::Quic => session::dial_quic(shared, peer.member, address, patience).await,
        Transport::Tcp => session::dial_tcp(shared, peer.member, address, patience).await,
        Transport::Auto => {
            let quic = session::dial_quic(shared, peer.member, address, patience / QUIC_SHARE).await;
            match quic {
                // what the other end says of this member it will say over TCP as well
                Ok(()) | Err(Refused::Certificate(_) | Refused::Reason(Reason::Closed(_) | Reason::Duplicate)) => quic,
                Err(quic) => session::dial_tcp(shared, peer.member, address, patience)
                    .await
                    .map_err(|tcp| Refused::Both { quic: Box::new(quic), tcp: Box::new(tcp) }),
            }
        }
    }
}
