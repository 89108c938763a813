//! That a withdrawal stands in a block, and who says so.

use crate::{PatientError, standing::genesis};
use async_recursion::async_recursion as boxed;
use countersign_member::gateway::GatewayClient;
use countersign_messages::{
    Block, BlockId, Genesis, Height, KEYS_OF_A_CLAIM, MemberId, Payload, Sheet, Transaction, TransactionId, Wire, WithdrawByKey,
    json::{self, Id},
    merkle, transaction_leaves,
};
use serde::{Deserialize, Serialize};

/// How often a gateway that is busy is asked.
pub(crate) const TRIES: u32 = 5;

/// By whose word a withdrawal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decided {
    /// The gateway's: the validators are others than those the network began with, and following them takes the chain.
    Gateway,
    /// More than two thirds of the validators the network began with signed its block; checked here.
    Validators,
}

/// A slot that has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// Holds a receipt that was kept against the chain: its withdrawal stands in the block it names, signed by a key of the sheet for the slot. By whose word now.
///
/// # Errors
/// [`PatientError::Receipt`]: it does not; or the gateway is of another network, or is not there.
#[boxed]
pub async fn check_receipt(client: &GatewayClient, sheet: &Sheet, receipt: &Receipt) -> Result<Decided, PatientError> {
    let genesis = genesis(client, sheet.network).await?;
    let none = PatientError::Receipt("its block does not stand in the chain, or does not hold the withdrawal");
    let (block, decided) = find(client, &genesis, receipt.height, TransactionId(receipt.transaction.0)).await?.ok_or(none)?;
    if block.header.id() != BlockId(receipt.block.0) {
        return Err(PatientError::Receipt("its block is another one than the chain's of that height"));
    }
    let expected = Payload::WithdrawByKey(WithdrawByKey { hospital: sheet.hospital, slot: receipt.slot });
    let own = |signer: &MemberId| (0..KEYS_OF_A_CLAIM as u32).any(|number| sheet.public(number).signer() == *signer);
    let is = |transaction: &&Transaction| transaction.id() == TransactionId(receipt.transaction.0);
    match block.transactions.iter().find(is) {
        Some(transaction) if transaction.payload == expected && own(&transaction.signer) && transaction.check_signature().is_ok() => {
            Ok(decided)
        }
        _ => Err(PatientError::Receipt("the transaction it names is no withdrawal of its slot by a key of this sheet")),
    }
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
