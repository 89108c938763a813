//! What a patient does: keys of one's own, what the ledger has of one's slots, and leaving.
//!
//! A hospital hands over a [`Letter`]. [`claim`] makes a [`Sheet`] (the secret, to be kept and printed) and a request for the hospital. Once the hospital has enrolled the key,
//! [`standing`] says which slot it stands for and which answers that could be counted in, and [`withdraw`] takes it out of force, through any gateways, without the hospital.
//! What a hospital shows of one record, [`check_record`] holds against the chain.
//! Gateways are not trusted with more than carrying: one honest one among those that are named is enough, and a [`Receipt`] says by whom its block was decided.

mod error;
mod leaving;
mod narrowing;
mod receipt;
mod record;
mod standing;

pub use error::PatientError;
pub use leaving::withdraw;
pub use narrowing::{Narrowed, narrow};
pub use receipt::{Decided, Departure, Receipt, check_receipt};
pub use record::{CheckedRecord, CheckedRow, Content, Value, check_record};
pub use standing::{Place, standing};

use countersign_messages::{ClaimRequest, KEYS_OF_A_CLAIM, Letter, Sheet};

/// A fresh sheet for a hospital's letter, and the request that the hospital takes, sealed to it.
///
/// # Errors
/// The letter's keys are none, or there is no entropy.
pub fn claim(letter: &Letter) -> Result<(Sheet, Vec<u8>), PatientError> {
    let sheet = Sheet::generate(letter.network, letter.hospital)?;
    let keys: Vec<_> = (0..KEYS_OF_A_CLAIM as u32).map(|number| sheet.key(number)).collect();
    let request = ClaimRequest::seal(letter, &keys)?;
    Ok((sheet, request))
}
