//! `countersign query`: a question to the hospitals of a study.

use super::{Session, named, place::Place, result};
use crate::{
    failure::Failure,
    network::{Holder, Network},
    study::{StudyPlan, ask, open_study},
};
use clap::Args;
use countersign_circuits::hash::Digest32;
use countersign_hospital::Answering;
use countersign_ledger::{PairRecord, StudyRecord, TableKey};
use countersign_messages::{Member, QueryId, Role, StudyId};
use countersign_query::{Question, compile};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

/// Pause between two looks for answers.
const LOOK: Duration = Duration::from_millis(200);

/// Arguments of `query`.
#[derive(Debug, Args)]
pub struct QueryArguments {
    /// The question
    pub sql: String,
    /// Whose question, on which chain
    #[command(flatten)]
    pub place: Place,
    /// The study to ask under (S-1, or its id); without it, one that covers the question and that every hospital with the table has accepted
    #[arg(long, value_name = "STUDY")]
    pub study: Option<String>,
    /// Seconds to wait for the hospitals' answers, with --config
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub wait: u64,
    /// Say the question in words and stop
    #[arg(long)]
    pub explain: bool,
    /// Write every accepted answer with what verifies it into this folder
    #[arg(long, value_name = "FOLDER")]
    pub export: Option<PathBuf>,
}

/// The dictionary the question names, among those the hospitals have anchored.
fn find(network: &Network, sql: &str) -> Result<(Digest32, Question), Failure> {
    let mut refusal = None;
    for record in network.state().dictionaries() {
        match compile(sql, record.dictionary()) {
            Ok(question) => return Ok((record.dictionary().digest(), question)),
            Err(error) if refusal.is_none() || sql.contains(record.dictionary().id()) => refusal = Some(error),
            Err(_) => {}
        }
    }
    Err(refusal.map_or_else(|| Failure::Refused("no dictionary is published yet; anchor a table first".into()), Failure::from))
}

/// An open study that covers the question and accepts the same statement now, or a new one.
async fn study_for(session: &Session, network: &mut Network, dictionary: &Digest32, question: &Question) -> Result<StudyId, Failure> {
    let state = network.state();
    let has_table = |m: &&Member| m.has_role(Role::Hospital) && state.table(&TableKey { hospital: m.id, table: *dictionary }).is_some();
    let with_table: Vec<String> = state.members().filter(has_table).map(|m| m.name.to_string()).collect();
    if let Holder::Consortium(_) = network.holder() {
        // keys that cannot be read are an error: the hospital must not be left out unsaid
        with_table.iter().try_for_each(|name| network.member(name).map(drop))?;
    }
    if with_table.is_empty() {
        return Err(Failure::Refused("no hospital has anchored a table for this dictionary".into()));
    }
    let name = |c: &str| if c.starts_with("c.") { c.to_owned() } else { format!("c.{c}") };
    let needed: BTreeSet<String> = question.categories.iter().map(|c| name(c)).collect();
    let reader = network.holder().reader()?;
    let open = network.state().studies().find(|(id, study)| {
        let covers = study.submitted.researchers.contains(&reader.id()) && needed.iter().all(|c| study.submitted.categories.contains(c));
        let fresh = !network.state().queries().any(|(_, q)| q.query.study == **id && q.query.statement == question.statement);
        study.submitted.dictionary == *dictionary && covers && fresh && network.state().cuts(id).count() == with_table.len()
    });
    if let Some((id, _)) = open {
        return Ok(*id);
    }
    let k_min = network.state().rules().k_min;
    if let Holder::Member(_) = network.holder() {
        return Err(Failure::Refused(waiting(network, &reader, dictionary, &needed)));
    }
    session.screen.say("no open study covers this question: on this development network one is submitted, approved and accepted now");
    let mut categories = needed;
    if categories.is_empty() {
        categories = crate::study::dictionary(network, dictionary)?
            .attributes()
            .iter()
            .take(1)
            .flat_map(|a| a.categories().iter().map(|c| name(c)))
            .collect();
    }
    let plan = StudyPlan { title: "development study".into(), summary: "Opened by the query command.".into(), categories, k_min };
    let mut sites = Vec::new();
    for name in &with_table {
        sites.push(network.hospital(&session.keys, name).await?);
    }
    let study = open_study(network, dictionary, &plan, &sites).await;
    for site in sites {
        site.close().await;
    }
    study
}

