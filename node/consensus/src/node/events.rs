//! What comes in from connections goes to where it belongs.

use super::{
    Shared,
    traffic::{Overuse, Traffic},
};
use crate::{alert::Offence, stop::stopped};
use bytes::Bytes;
use countersign_messages::MemberId;
use countersign_net::{Channel, Event, Events};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long a member that breaks the protocol stays away.
const BAN: Duration = Duration::from_secs(60);

/// Takes events until the node stops.
#[allow(clippy::disallowed_methods, reason = "how much a peer sends in what time is measured here")]
pub(super) async fn run(shared: Arc<Shared>, mut events: Events) {
    let mut stop = shared.stop.subscribe();
    let (start, mut traffic) = (Instant::now(), Traffic::default());
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
                let state = shared.replica.state();
                traffic.retain(|member| state.member(member).is_some());
                if let Some(inlet) = &*shared.inlet.read().await {
                    inlet.disconnected(member);
                }
            }
            Some(Event::Message { from, channel: Channel::Transactions, bytes }) => shared.pool.arrived(from, bytes),
            Some(Event::Message { from, channel, bytes }) => {
                let validators = Some(shared.validators.borrow()).filter(|set| set.contains(&from)).map(|set| set.members().len());
                let Some(validators) = validators else {
                    // it may be a validator of a height this node has not reached yet
                    metrics::counter!("countersign_consensus_messages_dropped_total").increment(1);
                    continue;
                };
                match traffic.charge(from, channel, bytes.len(), validators, start.elapsed()) {
                    Ok(()) => consensus(&shared, from, channel, bytes).await,
                    Err(overuse) => {
                        metrics::counter!("countersign_consensus_messages_throttled_total", "channel" => channel.name()).increment(1);
                        if overuse == Overuse::Flood {
                            shared.cut_off(from, Offence::Flood, format!("{overuse}: {channel}"), BAN);
                        }
                    }
                }
            }
            Some(Event::Request { from, method, bytes, reply }) => {
                // requests of one peer that wait for an answer are bounded by its connection
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    if let Err(malformed) = shared.server.answer(from, method, bytes, reply).await {
                        shared.cut_off(from, Offence::InvalidMessage, format!("request {method}: {malformed}"), BAN);
                    }
                });
            }
        }
    }
}

/// A message of a validator, for the engine if it runs.
async fn consensus(shared: &Shared, from: MemberId, channel: Channel, bytes: Bytes) {
    let Some(inlet) = shared.inlet.read().await.clone() else { return };
    if let Err(error) = inlet.message(from, channel, bytes) {
        shared.cut_off(from, Offence::InvalidMessage, error.to_string(), BAN);
    }
}

impl Shared {
    /// Says what a member did and has it stay away for a while.
    fn cut_off(&self, member: MemberId, offence: Offence, words: String, ban: Duration) {
        let height = self.replica.state().tip().height.next();
        self.net.disconnect(&member, &words, ban);
        self.alerts.accuse(member, offence, height, words);
    }
}
