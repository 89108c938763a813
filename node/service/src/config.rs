//! A node's configuration: one TOML file a node. Flags go before environment variables, those before the file, the file before defaults.
//!
//! Keys, units and defaults stand in the file that `countersign init --member` writes ([`template`]).

mod check;
pub mod peers;
pub mod template;
#[cfg(test)]
mod tests;

use crate::ServiceError;
use countersign_circuits::hash::Digest32;
use countersign_consensus::Pace;
use countersign_member::{Member, MemberFolder};
use countersign_messages::MemberId;
use countersign_net::{NetConfig, PeerAddress, Transport};
use countersign_store::{StoreError, StoreUrl};
use serde::Deserialize;
use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::{Path, PathBuf},
    time::Duration,
};

/// The gateway's port on loopback.
pub const GATEWAY_PORT: u16 = 7480;

/// A configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The member's name.
    pub name: String,
    /// File of the member's secret keys.
    #[serde(default = "default_keys")]
    pub keys: PathBuf,
    /// Folder of what the node keeps.
    #[serde(default = "default_data")]
    pub data: PathBuf,
    /// Where the chain is kept; a SQLite file in the data folder if left out. May hold a password: not shown by [`StoreUrl`].
    #[serde(default)]
    pub storage: Option<Storage>,
    /// Folders of circuit keys held beside those of `--keys`: of a coming change, or of earlier blocks.
    #[serde(default)]
    pub circuit_keys: Vec<PathBuf>,
    /// Connections to other members.
    #[serde(default)]
    pub network: NetworkSection,
    /// Taking part in deciding blocks.
    #[serde(default)]
    pub validator: ValidatorSection,
    /// The HTTP gateway.
    #[serde(default)]
    pub gateway: GatewaySection,
    /// A hospital's part.
    #[serde(default)]
    pub hospital: HospitalSection,
    /// The log.
    #[serde(default)]
    pub log: LogSection,
}

/// The text of a storage URL. It may hold a password and is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Storage(String);

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Storage(..)")
    }
}

impl From<String> for Storage {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Connections to other members.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkSection {
    /// Where to listen; nothing for members that only connect outwards.
    pub listen: Option<SocketAddr>,
    /// Whether to listen on TCP too, for members whose networks block UDP.
    pub tcp: bool,
    /// The members to stay connected to.
    pub peers: Vec<Peer>,
}

impl Default for NetworkSection {
    fn default() -> Self {
        Self { listen: None, tcp: true, peers: Vec::new() }
    }
}

/// A member to stay connected to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Who must answer there.
    pub member: Digest32,
    /// Host and port.
    pub address: String,
    /// How to get there.
    #[serde(default)]
    pub transport: PeerTransport,
}

/// How to reach a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerTransport {
    /// QUIC, and TLS over TCP when that fails.
    #[default]
    Auto,
    /// QUIC only.
    Quic,
    /// TLS over TCP only.
    Tcp,
}

/// Taking part in deciding blocks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidatorSection {
    /// Whether this node validates whenever its member is in the validator set.
    pub enabled: bool,
    /// How fast blocks come.
    pub pace: PaceSection,
}

/// Times of validators, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaceSection {
    /// Least time between two blocks.
    pub block_min_ms: u64,
    /// Time after which an empty block is made.
    pub idle_ms: u64,
    /// How long a proposal is waited for.
    pub propose_ms: u64,
    /// How long missing votes are waited for.
    pub vote_ms: u64,
    /// How much longer in each further round.
    pub delta_ms: u64,
}

impl Default for PaceSection {
    fn default() -> Self {
        let pace = Pace::default();
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            block_min_ms: ms(pace.block_min),
            idle_ms: ms(pace.idle),
            propose_ms: ms(pace.propose),
            vote_ms: ms(pace.vote),
            delta_ms: ms(pace.delta),
        }
    }
}

/// The HTTP gateway.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewaySection {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Whether a proxy that terminates TLS stands in front.
    pub behind_proxy: bool,
    /// Names it answers to beside those of this machine.
    pub hosts: Vec<String>,
    /// Bounds on what clients may use.
    pub limits: countersign_api::Limits,
}

impl Default for GatewaySection {
    fn default() -> Self {
        let listen = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, GATEWAY_PORT));
        Self { listen, behind_proxy: false, hosts: Vec::new(), limits: countersign_api::Limits::default() }
    }
}

/// A hospital's part.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HospitalSection {
    /// Who answers.
    pub answer: AnswerMode,
}

/// Who answers open queries of studies the hospital has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerMode {
    /// The node, in the background.
    Automatic,
    /// A person, with `countersign answer`.
    #[default]
    Ask,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSection {
    /// What is logged.
    pub filter: String,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { filter: "info,arc_malachitebft=error".into() }
    }
}

