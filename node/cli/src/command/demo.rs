//! `countersign demo`: the main job. A whole consortium in one process with invented patients, told in plain words.

mod cheat;
mod story;

use super::{Session, audit, mapping, reading, stopwatch, temporary};
use crate::{
    circuit_keys::DEVELOPMENT_NOTICE,
    failure::Failure,
    network::{DataFolder, Network, NetworkOptions},
    site::{Answering, Site, Source, anchoring::Provenance, read_source},
    study::{StudyPlan, ask, open_study, publish_dictionary},
};
use clap::Args;
use countersign_generate::{Profile, generate};
use countersign_hospital::slots::PatientId;
use countersign_ledger::{KeyedChecker, StudyId};
use countersign_query::compile;
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Patients of each of the three hospitals
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..=200_000))]
    pub patients: u32,
    /// End when the story is told (pages to stay for come with a later version, so it always does)
    #[arg(long)]
    pub exit: bool,
}

/// A hospital of the story.
struct Hospital {
    name: &'static str,
    profile: Profile,
    mapping: &'static str,
    words: &'static str,
}

const HOSPITALS: [Hospital; 3] = [
    Hospital { name: "st-anna", profile: Profile::Complete, mapping: "mapping-fhir", words: "complete records, SNOMED and LOINC" },
    Hospital {
        name: "north-clinic",
        profile: Profile::OtherCodes,
        mapping: "mapping-fhir-other",
        words: "other codes and units (ICD-10-GM, mmol/mol)",
    },
    Hospital {
        name: "valley",
        profile: Profile::SmallGaps,
        mapping: "mapping-fhir-gaps",
        words: "gaps, repeats, records entered in error",
    },
];

/// One question of the story.
struct Asked {
    words: &'static str,
    sql: &'static str,
    /// A hospital that drops rows before it answers.
    cheats: Option<&'static str>,
}

const QUESTIONS: [Asked; 4] = [
    Asked {
        words: "How high is long-term blood sugar (HbA1c) with and without diabetes?",
        sql: "SELECT diabetes, AVG(hba1c), STDDEV(hba1c) FROM cardiometabolic-core WHERE diabetes IS NOT NULL GROUP BY diabetes",
        cheats: None,
    },
    Asked {
        words: "How is body mass index distributed among those with hypertension?",
        sql: "SELECT HISTOGRAM(bmi) FROM cardiometabolic-core WHERE hypertension = 'yes'",
        cheats: None,
    },
    Asked { words: "Does blood pressure rise with age?", sql: "SELECT CORR(age, sbp) FROM cardiometabolic-core", cheats: None },
    Asked {
        words: "How many smoke? One hospital leaves out rows of its own choosing before it answers.",
        sql: "SELECT smoker, COUNT(*) FROM cardiometabolic-core WHERE age >= 40 GROUP BY smoker",
        cheats: Some("valley"),
    },
];

/// A question that a rule refuses.
const REFUSED: &str = "SELECT AVG(age) FROM cardiometabolic-core WHERE age >= 62";

/// Runs it.
///
/// # Errors
/// Something in the story did not go as told: an honest answer was not verified, or a cheat was accepted.
pub async fn run(session: &Session, arguments: &DemoArguments) -> Result<(), Failure> {
    let elapsed = stopwatch();
    let screen = session.screen;
    session.ensure_keys()?;
    let folder = temporary()?;
    let reading = reading(Path::new("cardiometabolic-core"))?;
    let names: Vec<String> = HOSPITALS.iter().map(|h| h.name.to_owned()).collect();
    let options = NetworkOptions { sites: names.clone(), k_min: 10, categories: super::categories(&reading) };
    let mut network = Network::create(DataFolder::new(folder.path().join("network")), &session.keys, &options).await?;
    story::opening(screen, &names);

    let dictionary = publish_dictionary(&mut network, reading.canonical()).await?;
    let mut sites = Vec::new();
    for (i, hospital) in HOSPITALS.iter().enumerate() {
        sites.push(anchor(session, &mut network, &reading, hospital, arguments.patients, i as u64 + 1, folder.path()).await?);
    }

    let plan = StudyPlan {
        title: "Diabetes, blood pressure and weight".into(),
        summary: "How age, weight, blood pressure and blood sugar hang together in three hospitals. Only totals leave a hospital.".into(),
        categories: super::categories(&reading),
        k_min: 10,
    };
    let study = open_study(&mut network, &dictionary, &plan, &names).await?;
    screen.say(
        "\nA study is submitted, the ethics board approves it, each hospital accepts it: from here on the data of the study are fixed.",
    );

    let mut queries = Vec::new();
    let withdrawals = [Some("st-anna"), Some("north-clinic"), None, None];
    for (asked, withdraw) in QUESTIONS.iter().zip(withdrawals) {
        queries.push(question(session, &mut network, study, &reading, &sites, asked).await?);
        if let Some(name) = withdraw {
            leave(session, &mut network, &sites, name).await?;
        }
    }
    let refused = refusal(screen, &reading)?;

    screen.say("\nThe ethics board checks the whole chain from its first block, with fresh eyes and every proof again:");
    network.close().await?;
    let keys = session.keys.verifying()?;
    let working = screen.working("auditing");
    let report = audit::chain(&DataFolder::new(folder.path().join("network")).chain(), &KeyedChecker::new(keys), |r| {
        working.now(format!("auditing block {}", r.tip.height.0))
    })
    .await?;
    drop(working);
    screen.say(audit::to_text(&report));
    let seconds = elapsed();
    screen.say(format!("\n{seconds:.1} seconds. {DEVELOPMENT_NOTICE}."));
    for site in sites {
        site.close().await;
    }
    if screen.is_json() {
        let value = json!({ "queries": queries, "refused": refused, "audit": audit::to_json(&report), "development_keys": true, "seconds": seconds });
        screen.result(String::new, || value);
    }
    Ok(())
}

