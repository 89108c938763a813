//! A validator without its engine: what it says to proposals, to decided blocks from others, and after a kill.

use super::*;
use crate::{
    fixture::{Refuses, filler, genesis, key, member},
    malachite::{
        context::{Address, Vote},
        gate::Begun,
    },
};
use arc_malachitebft_app_channel::app::engine::host::SyncedValueOutcome;
use arc_malachitebft_core_types::{CommitSignature, NilOrVal, VoteType};
use countersign_messages::{BlockTime, MemberId, NetworkId, Transaction};
use countersign_net::{Net, NetConfig, system_clock};
use countersign_store::{ChainStore, StoreUrl};
use ed25519_dalek::SigningKey;

const HOUR_MS: u64 = 3_600_000;
const VALIDATORS: u8 = 4;

fn network() -> NetworkId {
    genesis(VALIDATORS).network()
}

/// The one who proposes in a round of the first height.
fn proposer(round: u32) -> SigningKey {
    let set = countersign_messages::ValidatorSet::new((1..=VALIDATORS).map(member));
    let validators = Validators::from(&set);
    let address = *Chain.select_proposer(&validators, Height(1).into(), Round::new(round)).address();
    (1..=VALIDATORS).map(key).find(|k| MemberId::from(&k.verifying_key()) == address.0).unwrap()
}

fn id_of(key: &SigningKey) -> MemberId {
    MemberId::from(&key.verifying_key())
}

/// A validator of a network that has begun two hours ago, and what it sends.
struct Scene {
    folder: tempfile::TempDir,
    v: Validator,
    sent: mpsc::Receiver<NetworkMsg<Chain>>,
}

fn genesis_time() -> u64 {
    genesis(VALIDATORS).time.0
}

/// Started over what is in the folder. It proposes in round 3.
async fn start(folder: &std::path::Path) -> (Validator, mpsc::Receiver<NetworkMsg<Chain>>) {
    let path = folder.join("chain.sqlite");
    let url = StoreUrl::from(path.as_path());
    let store =
        if path.exists() { ChainStore::open(&url).await.unwrap() } else { ChainStore::create(&url, &genesis(VALIDATORS)).await.unwrap() };
    let replica = Arc::new(Replica::open(store, Arc::new(Refuses)).await.unwrap());
    let alerts = Arc::new(Alerts::default());
    let members = watch::Sender::new(Arc::default());
    let (net, _) = Net::start(NetConfig::outwards(Vec::new()), proposer(3), members.subscribe(), system_clock()).await.unwrap();
    let pool = Arc::new(Pool::new(Arc::clone(&replica), net.clone(), Arc::clone(&alerts)));
    let parts = Parts {
        follower: Follower::new(Arc::clone(&replica), Arc::clone(&pool), net, Arc::clone(&alerts)),
        horizon: Horizon::default(),
        role: watch::Sender::new(RoleNow::CatchingUp),
        record: VotingRecord::default(),
        log: Height(0),
        replica,
        pool,
        alerts,
        keys: Keys::new(network(), proposer(3)),
        begun: Begun::after(Height(0)),
        clock: Clock::new(|| BlockTime(genesis_time() + 2 * HOUR_MS)),
        pace: Pace::quick(),
        conduct: Arc::new(Honest),
    };
    let (sender, sent) = mpsc::channel(64);
    (Validator::new(parts, sender), sent)
}

impl Scene {
    /// In round 0 of the first height.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (v, sent) = start(folder.path()).await;
        let mut scene = Self { folder, v, sent };
        assert!(scene.round(0).await.is_empty());
        scene
    }

    /// Killed and started again.
    async fn again(self) -> Self {
        self.v.parts.replica.store().close().await;
        let (v, sent) = start(self.folder.path()).await;
        Self { v, sent, ..self }
    }

    async fn round(&mut self, round: u32) -> Vec<ProposedValue<Chain>> {
        self.v.note_missed_turn(Height(1), Round::new(round), Address(id_of(&proposer(round))));
        self.v.started_round(Height(1), Round::new(round)).await
    }

    /// The next block at a time after the genesis.
    async fn block(&self, after_ms: u64) -> (BlockId, Vec<u8>) {
        let proposed = self.v.parts.replica.propose(BlockTime(genesis_time() + after_ms), Vec::new()).await.unwrap();
        let block = proposed.outcome.block();
        (BlockId(block.header.id()), block.encode())
    }

    fn offences(&self) -> Vec<(MemberId, Offence)> {
        self.v.parts.alerts.accusations().iter().map(|a| (a.member, a.offence)).collect()
    }
}

