//! What validators sign and check: votes, proposals and parts, with the member's own Ed25519 key.
//!
//! Votes are signed over [`countersign_messages::vote_message`], so that a commit certificate can be checked without Malachite.

use super::context::{Address, Chain, Proposal, Vote};
use arc_malachitebft_core_types::{NilOrVal, SignedMessage, SigningScheme, ValidatorProof, VoteExtensionScope, VoteType};
use arc_malachitebft_signing::{Error, Signer, VerificationResult, Verifier};
use async_trait::async_trait;
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{hash::Digest32, tag};
use countersign_messages::{MemberId, NetworkId, VoteKind, vote_message};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use std::fmt;

/// An Ed25519 signature with an order, as Malachite sorts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Signature(pub [u8; 64]);

/// The signature scheme of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ed25519;

/// Bytes that are no key or signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 {0}")]
pub struct NotEd25519(&'static str);

impl SigningScheme for Ed25519 {
    type DecodingError = NotEd25519;
    type Signature = Signature;
    type PublicKey = VerifyingKey;
    type PrivateKey = SigningKey;

    fn decode_signature(bytes: &[u8]) -> Result<Signature, NotEd25519> {
        bytes.try_into().map(Signature).map_err(|_| NotEd25519("signature"))
    }

    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.0.to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<VerifyingKey, NotEd25519> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| NotEd25519("key"))?;
        VerifyingKey::from_bytes(&bytes).map_err(|_| NotEd25519("key"))
    }

    fn encode_public_key(key: &VerifyingKey) -> Vec<u8> {
        key.to_bytes().to_vec()
    }
}

/// Signs for one validator and checks everybody's signatures.
#[derive(Clone)]
pub struct Keys {
    network: NetworkId,
    key: SigningKey,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({:?}, secret redacted)", self.member())
    }
}

fn proposal_message(network: &NetworkId, proposal: &Proposal) -> Digest32 {
    let bytes = borsh::to_vec(&(network, proposal)).expect("writing to memory does not fail");
    Digest32::tagged(tag::PROPOSAL, [bytes.as_slice()])
}

fn message_of(network: &NetworkId, vote: &Vote) -> Digest32 {
    let kind = match vote.kind {
        VoteType::Prevote => VoteKind::Prevote,
        VoteType::Precommit => VoteKind::Precommit,
    };
    let block = match &vote.value {
        NilOrVal::Nil => None,
        NilOrVal::Val(id) => Some(&id.0),
    };
    vote_message(network, kind, vote.height.into(), vote.round.as_i64(), block)
}

/// True if a key signed a message; strict, so that a signature has one form.
pub fn signed_by(key: &VerifyingKey, message: &Digest32, signature: &Signature) -> bool {
    key.verify_strict(&message.0, &ed25519_dalek::Signature::from_bytes(&signature.0)).is_ok()
}

impl Keys {
    /// Keys of a validator of a network.
    pub fn new(network: NetworkId, key: SigningKey) -> Self {
        Self { network, key }
    }

    /// The network signed for.
    pub fn network(&self) -> &NetworkId {
        &self.network
    }

    /// Who signs.
    pub fn member(&self) -> MemberId {
        MemberId::from(&self.key.verifying_key())
    }

    /// Who signs, as consensus calls it.
    pub fn address(&self) -> Address {
        Address(self.member())
    }

    /// Signs a tagged hash.
    pub fn sign(&self, message: &Digest32) -> Signature {
        Signature(self.key.sign(&message.0).to_bytes())
    }

    /// The voter's own key checks its vote: a vote that names somebody else is no vote.
    pub fn check_vote(&self, vote: &Vote, signature: &Signature, key: &VerifyingKey) -> bool {
        vote.address.0 == MemberId::from(key) && signed_by(key, &message_of(&self.network, vote), signature)
    }

    /// The proposer's own key checks its proposal.
    pub fn check_proposal(&self, proposal: &Proposal, signature: &Signature, key: &VerifyingKey) -> bool {
        proposal.address.0 == MemberId::from(key) && signed_by(key, &proposal_message(&self.network, proposal), signature)
    }

    /// Signs a vote.
    pub fn vote(&self, vote: Vote) -> SignedMessage<Chain, Vote> {
        let signature = self.sign(&message_of(&self.network, &vote));
        SignedMessage::new(vote, signature)
    }

