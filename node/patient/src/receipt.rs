//! That a withdrawal stands in a block, and who decided that.

use crate::PatientError;
use countersign_member::gateway::GatewayClient;
use countersign_messages::{
    Block, Genesis, Height, Transaction, TransactionId, Wire,
    json::{self, Id},
    merkle, transaction_leaves,
};
use serde::Serialize;

/// How often a gateway that is busy is asked.
const TRIES: u32 = 5;

/// By whose word a withdrawal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decided {
    /// More than two thirds of the network's first validators signed its block; checked here.
    Validators,
    /// The gateway's: the validators have changed since the network began, and following them takes the chain.
    Gateway,
}

/// A withdrawal that stands in a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The slot.
    pub slot: u32,
    /// The hospital's name.
    pub hospital: String,
    /// The signed withdrawal.
    pub transaction: Id,
    /// From this block on no answer counts the slot.
    pub height: u64,
    /// The block's id.
    pub block: Id,
    /// By whose word.
    pub decided: Decided,
    /// Answers of before that could count the record: they stay.
    pub released_before: usize,
}

/// The block of a height, if it holds a transaction; by whom it was decided.
pub(crate) async fn find(
    client: &GatewayClient,
    genesis: &Genesis,
    height: u64,
    transaction: &Transaction,
) -> Result<Option<(Block, Decided)>, PatientError> {
    let bytes = client.raw_patiently(&format!("/v1/blocks/{height}/raw"), Block::BYTES_MAX, TRIES).await?;
    let Ok(block) = Block::decode(&bytes) else { return Ok(None) };
    let shown: json::Block = client.get_patiently(&format!("/v1/blocks/{height}"), TRIES).await?;
    if !holds(&block, genesis, height, transaction.id()) {
        return Ok(None);
    }
    let certificate = shown.certificate.of_block(Height(height), block.header.id());
    let checked = certificate.check_bounds().is_ok() && certificate.check(&block.header, &genesis.validators()).is_ok();
    Ok(Some((block, if checked { Decided::Validators } else { Decided::Gateway })))
}

/// True if a block of this network and height holds a transaction under its header's root.
fn holds(block: &Block, genesis: &Genesis, height: u64, transaction: TransactionId) -> bool {
    let ids = block.transaction_ids();
    let rooted = merkle::root(&transaction_leaves(&ids)) == block.header.transactions_root;
    rooted && block.header.network == genesis.network() && block.header.height == Height(height) && ids.contains(&transaction)
}
