//! Sealing: released cells go encrypted to the study team and its board under one content key.
//!
//! The ledger holds the digest of the ciphertext only. Format, in order: magic, the number of recipients (one byte), the sender's ephemeral
//! X25519 key, for each recipient its public key and the wrapped content key, then the sealed content. Every key is used once, so the
//! nonces are zero; the context (query and hospital: a query names its network) is authenticated with the content and with every wrapped key.

use chacha20poly1305::{
    ChaCha20Poly1305, Key, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use countersign_circuits::hash::Digest32;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

const MAGIC: &[u8] = b"countersign-sealed/1\n";
/// Most recipients of one answer.
pub const RECIPIENTS_MAX: usize = 16;
/// A wrapped content key: 32 bytes and a tag.
const WRAPPED: usize = 48;

/// An X25519 secret key answers are opened with.
#[derive(Clone)]
pub struct SealingSecret(StaticSecret);

impl std::fmt::Debug for SealingSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingSecret(redacted)")
    }
}

/// Why sealed bytes cannot be made or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No recipient or too many, or a public key of small order.
    #[error("an answer is sealed to 1 to {RECIPIENTS_MAX} proper keys")]
    Recipients,
    /// Not sealed bytes of this format.
    #[error("these bytes are not a sealed answer")]
    Format,
    /// The key is none of the recipients'.
    #[error("this answer was not sealed to your key")]
    NotForYou,
    /// The content was changed, or sealed for another query or hospital.
    #[error("the sealed answer was changed, or belongs to another query or hospital")]
    Damaged,
    /// No entropy.
    #[error("the operating system gives no randomness")]
    Entropy,
}

impl SealingSecret {
    /// A fresh key.
    ///
    /// # Errors
    /// [`SealError::Entropy`].
    pub fn generate() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes).map_err(|_| SealError::Entropy)?;
        Ok(Self::from_bytes(&bytes))
    }

    /// A stored key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(StaticSecret::from(*bytes))
    }

    /// The bytes to store, with care.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        PublicKey::from(&self.0).to_bytes()
    }
}

/// The key that wraps the content key for one recipient; `None` for a public key of small order.
fn wrapping_key(secret: &StaticSecret, other: &[u8; 32], ephemeral: &[u8; 32], recipient: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let shared = secret.diffie_hellman(&PublicKey::from(*other));
    shared
        .was_contributory()
        .then(|| Zeroizing::new(Digest32::tagged("countersign/seal/1", [&shared.as_bytes()[..], ephemeral, recipient]).0))
}

fn cipher(key: &[u8; 32]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&Key::from(*key))
}

/// Seals content to recipients' public keys under a context.
///
/// # Errors
/// No proper recipient, or no entropy.
pub fn seal(content: &[u8], context: &Digest32, recipients: &[[u8; 32]]) -> Result<Vec<u8>, SealError> {
    if recipients.is_empty() || recipients.len() > RECIPIENTS_MAX {
        return Err(SealError::Recipients);
    }
    let sender = SealingSecret::generate()?;
    let ephemeral = sender.public();
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *key).map_err(|_| SealError::Entropy)?;
    let nonce = Nonce::default();
    let mut out = [MAGIC, &[recipients.len() as u8], &ephemeral].concat();
    for recipient in recipients {
        let wrapping = wrapping_key(&sender.0, recipient, &ephemeral, recipient).ok_or(SealError::Recipients)?;
        let wrapped = cipher(&wrapping).encrypt(&nonce, Payload { msg: &key[..], aad: &context.0 }).map_err(|_| SealError::Format)?;
        out.extend_from_slice(recipient);
        out.extend_from_slice(&wrapped);
    }
    out.extend(cipher(&key).encrypt(&nonce, Payload { msg: content, aad: &context.0 }).map_err(|_| SealError::Format)?);
    Ok(out)
}

/// Opens sealed content.
///
/// # Errors
/// [`SealError`].
pub fn open(sealed: &[u8], context: &Digest32, secret: &SealingSecret) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let rest = sealed.strip_prefix(MAGIC).ok_or(SealError::Format)?;
    let (count, rest) = rest.split_first().ok_or(SealError::Format)?;
    let (ephemeral, rest) = rest.split_first_chunk::<32>().ok_or(SealError::Format)?;
    let count = usize::from(*count);
    if count == 0 || count > RECIPIENTS_MAX {
        return Err(SealError::Format);
    }
    let (slots, content) = rest.split_at_checked(count * (32 + WRAPPED)).ok_or(SealError::Format)?;
    let own = secret.public();
    let wrapped = slots.chunks(32 + WRAPPED).find_map(|slot| slot.strip_prefix(&own[..])).ok_or(SealError::NotForYou)?;
    let nonce = Nonce::default();
    let wrapping = wrapping_key(&secret.0, ephemeral, ephemeral, &own).ok_or(SealError::Damaged)?;
    let key = cipher(&wrapping).decrypt(&nonce, Payload { msg: wrapped, aad: &context.0 }).map_err(|_| SealError::Damaged)?;
    let key = Zeroizing::new(<[u8; 32]>::try_from(key).map_err(|_| SealError::Damaged)?);
    cipher(&key).decrypt(&nonce, Payload { msg: content, aad: &context.0 }).map(Zeroizing::new).map_err(|_| SealError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipient_opens_and_nobody_else() {
        let [team, board, other] = [(); 3].map(|()| SealingSecret::generate().unwrap());
        let context = Digest32::of(b"query 1 at A");
        let sealed = seal(b"cells", &context, &[team.public(), board.public()]).unwrap();
        for secret in [&team, &board] {
            assert_eq!(open(&sealed, &context, secret).unwrap().as_slice(), b"cells");
        }
        assert_eq!(open(&sealed, &context, &other), Err(SealError::NotForYou));
        assert_eq!(open(&sealed, &Digest32::of(b"query 2 at A"), &team), Err(SealError::Damaged));
    }

    #[test]
    fn no_changed_byte_opens() {
        let team = SealingSecret::generate().unwrap();
        let context = Digest32::of(b"context");
        let sealed = seal(b"cells", &context, &[team.public()]).unwrap();
        for i in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[i] ^= 1;
            assert!(open(&bad, &context, &team).is_err(), "byte {i}");
            assert!(open(&sealed[..i], &context, &team).is_err(), "length {i}");
        }
    }

    #[test]
    fn improper_keys_are_refused() {
        assert_eq!(seal(b"cells", &Digest32::default(), &[]), Err(SealError::Recipients));
        assert_eq!(seal(b"cells", &Digest32::default(), &[[0; 32]]), Err(SealError::Recipients));
    }
}
