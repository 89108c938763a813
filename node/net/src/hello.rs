//! The greeting: the first message in both directions.

use crate::frame::FrameError;

/// The version of what is spoken after the handshake.
pub const VERSION: u16 = 1;

/// Bytes of a greeting.
pub(crate) const HELLO_BYTES: usize = 10;

/// Tells one run of a member's process from the next, so that a restarted one gets in at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance(pub u64);

/// `version (2) | instance (8)`, little endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// Which run of the sender's process.
    pub instance: Instance,
}

impl Hello {
    /// The bytes on the wire.
    pub fn encode(&self) -> Vec<u8> {
        [&VERSION.to_le_bytes()[..], &self.instance.0.to_le_bytes()].concat()
    }

    /// Reads a greeting.
    ///
    /// # Errors
    /// If it is not one of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        match bytes.split_first_chunk::<2>() {
            Some((version, rest)) if *version == VERSION.to_le_bytes() => {
                let instance = rest.try_into().map_err(|_| FrameError::Hello)?;
                Ok(Self { instance: Instance(u64::from_le_bytes(instance)) })
            }
            _ => Err(FrameError::Hello),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_read_back_and_nothing_else_is_one() {
        let hello = Hello { instance: Instance(0x0102_0304_0506_0708) };
        let bytes = hello.encode();
        assert_eq!(bytes.len(), HELLO_BYTES);
        assert_eq!(Hello::decode(&bytes), Ok(hello));
        for wrong in [&bytes[..9], &[&bytes[..], &[0]].concat(), &[&[2, 0], &bytes[2..]].concat(), &[]] {
            assert_eq!(Hello::decode(wrong), Err(FrameError::Hello));
        }
    }
}
