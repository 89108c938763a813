//! Proposes blocks whose header names a state that executing them does not give.

use countersign_circuits::hash::Digest32;
use countersign_consensus::Conduct;
use countersign_messages::Block;

pub struct WrongStateProposer;

impl Conduct for WrongStateProposer {
    fn block(&self, mut made: Block) -> Block {
        made.header.state_digest = Digest32::of(b"a state of its own");
        made
    }
}
