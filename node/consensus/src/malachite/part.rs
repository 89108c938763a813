//! A block on its way: an opening that the proposer signs, then pieces of the block's bytes.
//!
//! The opening names the block, the number of bytes and their hash. Pieces are not signed one by one: they are bounded by what the
//! opening announced and checked against its hash when the last has come.

use super::{
    context::{Address, BlockId, Chain, Height},
    signing::{Keys, Signature, signed_by},
};
use arc_malachitebft_core_types as malachite;
use arc_malachitebft_core_types::Round;
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{hash::Digest32, tag};
use countersign_messages::{Block, NetworkId, Wire};

/// Bytes of a block in one piece: small enough that pieces of several blocks take turns on a connection.
pub const PIECE_BYTES_MAX: usize = 256 << 10;

/// What the proposer signs about a block it proposes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Opening {
    /// For this height.
    pub height: Height,
    /// In this round.
    pub round: Round,
    /// The round in which a quorum prevoted for it, if it is proposed again.
    pub pol_round: Round,
    /// The proposer.
    pub proposer: Address,
    /// The block.
    pub block: BlockId,
    /// Bytes of the block.
    pub bytes: u32,
    /// Hash of the bytes.
    pub hash: Digest32,
    /// The proposer's signature over all of the above.
    pub signature: Signature,
}

/// One part of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Part {
    /// Comes first.
    Opening(Box<Opening>),
    /// The next bytes of the block.
    Piece(Vec<u8>),
}

impl malachite::ProposalPart<Chain> for Part {
    fn is_first(&self) -> bool {
        matches!(self, Self::Opening(_))
    }

    /// The engine ends a proposal with the end of its stream, not with a part.
    fn is_last(&self) -> bool {
        false
    }
}

impl Opening {
    fn message(&self, network: &NetworkId) -> Digest32 {
        let head = borsh::to_vec(&(network, self.height, self.round, self.pol_round, self.proposer, self.block, self.bytes, self.hash));
        Digest32::tagged(tag::PROPOSAL_OPENING, [head.expect("writing to memory does not fail").as_slice()])
    }

    /// Makes and signs the opening of a block's bytes.
    pub fn sign(keys: &Keys, place: (Height, Round, Round), block: BlockId, bytes: &[u8]) -> Self {
        let (height, round, pol_round) = place;
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut opening = Self {
            height,
            round,
            pol_round,
            proposer: keys.address(),
            block,
            bytes: length,
            hash: Digest32::of(bytes),
            signature: Signature([0; 64]),
        };
        opening.signature = keys.sign(&opening.message(keys.network()));
        opening
    }

    /// True if the proposer named signed it.
    pub fn is_signed(&self, network: &NetworkId) -> bool {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&self.proposer.0.0);
        key.is_ok_and(|key| signed_by(&key, &self.message(network), &self.signature))
    }
}

/// Cuts a block into the parts of a proposal.
pub fn parts(opening: Opening, bytes: &[u8]) -> Vec<Part> {
    let pieces = bytes.chunks(PIECE_BYTES_MAX).map(|piece| Part::Piece(piece.to_vec()));
    std::iter::once(Part::Opening(Box::new(opening))).chain(pieces).collect()
}

/// In which way parts are not the parts of a block. Whoever sent them is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// A piece without an opening, or two openings.
    #[error("a proposal has one opening, which comes first")]
    Order,
    /// The opening is not signed by the proposer it names.
    #[error("the opening of a proposal is not signed by the proposer it names")]
    Signature,
    /// Sent by another than the proposer: nobody passes proposals on.
    #[error("a proposal was sent by another than its proposer")]
    Sender,
    /// Announced or sent more than a block may have, or than was announced.
    #[error("a proposal has more bytes than announced, or than a block may have")]
    TooLong,
    /// Ended early, or the bytes are others.
    #[error("the bytes of a proposal are not those its opening names")]
    Bytes,
}

/// A proposal whose parts are coming in, in order.
#[derive(Debug)]
pub struct Assembly {
    opening: Opening,
    bytes: Vec<u8>,
}

