//! How a patient's keys come to a hospital: a letter with a code that is good once, and a request made with it.
//!
//! The letter goes from hand to hand. The request goes any way there is: it is sealed to the hospital (HPKE, as answers are), shows possession of every key, and carries a MAC under the code
//! (HMAC-SHA256, RFC 2104), so that whoever carries it can neither read nor change it. It is never on the chain. Which claim it belongs to is told by a digest of the code.

use crate::{
    codec::{DecodeError, Wire, bound, bytes_of},
    genesis::NetworkId,
    identity::{MemberId, PatientKey},
    sealed::{self, SealError, SealingSecret},
    transaction::Signature,
    typed,
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{hash::Digest32, tag};
use ed25519_dalek::SigningKey;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::{fmt, str::FromStr};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Keys of one request: the slot of now, and those of a person's later slots, so that one sheet stays good.
pub const KEYS_OF_A_CLAIM: usize = 9;
/// Bytes of a code: nobody guesses it.
const CODE_BYTES: usize = 16;

/// A code that a patient claims a place with. Good once. Hidden in `Debug`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ClaimCode([u8; CODE_BYTES]);

/// Which claim: what is shown of a code to those who may not know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct ClaimId(pub [u8; 16]);

/// Why a claim comes to nothing. The patient, or whoever sent it, is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Not a code.
    #[error("this is no claim code: it has 29 letters and digits, usually in groups of four and five; check what was typed")]
    Code,
    /// Not a letter.
    #[error("this is no letter with a claim: it has the lines network, hospital, sealing and code, as the hospital printed them")]
    Letter,
    /// Not a request.
    #[error("this is no request for a claim")]
    Format,
    /// Sealed to another hospital.
    #[error("the request is not for this hospital, or was changed on its way")]
    NotHere,
    /// Made with another code, or changed.
    #[error("the request was not made with the code of its claim")]
    Mac,
    /// A key without its secret.
    #[error("the request has a key without proof that somebody has its secret, or one key twice")]
    Keys,
    /// No entropy.
    #[error("the operating system gives no randomness")]
    Entropy,
}

impl From<SealError> for ClaimError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Format => Self::Format,
            SealError::Entropy => Self::Entropy,
            SealError::Recipients | SealError::NotForYou | SealError::Damaged => Self::NotHere,
        }
    }
}

impl fmt::Debug for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimCode(secret)")
    }
}

impl ClaimCode {
    /// A fresh code.
    ///
    /// # Errors
    /// [`ClaimError::Entropy`].
    pub fn generate() -> Result<Self, ClaimError> {
        let mut bytes = [0; CODE_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| ClaimError::Entropy)?;
        Ok(Self(bytes))
    }

    /// A stored code.
    pub fn from_bytes(bytes: [u8; CODE_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes to store, with care.
    pub fn as_bytes(&self) -> &[u8; CODE_BYTES] {
        &self.0
    }

    /// Which claim it is of.
    pub fn id(&self) -> ClaimId {
        let Digest32(digest) = Digest32::tagged(tag::CLAIM, [self.0.as_slice()]);
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        ClaimId(id)
    }

    fn mac(&self, network: &NetworkId, hospital: &MemberId, keys: &[(PatientKey, Signature)]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.0).expect("a key of any length will do");
        mac.update(&Digest32::tagged(tag::CLAIM_REQUEST, [bytes_of(&(network, hospital, keys)).as_slice()]).0);
        mac
    }
}

/// As it is typed.
impl fmt::Display for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&typed::write(&self.0))
    }
}

impl FromStr for ClaimCode {
    type Err = ClaimError;

    fn from_str(text: &str) -> Result<Self, ClaimError> {
        Ok(Self(*typed::read(text).ok_or(ClaimError::Code)?))
    }
}

/// What a hospital hands to a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The network.
    pub network: NetworkId,
    /// The hospital.
    pub hospital: MemberId,
    /// The key requests are sealed to.
    pub sealing: [u8; 32],
    /// The code.
    pub code: ClaimCode,
}

/// The lines that a program reads; what else a letter says is for people.
impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "network {}", self.network.0)?;
        writeln!(f, "hospital {}", self.hospital)?;
        writeln!(f, "sealing {}", Digest32(self.sealing))?;
        write!(f, "code {}", self.code)
    }
}

