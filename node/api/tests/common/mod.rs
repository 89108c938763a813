//! A gateway over real HTTP, in front of a real chain in SQLite that makes a block of every transaction it is sent.

pub use countersign_harness as harness;
pub mod schema;
pub mod shape;

use async_trait::async_trait;
pub use countersign_api::Node;
use countersign_api::{Alert, Gateway, GatewayConfig, Limits, MempoolStatus, NodeStatus, Peer, Progress, SubmitRefused};
use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;
use countersign_store::{ChainStore, LocalChain};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

/// Bounds what must happen; never what must not.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What the node does with a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mood {
    /// Makes a block of it.
    Working,
    /// Keeps it waiting.
    Holding,
    /// Refuses it.
    Refusing(SubmitRefused),
    /// Does not come back until told to.
    Hanging,
}

pub struct TestNode {
    chain: tokio::sync::Mutex<LocalChain>,
    store: ChainStore,
    state: Mutex<State>,
    tips: watch::Sender<Tip>,
    pub mood: Mutex<Mood>,
    pub held: Mutex<Vec<Transaction>>,
    /// Told at every submission.
    pub entered: Notify,
    /// Lets hanging submissions go on.
    pub release: Notify,
    pub progress: Mutex<Progress>,
    pub panics: Mutex<bool>,
    _folder: tempfile::TempDir,
}

impl TestNode {
    /// A chain with the blocks of a harness network.
    pub async fn of(net: &Net) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let url = folder.path().join("chain.sqlite").display().to_string();
        let checker = Arc::new(Script::default());
        let mut chain = LocalChain::create(&url.parse().unwrap(), genesis(), key(Validator), checker).await.unwrap();
        for (block, _) in &net.blocks {
            chain.submit(block.transactions.clone(), block.header.time).await.unwrap();
        }
        assert_eq!(chain.state().tip(), net.state.tip());
        Arc::new(Self {
            store: chain.store().clone(),
            state: Mutex::new(chain.state().clone()),
            tips: watch::Sender::new(chain.state().tip()),
            chain: tokio::sync::Mutex::new(chain),
            mood: Mutex::new(Mood::Working),
            held: Mutex::default(),
            entered: Notify::new(),
            release: Notify::new(),
            progress: Mutex::new(Progress::Current),
            panics: Mutex::new(false),
            _folder: folder,
        })
    }

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// One block.
    pub async fn block(&self, transactions: Vec<Transaction>) -> Vec<TransactionResult> {
        self.block_after(1_000, transactions).await
    }

    async fn block_after(&self, ms: u64, transactions: Vec<Transaction>) -> Vec<TransactionResult> {
        let mut chain = self.chain.lock().await;
        let time = chain.state().tip().time.plus_ms(ms);
        let submitted = chain.submit(transactions, time).await.unwrap();
        assert!(submitted.refused.is_empty() && submitted.deferred.is_empty());
        *self.state.lock().unwrap() = chain.state().clone();
        self.tips.send_replace(chain.state().tip());
        submitted.results
    }

    /// Signs with the signer's next sequence number.
    pub fn sign(&self, who: Who, payload: Payload) -> Transaction {
        self.sign_ahead(who, 0, payload)
    }

    pub fn sign_ahead(&self, who: Who, ahead: u64, payload: Payload) -> Transaction {
        let state = self.state();
        Transaction::sign(&key(who), state.network(), state.next_sequence(&id(who)) + ahead, payload)
    }

    /// A block, a day later, of withdrawals that are rejected, each for slots that are not there: two hospitals in turn, as a day's account takes 4 MiB of each.
    pub async fn rejected_block(&self, count: u64, slots: u32) {
        let slots: Vec<u32> = (0..slots).map(|s| 1_000_000 + s).collect();
        let withdraw = |i| self.sign_ahead(if i % 2 == 0 { HospitalA } else { HospitalB }, i / 2, withdraw(&slots, Cause::Word));
        let results = self.block_after(DAY_MS, (0..count).map(withdraw).collect()).await;
        assert!(results.iter().all(|r| r.rejection().is_some()));
    }
}

#[async_trait]
impl Node for TestNode {
    fn state(&self) -> State {
        self.state.lock().unwrap().clone()
    }

    fn tips(&self) -> watch::Receiver<Tip> {
        self.tips.subscribe()
    }

    fn store(&self) -> &ChainStore {
        &self.store
    }

    async fn submit(&self, transaction: Transaction) -> Result<(), SubmitRefused> {
        self.entered.notify_one();
        let mood = self.mood.lock().unwrap().clone();
        match mood {
            Mood::Refusing(refused) => return Err(refused),
            Mood::Hanging => self.release.notified().await,
            Mood::Working | Mood::Holding => {}
        }
        self.state().check_envelope(&transaction)?;
        if mood == Mood::Holding {
            let mut held = self.held.lock().unwrap();
            if held.contains(&transaction) {
                return Err(SubmitRefused::Known);
            }
            held.push(transaction);
        } else {
            self.block(vec![transaction]).await;
        }
        Ok(())
    }

