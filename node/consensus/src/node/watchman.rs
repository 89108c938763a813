//! Keeps what follows from the state up to date, and notices when the chain stands still.

use super::Shared;
use crate::stop::stopped;
use crate::{alert::AlertCode, clock::AHEAD_MS_MAX};
use countersign_ledger::State;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How often conditions are looked at.
const TICK: Duration = Duration::from_secs(1);
/// No block for so many times the longest pause between blocks, and this long beside: validators may be at work on a large one.
const STALLED: Duration = Duration::from_secs(10);

/// Watches until the node stops.
#[allow(clippy::disallowed_methods, reason = "how long no block came is measured here")]
pub(super) async fn run(shared: Arc<Shared>) {
    let (mut states, mut stop) = (shared.replica.subscribe(), shared.stop.subscribe());
    let mut last = Instant::now();
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            changed = states.changed() => {
                if changed.is_err() {
                    return;
                }
                let state = states.borrow_and_update().clone();
                last = Instant::now();
                follow(&shared, &state);
            }
            _ = tick.tick() => look(&shared, last.elapsed()),
            () = stopped(&mut stop) => return,
        }
    }
}

/// What a new state changes: who may connect, and whom the engine speaks to.
fn follow(shared: &Shared, state: &State) {
    let admitted = Shared::admitted(&shared.config, state, *shared.role.borrow());
    shared.members.send_if_modified(|members| {
        let changed = **members != *admitted;
        if changed {
            *members = admitted;
        }
        changed
    });
    let set = state.validators();
    shared.validators.send_if_modified(|validators| {
        let changed = *validators != set;
        if changed {
            *validators = set;
        }
        changed
    });
}

fn look(shared: &Shared, since: Duration) {
    let alerts = &shared.alerts;
    let set = shared.validators.borrow().clone();
    let me = shared.me();
    let connected = set.members().iter().filter(|m| **m == me || shared.net.is_connected(m)).count();
    metrics::gauge!("countersign_validators_connected").set(connected as f64);
    if connected < set.quorum() {
        let words = format!("{connected} of {} validators are connected; {} decide a block", set.members().len(), set.quorum());
        // followers need one validator only
        if set.contains(&me) || connected == 0 {
            alerts.raise(AlertCode::NoQuorum, words);
        } else {
            alerts.clear(AlertCode::NoQuorum);
        }
    } else {
        alerts.clear(AlertCode::NoQuorum);
    }
    if since > shared.config.pace.idle * 2 + STALLED {
        alerts.raise(AlertCode::Stalled, "no block has come for long; see which validators are connected");
    } else {
        alerts.clear(AlertCode::Stalled);
    }
    let (now, tip) = (shared.config.clock.now(), shared.replica.state().tip().time);
    if tip > now.plus_ms(AHEAD_MS_MAX) {
        alerts.raise(AlertCode::Clock, format!("the last block's time is {} ms ahead of this clock; check NTP", tip.since(now)));
    } else {
        alerts.clear(AlertCode::Clock);
    }
}
