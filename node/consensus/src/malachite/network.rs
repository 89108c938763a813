//! Malachite's network actor over this product's own connections.
//!
//! Votes, proposals and certificates go to all validators on the channel for consensus; parts of blocks on theirs; statuses on theirs. Blocks
//! that are behind are asked for with the same request that followers use and answered from the store, so the engine never sees a
//! request from outside. Whoever is no validator of the state reaches nothing here ([`Inlet`]).

use super::{
    codec::Borsh,
    context::{Address, Chain, Height},
    gate::{Forged, Gate},
};
use crate::{
    alert::{Alerts, Offence},
    bucket::Bucket,
    horizon::Horizon,
    request::{BLOCKS_MAX, BlocksWanted, Method},
};
use arc_malachitebft_app_channel::{NetworkMsg, app::types::codec::Codec};
use arc_malachitebft_core_consensus::{LivenessMsg, SignedConsensusMsg};
use arc_malachitebft_engine::{
    network::{Msg, Multiaddr, NetworkEvent, NetworkRef, PersistentPeerError, Status},
    util::output_port::OutputPort,
};
use arc_malachitebft_network::Channel as Topic;
use arc_malachitebft_peer::PeerId;
use arc_malachitebft_sync::{self as sync, OutboundFailureReason, OutboundRequestId};
use async_recursion::async_recursion as boxed;
use async_trait::async_trait;
use borsh::BorshDeserialize;
use bytes::Bytes;
use countersign_messages::{MemberId, ValidatorSet, Wire};
use countersign_net::{Channel, Net, RequestError};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, watch};

/// Events that wait for the engine: several rounds of votes of 100 validators. The port drops the oldest beyond it. Parts of blocks are bounded in
/// bytes a validator before they come here.
const EVENTS_MAX: usize = 2048;
/// Messages of the application that wait to be sent.
const OUTGOING_MAX: usize = 256;
/// How long a peer may take to answer with blocks.
const BLOCKS_TIMEOUT: Duration = Duration::from_secs(30);
/// Statuses said in a thousand seconds: two a second. The engine says one to everybody whenever somebody connects, and who connects again and again
/// would have this node bother all others; the one of the next second says the same.
const STATUSES_PER_1000_SECONDS: u64 = 2_000;

/// Multihash of a SHA-256: what a peer id looks like. The 32 bytes are the member's key itself.
const PEER_ID_HEAD: [u8; 2] = [0x12, 0x20];

/// A member as Malachite names peers.
pub fn peer_id(member: &MemberId) -> Option<PeerId> {
    PeerId::from_bytes(&[&PEER_ID_HEAD[..], &member.0].concat()).ok()
}

/// The member behind a peer's name.
pub fn member_of(peer: &PeerId) -> Option<MemberId> {
    peer.to_bytes().strip_prefix(&PEER_ID_HEAD[..]).and_then(|key| key.try_into().ok()).map(MemberId)
}

type Port = Arc<OutputPort<NetworkEvent<Chain>>>;

/// Where messages from other validators enter the engine.
#[derive(Clone)]
pub struct Inlet {
    port: Port,
    connected: Arc<Mutex<BTreeSet<MemberId>>>,
    gate: Gate,
    horizon: Horizon,
}

impl std::fmt::Debug for Inlet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inlet").field("connected", &*self.peers()).finish_non_exhaustive()
    }
}

