//! `countersign record`: a hospital shows one record to the person it is about, and whoever has it holds it against the chain.

use super::{Session, claim::write_private, erase::PatientArguments, noticed, patient::read_sheet};
use crate::{failure::Failure, screen::plain};
use anyhow::Context;
use async_recursion::async_recursion as boxed;
use clap::{Args, Subcommand};
use countersign_ingest::day_text;
use countersign_member::{gateway::GatewayClient, refuse_readable};
use countersign_messages::{Record, Wire, json::SlotRow};
use countersign_patient::{CheckedRecord, CheckedRow, Content, Decided, check_record};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What to do with one record.
#[derive(Debug, Subcommand)]
pub enum RecordCommand {
    /// Write what the anchored tables hold of one patient, and of nobody else, to a file for that patient (hospital)
    Show(ShowArguments),
    /// Check such a file against the chain, and show what it holds in words (patient, auditor)
    Verify(VerifyArguments),
}

/// Arguments of `record show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// Where the record goes (a new file, mode 600)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Of whom
    #[command(flatten)]
    pub whom: PatientArguments,
}

/// Arguments of `record verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The record
    pub record: PathBuf,
    /// A gateway of the network, best not the hospital's
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// The patient's sheet: says whether the record's slot is the one with its key
    #[arg(long, value_name = "FILE")]
    pub sheet: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// The patient has and had no row, a file is there already or is no record, the record is not what was anchored or not all of it, or a gateway or ledger cannot be reached.
#[boxed]
pub async fn run(session: &Session, command: &RecordCommand) -> Result<(), Failure> {
    match command {
        RecordCommand::Show(arguments) => show(session, arguments).await,
        RecordCommand::Verify(arguments) => verify(session, arguments).await,
    }
}

async fn show(session: &Session, arguments: &ShowArguments) -> Result<(), Failure> {
    let patient = arguments.whom.id()?;
    if arguments.out.exists() {
        return Err(Failure::Refused(format!("{} is there already; it is never written over", arguments.out.display())));
    }
    let (mut network, hospital) = arguments.whom.site.open(session).await?;
    let shown = hospital.record(&mut network, &patient).await;
    let development = network.development();
    hospital.close().await;
    network.close().await?;
    let shown = shown?;
    write_private(&arguments.out, &shown.record.encode())?;
    let words = || {
        let mut lines = vec![format!(
            "{} rows of the patient's slot are in {}: for the patient, or whom the patient lets see it. Nobody else's row can be opened with it",
            shown.record.rows.len(),
            arguments.out.display()
        )];
        let mut counted = |count: usize, words: &str| lines.extend((count > 0).then(|| format!("{count} {words}")));
        counted(shown.destroyed, "rows cannot be shown: their openings were destroyed");
        counted(shown.left_out, "rows are beyond what one record holds");
        counted(
            shown.without_source,
            "rows are opened, and it cannot be shown that they were read of this patient: they were anchored by an earlier version of this program, or somebody near them was erased. The next anchor of \
             their segment changes that",
        );
        lines.join("\n")
    };
    let value = || {
        json!({
            "record": arguments.out,
            "rows": shown.record.rows.len(),
            "destroyed": shown.destroyed,
            "left_out": shown.left_out,
            "without_source": shown.without_source,
            "development_keys": development,
        })
    };
    session.screen.result(|| noticed(words(), development), value);
    Ok(())
}

