//! `countersign verify`: an exported answer, from a file or from a gateway that is not trusted.

use super::Session;
use crate::{circuit_keys::DEVELOPMENT_NOTICE, failure::Failure};
use anyhow::Context;
use clap::Args;
use countersign_circuits::hash::Digest32;
use countersign_ledger::{
    KeyedChecker,
    light::{AnswerExport, EXPORT_BYTES_MAX},
};
use countersign_member::{gateway::GatewayClient, gateway::text};
use countersign_messages::{Height, Wire};
use serde_json::{Value, json};
use std::path::PathBuf;

/// How often a gateway that is busy is asked for the export.
const TRIES: u32 = 5;

/// What a verification never says (docs/protocol/not-proved.md).
pub const NOT_CHECKED: &str = "not checked: that source data are true, that every patient was anchored, that a consent was really given";

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// A file written by `query --export`
    #[arg(required_unless_present = "url", conflicts_with = "url")]
    pub file: Option<PathBuf>,
    /// URL of a gateway to fetch the answer from; it is not trusted
    #[arg(long, value_name = "URL", requires_all = ["query", "site"])]
    pub url: Option<String>,
    /// The query (Q-7, or its id), with --url
    #[arg(long, value_name = "QUERY")]
    pub query: Option<String>,
    /// The hospital's name or key, with --url
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
}

/// The bytes of the export, and what they are called.
async fn bytes(arguments: &VerifyArguments) -> Result<(String, Vec<u8>), Failure> {
    if let (Some(url), Some(query), Some(site)) = (&arguments.url, &arguments.query, &arguments.site) {
        let client = GatewayClient::new(url)?;
        let query = listed(&client, "queries", query, &|item| format!("Q-{}", item["number"])).await?;
        let site = listed(&client, "members", site, &|item| item["name"].as_str().unwrap_or_default().to_owned()).await?;
        let path = format!("/v1/queries/{query}/answers/{site}/export");
        return Ok((format!("{url}{path}"), client.raw_patiently(&path, EXPORT_BYTES_MAX, TRIES).await?));
    }
    let Some(file) = &arguments.file else { return Err(Failure::Refused("name a file, or a gateway with --url".into())) };
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok((file.display().to_string(), bytes))
}

/// The id of what a person names, from a list of the gateway's.
async fn listed(client: &GatewayClient, what: &str, wanted: &str, name: &(dyn Fn(&Value) -> String + Sync)) -> Result<String, Failure> {
    if wanted.parse::<Digest32>().is_ok() {
        return Ok(wanted.to_owned());
    }
    let mut offset = Some(0);
    while let Some(at) = offset {
        let page = client.json(&format!("/v1/{what}?offset={at}")).await?;
        let mut items = page["items"].as_array().into_iter().flatten();
        if let Some(found) = items.find(|item| name(item).eq_ignore_ascii_case(wanted)) {
            return Ok(text(found, "id")?.to_owned());
        }
        // lists end, and only go forward
        offset = page["next"].as_u64().filter(|next| *next > at);
    }
    Err(Failure::Refused(format!("the gateway knows no \"{wanted}\" among its {what}")))
}

/// Runs it.
///
/// # Errors
/// The file is unreadable, or something in it does not verify.
pub async fn run(session: &Session, arguments: &VerifyArguments) -> Result<(), Failure> {
    let (name, bytes) = bytes(arguments).await?;
    let export = AnswerExport::decode(&bytes).map_err(|e| Failure::NotVerified(format!("{name} is not an exported answer: {e}")))?;
    let keys = session.keys.verifying()?;
    let development = keys.development();
    let working = session.screen.working("verifying headers, paths and proofs");
    let finding = export.check(&KeyedChecker::new(keys)).map_err(|e| Failure::NotVerified(e.to_string()))?;
    let (signed, of) = decided(&export);
    drop(working);
    let answer = &finding.answer;
    let text = || {
        let mut lines = vec![
            format!("verified on this machine: answer of block {} by hospital {}", answer.height.0, answer.hospital),
            format!("consent state and withdrawals up to block {}, rule k_min {}", answer.named.0, answer.k_min),
            format!(
                "gates: {} released, {} small, {} withheld",
                answer.counts.released,
                answer.counts.small,
                answer.counts.withheld.iter().sum::<u32>()
            ),
            format!("network {}: compare with what a member you trust says", finding.network),
            format!("headers end in block {} ({}), decided by {signed} of {of} validators", finding.block, answer.height),
            NOT_CHECKED.to_owned(),
        ];
        if development {
            lines.push(DEVELOPMENT_NOTICE.to_owned());
        }
        lines.join("\n")
    };
    let value = || {
        json!({ "verified": true, "block": answer.height.0, "hospital": answer.hospital.to_string(), "named": answer.named.0, "k_min": answer.k_min,
            "gates": { "released": answer.counts.released, "small": answer.counts.small, "withheld": answer.counts.withheld },
            "network": finding.network.to_string(), "tip": finding.block.to_string(), "signed": signed, "validators": of, "development_keys": development, "not_checked": NOT_CHECKED })
    };
    session.screen.result(text, value);
    Ok(())
}

/// How many validators signed the last header, of how many.
fn decided(export: &AnswerExport) -> (usize, usize) {
    let signed = export.attestations.last().map_or(0, |a| a.certificate.signatures.len());
    let last = export.headers.last().map_or(Height(0), |h| h.height);
    // the set named before the last header decides it
    let named = export.attestations.iter().filter(|a| a.certificate.height < last).filter_map(|a| a.validators.as_ref()).next_back();
    (signed, named.map_or_else(|| export.genesis.validators().members().len(), |set| set.members().len()))
}
