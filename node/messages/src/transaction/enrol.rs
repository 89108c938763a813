//! Keys of patients: each stands for one slot, and takes it out of force.

use super::Signature;
use crate::{
    codec::{DecodeError, bound, bytes_of},
    genesis::NetworkId,
    identity::{MemberId, PatientKey},
    limits::ENROLMENTS_MAX,
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{hash::Digest32, tag};
use ed25519_dalek::{Signer, SigningKey};

/// A key for a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Enrolment {
    /// A slot of the hospital's register.
    pub slot: u32,
    /// The patient's key.
    pub key: PatientKey,
    /// By the key itself, over network and hospital: whoever asked for it has the secret.
    pub possession: Signature,
}

/// Enrols keys of patients for their slots (hospital). That a key is the patient's is the hospital's word, until the patient has the slot's row opened.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Enrol {
    /// Strictly ascending by slot.
    pub keys: Vec<Enrolment>,
}

impl Enrol {
    pub(super) fn check_bounds(&self) -> Result<(), DecodeError> {
        bound("enrolment", "keys", self.keys.len(), ENROLMENTS_MAX)
    }
}

impl PatientKey {
    /// Shows that one has a key's secret, to one hospital of one network.
    pub fn prove_possession(key: &SigningKey, network: &NetworkId, hospital: &MemberId) -> Signature {
        let public = Self::from(&key.verifying_key());
        Signature(key.sign(&possession(network, hospital, &public).0).to_bytes())
    }

    /// Checks such a proof strictly.
    pub fn check_possession(&self, network: &NetworkId, hospital: &MemberId, proof: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&proof.0);
        self.key().is_some_and(|key| key.verify_strict(&possession(network, hospital, self).0, &signature).is_ok())
    }
}

fn possession(network: &NetworkId, hospital: &MemberId, key: &PatientKey) -> Digest32 {
    Digest32::tagged(tag::PATIENT_KEY, [bytes_of(&(network, hospital, key)).as_slice()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn possession_is_of_one_key_for_one_hospital_of_one_network() {
        let secret = SigningKey::from_bytes(&[7; 32]);
        let key = PatientKey::from(&secret.verifying_key());
        let (network, hospital) = (NetworkId(Digest32([1; 32])), MemberId([2; 32]));
        let proof = PatientKey::prove_possession(&secret, &network, &hospital);
        assert!(key.check_possession(&network, &hospital, &proof));
        assert!(!key.check_possession(&NetworkId(Digest32([3; 32])), &hospital, &proof), "another network");
        assert!(!key.check_possession(&network, &MemberId([3; 32]), &proof), "another hospital");
        let other = PatientKey::from(&SigningKey::from_bytes(&[8; 32]).verifying_key());
        assert!(!other.check_possession(&network, &hospital, &proof), "another key");
        let mut changed = proof;
        changed.0[5] ^= 1;
        assert!(!key.check_possession(&network, &hospital, &changed), "another signature");
        // the point of order two is a key whose signatures bind nobody
        assert!(!PatientKey([0; 32]).check_possession(&network, &hospital, &proof));
    }
}
