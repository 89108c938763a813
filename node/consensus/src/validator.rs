//! A validator: the application that Malachite drives.
//!
//! The engine asks for blocks to propose, shows what others propose, and says what is decided; this loop answers one message at a time. Work on
//! blocks (executing, verifying proofs) is done off the asynchronous threads. A proposal is on disk before the engine hears of it, so a
//! validator that is killed finds every block it may have voted for.
//!
//! A validator votes only for a block that it has executed itself, every proof included, and that gives exactly the header proposed
//! ([`countersign_ledger::State::validate`]). Verdicts on proofs are kept by content ([`countersign_ledger::CachingChecker`]), and outcomes by
//! block, so proposing, validating and deciding a block costs one execution.

mod engine;
mod incoming;
mod join;
mod judge;
mod kept;
mod missed;
mod pace;
mod propose;
#[cfg(test)]
mod tests;
mod turns;

pub use engine::{EngineError, LOG_FILE, RunningEngine, start};
pub use pace::Pace;

use crate::{
    alert::{AlertCode, Alerts, Offence},
    clock::Clock,
    follower::Follower,
    horizon::Horizon,
    malachite::{
        codec::{to_ledger, to_sync},
        context::{Address, BlockId, Chain, Validators},
        gate::Begun,
        part::Opening,
        signing::Keys,
    },
    node::RoleNow,
    pool::Pool,
    replica::{DecidedBy, Replica, ReplicaError},
    request::BLOCKS_MAX,
    stop::stopped,
    voting,
};
use arc_malachitebft_app_channel::{
    AppMsg, NetworkMsg, Reply,
    app::{
        engine::host::{HeightParams, Next},
        types::{LocallyProposedValue, ProposedValue, sync::RawDecidedValue},
    },
};
use arc_malachitebft_core_types::{CommitCertificate, Context, Round, Validator as _};
use countersign_ledger::Outcome;
use countersign_messages::{Block, Certificate, Height, Wire};
use countersign_store::VotingRecord;
use incoming::{Incoming, Whole};
use judge::Fresh;
use missed::Missed;
use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, watch};
use turns::Turns;

/// How often a validator looks whether it stands still while others go on.
const LOOK: Duration = Duration::from_secs(1);
/// How long it may: the engine asks for blocks within a second or two, but after something failed here it waits for minutes.
const STUCK: Duration = Duration::from_secs(10);
/// Bytes of blocks the engine is given at a time for others that catch up.
const DECIDED_BYTES_MAX: usize = 24 << 20;

/// What proposing differs in for a Byzantine actor of the tests. Honest nodes have [`Honest`].
pub trait Conduct: Send + Sync + 'static {
    /// The block to propose instead of the one that was made.
    fn block(&self, made: Block) -> Block {
        made
    }
}

/// Proposes what it made.
#[derive(Debug, Clone, Copy)]
pub struct Honest;

impl Conduct for Honest {}

/// An executed block of the height being decided.
struct Executed {
    outcome: Outcome,
    bytes: Arc<Vec<u8>>,
}

/// The engine waits for the word to start the next height.
struct Waiting {
    reply: Reply<Next<Chain>>,
    since: Instant,
}

/// Parts of a validator.
pub struct Parts {
    /// Its copy of the chain.
    pub replica: Arc<Replica>,
    /// Its mempool.
    pub pool: Arc<Pool>,
    /// Where it reports.
    pub alerts: Arc<Alerts>,
    /// What fetches blocks while it is behind.
    pub follower: Follower,
    /// How far others say they are.
    pub horizon: Horizon,
    /// Where it says whether it takes part.
    pub role: watch::Sender<RoleNow>,
    /// What is known of its votes.
    pub record: VotingRecord,
    /// The height its write-ahead log is for.
    pub log: Height,
    /// Its keys.
    pub keys: Keys,
    /// Where it says which height the engine works on.
    pub begun: Begun,
    /// Its clock.
    pub clock: Clock,
    /// How fast it goes.
    pub pace: Pace,
    /// What it proposes.
    pub conduct: Arc<dyn Conduct>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("keys", &self.keys).field("replica", &self.replica).finish_non_exhaustive()
    }
}

