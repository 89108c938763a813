//! What nodes ask each other beside consensus: blocks and sealed answers. Transactions are not asked for: they are passed on.

use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::hash::Digest32;
use countersign_messages::{DecodeError, Height, Wire};
use countersign_store::BLOB_BYTES_MAX;

/// The methods of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Method {
    /// [`BlocksWanted`], answered by a [`crate::malachite::codec::BlockRun`].
    Blocks = 1,
    /// A digest, answered by the sealed answer's bytes.
    Blob = 2,
    /// The bytes of an accepted answer's sealed answer, answered by a [`PutBlobAnswer`].
    PutBlob = 3,
}

impl Method {
    /// The method of a number.
    pub fn of(number: u8) -> Option<Self> {
        [Self::Blocks, Self::Blob, Self::PutBlob].into_iter().find(|m| *m as u8 == number)
    }
}

/// Longest wait for the next block, below what connections allow an answer to take.
pub const WAIT_MS_MAX: u32 = 20_000;
/// Blocks of one answer.
pub const BLOCKS_MAX: u32 = 256;

/// Decided blocks from a height on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlocksWanted {
    /// Height of the first.
    pub from: Height,
    /// At most so many; never more than [`BLOCKS_MAX`].
    pub count: u32,
    /// If there is none yet, wait so long for it; never longer than [`WAIT_MS_MAX`].
    pub wait_ms: u32,
}

impl Wire for BlocksWanted {
    const WHAT: &'static str = "request for blocks";
    const BYTES_MAX: usize = 16;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        Ok(())
    }
}

/// What became of a sealed answer that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, thiserror::Error)]
pub enum PutBlobAnswer {
    /// It is here; the digest is that of the bytes.
    #[error("it is kept")]
    Kept(Digest32),
    /// No accepted answer names it, in the blocks that are here. The sender is too early, or the answer was rejected.
    #[error("no accepted answer names it, as far as its chain goes")]
    NotAccepted,
    /// The sender is no hospital.
    #[error("only hospitals leave sealed answers")]
    NoHospital,
    /// The sender has sent as much as it may for now, accepted or not.
    #[error("it takes no more from this hospital for some minutes")]
    TooMuch,
}

impl Wire for PutBlobAnswer {
    const WHAT: &'static str = "answer to a sealed answer";
    const BYTES_MAX: usize = 33;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        Ok(())
    }
}

/// Digest of a sealed answer that is asked for.
///
/// # Errors
/// The bytes are no digest.
pub fn digest(bytes: &[u8]) -> Result<Digest32, DecodeError> {
    let malformed = |_| DecodeError::Malformed { what: "digest", reason: "it has not 32 bytes".into() };
    bytes.try_into().map(Digest32).map_err(malformed)
}

/// A sealed answer that is sent.
///
/// # Errors
/// It is too long.
pub fn blob(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    if bytes.len() > BLOB_BYTES_MAX {
        return Err(DecodeError::TooLong { what: "sealed answer", found: bytes.len(), max: BLOB_BYTES_MAX });
    }
    Ok(bytes)
}
