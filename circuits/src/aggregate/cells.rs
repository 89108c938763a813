//! S2.8, the sealed cells: what the study team opens, and the digest the ledger holds.

use super::{AggregateSize, Release, Withheld, pack_bits};
use crate::{
    field::Fr,
    poseidon::{Poseidon, Sponge},
};
use ark_ff::Field;
use ark_serialize::CanonicalDeserialize;
use borsh::{BorshDeserialize, BorshSerialize};

/// Bits of a released cell: sums of squares of levels below 2^20 over 2^22 rows.
pub(super) const CELL_BITS: u32 = 62;
/// Cells packed into one field element.
pub(super) const CELLS_PACKED: usize = 4;

/// The released cells of an answer with what opens their digest. It goes encrypted to the study team and its board.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CellsOpening {
    /// Salt of the digest, canonical bytes of a field element.
    pub result_salt: [u8; 32],
    /// Released values of the statement's cells, zero where nothing is released; padding left out.
    pub values: Vec<u64>,
    /// For each cell of the circuit: do all gates of its block pass?
    pub flags: Vec<bool>,
    /// For each cell of the circuit: withheld, at the first cells of blocks.
    pub withheld: Vec<Withheld>,
}

impl std::fmt::Debug for CellsOpening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CellsOpening({} cells, redacted)", self.values.len())
    }
}

/// Why an opening does not open a digest. Whoever sent it is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// Wrong lengths, a value of more than 62 bits, or a salt that is not canonical.
    #[error("the opening of the sealed cells is malformed")]
    Malformed,
    /// The opening belongs to another answer.
    #[error("the sealed cells do not match the digest on the ledger")]
    Digest,
}

impl CellsOpening {
    /// Checks the opening of a statement's `count` cells against the digest an answer put on the ledger.
    ///
    /// # Errors
    /// [`OpeningError`].
    pub fn check(&self, size: AggregateSize, count: usize, digest: &Fr) -> Result<(), OpeningError> {
        let cells = size.cells();
        let sized = self.values.len() == count && count <= cells && self.flags.len() == cells && self.withheld.len() == cells;
        if !sized || self.values.iter().any(|v| v >> CELL_BITS != 0) {
            return Err(OpeningError::Malformed);
        }
        let salt = Fr::deserialize_compressed(&self.result_salt[..]).map_err(|_| OpeningError::Malformed)?;
        let mut values: Vec<Fr> = self.values.iter().map(|v| Fr::from(*v)).collect();
        values.resize(cells, Fr::from(0u64));
        if cells_digest(size, salt, &values, &self.flags, &self.withheld) == *digest { Ok(()) } else { Err(OpeningError::Digest) }
    }
}

/// Poseidon over the result salt, the released cells (four to an element: they are proved true moments, so below 2^62), flags and reasons.
pub(super) fn cells_digest(size: AggregateSize, result_salt: Fr, released: &[Fr], flags: &[bool], withheld: &[Withheld]) -> Fr {
    let mut sponge = Sponge::new(Poseidon::width_17(), size.tag(2));
    sponge.absorb(&[result_salt]);
    let shift = Fr::from(2u64).pow([u64::from(CELL_BITS)]);
    let packed: Vec<Fr> = released.chunks(CELLS_PACKED).map(|c| c.iter().rev().fold(Fr::from(0u64), |acc, x| acc * shift + x)).collect();
    sponge.absorb(&packed);
    sponge.absorb(&pack_bits(flags));
    sponge.absorb(&pack_withheld(size, withheld));
    sponge.squeeze()
}

/// S2.8: the digest of an outcome.
pub fn sealed_digest(size: AggregateSize, result_salt: Fr, outcome: &Release, withheld: &[Withheld]) -> Fr {
    cells_digest(size, result_salt, &outcome.released, &outcome.flags, withheld)
}

pub(super) fn withheld_bits(size: AggregateSize, withheld: &[Withheld]) -> Vec<bool> {
    let padded = || (0..size.cells()).map(|i| withheld.get(i).copied().unwrap_or_default().bits());
    padded().map(|b| b[0]).chain(padded().map(|b| b[1])).collect()
}

pub(super) fn pack_withheld(size: AggregateSize, withheld: &[Withheld]) -> Vec<Fr> {
    pack_bits(&withheld_bits(size, withheld))
}
