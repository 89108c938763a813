//! What others propose or send as decided: looked at, executed, and said what it is worth.

use super::{Executed, Validator, Whole, turns::OutOfTurn};
use crate::{
    alert::{AlertCode, Offence},
    malachite::{
        context::{Address, BlockId, Chain},
        part::Opening,
    },
    replica::ReplicaError,
};
use arc_malachitebft_app_channel::app::{engine::host::SyncedValueOutcome, types::ProposedValue};
use arc_malachitebft_core_types::{Round, Validity};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_ledger::{Block, BlockError, Height, Wire};
use std::sync::Arc;

/// Whether a proposal has just come, so that its time must be near the clock's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fresh {
    Yes,
    No,
}

/// Where synchronised blocks are kept among the proposals of a height: behind every round, so that no proposal takes their place.
const SYNCED_ROUND: u32 = u32::MAX >> 1;

/// What is kept on disk of the height being decided.
#[derive(BorshSerialize, BorshDeserialize)]
enum Kept {
    /// A proposal: what its proposer signed, and the block's bytes.
    Proposed(Opening, Vec<u8>),
    /// The bytes of a block that others have decided.
    Synced(Vec<u8>),
}

/// Why a proposal is not voted for.
enum Judgement {
    /// Its proposer is at fault.
    Wrong(Offence, String),
    /// This node is.
    Mine(String),
}

impl Validator {
    /// Executes a whole proposal of the current height, keeps it if it may be voted for, and says what it is worth.
    pub(super) async fn consider(&mut self, whole: Whole, fresh: Fresh) -> Option<ProposedValue<Chain>> {
        let (opening, bytes) = whole;
        if Height::from(opening.height) != self.current() {
            return None;
        }
        if let Some((known, _)) = self.proposal(opening.round, &opening.block) {
            return Some(known.clone());
        }
        if fresh == Fresh::Yes {
            let running = self.turn.filter(|(height, ..)| *height == self.current()).map_or(Round::Nil, |(_, round, _)| round);
            match self.turns.take(&self.validators(), running, &opening) {
                Ok(()) => {}
                Err(OutOfTurn::FarAhead) => return None,
                Err(error) => {
                    self.parts.alerts.accuse(opening.proposer.0, Offence::OutOfTurn, self.current(), error.to_string());
                    return None;
                }
            }
            // its turn may never come: what it costs is not spent before
            if opening.round > running && opening.round.as_i64() > 0 {
                self.ahead.push((opening, bytes));
                return None;
            }
        }
        self.examine(opening, bytes, fresh).await
    }

    /// Executes a proposal, keeps it if it may be voted for, and says so to the engine. Of one that may not, the engine hears nothing, and the round
    /// ends by its timeout: the engine knows blocks by id, so an "invalid" that somebody earns with other bytes under an honest block's id would
    /// stick to the honest block.
    pub(super) async fn examine(&mut self, opening: Opening, bytes: Vec<u8>, fresh: Fresh) -> Option<ProposedValue<Chain>> {
        let proposer = opening.proposer;
        match self.judge(&opening, &bytes, fresh).await {
            Ok(()) => {
                if let Err(error) = self.write(&opening, &bytes).await {
                    // without the block on disk this validator must not vote for it
                    self.parts.alerts.raise(AlertCode::Storage, error.to_string());
                    return None;
                }
            }
            Err(Judgement::Wrong(offence, words)) => {
                self.parts.alerts.accuse(proposer.0, offence, self.current(), words);
                return None;
            }
            Err(Judgement::Mine(words)) => {
                tracing::error!("a proposal could not be checked here: {words}");
                return None;
            }
        }
        let value = ProposedValue {
            height: opening.height,
            round: opening.round,
            valid_round: opening.pol_round,
            proposer,
            value: opening.block,
            validity: Validity::Valid,
        };
        self.proposals.push((value.clone(), opening));
        Some(value)
    }

    pub(super) async fn write(&self, opening: &Opening, bytes: &[u8]) -> Result<(), countersign_store::StoreError> {
        let kept = Kept::Proposed(opening.clone(), bytes.to_vec());
        let encoded = borsh::to_vec(&kept).expect("writing to memory does not fail");
        let round = opening.round.as_u32().unwrap_or(0);
        self.parts.replica.store().put_proposal(opening.height.into(), round, opening.block.0, &encoded).await
    }

    /// Keeps a decided block before the engine hears that it is good: after a kill the engine remembers that, and asks for the block no more.
    async fn write_synced(&self, height: Height, id: &BlockId, bytes: &[u8]) -> Result<(), countersign_store::StoreError> {
        let encoded = borsh::to_vec(&Kept::Synced(bytes.to_vec())).expect("writing to memory does not fail");
        self.parts.replica.store().put_proposal(height, SYNCED_ROUND, id.0, &encoded).await
    }

