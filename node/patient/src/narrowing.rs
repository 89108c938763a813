//! Taking back a part: everything leaves at once by the key, and a note to the hospital says what of the rest may count again.

use crate::{
    PatientError,
    leaving::withdraw,
    receipt::Departure,
    standing::{genesis, slots},
};
use async_recursion::async_recursion as boxed;
use countersign_member::{gateway::GatewayClient, now};
use countersign_messages::{Narrowing, Sheet, json};

/// A part that was taken back.
#[derive(Debug)]
pub struct Narrowed {
    /// How the slot left.
    pub departures: Vec<Departure>,
    /// The note, sealed to the hospital: to be brought or sent there.
    pub note: Vec<u8>,
}

/// Takes everything of a sheet's slot out of force, as [`withdraw`] does, and writes the note for the hospital by which all but some scopes count again, from its next anchor on.
///
/// # Errors
/// As [`withdraw`]; [`PatientError::NotEnrolled`] if no slot has a key of the sheet; [`PatientError::LeftOtherwise`]; the scopes are none or too many.
#[boxed]
pub async fn narrow(clients: &[GatewayClient], sheet: &Sheet, scopes: &[String]) -> Result<Narrowed, PatientError> {
    let (mut failed, mut found) = (PatientError::NoGateway, None::<(u32, u32, [u8; 32])>);
    for client in clients {
        match last_slot(client, sheet).await {
            Ok(Some(last)) if found.is_none_or(|(number, ..)| number < last.0) => found = Some(last),
            Ok(_) => {}
            Err(error) => failed = error,
        }
    }
    let Some((number, slot, sealing)) = found else {
        return Err(if matches!(failed, PatientError::NoGateway) { PatientError::NotEnrolled } else { failed });
    };
    // made first: what cannot be said must take nothing out
    let whom = (&sheet.network, &sheet.hospital, sealing);
    let note = Narrowing::seal(whom, (slot, &sheet.key(number)), scopes.to_vec(), now())?;
    let departures = withdraw(clients, sheet).await?;
    let by_key = departures.iter().any(|left| matches!(left, Departure::ByKey(receipt) if receipt.slot == slot));
    if by_key { Ok(Narrowed { departures, note }) } else { Err(PatientError::LeftOtherwise) }
}

/// The last of a sheet's slots (its key's number and place), and the key that is sealed to at its hospital.
async fn last_slot(client: &GatewayClient, sheet: &Sheet) -> Result<Option<(u32, u32, [u8; 32])>, PatientError> {
    genesis(client, sheet.network).await?;
    let Some((number, place)) = slots(client, sheet).await?.pop() else { return Ok(None) };
    let members: Vec<json::Member> = client.list("/v1/members").await?;
    let hospital = members.into_iter().find(|member| member.id.0.0 == sheet.hospital.0);
    Ok(hospital.map(|hospital| (number, place.slot, hospital.sealing.0.0)))
}
