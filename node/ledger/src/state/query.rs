//! Queries and refusals.

use super::{
    Context, State,
    records::{PairRecord, PairStatus, QueryRecord, StudyRecord},
    result::Effect,
};
use crate::rejection::{Rejection, StudyRefused};
use countersign_circuits::{
    consent::{Day, Eligibility},
    dictionary::Dictionary,
    hash::Digest32,
    statement::{Measures, Statement, Wiring},
    tag,
};
use countersign_messages::{BlockTime, MemberId, Query, QueryId, Refusal, Role, StudyId, codec::bytes_of, limits::QUERY_WINDOW_MS_MAX};

/// Digest of a statement's canonical bytes.
pub(super) fn statement_digest(statement: &Statement) -> Digest32 {
    Digest32::tagged(tag::STATEMENT, [bytes_of(statement).as_slice()])
}

impl State {
    pub(super) fn apply_query(&mut self, cx: &Context<'_>, query: &Query) -> Result<Effect, Rejection> {
        let mut study = self.study_in_force(cx.time, &query.study)?.as_ref().clone();
        if study.submitted.researchers.binary_search(&cx.signer).is_err() {
            return Err(Rejection::NotOnStudy);
        }
        if let Some(first) = study.not_before().filter(|first| cx.time.day() < *first) {
            return Err(StudyRefused::NotBefore(first).into());
        }
        let hospitals: Vec<MemberId> = self.hospitals(&query.study).collect();
        if hospitals.is_empty() {
            return Err(Rejection::NoSite);
        }
        if query.deadline <= cx.time || query.deadline > cx.time.plus_ms(QUERY_WINDOW_MS_MAX) {
            return Err(Rejection::Deadline { found: query.deadline });
        }
        if study.statements >= self.in_force.rules.statements_per_study {
            return Err(Rejection::StatementBudget(study.statements));
        }
        self.wiring(&study, &query.statement, cx.time.day())?;
        self.check_categories(&study, &query.statement)?;
        let statement = statement_digest(&query.statement);
        self.check_repetition(query.study, statement, cx.time)?;

        let id = QueryId(cx.transaction);
        let number = self.queries.len() as u32 + 1;
        for hospital in &hospitals {
            self.pairs.insert((id, *hospital), PairRecord::open());
        }
        study.statements = study.statements.saturating_add(1);
        self.studies.insert(query.study, study);
        self.asked.insert((query.study, statement), id);
        let effect = Effect::Asked { query: id, number, hospitals: hospitals.len() as u32 };
        let record = QueryRecord { number, query: query.clone(), statement, asker: cx.signer, height: cx.height, time: cx.time, hospitals };
        self.queries.insert(id, record);
        Ok(effect)
    }

    /// Sites of a study that are hospitals of the network still, and may take part by every approval.
    fn hospitals<'a>(&'a self, study: &'a StudyId) -> impl Iterator<Item = MemberId> + 'a {
        let allows = |hospital: &MemberId| self.study(study).is_some_and(|study| study.allows(hospital));
        self.cuts(study).map(|c| c.hospital).filter(move |h| self.has_role(h, Role::Hospital) && allows(h))
    }

    /// The wiring of a stored statement on a day.
    pub(super) fn wiring(&self, study: &StudyRecord, statement: &Statement, day: Day) -> Result<Wiring, Rejection> {
        let eligibility = Eligibility { scopes: study.scopes.clone(), day };
        let registry = self.registry_of(&study.registry).ok_or(Rejection::RegistryUnknown)?;
        Wiring::new(self.study_dictionary(study)?, statement, registry, &eligibility).map_err(|e| Rejection::Statement(e.to_string()))
    }

    fn study_dictionary(&self, study: &StudyRecord) -> Result<&Dictionary, Rejection> {
        self.dictionaries.get(&study.submitted.dictionary).map(|d| d.dictionary()).ok_or(Rejection::DictionaryUnknown)
    }

    /// Every attribute the statement reads is of categories the study was approved for (Q21).
    fn check_categories(&self, study: &StudyRecord, statement: &Statement) -> Result<(), Rejection> {
        let dictionary = self.study_dictionary(study)?;
        for attribute in attributes_read(statement).filter_map(|a| dictionary.attribute(a)) {
            for category in attribute.categories() {
                if !study
                    .submitted
                    .categories
                    .iter()
                    .any(|c| c.strip_prefix("c.").unwrap_or(c) == category.strip_prefix("c.").unwrap_or(category))
                {
                    return Err(Rejection::Category { attribute: attribute.name().to_owned(), category: category.clone() });
                }
            }
        }
        Ok(())
    }

    /// The same statement is asked again only for hospitals that could not answer it before (rule D11).
    fn check_repetition(&self, study: StudyId, statement: Digest32, now: BlockTime) -> Result<(), Rejection> {
        let Some(earlier) = self.asked.get(&(study, statement)).map(|id| **id) else { return Ok(()) };
        let open = |s: &MemberId| self.pair(&earlier, s).is_some_and(PairRecord::is_open);
        let waiting = self
            .queries
            .get(&earlier)
            .is_some_and(|q| now <= q.query.deadline && self.hospitals(&study).any(|s| q.hospitals.contains(&s) && open(&s)));
        let answered = |hospital: MemberId| self.answered.get(&(study, statement, hospital)).is_some();
        if waiting || self.hospitals(&study).all(answered) { Err(Rejection::Repeated(earlier)) } else { Ok(()) }
    }

    pub(super) fn apply_refusal(&mut self, cx: &Context<'_>, refusal: &Refusal) -> Result<Effect, Rejection> {
        let query = self.queries.get(&refusal.query).ok_or(Rejection::QueryUnknown)?;
        if !(30..=39).contains(&refusal.code.0) {
            return Err(Rejection::RefusalCode(refusal.code));
        }
        if cx.time > query.query.deadline {
            return Err(Rejection::QueryClosed);
        }
        let after_acceptance = query.hospitals.contains(&cx.signer);
        let mut pair = self.pair(&refusal.query, &cx.signer).cloned().unwrap_or_else(PairRecord::open);
        check_open(&pair)?;
        pair.status = PairStatus::Declined {
            code: refusal.code,
            reason: refusal.reason.clone(),
            height: cx.height,
            transaction: cx.transaction,
            after_acceptance,
        };
        self.pairs.insert((refusal.query, cx.signer), pair);
        Ok(Effect::Declined { query: refusal.query, after_acceptance })
    }
}

/// An answer or refusal may still come.
pub(super) fn check_open(pair: &PairRecord) -> Result<(), Rejection> {
    match &pair.status {
        PairStatus::Answered(_) => Err(Rejection::Answered),
        PairStatus::Declined { code, .. } => Err(Rejection::Declined(*code)),
        PairStatus::Open if !pair.is_open() => Err(Rejection::ClosedInvalid),
        PairStatus::Open => Ok(()),
    }
}

fn attributes_read(statement: &Statement) -> impl Iterator<Item = u16> + '_ {
    let filter = statement.filter.iter().flat_map(|c| c.any_of.iter().map(|l| l.attribute));
    let groups = statement.groups.iter().map(|g| g.attribute);
    let measures: Vec<u16> = match &statement.measures {
        Measures::Descriptive { of, .. } => of.iter().map(|m| m.attribute()).collect(),
        Measures::Model { values } => values.clone(),
    };
    filter.chain(groups).chain(measures)
}
