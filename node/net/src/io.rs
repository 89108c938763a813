//! Pieces from and to streams.

use crate::{
    frame::{Assembler, Cutter, FrameError, HEADER_BYTES, Header, Kind, Message},
    hello::Hello,
    limits::PIECE_BYTES_MAX,
    reason::{Reason, shorten},
};
use std::io::ErrorKind;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What was read.
pub(crate) enum Piece {
    /// A message goes on.
    Part(Kind),
    Whole(Message),
    /// The stream ended between messages.
    End,
}

/// Reads messages from one stream.
pub(crate) struct Reader<R> {
    stream: R,
    assembler: Assembler,
    buffer: Box<[u8; PIECE_BYTES_MAX]>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, assembler: Assembler::new(), buffer: Box::new([0; PIECE_BYTES_MAX]) }
    }

    pub(crate) fn unfinished_bytes(&self, kind: Kind) -> usize {
        self.assembler.unfinished_bytes(kind)
    }

    /// The next piece of a kind that may come here. Not safe to drop and go on.
    pub(crate) async fn piece(&mut self, may_come: impl Fn(Kind) -> bool) -> Result<Piece, Reason> {
        let mut header = [0; HEADER_BYTES];
        let first = self.stream.read(&mut header).await.map_err(broken)?;
        if first == 0 {
            return if self.assembler.is_empty() { Ok(Piece::End) } else { Err(FrameError::Truncated.into()) };
        }
        self.exactly(&mut header, first).await?;
        let header = Header::decode(&header)?;
        if !may_come(header.kind) {
            return Err(FrameError::OutOfPlace(header.kind).into());
        }
        self.assembler.check(&header)?;
        let payload = &mut self.buffer[..usize::from(header.length)];
        self.stream.read_exact(payload).await.map_err(cut_short)?;
        match self.assembler.take(&header, payload)? {
            Some(message) => Ok(Piece::Whole(message)),
            None => Ok(Piece::Part(header.kind)),
        }
    }

    async fn exactly(&mut self, header: &mut [u8; HEADER_BYTES], from: usize) -> Result<(), Reason> {
        self.stream.read_exact(&mut header[from..]).await.map_err(cut_short)?;
        Ok(())
    }

    /// Reads the greeting.
    pub(crate) async fn hello(&mut self) -> Result<Hello, Reason> {
        match self.piece(|kind| matches!(kind, Kind::Hello | Kind::Close)).await? {
            Piece::Whole(Message { kind: Kind::Hello, bytes, .. }) => Ok(Hello::decode(&bytes)?),
            Piece::Whole(message) => Err(Reason::Closed(shorten(&String::from_utf8_lossy(&message.bytes)))),
            Piece::Part(_) | Piece::End => Err(Reason::Broken("it ended before the greeting".into())),
        }
    }

    pub(crate) fn into_stream(self) -> R {
        self.stream
    }
}

fn broken(error: std::io::Error) -> Reason {
    Reason::Broken(shorten(&error.to_string()))
}

fn cut_short(error: std::io::Error) -> Reason {
    if error.kind() == ErrorKind::UnexpectedEof { FrameError::Truncated.into() } else { broken(error) }
}

/// Writes a short message.
pub(crate) async fn write_message<W: AsyncWrite + Unpin>(stream: &mut W, kind: Kind, bytes: Vec<u8>) -> Result<(), Reason> {
    let mut cutter = Cutter::new(Message { kind, id: 0, bytes: bytes.into() });
    while let Some((header, payload)) = cutter.next_piece() {
        stream.write_all(&[&header[..], &payload].concat()).await.map_err(broken)?;
    }
    stream.flush().await.map_err(broken)
}
