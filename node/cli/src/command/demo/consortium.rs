//! The organisations of the demo: each with its own keys, its own folder, its own store and its own node, connected over QUIC on loopback.

use crate::{
    failure::Failure,
    keyed_connection::{KeyHolder, KeyedConnection},
    keys_folder::KeysFolder,
};
use anyhow::{Context, anyhow};
use countersign_consensus::{Node, NodeConfig, Pace};
use countersign_consortium::{Founding, usual_registry};
use countersign_ledger::{CachingChecker, KeyedChecker, ProofChecker};
use countersign_member::{Connection, Member, MemberFolder, now};
use countersign_messages::{Genesis, Height, Member as GenesisMember, Name, Role, Rules};
use countersign_net::{NetConfig, PeerAddress, Transport};
use countersign_service::InProcess;
use countersign_store::{ChainStore, StoreUrl};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The validators: any three of them decide a block.
pub(super) const VALIDATORS: [&str; 4] = ["verifier-1", "verifier-2", "verifier-3", "verifier-4"];
/// The ethics board, which runs the observer.
pub(super) const BOARD: &str = "ethics-board";
/// Has no node: its transactions go through the first validator's.
pub(super) const RESEARCHER: &str = "researcher";

/// An organisation.
struct Seat {
    member: Member,
    folder: PathBuf,
    listen: Option<SocketAddr>,
    node: Option<Node>,
    checker: Arc<dyn ProofChecker>,
}

/// All of them.
pub(super) struct Consortium {
    genesis: Genesis,
    seats: Vec<Seat>,
    peers: Vec<PeerAddress>,
}

impl Consortium {
    /// Makes everybody's keys and the genesis, and starts every node.
    pub(super) async fn start(
        folder: &Path,
        keys: &KeysFolder,
        hospitals: &[String],
        categories: &BTreeSet<String>,
    ) -> Result<Self, Failure> {
        let validators = VALIDATORS.iter().map(|name| (*name, vec![Role::Validator, Role::Governance]));
        let named = validators
            .chain(hospitals.iter().map(|name| (name.as_str(), vec![Role::Hospital])))
            .chain([(BOARD, vec![Role::Board]), (RESEARCHER, vec![Role::Researcher])]);
        let mut seats = Vec::new();
        for (name, roles) in named {
            let folder = folder.join(name);
            std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            // each verifies for itself: nobody shares a verdict with another
            let checker = Arc::new(CachingChecker::new(KeyedChecker::new(keys.verifying()?)));
            seats.push(Seat { member: Member::generate(name, &roles)?, folder, listen: None, node: None, checker });
        }
        let time = now();
        let founding = Founding {
            name: "demo".into(),
            development: true,
            time,
            members: seats.iter().map(listed).collect::<Result<_, _>>()?,
            registry: usual_registry(categories, time.day())?,
            rules: Rules::standard(),
        };
        let genesis = founding.genesis(keys.verifying()?)?;
        let mut consortium = Self { genesis, seats, peers: Vec::new() };
        // the system chooses the ports, so the validators hear of each other once all have one
        for name in VALIDATORS {
            consortium.launch(name).await?;
        }
        for seat in &consortium.seats {
            if let (Some(node), Some(listen)) = (&seat.node, seat.listen) {
                consortium.peers.push(PeerAddress { member: node.me(), address: listen.to_string(), transport: Transport::Quic });
            }
        }
        for name in VALIDATORS {
            let node = consortium.node(name)?;
            node.net().set_peers(consortium.others(node));
        }
        for name in hospitals.iter().map(String::as_str).chain([BOARD]) {
            consortium.launch(name).await?;
        }
        Ok(consortium)
    }

    fn others(&self, node: &Node) -> Vec<PeerAddress> {
        self.peers.iter().filter(|p| p.member != node.me()).cloned().collect()
    }

    fn seat(&self, name: &str) -> Result<&Seat, Failure> {
        self.seats.iter().find(|s| s.member.name == name).ok_or_else(|| anyhow!("{name} is not in the story").into())
    }

    fn node(&self, name: &str) -> Result<&Node, Failure> {
        self.seat(name)?.node.as_ref().ok_or_else(|| anyhow!("{name}'s node does not run").into())
    }

    /// Starts a node, the first time or again.
    pub(super) async fn launch(&mut self, name: &str) -> Result<(), Failure> {
        let (genesis, peers) = (self.genesis.clone(), self.peers.clone());
        let seat = self.seats.iter_mut().find(|s| s.member.name == name).ok_or_else(|| anyhow!("{name} is not in the story"))?;
        let url = chain_url(&seat.folder);
        let there = url.file().is_some_and(Path::exists);
        let store = if there { ChainStore::open(&url).await? } else { ChainStore::create(&url, &genesis).await? };
        let validates = seat.member.roles.contains(&Role::Validator);
        let peers = peers.into_iter().filter(|p| p.member != seat.member.id()).collect();
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let net = match validates {
            true => NetConfig { tcp: false, ..NetConfig::listening(seat.listen.unwrap_or(anywhere), peers) },
            false => NetConfig::outwards(peers),
        };
        let mut config = NodeConfig::new(name, seat.member.signing().clone(), net, validates.then(|| seat.folder.join("wal")));
        config.pace = Pace::quick();
        let node = Node::start(config, store, Arc::clone(&seat.checker)).await?;
        seat.listen = node.net().local_address();
        seat.node = Some(node);
        Ok(())
    }

    /// Stops a node.
    pub(super) async fn stop(&mut self, name: &str) {
        let seat = self.seats.iter_mut().find(|s| s.member.name == name);
        if let Some(node) = seat.and_then(|s| s.node.take()) {
            node.shutdown().await;
        }
    }

    /// Stops all nodes.
    pub(super) async fn stop_all(&mut self) {
        let names: Vec<String> = self.seats.iter().map(|s| s.member.name.clone()).collect();
        for name in names {
            self.stop(&name).await;
        }
    }

    /// The network as a member sees it: through its own node, or the first validator's.
    pub(super) fn network(&self, name: &str) -> Result<KeyedConnection, Failure> {
        let seat = self.seat(name)?;
        let node = seat.node.as_ref().map_or_else(|| self.node(VALIDATORS[0]), Ok)?;
        let holder = KeyHolder::Member(Box::new(MemberFolder::new(seat.member.clone(), &seat.folder)));
        Ok(KeyedConnection::new(holder, Connection::new(InProcess::new(node.clone()), Arc::clone(&seat.checker))))
    }

    /// A member with its keys.
    pub(super) fn member(&self, name: &str) -> Result<&Member, Failure> {
        Ok(&self.seat(name)?.member)
    }

    /// The height of a node.
    pub(super) fn height(&self, name: &str) -> Result<Height, Failure> {
        Ok(self.node(name)?.state().tip().height)
    }

    /// A member's chain on disk.
    pub(super) fn chain_file(&self, name: &str) -> Result<PathBuf, Failure> {
        Ok(self.seat(name)?.folder.join("chain.sqlite"))
    }
}

fn chain_url(folder: &Path) -> StoreUrl {
    StoreUrl::from(folder.join("chain.sqlite").as_path())
}

fn listed(seat: &Seat) -> Result<GenesisMember, Failure> {
    let name = Name::new(seat.member.name.clone()).map_err(|e| anyhow!(e))?;
    Ok(GenesisMember { id: seat.member.id(), name, roles: seat.member.roles.clone(), sealing: seat.member.sealing().public() })
}
