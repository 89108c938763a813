//! A validator: the core of consensus and the shell around it.

use super::{
    disk::{Disk, Loss},
    harness::Script,
    host::Host,
    message::Message,
    people::{VALIDATORS, prefix},
    sabotage::Sabotage,
    verifier::Memo,
};
use arc_malachitebft_app_channel::app::metrics::Metrics;
use arc_malachitebft_core_consensus::{Input, Params, State as Core, process};
use arc_malachitebft_core_types::{Round, Timeout, ValueOrigin, ValuePayload, VoteExtensionPolicy};
use countersign_consensus::{
    malachite::context::{Chain, Validators},
    voting::{self, Standing},
};
use countersign_ledger::{CachingChecker, TransactionResult};
use countersign_messages::{Block, Certificate, Height};
use countersign_store::VotingRecord;
use rand::rngs::StdRng;
use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

/// What happens at a node.
#[derive(Debug, Clone)]
pub(super) enum NodeEvent {
    Message {
        from: usize,
        message: Message,
    },
    /// A transaction from a member.
    Submitted {
        from: countersign_messages::MemberId,
        transaction: Arc<countersign_messages::Transaction>,
    },
    Timer {
        id: u64,
        timeout: Timeout,
    },
    /// Time to build a block.
    Propose(Height, Round),
    /// A block has been executed.
    Value(Box<arc_malachitebft_core_consensus::ProposedValue<Chain>>, ValueOrigin),
    Start(Height),
    /// Tell the others how far one is.
    Tick,
}

/// To whom.
#[derive(Debug, Clone, Copy)]
pub(super) enum To {
    All,
    One(usize),
}

/// A block a node has committed.
#[derive(Debug, Clone)]
pub(super) struct Committed {
    pub(super) block: Arc<Block>,
    pub(super) certificate: Certificate,
    pub(super) results: Vec<TransactionResult>,
}

/// What a node wants of the outside.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) sends: Vec<(To, Message)>,
    /// After so many milliseconds.
    pub(super) later: Vec<(u64, NodeEvent)>,
    pub(super) committed: Vec<Committed>,
    /// It has seen somebody vote twice.
    pub(super) accused: bool,
    /// For the trace.
    pub(super) notes: Vec<String>,
}

/// All but the core of consensus.
#[derive(Debug)]
pub(super) struct Shell {
    pub(super) index: usize,
    /// Milliseconds of virtual time, and how much this node's clock is ahead.
    pub(super) now: u64,
    pub(super) skew: u64,
    pub(super) sabotage: Sabotage,
    pub(super) verifier: Memo,
    pub(super) host: Host,
    pub(super) disk: Disk,
    pub(super) timers: Vec<(Timeout, u64)>,
    pub(super) next_timer: u64,
    pub(super) recovering: bool,
    /// It follows, and does not vote.
    pub(super) silent: bool,
    /// Who has said that there is no further block, while it is silent.
    pub(super) told: BTreeSet<usize>,
    /// Something could not be written: the engine has stopped.
    pub(super) stopped: bool,
    pub(super) out: Out,
    /// An effect that could not be carried out.
    pub(super) broken: Option<String>,
}

pub(super) struct Node {
    core: Option<Core<Chain>>,
    pub(super) shell: Shell,
    pub(super) up: bool,
    /// How often it has started: what was meant for an earlier life is lost.
    pub(super) life: u64,
}

fn metrics() -> &'static Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(Metrics::new)
}

impl Node {
    pub(super) fn new(index: usize, skew: u64, sabotage: Sabotage, verifier: Memo) -> Self {
        let mut disk = Disk::default();
        disk.decided.clone_from(&prefix().blocks);
        let tip = prefix().state.tip().height;
        disk.record = VotingRecord { engine: tip, before: tip, silent_until: Some(tip) };
        let shell = Shell {
            index,
            now: 0,
            skew,
            sabotage,
            verifier,
            host: Host::new(prefix().state.clone(), Arc::new(CachingChecker::new(Script::default()))),
            disk,
            timers: Vec::new(),
            next_timer: 0,
            recovering: false,
            silent: false,
            told: BTreeSet::new(),
            stopped: false,
            out: Out::default(),
            broken: None,
        };
        Self { core: None, shell, up: false, life: 0 }
    }

