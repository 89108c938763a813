//! The genesis: what a network starts from. Its hash is the network's identity.

use crate::{
    certificate::ValidatorSet,
    codec::{DecodeError, Wire, bound, bytes_of},
    identity::{MemberId, Name, Role},
    limits::{GENESIS_BYTES_MAX, MEMBERS_MAX, PERSON_DAYS_MAX, PERSONS_MAX},
    time::BlockTime,
    transaction::Person,
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{
    consent::{ScopeError, ScopeRegistry},
    hash::Digest32,
    tag,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Least `k_min` a network that is not a development one may set (product, rule D1).
pub const K_MIN_FLOOR: u32 = 5;
/// Greatest `k_min`: the release rule carries counts and minima below 2^22.
pub const K_MIN_MAX: u32 = (1 << 22) - 1;

/// A network's identity: the hash of its genesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct NetworkId(pub Digest32);

impl fmt::Display for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A member of the network.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Member {
    /// Its key.
    pub id: MemberId,
    /// Its name.
    pub name: Name,
    /// Its roles, ascending, at least one.
    pub roles: Vec<Role>,
    /// The X25519 key that answers are sealed to where it may open them.
    pub sealing: [u8; 32],
}

impl Member {
    /// True if it holds the role.
    pub fn has_role(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// True if something can be sealed to its key: a secret shared with a key of small order is none (RFC 7748, section 6.1).
    pub fn sealing_fits(&self) -> bool {
        let probe = x25519_dalek::StaticSecret::from([1; 32]);
        probe.diffie_hellman(&x25519_dalek::PublicKey::from(self.sealing)).was_contributory()
    }

    /// One role or more, ascending.
    pub fn roles_fit(&self) -> bool {
        !self.roles.is_empty() && self.roles.windows(2).all(|w| w[0] < w[1])
    }
}

/// Governed numbers.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Rules {
    /// Least number of people behind a released cell (D1): a study or a site may ask for more, never for less.
    pub k_min: u32,
    /// Statements one study may ask (D11). Plan items and exploratory budgets come with the study plan.
    pub statements_per_study: u32,
    /// Cells released of one table in [`crate::limits::CELL_BUDGET_DAYS`] days (D11).
    pub cells_per_table: u32,
    /// Slots withdrawn by the hospital since the cut from which on an answer is marked for the board.
    pub hospital_withdrawals_marked: u32,
    /// Commitments a hospital anchors in one UTC day: each is decompressed, compared and folded by every validator.
    pub points_a_day: u64,
    /// Commitments one answer is checked against, rows times segments of data and consent: bounds a verifier's work on one query.
    pub points_a_cut: u64,
}

impl Rules {
    /// The product's defaults.
    pub fn standard() -> Self {
        Self {
            k_min: 10,
            statements_per_study: 100,
            cells_per_table: 20_000,
            hospital_withdrawals_marked: 20,
            points_a_day: 4 << 20,
            points_a_cut: 4 << 20,
        }
    }

    /// The disclosure floor: the least `k_min` of this kind of network.
    pub fn k_min_least(development: bool) -> u32 {
        if development { 1 } else { K_MIN_FLOOR }
    }
}

/// What a network starts from.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Genesis {
    /// The network's name.
    pub name: Name,
    /// True for a network that may use development circuit keys and a `k_min` below the floor. Its answers protect nobody.
    pub development: bool,
    /// When it starts.
    pub time: BlockTime,
    /// The members, ascending by key.
    pub members: Vec<Member>,
    /// The first persons who sign for ethics boards, each with its board, ascending by key. Others are admitted later.
    pub persons: Vec<(MemberId, Person)>,
    /// The consent scopes and expiry grid.
    pub registry: ScopeRegistry,
    /// Governed numbers.
    pub rules: Rules,
    /// Digest of the circuit keys every validator verifies with at first.
    pub circuit_keys: Digest32,
}

/// Why a genesis is refused. Its author is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// No, too many, repeated or unordered members.
    #[error("a genesis lists 1 to {MEMBERS_MAX} members, ascending by key, with different names")]
    Members,
    /// A member's key or roles.
    #[error("member \"{0}\": {1}")]
    Member(Name, &'static str),
    /// Persons of ethics boards.
    #[error("a genesis lists persons ascending by key, at most {PERSONS_MAX} of a board: {0}")]
    Persons(&'static str),
    /// Nobody can change anything.
    #[error("a network needs at least one governance member: nobody else publishes dictionaries or changes members")]
    NoGovernance,
    /// Nobody verifies.
    #[error("a network needs at least one validator")]
    NoValidator,
    /// The disclosure floor.
    #[error("k_min {found} is not allowed: at least {least}, at most {K_MIN_MAX} (only a development network may go below {K_MIN_FLOOR})")]
    KMin {
        /// What was asked for.
        found: u32,
        /// The least for this kind of network.
        least: u32,
    },
    /// The registry is malformed.
    #[error(transparent)]
    Registry(#[from] ScopeError),
    /// The time is beyond the year 9999.
    #[error("the genesis time is beyond the year 9999")]
    Time,
}

impl Wire for Genesis {
    const WHAT: &'static str = "genesis";
    const BYTES_MAX: usize = GENESIS_BYTES_MAX;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        bound(Self::WHAT, "members", self.members.len(), MEMBERS_MAX)?;
        bound(Self::WHAT, "persons", self.persons.len(), MEMBERS_MAX * PERSONS_MAX)
    }
}

impl Genesis {
    /// The network's identity.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn network(&self) -> NetworkId {
        NetworkId(Digest32::tagged(tag::GENESIS, [bytes_of(self).as_slice()]))
    }

    /// Checks every rule a genesis must keep.
    ///
    /// # Errors
    /// [`GenesisError`]. Whether a node holds the circuit keys is for the ledger's `check_genesis_keys`.
    pub fn check(&self) -> Result<(), GenesisError> {
        let names: BTreeSet<&Name> = self.members.iter().map(|m| &m.name).collect();
        let ascending = self.members.windows(2).all(|w| w[0].id < w[1].id);
        if !(1..=MEMBERS_MAX).contains(&self.members.len()) || !ascending || names.len() != self.members.len() {
            return Err(GenesisError::Members);
        }
        for member in &self.members {
            if member.id.key().is_none() {
                return Err(GenesisError::Member(member.name.clone(), "its key is not an Ed25519 key, or is of small order"));
            }
            if !member.roles_fit() {
                return Err(GenesisError::Member(member.name.clone(), "its roles are not one or more, ascending"));
            }
            if !member.sealing_fits() {
                return Err(GenesisError::Member(member.name.clone(), "its sealing key is not a proper X25519 key"));
            }
        }
        if !self.members.iter().any(|m| m.has_role(Role::Validator)) {
            return Err(GenesisError::NoValidator);
        }
        if !self.members.iter().any(|m| m.has_role(Role::Governance)) {
            return Err(GenesisError::NoGovernance);
        }
        let least = Rules::k_min_least(self.development);
        if !(least..=K_MIN_MAX).contains(&self.rules.k_min) {
            return Err(GenesisError::KMin { found: self.rules.k_min, least });
        }
        if self.time > BlockTime::MAX {
            return Err(GenesisError::Time);
        }
        self.check_persons()?;
        Ok(self.registry.check()?)
    }

    fn check_persons(&self) -> Result<(), GenesisError> {
        let refused = |what| Err(GenesisError::Persons(what));
        if !self.persons.windows(2).all(|pair| matches!(pair, [(_, a), (_, b)] if a.key < b.key)) {
            return refused("they do not ascend");
        }
        let (today, mut counts) = (self.time.day(), BTreeMap::new());
        for (board, person) in &self.persons {
            if !self.member(board).is_some_and(|member| member.has_role(Role::Board)) {
                return refused("one is of no ethics board");
            }
            if self.member(&person.key.signer()).is_some() || !person.possession_holds(board) {
                return refused("a key is a member's, or its holder has not signed for the board");
            }
            if person.until < today || person.until.0 > today.0 + PERSON_DAYS_MAX {
                return refused("one signs for no day, or for more than three years");
            }
            let count = counts.entry(board).or_insert(0_usize);
            *count += 1;
            if *count > PERSONS_MAX {
                return refused("a board has too many");
            }
        }
        Ok(())
    }

    /// A member of the first block, by key. Members change by vote.
    pub fn member(&self, id: &MemberId) -> Option<&Member> {
        self.members.binary_search_by(|m| m.id.cmp(id)).ok().and_then(|i| self.members.get(i))
    }

    /// The validators of the first block.
    pub fn validators(&self) -> ValidatorSet {
        ValidatorSet::new(self.members.iter().filter(|m| m.has_role(Role::Validator)).map(|m| m.id))
    }
}
