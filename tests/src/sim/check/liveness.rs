//! Liveness after healing.
//!
//! From the end of the faults on no message is lost, none is late by more than the link's delay, and every process runs.
//!
//! Failures:
//! - within a bound of virtual time (`cluster`, `LIVE_MS`) the nodes do not all have the same height, above the one at healing;
//! - within it a transaction that an honest member keeps sending is not used up;
//! - a transaction signed by an honest member, withdrawals first of all, is in no block when everything has settled.

use super::{Failure, history::History};
use countersign_messages::TransactionId;
use std::collections::BTreeSet;

pub(super) fn all_in(history: &History, mut signed: impl Iterator<Item = (TransactionId, &'static str)>) -> Result<(), Failure> {
    let inside: BTreeSet<TransactionId> = history.blocks().iter().flat_map(|b| b.transaction_ids()).collect();
    match signed.find(|(id, _)| !inside.contains(id)) {
        Some((transaction, kind)) => Err(Failure::Missing { transaction, kind }),
        None => Ok(()),
    }
}
