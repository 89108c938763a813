//! Circuits by name, and the framing of key files. Bodies are the business of the crates that use them.
//!
//! A file says which circuit and version it is for and whether its keys are *development* keys: made on one machine,
//! whose maker could forge proofs. Development keys are refused on any network that is not a development one.

use crate::{
    aggregate::{AggregateSize, CIRCUIT_VERSION},
    hash::Digest32,
};

/// A circuit that has keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CircuitName {
    /// S1.
    Validity,
    /// S2 at a size.
    Aggregate(AggregateSize),
}

impl CircuitName {
    /// All circuits of this version.
    pub const ALL: [Self; 3] = [Self::Validity, Self::Aggregate(AggregateSize::Cells128), Self::Aggregate(AggregateSize::Cells256)];

    /// Name in files and on screens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validity => "s1-validity",
            Self::Aggregate(AggregateSize::Cells128) => "s2-aggregate-128",
            Self::Aggregate(AggregateSize::Cells256) => "s2-aggregate-256",
        }
    }
}

/// Who could forge with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrigin {
    /// Made on one machine: proofs prove nothing to others.
    Development,
    /// From a ceremony with a recorded transcript.
    Ceremony,
}

impl KeyOrigin {
    /// The mark in a key file, which a key's digest covers.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Development => "DEVELOPMENT-KEY",
            Self::Ceremony => "ceremony-key",
        }
    }

    fn of_mark(mark: &str) -> Option<Self> {
        [Self::Development, Self::Ceremony].into_iter().find(|origin| origin.mark() == mark)
    }
}

/// Proving or verifying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRole {
    /// Kept by hospitals.
    Proving,
    /// Known to everybody.
    Verifying,
}

/// A key file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Not a key file of this format.
    #[error("not a Countersign key file")]
    Format,
    /// For another circuit, version or role.
    #[error("the key file is for {found}; {wanted} is needed. Generate keys with this version of Countersign")]
    Other {
        /// What the file says.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// Damaged.
    #[error("the key file is damaged: its content does not match its checksum. Copy or generate it again")]
    Damaged,
}

const MAGIC: &str = "countersign-key/1";

fn describe(circuit: CircuitName, role: KeyRole) -> String {
    let role = match role {
        KeyRole::Proving => "proving",
        KeyRole::Verifying => "verifying",
    };
    format!("{role} {} v{CIRCUIT_VERSION}", circuit.name())
}

/// Frames a key: a readable first line with the marking, the checksum and then the body.
pub fn frame(circuit: CircuitName, role: KeyRole, origin: KeyOrigin, body: &[u8]) -> Vec<u8> {
    let mark = origin.mark();
    let mut out = format!("{MAGIC}\n{}\n{mark}\n{}\n", describe(circuit, role), Digest32::of(body)).into_bytes();
    out.extend_from_slice(body);
    out
}

/// Takes a framed key apart and checks its header and checksum.
///
/// # Errors
/// [`KeyFileError`].
pub fn unframe(circuit: CircuitName, role: KeyRole, file: &[u8]) -> Result<(KeyOrigin, &[u8]), KeyFileError> {
    let mut parts = file.splitn(5, |b| *b == b'\n');
    let mut line = || parts.next().and_then(|l| std::str::from_utf8(l).ok()).filter(|l| l.len() <= 200).ok_or(KeyFileError::Format);
    if line()? != MAGIC {
        return Err(KeyFileError::Format);
    }
    let found = line()?;
    let wanted = describe(circuit, role);
    if found != wanted {
        return Err(KeyFileError::Other { found: found.to_owned(), wanted });
    }
    let origin = KeyOrigin::of_mark(line()?).ok_or(KeyFileError::Format)?;
    let checksum = line()?.to_owned();
    let body = parts.next().ok_or(KeyFileError::Format)?;
    if Digest32::of(body).to_string() != checksum {
        return Err(KeyFileError::Damaged);
    }
    Ok((origin, body))
}
