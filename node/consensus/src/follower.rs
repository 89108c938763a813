//! A follower: a node that is no validator, or not yet. It asks validators for the next blocks, checks their certificates against the
//! validator set of its own state, executes the blocks itself, every proof included, and stores them.

use crate::{
    alert::{AlertCode, Alerts, Offence},
    malachite::codec::BlockRun,
    pool::Pool,
    replica::{DecidedBy, Replica, ReplicaError},
    request::{BLOCKS_MAX, BlocksWanted, Method},
    stop::stopped,
};
use countersign_messages::{Block, BlockError, Certificate, Height, MemberId, ValidatorSet, Wire};
use countersign_net::{Net, RequestError};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, task::JoinSet};

/// How long a validator may let a follower wait for the next block.
const WAIT_MS: u32 = 10_000;
/// How long an answer may take: the wait, and sending some megabytes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an answer may take to whether there is a next block: all are asked at once, so nobody waits for one that is silent.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause when no validator is connected, or one has failed.
const PAUSE: Duration = Duration::from_millis(200);
/// Pause after something that only a person, or time, can mend.
const LONG_PAUSE: Duration = Duration::from_secs(5);
/// With fewer blocks than this in an answer, what is decided now is near.
const NEAR: usize = 32;
/// How long a validator that sends wrong blocks stays away.
const BAN: Duration = Duration::from_secs(60);

/// See the module's documentation.
#[derive(Debug)]
pub struct Follower {
    /// This node's copy of the chain.
    pub replica: Arc<Replica>,
    /// This node's mempool.
    pub pool: Arc<Pool>,
    /// The connections.
    pub net: Net,
    /// Where it reports.
    pub alerts: Arc<Alerts>,
    /// The highest block that was fetched and bears this node's own signature.
    own: AtomicU64,
}

/// How far catching up is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Until so many validators have said that they have no further block. Those that fail to answer are asked again.
    Told(usize),
    /// Until this block is here.
    Height(Height),
}

/// How catching up ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaughtUp {
    /// The goal is reached.
    Yes,
    /// This node is no validator by the last block, or is stopping.
    Ended,
}

/// What is wrong with a block that was sent.
#[derive(Debug)]
enum Wrong {
    /// The sender is at fault.
    Sender(String),
    /// The block is decided and does not execute here.
    Fork(String),
    /// This node is at fault.
    Mine(AlertCode, String),
    /// No answer came.
    Silent,
}

impl Follower {
    /// One with its parts.
    pub fn new(replica: Arc<Replica>, pool: Arc<Pool>, net: Net, alerts: Arc<Alerts>) -> Self {
        Self { replica, pool, net, alerts, own: AtomicU64::new(0) }
    }

    /// Follows until this node becomes a validator (if `me` is given), or something only a person can mend happens: then it raises an alert and
    /// tries again, more slowly. Ends by being dropped; a block is never half written.
    pub async fn run(&self, me: Option<MemberId>) {
        let mut turn = 0_usize;
        loop {
            let set = self.replica.state().validators();
            if me.is_some_and(|me| set.contains(&me)) {
                return;
            }
            let Some(peer) = self.next_peer(&set, &mut turn) else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            if let Err(wrong) = self.fetch(&peer, WAIT_MS).await {
                tokio::time::sleep(self.report(&peer, wrong)).await;
            }
        }
    }

