//! This member's key as TLS uses it, and the certificates made with it.

use crate::{
    config::Clock,
    limits::{CERTIFICATE_CLOCK_SKEW, CERTIFICATE_RENEWAL, CERTIFICATE_VALIDITY},
};
use countersign_messages::MemberId;
use ed25519_dalek::Signer as _;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose};
use rustls::{
    SignatureAlgorithm, SignatureScheme,
    pki_types::{CertificateDer, SubjectPublicKeyInfoDer},
    sign::{CertifiedKey, Signer, SigningKey},
};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// DER of an Ed25519 public key but for the key's 32 bytes (RFC 8410).
pub(crate) const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The key; signs certificates and handshakes.
#[derive(Clone)]
pub(crate) struct Key {
    secret: Arc<ed25519_dalek::SigningKey>,
    public: [u8; 32],
}

impl Key {
    pub(crate) fn new(secret: ed25519_dalek::SigningKey) -> Self {
        Self { public: secret.verifying_key().to_bytes(), secret: Arc::new(secret) }
    }

    pub(crate) fn member(&self) -> MemberId {
        MemberId(self.public)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.member())
    }
}

impl rcgen::PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.secret.sign(message).to_bytes().to_vec())
    }
}

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SignatureScheme::ED25519).then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some([&SPKI_PREFIX[..], &self.public].concat().into())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(self.secret.sign(message).to_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// A certificate of the key, signed with it, valid from one time to another.
pub(crate) fn certificate(key: &Key, from: SystemTime, to: SystemTime) -> Result<CertificateDer<'static>, rcgen::Error> {
    let time = |t: SystemTime| rcgen::date_time_ymd(1970, 1, 1) + t.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, key.member().to_string());
    params.not_before = time(from);
    params.not_after = time(to);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params.self_signed(key)?.der().clone())
}

/// Gives the certificate of the hour to TLS; makes it anew in memory before it expires.
pub(crate) struct Identity {
    key: Key,
    clock: Clock,
    current: Mutex<(SystemTime, Arc<CertifiedKey>)>,
}

impl Identity {
    pub(crate) fn new(key: Key, clock: Clock) -> Result<Self, rcgen::Error> {
        let first = Self::make(&key, clock())?;
        Ok(Self { key, clock, current: Mutex::new(first) })
    }

    fn make(key: &Key, now: SystemTime) -> Result<(SystemTime, Arc<CertifiedKey>), rcgen::Error> {
        let from = now.checked_sub(CERTIFICATE_CLOCK_SKEW).unwrap_or(UNIX_EPOCH);
        let der = certificate(key, from, now + CERTIFICATE_VALIDITY)?;
        Ok((now, Arc::new(CertifiedKey::new(vec![der], Arc::new(key.clone())))))
    }

    pub(crate) fn certified_key(&self) -> Arc<CertifiedKey> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.clock)();
        // a clock that was set back makes it new as well
        let young = now.duration_since(current.0).is_ok_and(|age| age < CERTIFICATE_VALIDITY - CERTIFICATE_RENEWAL);
        if !young {
            match Self::make(&self.key, now) {
                Ok(new) => *current = new,
                Err(error) => tracing::error!(%error, "the certificate cannot be made anew"),
            }
        }
        current.1.clone()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("key", &self.key).finish_non_exhaustive()
    }
}

impl rustls::client::ResolvesClientCert for Identity {
    fn resolve(&self, _root_hint_subjects: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        schemes.contains(&SignatureScheme::ED25519).then(|| self.certified_key())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl rustls::server::ResolvesServerCert for Identity {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certified_key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifier::member_of_certificate;

    #[test]
    fn a_certificate_is_renewed_before_it_expires_and_the_identity_stays() {
        let start = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let now = Arc::new(Mutex::new(start));
        let clock: Clock = {
            let now = now.clone();
            Arc::new(move || *now.lock().unwrap())
        };
        let key = Key::new(ed25519_dalek::SigningKey::from_bytes(&[3; 32]));
        let identity = Identity::new(key.clone(), clock).unwrap();
        let mut seen = vec![identity.certified_key().cert[0].clone()];
        for day in 0..400 {
            let time = start + Duration::from_secs(day * 24 * 60 * 60);
            *now.lock().unwrap() = time;
            let certificate = identity.certified_key().cert[0].clone();
            assert_eq!(member_of_certificate(&certificate, time), Ok(key.member()));
            if seen.last() != Some(&certificate) {
                seen.push(certificate);
            }
        }
        assert_eq!(seen.len(), 7, "one every 60 days");
        *now.lock().unwrap() = start;
        assert_eq!(member_of_certificate(&identity.certified_key().cert[0], start), Ok(key.member()));
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", Key::new(ed25519_dalek::SigningKey::from_bytes(&[0xab; 32])));
        assert!(shown.starts_with("Key(") && shown.len() < 40 && !shown.contains("abab"), "{shown}");
    }
}
