//! A validator: the core of consensus and the shell around it.

use super::{
    disk::Disk,
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
use countersign_consensus::malachite::context::{Chain, Validators};
use countersign_ledger::{Block, CachingChecker, Certificate, Height, TransactionResult};
use rand::rngs::StdRng;
use std::sync::{Arc, OnceLock};

/// What happens at a node.
#[derive(Debug, Clone)]
pub(super) enum NodeEvent {
    Message {
        from: usize,
        message: Message,
    },
    /// A transaction from a member.
    Submitted {
        from: countersign_ledger::MemberId,
        transaction: Arc<countersign_ledger::Transaction>,
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
            out: Out::default(),
            broken: None,
        };
        Self { core: None, shell, up: false, life: 0 }
    }

    /// The process starts and finds its disk.
    pub(super) fn start(&mut self) -> Result<(), String> {
        self.up = true;
        self.life += 1;
        self.shell.execute_undecided();
        self.shell.out.later.push((1, NodeEvent::Tick));
        let next = self.shell.host.ledger.tip().height.next();
        self.start_height(next)
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
                Ok(())
            }
        }
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
            Message::SyncResponse(block, certificate) => {
                let response = self.shell.on_sync_response(from, &block, &certificate);
                self.feed(Input::SyncValueResponse(response))
            }
        }
    }

    /// As the engine does: the log is read, the height started, the log replayed without being written again.
    fn start_height(&mut self, height: Height) -> Result<(), String> {
        if height != self.shell.host.ledger.tip().height.next() {
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
        match self.shell.broken.take() {
            Some(why) => Err(format!("node {}: {why}", self.shell.index)),
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
