//! Proposing: making a block of what waits, and sending it in parts.

use super::{BlockId, Executed, Validator, incoming::Refused, own_value};
use crate::{
    alert::{AlertCode, Offence},
    malachite::{
        context::{Address, Chain},
        network::member_of,
        part::{Opening, Part, parts},
    },
};
use arc_malachitebft_app_channel::{
    NetworkMsg,
    app::{
        streaming::{StreamContent, StreamId, StreamMessage},
        types::{LocallyProposedValue, ProposedValue},
    },
};
use arc_malachitebft_core_types::{Round, Validity};
use arc_malachitebft_peer::PeerId;
use countersign_messages::{
    Height, Wire,
    limits::{BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX},
};
use std::sync::Arc;

impl Validator {
    /// The block to propose: the one proposed before in this round, if the node was killed meanwhile, or a new one.
    pub(super) async fn propose(&mut self, height: Height, round: Round) -> Option<LocallyProposedValue<Chain>> {
        if height != self.current() {
            return None;
        }
        let me = self.parts.keys.address();
        let before = self.proposals.iter().find(|(value, _)| value.round == round && value.proposer == me);
        if let Some(block) = before.map(|(value, _)| value.value) {
            self.stream(round, &block).await;
            return Some(own_value(height, round, block));
        }
        let candidates = self.parts.pool.candidates(BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX);
        let time = self.parts.clock.after(self.parts.replica.state().tip().time);
        let proposed = match self.parts.replica.propose(time, candidates).await {
            Ok(proposed) => proposed,
            Err(error) => {
                self.parts.alerts.raise(AlertCode::CircuitKeys, format!("no block can be proposed: {error}"));
                return None;
            }
        };
        for (transaction, reason) in &proposed.refused {
            tracing::debug!(signer = %transaction.signer, sequence = transaction.sequence, %reason, "left out of the block");
        }
        let outcome = proposed.outcome;
        let block = self.parts.conduct.block(outcome.block().clone());
        let bytes = Arc::new(block.encode());
        let id = BlockId(block.header.id());
        let opening = Opening::sign(&self.parts.keys, (height.into(), round, Round::Nil), id, &bytes);
        // the engine may decide it only if it is on disk
        if let Err(error) = self.keep_proposed(&opening, &bytes).await {
            self.parts.alerts.raise(AlertCode::Storage, error.to_string());
            return None;
        }
        self.executed.insert(id, Executed { outcome, bytes });
        let value =
            ProposedValue { height: height.into(), round, valid_round: Round::Nil, proposer: me, value: id, validity: Validity::Valid };
        self.proposals.push((value, opening));
        self.stream(round, &id).await;
        Some(own_value(height, round, id))
    }

    /// Sends a proposal of this height again, as the engine asks.
    pub(super) async fn restream(&mut self, round: Round, valid_round: Round, block: &BlockId) {
        let me = self.parts.keys.address();
        if self.proposal(round, block).is_none() {
            let Some(executed) = self.executed.get(block) else { return };
            let bytes = Arc::clone(&executed.bytes);
            let place = (self.current().into(), round, valid_round);
            let opening = Opening::sign(&self.parts.keys, place, *block, &bytes);
            if let Err(error) = self.keep_proposed(&opening, &bytes).await {
                return self.parts.alerts.raise(AlertCode::Storage, error.to_string());
            }
            let value = ProposedValue { height: place.0, round, valid_round, proposer: me, value: *block, validity: Validity::Valid };
            self.proposals.push((value, opening));
        }
        self.stream(round, block).await;
    }

    async fn stream(&mut self, round: Round, block: &BlockId) {
        let Some((_, opening)) = self.proposal(round, block) else { return };
        let Some(executed) = self.executed.get(block) else { return };
        let (opening, bytes) = (opening.clone(), Arc::clone(&executed.bytes));
        self.streams += 1;
        let id = borsh::to_vec(&(opening.height, opening.round, self.parts.keys.address(), self.streams));
        let id = StreamId::new(id.expect("writing to memory does not fail").into());
        let contents = parts(opening, &bytes).into_iter().map(StreamContent::Data).chain([StreamContent::Fin]);
        for (sequence, content) in contents.enumerate() {
            let message = StreamMessage::new(id.clone(), sequence as u64, content);
            // the actor ends with the engine
            let _ = self.network.send(NetworkMsg::PublishProposalPart(message)).await;
        }
    }

    /// Takes in a part of somebody's proposal.
    pub(super) async fn received(&mut self, from: &PeerId, part: StreamMessage<Part>) -> Option<ProposedValue<Chain>> {
        let sender = member_of(from)?;
        let (network, current, running, validators) = (*self.parts.keys.network(), self.current(), self.running(), self.validators());
        let turns = &self.turns;
        match self.incoming.part(&network, current, sender, part, |opening| turns.admit(&validators, running, opening)) {
            Ok(Some(whole)) => self.consider(whole).await,
            Ok(None) => None,
            Err(Refused::Turn(out_of_turn)) => {
                self.out_of_turn(&Address(sender), out_of_turn);
                None
            }
            Err(Refused::Part(error)) => {
                self.parts.alerts.accuse(sender, Offence::InvalidParts, current, error.to_string());
                None
            }
        }
    }
}
