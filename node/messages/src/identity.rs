//! Members, roles and names.

use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::hash::Digest32;
use ed25519_dalek::VerifyingKey;
use std::fmt;

/// A member's identity: its Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct MemberId(pub [u8; 32]);

impl MemberId {
    /// The same bytes as statements name a hospital.
    pub fn digest(&self) -> Digest32 {
        Digest32(self.0)
    }

    /// The key, if the bytes are one that binds its signatures (canonical, not of small order).
    pub fn key(&self) -> Option<VerifyingKey> {
        VerifyingKey::from_bytes(&self.0).ok().filter(|k| !k.is_weak())
    }
}

impl From<&VerifyingKey> for MemberId {
    fn from(key: &VerifyingKey) -> Self {
        Self(key.to_bytes())
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digest().fmt(f)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digest().short())
    }
}

/// An Ed25519 public key of somebody who is no member.
macro_rules! public_key {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The key, if the bytes are one that binds its signatures.
            pub fn key(&self) -> Option<VerifyingKey> {
                self.signer().key()
            }

            /// The same bytes as a member's.
            pub fn signer(&self) -> MemberId {
                MemberId(self.0)
            }
        }

        impl From<&VerifyingKey> for $name {
            fn from(key: &VerifyingKey) -> Self {
                Self(key.to_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.signer().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.signer().fmt(f)
            }
        }
    };
}

public_key! {
    /// A patient's Ed25519 public key. It stands for one slot of one hospital, and nobody but the hospital and the patient knows whose it is.
    PatientKey
}

public_key! {
    /// The Ed25519 public key of a person who signs for an ethics board. Who that is stands in the board's own directory.
    PersonKey
}

/// What a member may do. A member may hold several roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Role {
    /// Anchors tables, accepts studies, answers.
    Hospital,
    /// Verifies and records.
    Validator,
    /// Submits studies and asks.
    Researcher,
    /// Approves studies.
    Board,
    /// Proposes and votes on changes of members, dictionaries, scopes, rules and circuit keys.
    Governance,
}

impl Role {
    /// All roles, ascending.
    pub const ALL: [Self; 5] = [Self::Hospital, Self::Validator, Self::Researcher, Self::Board, Self::Governance];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hospital => "hospital",
            Self::Validator => "validator",
            Self::Researcher => "researcher",
            Self::Board => "board",
            Self::Governance => "governance",
        })
    }
}

/// A name for people: 1 to 100 bytes, no control characters, no space at either end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Name(String);

/// A text that cannot be a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 100 bytes, no control characters, and no space at its ends")]
pub struct NameError;

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        let fine = (1..=100).contains(&text.len()) && text.trim() == text && !text.chars().any(countersign_circuits::text::is_unprintable);
        if fine { Ok(Self(text)) } else { Err(NameError) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl BorshDeserialize for Name {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        Self::new(String::deserialize_reader(reader)?).map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidData, e))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
