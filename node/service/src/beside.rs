//! A member's line to the chain from a process beside its running node.

use crate::{Config, ServiceError};
use async_recursion::async_recursion as boxed;
use countersign_ledger::{CachingChecker, KeyedChecker, ProofChecker, Verified};
use countersign_member::{
    Connection, KeptWork, LedgerError, LeftToOthers, MemberFolder, OtherProcess, VerifyingFolder, gateway::GatewayClient,
};
use countersign_store::StoreError;
use std::sync::Arc;

/// The checker of a node, with the circuit keys of a folder and those the configuration names. It verifies everything itself, and leaves what it has verified to
/// commands beside the node.
///
/// # Errors
/// Keys are missing or damaged.
pub fn checker(config: &Config, keys: &VerifyingFolder) -> Result<Arc<dyn ProofChecker>, ServiceError> {
    checker_with(config, keys, |kept| Arc::new(LeftToOthers(kept)))
}

fn checker_with(
    config: &Config,
    keys: &VerifyingFolder,
    verified: impl FnOnce(KeptWork) -> Arc<dyn Verified>,
) -> Result<Arc<dyn ProofChecker>, ServiceError> {
    let mut ring = vec![keys.read()?];
    for folder in &config.circuit_keys {
        ring.push(VerifyingFolder::new(folder).read()?);
    }
    let checker = CachingChecker::new(KeyedChecker::with_ring(ring));
    Ok(match KeptWork::open(&config.data) {
        Ok(kept) => Arc::new(checker.beside(verified(kept))),
        // a folder that may only be read: it costs time and nothing else
        Err(error) => {
            tracing::warn!(%error, "what was verified is not kept: proofs are verified again by each process");
            Arc::new(checker)
        }
    })
}

/// The member's keys, and the chain of its node: its store is read, its gateway spoken to.
///
/// # Errors
/// There is no chain, keys are missing, or they are not the network's.
#[boxed]
pub async fn beside(config: &Config, keys: &VerifyingFolder) -> Result<(MemberFolder, Connection), ServiceError> {
    let folder = config.member_folder()?;
    // what this member's node and earlier commands verified is not verified again
    let checker = checker_with(config, keys, |kept| Arc::new(kept))?;
    let client = GatewayClient::new(&config.gateway_url()).map_err(LedgerError::from)?;
    let ledger = OtherProcess::open(&config.store_url()?, client).await.map_err(|error| match error {
        LedgerError::Store(error) => no_chain(config, error),
        other => other.into(),
    })?;
    let connection = Connection::new(ledger, checker);
    connection.state().check_keys(connection.checker())?;
    Ok((folder, connection))
}

/// Says what to do where there is no chain.
pub fn no_chain(config: &Config, error: StoreError) -> ServiceError {
    let missing = match &error {
        StoreError::Empty => true,
        StoreError::Database(_) => config.store_url().is_ok_and(|url| url.file().is_some_and(|file| !file.exists())),
        _ => false,
    };
    if missing { ServiceError::NoChain(config.data.clone()) } else { error.into() }
}
