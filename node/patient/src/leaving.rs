//! Leaving by one's own key, through gateways that may lie, refuse or be away: one honest one among them is enough.

use crate::{
    PatientError,
    receipt::{Decided, Departure, Receipt, find},
    standing::{genesis, slot, slots, uses},
};
use async_recursion::async_recursion as boxed;
use countersign_member::gateway::{GatewayClient, GatewayError};
use countersign_messages::{Sheet, Transaction, Wire};
use std::{collections::BTreeSet, time::Duration};

/// Pause between two looks, and between two tries of a gateway that is busy.
const LOOK: Duration = Duration::from_millis(500);
/// Looks: a minute and a half.
const LOOKS: u32 = 180;
/// Tries of a gateway that is busy.
const TRIES: u32 = 10;

/// Takes every slot of a sheet's keys out of force. Every gateway is asked which slots there are, what any of them says is signed, and every one gets it; then it is waited until some gateway shows it in a
/// block. Whatever one says alone of a slot that has left, or is none, keeps nothing from being sent to the others. Run again, it finds what the first run did.
///
/// # Errors
/// No gateway answers ([`PatientError::Gateway`], of the last), none has a slot with a key of this sheet, or none shows a block in time.
#[boxed]
pub async fn withdraw(clients: &[GatewayClient], sheet: &Sheet) -> Result<Vec<Departure>, PatientError> {
    let (mut places, mut failed, mut heard) = (BTreeSet::new(), PatientError::NoGateway, Vec::new());
    for client in clients {
        match slots(client, sheet).await {
            Ok(found) => {
                places.extend(found.into_iter().map(|(number, slot)| (number, slot.slot)));
                heard.push(client);
            }
            Err(error) => failed = error,
        }
    }
    if heard.is_empty() {
        return Err(failed);
    }
    let mut departures = Vec::new();
    for (number, place) in places {
        let transaction = sheet.withdraw(number, place);
        send(&heard, &transaction).await;
        departures.extend(departed(&heard, sheet, (number, place), &transaction).await?);
    }
    if departures.is_empty() { Err(PatientError::NotEnrolled) } else { Ok(departures) }
}

/// Sends to all. What each says of it does not count: where it stands is looked up.
async fn send(clients: &[&GatewayClient], transaction: &Transaction) {
    for client in clients {
        for _ in 0..TRIES {
            match client.post("/v1/transactions", transaction.encode()).await {
                Err(GatewayError::Problem(problem)) if problem.is_busy() => tokio::time::sleep(LOOK).await,
                _ => break,
            }
        }
    }
}

/// Waits until a slot has left. `None`: no gateway has the slot for this key, so that one alone had named it.
async fn departed(
    clients: &[&GatewayClient],
    sheet: &Sheet,
    (number, place): (u32, u32),
    transaction: &Transaction,
) -> Result<Option<Departure>, PatientError> {
    for _ in 0..LOOKS {
        let (mut there, mut in_force, mut best, mut otherwise) = (false, false, None::<Receipt>, None);
        for client in clients {
            // who is away now may be back later; the others go on
            let Ok(Some(now)) = slot(client, sheet, number).await else { continue };
            if now.slot != place {
                continue;
            }
            there = true;
            let Some(left) = now.left else {
                in_force = true;
                continue;
            };
            match receipt(client, sheet, number, (&now.hospital_name, place, left.height), transaction).await {
                Ok(Some(found)) if best.as_ref().is_none_or(|best| best.decided < found.decided) => best = Some(found),
                Ok(Some(_)) | Err(_) => {}
                Ok(None) if left.by != "key" => {
                    otherwise = Some(Departure::ByHospital { slot: place, hospital: now.hospital_name, height: left.height, by: left.by });
                }
                // by key, and not by this one's transaction: it does not say the truth
                Ok(None) => in_force = true,
            }
        }
        match (best, otherwise) {
            // checked here: what others say does not matter
            (Some(best), _) if best.decided == Decided::Validators || !in_force => return Ok(Some(Departure::ByKey(best))),
            (None, Some(otherwise)) if !in_force => return Ok(Some(otherwise)),
            _ if !there => return Ok(None),
            _ => tokio::time::sleep(LOOK).await,
        }
    }
    Err(PatientError::Waiting)
}

async fn receipt(
    client: &GatewayClient,
    sheet: &Sheet,
    number: u32,
    (hospital, slot, height): (&str, u32, u64),
    transaction: &Transaction,
) -> Result<Option<Receipt>, PatientError> {
    let genesis = genesis(client, sheet.network).await?;
    let Some((block, decided)) = find(client, &genesis, height, transaction.id()).await? else { return Ok(None) };
    Ok(Some(Receipt {
        slot,
        hospital: hospital.to_owned(),
        transaction: transaction.id().into(),
        height,
        block: block.header.id().into(),
        decided,
        released_before: uses(client, sheet, number).await?.len(),
    }))
}
