//! Auditing a chain as a gateway sends it, block by block.

use super::judged;
use crate::failure::Failure;
use anyhow::{Context, anyhow};
use countersign_circuits::hash::Digest32;
use countersign_ledger::ProofChecker;
use countersign_member::{gateway::GatewayClient, gateway::JSON_BYTES_MAX};
use countersign_messages::{Block, Certificate, Genesis, Height, MemberId, Signature, Wire};
use countersign_store::{AuditReport, Auditor};
use serde::Deserialize;
use std::path::Path;

/// How often a gateway that is busy is asked for one block.
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

/// Audits a gateway's chain up to the block that is its last when the audit starts.
pub(super) async fn chain(
    url: &str,
    genesis: Option<&Path>,
    checker: &dyn ProofChecker,
    mut progress: impl FnMut(&AuditReport),
) -> Result<AuditReport, Failure> {
    let client = GatewayClient::new(url)?;
    let bytes = match genesis {
        Some(path) => std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => client.raw_patiently("/v1/genesis", Genesis::BYTES_MAX, TRIES).await?,
    };
    let genesis = Genesis::decode(&bytes).map_err(|e| Failure::NotVerified(format!("the genesis: {e}")))?;
    let last = client.json("/v1/sync").await?["height"].as_u64().ok_or_else(|| anyhow!("{url} does not say how far its chain goes"))?;
    let mut auditor = Auditor::new(genesis, checker).map_err(judged)?;
    for height in 1..=last {
        let bytes = client.raw_patiently(&format!("/v1/blocks/{height}/raw"), Block::BYTES_MAX, TRIES).await?;
        let block = Block::decode(&bytes).map_err(|e| Failure::NotVerified(format!("block {height}: {e}")))?;
        let shown = client.raw_patiently(&format!("/v1/blocks/{height}"), JSON_BYTES_MAX, TRIES).await?;
        let certificate =
            certificate(&shown, height, &block).map_err(|e| Failure::NotVerified(format!("certificate of block {height}: {e}")))?;
        auditor.check_sent(block, &certificate).map_err(judged)?;
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
