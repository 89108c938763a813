//! The mempool and its gossip: what comes from peers and from this node's own clients, what is passed on, and at whose cost.

use crate::{
    alert::{Alerts, Offence},
    bucket::Bucket,
    mempool::{Admitted, Allowance, Inserted, Mempool, Standing, SubmitError},
    replica::Replica,
};
use bytes::Bytes;
use countersign_ledger::State;
use countersign_messages::{MemberId, Transaction, Wire};
use countersign_net::{Channel, Net};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How long a member that sends rubbish stays away.
const BAN: Duration = Duration::from_secs(300);
/// Transactions above this are decoded and checked off the asynchronous threads: hashing 16 MiB takes tens of milliseconds.
const INLINE_BYTES_MAX: usize = 64 << 10;
/// Large transactions of one peer that wait to be checked: as many bytes as its allowance lets through at once.
const LARGE_WAITING_MAX: usize = 64 << 20;
/// How often a peer that connects again is told all that waits here: so often at once.
const TOLD_BURST: u64 = 3;
/// And so often in a thousand seconds: once in ten seconds. What it misses comes again from whoever signed it.
const TOLD_PER_1000_SECONDS: u64 = 100;

#[derive(Debug, Default)]
struct Inner {
    mempool: Mempool,
    peers: BTreeMap<MemberId, Peer>,
}

/// What is known of a peer that passes transactions on.
#[derive(Debug)]
struct Peer {
    allowance: Allowance,
    /// Large transactions of it that wait to be checked.
    large: VecDeque<Bytes>,
    /// True while one is checked.
    checking: bool,
    /// How often it may be told all that waits here.
    told: Bucket,
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

    /// Takes in what a peer passed on. Large ones are checked off the asynchronous threads, one of each peer at a time and in order.
    pub fn arrived(self: &Arc<Self>, from: MemberId, bytes: Bytes) {
        let mut inner = self.inner();
        let peer = inner.peer(from, self.now());
        let large = bytes.len() > INLINE_BYTES_MAX;
        let waiting = if large { peer.large.iter().map(Bytes::len).sum::<usize>() } else { 0 };
        if peer.allowance.arrived(bytes.len(), self.now()).is_err() || waiting > LARGE_WAITING_MAX {
            // dropped: an honest sender's transaction comes again from its signer
            metrics::counter!("countersign_transactions_throttled_total").increment(1);
            return;
        }
        if !large {
            drop(inner);
            return self.decode(from, &bytes);
        }
        peer.large.push_back(bytes);
        if !std::mem::replace(&mut peer.checking, true) {
            let pool = Arc::clone(self);
            tokio::task::spawn_blocking(move || {
                while let Some(bytes) = pool.next_large(from) {
                    pool.decode(from, &bytes);
                }
            });
        }
    }

    /// The next large transaction of a peer to be checked; none if there is none, or the peer is no member any more.
    fn next_large(&self, from: MemberId) -> Option<Bytes> {
        let mut inner = self.inner();
        let peer = inner.peers.get_mut(&from)?;
        let next = peer.large.pop_front();
        peer.checking = next.is_some();
        next
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
        if self.inner().mempool.knows(&state, &transaction) {
            return Ok(Inserted::Known);
        }
        // not while the mempool is held: the largest take tens of milliseconds, and consensus waits for it
        let admitted = Admitted::check(&state, transaction)?;
        let bytes = admitted.encoded().clone();
        let inserted = {
            let mut inner = self.inner();
            inner.mempool.put(&self.replica.state(), admitted, self.now())?
        };
        if inserted.is_new() {
            self.pass_on(&bytes, from);
            if inserted == Inserted::Ready {
                self.waiting.send_replace(true);
            }
        }
        Ok(inserted)
    }

    /// A validator has connected: it hears what waits here, unless it has heard so just now.
    pub fn connected(&self, member: &MemberId) {
        if !self.replica.state().validators().contains(member) {
            return;
        }
        let held: Vec<Transaction> = {
            let (mut inner, now) = (self.inner(), self.now());
            let told = &mut inner.peer(*member, now).told;
            if !told.wait(1, now).is_zero() {
                return;
            }
            told.take(1);
            inner.mempool.iter().cloned().collect()
        };
        for transaction in held {
            self.net.send(member, Channel::Transactions, transaction.encode().into());
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
        self.peers.entry(member).or_insert_with(|| Peer {
            allowance: Allowance::new(now),
            large: VecDeque::new(),
            checking: false,
            told: Bucket::full(TOLD_BURST, TOLD_PER_1000_SECONDS, now),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Refuses, filler, genesis, key, member};
    use countersign_net::{NetConfig, system_clock};
    use countersign_store::{ChainStore, StoreUrl};

    async fn pool(folder: &std::path::Path) -> Arc<Pool> {
        let url = StoreUrl::from(folder.join("chain.sqlite").as_path());
        let store = ChainStore::create(&url, &genesis(2)).await.unwrap();
        let replica = Arc::new(Replica::open(store, Arc::new(Refuses)).await.unwrap());
        let members = watch::Sender::new(Arc::default());
        let (net, _) = Net::start(NetConfig::outwards(Vec::new()), key(1), members.subscribe(), system_clock()).await.unwrap();
        Arc::new(Pool::new(replica, net, Arc::default()))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn large_ones_of_a_peer_are_checked_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let pool = pool(folder.path()).await;
        let network = pool.replica.state().network();
        // above the signer's own share only what nothing is missing before is taken
        let transactions: Vec<_> = (0..24).map(|i| Transaction::sign(&key(2), network, i, filler(i as u8, 100 << 10))).collect();
        for transaction in &transactions {
            pool.arrived(member(2), transaction.encode().into());
        }
        let all = async {
            while pool.counts().transactions < transactions.len() {
                tokio::task::yield_now().await;
            }
        };
        // bounds a failure
        tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
        assert_eq!(pool.next_sequence(&member(2)), 24);
    }

    #[tokio::test]
    async fn who_connects_again_and_again_is_not_told_all_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let pool = pool(folder.path()).await;
        for _ in 0..100 {
            pool.connected(&member(2));
        }
        let now = pool.now();
        assert!(!pool.inner().peer(member(2), now).told.wait(1, now).is_zero());
    }
}
