//! The organisations of a network in one process, for showing and measuring: each with its own keys, folder, store and node, connected over QUIC on loopback.

use crate::{InProcess, ServiceError};
use async_recursion::async_recursion as boxed;
use countersign_consensus::{Node, NodeConfig, Pace};
use countersign_ledger::ProofChecker;
use countersign_member::{Connection, Member, MemberFolder};
use countersign_messages::{Genesis, Member as GenesisMember, Name, Role};
use countersign_net::{NetConfig, PeerAddress, Transport};
use countersign_store::{ChainStore, StoreUrl};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

/// An organisation that takes part.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name, and that of its folder.
    pub name: String,
    /// What it is.
    pub roles: Vec<Role>,
    /// Whether it has a node. Validators have one, and hospitals need one to answer; who has none goes through a validator's.
    pub node: bool,
}

struct Seat {
    member: Member,
    folder: PathBuf,
    listen: Option<SocketAddr>,
    node: Option<Node>,
    checker: Arc<dyn ProofChecker>,
}

/// See the module's documentation.
pub struct Rehearsal {
    genesis: Genesis,
    seats: Vec<Seat>,
    peers: Vec<PeerAddress>,
}

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.seats.iter().map(|s| s.member.name.as_str()).collect();
        f.debug_struct("Rehearsal").field("members", &names).finish_non_exhaustive()
    }
}

impl Rehearsal {
    /// Makes everybody's keys and folders, and starts every node. `founded` makes the genesis of the members; `checker` is called for each part, so that nobody need
    /// share a verdict with another.
    ///
    /// # Errors
    /// Files cannot be written, names are not usable, the genesis breaks a rule, or a node does not start.
    pub async fn start<E: From<ServiceError>>(
        folder: &Path,
        parts: &[Part],
        founded: impl FnOnce(Vec<GenesisMember>) -> Result<Genesis, E>,
        checker: impl Fn(&Part) -> Result<Arc<dyn ProofChecker>, E>,
    ) -> Result<Self, E> {
        let mut seats = Vec::with_capacity(parts.len());
        for part in parts {
            let folder = folder.join(&part.name);
            std::fs::create_dir_all(&folder).map_err(|source| ServiceError::Write { path: folder.clone(), source })?;
            let member = Member::generate(&part.name, &part.roles).map_err(ServiceError::from)?;
            seats.push(Seat { member, folder, listen: None, node: None, checker: checker(part)? });
        }
        let genesis = founded(seats.iter().map(listed).collect::<Result<_, _>>()?)?;
        let mut rehearsal = Self { genesis, seats, peers: Vec::new() };
        rehearsal.launch_all(parts).await?;
        Ok(rehearsal)
    }

