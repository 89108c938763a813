//! A patient's sheet: the seed of the keys at one hospital, as a file and on paper.

use crate::{
    claim::line,
    genesis::NetworkId,
    identity::{MemberId, PatientKey},
    transaction::{Payload, Transaction, WithdrawByKey},
    typed,
};
use countersign_circuits::{hash::Digest32, tag};
use ed25519_dalek::SigningKey;
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

/// See the module's documentation. Whoever has it can take the patient's record out of research, all of it or, by a note, a part, and nothing else. Hidden in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The network.
    pub network: NetworkId,
    /// The hospital.
    pub hospital: MemberId,
    seed: Zeroizing<[u8; 32]>,
}

/// A text that is no sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// Lines are missing.
    #[error("this is no recovery sheet: it has the lines network, hospital and seed, as the program wrote them")]
    Lines,
    /// A slip in the seed.
    #[error("there is a slip in the seed: it has 55 letters and digits in groups of five; check what was typed")]
    Seed,
    /// No entropy.
    #[error("the operating system gives no randomness")]
    Entropy,
}

impl fmt::Debug for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sheet").field("network", &self.network).field("hospital", &self.hospital).finish_non_exhaustive()
    }
}

impl Sheet {
    /// A fresh one.
    ///
    /// # Errors
    /// [`SheetError::Entropy`].
    pub fn generate(network: NetworkId, hospital: MemberId) -> Result<Self, SheetError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|_| SheetError::Entropy)?;
        Ok(Self { network, hospital, seed })
    }

    /// One of its keys: the first stands for the slot of now, the next for later ones. Keys of different numbers, hospitals and networks have nothing in common that can be seen.
    pub fn key(&self, number: u32) -> SigningKey {
        let parts = [&self.seed[..], &self.network.0.0, &self.hospital.0, &number.to_le_bytes()];
        let seed = Zeroizing::new(Digest32::tagged(tag::PATIENT_SEED, parts).0);
        SigningKey::from_bytes(&seed)
    }

    /// The public half of a key.
    pub fn public(&self, number: u32) -> PatientKey {
        PatientKey::from(&self.key(number).verifying_key())
    }

    /// Takes the slot of a key out of force.
    pub fn withdraw(&self, number: u32, slot: u32) -> Transaction {
        let payload = Payload::WithdrawByKey(WithdrawByKey { hospital: self.hospital, slot });
        Transaction::sign(&self.key(number), self.network, 0, payload)
    }

    /// The lines that a program reads; what else a sheet says is for people.
    pub fn lines(&self) -> Zeroizing<String> {
        let seed = typed::write(&*self.seed);
        Zeroizing::new(format!("network {}\nhospital {}\nseed {}", self.network.0, self.hospital, *seed))
    }
}

impl FromStr for Sheet {
    type Err = SheetError;

    fn from_str(text: &str) -> Result<Self, SheetError> {
        let line = |word: &str| line(text, word).ok_or(SheetError::Lines);
        let digest = |word: &str| line(word)?.parse::<Digest32>().map_err(|_| SheetError::Lines);
        let seed = typed::read(line("seed")?).ok_or(SheetError::Seed)?;
        Ok(Self { network: NetworkId(digest("network")?), hospital: MemberId(digest("hospital")?.0), seed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_read_as_it_is_written_and_gives_the_same_keys() {
        let sheet = Sheet::generate(NetworkId(Digest32([1; 32])), MemberId([2; 32])).unwrap();
        let text = format!("Keep this sheet.\n\n    {}\n", sheet.lines().replace('\n', "\n    "));
        let read: Sheet = text.parse().unwrap();
        assert_eq!(read, sheet);
        assert_eq!((read.public(0), read.public(8)), (sheet.public(0), sheet.public(8)));
        assert!(!format!("{sheet:?}").contains(sheet.lines().rsplit(' ').next().unwrap()), "hidden");
        assert_eq!("network 1".parse::<Sheet>(), Err(SheetError::Lines));
        assert_eq!(text.replace("seed ", "seed 0").parse::<Sheet>(), Err(SheetError::Seed));
    }

    #[test]
    fn keys_of_other_numbers_hospitals_networks_and_sheets_are_others() {
        let sheet = Sheet::generate(NetworkId(Digest32([1; 32])), MemberId([2; 32])).unwrap();
        let elsewhere = Sheet { hospital: MemberId([3; 32]), ..sheet.clone() };
        let other = Sheet { network: NetworkId(Digest32([3; 32])), ..sheet.clone() };
        let fresh = Sheet::generate(sheet.network, sheet.hospital).unwrap();
        let keys = [sheet.public(0), sheet.public(1), elsewhere.public(0), other.public(0), fresh.public(0)];
        assert!((0..keys.len()).all(|i| !keys[..i].contains(&keys[i])));
        let left = sheet.withdraw(0, 7);
        assert_eq!((left.signer, left.sequence, left.check_signature()), (sheet.public(0).signer(), 0, Ok(())));
    }
}
