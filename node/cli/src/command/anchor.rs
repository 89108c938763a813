//! `countersign anchor`: a hospital's records onto the ledger, as commitments.

use super::{EVERYBODY_CONSENTS, Session, mapping, network_arguments::NetworkArguments, noticed, reading};
use crate::{development::publish_dictionary, failure::Failure};
use async_recursion::async_recursion as boxed;
use clap::Args;
use countersign_circuits::consent::Day;
use countersign_hospital::{AnchorReport, OptOutList, Source};
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `anchor`.
#[derive(Debug, Args)]
pub struct AnchorArguments {
    /// File or folder of records
    pub path: PathBuf,
    /// Whose hospital, on which chain
    #[command(flatten)]
    pub network: NetworkArguments,
    /// The hospital, with --data
    #[arg(long, value_name = "NAME", required_unless_present = "config")]
    pub site: Option<String>,
    /// Dictionary: a TOML file, or one as shipped
    #[arg(long, value_name = "FILE")]
    pub dictionary: PathBuf,
    /// Mapping: a TOML file, or one as shipped
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// Consents: a CSV file (patient,scope,until), or FHIR Consent with --policy; without, everybody counts as consenting
    #[arg(long, value_name = "PATH")]
    pub consents: Option<PathBuf>,
    /// The policy FHIR Consents are read by: a TOML file, or one as shipped (`consent-policy`, `consent-policy-by-scope`, `consent-policy-mii`, `consent-policy-duo`)
    #[arg(long, value_name = "FILE", requires = "consents")]
    pub policy: Option<PathBuf>,
    /// A CSV file (patient) of people who objected elsewhere: they count for nothing, whatever they signed. It is read before every anchor and answer from now on
    #[arg(long, value_name = "FILE", requires = "consents", conflicts_with = "no_opt_outs")]
    pub opt_outs: Option<PathBuf>,
    /// Read no list of opt-outs any more
    #[arg(long)]
    pub no_opt_outs: bool,
    /// Date of the data (YYYY-MM-DD) where no bulk manifest gives it
    #[arg(long, value_name = "DATE", value_parser = super::day)]
    pub as_of: Option<Day>,
}

/// Runs it. An anchor of the same files that was interrupted goes on.
///
/// # Errors
/// Files are malformed, or the ledger refuses.
#[boxed]
pub async fn run(session: &Session, arguments: &AnchorArguments) -> Result<(), Failure> {
    let screen = session.screen;
    let reading = reading(&arguments.dictionary)?;
    let mapping = mapping(&arguments.mapping, &reading)?;
    let policy = arguments.policy.as_deref().map(super::policy).transpose()?;
    session.ensure_keys()?;
    let mut network = arguments.network.open(session).await?;
    let name = match &arguments.site {
        Some(name) => name.clone(),
        None => network.holder().reader()?.name,
    };
    let site = network.hospital(&session.keys, &name).await?;
    if site.erased_again > 0 {
        screen.say(format!("{} people who had been erased were erased again: this hospital's file is of before. Run `erase` for one of them once the anchor is done: it destroys what is left", site.erased_again));
    }
    publish_dictionary(&mut network, reading.canonical()).await?;
    let opt_outs = match (&arguments.opt_outs, arguments.no_opt_outs) {
        (Some(path), _) => OptOutList::File(path.clone()),
        (None, true) => OptOutList::Never,
        (None, false) => OptOutList::AsBefore,
    };
    let source = Source { path: arguments.path.clone(), as_of: arguments.as_of, consents: arguments.consents.clone(), policy, opt_outs };
    if source.consents.is_none() {
        screen.say(EVERYBODY_CONSENTS);
    }
    let working = screen.working("reading");
    let progress = |p: countersign_ingest::Progress| working.now(format!("reading, {} records", p.records));
    let saying = |what: &str| working.now(what.to_owned());
    let (imported, report) = site.import_and_anchor(&mut network, (&reading, &mapping), &source, &progress, &saying).await?;
    drop(working);
    let (rows, development) = (imported.import.table.rows.len(), network.development());
    screen.result(
        || {
            let consents = imported.consents.as_ref().map(|read| format!("\n{}", read.report)).unwrap_or_default();
            let beside = match imported.import.report.consents_not_read {
                0 => String::new(),
                count => format!("\n{count} FHIR Consents lie among the records and were not read"),
            };
            noticed(format!("{}{consents}{beside}", words(&report, rows)), development)
        },
        || {
            json!({
                "development_keys": development, "site": name, "new": !report.nothing_to_do(), "finished": report.planned.is_none(),
                "people": report.planned.map(|p| p.people), "people_new": report.planned.map(|p| p.new),
                "held_back": report.planned.map(|p| p.held), "withdrawn": report.planned.map(|p| p.withdrawn),
                "erased_again": site.erased_again, "segments": report.segments, "rows": rows, "block": report.height, "report": report.report, "report_salt": report.report_salt,
                "consents": imported.consents.as_ref().map(|read| &read.report), "consents_not_read": imported.import.report.consents_not_read,
            })
        },
    );
    site.close().await;
    network.close().await
}

/// What was done, in words.
fn words(report: &AnchorReport, rows: usize) -> String {
    let height = report.height;
    let mut lines = Vec::new();
    if report.finished_first > 0 {
        lines.push("an anchor of other rows had been interrupted; it was finished first".to_owned());
    }
    match report.planned {
        None => lines.push(format!(
            "anchored: these {rows} rows; their anchor had been interrupted and was finished now, {} segments, block {height}",
            report.segments
        )),
        Some(_) if report.nothing_to_do() => {
            lines.push(format!("nothing to do: exactly these {rows} rows and consents are on the ledger (block {height})"));
        }
        Some(planned) => {
            lines.push(format!(
                "anchored: {} people with a row and a permission, {} of them new; {} segments proved valid, block {height}",
                planned.people, planned.new, report.segments
            ));
            if planned.withdrawn > 0 {
                lines.push(format!(
                    "{} people's consents were withdrawn or shortened: no answer counts them by the old ones from now on",
                    planned.withdrawn
                ));
            }
            lines.push("on the ledger: commitments and hashes; nothing of a person".to_owned());
        }
    }
    if let Some(held) = report.planned.map(|p| p.held).filter(|held| *held > 0) {
        lines.push(format!("{held} people are held back: they withdrew, and have signed nothing new since"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_circuits::hash::Digest32;
    use countersign_hospital::journal::Planned;

    fn report(planned: Option<Planned>, segments: u64, finished_first: u32) -> AnchorReport {
        let none = Digest32::default();
        AnchorReport { planned, finished_first, segments, height: 7, report: none, report_salt: none }
    }

    #[test]
    fn an_anchor_says_what_it_did() {
        let same = Planned { people: 9, ..Planned::default() };
        assert!(words(&report(Some(same), 0, 0), 9).starts_with("nothing to do"));
        let interrupted = words(&report(None, 2, 0), 9);
        assert!(interrupted.contains("finished now") && !interrupted.contains("nothing to do"), "{interrupted}");
        let after = words(&report(Some(same), 0, 1), 9);
        assert!(after.contains("finished first") && !after.contains("nothing to do"), "{after}");
        let left = words(&report(Some(Planned { withdrawn: 1, held: 2, segments: 1, ..same }), 1, 0), 9);
        assert!(left.contains("1 people's consents were withdrawn") && left.contains("2 people are held back"), "{left}");
    }
}
