//! Messages cut into pieces, and put together again. Pure: no I/O.
//!
//! A piece is `kind (1) | last (1) | id (4, little endian) | length (2, little endian) | payload`. A message is one or more pieces of the same
//! kind and id; all but the last are full, so a message has exactly one form. Pieces of different kinds may alternate; within a kind
//! one message ends before the next begins. Memory grows with what arrives: a piece announces at most 16 KiB.

use crate::{
    channel::Channel,
    limits::{PIECE_BYTES_MAX, REASON_BYTES_MAX, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX},
};
use bytes::{Bytes, BytesMut};

/// Bytes before a piece's payload.
pub const HEADER_BYTES: usize = 8;

/// The length of a piece that is not the last.
#[allow(clippy::cast_possible_truncation, reason = "16376")]
const FULL: u16 = PIECE_BYTES_MAX as u16;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The first message in both directions.
    Hello,
    /// The last message: a reason in words.
    Close,
    /// A sign of life that wants an answer.
    Ping,
    /// The answer to one.
    Pong,
    /// A message of a channel.
    Channel(Channel),
    /// A question: method (1), then the program's bytes.
    Request,
    /// Its answer: status (1), then the program's bytes.
    Response,
}

/// How many kinds there are.
pub(crate) const KINDS: usize = 10;

impl Kind {
    /// The byte on the wire.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Hello => 0,
            Self::Close => 1,
            Self::Ping => 2,
            Self::Pong => 3,
            Self::Channel(Channel::Consensus) => 4,
            Self::Channel(Channel::Status) => 5,
            Self::Channel(Channel::Parts) => 6,
            Self::Channel(Channel::Transactions) => 7,
            Self::Request => 8,
            Self::Response => 9,
        }
    }

    /// The kind of a byte.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Hello,
            1 => Self::Close,
            2 => Self::Ping,
            3 => Self::Pong,
            4 => Self::Channel(Channel::Consensus),
            5 => Self::Channel(Channel::Status),
            6 => Self::Channel(Channel::Parts),
            7 => Self::Channel(Channel::Transactions),
            8 => Self::Request,
            9 => Self::Response,
            _ => return None,
        })
    }

    /// The size of the biggest message of this kind.
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Hello => crate::hello::HELLO_BYTES,
            Self::Close => REASON_BYTES_MAX,
            Self::Ping | Self::Pong => 0,
            Self::Channel(channel) => channel.message_bytes_max(),
            Self::Request => REQUEST_BYTES_MAX,
            Self::Response => RESPONSE_BYTES_MAX,
        }
    }

    /// Whether messages of this kind have an id; the others have 0.
    const fn has_id(self) -> bool {
        matches!(self, Self::Request | Self::Response | Self::Ping | Self::Pong)
    }
}

/// What is wrong with bytes from a peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Not a kind.
    #[error("unknown kind of message {0}")]
    UnknownKind(u8),
    /// Not here.
    #[error("a message of kind {0:?} is out of place")]
    OutOfPlace(Kind),
    /// The byte that says whether a piece is the last is neither 0 nor 1.
    #[error("a piece's last byte flag is {0}, neither 0 nor 1")]
    Flag(u8),
    /// A piece announces more than a piece may have.
    #[error("a piece of {0} bytes, more than {PIECE_BYTES_MAX}")]
    PieceTooLarge(u16),
    /// A piece that is not the last is not full, or the last of several is empty.
    #[error("a message of kind {0:?} is not cut where it should be")]
    Cut(Kind),
    /// Too many bytes.
    #[error("a message of kind {kind:?} has more than {max} bytes", max = kind.bytes_max())]
    TooLarge {
        /// Of which kind.
        kind: Kind,
    },
    /// Another message of the same kind began before the last ended, or an id where none belongs.
    #[error("a message of kind {kind:?} has the wrong id {id}")]
    WrongId {
        /// Of which kind.
        kind: Kind,
        /// The id.
        id: u32,
    },
    /// The bytes end within a message.
    #[error("the bytes end within a message")]
    Truncated,
    /// A request without method or an answer without status.
    #[error("a message of kind {0:?} lacks its first byte")]
    Empty(Kind),
    /// Not a greeting of this version.
    #[error("the greeting is not one of version {version}", version = crate::hello::VERSION)]
    Hello,
    /// An answer with a status that there is not.
    #[error("unknown status {0} of an answer")]
    UnknownStatus(u8),
    /// A stream more than there may be.
    #[error("a second stream of channel {0}")]
    SecondStream(Channel),
}