fn default_keys() -> PathBuf {
    "keys.toml".into()
}

fn default_data() -> PathBuf {
    ".".into()
}

/// What flags and environment variables say instead of the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Where the chain is kept, instead of `storage` in the file.
    pub storage: Option<Storage>,
    /// Where the gateway listens, instead of `gateway.listen` in the file.
    pub gateway: Option<SocketAddr>,
}

impl Config {
    /// Reads a configuration. Relative paths start at the file's folder.
    ///
    /// # Errors
    /// The file is missing, or malformed: with file, line and key.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, ServiceError> {
        let text = std::fs::read_to_string(path).map_err(|source| ServiceError::NoConfig { path: path.to_owned(), source })?;
        let mut config = Self::parse(&text).map_err(|fault| ServiceError::Config { path: path.to_owned(), fault: fault.to_string() })?;
        if config.storage.as_ref().is_some_and(|Storage(url)| has_password(url)) {
            countersign_member::refuse_readable(path)?;
        }
        if let Some(storage) = &overrides.storage {
            config.storage = Some(storage.clone());
        }
        if let Some(gateway) = overrides.gateway {
            config.gateway.listen = gateway;
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        for place in [&mut config.keys, &mut config.data].into_iter().chain(&mut config.circuit_keys) {
            *place = folder.join(&*place).components().collect();
        }
        Ok(config)
    }

    /// The member's keys with the folder of what the node keeps.
    ///
    /// # Errors
    /// The keys cannot be read, or are another member's.
    pub fn member_folder(&self) -> Result<MemberFolder, ServiceError> {
        let member = Member::load(&self.keys)?;
        if member.name != self.name {
            return Err(ServiceError::OtherKeys { file: self.keys.clone(), found: member.name, name: self.name.clone() });
        }
        Ok(MemberFolder::new(member, &self.data))
    }

    /// Where the chain is kept. A relative SQLite path starts at the data folder.
    ///
    /// # Errors
    /// It is no place for a chain.
    pub fn store_url(&self) -> Result<StoreUrl, ServiceError> {
        let Some(Storage(text)) = &self.storage else { return Ok(StoreUrl::from(self.data.join("chain.sqlite").as_path())) };
        let url: StoreUrl = text.parse().map_err(|e: StoreError| ServiceError::Storage(e))?;
        Ok(match url.file() {
            Some(file) => StoreUrl::from(self.data.join(file).as_path()),
            None => url,
        })
    }

    /// Folder of a validator's write-ahead log.
    pub fn wal(&self) -> PathBuf {
        self.data.join("wal")
    }

    /// File that says where the running gateway listens.
    pub fn gateway_file(&self) -> PathBuf {
        self.data.join("gateway.address")
    }

    /// The URL of the node's gateway, as far as is known: with port 0 the running node says which port it got.
    pub fn gateway_url(&self) -> String {
        let listen = self.gateway.listen;
        if listen.port() != 0 {
            return format!("http://{listen}");
        }
        let told = std::fs::read_to_string(self.gateway_file()).ok().and_then(|t| t.trim().parse::<SocketAddr>().ok());
        format!("http://{}", told.unwrap_or(listen))
    }

    /// The pace of a validator.
    pub fn pace(&self) -> Pace {
        let (pace, ms) = (&self.validator.pace, Duration::from_millis);
        Pace {
            block_min: ms(pace.block_min_ms),
            idle: ms(pace.idle_ms),
            propose: ms(pace.propose_ms),
            vote: ms(pace.vote_ms),
            delta: ms(pace.delta_ms),
        }
    }

    /// What the connections are started with.
    pub fn net(&self) -> NetConfig {
        let peers = self.network.peers.iter().map(Peer::to_address).collect();
        match self.network.listen {
            Some(address) => NetConfig { tcp: self.network.tcp, ..NetConfig::listening(address, peers) },
            None => NetConfig::outwards(peers),
        }
    }
}

impl Peer {
    fn to_address(&self) -> PeerAddress {
        let transport = match self.transport {
            PeerTransport::Auto => Transport::Auto,
            PeerTransport::Quic => Transport::Quic,
            PeerTransport::Tcp => Transport::Tcp,
        };
        PeerAddress { member: MemberId(self.member.0), address: self.address.clone(), transport }
    }
}

/// True if an address carries a password: `scheme://user:password@host`, or as a parameter.
fn has_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let parameters = rest.split_once('?').map_or("", |(_, parameters)| parameters);
    // any that has the word in its name, also escaped: a readable file that need not be is the smaller harm
    let told = parameters
        .split('&')
        .filter_map(|p| p.split('=').next())
        .any(|name| name.to_ascii_lowercase().contains("pass") || name.contains('%'));
    told || authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}
