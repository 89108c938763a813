//! What is left after a patient has left by key: a note to the hospital which scopes go, so that the rest counts again by a fresh slot.
//!
//! The withdrawal itself stands on the ledger and takes everything out at once. The note goes to the hospital any way there is, sealed to it and signed by the key that left.

use crate::{
    claim::ClaimError,
    codec::{DecodeError, Wire, bound, bytes_of},
    genesis::NetworkId,
    identity::{MemberId, PatientKey},
    sealed::{self, SealingSecret},
    time::BlockTime,
    transaction::Signature,
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{consent::SCOPES_MAX, hash::Digest32, tag};
use ed25519_dalek::{Signer, SigningKey};

/// Bytes of a scope's name, as a registry has it.
const SCOPE_BYTES_MAX: usize = 64;
/// How long after it was signed a note is taken: 30 days. Who finds it later does not change what was decided since.
pub const NARROWING_MS: u64 = 30 * 24 * 3_600_000;

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Narrowing {
    /// The slot that left.
    pub slot: u32,
    /// Its key.
    pub key: PatientKey,
    /// The scopes that go, by name.
    pub scopes: Vec<String>,
    /// When it was signed, by the patient's clock.
    pub signed: BlockTime,
    signature: Signature,
}

impl Wire for Narrowing {
    const WHAT: &'static str = "note that narrows";
    const BYTES_MAX: usize = 4 + 32 + 4 + SCOPES_MAX * (4 + SCOPE_BYTES_MAX) + 8 + 64;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        bound(Self::WHAT, "scopes", self.scopes.len(), SCOPES_MAX)?;
        self.scopes.iter().try_for_each(|scope| bound(Self::WHAT, "bytes of a scope", scope.len(), SCOPE_BYTES_MAX))
    }
}

impl Narrowing {
    /// A note signed by a slot's key, sealed to the hospital.
    ///
    /// # Errors
    /// The sealing key is none, there are no scopes or too many, or there is no entropy.
    pub fn seal(
        (network, hospital, sealing): (&NetworkId, &MemberId, [u8; 32]),
        (slot, secret): (u32, &SigningKey),
        scopes: Vec<String>,
        signed: BlockTime,
    ) -> Result<Vec<u8>, ClaimError> {
        let key = PatientKey::from(&secret.verifying_key());
        let signature = Signature(secret.sign(&message(network, hospital, slot, &scopes, signed).0).to_bytes());
        let note = Self { slot, key, scopes, signed, signature };
        if note.scopes.is_empty() || note.check_bounds().is_err() {
            return Err(ClaimError::Format);
        }
        Ok(sealed::seal(&note.encode(), &context(network, hospital), &[sealing])?)
    }

    /// Opens a note and checks that its key signed it. Whether that key stood for its slot, the ledger says.
    ///
    /// # Errors
    /// It is no note, is not for this hospital, or its key did not sign it.
    pub fn open(bytes: &[u8], network: &NetworkId, hospital: &MemberId, secret: &SealingSecret) -> Result<Self, ClaimError> {
        let opened = sealed::open(bytes, &context(network, hospital), secret)?;
        let note = Self::decode(&opened).map_err(|_| ClaimError::Format)?;
        let message = message(network, hospital, note.slot, &note.scopes, note.signed);
        let signature = ed25519_dalek::Signature::from_bytes(&note.signature.0);
        let signed = note.key.key().is_some_and(|key| key.verify_strict(&message.0, &signature).is_ok());
        if signed && !note.scopes.is_empty() { Ok(note) } else { Err(ClaimError::Keys) }
    }
}

fn message(network: &NetworkId, hospital: &MemberId, slot: u32, scopes: &[String], signed: BlockTime) -> Digest32 {
    Digest32::tagged(tag::NARROWING, [bytes_of(&(network, hospital, slot, scopes, signed)).as_slice()])
}

/// What a sealed note belongs to.
fn context(network: &NetworkId, hospital: &MemberId) -> Digest32 {
    Digest32::tagged(tag::NARROWING, [&network.0.0[..], &hospital.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_for_one_hospital_and_signed_as_it_stands() {
        let (network, hospital, secret) = (NetworkId(Digest32([1; 32])), MemberId([2; 32]), SealingSecret::from_bytes(&[4; 32]));
        let key = SigningKey::from_bytes(&[7; 32]);
        let seal = |scopes: Vec<String>| Narrowing::seal((&network, &hospital, secret.public()), (9, &key), scopes, BlockTime(5));
        let sealed = seal(vec!["c.labs".into()]).unwrap();
        let note = Narrowing::open(&sealed, &network, &hospital, &secret).unwrap();
        assert_eq!((note.slot, note.scopes.as_slice(), note.signed), (9, &["c.labs".to_owned()][..], BlockTime(5)));
        assert_eq!(note.key, PatientKey::from(&key.verifying_key()));
        assert_eq!(Narrowing::open(&sealed, &network, &MemberId([3; 32]), &secret), Err(ClaimError::NotHere), "another hospital");
        assert_eq!(Narrowing::open(&sealed, &NetworkId(Digest32([3; 32])), &hospital, &secret), Err(ClaimError::NotHere));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(Narrowing::open(&changed, &network, &hospital, &secret).is_err(), "byte {at}");
        }
        // whoever can seal to the hospital cannot sign for the patient
        for change in [
            |note: &mut Narrowing| note.slot += 1,
            |note: &mut Narrowing| note.scopes.clear(),
            |note: &mut Narrowing| note.scopes.push("c.vitals".into()),
            |note: &mut Narrowing| note.signed = BlockTime(6),
            |note: &mut Narrowing| note.key = PatientKey::from(&SigningKey::from_bytes(&[8; 32]).verifying_key()),
            |note: &mut Narrowing| note.signature.0[3] ^= 1,
        ] {
            let mut other = note.clone();
            change(&mut other);
            let sealed = sealed::seal(&other.encode(), &context(&network, &hospital), &[secret.public()]).unwrap();
            assert_eq!(Narrowing::open(&sealed, &network, &hospital, &secret), Err(ClaimError::Keys));
        }
        for none in [vec![], vec!["x".repeat(SCOPE_BYTES_MAX + 1)], vec!["c".to_owned(); SCOPES_MAX + 1]] {
            assert_eq!(seal(none), Err(ClaimError::Format));
        }
    }
}
