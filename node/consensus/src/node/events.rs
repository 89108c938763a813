//! What comes in from connections goes to where it belongs.

use super::Shared;
use crate::alert::Offence;
use crate::stop::stopped;
use bytes::Bytes;
use countersign_ledger::MemberId;
use countersign_net::{Channel, Event, Events};
use std::{sync::Arc, time::Duration};

/// How long a member that breaks the protocol stays away.
const BAN: Duration = Duration::from_secs(60);

/// Takes events until the node stops.
pub(super) async fn run(shared: Arc<Shared>, mut events: Events) {
    let mut stop = shared.stop.subscribe();
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = stopped(&mut stop) => None,
        };
        match event {
            None => return,
            Some(Event::Connected(member)) => {
                tracing::info!(%member, "connected");
                if shared.validators.borrow().contains(&member)
                    && let Some(inlet) = &*shared.inlet.read().await
                {
                    inlet.connected(member);
                }
                shared.pool.connected(&member);
            }
            Some(Event::Disconnected { member, reason }) => {
                tracing::info!(%member, %reason, "disconnected");
                if let Some(inlet) = &*shared.inlet.read().await {
                    inlet.disconnected(member);
                }
            }
            Some(Event::Message { from, channel: Channel::Transactions, bytes }) => shared.pool.arrived(from, bytes).await,
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
