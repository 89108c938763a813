//! A development network in a data folder: one chain with one validator, and the keys of everybody on it.
//!
//! ```text
//! FOLDER/chain.sqlite          the chain (and chain.sqlite-writer, the lock of the process that writes)
//! FOLDER/members/NAME.toml     secret keys, mode 600
//! FOLDER/persons/OFFICE.toml   secret keys of who signs for the ethics board, mode 600
//! FOLDER/sites/NAME.sqlite     a hospital's own keeping, mode 600
//! FOLDER/kept/                 work that is not done again; may be deleted
//! ```

use crate::{ConsortiumError, Founding, usual_registry};
use async_recursion::async_recursion as boxed;
use countersign_circuits::consent::Day;
use countersign_ledger::{CachingChecker, KeyedChecker, ProofChecker};
use countersign_member::{Alone, Connection, KeptWork, Member, MemberError, PersonSecret, VerifyingFolder, is_usable};
use countersign_messages::{BlockTime, Member as Listed, MemberId, Name, Office, Person, Role, Rules, limits::PERSON_DAYS_MAX};
use countersign_store::{ChainStore, LocalChain, StoreError, StoreUrl};
use countersign_verifier::VerifyingKeys;
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

/// The files of a development network.
#[derive(Debug, Clone)]
pub struct DataFolder(PathBuf);

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
    pub fn hospital_store(&self, hospital: &str) -> PathBuf {
        self.0.join("sites").join(format!("{hospital}.sqlite"))
    }

    /// A member's keys.
    ///
    /// # Errors
    /// There are none of that name, or they cannot be read.
    pub fn member(&self, name: &str) -> Result<Member, MemberError> {
        Member::load(&self.keys(name))
    }

    /// Who signs for the ethics board in an office.
    ///
    /// # Errors
    /// There is no such key, or it cannot be read.
    pub fn person(&self, office: Office) -> Result<PersonSecret, MemberError> {
        PersonSecret::load(&self.person_key(office))
    }

    fn person_key(&self, office: Office) -> PathBuf {
        self.0.join("persons").join(format!("{office}.toml"))
    }

    /// The persons of the ethics board of a new network, with their keys in the folder.
    fn persons(&self, members: &[Member], today: Day) -> Result<Vec<(MemberId, Person)>, ConsortiumError> {
        let board = members.iter().find(|member| member.name == BOARD).map(Member::id).unwrap_or_else(|| MemberId([0; 32]));
        let person = |office: Office| {
            let path = self.person_key(office);
            if !path.exists() {
                PersonSecret::generate(Name::new(format!("the {office}"))?, board)?.save(&path)?;
            }
            let secret = PersonSecret::load(&path)?;
            if secret.board != board {
                return Err(ConsortiumError::OtherKeys(path));
            }
            Ok((board, secret.card().listed(office, Day(today.0.saturating_add(PERSON_DAYS_MAX)))))
        };
        [Office::Chair, Office::Secretary].into_iter().map(person).collect()
    }

    fn keys(&self, name: &str) -> PathBuf {
        self.0.join("members").join(format!("{name}.toml"))
    }

    fn store(&self) -> StoreUrl {
        StoreUrl::from(self.chain().as_path())
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

    /// Makes a development network in a folder that holds none. `clock` tells the time of its blocks.
    ///
    /// # Errors
    /// There is one, names are not usable, or files cannot be written.
    #[boxed]
    pub async fn create(
        &self,
        keys: &VerifyingFolder,
        options: &NetworkOptions,
        clock: fn() -> BlockTime,
    ) -> Result<Connection, ConsortiumError> {
        if self.holds_network().await {
            return Err(ConsortiumError::Exists(self.0.clone()));
        }
        let members = self.members(&options.sites)?;
        let keys = keys.read()?;
        let time = clock();
        let founding = Founding {
            name: "development".into(),
            development: true,
            time,
            members: members.iter().map(listed).collect::<Result<_, _>>()?,
            persons: self.persons(&members, time.day())?,
            registry: usual_registry(&options.categories, time.day())?,
            rules: Rules { k_min: options.k_min, ..Rules::standard() },
        };
        let genesis = founding.genesis(keys.clone())?;
        let checker = self.checker(keys)?;
        let key = self.member(VALIDATOR)?.signing().clone();
        let chain = LocalChain::create(&self.store(), genesis, key, Arc::clone(&checker)).await?;
        Ok(Connection::new(Alone::new(chain, clock), checker))
    }

    /// Opens the network of the folder. `clock` tells the time of its blocks.
    ///
    /// # Errors
    /// There is none, it is damaged, another process writes to it, its validator's key is missing, or its circuit keys are others.
    #[boxed]
    pub async fn open(&self, keys: &VerifyingFolder, clock: fn() -> BlockTime) -> Result<Connection, ConsortiumError> {
        if !self.holds_network().await {
            return Err(ConsortiumError::Absent(self.0.clone()));
        }
        let checker = self.checker(keys.read()?)?;
        let key = self.member(VALIDATOR)?.signing().clone();
        let chain = LocalChain::open(&self.store(), key, Arc::clone(&checker)).await?;
        Ok(Connection::new(Alone::new(chain, clock), checker))
    }

    /// A checker of these keys that goes on from what earlier processes on this folder verified.
    fn checker(&self, keys: VerifyingKeys) -> Result<Arc<dyn ProofChecker>, ConsortiumError> {
        let kept = KeptWork::open(&self.0).map_err(|source| ConsortiumError::Make { path: self.0.join("kept"), source })?;
        Ok(Arc::new(CachingChecker::new(KeyedChecker::new(keys)).beside(Arc::new(kept))))
    }

    /// The members of a new network, with their keys in the folder. Names are checked before anything is written; keys that an unfinished
    /// `create` left are used, never replaced.
    fn members(&self, sites: &[String]) -> Result<Vec<Member>, ConsortiumError> {
        let own = [(VALIDATOR, Role::Validator), (RESEARCHER, Role::Researcher), (BOARD, Role::Board)];
        let named: Vec<(&str, Role)> = own.into_iter().chain(sites.iter().map(|s| (s.as_str(), Role::Hospital))).collect();
        for (i, (name, _)) in named.iter().enumerate() {
            if !is_usable(name) || named[..i].iter().any(|(before, _)| before == name) {
                return Err(ConsortiumError::SiteName((*name).to_owned()));
            }
        }
        for part in ["members", "persons", "sites"] {
            let path = self.0.join(part);
            std::fs::create_dir_all(&path).map_err(|source| ConsortiumError::Make { path, source })?;
        }
        let member = |(name, role)| {
            let path = self.keys(name);
            if !path.exists() {
                let member = Member::generate(name, &[role])?;
                member.save(&path)?;
                return Ok(member);
            }
            let member = Member::load(&path)?;
            if member.roles != [role] || member.name != name {
                return Err(ConsortiumError::OtherKeys(path));
            }
            Ok(member)
        };
        named.into_iter().map(member).collect()
    }
}

/// As the genesis lists a member: the validator decides everything alone.
fn listed(member: &Member) -> Result<Listed, ConsortiumError> {
    let mut roles = member.roles.clone();
    roles.extend(roles.contains(&Role::Validator).then_some(Role::Governance));
    Ok(Listed { id: member.id(), name: Name::new(member.name.clone())?, roles, sealing: member.sealing().public() })
}
