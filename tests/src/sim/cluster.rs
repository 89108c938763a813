//! The event loop.

use super::{
    check::{Failure, Watch},
    clients::Clients,
    disk::Loss,
    harness::{Who, id},
    message::Message,
    node::{Node, NodeEvent, Out, To, others},
    people::{VALIDATORS, prefix},
    sabotage::{Plan, Sabotage},
    verifier::Memo,
    weather::{Death, Ms, Weather},
};
use countersign_messages::Transaction;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
    sync::Arc,
};

/// After the faults end: until everybody has the same chain with everything honest in it. The longest of the normal run's seeds takes a third of it.
const LIVE_MS: Ms = 30_000;
/// Lines of the trace that are kept.
const TRACE_LINES: usize = 40;

/// What a seed came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The last height.
    pub height: u64,
    /// Transactions in blocks, accepted and rejected.
    pub accepted: usize,
    /// Rejected ones.
    pub rejected: usize,
    /// Answers accepted.
    pub answers: usize,
    /// Withdrawals committed.
    pub withdrawals: usize,
    /// Erasures accepted.
    pub erasures: usize,
    /// Suspensions of a study, and that they were lifted.
    pub decisions: usize,
    /// Times that a copy took the place of a hospital's file.
    pub brought_back: usize,
    /// Starts of processes after the first.
    pub restarts: usize,
    /// How often a validator lost its database, its log or both.
    pub losses: usize,
    /// How often a disk was full.
    pub full_disks: usize,
    /// From the end of the faults until all was well, in virtual milliseconds.
    pub settled_ms: u64,
    /// Events handled.
    pub events: u64,
}

#[derive(Debug)]
enum Event {
    Node {
        node: usize,
        life: u64,
        event: NodeEvent,
    },
    Crash(Death),
    Restart(usize),
    /// From here on there is room on a disk, or none.
    Disk {
        node: usize,
        full: bool,
    },
    Clients,
}

pub(super) struct Cluster {
    now: Ms,
    order: u64,
    queue: BinaryHeap<Reverse<(Ms, u64)>>,
    events: BTreeMap<u64, Event>,
    dice: StdRng,
    nodes: Vec<Node>,
    weather: Weather,
    clients: Clients,
    watch: Watch,
    trace: VecDeque<String>,
    summary: Summary,
    plan: Plan,
}

/// Runs a seed with honest nodes.
///
/// # Errors
/// What did not hold, with the seed and the last events.
pub fn run(seed: u64) -> Result<Summary, String> {
    run_with(seed, Plan::HONEST).map_err(|(failure, trace)| {
        format!("seed {seed}: {failure}\nreplay: COUNTERSIGN_SIM_SEED={seed} cargo test --release -p countersign-tests --test all simulation::\n{trace}")
    })
}

/// Runs a seed with some nodes broken.
///
/// # Errors
/// What did not hold, and the last events.
pub fn run_with(seed: u64, plan: Plan) -> Result<Summary, (Failure, String)> {
    let mut cluster = Cluster::new(seed, plan);
    let result = cluster.run();
    let Cluster { trace, watch, .. } = &cluster;
    match result.and_then(|()| watch.history().check(seed.is_multiple_of(16))) {
        Ok(()) => Ok(cluster.summary),
        Err(failure) => Err((failure, trace.iter().cloned().collect::<Vec<_>>().join("\n"))),
    }
}

