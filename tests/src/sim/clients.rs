//! Members: what they sign, and sending it again until it stands in a block, as the product's journals do.
//!
//! All but one are honest in their envelopes (what they ask for may still be refused: wrong answers, second answers, taken versions). That one,
//! `OtherResearcher`, also signs two transactions with one number, leaves gaps, sends what others have signed and what nobody has signed.

use super::{
    harness::{self, Net, Who, digest, id},
    patients::Patients,
    people::{SENDERS, prefix, sign, toolbox},
    weather::Ms,
};
use countersign_ledger::{PairRecord, ProposalRecord, ProposalStatus, State, StudyStatus, TableKey};
use countersign_messages::{
    Act, Answer, BoardStatement, Cause, Change, Height, MemberId, Office, Payload, QueryId, Rules, StudyAccept, StudyId, Transaction,
    TransactionId,
};
use rand::{Rng, rngs::StdRng};
use std::{collections::BTreeMap, sync::Arc};

/// The one who cheats.
pub(super) const CHEAT: Who = Who::OtherResearcher;
/// Whoever has no seat of its own.
const PATIENT: Who = Who::Stranger;
/// Sent again after so long.
const RESEND_MS: Ms = 1_000;
/// Transactions a member has on their way at once.
const OUTSTANDING_MAX: usize = 4;

/// Who acts how often, by place in [`SENDERS`]: hospitals and the researcher twice as often as the others.
const TURNS: [usize; 11] = [0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 7];

/// A member's journal.
#[derive(Debug, Clone)]
struct Journal {
    who: Who,
    id: MemberId,
    next: u64,
    /// Not seen in a block yet, and when last sent.
    outbox: BTreeMap<u64, (Arc<Transaction>, Ms)>,
    /// The last answer's payload.
    answered: Option<Payload>,
    withdrawn: u32,
    /// What the journal was some time ago.
    copy: Option<Box<Self>>,
    /// True once a copy took the file's place: what was signed since the copy nobody sends again, and a number may be signed twice.
    brought_back: bool,
}

pub(super) struct Clients {
    journals: Vec<Journal>,
    patients: Patients,
    net: Net,
    /// Times that a copy took the place of a hospital's file.
    pub(super) brought_back: usize,
    /// What honest members have signed.
    pub(super) signed: Vec<(TransactionId, Who, &'static str)>,
}

impl Clients {
    pub(super) fn new() -> Self {
        let journal = |who: Who| Journal {
            who,
            id: id(who),
            next: prefix().state.next_sequence(&id(who)),
            outbox: BTreeMap::new(),
            answered: None,
            withdrawn: 0,
            copy: None,
            brought_back: false,
        };
        Self { journals: SENDERS.map(journal).into(), patients: Patients::default(), net: toolbox(), brought_back: 0, signed: Vec::new() }
    }

    /// True if nothing is on its way any more.
    pub(super) fn done(&self) -> bool {
        self.patients.is_done() && self.journals.iter().all(|j| j.outbox.is_empty())
    }

    /// What is on its way.
    pub(super) fn waiting(&self) -> Vec<String> {
        let one = |j: &Journal, t: &Transaction| format!("{:?} {} {}", j.who, t.sequence, t.payload.kind());
        self.journals.iter().flat_map(|j| j.outbox.values().map(move |(t, _)| one(j, t))).chain(self.patients.waiting()).collect()
    }

    /// One member looks at a node's state and does something; what it sends now.
    pub(super) fn act(&mut self, state: &State, now: Ms, working: bool, dice: &mut StdRng) -> Vec<(Who, Arc<Transaction>)> {
        // a suspension is soon looked into
        let suspended = state.study(&prefix().study).is_some_and(|study| !study.suspensions.is_empty());
        let board = self.journals.iter().position(|journal| journal.who == Who::Board);
        let at = match board.filter(|_| suspended && dice.gen_bool(0.5)) {
            Some(board) => board,
            None => TURNS[dice.gen_range(0..TURNS.len())],
        };
        let who = self.journals[at].who;
        self.journals[at].settle(state);
        let mut sends = Vec::new();
        if working && self.journals[at].outbox.len() < OUTSTANDING_MAX {
            self.net.past.insert(state.tip().height, state.clone());
            if let Some(payload) = self.payload(at, state, dice) {
                let journal = &mut self.journals[at];
                let transaction = Arc::new(sign(who, journal.next, payload));
                journal.outbox.insert(journal.next, (transaction.clone(), now));
                journal.next += 1;
                if who != CHEAT && !self.journals[at].brought_back {
                    self.signed.push((transaction.id(), who, transaction.payload.kind()));
                }
                sends.push((who, transaction));
            }
            if let Some(left) = self.patients.leave(&self.net, state, now, dice) {
                self.signed.push((left.id(), PATIENT, left.payload.kind()));
                sends.push((PATIENT, left));
            }
            if who == CHEAT {
                sends.extend(self.cheat(at, state, dice).map(|t| (CHEAT, Arc::new(t))));
            }
        }
        sends
    }

