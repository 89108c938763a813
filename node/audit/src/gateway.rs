//! What a gateway sends, which is not trusted: a chain block by block, an exported answer.

use crate::AuditError;
use countersign_circuits::hash::Digest32;
use countersign_ledger::{ProofChecker, light::EXPORT_BYTES_MAX};
use countersign_member::gateway::GatewayClient;
use countersign_messages::{
    Block, Genesis, Height, Wire,
    json::{self, Id},
};
use countersign_store::{AuditReport, Auditor};
use serde::de::DeserializeOwned;

/// How often a gateway that is busy is asked for one thing.
const TRIES: u32 = 20;

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
    let last = client.get::<json::Sync>("/v1/sync").await?.height;
    let mut auditor = Auditor::new(genesis, checker)?;
    for height in 1..=last {
        let bytes = client.raw_patiently(&format!("/v1/blocks/{height}/raw"), Block::BYTES_MAX, TRIES).await?;
        let block = Block::decode(&bytes).map_err(|e| AuditError::not_verified(&format!("block {height}"), e))?;
        let shown: json::Block = client.get_patiently(&format!("/v1/blocks/{height}"), TRIES).await?;
        let certificate = shown.certificate.of_block(Height(height), block.header.id());
        certificate.check_bounds().map_err(|e| AuditError::not_verified(&format!("certificate of block {height}"), e))?;
        auditor.check_sent(block, &certificate)?;
        progress(auditor.report());
    }
    Ok(auditor.report().clone())
}

/// An exported answer: where it is, and its bytes.
pub(crate) async fn export(client: &GatewayClient, query: &str, site: &str) -> Result<(String, Vec<u8>), AuditError> {
    let query = listed(client, "queries", query, |item: json::QuerySummary| (item.id, format!("Q-{}", item.number))).await?;
    let site = listed(client, "members", site, |item: json::Member| (item.id, item.name)).await?;
    let path = format!("/v1/queries/{query}/answers/{site}/export");
    Ok((format!("{}{path}", client.base()), client.raw_patiently(&path, EXPORT_BYTES_MAX, TRIES).await?))
}

/// The id of what a person names, from a list of the gateway's.
async fn listed<T: DeserializeOwned>(
    client: &GatewayClient,
    what: &'static str,
    wanted: &str,
    named: impl Fn(T) -> (Id, String),
) -> Result<Id, AuditError> {
    if let Ok(id) = wanted.parse::<Digest32>() {
        return Ok(id.into());
    }
    let of_that_name = |item| {
        let (id, name) = named(item);
        name.eq_ignore_ascii_case(wanted).then_some(id)
    };
    let found = client.find(&format!("/v1/{what}"), of_that_name).await?;
    found.ok_or_else(|| AuditError::NotListed { what, wanted: wanted.to_owned() })
}
