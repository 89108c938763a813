//! The state: what all blocks so far add up to.

mod account;
mod admission;
mod anchor;
mod answer;
mod erase;
mod execute;
mod governance;
mod in_force;
mod person;
mod proposal;
mod query;
mod records;
mod result;
mod signing;
mod slot_rows;
mod snapshot;
mod study;
mod uses;
mod withdraw;

pub use admission::Admission;
pub use answer::AnswerTask;
pub use erase::CutVersions;
pub use execute::{CommitError, Outcome, Proposed};
pub use person::PersonRecord;
pub use proposal::{ProposalRecord, ProposalStatus, Tally, VoteRecord};
pub use records::{
    AnswerRecord, CutId, DataCut, Decision, DictionaryRecord, KeyRecord, PairRecord, PairStatus, QueryRecord, SegmentKey, SegmentRecord,
    StudyRecord, StudyStatus, TableKey, TableRecord,
};
pub use result::{Effect, TransactionResult, Verdict};
pub use signing::{SignatureRecord, WaitingStatement};
pub use slot_rows::SlotRow;
pub use snapshot::SnapshotError;
pub use uses::Use;

use crate::{
    active::{Leavers, SlotBitmap, WithdrawalRecord, Withdrawals},
    rejection::Rejection,
    section::Section,
};
use account::DayAccount;
use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    hash::Digest32,
    tag,
};
use countersign_messages::{
    BlockId, BlockTime, Genesis, GenesisError, Height, Member, MemberId, NetworkId, PatientKey, Payload, PersonKey, ProposalId, QueryId,
    StudyId, ValidatorSet,
    codec::bytes_of,
    limits::{ANSWER_AGE_MS_MAX, RECENT_HEIGHTS_MAX},
};
pub(crate) use erase::Known;
use imbl::{OrdMap, OrdSet};
use in_force::InForce;
use records::CellBudget;
use std::sync::{Arc, OnceLock};

/// The last block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Its height; 0 before the first block.
    pub height: Height,
    /// Its time; the genesis time before the first block.
    pub time: BlockTime,
    /// Its id; the genesis hash before the first block.
    pub block: BlockId,
}

/// The ledger's state. Cloning is cheap: clones share what they have in common.
#[derive(Debug, Clone)]
pub struct State {
    genesis: Arc<Genesis>,
    network: NetworkId,
    tip: Tip,
    /// Times of recent heights, the tip's included.
    recent: OrdMap<Height, BlockTime>,
    in_force: InForce,
    members: Section<MemberId, Member>,
    /// Every validator set there was, by the first height it decides.
    validator_sets: Section<Height, ValidatorSet>,
    /// Every scope registry that was ever in force.
    registries: Section<Digest32, ScopeRegistry>,
    proposals: Section<ProposalId, ProposalRecord>,
    /// Pending proposals by number. Follows from the proposals.
    pending: OrdMap<u32, ProposalId>,
    /// Everybody who ever signed for an ethics board.
    persons: Section<PersonKey, PersonRecord>,
    /// The boards that must approve a study before a hospital accepts it, where a vote names some.
    required: Section<MemberId, Vec<MemberId>>,
    /// What waits for a second signature, by board and digest.
    statements: Section<(MemberId, Digest32), WaitingStatement>,
    /// The same by the last day it waits. Follows from the statements.
    statements_until: OrdSet<(Day, MemberId, Digest32)>,
    sequences: Section<MemberId, u64>,
    dictionaries: Section<Digest32, DictionaryRecord>,
    tables: Section<TableKey, TableRecord>,
    segments: Section<SegmentKey, SegmentRecord>,
    /// What replaced a version, where an erasure did.
    replaced: Section<SegmentKey, erase::Replaced>,
    /// The commitments of the segments this state was restored with, sorted. Follows from them: made when the first anchor comes, once for all clones, so that anchors
    /// that are refused, each on a copy, cost nothing that grows with them.
    restored: Arc<OnceLock<Vec<[u8; 32]>>>,
    /// Every commitment anchored since. Segments are never removed.
    points: OrdSet<[u8; 32]>,
    /// What each member has used up of its last active day.
    accounts: Section<MemberId, DayAccount>,
    withdrawals: Withdrawals,
    /// Keys of patients, by hospital and slot.
    keys: Section<(MemberId, u32), KeyRecord>,
    /// The slot of every key. Follows from the keys.
    key_slots: OrdMap<PatientKey, (MemberId, u32)>,
    studies: Section<StudyId, StudyRecord>,
    /// Studies ever submitted.
    submitted: u32,
    /// Studies that wait for a board, by the day from which they wait no more. Follows from the studies.
    waiting: OrdSet<(Day, StudyId)>,
    cuts: Section<(StudyId, MemberId), DataCut>,
    /// The study that made a site's research cut, by dictionary and scope registry.
    research: Section<(MemberId, Digest32, Digest32), StudyId>,
    queries: Section<QueryId, QueryRecord>,
    /// Last query of a study with a statement.
    asked: Section<(StudyId, Digest32), QueryId>,
    pairs: Section<(QueryId, MemberId), PairRecord>,
    /// Query by which a site answered a statement of a study.
    answered: Section<(StudyId, Digest32, MemberId), QueryId>,
    budgets: Section<TableKey, CellBudget>,
}

