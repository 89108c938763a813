//! A development consortium in a data folder: one chain with one validator, and the keys of everybody on it.
//!
//! ```text
//! FOLDER/chain.sqlite          the chain (and chain.sqlite-writer, the lock of the process that writes)
//! FOLDER/members/NAME.toml     secret keys, mode 600
//! FOLDER/sites/NAME.sqlite     a hospital's own keeping, mode 600
//! ```

use super::{Holder, Network, now};
use crate::{circuit_keys::KeysFolder, failure::Failure};
use anyhow::{Context, anyhow};
use countersign_circuits::consent::{Day, ScopeRegistry};
use countersign_ledger::{CachingChecker, KeyedChecker, ProofChecker};
use countersign_member::{Alone, Connection, Member, is_usable};
use countersign_messages::{Genesis, Member as GenesisMember, Name, Role, Rules};
use countersign_store::{ChainStore, LocalChain, StoreError, StoreUrl};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Name of the development network's validator.
pub const VALIDATOR: &str = "validator";
/// Name of its researcher.
pub const RESEARCHER: &str = "researcher";
/// Name of its ethics board.
pub const BOARD: &str = "ethics-board";

/// Categories every development network has scopes for; a dictionary's own are added.
const CATEGORIES: [&str; 8] = ["demographics", "conditions", "labs", "vitals", "lifestyle", "encounters", "outcomes", "medications"];

/// The files of a consortium.
#[derive(Debug, Clone)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    /// A folder, there or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The chain's file.
    pub fn chain(&self) -> PathBuf {
        self.0.join("chain.sqlite")
    }

    /// A hospital's own file.
    pub fn keeping(&self, site: &str) -> PathBuf {
        self.0.join("sites").join(format!("{site}.sqlite"))
    }

    pub(super) fn member(&self, name: &str) -> PathBuf {
        self.0.join("members").join(format!("{name}.toml"))
    }

    /// True if there is a chain, whole or damaged. An `init` that was killed leaves a file without one.
    async fn holds_network(&self) -> bool {
        if !self.chain().exists() {
            return false;
        }
        match ChainStore::read(&self.store()).await {
            Ok(store) => {
                store.close().await;
                true
            }
            Err(error) => !matches!(error, StoreError::Empty),
        }
    }

    fn store(&self) -> StoreUrl {
        StoreUrl::from(self.chain().as_path())
    }
}

/// The members of a new network, with their keys in the folder. Names are checked before anything is written; keys that an unfinished
/// `init` left are used, never replaced.
fn members(folder: &DataFolder, sites: &[String]) -> Result<Vec<Member>, Failure> {
    let own = [(VALIDATOR, Role::Validator), (RESEARCHER, Role::Researcher), (BOARD, Role::Board)];
    let named: Vec<(&str, Role)> = own.into_iter().chain(sites.iter().map(|s| (s.as_str(), Role::Hospital))).collect();
    for (i, (name, _)) in named.iter().enumerate() {
        if !is_usable(name) || named[..i].iter().any(|(before, _)| before == name) {
            return Err(Failure::Refused(format!("\"{name}\" cannot be a site's name: letters, digits, - and _, each name once")));
        }
    }
    for part in ["members", "sites"] {
        std::fs::create_dir_all(folder.path().join(part)).with_context(|| format!("cannot make {}", folder.path().display()))?;
    }
    let member = |(name, role)| {
        let path = folder.member(name);
        if !path.exists() {
            let member = Member::generate(name, &[role])?;
            member.save(&path)?;
            return Ok(member);
        }
        let member = Member::load(&path)?;
        if member.roles != [role] || member.name != name {
            return Err(Failure::Refused(format!("{} holds keys of another member; use another folder", path.display())));
        }
        Ok(member)
    };
    named.into_iter().map(member).collect()
}

/// What a new development network is made with.
#[derive(Debug, Clone)]
pub struct NetworkOptions {
    /// Names of the hospitals.
    pub sites: Vec<String>,
    /// Least number of people behind a released cell.
    pub k_min: u32,
    /// Data categories to have scopes for beside the usual ones.
    pub categories: BTreeSet<String>,
}