/// Writes, reads and anchors an invented hospital.
async fn anchor(
    session: &Session,
    network: &mut Network,
    reading: &countersign_ingest::Reading,
    hospital: &Hospital,
    patients: u32,
    seed: u64,
    folder: &Path,
) -> Result<Site, Failure> {
    let (screen, name) = (session.screen, hospital.name);
    let working = screen.working(format!("{name}: inventing {patients} patients"));
    let export = folder.join(name);
    generate(hospital.profile, patients, seed, &export, |done| working.now(format!("{name}: inventing patients, {done}")))
        .map_err(|e| Failure::Other(e.into()))?;
    let mapping = mapping(Path::new(hospital.mapping), reading)?;
    // one hospital keeps its consents as FHIR resources, the others as a list
    let source = match hospital.profile {
        Profile::OtherCodes => Source {
            path: export.clone(),
            as_of: None,
            consents: Some(export),
            policy: Some(super::policy(Path::new("consent-policy-by-scope"))?),
        },
        _ => Source { consents: Some(export.join("consents.csv")), path: export, as_of: None, policy: None },
    };
    let imported =
        read_source(network.state(), reading, &mapping, &source, &|p| working.now(format!("{name}: reading, {} records", p.records)))?;
    let site = Site::open(network, &session.keys, name).await?;
    site.record_import(network.state(), reading, &imported).await?;
    let provenance = Provenance { mapping: mapping.digest(), report: imported.import.report.hash(), policy: imported.policy };
    site.drive_anchor(network, reading.dictionary(), &provenance, &|what| working.now(format!("{name}: {what}"))).await?;
    drop(working);
    let rows = imported.import.table.rows.len();
    screen.say(format!(
        "  {name:13} {patients} patients, {}. {rows} rows of people who permitted research; anchored, and proved to be well formed.",
        hospital.words
    ));
    Ok(site)
}

/// Asks a question, lets every hospital answer, and prints the table.
async fn question(
    session: &Session,
    network: &mut Network,
    study: StudyId,
    reading: &countersign_ingest::Reading,
    sites: &[Site],
    asked: &Asked,
) -> Result<Value, Failure> {
    let screen = session.screen;
    let question = compile(asked.sql, reading.dictionary())?;
    let query = ask(network, study, &question, asked.sql).await?;
    screen.say(format!("\nQuestion: {}\n  {}", asked.words, asked.sql));
    let mut refused = BTreeMap::new();
    for site in sites {
        let name = site.member.name.clone();
        let working = screen.working(format!("{name}: answering and proving"));
        let outcome = if asked.cheats == Some(name.as_str()) {
            site.answer_dropping_rows(network, query).await?
        } else {
            site.answer(network, query).await?
        };
        drop(working);
        match (outcome, asked.cheats == Some(name.as_str())) {
            (Answering::Accepted, false) => {}
            (Answering::Rejected(reason), true) => {
                screen.say(format!("  {name}'s answer is rejected by the ledger: {reason}"));
                refused.insert(name, reason);
            }
            (outcome, _) => return Err(Failure::NotVerified(format!("{name}: {outcome:?}"))),
        }
    }
    let collected = network.collect(query, &question, &refused).await?;
    screen.say(story::indent(&countersign_stats::render_text(&collected.table)));
    screen.say(format!("  {} answers verified here, {} rejected.", collected.verified, collected.rejected));
    let mut value = countersign_stats::to_json(&collected.table);
    if let Some(object) = value.as_object_mut() {
        object.insert("sql".into(), json!(asked.sql));
        object.insert("verified".into(), json!(collected.verified));
        object.insert("rejected".into(), json!(collected.rejected));
    }
    Ok(value)
}

/// One patient withdraws.
async fn leave(session: &Session, network: &mut Network, sites: &[Site], name: &str) -> Result<(), Failure> {
    let Some(site) = sites.iter().find(|s| s.member.name == name) else { return Ok(()) };
    let register = site.keeping().register().await?;
    let first: Option<PatientId> = register.live().map(|(patient, _)| patient).min_by(|a, b| a.expose().cmp(b.expose())).cloned();
    if let Some(patient) = first {
        site.withdraw(network, &[patient]).await?;
        session.screen.say(format!("\nA patient of {name} withdraws. From the next block on, no answer can count that record."));
    }
    Ok(())
}

/// A question that a rule refuses before anybody sees it.
fn refusal(screen: crate::screen::Screen, reading: &countersign_ingest::Reading) -> Result<Value, Failure> {
    match compile(REFUSED, reading.dictionary()) {
        Err(refusal) => {
            screen.say(format!("\nA question that a rule refuses:\n  {REFUSED}\n  {refusal}"));
            Ok(json!({ "sql": REFUSED, "refusal": refusal }))
        }
        Ok(_) => Err(Failure::NotVerified("a question with a free cut point was not refused".into())),
    }
}
