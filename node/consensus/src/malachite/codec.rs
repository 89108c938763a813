//! How Malachite's messages are written: borsh, decoded strictly (bounded, canonical, nothing behind).

use super::{
    context::{Address, BlockId, Chain, Height},
    part::Part,
    signing::Signature,
};
use arc_malachitebft_app_channel::app::types::{
    ProposedValue, SignedConsensusMsg,
    codec::{Codec, HasEncodedLen},
    streaming::StreamMessage,
};
use arc_malachitebft_core_consensus::LivenessMsg;
use arc_malachitebft_core_types as malachite;
use arc_malachitebft_core_types::{CommitCertificate, CommitSignature, ExtendedCommitCertificate, PolkaCertificate, Round, ValidatorProof};
use arc_malachitebft_sync as sync;
use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use countersign_messages::{Block, Certificate, DecodeError, Wire};
use std::io;

/// The codec of the chain.
#[derive(Clone, Copy, Debug)]
pub struct Borsh;

macro_rules! codec {
    ($($message:ty),+ $(,)?) => { $(impl Codec<$message> for Borsh {
        type Error = io::Error;

        fn decode(&self, bytes: Bytes) -> io::Result<$message> {
            borsh::from_slice(&bytes)
        }

        fn encode(&self, message: &$message) -> io::Result<Bytes> {
            borsh::to_vec(message).map(Into::into)
        }
    })+ };
}

codec!(
    Part,
    SignedConsensusMsg<Chain>,
    LivenessMsg<Chain>,
    StreamMessage<Part>,
    ProposedValue<Chain>,
    PolkaCertificate<Chain>,
    sync::Request<Chain>,
    sync::Status<Chain>,
);

impl Codec<ValidatorProof<Chain>> for Borsh {
    type Error = io::Error;

    fn decode(&self, bytes: Bytes) -> io::Result<ValidatorProof<Chain>> {
        let (key, peer, signature): (Vec<u8>, Vec<u8>, Signature) = borsh::from_slice(&bytes)?;
        Ok(ValidatorProof::new(key, peer, signature))
    }

    fn encode(&self, proof: &ValidatorProof<Chain>) -> io::Result<Bytes> {
        borsh::to_vec(&(&proof.public_key, &proof.peer_id, &proof.signature)).map(Into::into)
    }
}

/// A certificate of Malachite as the ledger keeps it: signatures ascending by validator. `None` if its round is none.
pub fn to_ledger(certificate: &CommitCertificate<Chain>) -> Option<Certificate> {
    let mut signatures: Vec<_> =
        certificate.commit_signatures.iter().map(|s| (s.address.0, countersign_messages::Signature(s.signature.0))).collect();
    signatures.sort_by_key(|s| s.0);
    Some(Certificate { height: certificate.height.into(), round: certificate.round.as_u32()?, block: certificate.value_id.0, signatures })
}

/// A certificate of the ledger as Malachite wants it.
pub fn to_malachite(certificate: &Certificate) -> CommitCertificate<Chain> {
    let signature =
        |(member, signature): &(_, countersign_messages::Signature)| CommitSignature::new(Address(*member), Signature(signature.0));
    CommitCertificate {
        height: Height::from(certificate.height),
        round: Round::new(certificate.round),
        value_id: BlockId(certificate.block),
        commit_signatures: certificate.signatures.iter().map(signature).collect(),
    }
}

/// The same, as it travels when blocks are synchronised.
pub fn to_sync(certificate: &Certificate) -> ExtendedCommitCertificate<Chain> {
    ExtendedCommitCertificate::from_commit_certificate_and_extensions(to_malachite(certificate), malachite::VoteExtensions::default())
}

/// Decided blocks in answer to a request: each as stored, with its certificate.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockRun {
    /// Height of the first.
    pub first: countersign_messages::Height,
    /// Blocks without gaps: each with its certificate, both as encoded.
    pub blocks: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Wire for BlockRun {
    const WHAT: &'static str = "run of blocks";
    /// Bytes of a response: one largest block and its certificate always fit.
    const BYTES_MAX: usize = 32 << 20;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        Ok(())
    }
}

impl Codec<sync::Response<Chain>> for Borsh {
    type Error = io::Error;

    fn decode(&self, bytes: Bytes) -> io::Result<sync::Response<Chain>> {
        let run = BlockRun::decode(&bytes).map_err(io::Error::other)?;
        let value = |(block, certificate): (Vec<u8>, Vec<u8>)| {
            let certificate = Certificate::decode(&certificate).map_err(io::Error::other)?;
            // the engine checks the certificate, and then has the bytes executed without looking whether they are what was certified
            if Block::decode(&block).map_err(io::Error::other)?.header.id() != certificate.block {
                return Err(io::Error::other("a block under another block's certificate"));
            }
            Ok(sync::RawDecidedValue::new(block.into(), to_sync(&certificate)))
        };
        let values = run.blocks.into_iter().map(value).collect::<io::Result<_>>()?;
        Ok(sync::Response::ValueResponse(sync::ValueResponse::new(run.first.into(), values)))
    }

    fn encode(&self, response: &sync::Response<Chain>) -> io::Result<Bytes> {
        let sync::Response::ValueResponse(response) = response;
        let round = || io::Error::other("a certificate without a round");
        let block = |v: &sync::RawDecidedValue<Chain>| {
            let certificate = to_ledger(&v.certificate.clone().trim_vote_extensions()).ok_or_else(round)?;
            Ok((v.value_bytes.to_vec(), certificate.encode()))
        };
        let blocks = response.values.iter().map(block).collect::<io::Result<_>>()?;
        Ok(BlockRun { first: response.start_height.into(), blocks }.encode().into())
    }
}

impl HasEncodedLen<sync::Response<Chain>> for Borsh {
    fn encoded_len(&self, response: &sync::Response<Chain>) -> io::Result<usize> {
        let sync::Response::ValueResponse(response) = response;
        let length =
            |v: &sync::RawDecidedValue<Chain>| 4 + v.value_bytes.len() + 4 + 8 + 4 + 32 + 4 + v.certificate.commit_signatures.len() * 96;
        Ok(8 + 4 + response.values.iter().map(length).sum::<usize>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_circuits::hash::Digest32;
    use countersign_messages::{BlockTime, Header, Height as LedgerHeight, NetworkId};

    fn block(text: &[u8]) -> Block {
        let digest = Digest32::of(text);
        let header = Header {
            network: NetworkId(digest),
            height: LedgerHeight(7),
            time: BlockTime(1),
            previous: countersign_messages::BlockId(digest),
            transactions_root: digest,
            results_root: digest,
            state_digest: digest,
            validators: digest,
        };
        Block { header, transactions: Vec::new() }
    }

    fn answer(block: Vec<u8>, certified: &Block) -> io::Result<sync::Response<Chain>> {
        let certificate =
            Certificate { height: certified.header.height, round: 0, block: certified.header.id(), signatures: Vec::new() }.encode();
        Borsh.decode(BlockRun { first: LedgerHeight(7), blocks: vec![(block, certificate)] }.encode().into())
    }

    #[test]
    fn what_is_synchronised_is_the_block_that_was_certified() {
        let (decided, other) = (block(b"decided"), block(b"another"));
        assert!(answer(decided.encode(), &decided).is_ok());
        assert!(answer(other.encode(), &decided).is_err());
        assert!(answer(b"no block".to_vec(), &decided).is_err());
    }
}
