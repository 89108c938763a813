//! What comes in from connections goes to where it belongs.

use super::Shared;
use crate::stop::stopped;
use crate::{alert::Offence, bucket::Bucket};
use bytes::Bytes;
use countersign_ledger::MemberId;
use countersign_net::{Channel, Event, Events};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// Bytes of parts of blocks one validator may send at once: its own proposal of the largest size, and two that it proposes again.
const PARTS_BURST: u64 = 64 << 20;
/// Bytes of parts in a thousand seconds in the long run: a largest block a second.
const PARTS_PER_1000_SECONDS: u64 = 1000 * (24 << 20);

/// How long a member that breaks the protocol stays away.
const BAN: Duration = Duration::from_secs(60);

/// Takes events until the node stops.
#[allow(clippy::disallowed_methods, reason = "how much a peer sends in what time is measured here")]
pub(super) async fn run(shared: Arc<Shared>, mut events: Events) {
    let mut stop = shared.stop.subscribe();
    let (start, mut parts) = (Instant::now(), BTreeMap::<MemberId, Bucket>::new());
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = stopped(&mut stop) => None,
        };
        match event {
            None => return,
            Some(Event::Connected(member)) => {
                tracing::debug!(%member, "connected");
                if shared.validators.borrow().contains(&member)
                    && let Some(inlet) = &*shared.inlet.read().await
                {
                    inlet.connected(member);
                }
                shared.pool.connected(&member);
            }
            Some(Event::Disconnected { member, reason }) => {
                tracing::debug!(%member, %reason, "disconnected");
                if let Some(inlet) = &*shared.inlet.read().await {
                    inlet.disconnected(member);
                }
            }
            Some(Event::Message { from, channel: Channel::Transactions, bytes }) => shared.pool.arrived(from, bytes).await,
            Some(Event::Message { from, channel: Channel::Parts, bytes }) => {
                let now = start.elapsed();
                // as many as there are members: a handful of numbers each
                let bucket = parts.entry(from).or_insert_with(|| Bucket::full(PARTS_BURST, PARTS_PER_1000_SECONDS, now));
                let size = bytes.len() as u64;
                if bucket.wait(size, now).is_zero() {
                    bucket.take(size);
                    consensus(&shared, from, Channel::Parts, bytes).await;
                } else {
                    metrics::counter!("countersign_parts_throttled_total").increment(1);
                }
            }
            Some(Event::Message { from, channel, bytes }) => consensus(&shared, from, channel, bytes).await,
            Some(Event::Request { from, method, bytes, reply }) => {
                // requests of one peer that wait for an answer are bounded by its connection
                let shared = Arc::clone(&shared);
                tokio::spawn(async move { shared.server.answer(from, method, bytes, reply).await });
            }
        }
    }
}

/// Messages of consensus come from validators of the next height, or they come to nothing.
async fn consensus(shared: &Shared, from: MemberId, channel: Channel, bytes: Bytes) {
    if !shared.validators.borrow().contains(&from) {
        // it may be a validator of a height this node has not reached yet
        metrics::counter!("countersign_consensus_messages_dropped_total").increment(1);
        return;
    }
    let Some(inlet) = shared.inlet.read().await.clone() else { return };
    if let Err(error) = inlet.message(from, channel, bytes) {
        let height = shared.replica.state().tip().height.next();
        shared.alerts.accuse(from, Offence::InvalidMessage, height, error.to_string());
        shared.net.disconnect(&from, "messages that do not decode", BAN);
    }
}
