//! Sealing: released cells go encrypted to the study team and its board under one content key.
//!
//! The ledger holds the digest of the ciphertext only, signed by the hospital. The content is encrypted once (ChaCha20-Poly1305, RFC 8439) under a key of its
//! own, and that key to each recipient by HPKE (RFC 9180): base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. Format, in order:
//! magic, the number of recipients (one byte), for each its public key, the encapsulated key and the encrypted content key, then the encrypted
//! content. The context (query and hospital: a query names its network) is in the `info` of every recipient, and everything before the content is
//! authenticated with it. The content key is used once, so its nonce is zero.

use crate::{identity::MemberId, transaction::QueryId, typed};
use chacha20poly1305::{
    ChaCha20Poly1305, Key, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use countersign_circuits::{hash::Digest32, tag};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, kdf::HkdfSha256, kem::X25519HkdfSha256};
use zeroize::Zeroizing;

const MAGIC: &[u8] = b"countersign-sealed/2\n";
/// Most recipients of one answer.
pub const RECIPIENTS_MAX: usize = 16;
/// An X25519 key.
const KEY: usize = 32;
/// An encrypted content key: 32 bytes and a tag.
const WRAPPED: usize = 48;
/// A content key for one recipient: the encapsulated key and the encrypted content key.
pub(crate) const WRAP: usize = KEY + WRAPPED;
/// What one recipient takes.
const SLOT: usize = 2 * KEY + WRAPPED;

type Private = <X25519HkdfSha256 as Kem>::PrivateKey;
type Public = <X25519HkdfSha256 as Kem>::PublicKey;
type Encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey;

/// An X25519 secret key answers are opened with.
#[derive(Clone)]
pub struct SealingSecret(Zeroizing<[u8; KEY]>);

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
    pub fn from_bytes(bytes: &[u8; KEY]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// As it is typed from a sheet of paper; `None`: it is not, or with a slip.
    pub fn from_typed(text: &str) -> Option<Self> {
        Some(Self(typed::read(text)?))
    }

    /// As it is printed on a sheet of paper.
    pub fn to_typed(&self) -> Zeroizing<String> {
        typed::write(&*self.0)
    }

    /// The bytes to store, with care.
    pub fn to_bytes(&self) -> Zeroizing<[u8; KEY]> {
        self.0.clone()
    }

    fn private(&self) -> Private {
        Private::from_bytes(&*self.0).expect("every 32 bytes are an X25519 key: they are clamped")
    }

    /// The public key.
    ///
    /// # Panics
    /// Never: every 32 bytes are a secret key.
    pub fn public(&self) -> [u8; KEY] {
        X25519HkdfSha256::sk_to_pk(&self.private()).to_bytes().into()
    }
}

/// The context of a hospital's answer to a query.
pub fn answer_context(query: &QueryId, hospital: &MemberId) -> Digest32 {
    Digest32::tagged(tag::SEALED_ANSWER, [&query.0.0.0[..], &hospital.0])
}

/// HPKE's `info`: what the key is for.
fn info(context: &Digest32) -> Vec<u8> {
    [tag::SEAL.as_bytes(), &context.0].concat()
}

/// What the content is authenticated with: its context and everything before it.
fn associated(context: &Digest32, head: &[u8]) -> Vec<u8> {
    [context.0.as_slice(), head].concat()
}

pub(crate) fn cipher(key: &[u8; KEY]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&Key::from(*key))
}

/// A fresh content key, and what its recipient unwraps it from.
pub(crate) fn wrap(context: &Digest32, recipient: &[u8; KEY]) -> Result<([u8; WRAP], Zeroizing<[u8; KEY]>), SealError> {
    let mut key = Zeroizing::new([0; KEY]);
    getrandom::fill(&mut *key).map_err(|_| SealError::Entropy)?;
    let wrapped = wrap_key(&key, context, recipient)?;
    Ok((wrapped, key))
}

fn wrap_key(key: &[u8; KEY], context: &Digest32, recipient: &[u8; KEY]) -> Result<[u8; WRAP], SealError> {
    let public = Public::from_bytes(recipient).map_err(|_| SealError::Recipients)?;
    let (encapsulated, wrapped) = hpke::single_shot_seal::<hpke::aead::ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &public,
        &info(context),
        key,
        &[],
    )
    .map_err(|_| SealError::Recipients)?;
    let mut out = [0; WRAP];
    out[..KEY].copy_from_slice(&encapsulated.to_bytes());
    out[KEY..].copy_from_slice(wrapped.get(..WRAPPED).ok_or(SealError::Format)?);
    Ok(out)
}

