//! Sealing of what is too long for memory: a stream of chunks under one content key, which is sealed to one recipient.
//!
//! Format, in order: magic, the encapsulated key and the encrypted content key (HPKE as in [`crate::sealed`]), then chunks: the length of the ciphertext (u32 little-endian, the highest bit set on the
//! last chunk), the ciphertext (ChaCha20-Poly1305). The nonce is the chunk's number (u64 little-endian), the last-chunk flag and zeros, so that chunks can neither be exchanged, left out nor
//! added, and a stream cannot end early (the STREAM construction; Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, section 7). Every chunk is
//! authenticated with the context.

use crate::sealed::{self, SealError, SealingSecret};
use chacha20poly1305::{
    ChaCha20Poly1305, Nonce,
    aead::{Aead, Payload},
};
use countersign_circuits::hash::Digest32;
use std::io::{Error, ErrorKind, Read, Write};
use zeroize::Zeroizing;

const MAGIC: &[u8] = b"countersign-sealed-stream/1\n";
/// Bytes of a chunk, before encryption.
const CHUNK: usize = 64 << 10;
/// What encryption adds.
const TAG: usize = 16;
const LAST: u32 = 1 << 31;

fn nonce(number: u64, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes[8] = u8::from(last);
    Nonce::from(bytes)
}

fn damaged(words: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, words)
}

/// Seals what is written to it. Nothing is whole before [`SealingWriter::finish`].
pub struct SealingWriter<W> {
    out: W,
    cipher: ChaCha20Poly1305,
    context: Digest32,
    number: u64,
    chunk: Zeroizing<Vec<u8>>,
}

impl<W> std::fmt::Debug for SealingWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealingWriter").field("chunks", &self.number).finish_non_exhaustive()
    }
}

impl<W: Write> SealingWriter<W> {
    /// Begins a stream for a recipient.
    ///
    /// # Errors
    /// The key is none, there is no entropy, or the destination refuses.
    pub fn new(mut out: W, context: Digest32, recipient: &[u8; 32]) -> Result<Self, Error> {
        let (head, key) = sealed::wrap(&context, recipient).map_err(|e| Error::other(e.to_string()))?;
        out.write_all(MAGIC)?;
        out.write_all(&head)?;
        Ok(Self { out, cipher: sealed::cipher(&key), context, number: 0, chunk: Zeroizing::new(Vec::with_capacity(CHUNK)) })
    }

    fn seal(&mut self, last: bool) -> Result<(), Error> {
        let payload = Payload { msg: &self.chunk, aad: &self.context.0 };
        let sealed = self.cipher.encrypt(&nonce(self.number, last), payload).map_err(|_| Error::other("encryption failed"))?;
        let flag = if last { LAST } else { 0 };
        self.out.write_all(&(sealed.len() as u32 | flag).to_le_bytes())?;
        self.out.write_all(&sealed)?;
        self.number += 1;
        self.chunk.clear();
        Ok(())
    }

    /// Ends the stream; gives back what it was written to.
    ///
    /// # Errors
    /// The destination refuses.
    pub fn finish(mut self) -> Result<W, Error> {
        self.seal(true)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for SealingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        if self.chunk.len() == CHUNK {
            self.seal(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.out.flush()
    }
}

/// Opens a stream. What is read of it is authentic; that it is whole is known when it has been read to its end.
pub struct OpeningReader<R> {
    from: R,
    cipher: ChaCha20Poly1305,
    context: Digest32,
    number: u64,
    chunk: Zeroizing<Vec<u8>>,
    at: usize,
    ended: bool,
}

impl<R> std::fmt::Debug for OpeningReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpeningReader").field("chunks", &self.number).finish_non_exhaustive()
    }
}