impl FromStr for Letter {
    type Err = ClaimError;

    fn from_str(text: &str) -> Result<Self, ClaimError> {
        let line = |name: &str| line(text, name).ok_or(ClaimError::Letter);
        let digest = |name: &str| line(name)?.parse::<Digest32>().map_err(|_| ClaimError::Letter);
        Ok(Self {
            network: NetworkId(digest("network")?),
            hospital: MemberId(digest("hospital")?.0),
            sealing: digest("sealing")?.0,
            code: line("code")?.parse()?,
        })
    }
}

/// What stands behind a word at the beginning of a line, if there is one such line.
pub(crate) fn line<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let mut found = text.lines().filter_map(|line| line.trim().strip_prefix(word)?.strip_prefix(' '));
    let first = found.next()?;
    found.next().is_none().then(|| first.trim())
}

/// Keys a patient asks a hospital to enrol, one a slot.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ClaimRequest {
    /// Which claim.
    pub claim: ClaimId,
    /// Keys with proofs of possession.
    pub keys: Vec<(PatientKey, Signature)>,
    mac: [u8; 32],
}

impl Wire for ClaimRequest {
    const WHAT: &'static str = "request for a claim";
    const BYTES_MAX: usize = 16 + 4 + KEYS_OF_A_CLAIM * 96 + 32;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        bound(Self::WHAT, "keys", self.keys.len(), KEYS_OF_A_CLAIM)
    }
}

impl ClaimRequest {
    /// Asks for these keys with the code of a letter; sealed to the hospital.
    ///
    /// # Errors
    /// The letter's sealing key is none, or there is no entropy.
    ///
    /// # Panics
    /// With more than [`KEYS_OF_A_CLAIM`] keys.
    pub fn seal(letter: &Letter, secrets: &[SigningKey]) -> Result<Vec<u8>, ClaimError> {
        assert!(secrets.len() <= KEYS_OF_A_CLAIM, "a claim is for {KEYS_OF_A_CLAIM} keys at most");
        let Letter { network, hospital, sealing, code } = letter;
        let one =
            |secret: &SigningKey| (PatientKey::from(&secret.verifying_key()), PatientKey::prove_possession(secret, network, hospital));
        let keys: Vec<(PatientKey, Signature)> = secrets.iter().map(one).collect();
        let mac = code.mac(network, hospital, &keys).finalize().into_bytes().into();
        let request = Self { claim: code.id(), keys, mac };
        Ok(sealed::seal(&request.encode(), &context(network, hospital), &[*sealing])?)
    }

    /// Opens a request. What it asks for holds only if [`Self::check`] says so.
    ///
    /// # Errors
    /// It is no request, or not for this hospital.
    pub fn open(bytes: &[u8], network: &NetworkId, hospital: &MemberId, secret: &SealingSecret) -> Result<Self, ClaimError> {
        let opened = sealed::open(bytes, &context(network, hospital), secret)?;
        Self::decode(&opened).map_err(|_| ClaimError::Format)
    }

    /// Checks that it was made with this code, and that somebody has the secret of every key.
    ///
    /// # Errors
    /// [`ClaimError::Mac`] or [`ClaimError::Keys`].
    pub fn check(&self, code: &ClaimCode, network: &NetworkId, hospital: &MemberId) -> Result<(), ClaimError> {
        // in constant time
        code.mac(network, hospital, &self.keys).verify_slice(&self.mac).map_err(|_| ClaimError::Mac)?;
        let twice = self.keys.iter().enumerate().any(|(i, (key, _))| self.keys[..i].iter().any(|(other, _)| other == key));
        let possessed = self.keys.iter().all(|(key, proof)| key.check_possession(network, hospital, proof));
        if self.claim == code.id() && !self.keys.is_empty() && !twice && possessed { Ok(()) } else { Err(ClaimError::Keys) }
    }
}

