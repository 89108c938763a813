//! Leaving by one's own key.

use crate::{
    PatientError,
    receipt::{Receipt, find},
    standing::{Place, check_network, slot, standing},
};
use async_recursion::async_recursion as boxed;
use countersign_member::gateway::{GatewayClient, GatewayError};
use countersign_messages::{Sheet, Transaction, Wire};
use std::time::Duration;

/// Pause between two looks at whether it stands in a block.
const LOOK: Duration = Duration::from_millis(500);
/// Looks: a minute and a half.
const LOOKS: u32 = 180;

/// Takes every slot in force of a sheet's keys out of force: signs, sends to all gateways, and waits until it stands in a block. One gateway is enough for it to happen; more, and none of
/// them can keep it back. Run again, it looks where the first run ended.
///
/// # Errors
/// No gateway takes it ([`PatientError::Gateway`], of the last), no key is enrolled, all slots have left already, or no block came in time.
#[boxed]
pub async fn withdraw(clients: &[GatewayClient], sheet: &Sheet) -> Result<Vec<Receipt>, PatientError> {
    let (client, places) = first_that_answers(clients, sheet).await?;
    let left = places.iter().filter_map(|place| place.slot.left.as_ref().map(|left| left.height)).max();
    let in_force: Vec<&Place> = places.iter().filter(|place| place.slot.left.is_none()).collect();
    if in_force.is_empty() {
        return Err(left.map_or(PatientError::NotEnrolled, PatientError::Left));
    }
    let mut receipts = Vec::new();
    for place in in_force {
        let transaction = sheet.withdraw(place.number, place.slot.slot);
        send(clients, &transaction).await?;
        receipts.push(await_block(client, sheet, place, &transaction).await?);
    }
    Ok(receipts)
}

async fn first_that_answers<'a>(clients: &'a [GatewayClient], sheet: &Sheet) -> Result<(&'a GatewayClient, Vec<Place>), PatientError> {
    let mut failed = PatientError::NoGateway;
    for client in clients {
        match standing(client, sheet).await {
            Ok(places) => return Ok((client, places)),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Sends to all; one that takes it, or knows it, is enough.
async fn send(clients: &[GatewayClient], transaction: &Transaction) -> Result<(), PatientError> {
    let (mut taken, mut failed) = (false, None);
    for client in clients {
        match client.post("/v1/transactions", transaction.encode()).await {
            Ok(()) => taken = true,
            // it stands in a block meanwhile, or waits there already
            Err(GatewayError::Problem(problem)) if problem.is_conflict() => taken = true,
            Err(error) => failed = Some(error),
        }
    }
    if taken { Ok(()) } else { Err(failed.map_or(PatientError::NoGateway, Into::into)) }
}

async fn await_block(client: &GatewayClient, sheet: &Sheet, place: &Place, transaction: &Transaction) -> Result<Receipt, PatientError> {
    let genesis = check_network(client, sheet).await?;
    for _ in 0..LOOKS {
        let now = slot(client, sheet, place.number).await?;
        if let Some(left) = now.and_then(|slot| slot.left) {
            // by the hospital's hand in the same moment: it has left all the same
            let Some((block, decided)) = find(client, &genesis, left.height, transaction).await? else {
                return Err(PatientError::Left(left.height));
            };
            return Ok(Receipt {
                slot: place.slot.slot,
                hospital: place.slot.hospital_name.clone(),
                transaction: transaction.id().into(),
                height: left.height,
                block: block.header.id().into(),
                decided,
                released_before: place.uses.len(),
            });
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(PatientError::Waiting)
}
