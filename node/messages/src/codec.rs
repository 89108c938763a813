//! Strict decoding: size checked first, canonical borsh, no trailing bytes.

use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::text::is_unprintable;

/// Bytes that do not decode. Whoever sent or stored them is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than anything of this kind may have; nothing was read.
    #[error("{what}: {found} bytes, at most {max}")]
    TooLong {
        /// What should have been decoded.
        what: &'static str,
        /// Bytes found.
        found: usize,
        /// Most bytes.
        max: usize,
    },
    /// Not the canonical encoding of any value.
    #[error("{what}: not a canonical encoding ({reason})")]
    Malformed {
        /// What should have been decoded.
        what: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// A field is over its own limit.
    #[error("{what}: {field} has {found}, at most {max}")]
    Field {
        /// What was decoded.
        what: &'static str,
        /// The field.
        field: &'static str,
        /// Its length.
        found: usize,
        /// Greatest length.
        max: usize,
    },
    /// A text with characters that control a terminal or the direction of writing, or that break lines.
    #[error("{what}: the {field} has a control character, a line break or a direction mark; write it in one plain line")]
    Text {
        /// What was decoded.
        what: &'static str,
        /// The field.
        field: &'static str,
    },
}

/// Refuses a text that others will be shown and that is no plain line.
///
/// # Errors
/// [`DecodeError::Text`].
pub fn plain(what: &'static str, field: &'static str, text: &str) -> Result<(), DecodeError> {
    if text.chars().any(is_unprintable) { Err(DecodeError::Text { what, field }) } else { Ok(()) }
}

/// A value with a canonical, bounded encoding. Decoding accepts exactly what encoding writes.
pub trait Wire: BorshSerialize + BorshDeserialize {
    /// Its name in errors.
    const WHAT: &'static str;
    /// Most bytes of its encoding.
    const BYTES_MAX: usize;

    /// Checks the bounds of single fields.
    ///
    /// # Errors
    /// [`DecodeError::Field`].
    fn check_bounds(&self) -> Result<(), DecodeError>;

    /// The canonical bytes.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    fn encode(&self) -> Vec<u8> {
        bytes_of(self)
    }

    /// Decodes strictly.
    ///
    /// # Errors
    /// Too many bytes, not canonical, trailing bytes, or a field over its limit.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(DecodeError::TooLong { what: Self::WHAT, found: bytes.len(), max: Self::BYTES_MAX });
        }
        let value = Self::try_from_slice(bytes).map_err(|e| DecodeError::Malformed { what: Self::WHAT, reason: e.to_string() })?;
        value.check_bounds()?;
        Ok(value)
    }
}

/// Borsh bytes of a value in memory.
///
/// # Panics
/// Never: writing to memory does not fail.
pub fn bytes_of<T: BorshSerialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.serialize(&mut out).expect("writing to memory does not fail");
    out
}

/// Number of borsh bytes of a value.
///
/// # Panics
/// Never: counting bytes does not fail.
pub fn length_of<T: BorshSerialize + ?Sized>(value: &T) -> usize {
    borsh::object_length(value).expect("counting bytes does not fail")
}

/// One field's bound.
///
/// # Errors
/// [`DecodeError::Field`].
pub fn bound(what: &'static str, field: &'static str, found: usize, max: usize) -> Result<(), DecodeError> {
    if found > max { Err(DecodeError::Field { what, field, found, max }) } else { Ok(()) }
}