    /// Reads what is kept on disk for a height, and executes it again.
    pub(super) async fn recover(&mut self, height: Height) {
        let stored = match self.parts.replica.store().proposals(height).await {
            Ok(stored) => stored,
            Err(error) => return self.parts.alerts.raise(AlertCode::Storage, error.to_string()),
        };
        for proposal in stored {
            match borsh::from_slice::<Kept>(&proposal.bytes) {
                Ok(Kept::Proposed(opening, bytes)) if self.proposal(opening.round, &opening.block).is_none() => {
                    self.consider((opening, bytes), Fresh::No).await;
                }
                Ok(Kept::Proposed(..)) => {}
                Ok(Kept::Synced(bytes)) => self.take_synced(&bytes).await,
                Err(error) => tracing::error!(%height, %error, "a stored proposal does not decode"),
            }
        }
    }

    async fn take_synced(&mut self, bytes: &[u8]) {
        let Ok(block) = Block::decode(bytes) else { return };
        let id = BlockId(block.header.id());
        if self.executed.contains_key(&id) {
            return;
        }
        match self.parts.replica.validate(block).await {
            Ok(outcome) => drop(self.executed.insert(id, Executed { outcome, bytes: Arc::new(bytes.to_vec()) })),
            Err(error) => tracing::error!(%error, "a decided block that was kept does not execute"),
        }
    }

    /// Whether a proposed block may be voted for. Cheap checks first; executing comes last.
    async fn judge(&mut self, opening: &Opening, bytes: &[u8], fresh: Fresh) -> Result<(), Judgement> {
        let wrong = |offence, words: String| Judgement::Wrong(offence, words);
        if let Some(known) = self.executed.get(&opening.block) {
            let same = known.bytes.as_slice() == bytes;
            return if same { Ok(()) } else { Err(wrong(Offence::InvalidBlock, "proposed other bytes under a block's id".into())) };
        }
        let block = Block::decode(bytes).map_err(|e| wrong(Offence::InvalidBlock, format!("proposed bytes that are no block: {e}")))?;
        if block.header.id() != opening.block.0 {
            return Err(wrong(Offence::InvalidBlock, "proposed a block under another block's id".into()));
        }
        let time = block.header.time;
        if fresh == Fresh::Yes && !self.parts.clock.accepts(time, opening.pol_round.is_defined()) {
            let now = self.parts.clock.now();
            return Err(wrong(Offence::BlockTime, format!("proposed block time {} at {} of this clock", time.0, now.0)));
        }
        match self.parts.replica.validate(block).await {
            Ok(outcome) => {
                self.parts.alerts.clear(AlertCode::CircuitKeys);
                self.executed.insert(opening.block, Executed { outcome, bytes: Arc::new(bytes.to_vec()) });
                Ok(())
            }
            Err(ReplicaError::Block(BlockError::Keys(error))) => {
                self.parts.alerts.raise(AlertCode::CircuitKeys, error.to_string());
                Err(Judgement::Mine(error.to_string()))
            }
            Err(ReplicaError::Block(error)) => Err(wrong(Offence::InvalidBlock, error.to_string())),
            Err(other) => Err(Judgement::Mine(other.to_string())),
        }
    }

    /// A decided block from another validator; the engine has checked its certificate.
    pub(super) async fn synced(&mut self, height: Height, round: Round, proposer: Address, bytes: &[u8]) -> SyncedValueOutcome<Chain> {
        if height != self.current() {
            return SyncedValueOutcome::LocalTransientError;
        }
        let Ok(block) = Block::decode(bytes) else { return SyncedValueOutcome::PeerFault };
        let id = BlockId(block.header.id());
        if !self.executed.contains_key(&id) {
            match self.parts.replica.validate(block).await {
                Ok(outcome) => drop(self.executed.insert(id, Executed { outcome, bytes: Arc::new(bytes.to_vec()) })),
                Err(ReplicaError::Block(error)) if error.is_tampered() => return SyncedValueOutcome::PeerFault,
                Err(ReplicaError::Block(BlockError::Keys(error))) => {
                    self.parts.alerts.raise(AlertCode::CircuitKeys, error.to_string());
                    return SyncedValueOutcome::LocalTransientError;
                }
                Err(ReplicaError::Block(error)) => {
                    let words = format!("block {height}, signed by a quorum, does not execute here: {error}");
                    self.parts.alerts.raise(AlertCode::Fork, words);
                    return SyncedValueOutcome::LocalTransientError;
                }
                Err(_) => return SyncedValueOutcome::LocalTransientError,
            }
        }
        // one that was executed as a proposal may have failed to be written
        if let Err(error) = self.write_synced(height, &id, bytes).await {
            self.parts.alerts.raise(AlertCode::Storage, error.to_string());
            return SyncedValueOutcome::LocalTransientError;
        }
        let value = ProposedValue { height: height.into(), round, valid_round: Round::Nil, proposer, value: id, validity: Validity::Valid };
        SyncedValueOutcome::Verdict(value)
    }
}