    /// What has not been seen in a block for too long.
    pub(super) fn resend(&mut self, state: &State, now: Ms) -> Vec<(Who, Arc<Transaction>)> {
        let (late, given_up) = self.patients.resend(state, now);
        // the hospital was faster: no block takes it any more
        self.signed.retain(|(id, ..)| !given_up.contains(id));
        let mut sends: Vec<_> = late.into_iter().map(|transaction| (PATIENT, transaction)).collect();
        for journal in &mut self.journals {
            journal.settle(state);
            for (transaction, sent) in journal.outbox.values_mut().filter(|(_, sent)| now >= sent + RESEND_MS) {
                *sent = now;
                sends.push((journal.who, transaction.clone()));
            }
        }
        sends
    }

    fn payload(&mut self, at: usize, state: &State, dice: &mut StdRng) -> Option<Payload> {
        let who = self.journals[at].who;
        match who {
            Who::Governance | Who::GovernanceB | Who::GovernanceC => self.governance(who, state, dice),
            Who::HospitalA | Who::HospitalB => self.hospital(at, state, dice),
            Who::Researcher => {
                let statement = harness::filtered(dice.gen_range(0..2), dice.gen_range(1..3));
                Some(self.net.query(prefix().study, statement))
            }
            Who::OtherResearcher => {
                let mut study = harness::study(&harness::dictionary());
                study.title = format!("Study {}", dice.gen_range(0..1_000));
                Some(Payload::StudySubmit(study))
            }
            _ => {
                let waiting: Vec<_> = state.studies().filter(|(_, s)| s.status() == StudyStatus::Submitted).map(|(k, _)| *k).collect();
                let approve = |study: &StudyId| (*study, harness::approval());
                let next = waiting.get(dice.gen_range(0..waiting.len().max(1))).map(approve);
                let (study, act) = Self::held(who, state, dice).or(next)?;
                let statement = harness::decision_on(state, who, study, act);
                Some(harness::sign_statement(state, who, Self::signer(who, state, &statement, dice), statement))
            }
        }
    }

    /// The board suspends the study now and then, and lifts that at its next turns.
    fn held(who: Who, state: &State, dice: &mut StdRng) -> Option<(StudyId, Act)> {
        let study = prefix().study;
        let suspended = state.study(&study)?.suspensions.contains_key(&id(who));
        let act = if suspended { Act::Lift } else { Act::Suspend };
        (suspended || dice.gen_bool(0.04)).then_some((study, act))
    }

    /// Who of the board signs: mostly the one who completes what waits, now and then anybody.
    fn signer(who: Who, state: &State, statement: &BoardStatement, dice: &mut StdRng) -> Office {
        let digest = statement.digest();
        let waits = state.waiting_statements(&id(who)).find(|waiting| waiting.statement.digest() == digest);
        let has_signed = |office: Office| waits.is_some_and(|w| w.signatures.iter().any(|s| s.person == harness::person(who, office).key));
        match dice.gen_ratio(1, 8) {
            true => Office::ALL[dice.gen_range(0..Office::ALL.len())],
            false if has_signed(Office::Chair) || has_signed(Office::Deputy) => Office::Secretary,
            false => Office::Chair,
        }
    }

    /// Proposes a change or votes on one.
    fn governance(&self, who: Who, state: &State, dice: &mut StdRng) -> Option<Payload> {
        let open = |p: &ProposalRecord| p.status == ProposalStatus::Open && p.votes.iter().all(|v| v.member != id(who));
        let waiting: Vec<_> = state.proposals().filter(|(_, p)| open(p)).map(|(k, _)| *k).collect();
        if let Some(proposal) = waiting.get(dice.gen_range(0..waiting.len().max(1))) {
            return Some(harness::vote(*proposal, dice.gen_bool(0.8)));
        }
        let change = match dice.gen_range(0..4) {
            0 => Change::Dictionary(harness::dictionary_tied()),
            1 => Change::Dictionary(harness::dictionary_taken()),
            2 => Change::Rules(Rules { statements_per_study: dice.gen_range(50..200), ..harness::rules() }),
            _ => return None,
        };
        Some(harness::propose_at(change, Height(state.tip().height.0 + dice.gen_range(0..4))))
    }

    fn hospital(&mut self, at: usize, state: &State, dice: &mut StdRng) -> Option<Payload> {
        let who = self.journals[at].who;
        let open = |query: &QueryId| state.pair(query, &id(who)).is_some_and(PairRecord::is_open);
        let queries: Vec<QueryId> = state.queries().map(|(q, _)| *q).filter(open).collect();
        let query = queries.get(dice.gen_range(0..queries.len().max(1))).copied();
        let tip = state.tip().height;
        match dice.gen_range(0..20) {
            0 => Some(self.withdraw(at, state, dice)),
            1 if dice.gen_bool(0.75) => Some(self.withdraw(at, state, dice)),
            3 => self.patients.enrol(&self.net, who, state, dice),
            2 => self.anchor(who, state),
            4 => query.map(|query| harness::refusal(query, 34)),
            5 => query.map(|query| Payload::Answer(Answer { query, height: tip, proof: b"bad".to_vec(), sealed: digest("sealed") })),
            6 => self.journals[at].answered.clone(),
            7 => query.map(|query| self.answer(who, query, Height(tip.0.saturating_sub(1)))),
            8 => self.accept(state, who, dice),
            15..18 => self.erase(who, state),
            18 => self.bring_back(at, state, dice),
            _ => {
                let payload = query.map(|query| self.answer(who, query, tip));
                self.journals[at].answered = payload.clone().or(self.journals[at].answered.take());
                payload
            }
        }
    }