/// See the module's documentation.
struct Validator {
    parts: Parts,
    network: mpsc::Sender<NetworkMsg<Chain>>,
    incoming: Incoming,
    /// Blocks of the current height that execute.
    executed: BTreeMap<BlockId, Executed>,
    /// What was proposed in which round of the current height, as the engine hears of it, with the opening.
    proposals: Vec<(ProposedValue<Chain>, Opening)>,
    waiting: Option<Waiting>,
    streams: u64,
    /// Who should propose in the round that runs.
    turn: Option<(Height, Round, Address)>,
    /// Who has let rounds of the current height pass.
    missed: Missed,
    /// The block of the current height came from others: it was decided without this validator.
    fetched: bool,
    /// Proposals of others looked at in the current height.
    turns: Turns,
    /// Of these, the ones whose round has not come.
    ahead: Vec<Whole>,
}

/// How a validator's loop ended.
#[derive(Debug, thiserror::Error)]
pub enum ValidatorError {
    /// The engine stopped.
    #[error("the consensus engine stopped; see the log, and look at the disk. It is started again")]
    Engine,
    /// The chain cannot go on here.
    #[error("a decided block cannot be taken: {0}")]
    Replica(#[from] ReplicaError),
    /// Others have decided the height the engine works on, and it does not come to it.
    #[error("others have decided block {0} and it does not come here; the engine is started again")]
    Stuck(Height),
    /// The engine decided a block nobody here has seen.
    #[error("block {0} was decided and is not here; it is fetched from others")]
    Unknown(Height),
}

impl Validator {
    fn new(parts: Parts, network: mpsc::Sender<NetworkMsg<Chain>>) -> Self {
        Self {
            parts,
            network,
            incoming: Incoming::default(),
            executed: BTreeMap::new(),
            proposals: Vec::new(),
            waiting: None,
            streams: 0,
            turn: None,
            missed: Missed::default(),
            fetched: false,
            turns: Turns::default(),
            ahead: Vec::new(),
        }
    }

    /// The height being decided.
    fn current(&self) -> Height {
        self.parts.replica.state().tip().height.next()
    }

    /// The round of the current height that the engine is in, if it has begun.
    fn running(&self) -> Round {
        self.turn.filter(|(height, ..)| *height == self.current()).map_or(Round::Nil, |(_, round, _)| round)
    }

    fn validators(&self) -> Validators {
        Validators::from(&self.parts.replica.state().validators())
    }

    fn parameters(&self) -> HeightParams<Chain> {
        HeightParams::new(self.validators(), self.parts.pace.timeouts(), None)
    }

    /// Answers the engine until it stops, this node is no validator any more, or `stop` says so.
    async fn run(mut self, mut messages: mpsc::Receiver<AppMsg<Chain>>, mut stop: watch::Receiver<bool>) -> Result<(), ValidatorError> {
        let (mut work, mut said) = (self.parts.pool.waiting(), self.parts.horizon.subscribe());
        let (mut look, mut moved) = (tokio::time::interval(LOOK), (self.current(), Instant::now()));
        loop {
            let pause = self.pause(*work.borrow_and_update());
            tokio::select! {
                message = messages.recv() => match message {
                    Some(AppMsg::ConsensusReady { reply }) => {
                        if !self.join(&mut stop).await {
                            return Ok(());
                        }
                        // a reply that nobody waits for: the engine is ending
                        let _ = reply.send((self.current().into(), self.parameters()));
                    }
                    Some(message) => self.handle(message).await?,
                    // a stopped node's loop is told so before its engine is
                    None => return Err(ValidatorError::Engine),
                },
                () = tokio::time::sleep(pause.unwrap_or(Duration::MAX)), if pause.is_some() => {
                    if self.is_far_behind() && !self.join(&mut stop).await {
                        return Ok(());
                    }
                    self.start_next();
                }
                _ = work.changed() => {}
                _ = said.changed() => {}
                _ = look.tick() => {
                    if self.current() > moved.0 || !self.is_behind() {
                        moved = (self.current(), Instant::now());
                    } else if moved.1.elapsed() > STUCK {
                        return Err(ValidatorError::Stuck(self.current()));
                    }
                }
                () = stopped(&mut stop) => return Ok(()),
            }
        }
    }

