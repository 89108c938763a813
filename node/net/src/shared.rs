//! What all parts of the transport share.

use crate::{
    config::{Clock, NetConfig, PeerAddress},
    event::Events,
    net::{Members, NetError},
    registry::Registry,
};
use countersign_ledger::MemberId;
use ed25519_dalek::SigningKey;
use std::{net::SocketAddr, sync::Arc};

#[derive(Debug)]
pub(crate) struct Dialer;
impl Dialer {
    pub(crate) fn peers(&self) -> Vec<PeerAddress> {
        Vec::new()
    }
}
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) me: MemberId,
    pub(crate) local_address: Option<SocketAddr>,
    pub(crate) registry: Registry,
    pub(crate) dialer: Dialer,
}
impl Shared {
    pub(crate) async fn start(_: NetConfig, key: SigningKey, _: Members, _: Clock) -> Result<(Arc<Self>, Events), NetError> {
        let me = MemberId::from(&key.verifying_key());
        let (_, events) = tokio::sync::mpsc::channel(1);
        Ok((Arc::new(Self { me, local_address: None, registry: Registry::new(me), dialer: Dialer }), Events(events)))
    }
    pub(crate) fn set_peers(&self, _: Vec<PeerAddress>) {}
    pub(crate) async fn shutdown(&self) {}
}
