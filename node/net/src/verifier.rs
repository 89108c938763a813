//! Whose certificate is accepted.

use crate::{config::Clock, identity::SPKI_PREFIX, net::Members};
use countersign_messages::MemberId;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerIncompatible, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::WebPkiSupportedAlgorithms,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// Why a certificate is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    /// More than the one certificate.
    #[error("a chain of {0} certificates: exactly one is wanted, signed by itself")]
    Chain(usize),
    /// Not a certificate.
    #[error("not an X.509 certificate that can be read: {0}")]
    Malformed(String),
    /// Another kind of key.
    #[error("the certificate's key is not an Ed25519 key")]
    NotEd25519,
    /// Expired.
    #[error("the certificate has expired: is a clock wrong?")]
    Expired,
    /// Not valid yet.
    #[error("the certificate is not valid yet: is a clock wrong?")]
    NotYetValid,
    /// Not made with its own key, or not for this use.
    #[error("the certificate is not a valid one signed by its own key: {0}")]
    NotSelfSigned(String),
    /// The key is nobody's.
    #[error("{0} is not a member")]
    NotMember(MemberId),
    /// Another member answers there.
    #[error("{found} answers where {expected} was expected: is the address right?")]
    WrongMember {
        /// Who should be there.
        expected: MemberId,
        /// Who is.
        found: MemberId,
    },
}

impl CertificateRefusal {
    /// The word in metrics.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Chain(_) => "certificate_chain",
            Self::Malformed(_) => "certificate_malformed",
            Self::NotEd25519 => "certificate_key",
            Self::Expired => "certificate_expired",
            Self::NotYetValid => "certificate_not_yet_valid",
            Self::NotSelfSigned(_) => "certificate_signature",
            Self::NotMember(_) => "not_member",
            Self::WrongMember { .. } => "wrong_member",
        }
    }
}

/// The key of a certificate that is a valid one at that time, signed by itself. That its owner is at the other end is shown by the
/// handshake's signature, and that it is a member by the list of members.
///
/// # Errors
/// If it is anything else.
pub fn member_of_certificate(der: &[u8], now: SystemTime) -> Result<MemberId, CertificateRefusal> {
    let der = CertificateDer::from(der);
    let malformed = |e: webpki::Error| CertificateRefusal::Malformed(e.to_string());
    let certificate = EndEntityCert::try_from(&der).map_err(malformed)?;
    let info = certificate.subject_public_key_info();
    let key = info.as_ref().strip_prefix(&SPKI_PREFIX).and_then(|key| <[u8; 32]>::try_from(key).ok());
    let key = key.ok_or(CertificateRefusal::NotEd25519)?;
    // a certificate is signed by itself if it is valid with itself as the only anchor
    let anchor = anchor_from_trusted_cert(&der).map_err(malformed)?;
    let time = UnixTime::since_unix_epoch(now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO));
    for usage in [KeyUsage::client_auth(), KeyUsage::server_auth()] {
        let anchors = std::slice::from_ref(&anchor);
        certificate.verify_for_usage(&[webpki::ring::ED25519], anchors, &[], time, usage, None, None).map_err(|error| match error {
            webpki::Error::CertExpired { .. } => CertificateRefusal::Expired,
            webpki::Error::CertNotValidYet { .. } => CertificateRefusal::NotYetValid,
            error => CertificateRefusal::NotSelfSigned(error.to_string()),
        })?;
    }
    Ok(MemberId(key))
}

/// Made for one handshake; remembers why it refused.
pub(crate) struct Verifier {
    clock: Clock,
    members: Members,
    expected: Option<MemberId>,
    algorithms: WebPkiSupportedAlgorithms,
    refusal: Mutex<Option<CertificateRefusal>>,
}

impl Verifier {
    /// `expected` is who must be there, when dialling.
    pub(crate) fn new(clock: Clock, members: Members, expected: Option<MemberId>, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { clock, members, expected, algorithms, refusal: Mutex::new(None) }
    }

    /// Why the certificate was refused, if it was.
    pub(crate) fn refusal(&self) -> Option<CertificateRefusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn judge(&self, certificate: &CertificateDer<'_>, others: usize) -> Result<(), CertificateRefusal> {
        if others > 0 {
            return Err(CertificateRefusal::Chain(others + 1));
        }
        let found = member_of_certificate(certificate, (self.clock)())?;
        match self.expected {
            Some(expected) if expected != found => Err(CertificateRefusal::WrongMember { expected, found }),
            _ if !self.members.borrow().contains(&found) => Err(CertificateRefusal::NotMember(found)),
            _ => Ok(()),
        }
    }

    fn check(&self, certificate: &CertificateDer<'_>, others: usize) -> Result<(), Error> {
        self.judge(certificate, others).map_err(|refusal| {
            *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal.clone());
            Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
        })
    }

    fn signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if signature.scheme != SignatureScheme::ED25519 {
            return Err(PeerIncompatible::NoSignatureSchemesInCommon.into());
        }
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, intermediates.len()).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, intermediates.len()).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