/// What stands before a piece's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the message is.
    pub kind: Kind,
    /// Whether its message ends with this piece.
    pub last: bool,
    /// Tells requests apart.
    pub id: u32,
    /// Payload bytes, at most [`PIECE_BYTES_MAX`].
    pub length: u16,
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// If a field is out of its range.
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, FrameError> {
        let [kind, last, a, b, c, d, low, high] = *bytes;
        let kind = Kind::from_byte(kind).ok_or(FrameError::UnknownKind(kind))?;
        if last > 1 {
            return Err(FrameError::Flag(last));
        }
        let id = u32::from_le_bytes([a, b, c, d]);
        if id != 0 && !kind.has_id() {
            return Err(FrameError::WrongId { kind, id });
        }
        let length = u16::from_le_bytes([low, high]);
        if length > FULL {
            return Err(FrameError::PieceTooLarge(length));
        }
        if last == 0 && length != FULL {
            return Err(FrameError::Cut(kind));
        }
        Ok(Self { kind, last: last == 1, id, length })
    }

    /// Writes a header.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let [a, b, c, d] = self.id.to_le_bytes();
        let [low, high] = self.length.to_le_bytes();
        [self.kind.byte(), u8::from(self.last), a, b, c, d, low, high]
    }
}

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// Tells requests apart.
    pub id: u32,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Message {
    /// All its pieces.
    pub fn encode(&self) -> Vec<u8> {
        let mut cutter = Cutter::new(self.clone());
        let mut bytes = Vec::with_capacity(self.bytes.len() + HEADER_BYTES);
        while let Some((header, payload)) = cutter.next_piece() {
            bytes.extend_from_slice(&header);
            bytes.extend_from_slice(&payload);
        }
        bytes
    }
}

/// Cuts a message into its pieces.
#[derive(Debug)]
pub struct Cutter {
    message: Message,
    done: bool,
}

impl Cutter {
    /// Starts with the first piece.
    pub fn new(message: Message) -> Self {
        Self { message, done: false }
    }

    /// The next piece, or none after the last. Copies nothing.
    pub fn next_piece(&mut self) -> Option<([u8; HEADER_BYTES], Bytes)> {
        if self.done {
            return None;
        }
        let length = u16::try_from(self.message.bytes.len()).map_or(FULL, |length| length.min(FULL));
        let payload = self.message.bytes.split_to(length.into());
        self.done = self.message.bytes.is_empty();
        let header = Header { kind: self.message.kind, last: self.done, id: self.message.id, length };
        Some((header.encode(), payload))
    }

    /// Whether all pieces were taken.
    pub fn is_done(&self) -> bool {
        self.done
    }
}

/// Puts pieces together: at most one unfinished message a kind.
#[derive(Debug, Default)]
pub struct Assembler {
    unfinished: [Option<(u32, BytesMut)>; KINDS],
}

impl Assembler {
    /// With nothing begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a piece may come next; to be asked before its payload is read.
    ///
    /// # Errors
    /// If it does not go on with what was begun, or the message would be too big.
    pub fn check(&self, header: &Header) -> Result<(), FrameError> {
        let kind = header.kind;
        let before = match &self.unfinished[usize::from(kind.byte())] {
            Some((id, _)) if *id != header.id => return Err(FrameError::WrongId { kind, id: header.id }),
            Some((_, _)) if header.length == 0 => return Err(FrameError::Cut(kind)),
            Some((_, bytes)) => bytes.len(),
            None => 0,
        };
        // a piece that is not the last has at least one byte after it
        let total = before + usize::from(header.length) + usize::from(!header.last);
        if total > kind.bytes_max() { Err(FrameError::TooLarge { kind }) } else { Ok(()) }
    }

    /// Takes a piece whose payload has `header.length` bytes; gives the message if it is whole.
    ///
    /// # Errors
    /// As [`Self::check`], and if the payload has another length than announced.
    pub fn take(&mut self, header: &Header, payload: &[u8]) -> Result<Option<Message>, FrameError> {
        self.check(header)?;
        if payload.len() != usize::from(header.length) {
            return Err(FrameError::Truncated);
        }
        let slot = &mut self.unfinished[usize::from(header.kind.byte())];
        let (_, bytes) = slot.get_or_insert_with(|| (header.id, BytesMut::new()));
        bytes.extend_from_slice(payload);
        if !header.last {
            return Ok(None);
        }
        let bytes = slot.take().map(|(_, bytes)| bytes.freeze()).unwrap_or_default();
        Ok(Some(Message { kind: header.kind, id: header.id, bytes }))
    }

    /// Bytes of the unfinished message of a kind.
    pub fn unfinished_bytes(&self, kind: Kind) -> usize {
        self.unfinished[usize::from(kind.byte())].as_ref().map_or(0, |(_, bytes)| bytes.len())
    }

    /// Whether nothing is unfinished.
    pub fn is_empty(&self) -> bool {
        self.unfinished.iter().all(Option::is_none)
    }
}

/// Reads all messages of a byte string.
///
/// # Errors
/// On the first thing that is wrong, and if the bytes end within a message.
pub fn decode(mut bytes: &[u8]) -> Result<Vec<Message>, FrameError> {
    let mut assembler = Assembler::new();
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(FrameError::Truncated)?;
        let header = Header::decode(header)?;
        assembler.check(&header)?;
        let (payload, rest) = rest.split_at_checked(header.length.into()).ok_or(FrameError::Truncated)?;
        messages.extend(assembler.take(&header, payload)?);
        bytes = rest;
    }
    if assembler.is_empty() { Ok(messages) } else { Err(FrameError::Truncated) }
}

#[cfg(test)]
mod tests;
