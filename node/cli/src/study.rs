//! What researchers and boards do: dictionaries, studies, questions.

use crate::{
    failure::Failure,
    network::{BOARD, Network, RESEARCHER, VALIDATOR},
};
use anyhow::anyhow;
use countersign_circuits::{consent::Day, dictionary::Dictionary, hash::Digest32};
use countersign_ledger::{
    Change, Effect, Height, Payload, Proposal, Query, QueryId, SealingKey, SealingParty, StudyAccept, StudyApprove, StudyId, StudySubmit,
};
use countersign_query::Question;
use std::collections::BTreeSet;

/// How long hospitals have to answer: one hour of block time.
const ANSWER_WINDOW_MS: u64 = 3_600_000;
/// How long a development study runs, days.
const STUDY_DAYS: i32 = 90;

/// Publishes a dictionary if the ledger does not know it.
///
/// # Errors
/// It is refused, or others must vote on it.
pub async fn publish_dictionary(network: &mut Network, canonical: &[u8]) -> Result<Digest32, Failure> {
    let digest = Digest32::of(canonical);
    if network.state().dictionary(&digest).is_none() {
        let validator = network.member(VALIDATOR)?;
        let reason = "a hospital's data are described by it".to_owned();
        let proposal = Proposal { change: Change::Dictionary(canonical.to_vec()), in_force: Height(0), reason };
        network.accepted(&validator, Payload::Propose(proposal)).await?;
        if network.state().dictionary(&digest).is_none() {
            return Err(Failure::Refused("the dictionary is proposed; it is published once more than two thirds have voted for it".into()));
        }
    }
    Ok(digest)
}

/// What a study is about.
#[derive(Debug, Clone)]
pub struct StudyPlan {
    /// Title.
    pub title: String,
    /// In plain words.
    pub summary: String,
    /// Data categories it reads.
    pub categories: BTreeSet<String>,
    /// Least number of people behind a released cell.
    pub k_min: u32,
}

/// Submits a study, has the board approve it and every named site accept it.
///
/// # Errors
/// A step is refused.
pub async fn open_study(network: &mut Network, dictionary: &Digest32, plan: &StudyPlan, sites: &[String]) -> Result<StudyId, Failure> {
    let (researcher, board) = (network.member(RESEARCHER)?, network.member(BOARD)?);
    let mut sealing = vec![
        SealingKey { party: SealingParty::Team, key: researcher.sealing().public() },
        SealingKey { party: SealingParty::Board, key: board.sealing().public() },
    ];
    sealing.sort();
    let categories = plan.categories.iter().map(|c| if c.starts_with("c.") { c.clone() } else { format!("c.{c}") }).collect();
    let submit = StudySubmit {
        title: plan.title.clone(),
        summary: plan.summary.clone(),
        dictionary: *dictionary,
        purpose: "p.health".into(),
        categories,
        k_min: plan.k_min,
        researchers: vec![researcher.id()],
        sealing,
        expiry: Day(network.state().tip().time.day().0 + STUDY_DAYS),
    };
    let (_, result) = network.accepted(&researcher, Payload::StudySubmit(submit)).await?;
    let Some(Effect::Submitted { study, .. }) = result.effect() else { return Err(anyhow!("the ledger recorded no study").into()) };
    let study = *study;
    network.accepted(&board, Payload::StudyApprove(StudyApprove { study })).await?;
    for site in sites {
        let member = network.member(site)?;
        network.accepted(&member, Payload::StudyAccept(StudyAccept { study, k_min: plan.k_min })).await?;
    }
    Ok(study)
}

/// Asks a compiled question of a study.
///
/// # Errors
/// The ledger refuses it.
pub async fn ask(network: &mut Network, study: StudyId, question: &Question, sql: &str) -> Result<QueryId, Failure> {
    let researcher = network.member(RESEARCHER)?;
    let deadline = crate::network::now().plus_ms(ANSWER_WINDOW_MS);
    let query = Query { study, statement: question.statement.clone(), question: sql.to_owned(), deadline };
    let (_, result) = network.accepted(&researcher, Payload::Query(query)).await?;
    match result.effect() {
        Some(Effect::Asked { query, .. }) => Ok(*query),
        _ => Err(anyhow!("the ledger recorded no query").into()),
    }
}

/// The dictionary of a digest.
///
/// # Errors
/// The ledger does not know it.
pub fn dictionary<'a>(network: &'a Network, digest: &Digest32) -> Result<&'a Dictionary, Failure> {
    network.state().dictionary(digest).map(|r| r.dictionary()).ok_or_else(|| Failure::Refused("the ledger has no such dictionary".into()))
}