    /// How long to wait before the next height starts; `None` if the engine does not wait.
    fn pause(&self, work: bool) -> Option<Duration> {
        let waiting = self.waiting.as_ref()?;
        if self.is_behind() {
            return Some(Duration::ZERO);
        }
        let pace = &self.parts.pace;
        let least = if work || self.has_begun() { pace.block_min } else { pace.idle.max(pace.block_min) };
        Some(least.saturating_sub(waiting.since.elapsed()))
    }

    /// True if the first proposer of the next height has begun.
    fn has_begun(&self) -> bool {
        let (height, validators) = (self.current(), self.validators());
        self.incoming.has_begun(height, Chain.select_proposer(&validators, height.into(), Round::new(0)).address())
            || self.proposals.iter().any(|(value, _)| value.round == Round::new(0))
    }

    fn start_next(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            // the engine ends if it does not listen, and this loop with it
            let _ = waiting.reply.send(Next::Start(self.current().into(), self.parameters()));
        }
    }

    async fn handle(&mut self, message: AppMsg<Chain>) -> Result<(), ValidatorError> {
        // a reply that nobody waits for is not an error: the engine is ending, or has moved on
        match message {
            // answered where the loop can be told to stop
            AppMsg::ConsensusReady { .. } => {}
            AppMsg::StartedRound { height, round, proposer, reply_value, .. } => {
                self.parts.begun.reach(height.into());
                self.parts.log = height.into();
                self.note_missed_turn(height.into(), round, proposer);
                let known = self.started_round(height.into(), round).await;
                let _ = reply_value.send(known);
            }
            AppMsg::GetValue { height, round, reply, .. } => {
                if let Some(value) = self.propose(height.into(), round).await {
                    let _ = reply.send(value);
                }
            }
            AppMsg::ReceivedProposalPart { from, part, reply, .. } => {
                let value = self.received(&from, part).await;
                let _ = reply.send(value);
            }
            // late rounds ask everybody to send the proposer's block again; others take a proposal from its proposer only
            AppMsg::RestreamProposal { round, valid_round, address, value_id, .. } if address == self.parts.keys.address() => {
                self.restream(round, valid_round, &value_id).await;
            }
            AppMsg::RestreamProposal { .. } => {}
            AppMsg::ProcessSyncedValue { height, round, proposer, value_bytes, reply } => {
                let outcome = self.synced(height.into(), round, proposer, &value_bytes).await;
                let _ = reply.send(outcome);
            }
            AppMsg::Decided { certificate, reply, .. } => {
                self.decided(&certificate).await?;
                let _ = reply.send(());
            }
            AppMsg::Finalized { certificate, evidence, reply, .. } => {
                self.accuse_equivocators(certificate.height.into(), &evidence);
                self.keep_better(&certificate).await;
                self.waiting = Some(Waiting { reply, since: Instant::now() });
            }
            AppMsg::GetHistoryMinHeight { reply } => drop(reply.send(Height(1).into())),
            AppMsg::GetDecidedValues { range, reply } => {
                let values = self.decided_values(range.start().0, range.end().0).await;
                let _ = reply.send(values);
            }
            // there are no vote extensions on this chain
            AppMsg::ExtendVote { reply, .. } => drop(reply.send(None)),
            AppMsg::VerifyVoteExtensions { extensions, reply, .. } => {
                let _ = reply.send(extensions.into_iter().map(|(address, ())| (address, Ok(()))).collect());
            }
        }
        Ok(())
    }

