//! `countersign demo`: the main job. A whole consortium with invented patients, eight nodes in one process, told in plain words.

mod agreement;
mod cheat;
mod consortium;
mod outage;
mod story;
mod suspension;

use super::{Session, mapping, reading, stopwatch, temporary};
use crate::failure::Failure;
use async_recursion::async_recursion as boxed;
use clap::Args;
use consortium::{BOARD, Consortium, RESEARCHER};
use countersign_audit::chain;
use countersign_generate::{Profile, generate};
use countersign_hospital::{Answering, Hospital, OptOutList, Source};
use countersign_ingest::PatientId;
use countersign_member::now;
use countersign_messages::{Height, StudyId};
use countersign_query::compile;
use countersign_study::{ask, collect};
use outage::Outage;
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
struct Invented {
    name: &'static str,
    profile: Profile,
    mapping: &'static str,
    words: &'static str,
}

const HOSPITALS: [Invented; 3] = [
    Invented { name: "st-anna", profile: Profile::Complete, mapping: "mapping-fhir", words: "complete records, SNOMED and LOINC" },
    Invented {
        name: "north-clinic",
        profile: Profile::OtherCodes,
        mapping: "mapping-fhir-other",
        words: "other codes and units (ICD-10-GM, mmol/mol)",
    },
    Invented {
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
    outage: Outage,
}

const QUESTIONS: [Asked; 4] = [
    Asked {
        words: "How high is long-term blood sugar (HbA1c) with and without diabetes?",
        sql: "SELECT diabetes, AVG(hba1c), STDDEV(hba1c) FROM cardiometabolic-core WHERE diabetes IS NOT NULL GROUP BY diabetes",
        cheats: None,
        outage: Outage::None,
    },
    Asked {
        words: "How is body mass index distributed among those with hypertension?",
        sql: "SELECT HISTOGRAM(bmi) FROM cardiometabolic-core WHERE hypertension = 'yes'",
        cheats: None,
        outage: Outage::Begins,
    },
    Asked {
        words: "Does blood pressure rise with age?",
        sql: "SELECT CORR(age, sbp) FROM cardiometabolic-core",
        cheats: None,
        outage: Outage::Ends,
    },
    Asked {
        words: "How many smoke? One hospital leaves out rows of its own choosing before it answers.",
        sql: "SELECT smoker, COUNT(*) FROM cardiometabolic-core WHERE age >= 40 GROUP BY smoker",
        cheats: Some("valley"),
        outage: Outage::None,
    },
];

/// A question that a rule refuses.
const REFUSED: &str = "SELECT AVG(age) FROM cardiometabolic-core WHERE age >= 62";

/// Runs it.
///
/// # Errors
/// Something in the story did not go as told: an honest answer was not verified, or a cheat was accepted.
#[boxed]
pub async fn run(session: &Session, arguments: &DemoArguments) -> Result<(), Failure> {
    let elapsed = stopwatch();
    let screen = session.screen;
    session.ensure_keys()?;
    let folder = temporary()?;
    let reading = reading(Path::new("cardiometabolic-core"))?;
    let names: Vec<String> = HOSPITALS.iter().map(|h| h.name.to_owned()).collect();
    let working = screen.working("starting eight nodes");
    let mut consortium = Consortium::start(folder.path(), &session.keys, &names, &super::categories(&reading)).await?;
    drop(working);
    let told = tell(session, &mut consortium, &reading, &names, arguments.patients, folder.path()).await;
    consortium.stop_all().await;
    let Told { queries, refused, suspended } = told?;

    screen.say("\nThe ethics board checks the chain its observer has stored, from the first block, with fresh eyes and every proof again:");
    let working = screen.working("auditing");
    let progress = |r: &countersign_store::AuditReport| working.now(format!("auditing block {}", r.tip.height.0));
    let finding = chain::at(&consortium.chain_file(BOARD)?, session.keys.verifying()?, progress).await?;
    drop(working);
    let development = finding.development_keys;
    screen.say(finding.to_string());
    let seconds = elapsed();
    screen.say(format!("\n{seconds:.1} seconds."));
    if screen.is_json() {
        let value = json!({ "queries": queries, "refused": refused, "suspended": suspended, "audit": finding, "development_keys": development, "seconds": seconds });
        screen.result(String::new, || value);
    }
    Ok(())
}

/// What the story came to, for programs.
struct Told {
    queries: Vec<Value>,
    /// The question that a rule refuses.
    refused: Value,
    /// The question that is asked while the study is suspended.
    suspended: Value,
}

/// The story, while the nodes run.
async fn tell(
    session: &Session,
    consortium: &mut Consortium,
    reading: &countersign_ingest::Reading,
    names: &[String],
    patients: u32,
    folder: &Path,
) -> Result<Told, Failure> {
    let screen = session.screen;
    story::opening(screen, names);
    let dictionary = agreement::publish(screen, consortium, reading).await?;
    screen.say(format!("\nThe hospitals ({}) read their records and anchor them:", names.join(", ")));
    let mut sites = Vec::new();
    for (i, hospital) in HOSPITALS.iter().enumerate() {
        sites.push(anchor(session, consortium, reading, hospital, patients, i as u64 + 1, folder).await?);
    }
    let study = agreement::open_study(screen, consortium, reading, &dictionary, &sites).await?;

    let mut queries = Vec::new();
    let withdrawals = [Some("st-anna"), Some("north-clinic"), None, None];
    for (asked, withdraw) in QUESTIONS.iter().zip(withdrawals) {
        queries.push(question(session, consortium, study, reading, &sites, asked).await?);
        if let Some(name) = withdraw {
            leave(session, consortium, &sites, name).await?;
        }
    }
    let suspended = suspension::suspend(screen, consortium, study, reading).await?;
    let refused = refusal(screen, reading)?;
    for site in sites {
        site.close().await;
    }
    Ok(Told { queries, refused, suspended })
}

/// Writes, reads and anchors an invented hospital.
async fn anchor(
    session: &Session,
    consortium: &Consortium,
    reading: &countersign_ingest::Reading,
    hospital: &Invented,
    patients: u32,
    seed: u64,
    folder: &Path,
) -> Result<Hospital, Failure> {
    let (screen, name) = (session.screen, hospital.name);
    let network = &mut consortium.network(name)?;
    network.until("the dictionary", |s| s.dictionary(&reading.digest()).is_some()).await?;
    let working = screen.working(format!("{name}: inventing {patients} patients"));
    let export = folder.join(name).join("records");
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
            opt_outs: OptOutList::AsBefore,
        },
        _ => {
            Source { consents: Some(export.join("consents.csv")), path: export, as_of: None, policy: None, opt_outs: OptOutList::AsBefore }
        }
    };
    let site = network.hospital(&session.keys, name).await?;
    let progress = |p: countersign_ingest::Progress| working.now(format!("{name}: reading, {} records", p.records));
    let saying = |what: &str| working.now(format!("{name}: {what}"));
    let (imported, _) = site.import_and_anchor(network, (reading, &mapping), &source, &progress, &saying).await?;
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
    consortium: &mut Consortium,
    study: StudyId,
    reading: &countersign_ingest::Reading,
    sites: &[Hospital],
    asked: &Asked,
) -> Result<Value, Failure> {
    let screen = session.screen;
    let question = compile(asked.sql, reading.dictionary())?;
    let (mut researcher, reader) = (consortium.network(RESEARCHER)?, consortium.member(RESEARCHER)?.clone());
    researcher.until("the last site", |s| s.cuts(&study).count() == sites.len()).await?;
    let query = ask(&mut researcher, &reader, study, (&question, asked.sql), now()).await?;
    screen.say(format!("\nQuestion: {}\n  {}", asked.words, asked.sql));
    asked.outage.happen(screen, consortium).await?;
    let (mut refused, mut last) = (BTreeMap::new(), Height(0));
    for site in sites {
        let name = site.member.name.clone();
        let network = &mut consortium.network(&name)?;
        network.until("the query", |s| s.query(&query).is_some()).await?;
        let working = screen.working(format!("{name}: answering and proving"));
        let outcome = if asked.cheats == Some(name.as_str()) {
            cheat::answer_dropping_rows(site, network, query).await?
        } else {
            site.answer(network, query).await?
        };
        drop(working);
        last = last.max(network.state().tip().height);
        match (outcome, asked.cheats == Some(name.as_str())) {
            (Answering::Accepted, false) => {}
            (Answering::Rejected(reason), true) => {
                screen.say(format!("  {name}'s answer is rejected by the ledger: {reason}"));
                refused.insert(name, reason);
            }
            (outcome, _) => return Err(Failure::NotVerified(format!("{name}: {outcome:?}"))),
        }
    }
    researcher.until("the answers", |s| s.tip().height >= last).await?;
    let collected = collect(&researcher, &reader, query, &question, &refused).await?;
    screen.say(story::indent(&countersign_stats::render_text(&collected.table)));
    screen.say(format!("  {} answers verified here, {} rejected.", collected.verified, collected.rejected));
    asked.outage.be_over(screen, consortium).await?;
    let mut value = countersign_stats::to_json(&collected.table);
    if let Some(object) = value.as_object_mut() {
        object.insert("sql".into(), json!(asked.sql));
        object.insert("verified".into(), json!(collected.verified));
        object.insert("rejected".into(), json!(collected.rejected));
    }
    Ok(value)
}

/// One patient withdraws.
async fn leave(session: &Session, consortium: &Consortium, sites: &[Hospital], name: &str) -> Result<(), Failure> {
    let Some(site) = sites.iter().find(|s| s.member.name == name) else { return Ok(()) };
    let register = site.hospital_store().register().await?;
    let first: Option<PatientId> = register.live().map(|(patient, _)| patient).min_by(|a, b| a.expose().cmp(b.expose())).cloned();
    if let Some(patient) = first {
        let network = &mut consortium.network(name)?;
        site.withdraw(network, &[patient], None).await?;
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
