//! `countersign patient`: a key of one's own, what a record could be counted in, leaving.

use super::{Session, claim::write_private};
use crate::{failure::Failure, screen::plain};
use anyhow::Context;
use async_recursion::async_recursion as boxed;
use clap::{Args, Subcommand};
use countersign_member::{gateway::GatewayClient, refuse_readable};
use countersign_messages::{Letter, Sheet};
use countersign_patient::{Decided, Departure, Place, check_receipt, claim, narrow, standing, withdraw};
use serde_json::json;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What a patient does.
#[derive(Debug, Subcommand)]
pub enum PatientCommand {
    /// Make a key from a hospital's letter: a sheet to keep, and a request for the hospital
    Claim(ClaimArguments),
    /// Show the slot of a sheet's key, and what it could be counted in
    Uses(UsesArguments),
    /// Take the record out of research, without the hospital
    Withdraw(WithdrawArguments),
    /// Show what is permitted until when, of a record that the hospital showed, held against the chain
    Permissions(super::record::VerifyArguments),
    /// Hold a receipt that was kept against the chain
    Receipt(ReceiptArguments),
    /// Take a part back: everything leaves at once, and a note to the hospital lets the rest count again
    Narrow(NarrowArguments),
}

/// Arguments of `patient claim`.
#[derive(Debug, Args)]
pub struct ClaimArguments {
    /// The letter, or a file with its lines typed in
    pub letter: PathBuf,
    /// Where the sheet goes (a new file, mode 600): print it, too
    #[arg(long, value_name = "FILE")]
    pub sheet: PathBuf,
    /// Where the request goes (a new file): for the hospital, sealed to it
    #[arg(long, value_name = "FILE")]
    pub request: PathBuf,
}

/// Arguments of `patient uses`.
#[derive(Debug, Args)]
pub struct UsesArguments {
    /// The sheet
    #[arg(long, value_name = "FILE")]
    pub sheet: PathBuf,
    /// A gateway of the network
    #[arg(long, value_name = "URL")]
    pub url: String,
}

/// Arguments of `patient withdraw`.
#[derive(Debug, Args)]
pub struct WithdrawArguments {
    /// The sheet
    #[arg(long, value_name = "FILE")]
    pub sheet: PathBuf,
    /// Gateways of the network; any of them will do, and need not be the hospital's
    #[arg(long, value_name = "URL", required = true)]
    pub url: Vec<String>,
    /// Where the receipt goes (a new file)
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
}

/// Arguments of `patient receipt`.
#[derive(Debug, Args)]
pub struct ReceiptArguments {
    /// The receipt, as `withdraw` or `narrow` wrote it
    pub receipt: PathBuf,
    /// The sheet
    #[arg(long, value_name = "FILE")]
    pub sheet: PathBuf,
    /// A gateway of the network
    #[arg(long, value_name = "URL")]
    pub url: String,
}

/// A receipt as it is kept: what else stands in the file is not read.
#[derive(serde::Deserialize)]
struct Kept {
    left: Vec<Departure>,
}

/// Arguments of `patient narrow`.
#[derive(Debug, Args)]
pub struct NarrowArguments {
    /// What goes, as the record's permissions name it (`c.labs`); may be given several times
    #[arg(long, value_name = "SCOPE", required = true)]
    pub without: Vec<String>,
    /// Where the note goes (a new file): for the hospital, sealed to it
    #[arg(long, value_name = "FILE")]
    pub note: PathBuf,
    /// How it leaves
    #[command(flatten)]
    pub leaving: WithdrawArguments,
}

