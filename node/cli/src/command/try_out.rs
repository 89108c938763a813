//! `countersign try`: the whole pipeline on anyone's own files in one go.

use super::{EVERYBODY_CONSENTS, Session, categories, mapping, noticed, reading, stopwatch, temporary};
use crate::{
    development::{open_study, publish_dictionary},
    failure::Failure,
    keyed_connection::KeyedConnection,
};
use anyhow::anyhow;
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_circuits::{consent::Day, hash::Digest32};
use countersign_consortium::{DataFolder, NetworkOptions};
use countersign_hospital::{Answering, Hospital, OptOutList, Source};
use countersign_ingest::{ImportReport, Mapping, Reading};
use countersign_member::now;
use countersign_messages::StudyId;
use countersign_query::{Question, compile};
use countersign_study::{Collected, StudyDraft, ask, collect};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Arguments of `try`.
#[derive(Debug, Args)]
pub struct TryArguments {
    /// Dictionary: a TOML file, or `cardiometabolic-core` or `heart-disease` as shipped
    #[arg(long, value_name = "FILE")]
    pub dictionary: PathBuf,
    /// Mapping: a TOML file, or one as shipped (`mapping-fhir`, `mapping-fhir-other`, `mapping-heart-csv`)
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// A hospital and its records; repeat for every hospital
    #[arg(long = "site", value_name = "NAME=PATH", required = true, value_parser = super::named_path)]
    pub sites: Vec<(String, PathBuf)>,
    /// A hospital's consents (CSV with patient,scope,until); hospitals without count everybody as consenting
    #[arg(long = "consents", value_name = "NAME=PATH", value_parser = super::named_path)]
    pub consents: Vec<(String, PathBuf)>,
    /// The question; repeat to ask several
    #[arg(long = "query", value_name = "SQL", required = true)]
    pub queries: Vec<String>,
    /// Least number of people behind a released number
    #[arg(long, value_name = "K", default_value_t = 10)]
    pub k_min: u32,
    /// Date of the data (YYYY-MM-DD) where no bulk manifest gives it; today if left out
    #[arg(long, value_name = "DATE", value_parser = super::day)]
    pub as_of: Option<Day>,
}

/// What can be seen to be wrong before any work is done.
fn check(arguments: &TryArguments, questions: &[Question]) -> Result<(), Failure> {
    for (i, (name, _)) in arguments.consents.iter().enumerate() {
        if !arguments.sites.iter().any(|(site, _)| site == name) || arguments.consents[..i].iter().any(|(before, _)| before == name) {
            return Err(Failure::Refused(format!("--consents {name}=..: name each time one hospital of --site, each once")));
        }
    }
    for (i, question) in questions.iter().enumerate() {
        if let Some(before) = questions[..i].iter().position(|q| q.statement == question.statement) {
            return Err(Failure::Refused(format!("questions {} and {} are the same statement; ask it once", before + 1, i + 1)));
        }
    }
    let absent = arguments.sites.iter().chain(&arguments.consents).find(|(_, path)| !path.exists());
    absent.map_or(Ok(()), |(name, path)| Err(anyhow!("{name}: {} is not there", path.display()).into()))
}

/// Runs it.
///
/// # Errors
/// Files are unreadable, the question is refused, or a site's answer is missing or not verified.
#[boxed]
pub async fn run(session: &Session, arguments: &TryArguments) -> Result<(), Failure> {
    let elapsed = stopwatch();
    let screen = session.screen;
    let reading = reading(&arguments.dictionary)?;
    let mapping = mapping(&arguments.mapping, &reading)?;
    // refuse a bad question before any work is done
    let questions = arguments.queries.iter().map(|sql| compile(sql, reading.dictionary())).collect::<Result<Vec<_>, _>>()?;
    check(arguments, &questions)?;
    session.ensure_keys()?;
    let folder = temporary()?;
    let mut trial = Trial::begin(session, arguments, &reading, folder.path()).await?;
    for (name, path) in &arguments.sites {
        trial.anchor(name, path, arguments, (&reading, &mapping)).await?;
    }
    let study = trial.study(&reading, &questions, arguments.k_min).await?;
    let mut results = Vec::new();
    let mut missing = Vec::new();
    for (sql, question) in arguments.queries.iter().zip(&questions) {
        let collected = trial.ask(study, question, sql).await?;
        screen.say(format!("\n{sql}\n{}", countersign_stats::render_text(&collected.table)));
        screen.say(format!("{} proofs verified here, {} rejected", collected.verified, collected.rejected));
        let mut value = countersign_stats::to_json(&collected.table);
        if let Some(object) = value.as_object_mut() {
            object.insert("sql".into(), json!(sql));
            object.insert("verified".into(), json!(collected.verified));
            object.insert("rejected".into(), json!(collected.rejected));
        }
        results.push(value);
        missing.extend(collected.missing);
    }
    if screen.is_json() {
        let development = trial.network.development();
        let reports: BTreeMap<_, _> =
            trial.reports.iter().map(|(name, report)| (name, serde_json::to_value(report).unwrap_or_default())).collect();
        screen.result(
            String::new,
            || json!({ "queries": results, "imports": reports, "development_keys": development, "seconds": elapsed() }),
        );
    }
    trial.end().await?;
    if missing.is_empty() { Ok(()) } else { Err(Failure::SiteMissing(format!("no accepted answer from {}", missing.join(", ")))) }
}

