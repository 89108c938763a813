//! `countersign query`: a question to the hospitals of a study.

use super::{Session, network_arguments::NetworkArguments, result};
use crate::{
    development::open_study,
    failure::Failure,
    keyed_connection::{KeyHolder, KeyedConnection},
    screen::plain,
};
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_circuits::hash::Digest32;
use countersign_hospital::Answering;
use countersign_member::{named, now};
use countersign_messages::{QueryId, StudyId};
use countersign_query::Question;
use countersign_study::{
    HospitalsAtHand, NotCovered, StudyDraft, ask, asked_before, categories_of, collect, covering, dictionary, find, hospitals_with_table,
    until_answered, writable,
};
use serde_json::json;
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// Arguments of `query`.
#[derive(Debug, Args)]
pub struct QueryArguments {
    /// The question
    pub sql: String,
    /// Whose question, on which chain
    #[command(flatten)]
    pub network: NetworkArguments,
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

/// An open study that covers the question and accepts the same statement now; on a development network a new one, if there is none.
async fn study_for(session: &Session, network: &mut KeyedConnection, table: &Digest32, question: &Question) -> Result<StudyId, Failure> {
    let with_table = hospitals_with_table(network.state(), table);
    let everybody = matches!(network.holder(), KeyHolder::Everybody(_));
    if everybody {
        // keys that cannot be read are an error: the hospital must not be left out unsaid
        with_table.iter().try_for_each(|name| network.member(name).map(drop))?;
    }
    match covering(network.state(), &network.holder().reader()?.id(), table, question) {
        Ok(study) => return Ok(study),
        // what somebody suspended is not begun anew behind their back
        Err(not @ (NotCovered::NoTable | NotCovered::Held { .. })) => return Err(Failure::Refused(first(&not))),
        Err(not) if !everybody => return Err(Failure::Refused(first(&not))),
        Err(_) => {}
    }
    session.screen.say("no open study covers this question: on this development network one is submitted, approved and accepted now");
    let mut categories = categories_of(question);
    if categories.is_empty() {
        let attributes = dictionary(network.state(), table)?.attributes();
        categories = attributes.iter().take(1).flat_map(|a| a.categories().iter().cloned()).collect();
    }
    let draft = StudyDraft {
        title: "development study".into(),
        summary: "Opened by the query command.".into(),
        dictionary: *table,
        categories,
        k_min: network.state().rules().k_min,
    };
    let mut hospitals = Vec::new();
    for name in &with_table {
        hospitals.push(network.hospital(&session.keys, name).await?);
    }
    let study = open_study(network, &draft, &hospitals).await;
    for hospital in hospitals {
        hospital.close().await;
    }
    study
}

/// What has to happen before a member may ask.
fn first(not: &NotCovered) -> String {
    match not {
        NotCovered::NoTable => "no hospital has anchored a table for this dictionary".into(),
        NotCovered::NoStudy { needed } => {
            let categories: String = needed.iter().map(|c| format!(" --category {c}")).collect();
            let words = "no study of yours covers this question. Submit one:";
            format!("{words} `countersign study submit --title TEXT --summary TEXT --dictionary FILE{categories} --config node.toml`")
        }
        NotCovered::Held { study, words } => format!("study S-{study} covers this question, and is {}", plain(words)),
        NotCovered::NotApproved { study } => {
            format!("study S-{study} waits for the ethics board: `countersign study approve S-{study} --config node.toml`")
        }
        NotCovered::NotAccepted { study, accepted } => format!(
            "study S-{study} is accepted by {accepted} hospitals, and either not by all that have the table (`countersign study accept S-{study} --config \
             node.toml`; with --study S-{study} you ask those that have), or the same question was asked in it before"
        ),
    }
}

/// Runs it.
///
/// # Errors
/// The question is refused, or a site's answer is missing or not verified.
#[boxed]
pub async fn run(session: &Session, arguments: &QueryArguments) -> Result<(), Failure> {
    let screen = session.screen;
    let mut network = arguments.network.open(session).await?;
    let (table, question) = find(network.state(), &arguments.sql)?;
    if arguments.explain {
        let words = countersign_query::explain(&question, dictionary(network.state(), &table)?, network.state().rules().k_min);
        let statement = hex::encode(borsh::to_vec(&question.statement)?);
        screen.result(|| words.clone(), || json!({ "words": words, "statement": statement }));
        return network.close().await;
    }
    // a bad place for files is found out before anything is asked
    arguments.export.as_deref().map(writable).transpose()?;
    network.refresh().await?;
    let reader = network.holder().reader()?;
    let study = arguments.study.as_ref().map(|text| named::study(network.state(), text)).transpose()?;
    // the same question again shows the answers that are there, and waits for those that may still come
    let at_hand = match network.holder() {
        KeyHolder::Everybody(_) => HospitalsAtHand::All,
        KeyHolder::Member(_) => HospitalsAtHand::None,
    };
    let query = match asked_before(&network, &reader.id(), (&table, &question), study, at_hand, now()) {
        Some(query) => {
            let number = network.state().query(&query).map_or(0, |q| q.number);
            screen.say(format!("this was asked before as Q-{number}; its answers are shown"));
            query
        }
        None => {
            let study = match study {
                Some(study) => study,
                None => study_for(session, &mut network, &table, &question).await?,
            };
            ask(&mut network, &reader, study, (&question, &arguments.sql), now()).await?
        }
    };
    let (refused, failed) = match network.holder() {
        KeyHolder::Everybody(_) => answer_all(session, &mut network, query).await,
        KeyHolder::Member(_) => {
            let working = session.screen.working("waiting for the hospitals");
            let waiting = |open: &[String]| working.now(format!("waiting for {}", open.join(", ")));
            until_answered(&mut network, query, Duration::from_secs(arguments.wait), &waiting).await?;
            (BTreeMap::new(), BTreeMap::new())
        }
    };
    let collected = collect(&network, &reader, query, &question, &refused).await?;
    let number = collected.number;
    let shown = result::show(session, &network, &collected, arguments.export.as_deref()).await;
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
async fn answer_all(
    session: &Session,
    network: &mut KeyedConnection,
    query: QueryId,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let mut asked: Vec<String> =
        network.state().query(&query).map(|q| q.hospitals.iter().map(|s| network.member_name(s)).collect()).unwrap_or_default();
    asked.sort();
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

async fn answer(session: &Session, network: &mut KeyedConnection, name: &str, query: QueryId) -> Result<Answering, Failure> {
    let site = network.hospital(&session.keys, name).await?;
    let answered = site.answer(network, query).await;
    site.close().await;
    Ok(answered?)
}
