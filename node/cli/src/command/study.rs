//! `countersign study`: a researcher submits, the ethics board approves, a hospital accepts; boards reject, suspend and stop, and who submitted a study suspends and closes it.

use super::{Session, network_arguments::MemberArguments, reading};
use crate::{
    failure::Failure,
    keyed_connection::{KeyHolder, KeyedConnection},
    screen::plain,
};
use async_recursion::async_recursion as boxed;
use clap::{Args, Subcommand};
use countersign_ledger::{State, StudyRecord, StudyStatus};
use countersign_member::named;
use countersign_messages::{Act, StudyId};
use countersign_study::{StudyDraft, StudyError, approve, boards, decide, standing, submit};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What to do with studies.
#[derive(Debug, Subcommand)]
pub enum StudyCommand {
    /// List the studies
    List {
        /// The member's node
        #[command(flatten)]
        member: MemberArguments,
    },
    /// Submit a study (researcher)
    Submit(SubmitArguments),
    /// Approve a study (ethics board)
    Approve {
        /// The study (S-1, or its id)
        study: String,
        /// The board's node
        #[command(flatten)]
        member: MemberArguments,
    },
    /// Do not approve a study, for good (ethics board)
    Reject(DecisionArguments),
    /// Let nothing be asked or answered of a study for now (ethics board, or who submitted it)
    Suspend(DecisionArguments),
    /// Lift the own suspension (ethics board, or who submitted it)
    Lift(DecisionArguments),
    /// End a study, for good (the ethics board that approved it)
    Stop(DecisionArguments),
    /// End a study, for good (who submitted it)
    Close(DecisionArguments),
    /// Accept a study, which fixes the data it may be asked about (hospital)
    Accept {
        /// The study (S-1, or its id)
        study: String,
        /// The hospital's node
        #[command(flatten)]
        member: MemberArguments,
        /// Least number of people behind a released number at this hospital; the study's if left out
        #[arg(long, value_name = "K")]
        k_min: Option<u32>,
    },
}