impl<R: Read> OpeningReader<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// It is no such stream, is for somebody else, was changed, or the source refuses.
    pub fn new(mut from: R, context: Digest32, secret: &SealingSecret) -> Result<Self, Error> {
        let mut magic = [0; MAGIC.len()];
        from.read_exact(&mut magic)?;
        if magic != *MAGIC {
            return Err(damaged("this is no sealed stream"));
        }
        let mut head = [0; sealed::WRAP];
        from.read_exact(&mut head)?;
        let key = sealed::unwrap(&head, &context, secret).map_err(|e| match e {
            SealError::Damaged => damaged("it was sealed to another key, or was changed"),
            other => Error::other(other.to_string()),
        })?;
        Ok(Self { from, cipher: sealed::cipher(&key), context, number: 0, chunk: Zeroizing::default(), at: 0, ended: false })
    }

    fn next(&mut self) -> Result<(), Error> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        let (last, length) = (length & LAST != 0, (length & !LAST) as usize);
        // only the last chunk is shorter than the others
        if !(TAG..=CHUNK + TAG).contains(&length) || (!last && length != CHUNK + TAG) {
            return Err(damaged("a chunk has a length that none has"));
        }
        let mut sealed = vec![0; length];
        self.from.read_exact(&mut sealed)?;
        let payload = Payload { msg: &sealed, aad: &self.context.0 };
        let opened = self.cipher.decrypt(&nonce(self.number, last), payload);
        self.chunk = Zeroizing::new(opened.map_err(|_| damaged("a chunk was changed, or is not in its place"))?);
        (self.at, self.ended) = (0, last);
        self.number += 1;
        if last && self.from.read(&mut [0])? != 0 {
            return Err(damaged("something follows its end"));
        }
        Ok(())
    }
}

impl<R: Read> Read for OpeningReader<R> {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, Error> {
        while self.at == self.chunk.len() && !self.ended && !to.is_empty() {
            self.next()?;
        }
        let taken = to.len().min(self.chunk.len() - self.at);
        to[..taken].copy_from_slice(&self.chunk[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(content: &[u8], secret: &SealingSecret) -> Vec<u8> {
        let mut writer = SealingWriter::new(Vec::new(), Digest32([1; 32]), &secret.public()).unwrap();
        // in pieces of odd lengths
        content.chunks(7_001).for_each(|part| writer.write_all(part).unwrap());
        writer.finish().unwrap()
    }

    fn opened(bytes: &[u8], secret: &SealingSecret) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        OpeningReader::new(bytes, Digest32([1; 32]), secret)?.read_to_end(&mut content)?;
        Ok(content)
    }

    #[test]
    fn a_stream_of_any_length_opens_to_what_was_sealed() {
        let secret = SealingSecret::from_bytes(&[3; 32]);
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 200_000] {
            let content: Vec<u8> = (0..length).map(|i| (i * 31) as u8).collect();
            let bytes = sealed(&content, &secret);
            assert_eq!(opened(&bytes, &secret).unwrap(), content, "{length}");
            assert!(!content.is_empty() || bytes.len() > MAGIC.len() + sealed::WRAP);
            assert!(opened(&bytes, &SealingSecret::from_bytes(&[4; 32])).is_err(), "another key");
            assert!(OpeningReader::new(&bytes[..], Digest32([2; 32]), &secret).is_err(), "another context");
            assert_ne!(sealed(&content, &secret), bytes, "the same content twice");
        }
    }

    #[test]
    fn nothing_can_be_changed_left_out_exchanged_or_added() {
        let secret = SealingSecret::from_bytes(&[3; 32]);
        let content = vec![7; 2 * CHUNK + 100];
        let bytes = sealed(&content, &secret);
        let head = MAGIC.len() + sealed::WRAP;
        let chunk = 4 + CHUNK + TAG;
        assert_eq!(bytes.len(), head + 2 * chunk + 4 + 100 + TAG);
        let changed = |at: usize| {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            opened(&bad, &secret).is_err()
        };
        for at in (0..head).chain(head..head + 40).chain((head + 40..bytes.len()).step_by(97)).chain(bytes.len() - 20..bytes.len()) {
            assert!(changed(at), "byte {at}");
        }
        for end in (0..bytes.len()).step_by(1_013).chain([head, head + chunk, head + 2 * chunk, bytes.len() - 1]) {
            assert!(opened(&bytes[..end], &secret).is_err(), "ends at {end}");
        }
        let part = |i: usize| &bytes[head + i * chunk..head + (i + 1) * chunk];
        let exchanged = [&bytes[..head], part(1), part(0), &bytes[head + 2 * chunk..]].concat();
        let without = [&bytes[..head], part(0), &bytes[head + 2 * chunk..]].concat();
        let twice = [&bytes[..head], part(0), part(0), part(1), &bytes[head + 2 * chunk..]].concat();
        let more = [&bytes[..], &[0]].concat();
        for bad in [exchanged, without, twice, more] {
            assert!(opened(&bad, &secret).is_err());
        }
    }
}