/// Holds a file against the chain.
async fn checked(session: &Session, arguments: &VerifyArguments) -> Result<CheckedRecord, Failure> {
    let (path, shown) = (&arguments.record, arguments.record.display());
    refuse_readable(path)?;
    let length = std::fs::metadata(path).with_context(|| format!("cannot read {shown}"))?.len();
    if length > Record::BYTES_MAX as u64 {
        return Err(Failure::Refused(format!("{shown} is no record: it is larger than any")));
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    let record = Record::decode(&bytes).map_err(|e| Failure::Refused(format!("{shown} is no record: {e}")))?;
    let sheet = arguments.sheet.as_ref().map(|path| read_sheet(path)).transpose()?;
    let client = GatewayClient::new(&arguments.url)?;
    let working = session.screen.working("holding the record against the chain");
    let checked = check_record(&client, &record, sheet.as_ref()).await;
    drop(working);
    Ok(checked?)
}

async fn verify(session: &Session, arguments: &VerifyArguments) -> Result<(), Failure> {
    let checked = checked(session, arguments).await?;
    session.screen.result(|| words(&checked), || value(&checked));
    whole(&checked)
}

/// `patient permissions`: of a record, what it says of consents.
pub(super) async fn permissions(session: &Session, arguments: &VerifyArguments) -> Result<(), Failure> {
    let mut checked = checked(session, arguments).await?;
    checked.rows.retain(|row| !matches!(row.content, Content::Data(_)));
    checked.rows.retain(|row| row.place.current || !row.place.studies.is_empty());
    session.screen.result(|| words(&checked), || value(&checked));
    whole(&checked)
}

/// Fails if something keeps what was shown from being the whole record.
fn whole(checked: &CheckedRecord) -> Result<(), Failure> {
    match checked.lacks().as_slice() {
        [] => Ok(()),
        // shown all the same: what there is was checked
        lacks => Err(Failure::NotVerified(format!("what is shown is not the whole record: {}. Ask the hospital why", lacks.join("; ")))),
    }
}

fn value(checked: &CheckedRecord) -> Value {
    let row = |row: &CheckedRow| {
        let holds = match &row.content {
            Content::Empty => json!({ "empty": true }),
            Content::Data(values) => {
                let values = values.iter().map(|value| json!({ "name": value.name, "label": value.label, "value": value.value }));
                json!({ "data": values.collect::<Vec<_>>() })
            }
            Content::Permissions(scopes) => {
                let scopes = scopes.iter().map(|(scope, last)| json!({ "scope": scope, "until": day_text(*last) }));
                json!({ "permissions": scopes.collect::<Vec<_>>() })
            }
        };
        json!({ "place": row.place, "holds": holds, "read_of": row.patient, "anchored_by_word_of": row.decided })
    };
    json!({
        "hospital": checked.slot.hospital,
        "hospital_name": checked.slot.hospital_name,
        "slot": checked.slot.slot,
        "left": checked.slot.left,
        "own": checked.own,
        "elsewhere": checked.elsewhere,
        "lacks": checked.lacks(),
        "rows": checked.rows.iter().map(row).collect::<Vec<_>>(),
        "not_shown": checked.not_shown,
    })
}

fn words(checked: &CheckedRecord) -> String {
    let slot = &checked.slot;
    let mut lines = vec![format!("slot {} of {}, checked here against what the hospital anchored", slot.slot, plain(&slot.hospital_name))];
    if let Some(left) = &slot.left {
        lines.push(format!("  it has left: no answer after block {} counts it", left.height));
    }
    if checked.own == Some(true) {
        lines.push("  it is the slot with the sheet's key, as this gateway says".into());
    }
    for row in &checked.rows {
        lines.push(format!("{}, {}", plain(&row.place.name), place(&row.place)));
        match &row.content {
            Content::Empty => lines.push("  nothing is held here".into()),
            Content::Data(values) => lines.extend(values.iter().map(|value| {
                let label = if value.label.is_empty() { &value.name } else { &value.label };
                format!("  {}: {}", plain(label), value.value.as_deref().map_or_else(|| "not known".into(), plain))
            })),
            Content::Permissions(scopes) if scopes.is_empty() => lines.push("  nothing is permitted".into()),
            Content::Permissions(scopes) => {
                lines.extend(scopes.iter().map(|(scope, last)| format!("  permitted until {}: {}", day_text(*last), plain(scope))));
            }
        }
        match (&row.patient, &row.content) {
            (Some(patient), _) => lines.push(format!("  anchored as read of the hospital's patient {}", plain(patient))),
            (None, Content::Data(_)) => lines.push("  NOT shown: that it was read of you; the hospital can say why".into()),
            (None, _) => {}
        }
        if row.decided == Decided::Gateway {
            lines.push("  that it stands in a block is the gateway's word: the network has other validators by now".into());
        }
    }
    lines.push("whether all that the hospital has on this person is here, no proof can say: ask for what is missing".into());
    lines.join("\n")
}

/// Which version it is, and what counts it.
fn place(row: &SlotRow) -> String {
    let studies: Vec<String> = row.studies.iter().map(|number| format!("S-{number}")).collect();
    match (row.current, studies.is_empty()) {
        (true, true) => "in force, no study in date is answered from it".into(),
        (true, false) => format!("in force; {} answered from it", studies.join(", ")),
        (false, true) => "an earlier version, from which nothing is answered any more".into(),
        (false, false) => format!("an earlier version; {} answered from it", studies.join(", ")),
    }
}