    /// Signs a proposal.
    pub fn proposal(&self, proposal: Proposal) -> SignedMessage<Chain, Proposal> {
        let signature = self.sign(&proposal_message(&self.network, &proposal));
        SignedMessage::new(proposal, signature)
    }
}

#[async_trait]
impl Verifier<Chain> for Keys {
    async fn verify_signed_vote(&self, vote: &Vote, signature: &Signature, key: &VerifyingKey) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::from_bool(self.check_vote(vote, signature, key)))
    }

    async fn verify_signed_proposal(
        &self,
        proposal: &Proposal,
        signature: &Signature,
        key: &VerifyingKey,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::from_bool(self.check_proposal(proposal, signature, key)))
    }

    /// There are no vote extensions on this chain.
    async fn verify_signed_vote_extension(
        &self,
        _: &VoteExtensionScope<Chain>,
        (): &(),
        _: &Signature,
        _: &VerifyingKey,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::Invalid)
    }

    /// Peers are known by their TLS identity; proofs of another kind are not used.
    async fn verify_validator_proof(&self, _: &ValidatorProof<Chain>) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::Invalid)
    }
}

#[async_trait]
impl Signer<Chain> for Keys {
    async fn sign_vote(&self, vote: Vote) -> Result<SignedMessage<Chain, Vote>, Error> {
        Ok(self.vote(vote))
    }

    async fn sign_proposal(&self, proposal: Proposal) -> Result<SignedMessage<Chain, Proposal>, Error> {
        Ok(self.proposal(proposal))
    }

    async fn sign_vote_extension(&self, _: VoteExtensionScope<Chain>, (): ()) -> Result<SignedMessage<Chain, ()>, Error> {
        // asked only where extensions are required, and this chain requires none
        Ok(SignedMessage::new((), self.sign(&Digest32::tagged(tag::NO_EXTENSION, []))))
    }

    async fn sign_validator_proof(&self, key: Vec<u8>, peer: Vec<u8>) -> Result<ValidatorProof<Chain>, Error> {
        let message = Digest32::tagged(tag::VALIDATOR_PROOF, [key.as_slice(), &peer]);
        Ok(ValidatorProof::new(key, peer, self.sign(&message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::malachite::context::{BlockId, Height};
    use arc_malachitebft_core_types::{Context as _, Round};

    fn keys(i: u8) -> Keys {
        Keys::new(NetworkId(Digest32::of(b"network")), SigningKey::from_bytes(&[i; 32]))
    }

    fn block() -> BlockId {
        BlockId(countersign_messages::BlockId(Digest32::of(b"block")))
    }

    #[test]
    fn votes_are_checked_under_the_key_they_name() {
        let keys = keys(1);
        let vote = Chain.new_precommit(Height(3), Round::new(1), NilOrVal::Val(block()), keys.address());
        let signed = keys.vote(vote.clone());
        let (own, other) = (SigningKey::from_bytes(&[1; 32]).verifying_key(), SigningKey::from_bytes(&[2; 32]).verifying_key());
        assert!(keys.check_vote(&vote, &signed.signature, &own));
        assert!(!keys.check_vote(&vote, &signed.signature, &other));
        let named = Vote { address: Address(MemberId::from(&other)), ..vote.clone() };
        assert!(!keys.check_vote(&named, &signed.signature, &own));
        for changed in [
            Vote { kind: VoteType::Prevote, ..vote.clone() },
            Vote { height: Height(4), ..vote.clone() },
            Vote { round: Round::new(2), ..vote.clone() },
            Vote { value: NilOrVal::Nil, ..vote.clone() },
        ] {
            assert!(!keys.check_vote(&changed, &signed.signature, &own), "{changed:?}");
        }
    }

    #[test]
    fn a_precommit_is_what_certificates_hold() {
        let keys = keys(1);
        let signed = keys.vote(Chain.new_precommit(Height(3), Round::new(1), NilOrVal::Val(block()), keys.address()));
        let message = vote_message(keys.network(), VoteKind::Precommit, countersign_messages::Height(3), 1, Some(&block().0));
        assert!(signed_by(&SigningKey::from_bytes(&[1; 32]).verifying_key(), &message, &signed.signature));
    }

    #[test]
    fn keys_do_not_show_their_secret() {
        let text = format!("{:?}", keys(7));
        assert!(text.contains("redacted") && !text.contains(&"07".repeat(8)), "{text}");
    }
}
