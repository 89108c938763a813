//! What names a set of circuit keys.

use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::hash::Digest32;

/// A set of circuit keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CircuitKeys {
    /// Digest of all verifying keys.
    pub digest: Digest32,
    /// True if somebody may know the trapdoor.
    pub development: bool,
}

/// What keeps a node from verifying. Its operator is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// It does not hold the keys.
    #[error("this node does not hold the circuit keys {0}, which are in force; get their files and start it with them")]
    Missing(Digest32),
    /// Development keys outside a development network: whoever made them can forge answers.
    #[error("the circuit keys {0} are development keys and refused on a network that is not a development one; use keys from a ceremony")]
    Development(Digest32),
}
