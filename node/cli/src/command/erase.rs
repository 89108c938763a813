//! `countersign erase`: a patient's rows and names leave the hospital's file. `countersign readmit`: somebody who left has signed a new document.

use super::{
    Session,
    claim::{SiteArguments, write_private},
    erasure_certificate::{self, Issuer},
    noticed,
};
use crate::failure::Failure;
use anyhow::Context;
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_hospital::{Erased, Swept};
use countersign_ingest::{PatientId, day_text};
use serde_json::json;
use std::path::{Path, PathBuf};

/// A patient of a hospital: arguments of `readmit`, and a part of others.
#[derive(Debug, Args)]
pub struct PatientArguments {
    /// The patient, by the hospital's own id
    #[arg(long, value_name = "ID")]
    pub patient: String,
    /// Whose
    #[command(flatten)]
    pub site: SiteArguments,
}

/// Arguments of `erase`.
#[derive(Debug, Args)]
pub struct EraseArguments {
    /// Whom
    #[command(flatten)]
    pub patient: PatientArguments,
    /// The patient was erased before, and this file was restored from a copy of before the person came: hold back whom it does not know
    #[arg(long, conflicts_with = "certificate")]
    pub never_here: bool,
    /// A file for the patient: what was erased, what remains, and how to check it. Never written over
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
}

impl PatientArguments {
    pub(super) fn id(&self) -> Result<PatientId, Failure> {
        PatientId::new(self.patient.as_str()).map_err(|e| Failure::Refused(format!("the patient's id: {e}")))
    }
}

/// Runs `erase`.
///
/// # Errors
/// The patient never had a row here, or the ledger cannot be reached or refuses: run it again, and it goes on.
#[boxed]
pub async fn run(
    session: &Session,
    EraseArguments { patient: arguments, never_here, certificate }: &EraseArguments,
) -> Result<(), Failure> {
    let patient = arguments.id()?;
    if *never_here {
        return hold_back(session, arguments, &patient).await;
    }
    if let Some(path) = certificate {
        if path.exists() {
            return Err(Failure::Refused(format!("{} is there already; it is never written over", path.display())));
        }
        // what it says is forgotten by the erasure: where it goes must be there before
        write_private(path, b"")?;
    }
    let erased = erase(session, arguments, &patient, certificate.as_deref()).await;
    if let Some(path) = certificate.as_ref().filter(|_| erased.is_err()) {
        // whatever else went wrong is what is told
        let _left_empty = std::fs::remove_file(path);
    }
    erased
}

/// Erases, and writes the certificate into its file.
async fn erase(session: &Session, arguments: &PatientArguments, patient: &PatientId, certificate: Option<&Path>) -> Result<(), Failure> {
    let (mut network, hospital) = arguments.site.open(session).await?;
    let working = session.screen.working("erasing");
    let erased = hospital.erase(&mut network, patient, &|what: &str| working.now(what.to_owned())).await;
    drop(working);
    let (name, development) = (hospital.member.name.clone(), network.development());
    let of = Issuer {
        network: network.state().network(),
        hospital: hospital.member.id(),
        name: name.clone(),
        day: network.state().tip().time.day(),
    };
    hospital.close().await;
    network.close().await?;
    let erased = erased?;
    if let Some(path) = certificate {
        if erased.places.is_empty() {
            return Err(Failure::Refused(
                "no certificate: the patient had been erased before, and which places were whose is forgotten".into(),
            ));
        }
        std::fs::write(path, erasure_certificate::text(&of, &erased)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let value = || {
        json!({
            "site": name,
            "slots": erased.places.iter().map(|place| place.slot.0).collect::<Vec<_>>(),
            "certificate": certificate,
            "versions_replaced": erased.replaced,
            "segments": erased.segments,
            "openings_destroyed": erased.openings.destroyed,
            "openings_pinned": erased.openings.pinned,
            "pinned_until": erased.openings.until.map(day_text),
            "openings_of_tables_to_anchor": erased.openings.newest,
            "development_keys": development,
        })
    };
    session.screen.result(|| noticed(words(&erased), development), value);
    Ok(())
}

async fn hold_back(session: &Session, arguments: &PatientArguments, patient: &PatientId) -> Result<(), Failure> {
    let (network, hospital) = arguments.site.open(session).await?;
    let done = hospital.erase_unknown(patient).await;
    let (name, development) = (hospital.member.name.clone(), network.development());
    hospital.close().await;
    network.close().await?;
    done?;
    let words = "the patient, whom this file does not know, is held back: only `countersign readmit` gives a row again";
    session
        .screen
        .result(|| noticed(words.to_owned(), development), || json!({ "site": name, "held_back": true, "development_keys": development }));
    Ok(())
}

/// What was done and what remains, in words.
fn words(erased: &Erased) -> String {
    let mut lines = Vec::new();
    lines.push(match erased.places.as_slice() {
        [] => "the patient had been erased before; what was left of it was looked at again".to_owned(),
        places => format!("the patient's names, keys and codes are out of this file; slots that nobody has any more: {}", places.len()),
    });
    lines.push(format!(
        "versions of tables replaced by ones without the row, also where studies are answered from them: {}; tables anchored anew: {} segments; earlier openings destroyed: {}",
        erased.replaced, erased.segments, erased.openings.destroyed
    ));
    let Swept { pinned, until, newest, .. } = erased.openings;
    if let Some(until) = until {
        lines.push(format!(
            "openings with rows of erased people that studies pin: {pinned}. No answer counts them; the node destroys them after {}, or run this again then",
            day_text(until)
        ));
    }
    if newest > 0 {
        lines.push(format!(
            "openings with rows of erased people, of tables that only an import can anchor anew: {newest}. Anchor the hospital's files, then run this again"
        ));
    }
    if (pinned, newest) == (0, 0) {
        lines.push("no opening in this file holds a row of an erased person any more".to_owned());
    }
    lines.push(
        "what remains elsewhere: published totals, this hospital's own systems, and backups of before: delete them when they are due"
            .to_owned(),
    );
    lines.push("the files of yesterday bring the patient back no more; a new document does, with `countersign readmit`".to_owned());
    lines.join("\n")
}

/// Runs `readmit`.
///
/// # Errors
/// Nobody of this id is held back.
#[boxed]
pub async fn readmit(session: &Session, arguments: &PatientArguments) -> Result<(), Failure> {
    let patient = arguments.id()?;
    let (network, hospital) = arguments.site.open(session).await?;
    let done = hospital.readmit(&patient).await;
    let (name, development) = (hospital.member.name.clone(), network.development());
    hospital.close().await;
    network.close().await?;
    done?;
    let words = "the patient is held back no more: the next anchor gives the row a new slot, if the consents say so";
    session.screen.result(|| noticed(words.to_owned(), development), || json!({ "site": name, "development_keys": development }));
    Ok(())
}
