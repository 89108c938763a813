//! What a gateway sends, which is not trusted: a chain block by block, an exported answer.

use crate::AuditError;
use countersign_circuits::hash::Digest32;
use countersign_ledger::{ProofChecker, light::EXPORT_BYTES_MAX};
use countersign_member::gateway::{GatewayClient, GatewayError, JSON_BYTES_MAX, text};
use countersign_messages::{Block, Certificate, Genesis, Height, MemberId, Signature, Wire};
use countersign_store::{AuditReport, Auditor};
use serde::Deserialize;
use serde_json::Value;

/// How often a gateway that is busy is asked for one thing.
const TRIES: u32 = 20;

/// What is read of a block's JSON; the block itself comes as its bytes.
#[derive(Deserialize)]
struct Shown {
    certificate: ShownCertificate,
}

#[derive(Deserialize)]
struct ShownCertificate {
    round: u32,
    signatures: Vec<ShownSignature>,
}

#[derive(Deserialize)]
struct ShownSignature {
    validator: Digest32,
    signature: String,
}

/// Audits a gateway's chain. `genesis` are the bytes of one's own genesis file.
pub(crate) async fn audit(
    client: &GatewayClient,
    genesis: Option<Vec<u8>>,
    checker: &dyn ProofChecker,
    mut progress: impl FnMut(&AuditReport),
) -> Result<AuditReport, AuditError> {
    let bytes = match genesis {
        Some(bytes) => bytes,
        None => client.raw_patiently("/v1/genesis", Genesis::BYTES_MAX, TRIES).await?,
    };
    let genesis = Genesis::decode(&bytes).map_err(|e| AuditError::not_verified("the genesis", e))?;
    let last = client.json("/v1/sync").await?["height"].as_u64();
    let last = last
        .ok_or_else(|| GatewayError::Foreign { base: client.base().to_owned(), reason: "it does not say how far its chain goes".into() })?;
    let mut auditor = Auditor::new(genesis, checker)?;
    for height in 1..=last {
        let bytes = client.raw_patiently(&format!("/v1/blocks/{height}/raw"), Block::BYTES_MAX, TRIES).await?;
        let block = Block::decode(&bytes).map_err(|e| AuditError::not_verified(&format!("block {height}"), e))?;
        let shown = client.raw_patiently(&format!("/v1/blocks/{height}"), JSON_BYTES_MAX, TRIES).await?;
        let certificate =
            certificate(&shown, height, &block).map_err(|e| AuditError::not_verified(&format!("certificate of block {height}"), e))?;
        auditor.check_sent(block, &certificate)?;
        progress(auditor.report());
    }
    Ok(auditor.report().clone())
}

/// The certificate in a block's JSON. That it is about the block is what its signatures say.
fn certificate(json: &[u8], height: u64, block: &Block) -> Result<Certificate, String> {
    let shown: Shown = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    let signature = |s: &ShownSignature| -> Result<(MemberId, Signature), String> {
        let mut bytes = [0; 64];
        hex::decode_to_slice(&s.signature, &mut bytes).map_err(|e| e.to_string())?;
        Ok((MemberId(s.validator.0), Signature(bytes)))
    };
    let signatures = shown.certificate.signatures.iter().map(signature).collect::<Result<_, _>>()?;
    let certificate = Certificate { height: Height(height), round: shown.certificate.round, block: block.header.id(), signatures };
    certificate.check_bounds().map_err(|e| e.to_string())?;
    Ok(certificate)
}

/// An exported answer: where it is, and its bytes.
pub(crate) async fn export(client: &GatewayClient, query: &str, site: &str) -> Result<(String, Vec<u8>), AuditError> {
    let query = listed(client, "queries", query, &|item| format!("Q-{}", item["number"])).await?;
    let site = listed(client, "members", site, &|item| item["name"].as_str().unwrap_or_default().to_owned()).await?;
    let path = format!("/v1/queries/{query}/answers/{site}/export");
    Ok((format!("{}{path}", client.base()), client.raw_patiently(&path, EXPORT_BYTES_MAX, TRIES).await?))
}

/// The id of what a person names, from a list of the gateway's.
async fn listed(
    client: &GatewayClient,
    what: &'static str,
    wanted: &str,
    name: &(dyn Fn(&Value) -> String + Sync),
) -> Result<String, AuditError> {
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
    Err(AuditError::NotListed { what, wanted: wanted.to_owned() })
}
