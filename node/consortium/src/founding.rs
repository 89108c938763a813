//! What a network starts from.

use crate::ConsortiumError;
use countersign_circuits::consent::ScopeRegistry;
use countersign_ledger::{KeyedChecker, check_genesis_keys};
use countersign_messages::{BlockTime, Genesis, Member, Name, Rules};
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
    /// Consent scopes and expiry grid.
    pub registry: ScopeRegistry,
    /// Governed numbers.
    pub rules: Rules,
}

impl Founding {
    /// The genesis. `keys` are the circuit keys it starts with.
    ///
    /// # Errors
    /// The members make no network, a rule is broken, or the circuit keys are development keys and the network is none.
    pub fn genesis(self, keys: VerifyingKeys) -> Result<Genesis, ConsortiumError> {
        let Self { name, development, time, mut members, registry, rules } = self;
        members.sort_by_key(|m| m.id);
        members.iter_mut().for_each(|m| m.roles.sort());
        let genesis = Genesis { name: Name::new(name)?, development, time, members, registry, rules, circuit_keys: keys.digest() };
        genesis.check()?;
        check_genesis_keys(&genesis, &KeyedChecker::new(keys)).map_err(ConsortiumError::Keys)?;
        Ok(genesis)
    }
}
