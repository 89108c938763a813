//! Validator or follower, as the chain says.

use super::{Shared, status::RoleNow};
use crate::stop::stopped;
use crate::{
    alert::AlertCode,
    follower::Follower,
    horizon::Horizon,
    malachite::{
        gate::{Begun, Gate},
        network,
        signing::Keys,
    },
    validator::{self, Parts, ValidatorError},
    voting::{self, Log, Standing},
};
use countersign_messages::Height;
use countersign_store::{StoreError, VotingRecord};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

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
                let follower = follower(&shared);
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

fn follower(shared: &Shared) -> Follower {
    Follower::new(Arc::clone(&shared.replica), Arc::clone(&shared.pool), shared.net.clone(), Arc::clone(&shared.alerts))
}

/// What a validator has signed before cannot be found out.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the write-ahead log {path} cannot be read or put aside: {source}", path = path.display())]
    Log { path: PathBuf, source: io::Error },
}

/// Finds out what this validator may have signed, and puts a log aside that is not whole. Gives the record, and the height the log is for.
async fn known_votes(shared: &Shared, folder: &Path) -> Result<(VotingRecord, Height), RecordError> {
    let path = folder.join(validator::LOG_FILE);
    let failed = |source| RecordError::Log { path: path.clone(), source };
    let (store, tip) = (shared.replica.store(), shared.replica.state().tip().height);
    let (before, log) = (store.voting().await?, voting::read(&path).map_err(failed)?);
    let (standing, mut record, loss) = voting::judge(before, &log, tip);
    if shared.config.accept_lost_votes && standing != Standing::Free {
        tracing::warn!(%tip, "this validator votes although its record of votes is lost, as its operator has said");
        record = VotingRecord { engine: tip, before: tip, silent_until: Some(tip) };
    } else if let Some(loss) = loss.as_ref().filter(|loss| **loss != voting::Loss::DatabaseNew || tip > Height(0)) {
        tracing::error!("{loss}. It does not vote until others have decided every height it may have voted at; see docs/operating.md");
    }
    if record != before {
        store.set_voting(&record).await?;
    }
    // the engine begins a new one; the old one is for a person to look at
    let unusable = matches!(log, Log::Damaged { .. }) || matches!(loss, Some(voting::Loss::DatabaseOlder { .. }));
    if unusable {
        std::fs::rename(&path, path.with_extension("unusable")).map_err(failed)?;
    }
    Ok((record, if unusable { Height(0) } else { log.height() }))
}

/// Runs the engine until this node is no validator any more, the engine ends, or the node stops.
async fn validate(shared: &Shared, wal: PathBuf) {
    set_role(shared, RoleNow::CatchingUp);
    let mut stop = shared.stop.subscribe();
    let (record, log) = match known_votes(shared, &wal).await {
        Ok(known) => known,
        Err(error) => {
            shared.alerts.raise(AlertCode::EngineStopped, error.to_string());
            let _ = tokio::time::timeout(RESTART, stopped(&mut stop)).await;
            return;
        }
    };
    let horizon = Horizon::default();
    let (state, begun) = (shared.replica.state(), Begun::after(shared.replica.state().tip().height));
    let keys = Keys::new(state.network(), shared.config.key.clone());
    let gate = Gate::new(keys.clone(), begun.clone());
    let parts = Parts {
        replica: Arc::clone(&shared.replica),
        pool: Arc::clone(&shared.pool),
        alerts: Arc::clone(&shared.alerts),
        follower: follower(shared),
        horizon: horizon.clone(),
        role: shared.role.clone(),
        record,
        log,
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
        horizon,
        outgoing: shared.config.outgoing.clone(),
        alerts: Arc::clone(&shared.alerts),
    };
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
        Some(Err(stuck @ ValidatorError::Stuck(_))) => {
            tracing::warn!("{stuck}");
            running.abandon().await;
        }
        Some(ended) => {
            running.abandon().await;
            let words = ended.err().unwrap_or(ValidatorError::Engine).to_string();
            shared.alerts.raise(AlertCode::EngineStopped, words);
            let _ = tokio::time::timeout(RESTART, stopped(&mut stop)).await;
        }
    }
}

/// Opens the way in for messages and tells the engine who is there.
async fn enter(shared: &Shared, running: &validator::RunningEngine) {
    *shared.inlet.write().await = Some(running.inlet.clone());
    let validators = shared.validators.borrow().clone();
    for peer in shared.net.peers().iter().filter(|p| p.connection.is_some() && validators.contains(&p.member)) {
        running.inlet.connected(peer.member);
    }
}