impl Assembly {
    /// Starts with an opening.
    ///
    /// # Errors
    /// The first part is no opening, is not signed, or announces too much.
    pub fn start(network: &NetworkId, part: Part) -> Result<Self, PartError> {
        let Part::Opening(opening) = part else { return Err(PartError::Order) };
        if opening.bytes as usize > Block::BYTES_MAX {
            return Err(PartError::TooLong);
        }
        if !opening.is_signed(network) {
            return Err(PartError::Signature);
        }
        // grows with what comes, not with what is announced
        Ok(Self { opening: *opening, bytes: Vec::new() })
    }

    /// What the proposer signed.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Adds the next piece.
    ///
    /// # Errors
    /// It is another opening, empty, too long, or goes beyond what was announced.
    pub fn add(&mut self, part: Part) -> Result<(), PartError> {
        let Part::Piece(piece) = part else { return Err(PartError::Order) };
        if piece.is_empty() || piece.len() > PIECE_BYTES_MAX || self.bytes.len() + piece.len() > self.opening.bytes as usize {
            return Err(PartError::TooLong);
        }
        self.bytes.extend_from_slice(&piece);
        Ok(())
    }

    /// The opening and the block's bytes, once all have come.
    ///
    /// # Errors
    /// Some are missing, or they are others.
    pub fn finish(self) -> Result<(Opening, Vec<u8>), PartError> {
        if self.bytes.len() != self.opening.bytes as usize || Digest32::of(&self.bytes) != self.opening.hash {
            return Err(PartError::Bytes);
        }
        Ok((self.opening, self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;

    fn network() -> NetworkId {
        NetworkId(Digest32::of(b"network"))
    }

    fn proposal(bytes: &[u8]) -> Vec<Part> {
        let keys = Keys::new(network(), SigningKey::from_bytes(&[1; 32]));
        let block = BlockId(countersign_messages::BlockId(Digest32::of(b"block")));
        parts(Opening::sign(&keys, (Height(2), Round::new(0), Round::Nil), block, bytes), bytes)
    }

    fn assemble(parts: Vec<Part>) -> Result<Vec<u8>, PartError> {
        let mut parts = parts.into_iter();
        let mut assembly = Assembly::start(&network(), parts.next().ok_or(PartError::Order)?)?;
        parts.try_for_each(|p| assembly.add(p))?;
        Ok(assembly.finish()?.1)
    }

    #[test]
    fn blocks_come_back_whole() {
        for length in [0, 1, PIECE_BYTES_MAX - 1, PIECE_BYTES_MAX, PIECE_BYTES_MAX + 1, 3 * PIECE_BYTES_MAX] {
            let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let parts = proposal(&bytes);
            assert_eq!(parts.len(), 1 + length.div_ceil(PIECE_BYTES_MAX));
            assert_eq!(assemble(parts), Ok(bytes));
        }
    }

    #[test]
    fn other_parts_are_refused() {
        let good = proposal(&vec![7; 2 * PIECE_BYTES_MAX]);
        let with = |change: &dyn Fn(&mut Vec<Part>)| {
            let mut parts = good.clone();
            change(&mut parts);
            assemble(parts).unwrap_err()
        };
        assert_eq!(with(&|p| drop(p.remove(0))), PartError::Order);
        assert_eq!(with(&|p| p[1] = p[0].clone()), PartError::Order);
        assert_eq!(with(&|p| drop(p.pop())), PartError::Bytes);
        assert_eq!(with(&|p| p.push(Part::Piece(vec![7]))), PartError::TooLong);
        assert_eq!(with(&|p| p[1] = Part::Piece(vec![])), PartError::TooLong);
        assert_eq!(with(&|p| p[1] = Part::Piece(vec![7; PIECE_BYTES_MAX + 1])), PartError::TooLong);
        assert_eq!(with(&|p| p[2] = Part::Piece(vec![8; PIECE_BYTES_MAX])), PartError::Bytes);
        let signed = |change: &dyn Fn(&mut Opening)| {
            with(&|p| {
                let Part::Opening(o) = &mut p[0] else { unreachable!("the first part is the opening") };
                change(o);
            })
        };
        assert_eq!(signed(&|o| o.round = Round::new(1)), PartError::Signature);
        assert_eq!(signed(&|o| o.bytes += 1), PartError::Signature);
        assert_eq!(signed(&|o| o.bytes = u32::MAX), PartError::TooLong);
        assert_eq!(signed(&|o| o.proposer.0.0 = [2; 32]), PartError::Signature);
    }
}
