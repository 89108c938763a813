use super::harness::*;
use crate::{
    CertificateRefusal, Clock, NetConfig, PeerAddress, Transport,
    identity::{Key, certificate},
    member_of_certificate, system_clock,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ClientConfig, SignatureScheme, client::ResolvesClientCert, pki_types::CertificateDer, sign::CertifiedKey};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Shows whatever it is told to.
#[derive(Debug)]
struct Shows(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

/// Member 2's connection to member 1, but for the certificates it shows.
fn showing(chain: Option<Vec<CertificateDer<'static>>>) -> ClientConfig {
    let mut config = client(2, 1, system_clock());
    config.client_auth_cert_resolver = Arc::new(Shows(chain.map(|c| Arc::new(CertifiedKey::new(c, Arc::new(Key::new(key(2))))))));
    config
}

fn good(n: u8) -> CertificateDer<'static> {
    let now = SystemTime::now();
    certificate(&Key::new(key(n)), now - DAY, now + DAY).unwrap()
}

/// A certificate of member 2's key, made by somebody else.
fn signed_by_another(is_ca: IsCa) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.is_ca = is_ca;
    let authority = Key::new(key(7));
    let issuer = Issuer::from_params(&params, &authority);
    CertificateParams::default().signed_by(&Key::new(key(2)), &issuer).unwrap().der().clone()
}

fn authority_itself() -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.self_signed(&Key::new(key(2))).unwrap().der().clone()
}

fn ecdsa() -> (CertificateDer<'static>, KeyPair) {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    (CertificateParams::default().self_signed(&pair).unwrap().der().clone(), pair)
}

fn rsa() -> CertificateDer<'static> {
    include_bytes!("rsa.der").to_vec().into()
}

#[test]
fn a_certificate_names_its_key_only_if_all_is_right() {
    let now = SystemTime::now();
    assert_eq!(member_of_certificate(&good(2), now), Ok(id(2)));
    assert_eq!(member_of_certificate(&good(2), now + 2 * DAY), Err(CertificateRefusal::Expired));
    assert_eq!(member_of_certificate(&good(2), now - 2 * DAY), Err(CertificateRefusal::NotYetValid));
    assert_eq!(member_of_certificate(&rsa(), now), Err(CertificateRefusal::NotEd25519));
    assert_eq!(member_of_certificate(&ecdsa().0, now), Err(CertificateRefusal::NotEd25519));
    for der in [signed_by_another(IsCa::Ca(BasicConstraints::Unconstrained)), signed_by_another(IsCa::NoCa), authority_itself()] {
        assert!(matches!(member_of_certificate(&der, now), Err(CertificateRefusal::NotSelfSigned(_))));
    }
    let whole = good(2);
    for cut in 0..whole.len() {
        assert!(member_of_certificate(&whole[..cut], now).is_err());
    }
    // every bit counts: all of it is signed, or the signature
    for at in 0..whole.len() {
        let mut changed = whole.to_vec();
        changed[at] ^= 1;
        assert!(member_of_certificate(&changed, now).is_err(), "byte {at}");
    }
}

/// None of these gets in; a member that comes after them does, and is the first that the program hears of.
#[tokio::test]
async fn whoever_is_not_a_member_with_a_good_certificate_is_refused() {
    let all = members(&[1, 2, 3]);
    let mut a = Node::start(1, listening(), all.subscribe()).await;
    let now = SystemTime::now();
    let key2 = Key::new(key(2));
    let (ecdsa_certificate, ecdsa_key) = ecdsa();
    let mut by_ecdsa = client(2, 1, system_clock());
    let ecdsa_key =
        rustls::crypto::ring::sign::any_supported_type(&rustls::pki_types::PrivateKeyDer::Pkcs8(ecdsa_key.serialize_der().into()));
    by_ecdsa.client_auth_cert_resolver =
        Arc::new(Shows(Some(Arc::new(CertifiedKey::new(vec![ecdsa_certificate.clone()], ecdsa_key.unwrap())))));
    let mut other_protocol = client(2, 1, system_clock());
    other_protocol.alpn_protocols = vec![b"countersign/0".to_vec()];
    let strangers: Vec<(&str, ClientConfig)> = vec![
        ("a non-member", client(9, 1, system_clock())),
        ("the node itself", client(1, 1, system_clock())),
        ("no certificate", showing(None)),
        ("expired", showing(Some(vec![certificate(&key2, now - 3 * DAY, now - DAY).unwrap()]))),
        ("not yet valid", showing(Some(vec![certificate(&key2, now + DAY, now + 3 * DAY).unwrap()]))),
        ("two certificates", showing(Some(vec![good(2), good(3)]))),
        ("the same twice", showing(Some(vec![good(2), good(2)]))),
        ("signed by an authority", showing(Some(vec![signed_by_another(IsCa::Ca(BasicConstraints::Unconstrained))]))),
        ("an authority itself", showing(Some(vec![authority_itself()]))),
        ("RSA", showing(Some(vec![rsa()]))),
        ("ECDSA", showing(Some(vec![ecdsa_certificate]))),
        ("ECDSA that signs", by_ecdsa),
        ("another member's certificate without its key", showing(Some(vec![good(3)]))),
        ("garbage", showing(Some(vec![vec![0x30; 100].into()]))),
        ("another protocol", other_protocol),
    ];
    for (what, config) in strangers {
        assert!(knock_tcp(config.clone(), a.address(), "127.0.0.1", 1).await.is_err(), "TCP: {what}");
        assert!(knock_quic(config, a.address()).await.is_err(), "QUIC: {what}");
    }
    let mut c = Node::start(3, NetConfig { peers: vec![a.peer(Transport::Auto)], ..outwards() }, all.subscribe()).await;
    a.connected(c.member).await;
    c.connected(a.member).await;
    assert_eq!(a.net.peers().len(), 1);
    // the harness itself would get in
    let _good = knock_tcp(showing(Some(vec![good(2)])), a.address(), "127.0.0.1", 1).await.unwrap();
    a.connected(id(2)).await;
}

#[tokio::test]
async fn the_dialled_peer_must_be_the_one_expected() {
    let all = members(&[1, 2, 3]);
    let mut a = Node::start(1, listening(), all.subscribe()).await;
    let b = Node::start(2, outwards(), all.subscribe()).await;
    for transport in [Transport::Quic, Transport::Tcp, Transport::Auto] {
        b.net.set_peers(vec![PeerAddress { member: id(3), address: a.address().to_string(), transport }]);
        let said = |e: &String| e.contains(&format!("{} answers where {} was expected", id(1), id(3)));
        until("the wrong key is said", || b.net.peers()[0].last_error.as_ref().is_some_and(said)).await;
        assert!(!b.net.is_connected(&id(1)) && !b.net.is_connected(&id(3)));
    }
    assert!(a.events.try_recv().is_none());
}

#[tokio::test]
async fn a_node_whose_clock_is_wrong_refuses_and_says_so() {
    let all = members(&[1, 2]);
    let a = Node::start(1, listening(), all.subscribe()).await;
    for (shift, word) in [(true, "expired"), (false, "not valid yet")] {
        let wrong: Clock = Arc::new(move || if shift { SystemTime::now() + 200 * DAY } else { SystemTime::now() - 200 * DAY });
        let peers = vec![a.peer(Transport::Quic)];
        let (net, _events) = crate::Net::start(NetConfig { peers, ..outwards() }, key(2), all.subscribe(), wrong).await.unwrap();
        until(word, || net.peers()[0].last_error.as_ref().is_some_and(|e| e.contains(word))).await;
        net.shutdown().await;
    }
}
