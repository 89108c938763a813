//! What came back: sealed cells opened, checked against the ledger, verified again here, and tabulated.

use crate::{StudyError, asking::dictionary};
use async_recursion::async_recursion as boxed;
use borsh::BorshDeserialize;
use countersign_circuits::{
    aggregate::{AggregateSize, CellsOpening, Withheld},
    consent::Eligibility,
    opening::Reader,
    statement::Wiring,
};
use countersign_ledger::{
    AnswerRecord, PairStatus,
    light::{AnswerExport, TOGETHER_MAX},
};
use countersign_member::{Connection, Member};
use countersign_messages::{MemberId, QueryId, sealed};
use countersign_query::{Question, compile};
use countersign_stats::{CellStatus, ResultTable, SiteAnswer, SiteState, SiteTable, WithholdReason, tabulate};
use std::collections::BTreeMap;

/// The result of a query.
#[derive(Debug)]
pub struct Collected {
    /// The query.
    pub query: QueryId,
    /// As people call it: `Q-7`.
    pub number: u32,
    /// Pooled and by site.
    pub table: ResultTable,
    /// Proofs the reader's own verifier accepted.
    pub verified: usize,
    /// Answers the ledger refused.
    pub rejected: usize,
    /// Sites without an accepted answer.
    pub missing: Vec<String>,
    /// Whether development keys are in force: whoever made those could forge the proofs.
    pub development: bool,
}

/// The answers to a question that are there now: opened, verified here, tabulated. Works after any restart, from the chain and the member's
/// own keys.
///
/// # Errors
/// The member cannot open its answers, an answer does not verify, or the question's words are not those of its statement.
#[boxed]
pub async fn result(connection: &Connection, reader: &Member, query: QueryId) -> Result<Collected, StudyError> {
    let record = connection.state().query(&query).ok_or(StudyError::Unknown("query"))?;
    let study = connection.state().study(&record.query.study).ok_or(StudyError::Unknown("study"))?;
    let question = compile(&record.query.question, dictionary(connection.state(), &study.submitted.dictionary)?)?;
    if question.statement != record.query.statement {
        return Err(StudyError::OtherWords(record.number));
    }
    collect(connection, reader, query, &question, &BTreeMap::new()).await
}

/// Opens, checks and tabulates the answers to a query. `refused` holds what the ledger said of answers it rejected, by site name.
///
/// # Errors
/// A sealed answer cannot be opened, or does not match the ledger.
#[boxed]
pub async fn collect(
    connection: &Connection,
    reader: &Member,
    query: QueryId,
    question: &Question,
    refused: &BTreeMap<String, String>,
) -> Result<Collected, StudyError> {
    let state = connection.state();
    let record = state.query(&query).ok_or(StudyError::Unknown("query"))?;
    let study = state.study(&record.query.study).ok_or(StudyError::Unknown("study"))?;
    let dictionary = dictionary(state, &study.submitted.dictionary)?;
    let eligibility = Eligibility { scopes: study.scopes.clone(), day: record.time.day() };
    let registry = state.registry_of(&study.registry).ok_or(StudyError::Unknown("scope registry"))?;
    let wiring = question.wiring(dictionary, registry, &eligibility)?;
    let mut sites = Vec::new();
    let (mut answered, mut k_min) = (Vec::new(), study.k_min());
    for site in &record.hospitals {
        let name = connection.member_name(site);
        let state_of = match state.pair(&query, site).map(|p| &p.status) {
            Some(PairStatus::Answered(answer)) => {
                let table = Opening { connection, reader, query, wiring: &wiring }.of(site, answer).await?;
                answered.push(*site);
                k_min = k_min.max(answer.k_min);
                SiteState::Accepted(table)
            }
            Some(PairStatus::Declined { code, reason, .. }) => SiteState::Refused { code: code.to_string(), reason: reason.clone() },
            _ => refused.get(&name).map_or(SiteState::Missing, |reason| SiteState::Rejected { reason: reason.clone() }),
        };
        sites.push(SiteAnswer { site: name, state: state_of });
    }
    verify_again(connection, query, &answered).await?;
    sites.sort_by(|a, b| a.site.cmp(&b.site));
    let missing = sites.iter().filter(|s| !matches!(s.state, SiteState::Accepted(_))).map(|s| s.site.clone()).collect();
    let rejected = sites.iter().filter(|s| matches!(s.state, SiteState::Rejected { .. })).count();
    let table = tabulate(question, dictionary, &wiring, k_min, &sites)?;
    Ok(Collected {
        query,
        number: record.number,
        table,
        verified: answered.len(),
        rejected,
        missing,
        development: connection.development(),
    })
}

fn not_verified(hospital: String, reason: impl ToString) -> StudyError {
    StudyError::NotVerified { hospital, reason: reason.to_string() }
}

/// The reader's own check of accepted answers: headers, paths and all proofs, from exports; those of the answers some at a time.
async fn verify_again(connection: &Connection, query: QueryId, sites: &[MemberId]) -> Result<(), StudyError> {
    for some in sites.chunks(TOGETHER_MAX) {
        let mut exports = Vec::with_capacity(some.len());
        for site in some {
            exports.push(connection.store().export_answer(connection.state(), &query, site).await?);
        }
        for (site, finding) in some.iter().zip(AnswerExport::check_all(&exports, connection.checker())) {
            finding.map_err(|e| not_verified(connection.member_name(site), e))?;
        }
    }
    Ok(())
}

/// What opens the sealed answers to a query.
struct Opening<'a> {
    connection: &'a Connection,
    reader: &'a Member,
    query: QueryId,
    wiring: &'a Wiring,
}

impl Opening<'_> {
    async fn of(&self, site: &MemberId, answer: &AnswerRecord) -> Result<SiteTable, StudyError> {
        let name = self.connection.member_name(site);
        let stored = self.connection.sealed(&answer.sealed).await?.ok_or_else(|| StudyError::NotStored(name.clone()))?;
        let opened = sealed::open(&stored, &sealed::answer_context(&self.query, site), self.reader.sealing())?;
        let opening =
            CellsOpening::try_from_slice(&opened).map_err(|_| not_verified(name.clone(), "it sealed something that is no answer"))?;
        let cells = self.wiring.cells().len();
        let size = AggregateSize::for_cells(cells).ok_or(StudyError::Cells)?;
        let digest = Reader::new(&answer.cells_digest).scalar().map_err(|e| not_verified(name.clone(), e))?;
        opening.check(size, cells, &digest).map_err(|e| not_verified(name, e))?;
        Ok(SiteTable { cells: statuses(self.wiring, &opening) })
    }
}

/// What each cell of an opened answer says.
fn statuses(wiring: &Wiring, opening: &CellsOpening) -> Vec<CellStatus> {
    let mut reason = Withheld::No;
    wiring
        .cells()
        .iter()
        .enumerate()
        .map(|(i, cell)| {
            if cell.kind.block_start {
                reason = opening.withheld.get(i).copied().unwrap_or_default();
            }
            match (cell.kind.show, opening.flags.get(i), reason) {
                (false, ..) => CellStatus::NotReleased,
                (true, Some(true), Withheld::No) => opening.values.get(i).map_or(CellStatus::NotReleased, |v| CellStatus::Exact(*v)),
                (true, Some(true), Withheld::Overlap) => CellStatus::Withheld(WithholdReason::Overlap),
                (true, Some(true), Withheld::Dominance) => CellStatus::Withheld(WithholdReason::Dominance),
                (true, Some(true), Withheld::Local) => CellStatus::Withheld(WithholdReason::Local),
                (true, ..) => CellStatus::Small,
            }
        })
        .collect()
}
