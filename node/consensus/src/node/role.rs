//! Validator or follower, as the chain says.

use super::{Shared, status::RoleNow};
use crate::stop::stopped;
use crate::{
    alert::AlertCode,
    follower::Follower,
    malachite::{
        gate::{Begun, Gate},
        network,
        signing::Keys,
    },
    validator::{self, Parts, ValidatorError},
};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Pause before a stopped engine is started again. A database that fails for a moment is back by then; what lasts keeps its alert.
const RESTART: Duration = Duration::from_secs(5);

/// Runs one after the other until the node stops.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut stop = shared.stop.subscribe();
    while !*stop.borrow() {
        match shared.config.validate.clone() {
            Some(wal) if shared.replica.state().validators().contains(&shared.me()) => validate(&shared, wal).await,
            validate => {
                set_role(&shared, RoleNow::Follower);
                let follower = Follower {
                    replica: Arc::clone(&shared.replica),
                    pool: Arc::clone(&shared.pool),
                    net: shared.net.clone(),
                    alerts: Arc::clone(&shared.alerts),
                };
                let me = validate.map(|_| shared.me());
                tokio::select! {
                    () = follower.run(me) => tracing::info!("this node is a validator now"),
                    () = stopped(&mut stop) => return,
                }
            }
        }
    }
}

fn set_role(shared: &Shared, role: RoleNow) {
    shared.role.send_replace(role);
    shared.members.send_replace(Shared::admitted(&shared.config, &shared.replica.state(), role));
}

/// Runs the engine until this node is no validator any more, the engine ends, or the node stops.
async fn validate(shared: &Shared, wal: PathBuf) {
    set_role(shared, RoleNow::Validator);
    let (state, begun) = (shared.replica.state(), Begun::after(shared.replica.state().tip().height));
    let keys = Keys::new(state.network(), shared.config.key.clone());
    let gate = Gate::new(keys.clone(), begun.clone());
    let parts = Parts {
        replica: Arc::clone(&shared.replica),
        pool: Arc::clone(&shared.pool),
        alerts: Arc::clone(&shared.alerts),
        keys,
        begun,
        clock: shared.config.clock.clone(),
        pace: shared.config.pace,
        conduct: Arc::clone(&shared.config.conduct),
    };
    let arguments = network::Arguments {
        net: shared.net.clone(),
        validators: shared.validators.subscribe(),
        gate,
        outgoing: shared.config.outgoing.clone(),
        alerts: Arc::clone(&shared.alerts),
    };
    let mut stop = shared.stop.subscribe();
    let mut running = match validator::start(parts, &shared.config.name, wal, arguments).await {
        Ok(running) => running,
        Err(error) => {
            shared.alerts.raise(AlertCode::EngineStopped, error.to_string());
            let _ = tokio::time::timeout(RESTART, stopped(&mut stop)).await;
            return;
        }
    };
    shared.alerts.clear(AlertCode::EngineStopped);
    enter(shared, &running).await;
    let (me, mut states) = (shared.me(), shared.replica.subscribe());
    let ended = tokio::select! {
        ended = running.ended() => Some(ended),
        () = async { states.wait_for(|state| !state.validators().contains(&me)).await.map_or((), drop) } => {
            tracing::info!("this node was voted out of the validator set; it follows from here on");
            None
        }
        () = stopped(&mut stop) => None,
    };
    *shared.inlet.write().await = None;
    match ended {
        None => running.stop().await,
        Some(ended) => {
            running.abandon().await;
            let words = ended.err().unwrap_or(ValidatorError::Engine).to_string();
            shared.alerts.raise(AlertCode::EngineStopped, words);
            let _ = tokio::time::timeout(RESTART, stopped(&mut stop)).await;
        }
    }
}

/// Opens the way in for messages and tells the engine who is there.
async fn enter(shared: &Shared, running: &validator::Running) {
    *shared.inlet.write().await = Some(running.inlet.clone());
    let validators = shared.validators.borrow().clone();
    for peer in shared.net.peers().iter().filter(|p| p.connection.is_some() && validators.contains(&p.member)) {
        running.inlet.connected(peer.member);
    }
}