    /// Takes in a decided block, which was executed before it was voted for, or after a restart is executed again.
    async fn decided(&mut self, certificate: &CommitCertificate<Chain>) -> Result<(), ValidatorError> {
        let height = Height::from(certificate.height);
        if height < self.current() {
            return Ok(());
        }
        let executed = match self.executed.remove(&certificate.value_id) {
            Some(executed) => executed,
            None => {
                self.recover(height).await;
                self.executed.remove(&certificate.value_id).ok_or(ValidatorError::Unknown(height))?
            }
        };
        let kept = to_ledger(certificate).ok_or(ValidatorError::Unknown(height))?;
        if let Err(error) = self.parts.replica.commit(executed.outcome, &kept, DecidedBy::Engine).await {
            self.parts.alerts.raise(AlertCode::Storage, error.to_string());
            return Err(error.into());
        }
        self.parts.alerts.clear(AlertCode::Storage);
        self.parts.record = voting::begins(self.parts.record, height.next(), height);
        for (proposer, round) in self.missed.at_fault(certificate.round, self.fetched) {
            let words = format!("no proposal that can be voted for in round {}", round.as_i64());
            self.parts.alerts.accuse(proposer.0, Offence::NoProposal, height, words);
        }
        self.forget_height();
        self.parts.pool.committed();
        Ok(())
    }

    /// The next height begins.
    fn forget_height(&mut self) {
        self.executed.clear();
        self.proposals.clear();
        self.turn = None;
        self.missed.clear();
        self.fetched = false;
        self.turns.clear();
        self.ahead.clear();
    }

    /// After more precommits have come in: a fuller certificate replaces the stored one.
    async fn keep_better(&self, certificate: &CommitCertificate<Chain>) {
        if let Some(better) = to_ledger(certificate)
            && let Err(error) = self.parts.replica.store().improve_certificate(&better).await
        {
            tracing::debug!(%error, "the fuller certificate was not kept");
        }
    }

    async fn started_round(&mut self, height: Height, round: Round) -> Vec<ProposedValue<Chain>> {
        self.recover(height).await;
        for whole in self.incoming.take_early(height) {
            self.consider(whole).await;
        }
        let (due, later) = std::mem::take(&mut self.ahead).into_iter().partition(|(opening, _)| opening.round <= round);
        self.ahead = later;
        for (opening, bytes) in due {
            self.examine(opening, bytes, Fresh::Yes).await;
        }
        self.proposals.iter().filter(|(value, _)| value.round <= round).map(|(value, _)| value.clone()).collect()
    }

    fn proposal(&self, round: Round, block: &BlockId) -> Option<&(ProposedValue<Chain>, Opening)> {
        self.proposals.iter().find(|(value, _)| value.round == round && value.value == *block)
    }

    async fn decided_values(&self, from: u64, to: u64) -> Vec<RawDecidedValue<Chain>> {
        let count = to.saturating_sub(from).saturating_add(1).min(u64::from(BLOCKS_MAX));
        let count = usize::try_from(count).unwrap_or(1);
        let found = self.parts.replica.store().blocks_from(Height(from), count, DECIDED_BYTES_MAX).await;
        let decode = |b: countersign_store::EncodedBlock| {
            let certificate = Certificate::decode(&b.certificate).ok()?;
            Some(RawDecidedValue::new(b.block.into(), to_sync(&certificate)))
        };
        found.unwrap_or_default().into_iter().map_while(decode).collect()
    }

    /// Notes who let a round pass without a proposal.
    fn note_missed_turn(&mut self, height: Height, round: Round, proposer: Address) {
        if let Some((last_height, last_round, last)) = self.turn
            && last_height == height
            && last.0 != self.parts.keys.member()
            && !self.proposals.iter().any(|(value, _)| value.round == last_round)
        {
            self.missed.note(last, last_round);
        }
        self.turn = Some((height, round, proposer));
    }

    fn accuse_equivocators(&self, height: Height, evidence: &arc_malachitebft_core_consensus::MisbehaviorEvidence<Chain>) {
        let votes = evidence.votes.iter().map(|(address, list)| (address, list.len(), "votes"));
        let proposals = evidence.proposals.iter().map(|(address, list)| (address, list.len(), "proposals"));
        for (address, count, what) in votes.chain(proposals) {
            self.parts.alerts.accuse(address.0, Offence::Equivocation, height, format!("signed {count} pairs of different {what}"));
        }
    }
}

/// The engine's value of a block proposed here.
fn own_value(height: Height, round: Round, block: BlockId) -> LocallyProposedValue<Chain> {
    LocallyProposedValue::new(height.into(), round, block)
}