/// What the proposer of a round signs, and the bytes.
fn proposal(round: u32, pol_round: Round, block: BlockId, bytes: &[u8]) -> Whole {
    let keys = Keys::new(network(), proposer(round));
    (Opening::sign(&keys, (Height(1).into(), Round::new(round), pol_round), block, bytes), bytes.to_vec())
}

/// Signed by three of four.
fn certificate(block: BlockId) -> CommitCertificate<Chain> {
    let precommit = |i| {
        let keys = Keys::new(network(), key(i));
        let (height, round) = (Height(1).into(), Round::new(0));
        let vote = Vote { kind: VoteType::Precommit, height, round, value: NilOrVal::Val(block), address: keys.address() };
        CommitSignature::new(keys.address(), keys.vote(vote).signature)
    };
    CommitCertificate {
        height: Height(1).into(),
        round: Round::new(0),
        value_id: block,
        commit_signatures: (1..=3).map(precommit).collect(),
    }
}

#[tokio::test]
async fn other_bytes_under_an_honest_blocks_id_do_not_stick_to_it() {
    let mut s = Scene::new().await;
    let (id, bytes) = s.block(2 * HOUR_MS).await;
    assert_eq!(s.v.consider(proposal(0, Round::Nil, id, b"no block at all")).await, None);
    assert_eq!(s.offences(), [(id_of(&proposer(0)), Offence::InvalidBlock)]);
    // the honest proposer of the next round proposes the block itself
    s.round(1).await;
    let value = s.v.consider(proposal(1, Round::Nil, id, &bytes)).await.unwrap();
    assert!(value.value == id && value.validity.is_valid());
    // and now that it is known, the same again is nothing new to the engine, and other bytes under its id are noticed
    assert_eq!(s.v.consider(proposal(1, Round::new(0), id, b"no block at all")).await, None);
    s.round(2).await;
    assert_eq!(s.v.consider(proposal(2, Round::Nil, id, b"no block at all")).await, None);
    assert!(s.offences().contains(&(id_of(&proposer(2)), Offence::InvalidBlock)));
}

#[tokio::test]
async fn a_proposal_of_a_later_round_costs_nothing_before_its_round() {
    let mut s = Scene::new().await;
    let (id, bytes) = s.block(2 * HOUR_MS).await;
    assert_eq!(s.v.consider(proposal(2, Round::Nil, id, &bytes)).await, None);
    assert!(s.v.executed.is_empty() && s.v.ahead.len() == 1);
    // the same again is not another one
    assert_eq!(s.v.consider(proposal(2, Round::Nil, id, &bytes)).await, None);
    assert!(s.v.ahead.len() == 1 && s.offences().is_empty());
    assert!(s.round(1).await.is_empty() && s.v.executed.is_empty());
    let values = s.round(2).await;
    assert_eq!(values.iter().map(|v| v.value).collect::<Vec<_>>(), [id]);
    assert!(s.v.executed.contains_key(&id));
}

#[tokio::test]
async fn a_proposal_has_its_height_begin() {
    let mut s = Scene::new().await;
    let (id, bytes) = s.block(2 * HOUR_MS).await;
    assert!(!s.v.has_begun());
    s.v.consider(proposal(0, Round::Nil, id, &bytes)).await.unwrap();
    assert!(s.v.has_begun());
}

#[tokio::test]
async fn only_the_proposer_sends_its_block_again() {
    let mut s = Scene::new().await;
    for round in [3, 11] {
        s.round(round).await;
    }
    let (id, bytes) = s.block(2 * HOUR_MS).await;
    s.v.consider(proposal(10, Round::Nil, id, &bytes)).await.unwrap();
    let again = |proposer: &SigningKey| AppMsg::RestreamProposal {
        height: Height(1).into(),
        round: Round::new(11),
        valid_round: Round::new(10),
        address: Address(id_of(proposer)),
        value_id: id,
    };
    // from round 10 on the engine asks everybody for the proposer's block: whoever sent it would be accused by the others
    s.v.handle(again(&proposer(10))).await.unwrap();
    assert!(s.sent.try_recv().is_err());
    s.v.handle(again(&proposer(3))).await.unwrap();
    let (mut openings, mut all) = (0, 0);
    while let Ok(NetworkMsg::PublishProposalPart(message)) = s.sent.try_recv() {
        all += 1;
        openings +=
            u32::from(matches!(message.content.as_data(), Some(crate::malachite::part::Part::Opening(o)) if o.is_signed(&network())));
    }
    assert_eq!((openings, all), (1, 3));
}

