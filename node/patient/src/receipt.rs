//! That a withdrawal stands in a block, and who says so.

use crate::PatientError;
use countersign_member::gateway::GatewayClient;
use countersign_messages::{
    Block, Genesis, Height, TransactionId, Wire,
    json::{self, Id},
    merkle, transaction_leaves,
};
use serde::Serialize;

/// How often a gateway that is busy is asked.
pub(crate) const TRIES: u32 = 5;

/// By whose word a withdrawal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decided {
    /// The gateway's: the validators are others than those the network began with, and following them takes the chain.
    Gateway,
    /// More than two thirds of the validators the network began with signed its block; checked here.
    Validators,
}

/// A slot that has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Departure {
    /// By the sheet's key: it stands in a block.
    ByKey(Receipt),
    /// By the hospital's hand, before or in the same moment, as the gateways say.
    ByHospital {
        /// The slot.
        slot: u32,
        /// The hospital's name.
        hospital: String,
        /// No answer after this block counts it.
        height: u64,
        /// `word`: the hospital says that the patient said so; `source`: what it reads has changed, and what is left of a consent may have another slot.
        by: String,
    },
}

/// A withdrawal by key that stands in a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The slot.
    pub slot: u32,
    /// The hospital's name, by the gateway's word.
    pub hospital: String,
    /// The signed withdrawal.
    pub transaction: Id,
    /// No answer after this block counts the slot.
    pub height: u64,
    /// The block's id.
    pub block: Id,
    /// By whose word.
    pub decided: Decided,
    /// Answers of before that could count the record, by the gateway's word: they stay.
    pub released_before: usize,
}

/// The block of a height, if it holds a transaction; by whom it was decided. A block that says it was decided by the first validators and was not is none.
pub(crate) async fn find(
    client: &GatewayClient,
    genesis: &Genesis,
    height: u64,
    transaction: TransactionId,
) -> Result<Option<(Block, Decided)>, PatientError> {
    let bytes = client.raw_patiently(&format!("/v1/blocks/{height}/raw"), Block::BYTES_MAX, TRIES).await?;
    let Ok(block) = Block::decode(&bytes) else { return Ok(None) };
    let shown: json::Block = client.get_patiently(&format!("/v1/blocks/{height}"), TRIES).await?;
    if !holds(&block, genesis, height, transaction) {
        return Ok(None);
    }
    let first = genesis.validators();
    let certificate = shown.certificate.of_block(Height(height), block.header.id());
    let certified = certificate.check_bounds().is_ok() && certificate.check(&block.header, &first).is_ok();
    let decided = if certified { Decided::Validators } else { Decided::Gateway };
    Ok((certified || block.header.validators != first.digest()).then_some((block, decided)))
}

/// True if a block of this network and height holds a transaction under its header's root.
fn holds(block: &Block, genesis: &Genesis, height: u64, transaction: TransactionId) -> bool {
    let ids = block.transaction_ids();
    let rooted = merkle::root(&transaction_leaves(&ids)) == block.header.transactions_root;
    rooted && block.header.network == genesis.network() && block.header.height == Height(height) && ids.contains(&transaction)
}
