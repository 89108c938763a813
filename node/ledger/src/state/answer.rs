//! Answers. Checks go from cheap to dear; the proof is verified at most seven times a (query, site) pair.

use super::{
    Context, State,
    query::check_open,
    records::{AnswerRecord, Cut, Lag, PairRecord, PairStatus, QueryRecord, SegmentKey, SegmentRecord, StudyRecord, TableKey},
    result::Effect,
};
use crate::{
    active::{Leavers, bitmap},
    checker::{AnswerCheck, AnswerVerdict},
    identity::Role,
    limits::{ANSWER_AGE_MS_MAX, CELL_BUDGET_DAYS, STALE_ANSWERS_MAX},
    rejection::Rejection,
    time::{BlockTime, Height},
    transaction::Answer,
};
use countersign_circuits::{
    consent::Day,
    context::AnswerContext,
    segment::SegmentId,
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

impl State {
    pub(super) fn apply_answer(&mut self, cx: &Context<'_>, answer: &Answer) -> Result<Effect, Rejection> {
        self.need_role(cx, Role::Hospital)?;
        let question = self.question(cx, answer)?;
        let (query, cut) = (&question.query, &question.cut);
        let statement_key = (query.query.study, query.statement, cx.signer);
        if let Some(earlier) = self.answered.get(&statement_key) {
            return Err(Rejection::AnsweredBefore(**earlier));
        }
        let day = question.named_time.day();
        let plan = self.plan(&question.study, &query.query.statement, day)?;
        let table = TableKey { hospital: cx.signer, table: question.study.submitted.dictionary };
        let budget = self.spend_cells(cx, table, &plan)?;
        let k_min = cut.k_min.max(question.study.submitted.k_min).max(self.genesis.rules.k_min);
        let verdict = self.check_proof(cx, answer, &question, &plan, k_min)?;
        let lag = self.lag(cx, answer.height, &question)?;

        let left_since_cut = self.leavers_after(cx.signer, cut.height);
        let record = AnswerRecord {
            query: answer.query,
            hospital: cx.signer,
            cut: cut.id,
            named: answer.height,
            day,
            height: cx.height,
            transaction: cx.transaction,
            k_min,
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

    /// Verifies the proof against what the ledger holds at the named height.
    fn check_proof(
        &self,
        cx: &Context<'_>,
        answer: &Answer,
        question: &Question,
        plan: &Plan,
        k_min: u32,
    ) -> Result<AnswerVerdict, Rejection> {
        let (query, cut) = (&question.query, &question.cut);
        let dictionary = question.study.submitted.dictionary;
        let hospital = cx.signer.digest();
        let context = AnswerContext {
            network: self.network.0,
            query: answer.query.0.0,
            query_bytes: query.statement,
            study: query.query.study.0.0,
            study_version: question.study.version,
            cut: cut.id.0,
            hospital,
            dictionary,
            mapping: cut.mapping,
            registry: self.registry_digest,
            query_height: query.height.0,
            answer_height: answer.height.0,
            day: question.named_time.day(),
            k_min,
        };
        let data = self.cut_segments(TableKey { hospital: cx.signer, table: dictionary }, &cut.data);
        let consent = self.cut_segments(TableKey { hospital: cx.signer, table: self.registry_digest }, &cut.consent);
        let check = AnswerCheck {
            transaction: cx.transaction,
            context: &context,
            plan,
            digests: data.iter().chain(&consent).map(|r| r.digest).collect(),
            data: data.iter().map(|r| r.segment()).collect(),
            consent: consent.iter().map(|r| r.segment()).collect(),
            active: cut.data.iter().map(|id| bitmap(&self.withdrawals, cx.signer, id.index, answer.height)).collect(),
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
