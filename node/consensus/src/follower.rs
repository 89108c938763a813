//! A follower: a node that is no validator, or not yet. It asks validators for the next blocks, checks their certificates against the
//! validator set of its own state, executes the blocks itself, every proof included, and stores them.

use crate::{
    alert::{AlertCode, Alerts, Offence},
    malachite::codec::BlockRun,
    pool::Pool,
    replica::{Replica, ReplicaError},
    request::{BLOCKS_MAX, BlocksWanted, Method},
};
use countersign_ledger::{Block, BlockError, Certificate, Height, MemberId, ValidatorSet, Wire};
use countersign_net::{Net, RequestError};
use std::{sync::Arc, time::Duration};

/// How long a validator may let a follower wait for the next block.
const WAIT_MS: u32 = 10_000;
/// How long an answer may take: the wait, and sending some megabytes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause when no validator is connected, or one has failed.
const PAUSE: Duration = Duration::from_millis(200);
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
}

impl Follower {
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
            match self.fetch(&peer).await {
                Ok(()) => {}
                Err(Wrong::Sender(words)) => {
                    let height = self.replica.state().tip().height.next();
                    self.alerts.accuse(peer, Offence::InvalidSync, height, words);
                    self.net.disconnect(&peer, "wrong blocks", BAN);
                }
                Err(Wrong::Fork(words)) => {
                    self.alerts.raise(AlertCode::Fork, words);
                    tokio::time::sleep(PAUSE * 25).await;
                }
                Err(Wrong::Mine(code, words)) => {
                    self.alerts.raise(code, words);
                    tokio::time::sleep(PAUSE * 25).await;
                }
            }
        }
    }

    /// Whom to ask: validators, and whom the operator has configured, each in turn, so that no single one can keep blocks back for long.
    fn next_peer(&self, set: &ValidatorSet, turn: &mut usize) -> Option<MemberId> {
        let peers = self.net.peers();
        let useful = peers.iter().filter(|p| p.connection.is_some() && (p.configured.is_some() || set.contains(&p.member)));
        let connected: Vec<MemberId> = useful.map(|p| p.member).collect();
        *turn = turn.wrapping_add(1);
        connected.get(*turn % connected.len().max(1)).copied()
    }

    /// Takes what one validator has.
    async fn fetch(&self, peer: &MemberId) -> Result<(), Wrong> {
        let from = self.replica.state().tip().height.next();
        let wanted = BlocksWanted { from, count: BLOCKS_MAX, wait_ms: WAIT_MS };
        let answer = self.net.request(peer, Method::Blocks as u8, wanted.encode().into(), ANSWER_TIMEOUT).await;
        let bytes = match answer {
            Ok(bytes) => bytes,
            Err(RequestError::Frame(error)) => return Err(Wrong::Sender(error.to_string())),
            Err(error) => {
                tracing::debug!(%peer, %error, "no blocks");
                tokio::time::sleep(PAUSE).await;
                return Ok(());
            }
        };
        let run = BlockRun::decode(&bytes).map_err(|e| Wrong::Sender(e.to_string()))?;
        if run.first != from || run.blocks.len() > BLOCKS_MAX as usize {
            return Err(Wrong::Sender("sent other blocks than were asked for".into()));
        }
        for (block, certificate) in run.blocks {
            self.take(&block, &certificate).await?;
        }
        Ok(())
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
        let outcome = match self.replica.validate(block).await {
            Ok(outcome) => outcome,
            Err(ReplicaError::Block(BlockError::Keys(error))) => return Err(Wrong::Mine(AlertCode::CircuitKeys, error.to_string())),
            // the header is decided, but these transactions are not the ones it commits to: the sender swapped them
            Err(ReplicaError::Block(error)) if error.is_tampered() => return Err(sender(&error)),
            Err(ReplicaError::Block(error)) => return Err(Wrong::Fork(fork_words(height, &error))),
            Err(error) => return Err(Wrong::Mine(AlertCode::Storage, error.to_string())),
        };
        self.replica.commit(outcome, &certificate).await.map_err(|e| Wrong::Mine(AlertCode::Storage, e.to_string()))?;
        for code in [AlertCode::CircuitKeys, AlertCode::Storage, AlertCode::Fork] {
            self.alerts.clear(code);
        }
        self.pool.committed();
        Ok(())
    }
}

fn fork_words(height: Height, error: &BlockError) -> String {
    format!("block {height}, signed by a quorum, does not execute here: {error}. Compare program versions with the other members")
}
