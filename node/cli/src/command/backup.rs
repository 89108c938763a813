//! `countersign backup`: sealed copies of a hospital's own file.

use super::{
    Session,
    claim::{SiteArguments, write_private},
};
use crate::failure::Failure;
use anyhow::Context;
use async_recursion::async_recursion as boxed;
use clap::{Args, Subcommand};
use countersign_hospital::{
    Hospital,
    backup::{BackupFinding, prune, restore, verify},
};
use countersign_ingest::day_text;
use countersign_member::now;
use countersign_messages::sealed::SealingSecret;
use serde_json::json;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 3_600_000;

/// What to do about backups.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Make the key that backups are sealed to, once; its secret half goes onto a sheet of paper
    Key(KeyArguments),
    /// Write a sealed backup into a folder, and delete old ones there
    Create(CreateArguments),
    /// Begin a new list of erasures, as the old one is lost for good: backups of before may then bring erased people back
    NewList(SiteArguments),
    /// Open a backup with its sheet and check all that is in it: the test of a restore
    Verify(VerifyArguments),
    /// Write what is in a backup as a hospital's file
    Restore(RestoreArguments),
}

/// Arguments of `backup key`.
#[derive(Debug, Args)]
pub struct KeyArguments {
    /// Where the sheet goes (a new file, mode 600): print it twice, keep it in two places, delete the file
    #[arg(long, value_name = "FILE")]
    pub sheet: PathBuf,
    /// Make another key in place of the one there is; backups of before open with its sheet only
    #[arg(long)]
    pub replace: bool,
    /// Whose
    #[command(flatten)]
    pub site: SiteArguments,
}

/// Arguments of `backup create`.
#[derive(Debug, Args)]
pub struct CreateArguments {
    /// The folder, best on another machine's disk
    #[arg(long, value_name = "FOLDER")]
    pub to: PathBuf,
    /// Days after which this hospital's backups in the folder are deleted; the newest stays
    #[arg(long, value_name = "DAYS", default_value_t = 14, value_parser = clap::value_parser!(u64).range(1..=3650))]
    pub keep_days: u64,
    /// Whose
    #[command(flatten)]
    pub site: SiteArguments,
}

/// Arguments of `backup verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The backup
    pub backup: PathBuf,
    /// The sheet, or a file with its line typed in
    #[arg(long, value_name = "FILE")]
    pub sheet: PathBuf,
}

/// Arguments of `backup restore`.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// The backup
    pub backup: PathBuf,
    /// The sheet, or a file with its line typed in
    #[arg(long, value_name = "FILE")]
    pub sheet: PathBuf,
    /// Where the hospital's file goes (a new file, mode 600)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Runs it.
///
/// # Errors
/// There is no key, the backup does not open, a file is there already, or the disk refuses.
#[boxed]
pub async fn run(session: &Session, command: &BackupCommand) -> Result<(), Failure> {
    match command {
        BackupCommand::Key(arguments) => key(session, arguments).await,
        BackupCommand::Create(arguments) => create(session, arguments).await,
        BackupCommand::NewList(arguments) => {
            let (network, member, path) = arguments.file(session).await?;
            let done = Hospital::begin_erasure_list(&network, &member, &path).await;
            network.close().await?;
            done?;
            let words = "a new list of erasures begins with the next one. Delete backups of before as soon as you can: they may bring erased people back";
            session.screen.result(|| words.to_owned(), || json!({ "site": member.name }));
            Ok(())
        }
        BackupCommand::Verify(arguments) => {
            let working = session.screen.working("opening and checking");
            let finding = verify(&arguments.backup, &read_sheet(&arguments.sheet)?).await;
            drop(working);
            said(session, &finding?, "sound: it opens with this sheet, and what is in it is a whole hospital's file");
            Ok(())
        }
        BackupCommand::Restore(arguments) => {
            let working = session.screen.working("restoring");
            let finding = restore(&arguments.backup, &read_sheet(&arguments.sheet)?, &arguments.out).await;
            drop(working);
            let words = format!(
                "restored to {0}. Put it in the place of the lost file while the node is stopped, together with {0}.erased if that is there, and anchor again: what the ledger has is compared with it",
                arguments.out.display()
            );
            said(session, &finding?, &words);
            Ok(())
        }
    }
}

