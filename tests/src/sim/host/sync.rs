//! Sync of decided blocks: who is behind asks a node that says it is further, and checks the certificate before it executes.

use crate::sim::{
    disk::Undecided,
    message::{Message, Streamed},
    node::{NodeEvent, Shell, To},
    sabotage::Sabotage,
};
use arc_malachitebft_core_types::{Round, Validity, ValueOrigin, ValueResponse};
use arc_malachitebft_peer::PeerId;
use countersign_consensus::malachite::{
    codec::to_sync,
    context::{Address, BlockId as ValueId, Chain},
};
use countersign_ledger::{Block, Certificate, Height, Wire};
use std::sync::Arc;

impl Shell {
    pub(in crate::sim) fn tick(&mut self) {
        self.host.mempool.expire(self.uptime());
        self.out.sends.push((To::All, Message::Status(self.host.ledger.tip().height)));
        self.out.later.push((700, NodeEvent::Tick));
    }

    pub(in crate::sim) fn on_status(&mut self, from: usize, height: Height) {
        let tip = self.host.ledger.tip().height;
        let waiting = self.host.asked.is_some_and(|at| self.now < at + 1_500);
        if height > tip && !waiting && self.sabotage != Sabotage::NeverSyncs {
            self.host.asked = Some(self.now);
            self.out.sends.push((To::One(from), Message::SyncRequest(tip.next())));
        }
    }

    pub(in crate::sim) fn on_sync_request(&mut self, from: usize, height: Height) {
        if let Some((block, certificate)) = self.disk.block(height) {
            self.out.sends.push((To::One(from), Message::SyncResponse(block.clone(), certificate.clone())));
            self.out.sends.push((To::One(from), Message::Status(self.host.ledger.tip().height)));
        }
    }

    pub(in crate::sim) fn on_sync_response(&mut self, from: usize, block: &Block, certificate: &Certificate) -> ValueResponse<Chain> {
        let peer = PeerId::from_bytes(&[0, 1, u8::try_from(from).unwrap()]).unwrap();
        ValueResponse::new(peer, block.encode().into(), to_sync(certificate))
    }

    /// The certificate of a synced block is good: execute it and hand it to consensus.
    pub(in crate::sim) fn on_synced(&mut self, response: &ValueResponse<Chain>, proposer: Address) {
        let Ok(block) = Block::decode(&response.value_bytes) else { return };
        let (id, block) = (block.header.id(), Arc::new(block));
        if ValueId(id) != response.certificate.value_id {
            return self.out.notes.push("a synced block is not the certified one".into());
        }
        let validity = if self.execute(&block, id) { Validity::Valid } else { Validity::Invalid };
        let height = block.header.height;
        let part = Arc::new(Streamed { height, round: response.certificate.round, pol_round: Round::Nil, proposer, id, block });
        self.disk.put(Undecided { part: part.clone(), validity });
        let value = self.value_of(&part, validity);
        self.out.later.push((1, NodeEvent::Value(Box::new(value), ValueOrigin::Sync)));
    }
}
