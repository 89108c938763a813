//! `countersign withdraw`: patients who said so, at the counter or on paper, leave. No later answer counts them.

use super::{Session, network_arguments::NetworkArguments, noticed};
use crate::{failure::Failure, screen::plain};
use anyhow::Context;
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_circuits::consent::Day;
use countersign_hospital::Departure;
use countersign_ingest::PatientId;
use countersign_ledger::{State, Use};
use serde_json::json;
use std::{collections::BTreeSet, path::PathBuf};

/// Arguments of `withdraw`.
#[derive(Debug, Args)]
pub struct WithdrawArguments {
    /// A patient, by the hospital's own id; may be given several times
    #[arg(long, value_name = "ID", required_unless_present = "patients")]
    pub patient: Vec<String>,
    /// A file of such ids, one a line
    #[arg(long, value_name = "FILE")]
    pub patients: Option<PathBuf>,
    /// The day on which the hospital heard of it (YYYY-MM-DD); today, if left out
    #[arg(long, value_name = "DATE", value_parser = super::day)]
    pub received: Option<Day>,
    /// Whose hospital, on which chain
    #[command(flatten)]
    pub network: NetworkArguments,
    /// The hospital, with --data
    #[arg(long, value_name = "NAME", required_unless_present = "config")]
    pub site: Option<String>,
}

impl WithdrawArguments {
    fn ids(&self) -> Result<Vec<PatientId>, Failure> {
        let file = match &self.patients {
            Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
            None => String::new(),
        };
        let lines = file.lines().map(str::trim).filter(|line| !line.is_empty());
        let ids = self.patient.iter().map(String::as_str).chain(lines).enumerate();
        let read = |(at, id): (usize, &str)| PatientId::new(id).map_err(|e| Failure::Refused(format!("patient {}: {e}", at + 1)));
        // in the order in which they are given: a message names a place in it
        let mut ids: Vec<PatientId> = ids.map(read).collect::<Result<_, _>>()?;
        let mut seen = BTreeSet::new();
        ids.retain(|id| seen.insert(id.clone()));
        if ids.is_empty() { Err(Failure::Refused("no patient is named".into())) } else { Ok(ids) }
    }
}

/// Runs it.
///
/// # Errors
/// Somebody has and had no row here (nobody is withdrawn then), or the ledger cannot be reached: run it again.
#[boxed]
pub async fn run(session: &Session, arguments: &WithdrawArguments) -> Result<(), Failure> {
    let ids = arguments.ids()?;
    let mut network = arguments.network.open(session).await?;
    let name = match &arguments.site {
        Some(name) => name.clone(),
        None => network.holder().reader()?.name,
    };
    let site = network.hospital(&session.keys, &name).await?;
    let working = session.screen.working("taking them out of force");
    let left = site.withdraw(&mut network, &ids, arguments.received).await;
    drop(working);
    site.close().await;
    let development = network.development();
    let state = network.state().clone();
    network.close().await?;
    let left = left?;
    let study = |used: &Use| state.study(&used.study).map_or(0, |study| study.number);
    let value = || {
        let used = |u: &Use| json!({"query": format!("Q-{}", u.number), "study": format!("S-{}", study(u))});
        let one = |d: &Departure| json!({ "slot": d.slot.0, "block": d.left.map(|h| h.0), "released_before": d.uses.iter().map(used).collect::<Vec<_>>() });
        json!({ "site": name, "withdrawn": left.iter().map(one).collect::<Vec<_>>(), "development_keys": development })
    };
    session.screen.result(|| noticed(words(&state, &name, &left), development), value);
    Ok(())
}

/// What was done, in words: for one patient it is a receipt.
fn words(state: &State, name: &str, left: &[Departure]) -> String {
    let study = |used: &Use| state.study(&used.study).map(|study| format!("S-{}, {}", study.number, plain(&study.submitted.title)));
    let mut lines = Vec::new();
    for departure in left {
        lines.push(match departure.left {
            Some(height) => format!("slot {} of {name} is out of force: no answer after block {height} counts it", departure.slot.0),
            None => format!("slot {} of {name} was on no ledger yet, and will not be", departure.slot.0),
        });
        match departure.uses.as_slice() {
            [] => lines.push("  no result that could include the record was released before".to_owned()),
            uses => {
                lines.push(format!("  results that could include the record were released before, and stay: {}", uses.len()));
                lines.extend(uses.iter().map(|used| format!("    Q-{} of {}", used.number, study(used).unwrap_or_default())));
            }
        }
    }
    lines.push("a new row takes a new document, signed by the patient".to_owned());
    lines.join("\n")
}
