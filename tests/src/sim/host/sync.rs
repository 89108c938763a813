//! Sync of decided blocks: who is behind asks a node that says it is further, and checks the certificate before it executes.

use crate::sim::{
    disk::Undecided,
    message::{Message, Streamed},
    node::{NodeEvent, Shell, To},
    sabotage::Sabotage,
};
use arc_malachitebft_core_types::{Round, Validity, ValueOrigin, ValueResponse};
use arc_malachitebft_peer::PeerId;
use countersign_consensus::{
    malachite::{
        codec::to_sync,
        context::{Address, BlockId as ValueId, Chain},
    },
    voting,
};
use countersign_messages::{Block, Certificate, Height, Wire};
use std::sync::Arc;

impl Shell {
    pub(in crate::sim) fn tick(&mut self) {
        self.host.mempool.expire(self.uptime());
        if self.silent {
            self.out.sends.push((To::All, Message::SyncRequest(self.host.ledger.tip().height.next())));
        }
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
        match self.disk.block(height) {
            Some((block, certificate)) => {
                self.out.sends.push((To::One(from), Message::SyncResponse(block.clone(), certificate.clone())));
                self.out.sends.push((To::One(from), Message::Status(self.host.ledger.tip().height)));
            }
            None => self.out.sends.push((To::One(from), Message::NothingFurther)),
        }
    }

    pub(in crate::sim) fn on_sync_response(&mut self, from: usize, block: &Block, certificate: &Certificate) -> ValueResponse<Chain> {
        let peer = PeerId::from_bytes(&[0, 1, u8::try_from(from).unwrap()]).unwrap();
        ValueResponse::new(peer, block.encode().into(), to_sync(certificate))
    }

    /// A silent validator takes a decided block as a follower does, and asks for the next.
    pub(in crate::sim) fn follow(&mut self, from: usize, block: &Arc<Block>, certificate: &Certificate) {
        let next = self.host.ledger.tip().height.next();
        if block.header.height != next || self.disk.full {
            return;
        }
        if let Err(error) = certificate.check(&block.header, &self.host.ledger.validators()) {
            return self.out.notes.push(format!("refused a block at {next}: {error}"));
        }
        let me = self.keys().member();
        if certificate.signatures.iter().any(|(member, _)| *member == me) && voting::is_strange(&self.disk.record, next) {
            self.broken = Some(format!("finds a signature of its own at {next} that it cannot have made"));
        }
        if self.execute(block, certificate.block) {
            self.take_decided(block.clone(), certificate.clone());
            self.out.sends.push((To::One(from), Message::SyncRequest(next.next())));
        }
    }

    /// Another has no further block than this one.
    pub(in crate::sim) fn on_nothing_further(&mut self, from: usize) {
        let (set, tip) = (self.host.ledger.validators(), self.host.ledger.tip().height);
        if self.silent
            && self.disk.record.silent_until.is_none()
            && self.told.insert(from)
            && self.told.len() >= voting::asked_for_record(&set, tip)
        {
            self.disk.record = voting::settle(self.disk.record, &set, tip);
            self.out.notes.push(format!("is silent until {:?}", self.disk.record.silent_until));
        }
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
        if !self.keep(Undecided { part: part.clone(), validity }) {
            return;
        }
        let value = self.value_of(&part, validity);
        self.out.later.push((1, NodeEvent::Value(Box::new(value), ValueOrigin::Sync)));
    }
}
