//! Who decides blocks, and the proof that they did.
//!
//! Validators have one vote each. A block is decided when more than two thirds of the set of its height have precommitted to it in one round
//! (Buchman, Kwon, Milosevic, "The latest gossip on BFT consensus", algorithm 1). The set of a height is the one whose digest stands in the
//! header before it ([`crate::Header::validators`]); the genesis gives the first. Certificates differ between nodes (any quorum will do), so
//! none is ever hashed into the state.

use crate::{
    block::{BlockId, Header},
    codec::{DecodeError, Wire, bound, bytes_of},
    genesis::NetworkId,
    identity::MemberId,
    limits::MEMBERS_MAX,
    time::Height,
    transaction::Signature,
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{hash::Digest32, tag};
use ed25519_dalek::{Signer, SigningKey};

/// The validators of a height: keys, ascending, one vote each.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ValidatorSet(Vec<MemberId>);

impl ValidatorSet {
    /// A set of members; order and repetition do not matter.
    pub fn new(members: impl IntoIterator<Item = MemberId>) -> Self {
        let mut keys: Vec<MemberId> = members.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        Self(keys)
    }

    /// The validators, ascending by key.
    pub fn members(&self) -> &[MemberId] {
        &self.0
    }

    /// True if a member is one of them.
    pub fn contains(&self, member: &MemberId) -> bool {
        self.0.binary_search(member).is_ok()
    }

    /// Least number of votes that decide: more than two thirds.
    pub fn quorum(&self) -> usize {
        self.0.len() * 2 / 3 + 1
    }

    /// What headers name the set by.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn digest(&self) -> Digest32 {
        Digest32::tagged(tag::VALIDATORS, [bytes_of(&self.0).as_slice()])
    }
}

impl Wire for ValidatorSet {
    const WHAT: &'static str = "validator set";
    const BYTES_MAX: usize = 4 + MEMBERS_MAX * 32;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        bound(Self::WHAT, "validators", self.0.len(), MEMBERS_MAX)
    }
}

/// The two kinds of votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum VoteKind {
    /// First step of a round.
    Prevote,
    /// Second step: a quorum of these decides.
    Precommit,
}

/// What a validator signs when it votes. Round -1 is never signed; `None` is a vote for no block.
pub fn vote_message(network: &NetworkId, kind: VoteKind, height: Height, round: i64, block: Option<&BlockId>) -> Digest32 {
    Digest32::tagged(tag::VOTE, [bytes_of(&(network, kind, height, round, block)).as_slice()])
}

/// The precommits that decided a block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Certificate {
    /// The block's height.
    pub height: Height,
    /// The round it was decided in.
    pub round: u32,
    /// The block.
    pub block: BlockId,
    /// Validators, ascending by key, with their signatures over the precommit.
    pub signatures: Vec<(MemberId, Signature)>,
}

impl Wire for Certificate {
    const WHAT: &'static str = "commit certificate";
    const BYTES_MAX: usize = 8 + 4 + 32 + 4 + MEMBERS_MAX * 96;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        bound(Self::WHAT, "signatures", self.signatures.len(), MEMBERS_MAX)
    }
}

/// Why a certificate does not decide a block. Whoever made or passed it on is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is about another block.
    #[error("the certificate of block {0} is about another block")]
    OtherBlock(Height),
    /// Repeated or out of order.
    #[error("the certificate of block {0} lists a validator twice or out of order")]
    Order(Height),
    /// Not a validator of that height.
    #[error("the certificate of block {height} is signed by {signer:?}, who is no validator of that height")]
    Outsider {
        /// The block's height.
        height: Height,
        /// Who signed.
        signer: MemberId,
    },
    /// A signature that does not verify.
    #[error("the certificate of block {height}: the signature of {signer:?} does not verify")]
    Signature {
        /// The block's height.
        height: Height,
        /// Whose signature.
        signer: MemberId,
    },
    /// Not enough of them.
    #[error("the certificate of block {height} has {found} signatures; {quorum} are needed")]
    Quorum {
        /// The block's height.
        height: Height,
        /// Signatures.
        found: usize,
        /// More than two thirds of the set.
        quorum: usize,
    },
}

impl Certificate {
    /// A certificate of one's own vote: for a network whose only validator holds the key.
    pub fn sign_alone(key: &SigningKey, header: &Header) -> Self {
        let block = header.id();
        let message = vote_message(&header.network, VoteKind::Precommit, header.height, 0, Some(&block));
        let signature = Signature(key.sign(&message.0).to_bytes());
        Self { height: header.height, round: 0, block, signatures: vec![(MemberId::from(&key.verifying_key()), signature)] }
    }