#[tokio::test]
async fn a_false_word_about_an_earlier_quorum_makes_no_future_time_good() {
    let mut s = Scene::new().await;
    s.round(1).await;
    let (ahead, ahead_bytes) = s.block(3 * HOUR_MS).await;
    let (behind, behind_bytes) = s.block(HOUR_MS).await;
    assert_eq!(s.v.consider(proposal(1, Round::new(0), ahead, &ahead_bytes)).await, None);
    // who let round 0 pass is named when the height is decided
    assert_eq!(s.offences(), [(id_of(&proposer(1)), Offence::BlockTime)]);
    // an old time is good only for what was prevoted for before
    assert_eq!(s.v.consider(proposal(1, Round::new(0), behind, &behind_bytes)).await.unwrap().value, behind);
    s.round(2).await;
    let (late, late_bytes) = s.block(HOUR_MS + 1).await;
    assert_eq!(s.v.consider(proposal(2, Round::Nil, late, &late_bytes)).await, None);
    assert!(s.offences().contains(&(id_of(&proposer(2)), Offence::BlockTime)));
}

#[tokio::test]
async fn a_decided_block_from_another_outlives_a_kill() {
    let mut s = Scene::new().await;
    let (id, bytes) = s.block(2 * HOUR_MS).await;
    let outcome = s.v.synced(Height(1), Round::new(0), Address(id_of(&proposer(0))), &bytes).await;
    assert!(matches!(outcome, SyncedValueOutcome::Verdict(value) if value.value == id));
    // the engine has written down that the block is decided, and does not hand it over again
    let mut s = s.again().await;
    assert!(s.v.executed.is_empty());
    s.v.decided(&certificate(id)).await.unwrap();
    assert_eq!(s.v.parts.replica.state().tip().block, id.0);
}

#[tokio::test]
async fn other_bytes_of_a_decided_block_are_not_kept() {
    let mut s = Scene::new().await;
    let (id, bytes) = s.block(2 * HOUR_MS).await;
    s.v.consider(proposal(0, Round::Nil, id, &bytes)).await.unwrap();
    let mut other = Block::decode(&bytes).unwrap();
    other.transactions.push(Transaction::sign(&key(1), network(), 0, filler(1, 10)));
    let outcome = s.v.synced(Height(1), Round::new(0), Address(id_of(&proposer(0))), &other.encode()).await;
    assert!(matches!(outcome, SyncedValueOutcome::PeerFault), "{outcome:?}");
}

#[tokio::test]
async fn a_decided_block_that_cannot_be_kept_is_not_said_to_be_good() {
    let mut s = Scene::new().await;
    let (_, bytes) = s.block(2 * HOUR_MS).await;
    s.v.parts.replica.store().close().await;
    let outcome = s.v.synced(Height(1), Round::new(0), Address(id_of(&proposer(0))), &bytes).await;
    assert!(matches!(outcome, SyncedValueOutcome::LocalTransientError), "{outcome:?}");
    assert!(s.v.parts.alerts.raised().iter().any(|(code, _)| *code == AlertCode::Storage));
}

#[tokio::test]
async fn a_proposal_outlives_a_kill_and_one_that_was_not_kept_is_not_voted_for() {
    let mut s = Scene::new().await;
    let (id, bytes) = s.block(2 * HOUR_MS).await;
    s.v.consider(proposal(0, Round::Nil, id, &bytes)).await.unwrap();
    let mut s = s.again().await;
    assert_eq!(s.round(0).await.iter().map(|v| v.value).collect::<Vec<_>>(), [id]);
    let mut s = Scene::new().await;
    s.v.parts.replica.store().close().await;
    assert_eq!(s.v.consider(proposal(0, Round::Nil, id, &bytes)).await, None);
}