    #[boxed]
    async fn launch_all(&mut self, parts: &[Part]) -> Result<(), ServiceError> {
        let (validators, others): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| part.roles.contains(&Role::Validator));
        // the system chooses the ports, so the validators hear of each other once all have one
        for part in &validators {
            self.launch(&part.name).await?;
        }
        for seat in &self.seats {
            if let (Some(node), Some(listen)) = (&seat.node, seat.listen) {
                self.peers.push(PeerAddress { member: node.me(), address: listen.to_string(), transport: Transport::Quic });
            }
        }
        for node in self.seats.iter().filter_map(|seat| seat.node.as_ref()) {
            node.net().set_peers(self.peers.iter().filter(|p| p.member != node.me()).cloned().collect());
        }
        for part in others.into_iter().filter(|part| part.node) {
            self.launch(&part.name).await?;
        }
        Ok(())
    }

    fn seat(&self, name: &str) -> Result<&Seat, ServiceError> {
        self.seats.iter().find(|s| s.member.name == name).ok_or_else(|| ServiceError::Name(name.to_owned()))
    }

    /// A member's node; `None` if it does not run.
    ///
    /// # Errors
    /// Nobody has that name.
    pub fn node(&self, name: &str) -> Result<Option<&Node>, ServiceError> {
        Ok(self.seat(name)?.node.as_ref())
    }

    /// Starts a node, the first time or again.
    ///
    /// # Errors
    /// Nobody has that name, or the node does not start.
    #[boxed]
    pub async fn launch(&mut self, name: &str) -> Result<(), ServiceError> {
        let (genesis, peers) = (self.genesis.clone(), self.peers.clone());
        let seat = self.seats.iter_mut().find(|s| s.member.name == name).ok_or_else(|| ServiceError::Name(name.to_owned()))?;
        let url = StoreUrl::from(chain_file(&seat.folder).as_path());
        let there = url.file().is_some_and(Path::exists);
        let store = if there { ChainStore::open(&url).await? } else { ChainStore::create(&url, &genesis).await? };
        let validates = seat.member.roles.contains(&Role::Validator);
        let peers = peers.into_iter().filter(|p| p.member != seat.member.id()).collect();
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut net = match validates {
            true => NetConfig { tcp: false, ..NetConfig::listening(seat.listen.unwrap_or(anywhere), peers) },
            false => NetConfig::outwards(peers),
        };
        // all of them have one address, and come at once
        net.limits.connections_per_address_max = net.limits.connections_max;
        net.limits.handshakes_per_address_max = net.limits.handshakes_max;
        net.limits.attempts_burst_max = 4 * u32::try_from(net.limits.connections_max).unwrap_or(u32::MAX);
        let mut config = NodeConfig::new(name, seat.member.signing().clone(), net, validates.then(|| seat.folder.join("wal")));
        config.pace = Pace::quick();
        let node = Node::start(config, store, Arc::clone(&seat.checker)).await?;
        seat.listen = node.net().local_address();
        seat.node = Some(node);
        Ok(())
    }

    /// Stops a node; nothing happens if it does not run.
    pub async fn stop(&mut self, name: &str) {
        let seat = self.seats.iter_mut().find(|s| s.member.name == name);
        if let Some(node) = seat.and_then(|s| s.node.take()) {
            node.shutdown().await;
        }
    }

    /// Stops all nodes.
    pub async fn stop_all(&mut self) {
        for node in self.seats.iter_mut().filter_map(|seat| seat.node.take()) {
            node.shutdown().await;
        }
    }

    /// The chain as a member sees it: through its own node, or the first that runs.
    ///
    /// # Errors
    /// Nobody has that name, or no node runs.
    pub fn connection(&self, name: &str) -> Result<Connection, ServiceError> {
        let seat = self.seat(name)?;
        let running = || self.seats.iter().find_map(|seat| seat.node.as_ref());
        let node = seat.node.as_ref().or_else(running).ok_or_else(|| ServiceError::NoChain(seat.folder.clone()))?;
        Ok(Connection::new(InProcess::new(node.clone()), Arc::clone(&seat.checker)))
    }

    /// A member with its keys.
    ///
    /// # Errors
    /// Nobody has that name.
    pub fn member(&self, name: &str) -> Result<&Member, ServiceError> {
        Ok(&self.seat(name)?.member)
    }

    /// A member's folder.
    ///
    /// # Errors
    /// Nobody has that name.
    pub fn folder(&self, name: &str) -> Result<MemberFolder, ServiceError> {
        let seat = self.seat(name)?;
        Ok(MemberFolder::new(seat.member.clone(), &seat.folder))
    }

    /// A member's chain on disk.
    ///
    /// # Errors
    /// Nobody has that name.
    pub fn chain_file(&self, name: &str) -> Result<PathBuf, ServiceError> {
        Ok(chain_file(&self.seat(name)?.folder))
    }
}

fn chain_file(folder: &Path) -> PathBuf {
    folder.join("chain.sqlite")
}

fn listed(seat: &Seat) -> Result<GenesisMember, ServiceError> {
    let name = Name::new(seat.member.name.clone()).map_err(|_| ServiceError::Name(seat.member.name.clone()))?;
    Ok(GenesisMember { id: seat.member.id(), name, roles: seat.member.roles.clone(), sealing: seat.member.sealing().public() })
}