/// A message that no honest validator sends. Its sender is at fault.
#[derive(Debug, thiserror::Error)]
pub enum InvalidMessage {
    /// It is none.
    #[error("a message on the {channel} channel does not decode: {source}")]
    Undecodable {
        /// Where it came.
        channel: Channel,
        /// Why.
        source: std::io::Error,
    },
    /// It is not its sender's.
    #[error("a vote or proposal: {0}")]
    Forged(#[from] Forged),
}

#[derive(BorshDeserialize, borsh::BorshSerialize)]
#[repr(u8)]
#[borsh(use_discriminant = true)]
enum Tag {
    Consensus = 0,
    Liveness = 1,
}

/// A vote or proposal as it is sent.
///
/// # Errors
/// Never: writing to memory does not fail.
pub fn consensus_bytes(message: &SignedConsensusMsg<Chain>) -> std::io::Result<Bytes> {
    Ok(tagged(Tag::Consensus, &Borsh.encode(message)?))
}

/// The vote or proposal in a message on the channel for consensus, if it is one.
pub fn consensus_message(bytes: &Bytes) -> Option<SignedConsensusMsg<Chain>> {
    let (tag, rest) = bytes.split_first()?;
    (*tag == Tag::Consensus as u8).then(|| Borsh.decode(bytes.slice_ref(rest)).ok())?
}

fn tagged(tag: Tag, message: &Bytes) -> Bytes {
    [&[tag as u8][..], message].concat().into()
}

/// Refuses certificates in which somebody signs twice: the engine would verify each signature.
fn each_once(addresses: impl Iterator<Item = Address>) -> std::io::Result<()> {
    let mut seen = BTreeSet::new();
    if addresses.into_iter().all(|address| seen.insert(address)) { Ok(()) } else { Err(std::io::Error::other("somebody signs twice")) }
}

/// What a message on a channel says.
fn event(from: PeerId, channel: Channel, bytes: Bytes) -> std::io::Result<NetworkEvent<Chain>> {
    Ok(match channel {
        Channel::Consensus => {
            let (tag, rest) = bytes.split_first().ok_or_else(|| std::io::Error::other("empty"))?;
            let message = bytes.slice_ref(rest);
            match Tag::try_from_slice(&[*tag])? {
                Tag::Consensus => match Borsh.decode(message)? {
                    SignedConsensusMsg::<Chain>::Vote(vote) => NetworkEvent::Vote(from, vote),
                    SignedConsensusMsg::Proposal(proposal) => NetworkEvent::Proposal(from, proposal),
                },
                Tag::Liveness => match Borsh.decode(message)? {
                    LivenessMsg::<Chain>::Vote(vote) => NetworkEvent::Vote(from, vote),
                    LivenessMsg::PolkaCertificate(certificate) => {
                        each_once(certificate.polka_signatures.iter().map(|s| s.address))?;
                        NetworkEvent::PolkaCertificate(from, certificate)
                    }
                    LivenessMsg::SkipRoundCertificate(certificate) => {
                        each_once(certificate.round_signatures.iter().map(|s| s.address))?;
                        NetworkEvent::RoundCertificate(from, certificate)
                    }
                },
            }
        }
        Channel::Parts => NetworkEvent::ProposalPart(from, Some(from), Borsh.decode(bytes)?),
        Channel::Status => {
            let status: sync::Status<Chain> = Borsh.decode(bytes)?;
            NetworkEvent::Status(from, Status::new(status.tip_height, status.history_min_height))
        }
        Channel::Transactions => return Err(std::io::Error::other("not for consensus")),
    })
}

/// Decodes a message as the engine would: for fuzzing.
///
/// # Errors
/// It does not decode.
pub fn check_message(channel: Channel, bytes: &[u8]) -> std::io::Result<()> {
    let from = peer_id(&MemberId([1; 32])).ok_or_else(|| std::io::Error::other("no peer id"))?;
    event(from, channel, Bytes::copy_from_slice(bytes)).map(|_| ())
}

impl Inlet {
    fn peers(&self) -> MutexGuard<'_, BTreeSet<MemberId>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A validator is connected.
    pub fn connected(&self, member: MemberId) {
        if let Some(peer) = peer_id(&member).filter(|_| self.peers().insert(member)) {
            self.port.send(NetworkEvent::PeerConnected(peer));
            self.port.send(NetworkEvent::PeerSubscribed(peer, Topic::Sync));
        }
    }

    /// A validator is gone.
    pub fn disconnected(&self, member: MemberId) {
        if let Some(peer) = peer_id(&member).filter(|_| self.peers().remove(&member)) {
            self.port.send(NetworkEvent::PeerDisconnected(peer));
        }
    }

    /// A validator sent a message.
    ///
    /// # Errors
    /// [`InvalidMessage`].
    pub fn message(&self, from: MemberId, channel: Channel, bytes: Bytes) -> Result<(), InvalidMessage> {
        self.connected(from);
        let Some(peer) = peer_id(&from) else { return Ok(()) };
        let event = event(peer, channel, bytes).map_err(|source| InvalidMessage::Undecodable { channel, source })?;
        if let NetworkEvent::Status(_, status) = &event {
            self.horizon.said(from, status.tip_height.into());
        }
        if self.gate.admits(&from, &event)? {
            self.port.send(event);
        }
        Ok(())
    }
}

/// Changes what a node says to others. Honest nodes have none; named Byzantine actors of the tests do.
pub trait Outgoing: Send + Sync + 'static {
    /// The messages to send to a validator instead of one.
    fn to(&self, member: &MemberId, channel: Channel, bytes: &Bytes) -> Vec<(Channel, Bytes)>;
}

