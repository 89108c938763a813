//! What is counted, through the `metrics` facade.

use crate::{channel::Channel, config::Carrier, reason::Reason};
use metrics::{counter, gauge};

/// Connections that are up, by what carries them.
pub(crate) fn connections(carrier: Carrier, change: f64) {
    gauge!("countersign_net_connections", "carrier" => carrier.name()).increment(change);
}

/// A connection ended.
pub(crate) fn ended(reason: &Reason) {
    counter!("countersign_net_disconnections_total", "reason" => reason.name()).increment(1);
}

/// Somebody was not let in.
pub(crate) fn refused(reason: &'static str) {
    counter!("countersign_net_refused_total", "reason" => reason).increment(1);
}

/// A message went out or came in.
pub(crate) fn message(direction: &'static str, kind: &'static str, bytes: usize) {
    counter!("countersign_net_messages_total", "direction" => direction, "kind" => kind).increment(1);
    counter!("countersign_net_bytes_total", "direction" => direction, "kind" => kind).increment(bytes as u64);
}

/// Messages that found no place in a queue.
pub(crate) fn dropped(channel: Channel, messages: usize) {
    counter!("countersign_net_queue_drops_total", "channel" => channel.name()).increment(messages as u64);
}