    fn answer(&self, who: Who, query: QueryId, height: Height) -> Payload {
        let known = self.net.past.range(..=height).next_back().map_or(height, |(h, _)| *h);
        self.net.answer(who, query, known)
    }

    /// Slots nobody has withdrawn before: 37 shares no factor with the size of a register.
    fn withdraw(&mut self, at: usize, state: &State, dice: &mut StdRng) -> Payload {
        let journal = &mut self.journals[at];
        let slots = state.register_slots(&id(journal.who)).max(1);
        let mut chosen: Vec<u32> = (0..dice.gen_range(1..4_u32)).map(|i| (journal.withdrawn + i) * 37 % slots).collect();
        journal.withdrawn += u32::try_from(chosen.len()).unwrap();
        chosen.sort_unstable();
        harness::withdraw(&chosen, if dice.gen_bool(0.7) { Cause::Word } else { Cause::Source })
    }

    fn anchor(&mut self, who: Who, state: &State) -> Option<Payload> {
        let key = TableKey { hospital: id(who), table: countersign_circuits::hash::Digest32::of(&harness::dictionary()) };
        let version = state.table(&key)?.versions.first()? + 1;
        Some(Payload::Anchor(self.net.data(&harness::dictionary(), &[(0, version)])))
    }

    fn accept(&self, state: &State, who: Who, dice: &mut StdRng) -> Option<Payload> {
        let fresh =
            |(study, record): &(&_, &countersign_ledger::StudyRecord)| !record.approvals.is_empty() && state.cut(study, &id(who)).is_none();
        let studies: Vec<_> = state.studies().filter(fresh).map(|(k, _)| *k).collect();
        let study = studies.get(dice.gen_range(0..studies.len().max(1)))?;
        Some(Payload::StudyAccept(StudyAccept { study: *study, k_min: 5, renew: None }))
    }

    /// Whatever has left of the first segment that somebody left of.
    fn erase(&mut self, who: Who, state: &State) -> Option<Payload> {
        let index = (0..2).find(|index| !state.slots_to_erase(id(who), *index, state.tip().height).is_empty())?;
        Some(Payload::Erase(self.net.erase_on(state, who, index)))
    }

    /// A copy of before takes the file's place, or one is made. The number of the next transaction is the ledger's, as for every restored file.
    fn bring_back(&mut self, at: usize, state: &State, dice: &mut StdRng) -> Option<Payload> {
        let journal = &mut self.journals[at];
        match journal.copy.take() {
            Some(copy) if dice.gen_bool(0.5) => {
                let lost: Vec<TransactionId> = journal.outbox.values().map(|(transaction, _)| transaction.id()).collect();
                *journal = Journal { next: copy.next.max(state.next_sequence(&journal.id)), brought_back: true, ..*copy };
                journal.settle(state);
                self.signed.retain(|(id, ..)| !lost.contains(id));
                self.brought_back += 1;
            }
            Some(copy) => journal.copy = Some(copy),
            None => journal.copy = Some(Box::new(journal.clone())),
        }
        None
    }

    fn cheat(&mut self, at: usize, state: &State, dice: &mut StdRng) -> Option<Transaction> {
        let next = self.journals[at].next;
        let filler = |text: &str| harness::propose(Change::Dictionary(text.as_bytes().to_vec()));
        let random = |journals: &[Journal], dice: &mut StdRng| {
            let all: Vec<_> = journals.iter().flat_map(|j| j.outbox.values()).map(|(t, _)| t.as_ref().clone()).collect();
            all.get(dice.gen_range(0..all.len().max(1))).cloned()
        };
        match dice.gen_range(0..6) {
            0 => Some(sign(CHEAT, next - 1, filler("another"))),
            1 => Some(sign(CHEAT, next + dice.gen_range(0..100), filler("ahead"))),
            2 => random(&self.journals, dice),
            3 => random(&self.journals, dice).map(|mut t| {
                t.signature.0[dice.gen_range(0..64)] ^= 4;
                t
            }),
            4 => {
                let used = state.next_sequence(&id(CHEAT)).checked_sub(1)?;
                Some(sign(CHEAT, used, filler("replay")))
            }
            _ => Some(sign(Who::Stranger, 0, filler("stranger"))),
        }
    }
}

impl Journal {
    fn settle(&mut self, state: &State) {
        let used = state.next_sequence(&self.id);
        self.outbox = self.outbox.split_off(&used);
    }
}