/// What the actor is started with.
pub struct Arguments {
    /// The connections.
    pub net: Net,
    /// The validators to speak to: those of the next height.
    pub validators: watch::Receiver<ValidatorSet>,
    /// What is asked of incoming messages.
    pub gate: Gate,
    /// Where it is noted how far others say they are.
    pub horizon: Horizon,
    /// What changes outgoing messages, if anything.
    pub outgoing: Option<Arc<dyn Outgoing>>,
    /// Where it reports.
    pub alerts: Arc<Alerts>,
}

impl std::fmt::Debug for Arguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arguments").field("net", &self.net).finish_non_exhaustive()
    }
}

/// The actor.
struct Switchboard;

struct Wires {
    arguments: Arguments,
    inlet: Inlet,
    requests: u64,
    start: Instant,
    /// How often statuses may be said.
    statuses: Bucket,
}

/// Starts the actor: the engine's reference, the application's sender, and where messages enter.
///
/// # Errors
/// The actor does not start.
#[allow(clippy::disallowed_methods, reason = "how often something is said is measured from here")]
#[boxed]
pub async fn start(arguments: Arguments) -> Result<(NetworkRef<Chain>, mpsc::Sender<NetworkMsg<Chain>>, Inlet), ractor::SpawnErr> {
    let inlet = Inlet {
        port: Arc::new(OutputPort::with_capacity(EVENTS_MAX)),
        connected: Arc::default(),
        gate: arguments.gate.clone(),
        horizon: arguments.horizon.clone(),
    };
    let statuses = Bucket::full(1, STATUSES_PER_1000_SECONDS, Duration::ZERO);
    let wires = Wires { arguments, inlet: inlet.clone(), requests: 0, start: Instant::now(), statuses };
    let (actor, _) = Actor::spawn(None, Switchboard, wires).await?;
    let (sender, mut outgoing) = mpsc::channel::<NetworkMsg<Chain>>(OUTGOING_MAX);
    let forward = actor.clone();
    tokio::spawn(async move {
        while let Some(message) = outgoing.recv().await {
            if forward.cast(message.into()).is_err() {
                break;
            }
        }
    });
    Ok((actor, sender, inlet))
}

impl Wires {
    fn say(&self, channel: Channel, bytes: &Bytes) {
        let set = self.arguments.validators.borrow().clone();
        let net = &self.arguments.net;
        for member in set.members().iter().filter(|m| **m != net.me()) {
            match &self.arguments.outgoing {
                // what does not fit a peer's queue is lost to it; votes come again by rebroadcast, blocks by synchronisation
                None => {
                    net.send(member, channel, bytes.clone());
                }
                Some(outgoing) => {
                    for (channel, bytes) in outgoing.to(member, channel, bytes) {
                        net.send(member, channel, bytes);
                    }
                }
            }
        }
    }

    /// Whether a status may be said at a time since the start.
    fn may_say_status(&mut self, now: Duration) -> bool {
        let may = self.statuses.wait(1, now).is_zero();
        if may {
            self.statuses.take(1);
        }
        may
    }

    /// Asks a peer for a range of blocks; the answer comes as an event.
    fn ask(&mut self, peer: PeerId, request: sync::Request<Chain>) -> OutboundRequestId {
        self.requests += 1;
        let id = OutboundRequestId::new(self.requests);
        let sync::Request::ValueRequest(wanted) = request;
        let (from, to) = (wanted.range.start().0, wanted.range.end().0);
        let count = u32::try_from(to.saturating_sub(from).saturating_add(1)).unwrap_or(BLOCKS_MAX).min(BLOCKS_MAX);
        let request = BlocksWanted { from: Height(from).into(), count, wait_ms: 0 }.encode();
        let (net, port, alerts) = (self.arguments.net.clone(), Arc::clone(&self.inlet.port), Arc::clone(&self.arguments.alerts));
        let reply = id.clone();
        tokio::spawn(async move {
            let Some(member) = member_of(&peer) else {
                return port.send(NetworkEvent::SyncRequestFailed(reply, peer, OutboundFailureReason::DialFailure));
            };
            port.send(match net.request(&member, Method::Blocks as u8, request.into(), BLOCKS_TIMEOUT).await {
                Ok(bytes) => {
                    let decoded: std::io::Result<sync::Response<Chain>> = Borsh.decode(bytes);
                    if let Err(error) = &decoded {
                        alerts.accuse(member, Offence::InvalidSync, countersign_messages::Height(from), error.to_string());
                    }
                    NetworkEvent::SyncResponse(reply, peer, decoded.ok())
                }
                Err(error) => NetworkEvent::SyncRequestFailed(reply, peer, reason_of(&error)),
            });
        });
        id
    }
}