/// Arguments of a decision about a study.
#[derive(Debug, Args)]
pub struct DecisionArguments {
    /// The study (S-1, or its id)
    pub study: String,
    /// The member's node
    #[command(flatten)]
    pub member: MemberArguments,
    /// Why, in words that everybody reads: they stand on the ledger
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Arguments of `study submit`.
#[derive(Debug, Args)]
pub struct SubmitArguments {
    /// The researcher's node
    #[command(flatten)]
    pub member: MemberArguments,
    /// Title
    #[arg(long, value_name = "TEXT")]
    pub title: String,
    /// What it is about, in plain words
    #[arg(long, value_name = "TEXT")]
    pub summary: String,
    /// Dictionary: a TOML file, or one as shipped
    #[arg(long, value_name = "FILE")]
    pub dictionary: PathBuf,
    /// A data category it reads; repeat for several; all of the dictionary's if left out
    #[arg(long = "category", value_name = "CATEGORY")]
    pub categories: Vec<String>,
    /// Least number of people behind a released number; the network's if left out
    #[arg(long, value_name = "K")]
    pub k_min: Option<u32>,
    /// The ethics board that is to approve it, by its name on the ledger; repeat for several; the one there is if left out
    #[arg(long = "board", value_name = "NAME")]
    pub boards: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// There is no such study, or the ledger refuses.
#[boxed]
pub async fn run(session: &Session, command: &StudyCommand) -> Result<(), Failure> {
    match command {
        StudyCommand::List { member } => list(session, member).await,
        StudyCommand::Submit(arguments) => submit_draft(session, arguments).await,
        StudyCommand::Approve { study, member } => {
            let mut network = member.open(session).await?;
            let id = named::study(network.state(), study)?;
            let board = network.holder().reader()?;
            approve(&mut network, &board, id).await?;
            say(session, network, id, "approved; hospitals accept it with `countersign study accept`").await
        }
        StudyCommand::Reject(arguments) => decided(session, arguments, Act::Reject, "rejected; it is not asked about").await,
        StudyCommand::Suspend(arguments) => {
            let words = "suspended: nothing is asked or answered of it until you lift that with `countersign study lift`";
            decided(session, arguments, Act::Suspend, words).await
        }
        StudyCommand::Lift(arguments) => decided(session, arguments, Act::Lift, "your suspension is over").await,
        StudyCommand::Stop(arguments) => decided(session, arguments, Act::Stop, "stopped, for good; answers that were accepted stay").await,
        StudyCommand::Close(arguments) => {
            decided(session, arguments, Act::Close, "closed, for good; answers that were accepted stay").await
        }
        StudyCommand::Accept { study, member, k_min } => {
            let mut network = member.open(session).await?;
            let id = named::study(network.state(), study)?;
            let name = network.holder().reader()?.name;
            let least = network.state().study(&id).map_or(0, |s| s.submitted.k_min);
            let site = network.hospital(&session.keys, &name).await?;
            let accepted = site.accept(&mut network, id, k_min.unwrap_or(least)).await;
            site.close().await;
            let (_, research) = accepted?;
            say(session, network, id, &format!("accepted: {}", research.words())).await
        }
    }
}

async fn decided(session: &Session, arguments: &DecisionArguments, act: Act, words: &str) -> Result<(), Failure> {
    let mut network = arguments.member.open(session).await?;
    let id = named::study(network.state(), &arguments.study)?;
    let member = network.holder().reader()?;
    decide(&mut network, &member, id, act, &arguments.reason).await?;
    say(session, network, id, words).await
}

async fn submit_draft(session: &Session, arguments: &SubmitArguments) -> Result<(), Failure> {
    let reading = reading(&arguments.dictionary)?;
    let mut network = arguments.member.open(session).await?;
    let KeyHolder::Member(own) = network.holder() else { return Err(Failure::Refused("this takes a member's configuration".into())) };
    let researcher = own.member.clone();
    let boards = boards(network.state(), &researcher.id(), &arguments.boards).map_err(|error| match error {
        StudyError::WhichBoard(_) => Failure::Refused(format!("{error} (--board NAME)")),
        other => other.into(),
    })?;
    let categories =
        if arguments.categories.is_empty() { super::categories(&reading) } else { arguments.categories.iter().cloned().collect() };
    let k_min = arguments.k_min.unwrap_or(network.state().rules().k_min);
    let draft =
        StudyDraft { title: arguments.title.clone(), summary: arguments.summary.clone(), dictionary: reading.digest(), categories, k_min };
    let id = submit(&mut network, &researcher, &boards, &draft).await?;
    say(session, network, id, "submitted; the ethics board approves it with `countersign study approve`").await
}

async fn list(session: &Session, member: &MemberArguments) -> Result<(), Failure> {
    let network = member.open(session).await?;
    let state = network.state();
    let mut all: Vec<_> = state.studies().collect();
    all.sort_unstable_by_key(|(_, s)| s.number);
    let line = |(_, s): &(&StudyId, &StudyRecord)| {
        format!(
            "S-{}  {}; {} of the hospitals have accepted\n     {}",
            s.number,
            plain(&standing(state, s)),
            s.accepted,
            plain(&s.submitted.title)
        )
    };
    let text = || match all.is_empty() {
        true => "no studies".to_owned(),
        false => all.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    session.screen.result(text, || json!({ "studies": all.iter().map(|(id, s)| value(state, id, s)).collect::<Vec<_>>() }));
    network.close().await
}

async fn say(session: &Session, network: KeyedConnection, id: StudyId, words: &str) -> Result<(), Failure> {
    let (state, study) = (network.state(), network.state().study(&id));
    let number = study.map_or(0, |s| s.number);
    session.screen.result(|| format!("study S-{number}, id {id}: {words}"), || study.map_or(Value::Null, |s| value(state, &id, s)));
    network.close().await
}

fn value(state: &State, id: &StudyId, study: &StudyRecord) -> Value {
    let sites: Vec<String> = state.cuts(id).filter_map(|cut| state.member(&cut.hospital).map(|m| m.name.to_string())).collect();
    json!({ "study": id.to_string(), "standing": study.status().name(), "words": standing(state, study), "number": study.number, "title": study.submitted.title, "approved": matches!(study.status(), StudyStatus::Approved | StudyStatus::Open), "accepted_by": sites,
        "k_min": study.submitted.k_min })
}