/// What a rule may look at beside the state.
pub(crate) struct Context<'a> {
    /// The block being executed.
    pub(crate) height: Height,
    pub(crate) time: BlockTime,
    pub(crate) transaction: countersign_messages::TransactionId,
    pub(crate) signer: MemberId,
    pub(crate) known: Known,
    pub(crate) checker: &'a dyn crate::ProofChecker,
}

impl State {
    /// The state before the first block.
    ///
    /// # Errors
    /// The genesis breaks a rule.
    pub fn new(genesis: Genesis) -> Result<Self, GenesisError> {
        genesis.check()?;
        let network = genesis.network();
        let tip = Tip { height: Height(0), time: genesis.time, block: BlockId(network.0) };
        let in_force = InForce {
            registry: genesis.registry.digest(),
            rules: genesis.rules.clone(),
            circuit_keys: genesis.circuit_keys,
            since: Height(0),
        };
        Ok(Self {
            network,
            tip,
            recent: OrdMap::unit(tip.height, tip.time),
            members: genesis.members.iter().map(|m| (m.id, m.clone())).collect(),
            validator_sets: [(tip.height.next(), genesis.validators())].into_iter().collect(),
            registries: [(in_force.registry, genesis.registry.clone())].into_iter().collect(),
            in_force,
            proposals: Section::default(),
            pending: OrdMap::new(),
            persons: genesis
                .persons
                .iter()
                .map(|(board, person)| (person.key, PersonRecord::first(*board, *person, genesis.time)))
                .collect(),
            required: Section::default(),
            statements: Section::default(),
            statements_until: OrdSet::new(),
            genesis: Arc::new(genesis),
            sequences: Section::default(),
            dictionaries: Section::default(),
            tables: Section::default(),
            segments: Section::default(),
            replaced: Section::default(),
            restored: Arc::default(),
            points: OrdSet::new(),
            accounts: Section::default(),
            withdrawals: Withdrawals::default(),
            keys: Section::default(),
            key_slots: OrdMap::new(),
            studies: Section::default(),
            submitted: 0,
            waiting: OrdSet::new(),
            cuts: Section::default(),
            research: Section::default(),
            queries: Section::default(),
            asked: Section::default(),
            pairs: Section::default(),
            answered: Section::default(),
            budgets: Section::default(),
        })
    }