fn reason_of(error: &RequestError) -> OutboundFailureReason {
    match error {
        RequestError::NotConnected => OutboundFailureReason::DialFailure,
        RequestError::Timeout => OutboundFailureReason::Timeout,
        RequestError::Disconnected => OutboundFailureReason::ConnectionClosed,
        _ => OutboundFailureReason::Io,
    }
}

#[async_trait]
impl Actor for Switchboard {
    type Msg = Msg<Chain>;
    type State = Wires;
    type Arguments = Wires;

    async fn pre_start(&self, _: ActorRef<Msg<Chain>>, wires: Wires) -> Result<Wires, ActorProcessingErr> {
        Ok(wires)
    }

    async fn handle(&self, _: ActorRef<Msg<Chain>>, message: Msg<Chain>, wires: &mut Wires) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Subscribe(subscriber) => {
                // the engine starts when it hears that somebody listens; the address is not used
                subscriber.send(NetworkEvent::Listening(Multiaddr::empty()));
                let peers: Vec<MemberId> = wires.inlet.peers().iter().copied().collect();
                for peer in peers.iter().filter_map(peer_id) {
                    subscriber.send(NetworkEvent::PeerConnected(peer));
                    subscriber.send(NetworkEvent::PeerSubscribed(peer, Topic::Sync));
                }
                subscriber.subscribe_to_port(&wires.inlet.port);
            }
            Msg::PublishConsensusMsg(message) => wires.say(Channel::Consensus, &consensus_bytes(&message)?),
            Msg::PublishLivenessMsg(message) => wires.say(Channel::Consensus, &tagged(Tag::Liveness, &Borsh.encode(&message)?)),
            Msg::PublishProposalPart(part) => wires.say(Channel::Parts, &Borsh.encode(&part)?),
            Msg::BroadcastStatus(status) => {
                let now = wires.start.elapsed();
                if let Some(peer_id) = peer_id(&wires.arguments.net.me()).filter(|_| wires.may_say_status(now)) {
                    let status =
                        sync::Status::<Chain> { peer_id, tip_height: status.tip_height, history_min_height: status.history_min_height };
                    // to everybody: one that still takes itself for a validator hears that it is behind
                    wires.arguments.net.broadcast(Channel::Status, &Borsh.encode(&status)?, &|_| true);
                }
            }
            Msg::OutgoingRequest(peer, request, reply) => {
                let id = wires.ask(peer, request);
                // who asked may have given up meanwhile
                let _ = reply.send(id);
            }
            Msg::DumpState(reply) => {
                let _ = reply.send(None);
            }
            Msg::UpdatePersistentPeers(_, reply) => {
                let _ = reply.send(Err(PersistentPeerError::NetworkStopped));
            }
            // requests from outside are answered from the store; cancelled ones end with their timeout; identities come from TLS
            Msg::OutgoingResponse(..)
            | Msg::CancelInboundRequest(_)
            | Msg::CancelRequest(_)
            | Msg::UpdateValidatorSet(_)
            | Msg::ValidatorProofVerified { .. }
            | Msg::NewEvent(_) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::malachite::signing::Signature;
    use arc_malachitebft_core_types::{NilOrVal, Round, RoundCertificate, RoundCertificateType, RoundSignature, VoteType};

    #[test]
    fn peers_are_members() {
        let member = MemberId([7; 32]);
        assert_eq!(peer_id(&member).and_then(|p| member_of(&p)), Some(member));
    }

    #[test]
    fn nobody_signs_twice_in_a_certificate() {
        let address = |i| Address(MemberId([i; 32]));
        assert!(each_once([1, 2, 3].map(address).into_iter()).is_ok());
        assert!(each_once([1, 2, 1].map(address).into_iter()).is_err());
        // the one that everybody may make again and again
        let signature = |i| RoundSignature::new(VoteType::Prevote, NilOrVal::Nil, address(i), Signature([i; 64]));
        let said = |signers: &[u8]| {
            let round_signatures = signers.iter().map(|i| signature(*i)).collect();
            let certificate =
                RoundCertificate { height: Height(3), round: Round::new(1), cert_type: RoundCertificateType::Skip, round_signatures };
            tagged(Tag::Liveness, &Borsh.encode(&LivenessMsg::<Chain>::SkipRoundCertificate(certificate)).unwrap())
        };
        assert!(check_message(Channel::Consensus, &said(&[1, 2, 3])).is_ok());
        assert!(check_message(Channel::Consensus, &said(&[1, 2, 2])).is_err());
        assert!(check_message(Channel::Consensus, &said(&[1; 300])).is_err());
    }
}
