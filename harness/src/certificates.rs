//! Blocks that the validators of the network under test decide.

use crate::{EVERYBODY, Who, id, key};
use countersign_messages::{Certificate, Header, Signature, ValidatorSet, VoteKind, vote_message};
use ed25519_dalek::Signer;

/// The precommits of some to a header.
pub fn certificate(header: &Header, signers: &[Who]) -> Certificate {
    let message = vote_message(&header.network, VoteKind::Precommit, header.height, 0, Some(&header.id()));
    let sign = |who: &Who| (id(*who), Signature(key(*who).sign(&message.0).to_bytes()));
    let mut signatures: Vec<_> = signers.iter().map(sign).collect();
    signatures.sort_by_key(|s| s.0);
    Certificate { height: header.height, round: 0, block: header.id(), signatures }
}

/// The precommits of all of a set.
pub fn decided_by(header: &Header, set: &ValidatorSet) -> Certificate {
    let signers: Vec<Who> = EVERYBODY.into_iter().filter(|who| set.contains(&id(*who))).collect();
    assert_eq!(signers.len(), set.members().len());
    certificate(header, &signers)
}
