//! Events: what blocks say, one after the other.
//!
//! Everything in an event follows from the chain, so nothing is queued for anybody: a stream is a position in the chain and reads on from there when its
//! client has taken what it was sent. An event's id is that position (`HEIGHT.INDEX`); who comes back with it in `Last-Event-ID` goes on
//! exactly after it.

use crate::{
    app::App,
    config::ms,
    measure::Gauged,
    problem::{Problem, ProblemKind},
    view::{time, transaction},
};
use axum::response::sse;
use countersign_ledger::{Effect, Tip};
use countersign_messages::{Height, json::Event};
use countersign_store::{ChainStore, StoreError, StoredBlock};
use std::{collections::BTreeMap, str::FromStr, sync::Arc};
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, watch},
    time::Instant,
};

/// Blocks whose events are kept, for the streams that follow the chain: at most 1,024 transactions each, some hundred bytes an event.
const RECENT_BLOCKS_MAX: usize = 64;

/// The events of a block, in order.
fn of_block(stored: &StoredBlock) -> Vec<Event> {
    let header = &stored.block.header;
    let mut events =
        vec![Event::Block { height: header.height.0, time: time(header.time), id: header.id().into(), transactions: stored.results.len() }];
    let each = transaction::summaries(stored).into_iter().zip(stored.block.transactions.iter().zip(&stored.results));
    for (summary, (transaction, result)) in each {
        events.push(Event::Transaction { summary });
        match result.effect() {
            Some(Effect::Asked { query, number, hospitals }) => {
                events.push(Event::Query { query: (*query).into(), number: *number, sites: *hospitals });
            }
            Some(Effect::Answered(record)) => {
                events.push(Event::Answer { query: record.query.into(), hospital: record.hospital.into(), marked: record.marked });
            }
            Some(Effect::Declined { query, .. }) => {
                events.push(Event::Declined { query: (*query).into(), hospital: transaction.signer.into() });
            }
            _ => {}
        }
    }
    events
}

/// Events of the last blocks, so that each block is read once for all streams that follow.
#[derive(Debug, Default)]
pub(crate) struct RecentEvents(Mutex<BTreeMap<Height, Arc<[Event]>>>);

impl RecentEvents {
    async fn of(&self, store: &ChainStore, height: Height) -> Result<Option<Arc<[Event]>>, StoreError> {
        // the lock is held while reading: streams that want the same block wait for one reading
        let mut recent = self.0.lock().await;
        if let Some(events) = recent.get(&height) {
            return Ok(Some(Arc::clone(events)));
        }
        let Some(stored) = store.block(height).await? else { return Ok(None) };
        let events: Arc<[Event]> = of_block(&stored).into();
        recent.insert(height, Arc::clone(&events));
        if recent.len() > RECENT_BLOCKS_MAX {
            recent.pop_first();
        }
        Ok(Some(events))
    }
}

/// A position in the chain: after an event of a block, or after the whole block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventPosition {
    /// The block of the next event.
    height: Height,
    /// Events of that block that are passed over.
    index: usize,
}

/// An event id that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnEventId;

impl FromStr for EventPosition {
    type Err = NotAnEventId;

    /// `HEIGHT.INDEX` is after that event, `HEIGHT` after the whole block.
    fn from_str(id: &str) -> Result<Self, NotAnEventId> {
        match id.split_once('.') {
            None => Ok(Self::after(Height(id.parse().map_err(|_| NotAnEventId)?))),
            Some((height, index)) => {
                let index: u32 = index.parse().map_err(|_| NotAnEventId)?;
                Ok(Self { height: Height(height.parse().map_err(|_| NotAnEventId)?), index: index as usize + 1 })
            }
        }
    }
}

impl EventPosition {
    pub(crate) fn after(height: Height) -> Self {
        Self { height: height.next(), index: 0 }
    }

    pub(crate) fn before(height: Height) -> Self {
        Self { height: height.max(Height(1)), index: 0 }
    }
}

/// One client's stream.
pub(crate) struct EventStream {
    app: App,
    tips: watch::Receiver<Tip>,
    stopping: watch::Receiver<bool>,
    position: EventPosition,
    /// Events of the block at the position.
    block: Option<Arc<[Event]>>,
    until: Instant,
    _slot: OwnedSemaphorePermit,
    _gauged: Gauged,
}

impl EventStream {
    /// Begins at a position, or after the last block.
    pub(crate) fn begin(app: &App, position: Option<EventPosition>) -> Result<Self, Problem> {
        let tips = app.node.tips();
        let last = tips.borrow().height;
        let position = position.unwrap_or_else(|| EventPosition::after(last));
        if last.0.saturating_sub(position.height.0) >= app.limits.event_blocks_behind {
            let detail = format!(
                "the chain is at height {last}; a stream begins at most {} blocks before. Read the blocks up to there first",
                app.limits.event_blocks_behind
            );
            return Err(Problem::new(ProblemKind::EventsTooFarBack, detail));
        }
        if position.height > last.next() {
            return Err(Problem::new(ProblemKind::BadParameter, format!("the chain is at height {last}; it has no such event yet")));
        }
        Ok(Self {
            tips,
            stopping: app.stopping.clone(),
            position,
            block: None,
            until: Instant::now() + ms(app.limits.event_stream_ms),
            _slot: app.streams.take()?,
            _gauged: Gauged::new("countersign_http_event_streams"),
            app: app.clone(),
        })
    }

    /// The next event; none when the stream ends: its time is over, the gateway stops, the client fell too far behind, or the store fails. The client
    /// comes back then and is told what there is to tell.
    pub(crate) async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if let Some(event) = self.take() {
                return Some(event);
            }
            let last = self.tips.borrow_and_update().height;
            if Instant::now() >= self.until || last.0.saturating_sub(self.position.height.0) > self.app.limits.event_blocks_behind {
                return None;
            }
            if self.position.height <= last {
                match self.app.recent.of(self.app.node.store(), self.position.height).await {
                    Ok(Some(events)) => self.block = Some(events),
                    Ok(None) => return None,
                    Err(error) => {
                        tracing::error!(%error, "an event stream ends");
                        return None;
                    }
                }
                continue;
            }
            tokio::select! {
                changed = self.tips.changed() => changed.ok()?,
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                () = tokio::time::sleep_until(self.until) => return None,
            }
        }
    }

    /// The event at the position, if its block is loaded; otherwise moves to the next block.
    fn take(&mut self) -> Option<sse::Event> {
        let block = self.block.as_ref()?;
        let Some(event) = block.get(self.position.index) else {
            self.position = EventPosition::after(self.position.height);
            self.block = None;
            return None;
        };
        let id = format!("{}.{}", self.position.height, self.position.index);
        self.position.index += 1;
        let data = serde_json::to_string(event).unwrap_or_default();
        Some(sse::Event::default().id(id).event(event.name()).data(data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_places() {
        assert_eq!("7.2".parse(), Ok(EventPosition { height: Height(7), index: 3 }));
        assert_eq!("7".parse(), Ok(EventPosition::after(Height(7))));
        assert_eq!("0".parse(), Ok(EventPosition::before(Height(0))));
        for bad in ["", "x", "7.", ".7", "7.2.1", "-1", "7.4294967296", "18446744073709551616"] {
            assert_eq!(bad.parse::<EventPosition>(), Err(NotAnEventId), "{bad}");
        }
    }
}
