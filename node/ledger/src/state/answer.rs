//! Answers. Checks go from cheap to dear; the proof is verified at most seven times a (query, site) pair.

use super::{
    Context, State,
    query::check_open,
    records::{AnswerRecord, Cut, Lag, PairRecord, PairStatus, QueryRecord, SegmentKey, SegmentRecord, StudyRecord, TableKey},
    result::Effect,
};
use crate::{
    active::{Leavers, SlotBitmap, bitmap},
    checker::{AnswerCheck, AnswerVerdict},
    identity::{MemberId, Role},
    limits::{ANSWER_AGE_MS_MAX, CELL_BUDGET_DAYS, STALE_ANSWERS_MAX},
    rejection::Rejection,
    time::{BlockTime, Height},
    transaction::{Answer, QueryId},
};
use countersign_circuits::{
    consent::Day,
    context::AnswerContext,
    segment::{Segment, SegmentId},
    statement::Plan,
};
use std::sync::Arc;

/// What the ledger says an answer must be an answer to.
struct Question {
    study: Arc<StudyRecord>,
    query: Arc<QueryRecord>,
    cut: Arc<Cut>,
    pair: PairRecord,
    named_time: BlockTime,
}

/// What an answer proves: the context, wiring and ledger data of a query at one site and height.
#[derive(Debug, Clone)]
pub struct AnswerTask {
    /// Ids, heights, day and rule.
    pub context: AnswerContext,
    /// The wiring.
    pub plan: Plan,
    /// Data segments of the cut, in order.
    pub data: Vec<Segment>,
    /// Consent segments of the cut, in order.
    pub consent: Vec<Segment>,
    /// Active bits of each segment at the height.
    pub active: Vec<SlotBitmap>,
}