    fn status(&self) -> NodeStatus {
        assert!(!*self.panics.lock().unwrap(), "told to panic");
        let state = self.state();
        let progress = *self.progress.lock().unwrap();
        NodeStatus {
            name: "gateway under test".into(),
            roles: vec!["gateway".into()],
            version: "0.0.0".into(),
            network: state.network(),
            height: state.tip().height,
            time: state.tip().time,
            behind: if progress == Progress::Current { 0 } else { 7 },
            progress,
            peers: vec![Peer { member: id(Validator), connected: true, transport: "quic".into() }],
            mempool: MempoolStatus { transactions: self.held.lock().unwrap().len(), bytes: 0 },
            alerts: vec![Alert { code: "A01".into(), words: "look".into(), since_ms: START.0 }],
        }
    }
}

/// The metrics of this process.
pub fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| PrometheusBuilder::new().install_recorder().unwrap()).clone()
}

/// A network with a study, an answered and declined query; what the node's chain is made from.
pub fn story() -> (Net, StudyId, QueryId) {
    let mut net = Net::new(genesis());
    let study = net.open();
    let query = net.ask(study);
    net.accept(HospitalA, withdraw(&[3, 2_050], Cause::Word));
    let (bad, answer) = (net.bad_answer(query), net.answer_now(HospitalA, query));
    net.block(vec![(HospitalA, bad), (HospitalA, answer), (HospitalB, refusal(query, 30))]);
    (net, study, query)
}

pub struct Served {
    pub node: Arc<TestNode>,
    pub address: SocketAddr,
    pub client: reqwest::Client,
    pub study: StudyId,
    pub query: QueryId,
    pub stop: Arc<Notify>,
    pub task: JoinHandle<()>,
}

/// Limits under which tests that are not about rates do not notice them.
pub fn roomy() -> Limits {
    Limits { requests_per_second: 100_000, requests_burst: 100_000, ..Limits::default() }
}

pub async fn serve() -> Served {
    serve_with(roomy(), false).await
}

pub async fn serve_with(limits: Limits, behind_proxy: bool) -> Served {
    serve_named(limits, behind_proxy, &[]).await
}

pub async fn serve_named(limits: Limits, behind_proxy: bool, hosts: &[&str]) -> Served {
    let (net, study, query) = story();
    let node = TestNode::of(&net).await;
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    let config = GatewayConfig { listen: "127.0.0.1:0".parse().unwrap(), behind_proxy, hosts, limits, metrics: metrics() };
    let gateway = Gateway::bind(config, node.clone()).await.unwrap();
    let address = gateway.address();
    let stop = Arc::new(Notify::new());
    let task = tokio::spawn(gateway.run(Arc::clone(&stop).notified_owned()));
    let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
    Served { node, address, client, study, query, stop, task }
}

impl Served {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/v1{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    /// A good answer in JSON, checked against the document and read back as clients read it.
    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        let status = response.status();
        assert_eq!(response.headers()["content-type"], "application/json", "{path}");
        let body = response.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        let value: Value = serde_json::from_str(&body).unwrap();
        schema::check("get", path, 200, &value);
        shape::check(path, &body);
        value
    }

    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.bytes().await.unwrap().to_vec()
    }

    pub async fn post(&self, query: &str, transaction: &Transaction) -> Response {
        self.post_bytes(query, "application/octet-stream", transaction.encode()).await
    }

    pub async fn post_bytes(&self, query: &str, content_type: &str, bytes: Vec<u8>) -> Response {
        let request = self.client.post(self.url(&format!("/transactions{query}"))).header("content-type", content_type);
        request.body(bytes).send().await.unwrap()
    }

    /// A withdrawal by hospital A: any transaction that is accepted.
    pub fn withdrawal(&self, slot: u32) -> Transaction {
        self.node.sign(HospitalA, withdraw(&[slot], Cause::Word))
    }
}

/// Checks everything an error answer must have, and gives its detail.
pub async fn problem(response: Response, status: u16, word: &str) -> String {
    assert_eq!(response.status().as_u16(), status, "{word}");
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "application/problem+json", "{word}");
    assert_eq!(headers["x-content-type-options"], "nosniff", "{word}");
    assert_eq!(headers["cache-control"], "no-store", "{word}");
    if [429, 503].contains(&status) {
        let seconds: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!(seconds >= 1, "{word}");
    }
    let body = response.text().await.unwrap();
    let value: Value = serde_json::from_str(&body).unwrap();
    schema::check_component("Problem", &value);
    shape::same::<json::ProblemBody>(&body);
    assert_eq!(value["type"], format!("urn:countersign:problem:{word}"));
    assert_eq!(value["status"], status);
    value["detail"].as_str().unwrap().to_owned()
}

/// Waits for something that must come true.
pub async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it comes true in time");
}

/// A connection with a small window that has sent a request.
pub async fn connect_small(address: SocketAddr, request: &str) -> tokio::net::TcpStream {
    use tokio::io::AsyncWriteExt;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}
