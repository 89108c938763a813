//! `countersign study`: a researcher submits, persons of the ethics board sign what it decides, a hospital accepts; whoever submitted a study suspends and closes it too.

mod deciding;
mod listing;

use super::{Session, network_arguments::MemberArguments, reading};
use crate::{failure::Failure, keyed_connection::KeyHolder};
use async_recursion::async_recursion as boxed;
use clap::{Args, Subcommand};
use countersign_member::named;
use countersign_messages::Act;
use countersign_study::{StudyDraft, StudyError, boards, submit};
use deciding::{ApproveArguments, DecisionArguments, RecuseArguments, approve, decided, recuse};
use listing::{list, say, show};
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
    /// Show a study in full, with what waits for a signature
    Show {
        /// The study (S-1, or its id)
        study: String,
        /// The member's node
        #[command(flatten)]
        member: MemberArguments,
    },
    /// Sign the approval of a study (chair or deputy, and secretary, of an ethics board)
    Approve(ApproveArguments),
    /// Say that a person of the ethics board takes no part in a study (the person, or two others)
    Recuse(RecuseArguments),
    /// Sign that a study is not approved, for good (chair or deputy, and secretary, of an ethics board)
    Reject(DecisionArguments),
    /// Let nothing be asked or answered of a study for now (any person of an ethics board, or who submitted it)
    Suspend(DecisionArguments),
    /// Lift the own suspension (chair or deputy, and secretary, of an ethics board, or who submitted it)
    Lift(DecisionArguments),
    /// Sign the end of a study, for good (chair or deputy, and secretary, of the ethics board that approved it)
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
        StudyCommand::Show { study, member } => show(session, study, member).await,
        StudyCommand::Approve(arguments) => approve(session, arguments).await,
        StudyCommand::Recuse(arguments) => recuse(session, arguments).await,
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
            let least = network.state().study(&id).map_or(0, |s| s.k_min());
            let site = network.hospital(&session.keys, &name).await?;
            let accepted = site.accept(&mut network, id, k_min.unwrap_or(least)).await;
            site.close().await;
            let (_, research) = accepted?;
            say(session, network, id, &format!("accepted: {}", research.words())).await
        }
    }
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