/// What a sealed request belongs to.
fn context(network: &NetworkId, hospital: &MemberId) -> Digest32 {
    Digest32::tagged(tag::CLAIM_REQUEST, [&network.0.0[..], &hospital.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(code: ClaimCode) -> (Letter, SealingSecret) {
        let secret = SealingSecret::from_bytes(&[4; 32]);
        let letter = Letter { network: NetworkId(Digest32([1; 32])), hospital: MemberId([2; 32]), sealing: secret.public(), code };
        (letter, secret)
    }

    fn secrets(count: u8) -> Vec<SigningKey> {
        (1..=count).map(|i| SigningKey::from_bytes(&[i; 32])).collect()
    }

    #[test]
    fn a_code_is_read_as_it_is_written_and_hidden_from_logs() {
        let code = ClaimCode::from_bytes([7; 16]);
        assert_eq!(code.to_string().parse::<ClaimCode>().unwrap(), code);
        assert_eq!("nonsense".parse::<ClaimCode>(), Err(ClaimError::Code));
        assert_eq!(format!("{code:?}"), "ClaimCode(secret)");
    }

    #[test]
    fn a_letter_is_read_among_words_for_people() {
        let (letter, _) = letter(ClaimCode::from_bytes([9; 16]));
        let text =
            format!("Dear patient,\nthe lines below are for the program:\n\n  {}\n\nYours", letter.to_string().replace('\n', "\n  "));
        assert_eq!(text.parse::<Letter>().unwrap(), letter);
        assert_eq!(text.replace("sealing", "ceiling").parse::<Letter>(), Err(ClaimError::Letter));
        assert_eq!(format!("{text}\nhospital {}", letter.hospital).parse::<Letter>(), Err(ClaimError::Letter), "two hospitals");
        assert_eq!(text.replace("code ", "code 1").parse::<Letter>(), Err(ClaimError::Code));
    }

    #[test]
    fn a_request_is_for_one_claim_of_one_hospital_and_cannot_be_changed() {
        let code = ClaimCode::from_bytes([9; 16]);
        let (letter, secret) = letter(code.clone());
        let sealed = ClaimRequest::seal(&letter, &secrets(9)).unwrap();
        let open = |hospital: &MemberId, secret: &SealingSecret| ClaimRequest::open(&sealed, &letter.network, hospital, secret);
        let request = open(&letter.hospital, &secret).unwrap();
        assert_eq!((request.keys.len(), request.claim), (9, code.id()));
        assert_eq!(request.check(&code, &letter.network, &letter.hospital), Ok(()));

        assert_eq!(open(&MemberId([3; 32]), &secret), Err(ClaimError::NotHere), "another hospital");
        assert_eq!(open(&letter.hospital, &SealingSecret::from_bytes(&[5; 32])), Err(ClaimError::NotHere), "another key");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(ClaimRequest::open(&changed, &letter.network, &letter.hospital, &secret).is_err(), "byte {at}");
        }
        let mac = |change: &dyn Fn(&mut ClaimRequest)| {
            let mut bad = request.clone();
            change(&mut bad);
            bad.check(&code, &letter.network, &letter.hospital)
        };
        assert_eq!(mac(&|r| r.mac[0] ^= 1), Err(ClaimError::Mac));
        assert_eq!(mac(&|r| r.keys.truncate(8)), Err(ClaimError::Mac), "a key left out");
        assert_eq!(mac(&|r| r.keys.swap(0, 1)), Err(ClaimError::Mac), "another order");
        assert_eq!(request.check(&ClaimCode::from_bytes([8; 16]), &letter.network, &letter.hospital), Err(ClaimError::Mac), "another code");
        assert_eq!(request.check(&code, &NetworkId(Digest32([3; 32])), &letter.hospital), Err(ClaimError::Mac), "another network");
        assert_eq!(mac(&|r| r.claim.0[0] ^= 1), Err(ClaimError::Keys), "said to be of another claim");
        // made with the code, but not well
        let remade = |keys: Vec<(PatientKey, Signature)>| {
            let mac = code.mac(&letter.network, &letter.hospital, &keys).finalize().into_bytes().into();
            ClaimRequest { claim: code.id(), keys, mac }.check(&code, &letter.network, &letter.hospital)
        };
        assert_eq!(remade(Vec::new()), Err(ClaimError::Keys));
        assert_eq!(remade(vec![request.keys[0], request.keys[0]]), Err(ClaimError::Keys), "twice");
        assert_eq!(remade(vec![(request.keys[0].0, request.keys[1].1)]), Err(ClaimError::Keys), "the proof of another");
    }
}