    /// Checks that a quorum of the set precommitted to the header. Every signature listed must verify. Costs one signature check a validator.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn check(&self, header: &Header, set: &ValidatorSet) -> Result<(), CertificateError> {
        let height = header.height;
        if self.height != height || self.block != header.id() {
            return Err(CertificateError::OtherBlock(height));
        }
        if !self.signatures.windows(2).all(|w| w[0].0 < w[1].0) {
            return Err(CertificateError::Order(height));
        }
        let (found, quorum) = (self.signatures.len(), set.quorum());
        if found < quorum {
            return Err(CertificateError::Quorum { height, found, quorum });
        }
        let message = vote_message(&header.network, VoteKind::Precommit, height, i64::from(self.round), Some(&self.block));
        for (signer, signature) in &self.signatures {
            if !set.contains(signer) {
                return Err(CertificateError::Outsider { height, signer: *signer });
            }
            let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
            let verified = signer.key().is_some_and(|k| k.verify_strict(&message.0, &signature).is_ok());
            if !verified {
                return Err(CertificateError::Signature { height, signer: *signer });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::BlockTime;

    fn key(i: u8) -> SigningKey {
        SigningKey::from_bytes(&[i; 32])
    }

    fn header() -> Header {
        let digest = Digest32::of(b"x");
        Header {
            network: NetworkId(digest),
            height: Height(7),
            time: BlockTime(1),
            previous: BlockId(digest),
            transactions_root: digest,
            results_root: digest,
            state_digest: digest,
            validators: digest,
        }
    }

    fn signed(keys: impl IntoIterator<Item = u8>, round: u32) -> Certificate {
        let header = header();
        let message = vote_message(&header.network, VoteKind::Precommit, header.height, i64::from(round), Some(&header.id()));
        let sign = |i| (MemberId::from(&key(i).verifying_key()), Signature(key(i).sign(&message.0).to_bytes()));
        let mut signatures: Vec<_> = keys.into_iter().map(sign).collect();
        signatures.sort_by_key(|s| s.0);
        Certificate { height: header.height, round, block: header.id(), signatures }
    }

    fn set(n: u8) -> ValidatorSet {
        ValidatorSet::new((1..=n).map(|i| MemberId::from(&key(i).verifying_key())))
    }

    #[test]
    fn a_quorum_is_more_than_two_thirds() {
        let quorum = |n| set(n).quorum();
        assert_eq!([quorum(1), quorum(2), quorum(3), quorum(4), quorum(6), quorum(7)], [1, 2, 3, 3, 5, 5]);
        assert_eq!(signed([1, 2, 3], 2).check(&header(), &set(4)), Ok(()));
        let short = signed([1, 2], 2).check(&header(), &set(4));
        assert_eq!(short, Err(CertificateError::Quorum { height: Height(7), found: 2, quorum: 3 }));
        assert_eq!(Certificate::sign_alone(&key(1), &header()).check(&header(), &set(1)), Ok(()));
    }

    #[test]
    fn each_way_of_being_wrong_is_named() {
        let good = signed([1, 2, 3], 0);
        let fails = |change: &dyn Fn(&mut Certificate)| {
            let mut certificate = good.clone();
            change(&mut certificate);
            certificate.check(&header(), &set(4)).unwrap_err()
        };
        assert!(matches!(fails(&|c| c.height = Height(8)), CertificateError::OtherBlock(_)));
        assert!(matches!(fails(&|c| c.block = BlockId(Digest32::of(b"y"))), CertificateError::OtherBlock(_)));
        assert!(matches!(fails(&|c| c.signatures[1] = c.signatures[0]), CertificateError::Order(_)));
        assert!(matches!(fails(&|c| c.signatures.swap(0, 1)), CertificateError::Order(_)));
        assert!(matches!(fails(&|c| c.round = 1), CertificateError::Signature { .. }));
        assert!(matches!(fails(&|c| c.signatures[2].1.0[5] ^= 1), CertificateError::Signature { .. }));
        let outsider = signed([1, 2, 9], 0).check(&header(), &set(4));
        assert!(matches!(outsider, Err(CertificateError::Outsider { .. })));
        // a good quorum does not carry a bad signature along
        assert!(signed([1, 2, 3, 9], 0).check(&header(), &set(4)).is_err());
    }

    #[test]
    fn a_prevote_or_a_vote_elsewhere_is_no_precommit() {
        let (header, block) = (header(), header().id());
        let message = |network, kind, height, round, block: Option<&BlockId>| vote_message(&network, kind, height, round, block);
        let other = NetworkId(Digest32::of(b"other"));
        let all = [
            message(header.network, VoteKind::Precommit, Height(7), 0, Some(&block)),
            message(header.network, VoteKind::Prevote, Height(7), 0, Some(&block)),
            message(other, VoteKind::Precommit, Height(7), 0, Some(&block)),
            message(header.network, VoteKind::Precommit, Height(8), 0, Some(&block)),
            message(header.network, VoteKind::Precommit, Height(7), 1, Some(&block)),
            message(header.network, VoteKind::Precommit, Height(7), 0, None),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().map(|d| d.0).collect();
        assert_eq!(distinct.len(), all.len());
    }
}