    /// The process starts and finds its disk.
    pub(super) fn start(&mut self) -> Result<(), String> {
        self.up = true;
        self.life += 1;
        self.shell.out.later.push((1, NodeEvent::Tick));
        self.start_engine()
    }

    /// The engine starts, unless it must be silent; then it is looked at again whenever something has come.
    fn start_engine(&mut self) -> Result<(), String> {
        let shell = &mut self.shell;
        shell.stopped = false;
        let tip = shell.host.ledger.tip().height;
        if self.core.is_some() || shell.disk.full {
            return Ok(());
        }
        let careless = matches!(shell.sabotage, Sabotage::ForgetsLock | Sabotage::VotesAtOnce);
        let (standing, record, loss) = voting::judge(shell.disk.record, &shell.disk.log(), tip);
        shell.disk.record = record;
        if standing != Standing::Free && !careless {
            if !shell.silent {
                shell.out.notes.push(format!("is silent: {standing:?}, {loss:?}"));
                shell.told.clear();
            }
            shell.silent = true;
            return Ok(());
        }
        shell.silent = false;
        shell.execute_undecided();
        if record.engine < tip.next() {
            shell.disk.record = voting::begins(record, tip.next(), shell.disk.log_height());
        }
        self.start_height(tip.next())
    }

    /// The process has lost something while it was dead.
    pub(super) fn lose(&mut self, loss: Loss) {
        self.shell.disk.lose(loss, prefix().blocks.len());
        if matches!(loss, Loss::Database | Loss::Both) {
            self.shell.host.ledger = prefix().state.clone();
        }
    }

    /// The process dies.
    pub(super) fn crash(&mut self, dice: &mut StdRng) {
        self.up = false;
        self.core = None;
        self.shell.disk.crash(dice);
        if self.shell.sabotage == Sabotage::ForgetsLock {
            self.shell.disk.forget();
        }
        self.shell.timers.clear();
        (self.shell.silent, self.shell.stopped) = (false, false);
        self.shell.out = Out::default();
        self.shell.host.crash();
    }

    pub(super) fn handle(&mut self, event: NodeEvent) -> Result<(), String> {
        match event {
            NodeEvent::Message { from, message } => self.receive(from, message),
            NodeEvent::Submitted { from, transaction } => {
                self.shell.take(super::host::Sender::Member(from), &transaction);
                Ok(())
            }
            NodeEvent::Timer { id, timeout } => {
                let Some(at) = self.shell.timers.iter().position(|(_, i)| *i == id) else { return Ok(()) };
                self.shell.timers.swap_remove(at);
                self.feed(Input::TimeoutElapsed(timeout))
            }
            NodeEvent::Propose(height, round) => match self.shell.build(height, round) {
                Some(value) => self.feed(Input::Propose(value)),
                None => Ok(()),
            },
            NodeEvent::Value(value, origin) => self.feed(Input::ProposedValue(*value, origin)),
            NodeEvent::Start(height) => self.start_height(height),
            NodeEvent::Tick => {
                self.shell.tick();
                // an engine that could not write is started again, as by the node
                if self.core.is_none() { self.start_engine() } else { Ok(()) }
            }
        }
    }

    /// The engine has ended because nothing could be written; what was not kept is forgotten with it.
    fn stop_engine(&mut self) {
        self.core = None;
        self.shell.timers.clear();
        self.shell.host.stop_engine();
    }