/// The usual scopes and those of more categories, and an expiry grid: the next eight quarter ends, then six year ends.
///
/// # Errors
/// There are too many categories, or the date is none.
pub fn registry(categories: &BTreeSet<String>, today: Day) -> Result<ScopeRegistry, Failure> {
    let mut scopes = vec!["p.health".to_owned()];
    let all: BTreeSet<&str> = CATEGORIES.into_iter().chain(categories.iter().map(|c| c.strip_prefix("c.").unwrap_or(c))).collect();
    scopes.extend(all.into_iter().map(|c| format!("c.{c}")));
    let epoch = jiff::civil::date(1970, 1, 1);
    let day = |date: jiff::civil::Date| Day((date - epoch).get_days());
    let start = epoch.checked_add(jiff::Span::new().days(today.0)).context("today's date")?;
    let mut ends: Vec<jiff::civil::Date> = Vec::new();
    let (mut year, mut quarter) = (start.year(), (start.month() - 1) / 3);
    while ends.len() < 8 {
        ends.push(jiff::civil::date(year, quarter * 3 + 3, 1).last_of_month());
        (year, quarter) = if quarter == 3 { (year + 1, 0) } else { (year, quarter + 1) };
    }
    let last = ends.last().map_or(start.year(), |d| d.year());
    ends.extend((1..=6).map(|y| jiff::civil::date(last + y, 12, 31)));
    let registry = ScopeRegistry { scopes, grid: ends.into_iter().map(day).collect() };
    registry.check().map_err(|e| Failure::Refused(e.to_string()))?;
    Ok(registry)
}

impl Network {
    /// Makes a development network in a folder that holds none.
    ///
    /// # Errors
    /// There is one, names are not usable, or files cannot be written.
    pub async fn create(folder: DataFolder, keys: &KeysFolder, options: &NetworkOptions) -> Result<Self, Failure> {
        if folder.holds_network().await {
            return Err(Failure::Refused(format!("{} holds a network already", folder.path().display())));
        }
        let members = members(&folder, &options.sites)?;
        let time = now();
        let verifying = keys.verifying()?;
        let mut listed: Vec<GenesisMember> = members
            .iter()
            .map(|m| {
                let mut roles = m.roles.clone();
                roles.extend(m.roles.contains(&Role::Validator).then_some(Role::Governance));
                Ok(GenesisMember {
                    id: m.id(),
                    name: Name::new(m.name.clone()).map_err(|e| anyhow!(e))?,
                    roles,
                    sealing: m.sealing().public(),
                })
            })
            .collect::<Result<_, Failure>>()?;
        listed.sort_by_key(|m| m.id);
        listed.iter_mut().for_each(|m| m.roles.sort());
        let genesis = Genesis {
            name: Name::new("development".to_owned()).map_err(|e| anyhow!(e))?,
            development: true,
            time,
            members: listed,
            registry: registry(&options.categories, time.day())?,
            rules: Rules { k_min: options.k_min, ..Rules::standard() },
            circuit_keys: verifying.digest(),
        };
        genesis.check().map_err(|e| Failure::Refused(e.to_string()))?;
        let checker: Arc<dyn ProofChecker> = Arc::new(CachingChecker::new(KeyedChecker::new(verifying)));
        let key = Member::load(&folder.member(VALIDATOR))?.signing().clone();
        let chain = LocalChain::create(&folder.store(), genesis, key, Arc::clone(&checker)).await?;
        Ok(Self::new(Holder::Consortium(folder), Connection::new(Alone::new(chain, now), checker)))
    }

    /// Opens the network of a folder.
    ///
    /// # Errors
    /// There is none, it is damaged, another process writes to it, its validator's key is missing, or its circuit keys are not those of the
    /// keys folder.
    pub async fn open(folder: DataFolder, keys: &KeysFolder) -> Result<Self, Failure> {
        if !folder.holds_network().await {
            return Err(Failure::Refused(format!("{} holds no network; make one with `countersign init`", folder.path().display())));
        }
        let checker: Arc<dyn ProofChecker> = Arc::new(CachingChecker::new(KeyedChecker::new(keys.verifying()?)));
        let key = Member::load(&folder.member(VALIDATOR))?.signing().clone();
        let chain = LocalChain::open(&folder.store(), key, Arc::clone(&checker)).await?;
        Ok(Self::new(Holder::Consortium(folder), Connection::new(Alone::new(chain, now), checker)))
    }
}
