//! The mempool and its gossip: what comes from peers and from this node's own clients, what is passed on, and at whose cost.

use crate::{
    alert::{Alerts, Offence},
    mempool::{Allowance, Inserted, Mempool, Standing, SubmitError},
    replica::Replica,
};
use bytes::Bytes;
use countersign_ledger::{MemberId, State, Transaction, Wire};
use countersign_net::{Channel, Net};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How long a member that sends rubbish stays away.
const BAN: Duration = Duration::from_secs(300);
/// Transactions above this are decoded and checked off the asynchronous threads: hashing 16 MiB takes tens of milliseconds.
const INLINE_BYTES_MAX: usize = 64 << 10;

#[derive(Debug, Default)]
struct Inner {
    mempool: Mempool,
    peers: BTreeMap<MemberId, Peer>,
}

/// What is known of a peer that passes transactions on.
#[derive(Debug)]
struct Peer {
    allowance: Allowance,
    /// Held while a large transaction of it is checked.
    large: Arc<tokio::sync::Mutex<()>>,
}

/// Counts for people and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolCounts {
    /// Transactions held.
    pub transactions: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Pool {
    replica: Arc<Replica>,
    net: Net,
    alerts: Arc<Alerts>,
    inner: Mutex<Inner>,
    start: Instant,
    waiting: watch::Sender<bool>,
}

impl Pool {
    /// An empty one.
    #[allow(clippy::disallowed_methods, reason = "durations of held transactions are measured from here")]
    pub fn new(replica: Arc<Replica>, net: Net, alerts: Arc<Alerts>) -> Self {
        Self { replica, net, alerts, inner: Mutex::default(), start: Instant::now(), waiting: watch::Sender::new(false) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Transactions held.
    pub fn counts(&self) -> PoolCounts {
        let inner = self.inner();
        PoolCounts { transactions: inner.mempool.len(), bytes: inner.mempool.bytes() }
    }

    /// True while something waits for a block.
    pub fn waiting(&self) -> watch::Receiver<bool> {
        self.waiting.subscribe()
    }

    /// The next sequence number a member can sign with, after those that wait here.
    pub fn next_sequence(&self, member: &MemberId) -> u64 {
        self.inner().mempool.next_sequence(&self.replica.state(), member)
    }

    /// Takes in a transaction of one of this node's own clients and passes it on.
    ///
    /// # Errors
    /// It is refused.
    pub fn submit(&self, transaction: Transaction) -> Result<Inserted, SubmitError> {
        self.insert(transaction, None)
    }

    /// Like [`Self::submit`], but a transaction that waits here already is passed on again.
    ///
    /// # Errors
    /// It is refused.
    pub fn resubmit(&self, transaction: Transaction) -> Result<(), SubmitError> {
        let bytes = Bytes::from(transaction.encode());
        if self.insert(transaction, None)? == Inserted::Known {
            self.pass_on(&bytes, None);
        }
        Ok(())
    }

    /// A validator tells the others; whoever is none tells all validators it is connected with.
    fn pass_on(&self, bytes: &Bytes, from: Option<MemberId>) {
        let (set, me) = (self.replica.state().validators(), self.net.me());
        let to = |member: &MemberId| set.contains(member) && *member != me && Some(*member) != from;
        self.net.broadcast(Channel::Transactions, bytes, &to);
    }

    /// Takes in what a peer passed on. Large ones are checked elsewhere, one of each peer at a time and in order; how many can wait there is bounded by
    /// the peer's allowance.
    pub fn arrived(self: &Arc<Self>, from: MemberId, bytes: Bytes) {
        let mut inner = self.inner();
        let peer = inner.peer(from, self.now());
        if peer.allowance.arrived(bytes.len(), self.now()).is_err() {
            // dropped: an honest sender's transaction comes again from its signer
            metrics::counter!("countersign_transactions_throttled_total").increment(1);
            return;
        }
        let large = Arc::clone(&peer.large);
        drop(inner);
        if bytes.len() <= INLINE_BYTES_MAX {
            return self.decode(from, &bytes);
        }
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            let _turn = large.lock().await;
            // ends early only when the program does
            drop(tokio::task::spawn_blocking(move || pool.decode(from, &bytes)).await);
        });
    }

    fn decode(&self, from: MemberId, bytes: &Bytes) {
        let standing = match Transaction::decode(bytes) {
            Ok(transaction) => {
                let verdict = self.insert(transaction, Some(from));
                self.inner().peer(from, self.now()).allowance.judged(&verdict, self.now())
            }
            Err(_) => self.inner().peer(from, self.now()).allowance.fault(self.now()),
        };
        if standing == Standing::Disconnect {
            let height = self.replica.state().tip().height.next();
            self.alerts.accuse(from, Offence::InvalidTransactions, height, "sent many transactions that no honest node passes on");
            self.net.disconnect(&from, "too many invalid transactions", BAN);
        }
    }

    fn insert(&self, transaction: Transaction, from: Option<MemberId>) -> Result<Inserted, SubmitError> {
        let state = self.replica.state();
        let bytes = Bytes::from(transaction.encode());
        let inserted = self.inner().mempool.insert(&state, transaction, self.now())?;
        if inserted.is_new() {
            self.pass_on(&bytes, from);
            if inserted == Inserted::Ready {
                self.waiting.send_replace(true);
            }
        }
        Ok(inserted)
    }

    /// A validator has connected: it hears what waits here.
    pub fn connected(&self, member: &MemberId) {
        if self.replica.state().validators().contains(member) {
            let held: Vec<Bytes> = self.inner().mempool.iter().map(|t| t.encode().into()).collect();
            for bytes in held {
                self.net.send(member, Channel::Transactions, bytes);
            }
        }
    }

    /// Candidates for the next block.
    pub fn candidates(&self, bytes_max: usize, count_max: usize) -> Vec<Transaction> {
        let state = self.replica.state();
        self.inner().mempool.candidates(&state, bytes_max, count_max)
    }

    /// A block was decided: what it used up is dropped.
    pub fn committed(&self) {
        let state = self.replica.state();
        let mut inner = self.inner();
        inner.mempool.committed(&state);
        for (member, sequence) in inner.mempool.expire(self.now()) {
            tracing::warn!(%member, sequence, "a transaction waited too long and was dropped; its signer may send it again");
        }
        inner.peers.retain(|member, _| state.member(member).is_some());
        let waiting = ready(&inner.mempool, &state);
        metrics::gauge!("countersign_mempool_transactions").set(inner.mempool.len() as f64);
        drop(inner);
        self.waiting.send_replace(waiting);
    }
}

/// True if something could stand in the next block: what waits for an earlier transaction could not.
fn ready(mempool: &Mempool, state: &State) -> bool {
    mempool.iter().any(|t| t.sequence == state.next_sequence(&t.signer))
}

impl Inner {
    fn peer(&mut self, member: MemberId, now: Duration) -> &mut Peer {
        self.peers.entry(member).or_insert_with(|| Peer { allowance: Allowance::new(now), large: Arc::default() })
    }
}
