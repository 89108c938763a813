//! Validators of one network on loopback, in this process, each with its own SQLite file.

use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    hash::Digest32,
    segment::SegmentId,
};
use countersign_consensus::{Node, NodeConfig, Pace};
use countersign_ledger::{AnswerCheck, AnswerVerdict, ErasureCheck, ProofChecker, ProofFault, ProofRefused, SegmentsCheck};
use countersign_messages::{
    Anchor, AnchoredTable, BlockTime, CircuitKeys, Genesis, Member, MemberId, Name, Payload, Role, Rules, Transaction,
};
use countersign_net::{NetConfig, PeerAddress, Transport};
use countersign_store::{ChainStore, StoreUrl};
use countersign_tests::loopback::unused_address;
use ed25519_dalek::SigningKey;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Members that send transactions.
pub const SENDERS: usize = 64;

fn key(i: usize) -> SigningKey {
    SigningKey::from_bytes(&[i as u8 + 1; 32])
}

fn id(i: usize) -> MemberId {
    MemberId::from(&key(i).verifying_key())
}

/// The chain measured here carries no proofs.
struct NoProofs(Digest32);

impl ProofChecker for NoProofs {
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
        (*digest == self.0).then_some(CircuitKeys { digest: self.0, development: true })
    }

    fn check_segments(&self, _: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        Err(ProofRefused { fault: ProofFault::Unsupported, detail: "no proofs here".into() })
    }

    fn check_erasure(&self, _: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        Err(ProofRefused { fault: ProofFault::Unsupported, detail: "no proofs here".into() })
    }

    fn check_answer(&self, _: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        Err(ProofRefused { fault: ProofFault::Unsupported, detail: "no proofs here".into() })
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Loopback {
    genesis: Genesis,
    addresses: Vec<SocketAddr>,
    folder: tempfile::TempDir,
    /// The validators' nodes.
    pub nodes: Vec<Node>,
}

impl Loopback {
    /// Starts so many validators. [`SENDERS`] members that are none of them send transactions.
    pub async fn start(validators: usize, pace: Pace) -> Self {
        let keys = Digest32::of(b"no circuit keys");
        let member = |i: usize| {
            let role = if i < validators { Role::Validator } else { Role::Hospital };
            let mut roles = vec![role];
            if i == 0 {
                roles.push(Role::Governance);
            }
            roles.sort();
            Member { id: id(i), name: Name::new(format!("member {i}")).unwrap(), roles, sealing: [9; 32] }
        };
        let mut members: Vec<Member> = (0..=validators + SENDERS).map(member).collect();
        members.sort_by_key(|m| m.id);
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
        let genesis = Genesis {
            name: Name::new("loopback").unwrap(),
            development: true,
            time: BlockTime(time - 1_000),
            members,
            persons: Vec::new(),
            registry: ScopeRegistry { scopes: vec!["p.health".into(), "c.labs".into()], grid: vec![Day(30_000)] },
            rules: Rules::standard(),
            circuit_keys: keys,
        };
        let addresses: Vec<SocketAddr> = (0..validators).map(|_| unused_address()).collect();
        let mut loopback = Self { genesis, addresses, folder: tempfile::tempdir().unwrap(), nodes: Vec::new() };
        for i in 0..validators {
            let node = loopback.node(i, true, pace).await;
            loopback.nodes.push(node);
        }
        loopback
    }

    /// Starts a node, the first time or again.
    pub async fn node(&self, i: usize, validates: bool, pace: Pace) -> Node {
        let folder = self.folder(i);
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("chain.sqlite");
        let url = StoreUrl::from(file.as_path());
        let store = if file.exists() { ChainStore::open(&url).await } else { ChainStore::create(&url, &self.genesis).await }.unwrap();
        let peer =
            |(j, address): (usize, &SocketAddr)| PeerAddress { member: id(j), address: address.to_string(), transport: Transport::Quic };
        let peers = self.addresses.iter().enumerate().filter(|(j, _)| *j != i).map(peer).collect();
        let net = if validates { NetConfig::listening(self.addresses[i], peers) } else { NetConfig::outwards(peers) };
        let mut config = NodeConfig::new(format!("node-{i}"), key(i), net, validates.then(|| folder.join("wal")));
        config.pace = pace;
        Node::start(config, store, Arc::new(NoProofs(self.genesis.circuit_keys))).await.unwrap()
    }

    fn folder(&self, i: usize) -> PathBuf {
        self.folder.path().join(i.to_string())
    }

    /// Who a validator is.
    pub fn id(&self, i: usize) -> MemberId {
        id(i)
    }

    /// Stops all validators, and waits until their addresses are free again.
    pub async fn stop_all(&mut self) {
        for node in self.nodes.drain(..) {
            node.shutdown().await;
        }
        let free = async {
            for address in &self.addresses {
                while std::net::UdpSocket::bind(address).is_err() || std::net::TcpListener::bind(address).is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        tokio::time::timeout(PATIENCE, free).await.expect("addresses are free after a while");
    }

    /// A validator that is stopped loses all it has.
    pub fn lose(&self, i: usize) {
        std::fs::remove_dir_all(self.folder(i)).unwrap();
    }

    /// A follower with an empty store.
    pub async fn follower(&self) -> Node {
        self.node(self.addresses.len(), false, Pace::default()).await
    }

    /// A transaction of so many bytes and a little more. It breaks a rule (nobody knows its registry), which is on record; a sender's account takes 64 MiB of them a day.
    pub fn filler(&self, sender: usize, node: &Node, bytes: usize) -> Transaction {
        assert!(sender < SENDERS);
        let signer = key(self.addresses.len() + 1 + sender);
        let sequence = node.next_sequence(&MemberId::from(&signer.verifying_key()));
        let table = AnchoredTable::Consent { registry: Digest32::default(), policy: Digest32::default() };
        let segment = |(i, bytes): (usize, &[u8])| (SegmentId { index: i as u32, version: 0 }, bytes.to_vec());
        let segments = vec![7; bytes].chunks(64 << 10).enumerate().map(segment).collect();
        let payload = Payload::Anchor(Anchor { table, segments, proof: Vec::new() });
        Transaction::sign(&signer, self.genesis.network(), sequence, payload)
    }

    /// Waits until a node has a height.
    pub async fn reach(node: &Node, height: u64) {
        Self::reach_within(node, height, PATIENCE).await;
    }

    /// The same, with a bound of one's own.
    pub async fn reach_within(node: &Node, height: u64, patience: Duration) {
        let mut states = node.subscribe();
        let reached = states.wait_for(|state| state.tip().height.0 >= height);
        drop(tokio::time::timeout(patience, reached).await.expect("the chain goes on").unwrap());
    }

    /// Stops everything.
    pub async fn stop(self) {
        for node in &self.nodes {
            node.shutdown().await;
        }
    }
}
