//! TLS for both ends: version 1.3 only, certificates on both sides, no resumption (a removed member must not come back by a ticket).

use crate::{
    config::Clock,
    identity::{Identity, Key},
    limits::ALPN,
    net::{Members, NetError},
    verifier::{Verifier, member_of_certificate},
};
use countersign_messages::MemberId;
use rustls::{
    ClientConfig, ServerConfig,
    client::Resumption,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName},
    server::NoServerSessionStorage,
    version::TLS13,
};
use std::sync::Arc;

/// What the dialling end asks for by name; certificates have no names that matter.
pub(crate) const NAME: &str = "countersign";

#[derive(Clone)]
pub(crate) struct Tls {
    identity: Arc<Identity>,
    clock: Clock,
    members: Members,
    provider: Arc<CryptoProvider>,
}

impl Tls {
    pub(crate) fn new(key: Key, members: Members, clock: Clock) -> Result<Self, NetError> {
        let identity = Arc::new(Identity::new(key, clock.clone())?);
        Ok(Self { identity, clock, members, provider: Arc::new(rustls::crypto::ring::default_provider()) })
    }

    fn verifier(&self, expected: Option<MemberId>) -> Arc<Verifier> {
        let algorithms = self.provider.signature_verification_algorithms;
        Arc::new(Verifier::new(self.clock.clone(), self.members.clone(), expected, algorithms))
    }

    /// For one incoming connection.
    pub(crate) fn server(&self) -> Result<(ServerConfig, Arc<Verifier>), rustls::Error> {
        let verifier = self.verifier(None);
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(verifier.clone())
            .with_cert_resolver(self.identity.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok((config, verifier))
    }

    /// For one outgoing connection.
    pub(crate) fn client(&self, expected: MemberId) -> Result<(ClientConfig, Arc<Verifier>), rustls::Error> {
        let verifier = self.verifier(Some(expected));
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_client_cert_resolver(self.identity.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        Ok((config, verifier))
    }

    /// Who is at the other end of a finished handshake, from the certificates it has kept.
    pub(crate) fn member(&self, certificates: &[CertificateDer<'_>]) -> Option<MemberId> {
        match certificates {
            [one] => member_of_certificate(one, (self.clock)()).ok(),
            _ => None,
        }
    }

    pub(crate) fn server_name() -> ServerName<'static> {
        ServerName::try_from(NAME).expect("a constant that is a name")
    }
}
