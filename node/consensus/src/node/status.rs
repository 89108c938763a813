//! How a node is doing.

use super::Node;
use crate::{
    alert::{Accusation, AlertCode},
    pool::PoolCounts,
};
use countersign_ledger::Tip;
use countersign_messages::{MemberId, NetworkId, ValidatorSet};
use countersign_net::PeerStatus;

/// What a node does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleNow {
    /// Votes on blocks.
    Validator,
    /// In the validator set, and fetching decided blocks as a follower does: it is behind, or may not vote yet.
    CatchingUp,
    /// Fetches decided blocks and checks them.
    Follower,
}

/// How a node is doing. Everything in it may be shown to anybody.
#[derive(Debug, Clone)]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// Its member.
    pub member: MemberId,
    /// The network.
    pub network: NetworkId,
    /// What it does now.
    pub role: RoleNow,
    /// Its last block.
    pub tip: Tip,
    /// Milliseconds its clock is ahead of its last block's time.
    pub behind_ms: u64,
    /// The validators of the next block.
    pub validators: ValidatorSet,
    /// Members that are connected or should be.
    pub peers: Vec<PeerStatus>,
    /// What waits for a block.
    pub mempool: PoolCounts,
    /// Conditions that need a person.
    pub alerts: Vec<(AlertCode, String)>,
    /// What members were seen to do wrong, oldest first.
    pub accusations: Vec<Accusation>,
}

impl Node {
    /// How it is doing.
    pub fn status(&self) -> NodeStatus {
        let (shared, state) = (&self.shared, self.state());
        NodeStatus {
            name: shared.config.name.clone(),
            member: shared.me(),
            network: state.network(),
            role: *shared.role.borrow(),
            tip: state.tip(),
            behind_ms: shared.config.clock.now().since(state.tip().time),
            validators: state.validators(),
            peers: shared.net.peers(),
            mempool: shared.pool.counts(),
            alerts: shared.alerts.raised(),
            accusations: shared.alerts.accusations(),
        }
    }
}
