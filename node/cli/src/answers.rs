//! What came back: sealed cells opened, checked against the ledger, and tabulated.

use crate::{failure::Failure, network::Network};
use anyhow::anyhow;
use borsh::BorshDeserialize;
use countersign_circuits::{
    aggregate::{AggregateSize, CellsOpening, Withheld},
    consent::Eligibility,
    statement::Plan,
};
use countersign_ledger::{AnswerRecord, PairStatus};
use countersign_messages::{MemberId, QueryId};
use countersign_query::Question;
use countersign_stats::{CellStatus, ResultTable, SiteAnswer, SiteState, SiteTable, WithholdReason, tabulate};
use std::collections::BTreeMap;

/// The result of a query.
#[derive(Debug)]
pub struct Collected {
    /// Pooled and by site.
    pub table: ResultTable,
    /// Proofs the researcher's own verifier accepted.
    pub verified: usize,
    /// Answers the ledger refused.
    pub rejected: usize,
    /// Sites without an accepted answer.
    pub missing: Vec<String>,
}

impl Network {
    /// Opens, checks and tabulates the answers to a query. `refused` holds what the ledger said of answers it rejected, by site name.
    ///
    /// # Errors
    /// A sealed answer cannot be opened, or does not match the ledger.
    pub async fn collect(&self, query: QueryId, question: &Question, refused: &BTreeMap<String, String>) -> Result<Collected, Failure> {
        let state = self.state();
        let record = state.query(&query).ok_or_else(|| anyhow!("the ledger has no such query"))?;
        let study = state.study(&record.query.study).ok_or_else(|| anyhow!("the ledger has no such study"))?;
        let dictionary = crate::study::dictionary(self, &study.submitted.dictionary)?;
        let eligibility = Eligibility { scopes: study.scopes.clone(), day: record.time.day() };
        let registry = state.registry_of(&study.registry).ok_or_else(|| anyhow!("the ledger has no such scope registry"))?;
        let plan = question.plan(dictionary, registry, &eligibility)?;
        let mut sites = Vec::new();
        let (mut verified, mut k_min) = (0, study.submitted.k_min);
        for site in &record.sites {
            let name = self.site_name(site);
            let state_of = match self.state().pair(&query, site).map(|p| &p.status) {
                Some(PairStatus::Answered(answer)) => {
                    let table = self.open_answer(query, site, answer, &plan).await?;
                    self.verify_again(query, site).await?;
                    verified += 1;
                    k_min = k_min.max(answer.k_min);
                    SiteState::Accepted(table)
                }
                Some(PairStatus::Declined { code, reason, .. }) => SiteState::Refused { code: code.to_string(), reason: reason.clone() },
                _ => refused.get(&name).map_or(SiteState::Missing, |reason| SiteState::Rejected { reason: reason.clone() }),
            };
            sites.push(SiteAnswer { site: name, state: state_of });
        }
        sites.sort_by(|a, b| a.site.cmp(&b.site));
        let missing = sites.iter().filter(|s| !matches!(s.state, SiteState::Accepted(_))).map(|s| s.site.clone()).collect();
        let rejected = sites.iter().filter(|s| matches!(s.state, SiteState::Rejected { .. })).count();
        let table = tabulate(question, dictionary, &plan, k_min, &sites)?;
        Ok(Collected { table, verified, rejected, missing })
    }

    /// The researcher's own check of an accepted answer: headers, paths and both proofs, from an export.
    async fn verify_again(&self, query: QueryId, site: &MemberId) -> Result<(), Failure> {
        let export = self.store().export_answer(self.state(), &query, site).await?;
        export.check(self.checker()).map(|_| ()).map_err(|e| Failure::NotVerified(e.to_string()))
    }

    async fn open_answer(&self, query: QueryId, site: &MemberId, answer: &AnswerRecord, plan: &Plan) -> Result<SiteTable, Failure> {
        let name = self.site_name(site);
        let sealed =
            self.sealed(&answer.sealed).await?.ok_or_else(|| Failure::NotVerified(format!("{name}'s sealed answer is not stored")))?;
        let researcher = self.holder().reader()?;
        let opened =
            countersign_messages::sealed::open(&sealed, &countersign_messages::sealed::answer_context(&query, site), researcher.sealing())?;
        let opening = CellsOpening::try_from_slice(&opened)
            .map_err(|_| Failure::NotVerified(format!("{name} sealed something that is no answer")))?;
        let size = AggregateSize::for_cells(plan.cells().len()).ok_or_else(|| anyhow!("the statement has too many cells"))?;
        let digest =
            countersign_circuits::opening::Reader::new(&answer.cells_digest).scalar().map_err(|e| Failure::NotVerified(e.to_string()))?;
        opening.check(size, plan.cells().len(), &digest).map_err(|e| Failure::NotVerified(format!("{name}: {e}")))?;
        Ok(SiteTable { cells: statuses(plan, &opening) })
    }
}

/// What each cell of an opened answer says.
fn statuses(plan: &Plan, opening: &CellsOpening) -> Vec<CellStatus> {
    let mut reason = Withheld::No;
    plan.cells()
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
