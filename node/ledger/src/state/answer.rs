//! Answers. Checks go from cheap to dear; the proof is verified at most four times a (query, site) pair.

use super::{
    Context, State,
    query::check_open,
    records::{AnswerRecord, CellBudget, DataCut, PairRecord, PairStatus, QueryRecord, SegmentKey, SegmentRecord, StudyRecord, TableKey},
    result::Effect,
};
use crate::{
    active::{Leavers, SlotBitmap},
    checker::{AnswerCheck, ProofChecker},
    rejection::{Rejection, StudyRefused},
};
use countersign_circuits::{
    consent::Day,
    context::AnswerContext,
    hash::Digest32,
    segment::{SLOTS, Segment, SegmentId},
    statement::Wiring,
};
use countersign_messages::{
    Answer, BlockTime, Height, MemberId, Payload, QueryId, Role, Transaction, TransactionId,
    limits::{ANSWER_AGE_MS_MAX, CELL_BUDGET_DAYS},
};
use std::{collections::BTreeSet, sync::Arc};

/// What a site must prove to answer a query at a height: the ledger checks an answer against exactly this, and a prover starts from it.
#[derive(Debug)]
pub struct AnswerTask<'a> {
    /// What the statement digest binds.
    pub context: AnswerContext,
    /// The wiring.
    pub wiring: Wiring,
    /// The circuit keys in force: the proof is made and verified with these.
    pub keys: Digest32,
    /// The cut.
    pub cut: &'a DataCut,
    /// Data segments of the cut, in order, in the versions that stand for its own at the height.
    pub data: Vec<Segment>,
    /// Consent segments of the cut, alike.
    pub consent: Vec<Segment>,
    /// Active bits of each segment at the height.
    pub active: Vec<SlotBitmap>,
}

impl<'a> AnswerTask<'a> {
    /// The check of an answer to it.
    pub fn check(&'a self, transaction: TransactionId, answer: &'a [u8]) -> AnswerCheck<'a> {
        AnswerCheck {
            transaction,
            keys: self.keys,
            context: &self.context,
            wiring: &self.wiring,
            data: &self.data,
            consent: &self.consent,
            active: &self.active,
            answer,
        }
    }
}

/// One slot in so many of a cut's full segments may leave by the hospital's hand unmarked, if that is more than the rules' number.
const MARKED_SHARE: usize = 50;

/// Who answers which query, in which block, naming which height.
struct Asked {
    query: QueryId,
    hospital: MemberId,
    height: Height,
    time: BlockTime,
    named: Height,
}

/// What the ledger holds about it.
struct Question<'a> {
    study: &'a StudyRecord,
    query: &'a QueryRecord,
    cut: &'a DataCut,
    pair: PairRecord,
    named_time: BlockTime,
}