    /// A validator that is behind, or must not vote yet, fetches blocks like everybody else. `near` is called whenever few were left to fetch: what
    /// is decided from then on may concern it. A block that is being written is written to its end before this ends.
    pub async fn catch_up(&self, goal: Goal, near: impl Fn(Height), stop: &mut watch::Receiver<bool>) -> CaughtUp {
        let me = self.net.me();
        let (mut told, mut turn) = (BTreeSet::<MemberId>::new(), 0_usize);
        loop {
            let state = self.replica.state();
            let (tip, set) = (state.tip().height, state.validators());
            if *stop.borrow() || !set.contains(&me) {
                return CaughtUp::Ended;
            }
            let reached = match goal {
                Goal::Told(wanted) => counts(&told, &set) >= wanted.min(set.members().len().saturating_sub(1)),
                Goal::Height(height) => tip >= height,
            };
            if reached {
                near(tip.next());
                return CaughtUp::Yes;
            }
            let fetched = tokio::select! {
                () = stopped(stop) => return CaughtUp::Ended,
                further = self.look_further(&set, goal, &mut told, &mut turn) => further,
            };
            if let Goal::Height(_) = goal {
                // others have yet to decide it: they are asked again
                told.clear();
                if fetched.is_none() {
                    let _ = tokio::time::timeout(PAUSE, stopped(stop)).await;
                }
            }
            let Some((peer, bytes)) = fetched else { continue };
            // one after the other, as long as this one has more
            let mut taken = self.take_run(&bytes, tip.next(), stop).await;
            while let Ok(count) = taken
                && count > 0
                && !*stop.borrow()
            {
                if count < NEAR {
                    near(self.replica.state().tip().height.next());
                }
                let from = self.replica.state().tip().height.next();
                let answer = tokio::select! {
                    () = stopped(stop) => return CaughtUp::Ended,
                    answer = self.ask(&peer, from, BLOCKS_MAX, 0, ANSWER_TIMEOUT) => answer,
                };
                taken = match answer {
                    Ok(Some(bytes)) => self.take_run(&bytes, from, stop).await,
                    Ok(None) => break,
                    Err(wrong) => Err(wrong),
                };
            }
            match taken {
                Ok(0) => drop(told.insert(peer)),
                Ok(_) => {}
                Err(wrong) => {
                    let pause = self.report(&peer, wrong);
                    let _ = tokio::time::timeout(pause, stopped(stop)).await;
                }
            }
        }
    }

    /// Asks all at once whether there is a next block, and gives the first answer that has one. Who has none is noted.
    async fn look_further(
        &self,
        set: &ValidatorSet,
        goal: Goal,
        told: &mut BTreeSet<MemberId>,
        turn: &mut usize,
    ) -> Option<(MemberId, bytes::Bytes)> {
        let (mut asked, from) = (JoinSet::new(), self.replica.state().tip().height.next());
        for peer in self.peers(set, turn).into_iter().filter(|p| !told.contains(p)) {
            let net = self.net.clone();
            let wanted = BlocksWanted { from, count: 1, wait_ms: 0 }.encode();
            asked.spawn(async move { (peer, net.request(&peer, Method::Blocks as u8, wanted.into(), PROBE_TIMEOUT).await) });
        }
        let (mut news, mut further) = (false, None);
        while let Some(answer) = asked.join_next().await {
            let Ok((peer, Ok(bytes))) = answer else { continue };
            news = true;
            // an answer that is no run is told apart when it is taken
            if BlockRun::decode(&bytes).is_ok_and(|run| run.first == from && run.blocks.is_empty()) {
                told.insert(peer);
                // nobody waits for one that is silent
                if matches!(goal, Goal::Told(wanted) if counts(told, set) >= wanted) {
                    break;
                }
            } else {
                further = Some((peer, bytes));
                break;
            }
        }
        if !news {
            // nobody is connected, or nobody answers
            tokio::time::sleep(PAUSE).await;
        }
        further
    }

    /// The highest block fetched since the last call that bears this node's own signature; 0 if none does.
    pub fn take_own_signature(&self) -> Height {
        Height(self.own.swap(0, Ordering::Relaxed))
    }

    /// Says what is wrong with what a peer sent, and how long to pause.
    fn report(&self, peer: &MemberId, wrong: Wrong) -> Duration {
        match wrong {
            Wrong::Sender(words) => {
                let height = self.replica.state().tip().height.next();
                self.alerts.accuse(*peer, Offence::InvalidSync, height, words);
                self.net.disconnect(peer, "wrong blocks", BAN);
                Duration::ZERO
            }
            Wrong::Silent => PAUSE,
            Wrong::Fork(words) => {
                self.alerts.raise(AlertCode::Fork, words);
                LONG_PAUSE
            }
            Wrong::Mine(code, words) => {
                self.alerts.raise(code, words);
                LONG_PAUSE
            }
        }
    }

    /// Whom to ask: validators, and whom the operator has configured, each in turn, so that no single one can keep blocks back for long.
    fn next_peer(&self, set: &ValidatorSet, turn: &mut usize) -> Option<MemberId> {
        self.peers(set, turn).first().copied()
    }