/// Runs it.
///
/// # Errors
/// A file is there already or is not what it should be, no gateway answers, or nothing is left to do.
#[boxed]
pub async fn run(session: &Session, command: &PatientCommand) -> Result<(), Failure> {
    match command {
        PatientCommand::Claim(arguments) => make(session, arguments),
        PatientCommand::Uses(arguments) => uses(session, arguments).await,
        PatientCommand::Withdraw(arguments) => leave(session, arguments).await,
        PatientCommand::Narrow(arguments) => take_part(session, arguments).await,
        PatientCommand::Permissions(arguments) => super::record::permissions(session, arguments).await,
        PatientCommand::Receipt(arguments) => receipt(session, arguments).await,
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    Ok(Zeroizing::new(std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?))
}

pub(super) fn read_sheet(path: &Path) -> Result<Sheet, Failure> {
    refuse_readable(path)?;
    read(path)?.parse().map_err(|e| Failure::Refused(format!("{}: {e}", path.display())))
}

fn make(session: &Session, arguments: &ClaimArguments) -> Result<(), Failure> {
    let letter: Letter = read(&arguments.letter)?.parse().map_err(|e| Failure::Refused(format!("{}: {e}", arguments.letter.display())))?;
    if let Some(there) = [&arguments.sheet, &arguments.request].into_iter().find(|path| path.exists()) {
        return Err(Failure::Refused(format!("{} is there already; it is never written over", there.display())));
    }
    let (sheet, request) = claim(&letter)?;
    write_private(&arguments.sheet, words_of_sheet(&sheet).as_bytes())?;
    write_private(&arguments.request, &request)?;
    let (kept, sent) = (arguments.sheet.display(), arguments.request.display());
    let words = || {
        format!(
            "your sheet is in {kept}: keep it, and print it. Whoever has it can take your record out of research, all of it or a part, and nothing else\n\
             the request is in {sent}: bring or send it to the hospital, which enrols the key (once a day)"
        )
    };
    session.screen.result(words, || json!({ "sheet": arguments.sheet, "request": arguments.request, "key": sheet.public(0).to_string() }));
    Ok(())
}

/// The sheet, as it is kept and printed.
fn words_of_sheet(sheet: &Sheet) -> Zeroizing<String> {
    let lines = Zeroizing::new(sheet.lines().replace('\n', "\n    "));
    Zeroizing::new(format!(
        "Recovery sheet: your record in research\n\n\
         With this sheet you can see what your record could be counted in, and take it out of research, even if you lose your phone or computer.\n\
         Whoever has it can do the same, all of it or a part, and nothing else. You can also withdraw on paper or at the hospital's counter, without it.\n\n    {}\n\n\
         With the program: countersign patient uses --sheet FILE --url GATEWAY\n                  countersign patient withdraw --sheet FILE --url GATEWAY\n",
        *lines
    ))
}

async fn uses(session: &Session, arguments: &UsesArguments) -> Result<(), Failure> {
    let sheet = read_sheet(&arguments.sheet)?;
    let places = standing(&GatewayClient::new(&arguments.url)?, &sheet).await?;
    session.screen.result(|| words_of_places(&places), || json!({ "slots": places }));
    Ok(())
}

fn words_of_places(places: &[Place]) -> String {
    if places.is_empty() {
        return "this gateway has no slot with a key of this sheet yet: a hospital enrols keys with its next anchor".to_owned();
    }
    let mut lines = vec!["as this gateway says:".to_owned()];
    for place in places {
        let slot = &place.slot;
        let (number, hospital) = (slot.slot, plain(&slot.hospital_name));
        lines.push(match &slot.left {
            None => format!("slot {number} of {hospital}: in force, with your key since block {}", slot.height),
            Some(left) => format!("slot {number} of {hospital}: no answer after block {} counts it; {}", left.height, by_whom(&left.by)),
        });
        match place.uses.len() {
            0 => lines.push("  it could be counted in no answer so far".to_owned()),
            count => lines.push(format!(
                "  it could be counted in {count} answers (whether your record matched a question, the ledger does not know):"
            )),
        }
        lines.extend(place.uses.iter().map(|used| {
            let asked = used.asked.utc.get(..10).unwrap_or_default();
            format!("    {asked}  Q-{} of S-{} ({}), asked by {}", used.number, used.study_number, plain(&used.title), plain(&used.asker))
        }));
    }
    lines.join("\n")
}

/// How a slot left, and what that means.
fn by_whom(by: &str) -> &'static str {
    match by {
        "key" => "it left by your key",
        "word" => "the hospital took it out, and says that you said so",
        _ => {
            "the hospital took it out as what it reads has changed. What is left of your consent may have another slot, whose key comes with the next anchor: look again tomorrow, or ask at the counter"
        }
    }
}

/// The sheet and the gateways, once it is sure that no file is in the way.
fn prepared(arguments: &WithdrawArguments, note: Option<&PathBuf>) -> Result<(Sheet, Vec<GatewayClient>), Failure> {
    let sheet = read_sheet(&arguments.sheet)?;
    if let Some(there) = arguments.receipt.iter().chain(note).find(|path| path.exists()) {
        return Err(Failure::Refused(format!("{} is there already; it is never written over", there.display())));
    }
    Ok((sheet, arguments.url.iter().map(|url| GatewayClient::new(url)).collect::<Result<_, _>>()?))
}