/// The content key of what was wrapped.
pub(crate) fn unwrap(wrapped: &[u8], context: &Digest32, secret: &SealingSecret) -> Result<Zeroizing<[u8; KEY]>, SealError> {
    let (encapsulated, wrapped) = wrapped.split_at_checked(KEY).ok_or(SealError::Format)?;
    let encapsulated = Encapsulated::from_bytes(encapsulated).map_err(|_| SealError::Damaged)?;
    let key = hpke::single_shot_open::<hpke::aead::ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret.private(),
        &encapsulated,
        &info(context),
        wrapped,
        &[],
    );
    let key = Zeroizing::new(key.map_err(|_| SealError::Damaged)?);
    Ok(Zeroizing::new(<[u8; KEY]>::try_from(key.as_slice()).map_err(|_| SealError::Damaged)?))
}

/// Seals content to recipients' public keys under a context.
///
/// # Errors
/// No proper recipient, or no entropy.
pub fn seal(content: &[u8], context: &Digest32, recipients: &[[u8; KEY]]) -> Result<Vec<u8>, SealError> {
    if recipients.is_empty() || recipients.len() > RECIPIENTS_MAX {
        return Err(SealError::Recipients);
    }
    let mut key = Zeroizing::new([0; KEY]);
    getrandom::fill(&mut *key).map_err(|_| SealError::Entropy)?;
    let mut out = [MAGIC, &[recipients.len() as u8]].concat();
    for recipient in recipients {
        out.extend_from_slice(recipient);
        out.extend_from_slice(&wrap_key(&key, context, recipient)?);
    }
    let aad = associated(context, &out);
    out.extend(cipher(&key).encrypt(&Nonce::default(), Payload { msg: content, aad: &aad }).map_err(|_| SealError::Format)?);
    Ok(out)
}

/// Opens sealed content.
///
/// # Errors
/// [`SealError`].
pub fn open(sealed: &[u8], context: &Digest32, secret: &SealingSecret) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let rest = sealed.strip_prefix(MAGIC).ok_or(SealError::Format)?;
    let (count, rest) = rest.split_first().ok_or(SealError::Format)?;
    let count = usize::from(*count);
    if count == 0 || count > RECIPIENTS_MAX {
        return Err(SealError::Format);
    }
    let (slots, content) = rest.split_at_checked(count * SLOT).ok_or(SealError::Format)?;
    let own = secret.public();
    let slot = slots.chunks_exact(SLOT).find_map(|slot| slot.strip_prefix(&own[..])).ok_or(SealError::NotForYou)?;
    let key = unwrap(slot, context, secret)?;
    let head = sealed.len() - content.len();
    let aad = associated(context, sealed.get(..head).ok_or(SealError::Format)?);
    let opened = cipher(&key).decrypt(&Nonce::default(), Payload { msg: content, aad: &aad });
    opened.map(Zeroizing::new).map_err(|_| SealError::Damaged)
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

    /// A recipient's slot of one answer in another, and slots exchanged: neither opens.
    #[test]
    fn slots_belong_to_their_answer_and_their_place() {
        let [team, board] = [(); 2].map(|()| SealingSecret::generate().unwrap());
        let context = Digest32::of(b"context");
        let both = [team.public(), board.public()];
        let [first, second] = [(); 2].map(|()| seal(b"cells", &context, &both).unwrap());
        let at = MAGIC.len() + 1;
        let mut mixed = first.clone();
        mixed[at..at + SLOT].copy_from_slice(&second[at..at + SLOT]);
        assert_eq!(open(&mixed, &context, &team), Err(SealError::Damaged));
        let mut exchanged = first.clone();
        exchanged[at..at + SLOT].copy_from_slice(&first[at + SLOT..at + 2 * SLOT]);
        exchanged[at + SLOT..at + 2 * SLOT].copy_from_slice(&first[at..at + SLOT]);
        assert_eq!(open(&exchanged, &context, &team), Err(SealError::Damaged));
        assert_eq!(open(&exchanged, &context, &board), Err(SealError::Damaged));
    }

    /// The suite of RFC 9180 by its identifiers: another one would open nothing that others sealed.
    #[test]
    fn the_suite_is_the_documented_one() {
        use hpke::{aead::Aead, kdf::Kdf};
        assert_eq!(X25519HkdfSha256::KEM_ID, 0x0020);
        assert_eq!(HkdfSha256::KDF_ID, 0x0001);
        assert_eq!(hpke::aead::ChaCha20Poly1305::AEAD_ID, 0x0003);
    }

    #[test]
    fn improper_keys_are_refused() {
        assert_eq!(seal(b"cells", &Digest32::default(), &[]), Err(SealError::Recipients));
        assert_eq!(seal(b"cells", &Digest32::default(), &[[0; 32]]), Err(SealError::Recipients));
    }
}
