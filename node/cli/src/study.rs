//! What researchers, boards and governance members do: dictionaries, votes, studies, questions.

use crate::{
    failure::Failure,
    network::{BOARD, Holder, Network, VALIDATOR},
};
use anyhow::anyhow;
use countersign_circuits::{consent::Day, dictionary::Dictionary, hash::Digest32, text::is_unprintable};
use countersign_hospital::Hospital;
use countersign_ledger::{Effect, ProposalStatus, State, Tally};
use countersign_member::Member;
use countersign_messages::{
    Change, Height, MemberId, Payload, Proposal, ProposalId, Query, QueryId, Role, SealingKey, SealingParty, StudyApprove, StudyId,
    StudySubmit, Vote,
};
use countersign_query::Question;
use std::collections::BTreeSet;

/// How long hospitals have to answer: one hour of block time.
const ANSWER_WINDOW_MS: u64 = 3_600_000;
/// How long a development study runs, days.
const STUDY_DAYS: i32 = 90;

/// Publishes a dictionary if the ledger does not know it: on a development network, where one member decides.
///
/// # Errors
/// It is refused, or others must propose it or vote on it.
pub async fn publish_dictionary(network: &mut Network, canonical: &[u8]) -> Result<Digest32, Failure> {
    let digest = Digest32::of(canonical);
    if network.state().dictionary(&digest).is_some() {
        return Ok(digest);
    }
    if matches!(network.holder(), Holder::Member(_)) {
        let words = "the dictionary is not published on this network; a governance member proposes it with";
        return Err(Failure::Refused(format!("{words} `countersign propose dictionary FILE --config node.toml --reason TEXT`")));
    }
    let validator = network.member(VALIDATOR)?;
    propose(network, &validator, Change::Dictionary(canonical.to_vec()), Height(0), "a hospital's data are described by it").await?;
    Ok(digest)
}

/// Proposes a change; gives the proposal's identity and where it stands.
///
/// # Errors
/// It is refused.
pub async fn propose(
    network: &mut Network,
    member: &Member,
    change: Change,
    in_force: Height,
    reason: &str,
) -> Result<(ProposalId, u32, ProposalStatus), Failure> {
    let proposal = Proposal { change, in_force, reason: reason.to_owned() };
    let (_, result) = network.accepted(member, Payload::Propose(proposal)).await?;
    match result.effect() {
        Some(Effect::Proposed { proposal, number, status }) => Ok((*proposal, *number, *status)),
        _ => Err(anyhow!("the ledger recorded no proposal").into()),
    }
}

/// Votes on a proposal; gives the votes so far and where it stands.
///
/// # Errors
/// It is refused.
pub async fn vote(network: &mut Network, member: &Member, proposal: ProposalId, approve: bool) -> Result<(Tally, ProposalStatus), Failure> {
    let (_, result) = network.accepted(member, Payload::Vote(Vote { proposal, approve })).await?;
    match result.effect() {
        Some(Effect::Voted { tally, status, .. }) => Ok((*tally, *status)),
        _ => Err(anyhow!("the ledger recorded no vote").into()),
    }
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

/// The ethics boards answers of a member's study are sealed to, as the ledger lists them: the named ones, or the one there is.
///
/// # Errors
/// A name is no board's, there is no board that has no part in the study, or there are several and none is named.
pub fn boards(state: &State, submitter: &MemberId, names: &[String]) -> Result<Vec<MemberId>, Failure> {
    let all: Vec<_> = state.members().filter(|m| m.has_role(Role::Board) && m.id != *submitter).collect();
    let listed = || all.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ");
    let named = |name: &String| {
        let found = all.iter().find(|m| m.name.as_str() == name).map(|m| m.id);
        found.ok_or_else(|| {
            Failure::Refused(format!("\"{name}\" is no ethics board that could approve this study; there are: {}", listed()))
        })
    };
    match (names, all.as_slice()) {
        ([], []) => {
            Err(Failure::Refused("the network has no ethics board that could approve this study; a governance member proposes one".into()))
        }
        ([], [only]) => Ok(vec![only.id]),
        ([], _) => Err(Failure::Refused(format!("say with --board which ethics board is to approve the study: {}", listed()))),
        (names, _) => names.iter().map(named).collect(),
    }
}

/// Submits a study. Answers will be sealed to the researcher and to the boards, by the keys the ledger lists for them.
///
/// # Errors
/// The ledger refuses it.
pub async fn submit_study(
    network: &mut Network,
    researcher: &Member,
    boards: &[MemberId],
    dictionary: &Digest32,
    plan: &StudyPlan,
) -> Result<StudyId, Failure> {
    let key = |party, member: &MemberId| {
        let listed = network.state().member(member).ok_or_else(|| Failure::Refused(format!("the ledger lists no member {member}")))?;
        Ok::<_, Failure>(SealingKey { party, member: *member, key: listed.sealing })
    };
    let mut sealing = vec![key(SealingParty::Team, &researcher.id())?];
    if sealing.iter().any(|own| own.key != researcher.sealing().public()) {
        let words = "the ledger lists another sealing key for you than that of your keys.toml, and you could not open the answers; have your card proposed again";
        return Err(Failure::Refused(words.into()));
    }
    for board in boards {
        sealing.push(key(SealingParty::Board, board)?);
    }
    sealing.sort();
    sealing.dedup();
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
    let (_, result) = network.accepted(researcher, Payload::StudySubmit(submit)).await?;
    match result.effect() {
        Some(Effect::Submitted { study, .. }) => Ok(*study),
        _ => Err(anyhow!("the ledger recorded no study").into()),
    }
}

/// Approves a study for an ethics board.
///
/// # Errors
/// The ledger refuses it.
pub async fn approve_study(network: &mut Network, board: &Member, study: StudyId) -> Result<Height, Failure> {
    let record = network.state().study(&study).ok_or_else(|| Failure::Refused("the ledger has no such study".into()))?;
    // the ledger sees that it is sealed to the key it lists for the board; whether that is the key at hand only the board can tell
    let own = SealingKey { party: SealingParty::Board, member: board.id(), key: board.sealing().public() };
    if !record.submitted.sealing.contains(&own) {
        let words = "its answers would not be sealed to the key of this board's keys.toml. Have your card proposed again if that is the right key, and the study submitted again";
        return Err(Failure::Refused(format!("study S-{} is not approved: {words}", record.number)));
    }
    Ok(network.accepted(board, Payload::StudyApprove(StudyApprove { study })).await?.0)
}

/// On a development network: submits a study, has the board approve it and the sites accept it.
///
/// # Errors
/// A step is refused.
pub async fn open_study(network: &mut Network, dictionary: &Digest32, plan: &StudyPlan, sites: &[Hospital]) -> Result<StudyId, Failure> {
    let (researcher, board) = (network.holder().reader()?, network.member(BOARD)?);
    let study = submit_study(network, &researcher, &[board.id()], dictionary, plan).await?;
    approve_study(network, &board, study).await?;
    for site in sites {
        site.accept(network, study, plan.k_min).await?;
    }
    Ok(study)
}

/// Asks a compiled question of a study.
///
/// # Errors
/// The ledger refuses it.
pub async fn ask(network: &mut Network, study: StudyId, question: &Question, sql: &str) -> Result<QueryId, Failure> {
    let researcher = network.holder().reader()?;
    let deadline = crate::network::now().plus_ms(ANSWER_WINDOW_MS);
    // a question written over several lines is the same question in one
    let line = sql.chars().map(|c| if is_unprintable(c) { ' ' } else { c }).collect();
    let query = Query { study, statement: question.statement.clone(), question: line, deadline };
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