/// A development network with the hospitals that have anchored.
struct Trial<'a> {
    session: &'a Session,
    network: KeyedConnection,
    dictionary: Digest32,
    hospitals: Vec<Hospital>,
    reports: BTreeMap<String, ImportReport>,
}

impl<'a> Trial<'a> {
    async fn begin(session: &'a Session, arguments: &TryArguments, reading: &Reading, folder: &Path) -> Result<Self, Failure> {
        let names: Vec<String> = arguments.sites.iter().map(|(name, _)| name.clone()).collect();
        let options = NetworkOptions { sites: names.clone(), k_min: arguments.k_min, categories: categories(reading) };
        let mut network = KeyedConnection::create(DataFolder::new(folder), &session.keys, &options).await?;
        let dictionary = publish_dictionary(&mut network, reading.canonical()).await?;
        let words = format!("development network with {} hospitals, k_min {}", names.len(), arguments.k_min);
        session.screen.say(noticed(words, network.development()));
        let without: Vec<&str> = names.iter().filter(|n| !arguments.consents.iter().any(|(c, _)| c == *n)).map(String::as_str).collect();
        if !without.is_empty() {
            session.screen.say(format!("{}: {EVERYBODY_CONSENTS}", without.join(", ")));
        }
        Ok(Self { session, network, dictionary, hospitals: Vec::new(), reports: BTreeMap::new() })
    }

    async fn anchor(&mut self, name: &str, path: &Path, arguments: &TryArguments, by: (&Reading, &Mapping)) -> Result<(), Failure> {
        let screen = self.session.screen;
        let working = screen.working(format!("{name}: reading"));
        let hospital = self.network.hospital(&self.session.keys, name).await?;
        let consents = arguments.consents.iter().find(|(n, _)| n == name).map(|(_, path)| path.clone());
        let today = || self.network.state().tip().time.day();
        let as_of = arguments.as_of.or_else(|| (!path.join("manifest.json").exists()).then(today));
        let source = Source { path: path.to_owned(), as_of, consents, policy: None, opt_outs: OptOutList::AsBefore };
        let progress = |p: countersign_ingest::Progress| working.now(format!("{name}: reading, {} records", p.records));
        let saying = |what: &str| working.now(format!("{name}: {what}"));
        let (imported, _) = hospital.import_and_anchor(&mut self.network, by, &source, &progress, &saying).await?;
        drop(working);
        screen.say(format!("{name}: {} rows anchored and proved valid", imported.import.table.rows.len()));
        self.reports.insert(name.to_owned(), imported.import.report);
        self.hospitals.push(hospital);
        Ok(())
    }

    async fn study(&mut self, reading: &Reading, questions: &[Question], k_min: u32) -> Result<StudyId, Failure> {
        let mut read: BTreeSet<String> = questions.iter().flat_map(|q| q.categories.iter().cloned()).collect();
        if read.is_empty() {
            read = categories(reading).into_iter().take(1).collect();
        }
        let (title, summary) = ("try".into(), "A trial on own files.".into());
        let draft = StudyDraft { title, summary, dictionary: self.dictionary, categories: read, k_min };
        open_study(&mut self.network, &draft, &self.hospitals).await
    }

    async fn ask(&mut self, study: StudyId, question: &Question, sql: &str) -> Result<Collected, Failure> {
        let researcher = self.network.holder().reader()?;
        let query = ask(&mut self.network, &researcher, study, (question, sql), now()).await?;
        let mut refused = BTreeMap::new();
        for hospital in &self.hospitals {
            let working = self.session.screen.working(format!("{}: answering and proving", hospital.member.name));
            if let Answering::Rejected(reason) = hospital.answer(&mut self.network, query).await? {
                refused.insert(hospital.member.name.clone(), reason);
            }
            drop(working);
        }
        Ok(collect(&self.network, &researcher, query, question, &refused).await?)
    }

    async fn end(self) -> Result<(), Failure> {
        for hospital in self.hospitals {
            hospital.close().await;
        }
        self.network.close().await
    }
}