fn read_sheet(path: &Path) -> Result<SealingSecret, Failure> {
    let text = Zeroizing::new(std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?);
    let mut lines = text.lines().filter_map(|line| line.trim().strip_prefix("backup "));
    let found = lines.next().and_then(SealingSecret::from_typed).filter(|_| lines.next().is_none());
    found.ok_or_else(|| Failure::Refused(format!("{}: no line \"backup ...\" with 55 letters and digits, or a slip in it", path.display())))
}

async fn key(session: &Session, arguments: &KeyArguments) -> Result<(), Failure> {
    if arguments.sheet.exists() {
        return Err(Failure::Refused(format!("{} is there already; it is never written over", arguments.sheet.display())));
    }
    let (network, hospital) = arguments.site.open(session).await?;
    let done = make_sheet(&hospital, arguments).await;
    let name = hospital.member.name.clone();
    hospital.close().await;
    network.close().await?;
    done?;
    let words = || {
        format!(
            "the sheet is in {}: print it twice, keep it in two places, delete the file. It is kept nowhere else",
            arguments.sheet.display()
        )
    };
    session.screen.result(words, || json!({ "sheet": arguments.sheet, "site": name }));
    Ok(())
}

/// The sheet is whole on the disk before anything is sealed to its key.
async fn make_sheet(hospital: &Hospital, arguments: &KeyArguments) -> Result<(), Failure> {
    let secret = hospital.make_backup_key(arguments.replace).await?;
    let typed = secret.to_typed();
    let text = Zeroizing::new(format!(
        "Recovery sheet: backups of {}\n\n\
         Backups open with this line and with nothing else. Print it twice, keep it in two places under lock, and delete the file.\n\
         Whoever has it and a backup can read every patient's row.\n\n    backup {}\n\n\
         countersign backup verify BACKUP --sheet FILE\n\
         countersign backup restore BACKUP --sheet FILE --out HOSPITALS_FILE\n",
        hospital.member.name, *typed
    ));
    write_private(&arguments.sheet, text.as_bytes())?;
    if let Err(error) = hospital.use_backup_key(&secret.public()).await {
        // a sheet that nothing is sealed to would be kept for one that matters
        let _ = std::fs::remove_file(&arguments.sheet);
        return Err(error.into());
    }
    Ok(())
}

async fn create(session: &Session, arguments: &CreateArguments) -> Result<(), Failure> {
    let (mut network, hospital) = arguments.site.open(session).await?;
    let working = session.screen.working("writing a sealed copy");
    let made = hospital.back_up(&mut network, &arguments.to).await;
    drop(working);
    let (me, copied) = (hospital.member.id(), hospital.copy_erasures(&arguments.to));
    hospital.close().await;
    network.close().await?;
    let made = made?;
    let deleted = prune(&arguments.to, &me, now(), arguments.keep_days * DAY_MS)?;
    // the backup is good, and old ones are gone all the same
    copied?;
    let words = || {
        let mib = made.bytes as f64 / 1_048_576.0;
        let old = if deleted.is_empty() { String::new() } else { format!("\n{} older backups were deleted", deleted.len()) };
        format!(
            "{}: {mib:.1} MiB, as of block {}{old}\ntry it: countersign backup verify {} --sheet FILE",
            made.path.display(),
            made.head.height.0,
            made.path.display()
        )
    };
    session.screen.result(
        words,
        || json!({ "backup": made.path, "bytes": made.bytes, "block": made.head.height.0, "deleted": deleted.iter().map(|p| json!(p)).collect::<Vec<_>>() }),
    );
    Ok(())
}

/// What is in a backup.
fn said(session: &Session, finding: &BackupFinding, words: &str) {
    let BackupFinding { head, content, erasures } = finding;
    let list = match erasures {
        Some(lines) => format!("the list of erasures beside it has {lines} lines; who was erased since is erased again when the file is opened"),
        None => "NO list of erasures lies beside it: if anybody was erased since it was made, erase them again by hand, before anything is anchored or answered".to_owned(),
    };
    let text = || {
        format!(
            "{words}\nof {}, made on {}, as of block {}: {} slots, {} openings, {} numbers remembered, {} steps unfinished\n{list}",
            crate::screen::plain(head.name.as_str()),
            day_text(head.made.day()),
            head.height.0,
            content.slots,
            content.openings,
            content.released,
            content.unfinished
        )
    };
    let value = || {
        json!({
            "site": head.name.as_str(), "network": head.network.0, "block": head.height.0, "made_ms": head.made.0, "slots": content.slots,
            "openings": content.openings, "openings_pending": content.openings_pending, "released": content.released, "unfinished": content.unfinished,
            "erasures": erasures,
        })
    };
    session.screen.result(text, value);
}