    /// What the network started from.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.network
    }

    /// The last block.
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// The next sequence number of a member.
    pub fn next_sequence(&self, member: &MemberId) -> u64 {
        self.sequences.get(member).map_or(0, |s| **s)
    }

    /// A published dictionary.
    pub fn dictionary(&self, digest: &Digest32) -> Option<&DictionaryRecord> {
        self.dictionaries.get(digest).map(Arc::as_ref)
    }

    /// All published dictionaries.
    pub fn dictionaries(&self) -> impl Iterator<Item = &DictionaryRecord> {
        self.dictionaries.iter().map(|(_, r)| r.as_ref())
    }

    /// An anchored table.
    pub fn table(&self, key: &TableKey) -> Option<&TableRecord> {
        self.tables.get(key).map(Arc::as_ref)
    }

    /// All anchored tables.
    pub fn tables(&self) -> impl Iterator<Item = (&TableKey, &TableRecord)> {
        self.tables.iter().map(|(k, r)| (k, r.as_ref()))
    }

    /// An anchored segment, of any version.
    pub fn segment(&self, key: &SegmentKey) -> Option<&SegmentRecord> {
        self.segments.get(key).map(Arc::as_ref)
    }

    pub(crate) fn segment_range(&self, first: SegmentKey, last: SegmentKey) -> impl Iterator<Item = &SegmentRecord> {
        self.segments.range(first..=last).map(|(_, r)| r.as_ref())
    }

    /// The active bits of a hospital's segment as of a height.
    pub fn active_bitmap(&self, hospital: MemberId, segment: u32, height: Height) -> SlotBitmap {
        self.withdrawals.bitmap(hospital, segment, height)
    }

    /// When and why a slot left, if it did.
    pub fn withdrawal(&self, hospital: MemberId, slot: u32) -> Option<WithdrawalRecord> {
        self.withdrawals.get(hospital, slot)
    }

    /// All withdrawals of a hospital.
    pub fn withdrawals(&self, hospital: MemberId) -> impl Iterator<Item = (u32, WithdrawalRecord)> {
        self.withdrawals.of(hospital)
    }

    /// Slots of a hospital that had left at a height.
    pub(crate) fn left_until(&self, hospital: MemberId, height: Height) -> Leavers {
        self.withdrawals.until(hospital, height)
    }

    /// The transactions that withdrew slots of a hospital until a height.
    pub(crate) fn withdrawn_by(&self, hospital: MemberId, until: Height) -> impl Iterator<Item = countersign_messages::TransactionId> {
        self.withdrawals.transactions(hospital, until)
    }

    /// Slots of a hospital that left after a height.
    pub fn leavers_after(&self, hospital: MemberId, height: Height) -> Leavers {
        self.withdrawals.after(hospital, height).0
    }

    /// A study.
    pub fn study(&self, id: &StudyId) -> Option<&StudyRecord> {
        self.studies.get(id).map(Arc::as_ref)
    }

    /// All studies.
    pub fn studies(&self) -> impl Iterator<Item = (&StudyId, &StudyRecord)> {
        self.studies.iter().map(|(k, r)| (k, r.as_ref()))
    }

    /// A site's cut of a study.
    pub fn cut(&self, study: &StudyId, hospital: &MemberId) -> Option<&DataCut> {
        self.cuts.get(&(*study, *hospital)).map(Arc::as_ref)
    }

    /// The cuts of a study.
    pub fn cuts(&self, study: &StudyId) -> impl Iterator<Item = &DataCut> {
        self.cuts.range((*study, MemberId([0; 32]))..=(*study, MemberId([u8::MAX; 32]))).map(|(_, r)| r.as_ref())
    }

    /// A site's research cut for a dictionary and a scope registry: the tables that the next study it accepts is answered from (rule D12).
    pub fn research_cut(&self, hospital: &MemberId, dictionary: &Digest32, registry: &Digest32) -> Option<&DataCut> {
        self.cut(self.research.get(&(*hospital, *dictionary, *registry))?, hospital)
    }

    /// A query.
    pub fn query(&self, id: &QueryId) -> Option<&QueryRecord> {
        self.queries.get(id).map(Arc::as_ref)
    }

    /// All queries.
    pub fn queries(&self) -> impl Iterator<Item = (&QueryId, &QueryRecord)> {
        self.queries.iter().map(|(k, r)| (k, r.as_ref()))
    }

    /// What became of a query at a site. A site that was not asked has a pair only if it declined.
    pub fn pair(&self, query: &QueryId, hospital: &MemberId) -> Option<&PairRecord> {
        self.pairs.get(&(*query, *hospital)).map(Arc::as_ref)
    }

    /// The time of a recent height.
    pub fn time_of(&self, height: Height) -> Option<BlockTime> {
        self.recent.get(&height).copied()
    }

    /// Digest of everything above except the last block's id (which names this digest).
    pub fn digest(&self) -> Digest32 {
        self.clone().seal()
    }

    /// The roots of its sections by name: two states that should be one differ where these do.
    pub fn sections(&self) -> Vec<(&'static str, Digest32)> {
        self.clone().seal_sections().to_vec()
    }

    fn seal_sections(&mut self) -> [(&'static str, Digest32); 24] {
        let [withdrawn, withdrawals] = self.withdrawals.seal();
        [
            ("members", self.members.seal()),
            ("validator sets", self.validator_sets.seal()),
            ("registries", self.registries.seal()),
            ("proposals", self.proposals.seal()),
            ("persons", self.persons.seal()),
            ("required boards", self.required.seal()),
            ("statements", self.statements.seal()),
            ("sequences", self.sequences.seal()),
            ("dictionaries", self.dictionaries.seal()),
            ("tables", self.tables.seal()),
            ("segments", self.segments.seal()),
            ("replaced versions", self.replaced.seal()),
            ("accounts", self.accounts.seal()),
            ("withdrawn slots", withdrawn),
            ("withdrawals", withdrawals),
            ("keys of patients", self.keys.seal()),
            ("studies", self.studies.seal()),
            ("cuts", self.cuts.seal()),
            ("research cuts", self.research.seal()),
            ("queries", self.queries.seal()),
            ("asked", self.asked.seal()),
            ("pairs", self.pairs.seal()),
            ("answered", self.answered.seal()),
            ("budgets", self.budgets.seal()),
        ]
    }

    /// Keeps the roots of changed sections and gives the digest.
    fn seal(&mut self) -> Digest32 {
        let recent: Vec<(Height, BlockTime)> = self.recent.iter().map(|(h, t)| (*h, *t)).collect();
        let roots = self.seal_sections().map(|(_, root)| root);
        let head = bytes_of(&(self.network, self.tip.height, self.tip.time, recent, &self.in_force, self.submitted, roots));
        Digest32::tagged(tag::STATE, [head.as_slice()])
    }

    /// Moves to the next block's height and time and forgets heights nobody can name any more.
    fn advance(&mut self, height: Height, time: BlockTime) {
        self.tip.height = height;
        self.tip.time = time;
        self.recent.insert(height, time);
        while let Some((oldest, at)) = self.recent.get_min().copied() {
            if self.recent.len() <= RECENT_HEIGHTS_MAX && time.since(at) <= ANSWER_AGE_MS_MAX {
                break;
            }
            self.recent.remove(&oldest);
        }
    }

    /// Applies the rules of a payload. On an error the caller throws this copy away.
    pub(crate) fn apply(&mut self, cx: &Context<'_>, payload: &Payload) -> Result<Effect, Rejection> {
        // no block holds a transaction without its role; an excerpt that somebody hands over might
        if let Some(role) = payload.role().filter(|role| !self.has_role(&cx.signer, *role)) {
            return Err(Rejection::Role(role));
        }
        match payload {
            Payload::Propose(proposal) => self.apply_propose(cx, proposal),
            Payload::Vote(vote) => self.apply_vote(cx, vote),
            Payload::Anchor(anchor) => self.apply_anchor(cx, anchor),
            Payload::Withdraw(withdraw) => self.apply_withdraw(cx, withdraw),
            Payload::StudySubmit(study) => self.apply_study_submit(cx, study),
            Payload::Sign(signing) => self.apply_sign(cx, signing),
            Payload::EndPerson(person) => self.apply_end_person(cx, person),
            Payload::StudyAct(act) => self.apply_study_act(cx, act),
            Payload::StudyAccept(accept) => self.apply_study_accept(cx, accept),
            Payload::Query(query) => self.apply_query(cx, query),
            Payload::Answer(answer) => self.apply_answer(cx, answer),
            Payload::Refusal(refusal) => self.apply_refusal(cx, refusal),
            Payload::Enrol(enrol) => self.apply_enrol(cx, enrol),
            Payload::WithdrawByKey(withdraw) => self.apply_withdraw_by_key(cx, withdraw),
            Payload::Erase(erase) => self.apply_erase(cx, erase),
        }
    }

    /// A study that is approved, in date, not suspended and not ended.
    fn study_in_force(&self, time: BlockTime, id: &StudyId) -> Result<Arc<StudyRecord>, Rejection> {
        let study = self.studies.get(id).ok_or(Rejection::StudyUnknown)?;
        study.check_going_on()?;
        if study.approvals.is_empty() {
            return Err(Rejection::StudyStatus(study.status()));
        }
        if time.day() > study.last_day() {
            return Err(Rejection::StudyExpired(study.last_day()));
        }
        Ok(Arc::clone(study))
    }
}
