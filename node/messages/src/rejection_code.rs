//! The number of a rejection.

use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;

/// Stable number of a rejection; this is what results commit to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct RejectionCode(pub u16);

impl fmt::Display for RejectionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "L{:03}", self.0)
    }
}