/// What has to happen before a member may ask.
fn waiting(network: &Network, reader: &countersign_member::Member, dictionary: &Digest32, needed: &BTreeSet<String>) -> String {
    let state = network.state();
    let covers = |s: &StudyRecord| s.submitted.dictionary == *dictionary && needed.iter().all(|c| s.submitted.categories.contains(c));
    let found = state.studies().filter(|(_, s)| s.submitted.researchers.contains(&reader.id()) && covers(s)).max_by_key(|(_, s)| s.number);
    let Some((_, study)) = found else {
        let categories: String = needed.iter().map(|c| format!(" --category {c}")).collect();
        let words = "no study of yours covers this question. Submit one:";
        return format!("{words} `countersign study submit --title TEXT --summary TEXT --dictionary FILE{categories} --config node.toml`");
    };
    let number = study.number;
    match study.approval {
        None => format!("study S-{number} waits for the ethics board: `countersign study approve S-{number} --config node.toml`"),
        Some(_) => format!(
            "study S-{number} is accepted by {} hospitals, and either not by all that have the table (`countersign study accept S-{number} --config \
             node.toml`; with --study S-{number} you ask those that have), or the same question was asked in it before",
            study.sites
        ),
    }
}

/// Runs it.
///
/// # Errors
/// The question is refused, or a site's answer is missing or not verified.
pub async fn run(session: &Session, arguments: &QueryArguments) -> Result<(), Failure> {
    let screen = session.screen;
    let mut network = arguments.place.open(session).await?;
    let (dictionary, question) = find(&network, &arguments.sql)?;
    if arguments.explain {
        let words = countersign_query::explain(&question, crate::study::dictionary(&network, &dictionary)?, network.state().rules().k_min);
        let statement = hex::encode(borsh::to_vec(&question.statement)?);
        screen.result(|| words.clone(), || json!({ "words": words, "statement": statement }));
        return network.close().await;
    }
    // a bad place for files is found out before anything is asked
    arguments.export.as_deref().map(result::writable).transpose()?;
    network.refresh().await?;
    let reader = network.holder().reader()?.id();
    let study = arguments.study.as_ref().map(|text| named::study(network.state(), text)).transpose()?;
    // the same question again shows the answers that are there, and waits for those that may still come
    let query = match network.asked_before(&reader, &dictionary, &question, study, crate::network::now()) {
        Some(query) => {
            let number = network.state().query(&query).map_or(0, |q| q.number);
            screen.say(format!("this was asked before as Q-{number}; its answers are shown"));
            query
        }
        None => {
            let study = match study {
                Some(study) => study,
                None => study_for(session, &mut network, &dictionary, &question).await?,
            };
            ask(&mut network, study, &question, &arguments.sql).await?
        }
    };
    let (refused, failed) = match network.holder() {
        Holder::Consortium(_) => answer_all(session, &mut network, query).await,
        Holder::Member(_) => {
            answered(session, &mut network, query, Duration::from_secs(arguments.wait)).await?;
            (BTreeMap::new(), BTreeMap::new())
        }
    };
    let collected = network.collect(query, &question, &refused).await?;
    let number = network.state().query(&query).map_or(0, |q| q.number);
    let shown = result::show(session, &network, query, &collected, arguments.export.as_deref()).await;
    network.close().await?;
    shown?;
    if collected.missing.is_empty() {
        return Ok(());
    }
    let missing = result::reasons(&collected.missing, &[&failed, &refused]).join(", ");
    let again =
        format!("`countersign queries` says what is waited for, and `countersign result Q-{number}` shows what has come, at any time");
    Err(Failure::SiteMissing(format!("no accepted answer from {missing}; {again}")))
}

/// On a development network: every hospital answers here. What the ledger rejected, and what failed, by hospital.
async fn answer_all(session: &Session, network: &mut Network, query: QueryId) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let asked: Vec<String> =
        network.state().query(&query).map(|q| q.sites.iter().map(|s| network.site_name(s)).collect()).unwrap_or_default();
    let (mut refused, mut failed) = (BTreeMap::new(), BTreeMap::new());
    for name in asked {
        let working = session.screen.working(format!("{name}: answering and proving"));
        // what fails at one hospital does not keep the others' answers back
        match answer(session, network, &name, query).await {
            Ok(Answering::Rejected(reason)) => drop(refused.insert(name, reason)),
            Ok(_) => {}
            Err(failure) => drop(failed.insert(name, failure.message())),
        }
        drop(working);
    }
    (refused, failed)
}

/// Waits until every hospital has answered or declined, or the time is over.
async fn answered(session: &Session, network: &mut Network, query: QueryId, wait: Duration) -> Result<(), Failure> {
    let working = session.screen.working("waiting for the hospitals");
    let waiting = async {
        loop {
            network.refresh().await?;
            let state = network.state();
            let sites = state.query(&query).map(|q| q.sites.clone()).unwrap_or_default();
            let open: Vec<String> =
                sites.iter().filter(|s| state.pair(&query, s).is_some_and(PairRecord::is_open)).map(|s| network.site_name(s)).collect();
            if open.is_empty() {
                return Ok(());
            }
            working.now(format!("waiting for {}", open.join(", ")));
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(wait, waiting).await.unwrap_or(Ok(()))
}

async fn answer(session: &Session, network: &mut Network, name: &str, query: QueryId) -> Result<Answering, Failure> {
    let site = network.hospital(&session.keys, name).await?;
    let answered = site.answer(network, query).await;
    site.close().await;
    Ok(answered?)
}
