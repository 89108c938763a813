//! A cluster of nodes in one process, over real connections on loopback and real SQLite files, with the ledger's harness for payloads.

use countersign_consensus::{Accusation, Conduct, Honest, Node, NodeConfig, Offence, Pace, RoleNow, malachite::network::Outgoing};
use countersign_harness::{self as harness, Script, Who, digest, keys_digest, registry, rules};
use countersign_ledger::*;
use countersign_messages::*;
use countersign_net::{NetConfig, PeerAddress, Transport};
use countersign_store::{ChainStore, StoreUrl};
use countersign_tests::loopback::unused_address;
use ed25519_dalek::SigningKey;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Bounds a failure; never decides a result.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn validator_key(i: usize) -> SigningKey {
    SigningKey::from_bytes(&[100 + i as u8; 32])
}

pub fn validator_id(i: usize) -> MemberId {
    MemberId::from(&validator_key(i).verifying_key())
}

pub fn now() -> BlockTime {
    BlockTime(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64)
}

/// The harness's people, and so many validators.
pub fn genesis(validators: usize) -> Genesis {
    let mut genesis = harness::genesis();
    genesis.time = BlockTime(now().0 - 60_000);
    genesis.registry = registry();
    genesis.rules = rules();
    genesis.circuit_keys = keys_digest();
    genesis.members.retain(|m| m.id != harness::id(Who::Validator));
    for i in 0..validators {
        let name = Name::new(format!("validator {i}")).unwrap();
        genesis.members.push(Member { id: validator_id(i), name, roles: vec![Role::Validator], sealing: [9; 32] });
    }
    genesis.members.sort_by_key(|m| m.id);
    let until = countersign_circuits::consent::Day(genesis.time.day().0 + limits::PERSON_DAYS_MAX);
    genesis.persons.iter_mut().for_each(|(_, person)| person.until = until);
    genesis
}

/// One member's node: its key, folder and, if it listens, address.
pub struct Seat {
    pub key: SigningKey,
    pub folder: tempfile::TempDir,
    pub address: Option<SocketAddr>,
    pub node: Option<Node>,
    pub conduct: Arc<dyn Conduct>,
    pub outgoing: Option<Arc<dyn Outgoing>>,
    pub clock: Option<countersign_consensus::Clock>,
    pub checker: Option<Arc<dyn ProofChecker>>,
    pub transport: Transport,
}

/// A cluster: validators first.
pub struct Cluster {
    pub genesis: Genesis,
    pub checker: Arc<CachingChecker<Script>>,
    pub pace: Pace,
    pub seats: Vec<Seat>,
    pub validators: usize,
    pub accept_lost_votes: bool,
}

impl Cluster {
    /// Seats for validators, nobody started.
    pub fn new(validators: usize) -> Self {
        Self::with(genesis(validators), validators)
    }

    pub fn with(genesis: Genesis, validators: usize) -> Self {
        let mut cluster = Self {
            genesis,
            checker: Arc::new(CachingChecker::new(Script::default())),
            pace: Pace::quick(),
            seats: Vec::new(),
            validators,
            accept_lost_votes: false,
        };
        for i in 0..validators {
            cluster.seat(validator_key(i), true);
        }
        cluster
    }

    /// One more seat; gives its number.
    pub fn seat(&mut self, key: SigningKey, listens: bool) -> usize {
        self.seats.push(Seat {
            key,
            folder: tempfile::tempdir().unwrap(),
            address: listens.then(unused_address),
            node: None,
            conduct: Arc::new(Honest),
            outgoing: None,
            clock: None,
            checker: None,
            transport: Transport::Auto,
        });
        self.seats.len() - 1
    }

    pub fn url(&self, i: usize) -> StoreUrl {
        StoreUrl::from(self.seats[i].folder.path().join("chain.sqlite").as_path())
    }

    fn peers(&self, i: usize) -> Vec<PeerAddress> {
        let to = |(j, seat): (usize, &Seat)| {
            let address = seat.address.filter(|_| j != i)?;
            Some(PeerAddress {
                member: MemberId::from(&seat.key.verifying_key()),
                address: address.to_string(),
                transport: self.seats[i].transport,
            })
        };
        self.seats.iter().enumerate().filter_map(to).collect()
    }

    /// Starts a node, the first time or again.
    pub async fn start(&mut self, i: usize) {
        let url = self.url(i);
        let path: PathBuf = self.seats[i].folder.path().join("chain.sqlite");
        let store =
            if path.exists() { ChainStore::open(&url).await.unwrap() } else { ChainStore::create(&url, &self.genesis).await.unwrap() };
        let seat = &self.seats[i];
        let peers = self.peers(i);
        let net = match seat.address {
            Some(address) => NetConfig::listening(address, peers),
            None => NetConfig::outwards(peers),
        };
        let validate = seat.address.map(|_| seat.folder.path().join("wal"));
        let mut config = NodeConfig::new(format!("node-{i}"), seat.key.clone(), net, validate);
        config.pace = self.pace;
        config.accept_lost_votes = self.accept_lost_votes;
        config.conduct = Arc::clone(&seat.conduct);
        config.outgoing = seat.outgoing.clone();
        if let Some(clock) = &seat.clock {
            config.clock = clock.clone();
        }
        let checker = seat.checker.clone().unwrap_or_else(|| self.checker.clone());
        let node = Node::start(config, store, checker).await.unwrap();
        self.seats[i].node = Some(node);
    }

