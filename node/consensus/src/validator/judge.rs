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
use countersign_messages::{Block, BlockError, Height, Wire};
use std::sync::Arc;

/// Whether a proposal has just come, so that its time must be near the clock's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fresh {
    Yes,
    No,
}

/// Why a proposal is not voted for.
enum Judgement {
    /// Its proposer is at fault.
    Wrong(Offence, String),
    /// This node is.
    Mine(String),
}

impl Validator {
    /// Looks at a whole proposal that has come in for the current height: executes it, or keeps it until its round comes.
    pub(super) async fn consider(&mut self, whole: Whole) -> Option<ProposedValue<Chain>> {
        let (opening, bytes) = whole;
        if Height::from(opening.height) != self.current() {
            return None;
        }
        // the engine has heard of it, and writes to its log what it hears; it hears again when the round begins
        if self.proposal(opening.round, &opening.block).is_some() || self.ahead.iter().any(|(other, _)| *other == opening) {
            return None;
        }
        let running = self.running();
        if let Err(out_of_turn) = self.turns.take(&self.validators(), running, &opening) {
            self.out_of_turn(&opening.proposer, out_of_turn);
            return None;
        }
        // its turn may never come: what it costs is not spent before
        if opening.round > running && opening.round.as_i64() > 0 {
            self.ahead.push((opening, bytes));
            return None;
        }
        self.examine(opening, bytes, Fresh::Yes).await
    }

    /// Accuses whoever proposes out of turn, if it is at fault.
    pub(super) fn out_of_turn(&self, proposer: &Address, out_of_turn: OutOfTurn) {
        if out_of_turn != OutOfTurn::FarAhead {
            self.parts.alerts.accuse(proposer.0, Offence::OutOfTurn, self.current(), out_of_turn.to_string());
        }
    }

    /// Executes a proposal, keeps it if it may be voted for, and says so to the engine. Of one that may not, the engine hears nothing, and the round
    /// ends by its timeout: the engine knows blocks by id, so an "invalid" that somebody earns with other bytes under an honest block's id would
    /// stick to the honest block.
    pub(super) async fn examine(&mut self, opening: Opening, bytes: Vec<u8>, fresh: Fresh) -> Option<ProposedValue<Chain>> {
        let proposer = opening.proposer;
        match self.judge(&opening, &bytes, fresh).await {
            Ok(()) => {
                if let Err(error) = self.keep_proposed(&opening, &bytes).await {
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

    /// Executes a block, unless it was executed before, and remembers the outcome until the height is decided.
    pub(super) async fn execute(&mut self, block: Block, bytes: &[u8]) -> Result<(), ReplicaError> {
        let id = BlockId(block.header.id());
        if !self.executed.contains_key(&id) {
            let outcome = self.parts.replica.validate(block).await?;
            self.executed.insert(id, Executed { outcome, bytes: Arc::new(bytes.to_vec()) });
        }
        Ok(())
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
        match self.execute(block, bytes).await {
            Ok(()) => {
                self.parts.alerts.clear(AlertCode::CircuitKeys);
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
        // what is written below is what this peer sent
        if self.executed.get(&id).is_some_and(|executed| executed.bytes.as_slice() != bytes) {
            return SyncedValueOutcome::PeerFault;
        }
        match self.execute(block, bytes).await {
            Ok(()) => {}
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
        // one that was executed as a proposal may have failed to be written
        if let Err(error) = self.keep_synced(height, &id, bytes).await {
            self.parts.alerts.raise(AlertCode::Storage, error.to_string());
            return SyncedValueOutcome::LocalTransientError;
        }
        self.fetched = true;
        let value = ProposedValue { height: height.into(), round, valid_round: Round::Nil, proposer, value: id, validity: Validity::Valid };
        SyncedValueOutcome::Verdict(value)
    }
}