async fn take_part(session: &Session, arguments: &NarrowArguments) -> Result<(), Failure> {
    let (sheet, clients) = prepared(&arguments.leaving, Some(&arguments.note))?;
    let working = session.screen.working("taking a part back");
    let narrowed = narrow(&clients, &sheet, &arguments.without).await;
    drop(working);
    let narrowed = narrowed?;
    let value = json!({ "left": narrowed.departures, "without": arguments.without, "note": arguments.note });
    if let Some(path) = &arguments.leaving.receipt {
        write_private(path, serde_json::to_string_pretty(&value).unwrap_or_default().as_bytes())?;
    }
    write_private(&arguments.note, &narrowed.note)?;
    let words = || {
        let mut lines = words_of_left(&narrowed.departures);
        lines.push(format!(
            "the note is in {}: bring or send it to the hospital within 30 days. With its next anchor the rest of what you permitted counts again, without {}; until then nothing does",
            arguments.note.display(),
            arguments.without.join(", ")
        ));
        lines.join("\n")
    };
    session.screen.result(words, || value.clone());
    Ok(())
}

async fn receipt(session: &Session, arguments: &ReceiptArguments) -> Result<(), Failure> {
    let sheet = read_sheet(&arguments.sheet)?;
    let none = |reason: String| Failure::Refused(format!("{} is no receipt: {reason}", arguments.receipt.display()));
    let Kept { mut left } = serde_json::from_str(&read(&arguments.receipt)?).map_err(|e| none(e.to_string()))?;
    if !left.iter().any(|left| matches!(left, Departure::ByKey(_))) {
        return Err(none("nothing in it was done by key".into()));
    }
    let client = GatewayClient::new(&arguments.url)?;
    let working = session.screen.working("holding the receipt against the chain");
    for departure in &mut left {
        if let Departure::ByKey(kept) = departure {
            kept.decided = check_receipt(&client, &sheet, kept).await?;
        }
    }
    drop(working);
    session.screen.result(|| words_of_left(&left).join("\n"), || json!({ "left": left }));
    Ok(())
}

async fn leave(session: &Session, arguments: &WithdrawArguments) -> Result<(), Failure> {
    let (sheet, clients) = prepared(arguments, None)?;
    let working = session.screen.working("taking the record out of research");
    let departures = withdraw(&clients, &sheet).await;
    drop(working);
    let departures = departures?;
    let value = json!({ "left": departures });
    if let Some(path) = &arguments.receipt {
        write_private(path, serde_json::to_string_pretty(&value).unwrap_or_default().as_bytes())?;
    }
    session.screen.result(|| words_of_departures(&departures), || value.clone());
    Ok(())
}

fn words_of_departures(departures: &[Departure]) -> String {
    let mut lines = words_of_left(departures);
    lines.push("your record comes back only by a new document that you sign, or within 30 days by a note of this sheet that takes only a part back (`patient narrow`); say at the counter that everything ends, and no note counts".to_owned());
    lines.join("\n")
}

fn words_of_left(departures: &[Departure]) -> Vec<String> {
    let mut lines = Vec::new();
    for departure in departures {
        match departure {
            Departure::ByKey(receipt) => {
                let (slot, hospital) = (receipt.slot, plain(&receipt.hospital));
                lines.push(format!(
                    "slot {slot} of {hospital} has left by your key: no answer after block {} counts your record",
                    receipt.height
                ));
                lines.push(match receipt.decided {
                    Decided::Validators => "  checked here: the block was decided by the validators the network began with".to_owned(),
                    Decided::Gateway => {
                        "  by the gateways' word: the network has other validators by now, and checking them takes the chain".to_owned()
                    }
                });
                if receipt.released_before > 0 {
                    lines.push(format!(
                        "  {} results that could include your record were released before, and stay",
                        receipt.released_before
                    ));
                }
            }
            Departure::ByHospital { slot, hospital, height, by } => {
                lines.push(format!("slot {slot} of {}: no answer after block {height} counts it; {}", plain(hospital), by_whom(by)));
            }
        }
    }
    lines
}
