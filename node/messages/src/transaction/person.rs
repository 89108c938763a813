//! Persons who sign for an ethics board: their keys and offices.

use super::Signature;
use crate::{
    codec::bytes_of,
    identity::{MemberId, Name, PersonKey},
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{consent::Day, hash::Digest32, tag};
use ed25519_dalek::{Signer, SigningKey};
use std::fmt;

/// What a person does in an ethics board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Office {
    /// Presides: signs decisions with the secretary.
    Chair,
    /// Stands in for the chair.
    Deputy,
    /// Signs decisions with the chair or a deputy.
    Secretary,
    /// Sits on the board: suspends studies, and admits others together with a second person.
    Assessor,
}

impl Office {
    /// All offices.
    pub const ALL: [Self; 4] = [Self::Chair, Self::Deputy, Self::Secretary, Self::Assessor];

    /// True if the two together decide for their board: chair or deputy, and secretary.
    pub fn decides_with(self, other: Self) -> bool {
        let presides = |office| matches!(office, Self::Chair | Self::Deputy);
        presides(self) && other == Self::Secretary || self == Self::Secretary && presides(other)
    }
}

impl fmt::Display for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chair => "chair",
            Self::Deputy => "deputy",
            Self::Secretary => "secretary",
            Self::Assessor => "assessor",
        })
    }
}

/// A person who signs for an ethics board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Person {
    /// The key they sign with, nobody else's on the network and theirs alone.
    pub key: PersonKey,
    /// What they do in the board.
    pub office: Office,
    /// The last day they sign on.
    pub until: Day,
    /// [`name_digest`] of their name, which stands in the board's directory and can be erased there.
    pub name: Digest32,
    /// By the key itself, over the board: whoever is admitted has the secret.
    pub possession: Signature,
}

/// What stands on the ledger for a person's name: a hash with a salt that is kept beside the name.
pub fn name_digest(salt: &[u8; 32], name: &Name) -> Digest32 {
    Digest32::tagged(tag::PERSON_NAME, [salt.as_slice(), name.as_str().as_bytes()])
}

impl PersonKey {
    /// Shows that one has a key's secret, to one board.
    pub fn prove_possession(key: &SigningKey, board: &MemberId) -> Signature {
        Signature(key.sign(&possession(board, &Self::from(&key.verifying_key())).0).to_bytes())
    }

    /// Checks a signature strictly: canonical scalar, no key or point of small order.
    pub(super) fn is_signed(&self, message: &Digest32, signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.key().is_some_and(|key| key.verify_strict(&message.0, &signature).is_ok())
    }
}

impl Person {
    /// True if whoever has the key wants it to be one of this board.
    pub fn possession_holds(&self, board: &MemberId) -> bool {
        self.key.is_signed(&possession(board, &self.key), &self.possession)
    }
}

fn possession(board: &MemberId, key: &PersonKey) -> Digest32 {
    Digest32::tagged(tag::PERSON_KEY, [bytes_of(&(board, key)).as_slice()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_one_kind_decide_nothing() {
        let pairs = Office::ALL.into_iter().flat_map(|a| Office::ALL.map(|b| (a, b)));
        let deciding: Vec<_> = pairs.filter(|(a, b)| a.decides_with(*b)).collect();
        let with = |office| [(office, Office::Secretary), (Office::Secretary, office)];
        assert_eq!(deciding.len(), 4);
        assert!([with(Office::Chair), with(Office::Deputy)].concat().iter().all(|pair| deciding.contains(pair)));
    }

    #[test]
    fn possession_is_of_one_key_for_one_board() {
        let secret = SigningKey::from_bytes(&[7; 32]);
        let board = MemberId([2; 32]);
        let key = PersonKey::from(&secret.verifying_key());
        let possession = PersonKey::prove_possession(&secret, &board);
        let person = Person { key, office: Office::Chair, until: Day(1), name: Digest32([0; 32]), possession };
        assert!(person.possession_holds(&board) && !person.possession_holds(&MemberId([3; 32])));
        let other = PersonKey::from(&SigningKey::from_bytes(&[8; 32]).verifying_key());
        assert!(!Person { key: other, ..person }.possession_holds(&board));
        // the point of order two is a key whose signatures bind nobody
        assert!(!Person { key: PersonKey([0; 32]), ..person }.possession_holds(&board));
    }
}
