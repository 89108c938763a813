//! A member makes its copy of a network's chain and learns where the others are.

use crate::{
    Config, ServiceError,
    config::{Overrides, peers},
};
use async_recursion::async_recursion as boxed;
use countersign_member::Card;
use countersign_messages::{Genesis, Role, Wire};
use countersign_store::{ChainStore, StoreError};
use std::path::{Path, PathBuf};

/// Bytes of a genesis file.
const GENESIS_BYTES_MAX: u64 = Genesis::BYTES_MAX as u64;

/// A network that was joined.
#[derive(Debug, Clone)]
pub struct Joined {
    /// What it starts from: its network id is to be compared with what the other members say.
    pub genesis: Genesis,
    /// The node's configuration.
    pub config: PathBuf,
    /// Where the chain is kept, without a password.
    pub store: String,
    /// Names of members the configuration now connects to.
    pub peers_added: Vec<String>,
    /// Who has to admit the member, if the genesis does not list it.
    pub admission: Option<Admission>,
}

/// What has to happen before a member can take part that is not in the genesis.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The member's name.
    pub name: String,
    /// Names of those of whom one proposes it and more than two thirds vote for it.
    pub governing: Vec<String>,
    /// Its card's file name.
    pub card: String,
}

/// Makes the chain in a member's folder and writes where the others are into its configuration. Doing it again adds peers.
///
/// # Errors
/// The folder is no member's, the genesis is malformed, a card is not the genesis's, or the folder holds the chain of another network.
#[boxed]
pub async fn join(folder: &Path, genesis: &Path, cards: &[Card], overrides: &Overrides) -> Result<Joined, ServiceError> {
    let file = folder.join("node.toml");
    let config = Config::load(&file, overrides)?;
    let own = config.member_folder()?;
    let genesis = read(genesis)?;
    for card in cards {
        let listed = genesis.member(&card.member);
        if let Some(listed) = listed.filter(|m| m.name.as_str() != card.name) {
            return Err(ServiceError::CardOfAnother { card: card.name.clone(), listed: listed.name.to_string() });
        }
    }
    let url = config.store_url()?;
    std::fs::create_dir_all(own.path()).map_err(|source| ServiceError::Write { path: own.path().to_owned(), source })?;
    match ChainStore::create(&url, &genesis).await {
        Ok(store) => store.close().await,
        Err(StoreError::Exists(network)) if network == genesis.network().0 => {}
        Err(StoreError::Exists(network)) => {
            return Err(ServiceError::OtherNetwork { place: url.to_string(), network: network.to_string() });
        }
        Err(error) => return Err(error.into()),
    }
    let me = Card::new(&own.member, None);
    let peers_added = peers::add(&file, &me, cards)?;
    let governing = || genesis.members.iter().filter(|m| m.has_role(Role::Governance)).map(|m| m.name.to_string()).collect();
    let admission = match genesis.member(&own.member.id()) {
        Some(_) => None,
        None => Some(Admission { name: own.member.name.clone(), governing: governing(), card: me.file_name() }),
    };
    Ok(Joined { admission, config: file, store: url.to_string(), peers_added, genesis })
}

fn read(path: &Path) -> Result<Genesis, ServiceError> {
    let cannot = |source| ServiceError::Read { path: path.to_owned(), source };
    let refused = |reason: String| ServiceError::Genesis { path: path.to_owned(), reason };
    let length = std::fs::metadata(path).map_err(cannot)?.len();
    if length > GENESIS_BYTES_MAX {
        return Err(refused(format!("it has {length} bytes")));
    }
    let genesis = Genesis::decode(&std::fs::read(path).map_err(cannot)?).map_err(|e| refused(e.to_string()))?;
    genesis.check().map_err(|e| refused(e.to_string()))?;
    Ok(genesis)
}