    fn receive(&mut self, from: usize, message: Message) -> Result<(), String> {
        use arc_malachitebft_core_consensus::{LivenessMsg, SignedConsensusMsg};
        match message {
            Message::Consensus(SignedConsensusMsg::Vote(vote)) | Message::Liveness(LivenessMsg::Vote(vote)) => self.feed(Input::Vote(vote)),
            Message::Consensus(SignedConsensusMsg::Proposal(proposal)) => self.feed(Input::Proposal(proposal)),
            Message::Liveness(LivenessMsg::PolkaCertificate(certificate)) => self.feed(Input::PolkaCertificate(certificate)),
            Message::Liveness(LivenessMsg::SkipRoundCertificate(certificate)) => self.feed(Input::RoundCertificate(certificate)),
            Message::Block(part) => {
                self.shell.on_block(part);
                Ok(())
            }
            Message::Transaction(transaction) => {
                self.shell.take(super::host::Sender::Peer(from), &transaction);
                Ok(())
            }
            Message::Status(height) => {
                self.shell.on_status(from, height);
                Ok(())
            }
            Message::SyncRequest(height) => {
                self.shell.on_sync_request(from, height);
                Ok(())
            }
            Message::NothingFurther => {
                self.shell.on_nothing_further(from);
                self.again()
            }
            Message::SyncResponse(block, certificate) if self.shell.silent => {
                self.shell.follow(from, &block, &certificate);
                self.again()
            }
            Message::SyncResponse(block, certificate) => {
                let response = self.shell.on_sync_response(from, &block, &certificate);
                self.feed(Input::SyncValueResponse(response))
            }
        }
    }

    /// A silent validator may vote now, or not.
    fn again(&mut self) -> Result<(), String> {
        match self.shell.broken.take() {
            Some(why) => Err(format!("node {}: {why}", self.shell.index)),
            None if self.shell.silent => self.start_engine(),
            None => Ok(()),
        }
    }

    /// As the engine does: the log is read, the height started, the log replayed without being written again.
    fn start_height(&mut self, height: Height) -> Result<(), String> {
        if height != self.shell.host.ledger.tip().height.next() {
            return Ok(());
        }
        // the log of the height cannot be begun: the engine stops (`stop_on_failure`), and is started again when there is room
        if !self.shell.may_write() {
            self.stop_engine();
            return Ok(());
        }
        let entries = self.shell.disk.start_log(height);
        let validators = Validators::from(&self.shell.host.ledger.validators());
        if self.core.is_none() {
            let params = Params {
                address: prefix().keys[self.shell.index].address(),
                threshold_params: Default::default(),
                value_payload: ValuePayload::ProposalAndParts,
                enabled: true,
            };
            self.core = Some(Core::new(Chain, height.into(), validators.clone(), params, 16, 256));
        }
        self.feed(Input::StartHeight(height.into(), validators, false, None, VoteExtensionPolicy::Disabled))?;
        if entries.is_empty() {
            return Ok(());
        }
        self.shell.recovering = true;
        self.shell.out.notes.push(format!("replays {} inputs", entries.len()));
        if let Some(core) = &mut self.core {
            core.index_wal_entries(entries.iter());
        }
        for entry in entries {
            self.feed(entry)?;
        }
        if let Some(core) = &mut self.core {
            core.reset_entries_index();
        }
        self.shell.recovering = false;
        Ok(())
    }

    fn feed(&mut self, input: Input<Chain>) -> Result<(), String> {
        let Self { core, shell, .. } = self;
        let Some(core) = core else { return Ok(()) };
        let result: Result<(), arc_malachitebft_core_consensus::Error<Chain>> = process!(
            input: input,
            state: core,
            metrics: metrics(),
            with: effect => shell.carry_out(effect)
        );
        if self.shell.stopped {
            self.stop_engine();
        }
        match self.shell.broken.take() {
            Some(why) => Err(format!("node {}: {why}", self.shell.index)),
            None if self.shell.stopped => Ok(()),
            None => result.map_err(|e| format!("node {}: consensus stopped: {e}", self.shell.index)),
        }
    }

    pub(super) fn height(&self) -> Height {
        self.shell.host.ledger.tip().height
    }
}

/// Everybody but one.
pub(super) fn others(index: usize) -> impl Iterator<Item = usize> {
    (0..VALIDATORS).filter(move |i| *i != index)
}
