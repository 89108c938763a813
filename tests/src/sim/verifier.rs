//! Checks signatures of votes and proposals, each once a run: the same bytes under the same key get the same verdict, and four nodes see them all.

use arc_malachitebft_core_types::{ValidatorProof, VoteExtensionScope};
use arc_malachitebft_signing::{Error, VerificationResult, Verifier};
use countersign_consensus::malachite::{
    context::{Chain, Proposal, Vote},
    signing::{Keys, Signature},
};
use ed25519_dalek::VerifyingKey;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// What was signed, by which key, with which signature.
type Signed = (Vec<u8>, [u8; 32], [u8; 64]);

/// Verdicts so far.
#[derive(Debug, Clone)]
pub(super) struct Memo {
    keys: &'static Keys,
    seen: Arc<Mutex<BTreeMap<Signed, bool>>>,
}

impl Memo {
    pub(super) fn new(keys: &'static Keys) -> Self {
        Self { keys, seen: Arc::default() }
    }

    fn once(&self, message: Vec<u8>, signature: &Signature, key: &VerifyingKey, check: impl FnOnce() -> bool) -> bool {
        *self.seen.lock().unwrap().entry((message, key.to_bytes(), signature.0)).or_insert_with(check)
    }

    pub(super) fn vote(&self, vote: &Vote, signature: &Signature, key: &VerifyingKey) -> bool {
        self.once(borsh::to_vec(&(0_u8, vote)).unwrap(), signature, key, || self.keys.check_vote(vote, signature, key))
    }

    pub(super) fn proposal(&self, proposal: &Proposal, signature: &Signature, key: &VerifyingKey) -> bool {
        self.once(borsh::to_vec(&(1_u8, proposal)).unwrap(), signature, key, || self.keys.check_proposal(proposal, signature, key))
    }
}

#[async_trait::async_trait]
impl Verifier<Chain> for Memo {
    async fn verify_signed_vote(&self, vote: &Vote, signature: &Signature, key: &VerifyingKey) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::from_bool(self.vote(vote, signature, key)))
    }

    async fn verify_signed_proposal(
        &self,
        proposal: &Proposal,
        signature: &Signature,
        key: &VerifyingKey,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::from_bool(self.proposal(proposal, signature, key)))
    }

    async fn verify_signed_vote_extension(
        &self,
        scope: &VoteExtensionScope<Chain>,
        extension: &(),
        signature: &Signature,
        key: &VerifyingKey,
    ) -> Result<VerificationResult, Error> {
        self.keys.verify_signed_vote_extension(scope, extension, signature, key).await
    }

    async fn verify_validator_proof(&self, proof: &ValidatorProof<Chain>) -> Result<VerificationResult, Error> {
        self.keys.verify_validator_proof(proof).await
    }
}
