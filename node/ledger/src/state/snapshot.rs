//! A state as bytes. What is read back is compared with the digest of the header it belongs to.

use super::{State, Tip, in_force::InForce};
use crate::{active::Withdrawals, section::Section};
use borsh::BorshDeserialize;
use countersign_messages::{BlockTime, Genesis, GenesisError, Header, Height, codec::bytes_of, limits::SNAPSHOT_BYTES_MAX};

/// A snapshot that is not the state of its header. The disk, or whoever wrote it, is at fault: replay the chain instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The genesis breaks a rule.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The bytes do not decode.
    #[error("the snapshot does not decode ({0}); replay the chain instead")]
    Malformed(String),
    /// Its validators do not begin with those of the genesis: a certificate of its own set would prove nothing.
    #[error("the snapshot names other first validators than the genesis; replay the chain instead")]
    Validators,
    /// It decodes to another state.
    #[error("the snapshot is not the state after block {0}; replay the chain instead")]
    Digest(Height),
}

impl State {
    /// The state as bytes, without the genesis.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn snapshot(&self) -> Vec<u8> {
        let recent: Vec<(Height, BlockTime)> = self.recent.iter().map(|(h, t)| (*h, *t)).collect();
        let mut out = bytes_of(&(recent, &self.in_force, self.submitted));
        self.members.write(&mut out);
        self.validator_sets.write(&mut out);
        self.registries.write(&mut out);
        self.proposals.write(&mut out);
        self.persons.write(&mut out);
        self.required.write(&mut out);
        self.statements.write(&mut out);
        self.sequences.write(&mut out);
        self.dictionaries.write(&mut out);
        self.tables.write(&mut out);
        self.segments.write(&mut out);
        self.replaced.write(&mut out);
        self.accounts.write(&mut out);
        self.withdrawals.write(&mut out);
        self.keys.write(&mut out);
        self.studies.write(&mut out);
        self.cuts.write(&mut out);
        self.research.write(&mut out);
        self.queries.write(&mut out);
        self.asked.write(&mut out);
        self.pairs.write(&mut out);
        self.answered.write(&mut out);
        self.budgets.write(&mut out);
        out
    }

    /// Reads a snapshot of the state after a block whose header is trusted.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn from_snapshot(genesis: Genesis, header: &Header, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut state = Self::new(genesis)?;
        if bytes.len() > SNAPSHOT_BYTES_MAX {
            return Err(SnapshotError::Malformed("too long".into()));
        }
        state.read_sections(bytes).map_err(|e| SnapshotError::Malformed(e.to_string()))?;
        if state.validators_at(Height(1)) != state.genesis.validators() {
            return Err(SnapshotError::Validators);
        }
        state.tip = Tip { height: header.height, time: header.time, block: header.id() };
        if header.network != state.network || state.seal() != header.state_digest {
            return Err(SnapshotError::Digest(header.height));
        }
        state.key_slots = state.keys.iter().map(|(place, record)| (record.key, *place)).collect();
        state.waiting = state.studies.iter().filter(|(_, s)| s.approvals.is_empty()).map(|(id, s)| (s.waits_until(), *id)).collect();
        state.statements_until = state.statements.iter().map(|((board, digest), w)| (w.until(), *board, *digest)).collect();
        state.pending = state.proposals.iter().filter(|(_, p)| p.status.is_pending()).map(|(id, p)| (p.number, *id)).collect();
        Ok(state)
    }

    fn read_sections(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        let bytes = &mut bytes;
        self.recent = Vec::<(Height, BlockTime)>::deserialize(bytes)?.into_iter().collect();
        self.in_force = InForce::deserialize(bytes)?;
        self.submitted = u32::deserialize(bytes)?;
        self.members = Section::read(bytes)?;
        self.validator_sets = Section::read(bytes)?;
        self.registries = Section::read(bytes)?;
        self.proposals = Section::read(bytes)?;
        self.persons = Section::read(bytes)?;
        self.required = Section::read(bytes)?;
        self.statements = Section::read(bytes)?;
        self.sequences = Section::read(bytes)?;
        self.dictionaries = Section::read(bytes)?;
        self.tables = Section::read(bytes)?;
        self.segments = Section::read(bytes)?;
        self.replaced = Section::read(bytes)?;
        self.accounts = Section::read(bytes)?;
        self.withdrawals = Withdrawals::read(bytes)?;
        self.keys = Section::read(bytes)?;
        self.studies = Section::read(bytes)?;
        self.cuts = Section::read(bytes)?;
        self.research = Section::read(bytes)?;
        self.queries = Section::read(bytes)?;
        self.asked = Section::read(bytes)?;
        self.pairs = Section::read(bytes)?;
        self.answered = Section::read(bytes)?;
        self.budgets = Section::read(bytes)?;
        if bytes.is_empty() { Ok(()) } else { Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "trailing bytes")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_circuits::{
        consent::{Day, ScopeRegistry},
        hash::Digest32,
    };
    use countersign_messages::{BlockId, Member, MemberId, Name, Role, Rules, ValidatorSet};

    fn genesis() -> Genesis {
        let id = MemberId::from(&ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key());
        let name = Name::new("Validator").unwrap();
        Genesis {
            name: Name::new("test").unwrap(),
            development: true,
            time: BlockTime(1),
            members: vec![Member { id, name, roles: vec![Role::Validator, Role::Governance], sealing: [9; 32] }],
            persons: Vec::new(),
            registry: ScopeRegistry { scopes: vec!["p.health".into()], grid: vec![Day(20_500)] },
            rules: Rules::standard(),
            circuit_keys: Digest32::of(b"keys"),
        }
    }

    /// A header that a forger who can compute everything makes for a state.
    fn header(state: &mut State) -> Header {
        let any = Digest32::default();
        state.tip = Tip { height: Height(1), time: BlockTime(2), block: BlockId(any) };
        let (network, state_digest, validators) = (state.network, state.seal(), state.validators().digest());
        let (height, time, previous) = (state.tip.height, state.tip.time, BlockId(any));
        Header { network, height, time, previous, transactions_root: any, results_root: any, state_digest, validators }
    }

    /// The validators before the first change are the genesis', whatever a snapshot says: who decided the first block is what all certificates rest on.
    #[test]
    fn a_snapshot_with_first_validators_of_its_own_is_refused() {
        let mut state = State::new(genesis()).unwrap();
        let good = header(&mut state);
        assert!(State::from_snapshot(genesis(), &good, &state.snapshot()).is_ok());
        let stranger = MemberId::from(&ed25519_dalek::SigningKey::from_bytes(&[2; 32]).verifying_key());
        state.validator_sets.insert(Height(1), ValidatorSet::new([stranger]));
        let forged = header(&mut state);
        assert_eq!(State::from_snapshot(genesis(), &forged, &state.snapshot()).unwrap_err(), SnapshotError::Validators);
    }
    /// Whoever sends anchors that are refused, each on a copy of the state, makes no node gather all commitments again and again.
    #[test]
    fn commitments_of_a_snapshot_are_gathered_once_for_all_copies() {
        let mut state = State::new(genesis()).unwrap();
        let header = header(&mut state);
        let restored = State::from_snapshot(genesis(), &header, &state.snapshot()).unwrap();
        assert!(restored.restored.get().is_none(), "nobody has anchored yet");
        let layout = restored.registry().layout();
        restored.clone().take_commitments(&layout, []).unwrap();
        assert!(restored.restored.get().is_some(), "what a copy gathered stays when the copy is thrown away");
    }
}
