//! What a network starts from.

use crate::ConsortiumError;
use countersign_circuits::consent::{Day, ScopeRegistry};
use countersign_ledger::{KeyedChecker, check_genesis_keys};
use countersign_member::PersonSecret;
use countersign_messages::{BlockTime, Genesis, Member, MemberId, Name, Office, Person, Rules, limits::PERSON_DAYS_MAX};
use countersign_verifier::VerifyingKeys;

/// What members agree on before there is a chain.
#[derive(Debug, Clone)]
pub struct Founding {
    /// The network's name.
    pub name: String,
    /// A network that may use development circuit keys and a small `k_min`; its answers protect nobody.
    pub development: bool,
    /// When it starts.
    pub time: BlockTime,
    /// Its members, from their cards, in any order.
    pub members: Vec<Member>,
    /// Who signs for its ethics boards from the first block on, in any order.
    pub persons: Vec<(MemberId, Person)>,
    /// Consent scopes and expiry grid.
    pub registry: ScopeRegistry,
    /// Governed numbers.
    pub rules: Rules,
}

/// Who signs for an ethics board of a network of which one machine plays all members.
#[derive(Debug)]
pub struct BoardPersons {
    /// The chair and the secretary, with their keys.
    pub secrets: [PersonSecret; 2],
    /// The two as a genesis lists them.
    pub listed: Vec<(MemberId, Person)>,
}

impl BoardPersons {
    /// Fresh keys for a board, good for the longest time from this day on.
    ///
    /// # Errors
    /// A name is none, or there is no randomness.
    pub fn generate(board: MemberId, names: [&str; 2], today: Day) -> Result<Self, ConsortiumError> {
        let person = |name: &str| Ok::<_, ConsortiumError>(PersonSecret::generate(Name::new(name)?, board)?);
        let secrets = [person(names[0])?, person(names[1])?];
        let until = Day(today.0.saturating_add(PERSON_DAYS_MAX));
        let both = secrets.iter().zip([Office::Chair, Office::Secretary]);
        let listed = both.map(|(person, office)| (board, person.card().listed(office, until))).collect();
        Ok(Self { secrets, listed })
    }
}

impl Founding {
    /// The genesis. `keys` are the circuit keys it starts with.
    ///
    /// # Errors
    /// The members make no network, a rule is broken, or the circuit keys are development keys and the network is none.
    pub fn genesis(self, keys: VerifyingKeys) -> Result<Genesis, ConsortiumError> {
        let Self { name, development, time, mut members, mut persons, registry, rules } = self;
        members.sort_by_key(|m| m.id);
        persons.sort_by_key(|(_, person)| person.key);
        members.iter_mut().for_each(|m| m.roles.sort());
        let circuit_keys = keys.digest();
        let genesis = Genesis { name: Name::new(name)?, development, time, members, persons, registry, rules, circuit_keys };
        genesis.check()?;
        check_genesis_keys(&genesis, &KeyedChecker::new(keys)).map_err(ConsortiumError::Keys)?;
        Ok(genesis)
    }
}
