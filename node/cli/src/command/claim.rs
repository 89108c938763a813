//! `countersign claim`: a hospital hands codes to patients, and takes the keys that come back.

use super::{Session, erase::PatientArguments, network_arguments::NetworkArguments, noticed};
use crate::{failure::Failure, keyed_connection::KeyedConnection};
use anyhow::Context;
use async_recursion::async_recursion as boxed;
use clap::{Args, Subcommand};
use countersign_hospital::{Hospital, HospitalError};
use countersign_member::Member;
use countersign_messages::Letter;
use serde_json::json;
use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// What to do about claims.
#[derive(Debug, Subcommand)]
pub enum ClaimCommand {
    /// Write a letter with a code for a patient: good once, for 14 days
    Issue(IssueArguments),
    /// Take the requests that patients made with their letters, and enrol their keys
    Take(TakeArguments),
    /// Take the notes of patients who took a part back: the rest counts again with the next anchor
    Narrow(NarrowArguments),
}

/// Whose hospital, on which chain.
#[derive(Debug, Args)]
pub struct SiteArguments {
    /// The chain
    #[command(flatten)]
    pub network: NetworkArguments,
    /// The hospital, with --data
    #[arg(long, value_name = "NAME", required_unless_present = "config")]
    pub site: Option<String>,
}

/// Arguments of `claim issue`.
#[derive(Debug, Args)]
pub struct IssueArguments {
    /// Where the letter goes (a new file, mode 600): print it, hand it over, delete it
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// For whom
    #[command(flatten)]
    pub whom: PatientArguments,
}

/// Arguments of `claim take`.
#[derive(Debug, Args)]
pub struct TakeArguments {
    /// Files of requests; without any, keys that came before are enrolled
    pub requests: Vec<PathBuf>,
    /// Whose
    #[command(flatten)]
    pub site: SiteArguments,
}

/// Arguments of `claim narrow`.
#[derive(Debug, Args)]
pub struct NarrowArguments {
    /// Files of notes
    #[arg(required = true)]
    pub notes: Vec<PathBuf>,
    /// Whose
    #[command(flatten)]
    pub site: SiteArguments,
}

impl SiteArguments {
    pub(super) async fn open(&self, session: &Session) -> Result<(KeyedConnection, Hospital), Failure> {
        let network = self.network.open(session).await?;
        let hospital = network.hospital(&session.keys, &self.name(&network)?).await?;
        Ok((network, hospital))
    }

    /// The hospital's keys and where its file lies, which is not opened.
    pub(super) async fn file(&self, session: &Session) -> Result<(KeyedConnection, Member, PathBuf), Failure> {
        let network = self.network.open(session).await?;
        let (member, path) = network.hospital_file(&self.name(&network)?)?;
        Ok((network, member, path))
    }

    fn name(&self, network: &KeyedConnection) -> Result<String, Failure> {
        match &self.site {
            Some(name) => Ok(name.clone()),
            None => Ok(network.holder().reader()?.name),
        }
    }
}

/// Writes a new file that only its owner reads.
pub(super) fn write_private(path: &Path, text: &[u8]) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text).and_then(|()| file.sync_all()));
    Ok(written.with_context(|| format!("cannot write {} (it must not be there yet)", path.display()))?)
}

/// Runs it.
///
/// # Errors
/// The patient has no row in force, a file is there already or is no request, or the ledger refuses.
#[boxed]
pub async fn run(session: &Session, command: &ClaimCommand) -> Result<(), Failure> {
    match command {
        ClaimCommand::Issue(arguments) => issue(session, arguments).await,
        ClaimCommand::Take(arguments) => take(session, arguments).await,
        ClaimCommand::Narrow(arguments) => take_notes(session, arguments).await,
    }
}