impl Cluster {
    fn new(seed: u64, plan: Plan) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut weather = Weather::of(&mut dice);
        if plan.sabotage == Sabotage::ForgetsLock {
            // locks matter at these moments only
            weather.ambush = 0.6;
        }
        let verifier = Memo::new(&prefix().keys[0]);
        let nodes = (0..VALIDATORS).map(|i| Node::new(i, dice.gen_range(0..500), plan.of(i), verifier.clone())).collect();
        let mut cluster = Self {
            now: 0,
            order: 0,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            nodes,
            clients: Clients::new(),
            watch: Watch::default(),
            trace: VecDeque::new(),
            summary: Summary::default(),
            weather,
            dice,
            plan,
        };
        for node in 0..VALIDATORS {
            let at = cluster.dice.gen_range(0..200);
            cluster.put(at, Event::Restart(node));
        }
        for death in cluster.weather.deaths.clone() {
            cluster.put(death.at, Event::Crash(death));
        }
        for disk in cluster.weather.full_disks.clone() {
            cluster.put(disk.at, Event::Disk { node: disk.node, full: true });
            cluster.put(disk.until, Event::Disk { node: disk.node, full: false });
        }
        cluster.put(100, Event::Clients);
        cluster
    }

    fn put(&mut self, at: Ms, event: Event) {
        self.order += 1;
        self.queue.push(Reverse((at, self.order)));
        self.events.insert(self.order, event);
    }

    fn note(&mut self, node: usize, text: &str) {
        if self.trace.len() == TRACE_LINES {
            self.trace.pop_front();
        }
        let height = self.nodes[node].height();
        self.trace.push_back(format!("{:>6} ms  node {node} at {height:>3}  {text}", self.now));
    }

    fn run(&mut self) -> Result<(), Failure> {
        while let Some(Reverse((at, order))) = self.queue.pop() {
            self.now = at;
            self.summary.events += 1;
            if let Some(event) = self.events.remove(&order) {
                self.happen(event)?;
            }
            if self.now > self.weather.heal && self.settled() {
                self.summary.settled_ms = self.now - self.weather.heal;
                self.summary.brought_back = self.clients.brought_back;
                return self.finish();
            }
            if self.now > self.weather.heal + LIVE_MS {
                let heights = self.nodes.iter().map(Node::height).collect();
                return Err(Failure::NotLive { heights, waiting: self.clients.waiting() });
            }
        }
        unreachable!("clients and timers never end")
    }

    /// All nodes run, have the same chain, and nothing honest is on its way.
    fn settled(&self) -> bool {
        let top = self.nodes.iter().map(Node::height).max().unwrap_or_default();
        self.clients.done() && top > self.watch.height_at_heal() && self.nodes.iter().all(|n| n.up && n.height() == top)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.watch.all_in(&self.clients.signed)?;
        self.watch.count(&mut self.summary);
        let cut_off = self.nodes.iter().flat_map(|n| n.shell.host.cut_off.iter().map(|peer| (n.shell.index, *peer))).next();
        cut_off.map_or(Ok(()), |(node, peer)| Err(Failure::CutOff { node, peer }))
    }

    fn happen(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Node { node, life, event } if self.nodes[node].up && self.nodes[node].life == life => {
                self.at_node(node, |n| n.handle(event))
            }
            Event::Node { .. } => Ok(()),
            Event::Crash(death) => {
                self.crash(death);
                Ok(())
            }
            Event::Restart(node) if !self.nodes[node].up => {
                self.note(node, "starts");
                self.summary.restarts += usize::from(self.nodes[node].life > 0);
                self.at_node(node, Node::start)
            }
            Event::Restart(_) => Ok(()),
            Event::Disk { node, full } => {
                self.note(node, if full { "has a full disk" } else { "has room on its disk" });
                self.summary.full_disks += usize::from(full);
                self.nodes[node].shell.disk.full = full;
                Ok(())
            }
            Event::Clients => {
                self.members();
                Ok(())
            }
        }
    }

    fn crash(&mut self, death: Death) {
        if self.nodes[death.node].up {
            self.note(death.node, &format!("dies for {} ms", death.down));
            let Self { nodes, dice, .. } = self;
            nodes[death.node].crash(dice);
            if death.loss != Loss::Nothing {
                self.nodes[death.node].lose(death.loss);
                self.note(death.node, &format!("has lost: {:?}", death.loss));
                self.summary.losses += 1;
                if matches!(death.loss, Loss::Database | Loss::Both) {
                    self.watch.lost(death.node);
                }
            }
            self.put(self.now + death.down, Event::Restart(death.node));
        }
    }

    /// Lets a node do something, and carries out what it wants of the outside.
    fn at_node(&mut self, node: usize, act: impl FnOnce(&mut Node) -> Result<(), String>) -> Result<(), Failure> {
        self.nodes[node].shell.now = self.now;
        let result = act(&mut self.nodes[node]);
        let Out { sends, later, committed, accused, notes } = std::mem::take(&mut self.nodes[node].shell.out);
        notes.iter().for_each(|text| self.note(node, text));
        // nodes that forget their locks on purpose vote twice: that is what they are for
        if accused && self.plan.sabotage != Sabotage::ForgetsLock {
            return Err(Failure::Accused { node });
        }
        let life = self.nodes[node].life;
        for (wait, event) in later {
            self.put(self.now + wait, Event::Node { node, life, event });
        }
        for (to, message) in sends {
            match to {
                To::All => others(node).for_each(|to| self.send(node, to, &message)),
                To::One(to) => self.send(node, to, &message),
            }
        }
        for block in committed {
            let id = block.certificate.block;
            self.note(
                node,
                &format!("commits {} of round {} with {} transactions", id.0.short(), block.certificate.round, block.results.len()),
            );
            let first = self.watch.committed(node, &block, &self.nodes[node].shell.host.ledger, self.now < self.weather.heal)?;
            if first && self.now < self.weather.heal && self.dice.gen_bool(self.weather.ambush) {
                self.ambush(node);
            }
        }
        result.map_err(Failure::Stopped)
    }

    /// The first to decide is cut off, and others die before they hear of it.
    fn ambush(&mut self, node: usize) {
        let duration = self.dice.gen_range(500..3_000);
        self.note(node, &format!("is cut off for {duration} ms"));
        self.weather.isolate(node, self.now, duration);
        for other in others(node) {
            if self.dice.gen_bool(0.7) {
                let down = self.dice.gen_range(20..400);
                self.put(self.now, Event::Crash(Death { node: other, at: self.now, down, loss: Loss::Nothing }));
            }
        }
    }

    fn send(&mut self, from: usize, to: usize, message: &Message) {
        for at in self.weather.fate(Some(from), to, self.now, &mut self.dice) {
            // a process that starts in between does not hear it
            let life = self.nodes[to].life;
            self.put(at, Event::Node { node: to, life, event: NodeEvent::Message { from, message: message.clone() } });
        }
    }

    /// A member acts, and all send again what they have not seen in a block.
    fn members(&mut self) {
        let reachable: Vec<usize> = (0..VALIDATORS).filter(|i| self.nodes[*i].up).collect();
        if let Some(read) = reachable.get(self.dice.gen_range(0..reachable.len().max(1))) {
            let state = self.nodes[*read].shell.host.ledger.clone();
            let working = self.now < self.weather.heal;
            let mut sends = self.clients.act(&state, self.now, working, &mut self.dice);
            sends.extend(self.clients.resend(&state, self.now));
            for (who, transaction) in sends {
                let copies = if self.dice.gen_bool(0.2) { 2 } else { 1 };
                (0..copies).for_each(|_| self.submit(who, &transaction));
            }
        }
        let pause = self.dice.gen_range(30..250);
        self.put(self.now + pause, Event::Clients);
    }

    fn submit(&mut self, who: Who, transaction: &Arc<Transaction>) {
        let to = self.dice.gen_range(0..VALIDATORS);
        for at in self.weather.fate(None, to, self.now, &mut self.dice) {
            let life = self.nodes[to].life;
            let event = NodeEvent::Submitted { from: id(who), transaction: transaction.clone() };
            self.put(at, Event::Node { node: to, life, event });
        }
    }
}