    /// The same, all of them, another one first each time.
    fn peers(&self, set: &ValidatorSet, turn: &mut usize) -> Vec<MemberId> {
        let peers = self.net.peers();
        let useful = peers.iter().filter(|p| p.connection.is_some() && (p.configured.is_some() || set.contains(&p.member)));
        let mut connected: Vec<MemberId> = useful.map(|p| p.member).collect();
        *turn = turn.wrapping_add(1);
        let first = *turn % connected.len().max(1);
        connected.rotate_left(first);
        connected
    }

    /// Takes what one validator has.
    async fn fetch(&self, peer: &MemberId, wait_ms: u32) -> Result<(), Wrong> {
        let from = self.replica.state().tip().height.next();
        if let Some(bytes) = self.ask(peer, from, BLOCKS_MAX, wait_ms, ANSWER_TIMEOUT).await? {
            self.take_run(&bytes, from, &watch::channel(false).1).await?;
        }
        Ok(())
    }

    /// Asks for blocks; an answer that cannot be had now is [`Wrong::Silent`].
    async fn ask(&self, peer: &MemberId, from: Height, count: u32, wait_ms: u32, timeout: Duration) -> Result<Option<bytes::Bytes>, Wrong> {
        let wanted = BlocksWanted { from, count, wait_ms };
        match self.net.request(peer, Method::Blocks as u8, wanted.encode().into(), timeout).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(RequestError::Frame(error)) => Err(Wrong::Sender(error.to_string())),
            Err(error) => {
                tracing::debug!(%peer, %error, "no blocks");
                Err(Wrong::Silent)
            }
        }
    }

    /// Takes the blocks of an answer; gives how many there were.
    async fn take_run(&self, bytes: &[u8], from: Height, stop: &watch::Receiver<bool>) -> Result<usize, Wrong> {
        let run = BlockRun::decode(bytes).map_err(|e| Wrong::Sender(e.to_string()))?;
        if run.first != from || run.blocks.len() > BLOCKS_MAX as usize {
            return Err(Wrong::Sender("sent other blocks than were asked for".into()));
        }
        let count = run.blocks.len();
        for (block, certificate) in run.blocks {
            if *stop.borrow() {
                break;
            }
            self.take(&block, &certificate).await?;
        }
        Ok(count)
    }

    /// Checks, executes and stores one block.
    async fn take(&self, block: &[u8], certificate: &[u8]) -> Result<(), Wrong> {
        let sender = |e: &dyn std::fmt::Display| Wrong::Sender(e.to_string());
        let certificate = Certificate::decode(certificate).map_err(|e| sender(&e))?;
        let block = Block::decode(block).map_err(|e| sender(&e))?;
        let (state, height) = (self.replica.state(), block.header.height);
        if height != state.tip().height.next() {
            return Err(Wrong::Sender(format!("sent block {height} out of turn")));
        }
        certificate.check(&block.header, &state.validators()).map_err(|e| sender(&e))?;
        let me = self.net.me();
        let signed = certificate.signatures.iter().any(|(member, _)| *member == me);
        let outcome = match self.replica.validate(block).await {
            Ok(outcome) => outcome,
            Err(ReplicaError::Block(BlockError::Keys(error))) => return Err(Wrong::Mine(AlertCode::CircuitKeys, error.to_string())),
            // the header is decided, but these transactions are not the ones it commits to: the sender swapped them
            Err(ReplicaError::Block(error)) if error.is_tampered() => return Err(sender(&error)),
            Err(ReplicaError::Block(error)) => return Err(Wrong::Fork(fork_words(height, &error))),
            Err(error) => return Err(Wrong::Mine(AlertCode::Storage, error.to_string())),
        };
        self.replica.commit(outcome, &certificate, DecidedBy::Others).await.map_err(|e| Wrong::Mine(AlertCode::Storage, e.to_string()))?;
        for code in [AlertCode::CircuitKeys, AlertCode::Storage, AlertCode::Fork] {
            self.alerts.clear(code);
        }
        if signed {
            self.own.fetch_max(height.0, Ordering::Relaxed);
        }
        self.pool.committed();
        Ok(())
    }
}

/// How many of those are validators.
fn counts(told: &BTreeSet<MemberId>, set: &ValidatorSet) -> usize {
    told.iter().filter(|m| set.contains(m)).count()
}

fn fork_words(height: Height, error: &BlockError) -> String {
    format!("block {height}, signed by a quorum, does not execute here: {error}. Compare program versions with the other members")
}