    /// Starts everybody, and waits until all validators take part: one that comes when others have begun is silent for two heights.
    pub async fn start_all(&mut self) {
        for i in 0..self.seats.len() {
            self.start(i).await;
        }
        let begun = async {
            while (0..self.validators).any(|i| self.node(i).status().role != RoleNow::Validator) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let begun = tokio::time::timeout(PATIENCE, begun).await;
        assert!(begun.is_ok(), "not all take part: {:?}", self.running().map(|(_, n)| n.status()).collect::<Vec<_>>());
    }

    pub async fn stop(&mut self, i: usize) {
        if let Some(node) = self.seats[i].node.take() {
            node.shutdown().await;
        }
    }

    pub async fn stop_all(&mut self) {
        for i in 0..self.seats.len() {
            self.stop(i).await;
        }
    }

    pub fn node(&self, i: usize) -> &Node {
        self.seats[i].node.as_ref().unwrap()
    }

    pub fn running(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.seats.iter().enumerate().filter_map(|(i, s)| s.node.as_ref().map(|n| (i, n)))
    }

    /// Waits until a node has a height.
    pub async fn reach(&self, i: usize, height: u64) {
        self.until(i, &format!("height {height}"), |state| state.tip().height.0 >= height).await;
    }

    /// Waits until a node's state is as said.
    pub async fn until(&self, i: usize, what: &str, mut is: impl FnMut(&State) -> bool) {
        let mut states = self.node(i).subscribe();
        let waited = tokio::time::timeout(PATIENCE, states.wait_for(|s| is(s))).await.map(|r| r.map(drop));
        assert!(matches!(waited, Ok(Ok(()))), "node {i} does not come to {what}: {:?}", self.node(i).status());
    }

    /// Signs with a person's next sequence number as a node sees it.
    pub fn sign(&self, i: usize, key: &SigningKey, payload: Payload) -> Transaction {
        let node = self.node(i);
        let sequence = node.next_sequence(&MemberId::from(&key.verifying_key()));
        Transaction::sign(key, node.state().network(), sequence, payload)
    }

    /// Submits at a node and waits for the block.
    pub async fn confirm(&self, i: usize, who: Who, payload: Payload) -> (Height, TransactionResult) {
        let transaction = self.sign(i, &harness::key(who), payload);
        self.node(i).confirm(transaction, PATIENCE).await.unwrap_or_else(|e| panic!("{e}: {:?}", self.node(i).status()))
    }

    /// Submits and insists on acceptance.
    pub async fn accept(&self, i: usize, who: Who, payload: Payload) -> TransactionId {
        let (_, result) = self.confirm(i, who, payload).await;
        assert!(result.effect().is_some(), "{:?}", result.verdict);
        result.transaction
    }

    /// Chair and secretary of the board approve a study.
    pub async fn approve(&self, i: usize, study: StudyId) {
        let statement = harness::decision_on(&self.node(i).state(), Who::Board, study, harness::approval());
        for office in [Office::Chair, Office::Secretary] {
            let signed = harness::sign_statement(&self.node(i).state(), Who::Board, office, statement.clone());
            self.accept(i, Who::Board, signed).await;
        }
    }

    /// A transaction that changes little: somebody votes on a proposal that does not exist. It is rejected, on record.
    pub async fn tick(&self, i: usize) -> Height {
        let none = ProposalId(TransactionId(digest("none")));
        self.confirm(i, Who::Governance, harness::vote(none, true)).await.0
    }

    /// Every pair of running nodes has the same blocks, and every certificate verifies; the chain validates on a fresh state.
    pub async fn check_agreement(&self) {
        let lowest = self.running().map(|(_, n)| n.state().tip().height.0).min().unwrap();
        let mut blocks = BTreeMap::new();
        for (i, node) in self.running() {
            let mut state = State::new(self.genesis.clone()).unwrap();
            for height in 1..=lowest {
                let stored = node.store().block(Height(height)).await.unwrap().unwrap();
                stored.certificate.check(&stored.block.header, &state.validators()).unwrap();
                let id = stored.block.header.id();
                assert_eq!(*blocks.entry(height).or_insert(id), id, "node {i} has another block {height}");
                let outcome = state.validate(&stored.block, self.checker.as_ref()).unwrap();
                state.commit(outcome).unwrap();
            }
        }
    }

    /// Waits until a node takes part in deciding, with blocks going on meanwhile.
    pub async fn validates(&self, i: usize) {
        let waiting = async {
            while self.node(i).status().role != RoleNow::Validator {
                self.tick(0).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(found.is_ok(), "node {i} does not validate: {:?}", self.node(i).status());
    }

    /// What a node accuses a member of.
    pub fn accusations(&self, i: usize, member: &MemberId) -> Vec<Accusation> {
        self.node(i).alerts().accusations().into_iter().filter(|a| a.member == *member).collect()
    }

    /// Waits until a node has accused a member of an offence.
    pub async fn accused(&self, i: usize, member: &MemberId, offence: Offence) {
        let told = async {
            while !self.accusations(i, member).iter().any(|a| a.offence == offence) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, told).await;
        assert!(found.is_ok(), "node {i} does not accuse {member:?} of {offence}: {:?}", self.node(i).status());
    }
}