async fn issue(session: &Session, arguments: &IssueArguments) -> Result<(), Failure> {
    let patient = arguments.whom.id()?;
    if arguments.out.exists() {
        return Err(Failure::Refused(format!("{} is there already; it is never written over", arguments.out.display())));
    }
    let (mut network, hospital) = arguments.whom.site.open(session).await?;
    let letter = hospital.issue_claim(&mut network, &patient).await;
    let (name, development) = (hospital.member.name.clone(), network.development());
    hospital.close().await;
    network.close().await?;
    write_private(&arguments.out, words_for_patient(&name, &letter?).as_bytes())?;
    let words = || {
        format!(
            "a letter with a code is in {}: print it, hand it over, delete it. The code is good once, for 14 days",
            arguments.out.display()
        )
    };
    session
        .screen
        .result(|| noticed(words(), development), || json!({ "letter": arguments.out, "days": 14, "development_keys": development }));
    Ok(())
}

/// The letter.
fn words_for_patient(hospital: &str, letter: &Letter) -> String {
    let lines = letter.to_string().replace('\n', "\n    ");
    format!(
        "Your record at {hospital} in research\n\n\
         You permitted {hospital} to count your record in research. Your record stays in the hospital; only totals leave it.\n\
         With the code below you can make a key of your own. With that key you can see what your record could be counted in,\n\
         and take it out again at any time, without asking anybody. You do not need it: you can also say so at the counter or\n\
         on paper, and it has the same effect.\n\n\
         The code is good once, for 14 days. Nobody else should see it.\n\n    \
         {lines}\n\n\
         With the program: countersign patient claim LETTER --sheet SHEET --request REQUEST\n\
         Then bring or send the request to the hospital. Keep the sheet, and a printed copy of it.\n"
    )
}

async fn take(session: &Session, arguments: &TakeArguments) -> Result<(), Failure> {
    let (mut network, hospital) = arguments.site.open(session).await?;
    let mut refused: Vec<(PathBuf, HospitalError)> = Vec::new();
    let mut taken = 0;
    for path in &arguments.requests {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        match hospital.take_claim(&network, &bytes).await {
            Ok(()) => taken += 1,
            // one that is not good keeps no other from being taken
            Err(error) if error.is_refusal() => refused.push((path.clone(), error)),
            Err(error) => return Err(error.into()),
        }
    }
    let working = session.screen.working("enrolling");
    let enrolled = hospital.enrol(&mut network).await;
    drop(working);
    hospital.close().await;
    let development = network.development();
    network.close().await?;
    let enrolled = enrolled?;
    let words = || {
        let mut lines = vec![format!("{taken} requests were taken, {} refused; {enrolled} keys are enrolled on the ledger", refused.len())];
        lines.extend(refused.iter().map(|(path, reason)| format!("  {}: {reason}", path.display())));
        lines.join("\n")
    };
    let value = || {
        let refused: Vec<_> = refused.iter().map(|(path, reason)| json!({ "request": path, "reason": reason.to_string() })).collect();
        json!({ "taken": taken, "refused": refused, "enrolled": enrolled, "development_keys": development })
    };
    match refused.first() {
        // somebody waits for these
        Some(_) if taken == 0 && enrolled == 0 => Err(Failure::Refused(words())),
        _ => {
            session.screen.result(|| noticed(words(), development), value);
            Ok(())
        }
    }
}

async fn take_notes(session: &Session, arguments: &NarrowArguments) -> Result<(), Failure> {
    let (mut network, hospital) = arguments.site.open(session).await?;
    let mut refused: Vec<(PathBuf, HospitalError)> = Vec::new();
    for path in &arguments.notes {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        match hospital.take_note(&mut network, &bytes).await {
            Ok(()) => {}
            Err(error) if error.is_refusal() => refused.push((path.clone(), error)),
            Err(error) => return Err(error.into()),
        }
    }
    hospital.close().await;
    let (taken, development) = (arguments.notes.len() - refused.len(), network.development());
    network.close().await?;
    let words = || {
        let mut lines = vec![format!(
            "{taken} notes were taken, {} refused; what is left of those consents counts with the next anchor",
            refused.len()
        )];
        lines.extend(refused.iter().map(|(path, reason)| format!("  {}: {reason}", path.display())));
        lines.join("\n")
    };
    if taken == 0 {
        return Err(Failure::Refused(words()));
    }
    let reasons: Vec<_> = refused.iter().map(|(path, reason)| json!({ "note": path, "reason": reason.to_string() })).collect();
    session
        .screen
        .result(|| noticed(words(), development), || json!({ "taken": taken, "refused": reasons, "development_keys": development }));
    Ok(())
}
