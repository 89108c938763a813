//! What the ledger has of a sheet's keys, as a gateway says it.

use crate::{PatientError, receipt::TRIES};
use async_recursion::async_recursion as boxed;
use countersign_member::gateway::{GatewayClient, GatewayError};
use countersign_messages::{
    Genesis, KEYS_OF_A_CLAIM, NetworkId, Sheet, Wire,
    json::{PatientSlot, Use},
};
use serde::Serialize;

/// A slot that one of a sheet's keys stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Which key: 0 for the first slot, more for later ones.
    pub number: u32,
    /// The slot.
    #[serde(flatten)]
    pub slot: PatientSlot,
    /// Answers it could be counted in.
    pub uses: Vec<Use>,
}

/// The slots of a sheet's keys, with what they could be counted in. Keys are enrolled in their order: the gateway is asked for the first that is not, and for none after it, so that it does not hear
/// which later keys are the same person's.
///
/// # Errors
/// The gateway is of another network, is none, or is not there.
#[boxed]
pub async fn standing(client: &GatewayClient, sheet: &Sheet) -> Result<Vec<Place>, PatientError> {
    let mut places = Vec::new();
    for (number, slot) in slots(client, sheet).await? {
        let uses = uses(client, sheet, number).await?;
        places.push(Place { number, slot, uses });
    }
    Ok(places)
}

/// The slots of a sheet's keys.
pub(crate) async fn slots(client: &GatewayClient, sheet: &Sheet) -> Result<Vec<(u32, PatientSlot)>, PatientError> {
    genesis(client, sheet.network).await?;
    let mut found = Vec::new();
    for number in 0..KEYS_OF_A_CLAIM as u32 {
        match slot(client, sheet, number).await? {
            Some(slot) => found.push((number, slot)),
            None => break,
        }
    }
    Ok(found)
}

/// The answers that a key's slot could be counted in.
pub(crate) async fn uses(client: &GatewayClient, sheet: &Sheet, number: u32) -> Result<Vec<Use>, PatientError> {
    Ok(client.list(&format!("/v1/patients/{}/uses", sheet.public(number))).await?)
}

/// The slot a key stands for.
pub(crate) async fn slot(client: &GatewayClient, sheet: &Sheet, number: u32) -> Result<Option<PatientSlot>, PatientError> {
    match client.get_patiently(&format!("/v1/patients/{}", sheet.public(number)), TRIES).await {
        Ok(slot) => Ok(Some(slot)),
        Err(GatewayError::Problem(problem)) if problem.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The gateway's genesis, if it is that of a network.
pub(crate) async fn genesis(client: &GatewayClient, network: NetworkId) -> Result<Genesis, PatientError> {
    let other = || PatientError::OtherNetwork { gateway: client.base().to_owned(), network };
    let bytes = client.raw_patiently("/v1/genesis", Genesis::BYTES_MAX, TRIES).await?;
    let genesis = Genesis::decode(&bytes).map_err(|_| other())?;
    if genesis.network() == network { Ok(genesis) } else { Err(other()) }
}
