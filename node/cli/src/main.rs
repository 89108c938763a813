//! The `countersign` program.

use clap::{Parser, Subcommand};
use countersign::{
    command::{self, Session},
    failure::Failure,
    keys_folder::KeysFolder,
    screen::Screen,
};
use countersign_audit::arguments::{AnswerArguments, ChainArguments};
use std::{io::Write as _, path::PathBuf, process::ExitCode};

/// Federated statistics for health research, with proofs instead of trust.
///
/// Exit codes: 0 done, 1 error (also: standard output cannot be written), 2 refused by a rule, 3 not verified, 4 a site's answer is missing.
#[derive(Debug, Parser)]
#[command(name = "countersign", version)]
struct Arguments {
    /// Answer with one JSON object on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Folder of circuit keys; a cache folder of this user if left out
    #[arg(long, global = true, env = "COUNTERSIGN_KEYS", value_name = "FOLDER")]
    keys: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The main job: three invented hospitals, a study, questions, withdrawals, a refusal, a cheat and an audit
    Demo(command::demo::DemoArguments),
    /// The whole pipeline on your own files in one go, on a development chain in a temporary folder
    Try(command::try_out::TryArguments),
    /// Make a member's keys and configuration, or a development network in a data folder
    Init(command::init::InitArguments),
    /// Make what a network starts from, from its members' cards (coordinator)
    Genesis(command::genesis::GenesisArguments),
    /// Join a network: make its chain and learn where the others are
    Join(command::join::JoinArguments),
    /// Run a member's node until it is told to stop (SIGTERM, Ctrl-C)
    Node(command::node::NodeArguments),
    /// Say how a node is
    Status(command::status::StatusArguments),
    /// Propose a change of members, dictionaries, scopes, rules or circuit keys (governance)
    Propose(command::propose::ProposeArguments),
    /// Vote on a proposal (governance)
    Vote(command::vote::VoteArguments),
    /// List proposals and their votes
    Proposals(command::proposals::ProposalsArguments),
    /// Submit, approve, accept and list studies
    #[command(subcommand)]
    Study(command::study::StudyCommand),
    /// Who signs for ethics boards: keys of persons, what they sign
    #[command(subcommand)]
    Person(command::person::PersonCommand),
    /// Answer or decline what a hospital is asked
    Answer(command::answer::AnswerArguments),
    /// Write an invented FHIR hospital
    Generate(command::generate::GenerateArguments),
    /// Read records and report what would be anchored
    Import(command::import::ImportArguments),
    /// Read consents and report what they permit
    #[command(subcommand)]
    Consent(command::consent::ConsentCommand),
    /// Anchor a hospital's records
    Anchor(command::anchor::AnchorArguments),
    /// Back up a hospital's own file, sealed; verify and restore backups
    #[command(subcommand)]
    Backup(command::backup::BackupCommand),
    /// Hand out codes to patients, and take the keys that come back (hospital)
    #[command(subcommand)]
    Claim(command::claim::ClaimCommand),
    /// Have a key of one's own, see what a record could be counted in, leave (patient)
    #[command(subcommand)]
    Patient(command::patient::PatientCommand),
    /// Show one patient's record (hospital), and hold it against the chain (patient, auditor)
    #[command(subcommand)]
    Record(command::record::RecordCommand),
    /// Take patients out of force who said so to their hospital
    Withdraw(command::withdraw::WithdrawArguments),
    /// Erase a patient: out of force, out of the tables, and out of every opening that no running study needs
    Erase(command::erase::EraseArguments),
    /// Let a patient who left or was erased have a new row: only after a new document, signed by the patient
    Readmit(command::erase::PatientArguments),
    /// Ask a question
    Query(command::query::QueryArguments),
    /// List what was asked, and where each question stands at each hospital
    Queries(command::queries::QueriesArguments),
    /// Show the answers to a question that was asked, opened and verified here, at any time
    Result(command::result::ResultArguments),
    /// Verify an exported answer: a file, or from a gateway
    Verify(AnswerArguments),
    /// Verify a whole chain from genesis: files, or from a gateway
    Audit(ChainArguments),
    /// Make or show circuit keys
    #[command(subcommand)]
    Keys(command::keys::KeysCommand),
}

async fn run(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(arguments) => command::demo::run(session, &arguments).await,
        Command::Try(arguments) => command::try_out::run(session, &arguments).await,
        Command::Init(arguments) => command::init::run(session, &arguments).await,
        Command::Genesis(arguments) => command::genesis::run(session, &arguments),
        Command::Join(arguments) => command::join::run(session, &arguments).await,
        Command::Node(arguments) => command::node::run(session, &arguments).await,
        Command::Status(arguments) => command::status::run(session, &arguments).await,
        Command::Propose(arguments) => command::propose::run(session, &arguments).await,
        Command::Vote(arguments) => command::vote::run(session, &arguments).await,
        Command::Proposals(arguments) => command::proposals::run(session, &arguments).await,
        Command::Study(command) => command::study::run(session, &command).await,
        Command::Person(command) => command::person::run(session, &command).await,
        Command::Answer(arguments) => command::answer::run(session, &arguments).await,
        Command::Generate(arguments) => command::generate::run(session, &arguments),
        Command::Import(arguments) => command::import::run(session, &arguments),
        Command::Consent(command) => command::consent::run(session, &command).await,
        Command::Anchor(arguments) => command::anchor::run(session, &arguments).await,
        Command::Backup(command) => command::backup::run(session, &command).await,
        Command::Claim(command) => command::claim::run(session, &command).await,
        Command::Patient(command) => command::patient::run(session, &command).await,
        Command::Record(command) => command::record::run(session, &command).await,
        Command::Withdraw(arguments) => command::withdraw::run(session, &arguments).await,
        Command::Erase(arguments) => command::erase::run(session, &arguments).await,
        Command::Readmit(arguments) => command::erase::readmit(session, &arguments).await,
        Command::Query(arguments) => command::query::run(session, &arguments).await,
        Command::Queries(arguments) => command::queries::run(session, &arguments).await,
        Command::Result(arguments) => command::result::run(session, &arguments).await,
        Command::Verify(arguments) => command::verify::run(session, &arguments).await,
        Command::Audit(arguments) => command::audit::run(session, &arguments).await,
        Command::Keys(command) => command::keys::run(session, &command),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let session = Session { screen: Screen::new(arguments.json), keys: KeysFolder::new(arguments.keys) };
    match run(&session, arguments.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let words = if arguments.json { failure.to_json().to_string() } else { format!("countersign: {}", failure.message()) };
            // standard error may be closed: there is nobody left to tell
            let _ = writeln!(std::io::stderr(), "{words}");
            ExitCode::from(failure.exit_code())
        }
    }
}