impl State {
    /// What a site must prove to answer a query now, naming the last height.
    ///
    /// # Errors
    /// The reason for which an answer would be rejected.
    pub fn answer_task(&self, query: &QueryId, hospital: &MemberId) -> Result<AnswerTask<'_>, Rejection> {
        let (height, time, named) = (self.tip.height.next(), self.tip.time.plus_ms(1), self.tip.height);
        let asked = Asked { query: *query, hospital: *hospital, height, time, named };
        let question = self.question(&asked)?;
        self.task(&asked, &question)
    }

    /// Lets the checker verify the proofs of a block's answers together before they are executed one by one. Changes no verdict: what is checked
    /// here and is another thing when it is executed (a withdrawal came before it, say) is checked again then. One answer a pair is enough: a
    /// second one is rejected if the first is accepted.
    pub(super) fn prepare(&self, transactions: &[Transaction], time: BlockTime, checker: &dyn ProofChecker) {
        let mut pairs = BTreeSet::new();
        let at = (self.tip.height.next(), time);
        let task = |t: &'_ Transaction| {
            let Payload::Answer(answer) = &t.payload else { return None };
            if !pairs.insert((answer.query, t.signer)) || t.check_signature().is_err() {
                return None;
            }
            Some((t.id(), self.task_of(t, at)?, answer.proof.clone()))
        };
        let tasks: Vec<(TransactionId, AnswerTask<'_>, Vec<u8>)> = transactions.iter().filter_map(task).collect();
        if tasks.len() > 1 {
            let checks: Vec<AnswerCheck<'_>> = tasks.iter().map(|(id, task, proof)| task.check(*id, proof)).collect();
            checker.prepare(&checks);
        }
    }

    /// What an answer in a block of this height and time must prove, if it comes to that. The signature is not looked at.
    pub(crate) fn task_of(&self, transaction: &Transaction, (height, time): (Height, BlockTime)) -> Option<AnswerTask<'_>> {
        let Payload::Answer(answer) = &transaction.payload else { return None };
        if !self.has_role(&transaction.signer, Role::Hospital) {
            return None;
        }
        let asked = Asked { query: answer.query, hospital: transaction.signer, height, time, named: answer.height };
        self.check_withdrawals(&asked).ok()?;
        self.task(&asked, &self.question(&asked).ok()?).ok()
    }

    pub(super) fn apply_answer(&mut self, cx: &Context<'_>, answer: &Answer) -> Result<Effect, Rejection> {
        let asked = Asked { query: answer.query, hospital: cx.signer, height: cx.height, time: cx.time, named: answer.height };
        let question = self.question(&asked)?;
        let (query, cut) = (question.query, question.cut);
        // whoever withdrew is out of every later answer, however often one has to be made
        self.check_withdrawals(&asked)?;
        let task = self.task(&asked, &question)?;
        let table = TableKey { hospital: cx.signer, table: question.study.submitted.dictionary };
        let budget = self.spend_cells(cx, table, &task.wiring)?;
        let check = task.check(cx.transaction, &answer.proof);
        let verdict = cx.checker.check_answer(&check).map_err(|e| Rejection::AnswerProof(e.to_string()))?;
        let left_since_cut = self.leavers_after(cx.signer, cut.height);
        let left_since_query = self.leavers_after(cx.signer, query.height);
        let record = AnswerRecord {
            query: answer.query,
            hospital: cx.signer,
            cut: cut.id,
            named: answer.height,
            day: task.context.day,
            height: cx.height,
            transaction: cx.transaction,
            k_min: task.context.k_min,
            cells_digest: verdict.cells_digest,
            counts: verdict.counts,
            sealed: answer.sealed,
            left_since_cut,
            left_since_query,
            marked: self.marks(cut, left_since_query, left_since_cut),
            approvals: question.study.approvals_digest(),
            governance: self.governance_digest(),
        };
        let statement_key = (query.query.study, query.statement, cx.signer);
        let pair = PairRecord { status: PairStatus::Answered(Box::new(record.clone())), ..question.pair };
        self.budgets.insert(table, budget);
        self.answered.insert(statement_key, answer.query);
        self.pairs.insert((answer.query, cx.signer), pair);
        Ok(Effect::Answered(Box::new(record)))
    }

    /// Whether a board should look at who left: a hospital that has seen a question can take out rows of its own choosing, or enrol keys of its own and have them withdraw;
    /// one that has not can still take out rows by hand.
    fn marks(&self, cut: &DataCut, since_query: Leavers, since_cut: Leavers) -> bool {
        let most = self.in_force.rules.hospital_withdrawals_marked;
        // the last segment may be nearly empty
        let share = (cut.data.len().saturating_sub(1) * SLOTS / MARKED_SHARE) as u32;
        since_query.total() > most || since_cut.by_hospital() > most.max(share)
    }

    /// Finds what is answered and checks that it may be answered in this block and at the named height.
    fn question(&self, asked: &Asked) -> Result<Question<'_>, Rejection> {
        let query = self.query(&asked.query).ok_or(Rejection::QueryUnknown)?;
        self.study_in_force(asked.time, &query.query.study)?;
        let study = self.study(&query.query.study).ok_or(Rejection::StudyUnknown)?;
        if asked.time > query.query.deadline {
            return Err(Rejection::QueryClosed);
        }
        if !query.hospitals.contains(&asked.hospital) {
            return Err(Rejection::NotAsked);
        }
        let cut = self.cut(&query.query.study, &asked.hospital).ok_or(Rejection::NotAsked)?;
        let pair = self.pair(&asked.query, &asked.hospital).cloned().unwrap_or_else(PairRecord::open);
        check_open(&pair)?;
        if let Some(earlier) = self.answered.get(&(query.query.study, query.statement, asked.hospital)) {
            return Err(Rejection::AnsweredBefore(**earlier));
        }
        let last = Height(asked.height.0.saturating_sub(1));
        if asked.named < query.height || asked.named > last {
            return Err(Rejection::HeightRange { found: asked.named, query: query.height, last });
        }
        let named_time = self.time_of(asked.named).filter(|t| asked.time.since(*t) <= ANSWER_AGE_MS_MAX);
        let named_time = named_time.ok_or(Rejection::HeightTooOld(asked.named))?;
        // the height named is the last the answer knows; what changed with the block after it is known to it
        if asked.named.next() < self.in_force.since {
            return Err(Rejection::ChangedSince { named: asked.named, since: self.in_force.since });
        }
        // so with what a board asks for that approved meanwhile: no answer of before is to blame for it
        if let Some(since) = study.approvals.values().map(|approval| approval.height).filter(|height| *height > asked.named).max() {
            return Err(Rejection::ChangedSince { named: asked.named, since });
        }
        if !study.allows(&asked.hospital) {
            return Err(StudyRefused::Site.into());
        }
        Ok(Question { study, query, cut, pair, named_time })
    }

    /// What must be proved, from ledger state alone.
    fn task<'a>(&'a self, asked: &Asked, question: &Question<'a>) -> Result<AnswerTask<'a>, Rejection> {
        let Question { study, query, cut, .. } = question;
        let day = question.named_time.day();
        let wiring = self.wiring(study, &query.query.statement, day)?;
        let dictionary = study.submitted.dictionary;
        let hospital = asked.hospital.digest();
        let context = AnswerContext {
            network: self.network.0,
            query: asked.query.0.0,
            query_bytes: query.statement,
            study: query.query.study.0.0,
            study_version: study.version,
            cut: cut.id.0,
            hospital,
            dictionary,
            mapping: cut.mapping,
            registry: study.registry,
            query_height: query.height.0,
            answer_height: asked.named.0,
            day,
            k_min: cut.k_min.max(study.k_min()).max(self.in_force.rules.k_min),
        };
        // by the height that is named: what is erased after it is not known to the answer
        let versions = self.cut_versions(cut, asked.named);
        let data = self.cut_segments(TableKey { hospital: asked.hospital, table: dictionary }, &versions.data);
        let consent = self.cut_segments(TableKey { hospital: asked.hospital, table: study.registry }, &versions.consent);
        Ok(AnswerTask {
            context,
            wiring,
            keys: self.in_force.circuit_keys,
            cut,
            data: data.iter().map(|r| r.segment().clone()).collect(),
            consent: consent.iter().map(|r| r.segment().clone()).collect(),
            active: cut.data.iter().map(|id| self.withdrawals.bitmap(asked.hospital, id.index, asked.named)).collect(),
        })
    }

    fn cut_segments(&self, table: TableKey, ids: &[SegmentId]) -> Vec<&Arc<SegmentRecord>> {
        ids.iter().filter_map(|id| self.segments.get(&SegmentKey { table, id: *id })).collect()
    }

    /// Refuses an answer that counts somebody who has left since the height it names.
    fn check_withdrawals(&self, asked: &Asked) -> Result<(), Rejection> {
        match self.withdrawals.after(asked.hospital, asked.named).1 {
            None => Ok(()),
            Some(withdrawn) => Err(Rejection::WithdrawalSince { named: asked.named, withdrawn }),
        }
    }

    /// The table's budget with this answer's cells (rule D11).
    fn spend_cells(&self, cx: &Context<'_>, table: TableKey, wiring: &Wiring) -> Result<CellBudget, Rejection> {
        let today = cx.time.day();
        let mut budget = self.budgets.get(&table).map(|b| b.as_ref().clone()).unwrap_or_default();
        budget.days.retain(|(day, _)| *day > Day(today.0.saturating_sub(CELL_BUDGET_DAYS)));
        let cells = wiring.cells().iter().filter(|c| c.kind.show).count() as u32;
        match budget.days.last_mut() {
            Some((day, sum)) if *day == today => *sum = sum.saturating_add(cells),
            _ => budget.days.push((today, cells)),
        }
        let found = budget.days.iter().fold(0_u32, |sum, (_, n)| sum.saturating_add(*n));
        let max = self.in_force.rules.cells_per_table;
        if found > max { Err(Rejection::CellBudget { found, max }) } else { Ok(budget) }
    }
}