impl State {
    pub(super) fn apply_answer(&mut self, cx: &Context<'_>, answer: &Answer) -> Result<Effect, Rejection> {
        self.need_role(cx, Role::Hospital)?;
        let question = self.question(cx, answer)?;
        let (query, cut) = (&question.query, &question.cut);
        let statement_key = (query.query.study, query.statement, cx.signer);
        if let Some(earlier) = self.answered.get(&statement_key) {
            return Err(Rejection::AnsweredBefore(**earlier));
        }
        let task = self.answer_task((answer.query, query), &question.study, cut, (answer.height, question.named_time))?;
        let table = TableKey { hospital: cx.signer, table: question.study.submitted.dictionary };
        let budget = self.spend_cells(cx, table, &task.plan)?;
        let verdict = self.check_proof(cx, answer, &task)?;
        let lag = self.lag(cx, answer.height, &question)?;

        let left_since_cut = self.leavers_after(cx.signer, cut.height);
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
            lag,
            left_since_cut,
            left_since_query: self.leavers_after(cx.signer, query.height),
            marked: left_since_cut.hospital > self.genesis.rules.hospital_withdrawals_marked,
        };
        self.budgets.insert(table, budget);
        self.answered.insert(statement_key, answer.query);
        self.pairs.insert((answer.query, cx.signer), PairRecord { status: PairStatus::Answered(record.clone()), ..question.pair });
        Ok(Effect::Answered(Box::new(record)))
    }

    /// Finds what is answered and checks that it may be answered now and at the named height.
    fn question(&self, cx: &Context<'_>, answer: &Answer) -> Result<Question, Rejection> {
        let query = Arc::clone(self.queries.get(&answer.query).ok_or(Rejection::QueryUnknown)?);
        let study = self.study_in_force(cx, &query.query.study)?;
        if cx.time > query.query.deadline {
            return Err(Rejection::QueryClosed);
        }
        if !query.sites.contains(&cx.signer) {
            return Err(Rejection::NotAsked);
        }
        let cut = Arc::clone(self.cuts.get(&(query.query.study, cx.signer)).ok_or(Rejection::NotAsked)?);
        let pair = self.pair(&answer.query, &cx.signer).cloned().unwrap_or_else(PairRecord::open);
        check_open(&pair)?;
        let last = Height(cx.height.0.saturating_sub(1));
        if answer.height < query.height || answer.height > last {
            return Err(Rejection::HeightRange { found: answer.height, query: query.height, last });
        }
        let named_time = self.time_of(answer.height).filter(|t| cx.time.since(*t) <= ANSWER_AGE_MS_MAX);
        let named_time = named_time.ok_or(Rejection::HeightTooOld(answer.height))?;
        Ok(Question { study, query, cut, pair, named_time })
    }

    /// What a hospital must prove to answer a query at a height: the same that validators check.
    ///
    /// # Errors
    /// The query, study or cut is unknown, or the height is not known any more.
    pub fn task(&self, query: &QueryId, hospital: MemberId, height: Height) -> Result<AnswerTask, Rejection> {
        let id = *query;
        let query = self.queries.get(query).ok_or(Rejection::QueryUnknown)?;
        let study = self.studies.get(&query.query.study).ok_or(Rejection::StudyUnknown)?;
        let cut = self.cuts.get(&(query.query.study, hospital)).ok_or(Rejection::NotAsked)?;
        let named_time = self.time_of(height).ok_or(Rejection::HeightTooOld(height))?;
        self.answer_task((id, query), study, cut, (height, named_time))
    }

    fn answer_task(
        &self,
        (id, query): (QueryId, &QueryRecord),
        study: &StudyRecord,
        cut: &Cut,
        (height, named_time): (Height, BlockTime),
    ) -> Result<AnswerTask, Rejection> {
        let day = named_time.day();
        let plan = self.plan(study, &query.query.statement, day)?;
        let dictionary = study.submitted.dictionary;
        let context = AnswerContext {
            network: self.network.0,
            query: id.0.0,
            query_bytes: query.statement,
            study: query.query.study.0.0,
            study_version: study.version,
            cut: cut.id.0,
            hospital: cut.hospital.digest(),
            dictionary,
            mapping: cut.mapping,
            registry: self.registry_digest,
            query_height: query.height.0,
            answer_height: height.0,
            day,
            k_min: cut.k_min.max(study.submitted.k_min).max(self.genesis.rules.k_min),
        };
        let segments = |table, ids| self.cut_segments(TableKey { hospital: cut.hospital, table }, ids).iter().map(|r| r.segment().clone()).collect();
        Ok(AnswerTask {
            data: segments(dictionary, &cut.data),
            consent: segments(self.registry_digest, &cut.consent),
            active: cut.data.iter().map(|id| bitmap(&self.withdrawals, cut.hospital, id.index, height)).collect(),
            context,
            plan,
        })
    }

    /// Verifies the proof against what the ledger holds at the named height.
    fn check_proof(&self, cx: &Context<'_>, answer: &Answer, task: &AnswerTask) -> Result<AnswerVerdict, Rejection> {
        let check = AnswerCheck {
            transaction: cx.transaction,
            context: &task.context,
            plan: &task.plan,
            data: &task.data,
            consent: &task.consent,
            active: &task.active,
            answer: &answer.proof,
        };
        cx.checker.check_answer(&check).map_err(|e| Rejection::AnswerProof(e.to_string()))
    }

    fn cut_segments(&self, table: TableKey, ids: &[SegmentId]) -> Vec<&Arc<SegmentRecord>> {
        ids.iter().filter_map(|id| self.segments.get(&SegmentKey { table, id: *id })).collect()
    }

    /// Refuses an answer that misses a withdrawal, unless the site has tried in vain before; then the lag is recorded.
    fn lag(&self, cx: &Context<'_>, named: Height, question: &Question) -> Result<Option<Lag>, Rejection> {
        let since = self.withdrawals(cx.signer).filter(|(_, r)| r.height > named);
        let (mut slots, mut latest) = (Leavers::default(), None);
        for (_, record) in since {
            slots.count(record.by);
            latest = latest.max(Some(record.height));
        }
        match latest {
            None => Ok(None),
            Some(withdrawn) if question.pair.stale.len() < STALE_ANSWERS_MAX => Err(Rejection::WithdrawalSince { named, withdrawn }),
            Some(_) => Ok(Some(Lag { ms: cx.time.since(question.named_time), slots })),
        }
    }

    /// The table's budget with this answer's cells (rule D11).
    fn spend_cells(&self, cx: &Context<'_>, table: TableKey, plan: &Plan) -> Result<super::records::CellBudget, Rejection> {
        let today = cx.time.day();
        let mut budget = self.budgets.get(&table).map(|b| b.as_ref().clone()).unwrap_or_default();
        budget.days.retain(|(day, _)| *day > Day(today.0.saturating_sub(CELL_BUDGET_DAYS)));
        let cells = plan.cells().iter().filter(|c| c.kind.show).count() as u32;
        match budget.days.last_mut() {
            Some((day, sum)) if *day == today => *sum = sum.saturating_add(cells),
            _ => budget.days.push((today, cells)),
        }
        let found = budget.days.iter().fold(0_u32, |sum, (_, n)| sum.saturating_add(*n));
        let max = self.genesis.rules.cells_per_table;
        if found > max { Err(Rejection::CellBudget { found, max }) } else { Ok(budget) }
    }
}
