//! S2, the aggregate statement: "this sealed table is the grouped moment table over every row of the anchored segments whose
//! consent is valid and which satisfies the filter, and the release rule was applied to it as published."
//!
//! The rows are done by a product sumcheck outside; this circuit is that sumcheck's verifier, the release rule and the binding of both to
//! the commitments. Its size does not depend on the number of rows.
//!
//! | input | type | public or witness |
//! |---|---|---|
//! | c_m | field element, last squeeze of the salted transcript | public input 1 |
//! | chi | field element, drawn outside after c_m and D | public input 2 |
//! | w | field element, masked evaluation | public input 3 |
//! | y | field element, fingerprint at chi of [`AggregatePublic::values`] | public input 4 |
//! | digest, k_min, kinds, gamma, r, cells digest, gate counts | see [`AggregatePublic`] | witness, bound by c_m and y |
//! | salt, cells, withheld, messages, e, m, s, result salt | see [`AggregatePrivate`] | witness |
//!
//! Constraints for n cells, with P = 612 for a permutation of width 17: bits of kinds and reasons 7n, release 55n - 3, transcripts
//! `P (ceil((1 + n/4 + 3n/128) / 16) + ceil((4 + n + 7n/128) / 16) + 22 + 3) - 6`, squeezes 25, claim n - 1, rounds 22 * 16, final claim 45,
//! w 46, y 30 + 5n/128, equalities 4 (test `constraint_count_is_the_formula_and_fits_the_domains`): 31,205 for 128 cells. Not checked here: that the columns are what the ledger holds (the masked
//! opening does that, S2.9 and S2.10) and that bins are one-hot (S1).
//!
//! Clauses, as in docs/protocol/s2-aggregate.md:
//! S2.1 transcript, S2.2 claim, S2.3 rounds, S2.4 final claim, S2.5 c_m, S2.6 w, S2.7 release, S2.8 cells digest.

mod cells;
mod check;
#[cfg(feature = "constraints")]
mod circuit;
mod release;
#[cfg(test)]
mod tests;

pub use cells::{CellsOpening, OpeningError, sealed_digest};
pub use check::{Violation, check_aggregate, claim, row_polynomial};
#[cfg(feature = "constraints")]
pub use circuit::AggregateCircuit;
pub use release::{COUNT_BITS, GateCounts, Release, Withheld, release};

use crate::{
    field::Fr,
    fingerprint::fingerprint,
    poseidon::{Poseidon, Sponge},
    segment::TABLE_VARIABLES,
    statement::{CellKind, DEGREE_MAX, columns},
};
use ark_ff::Zero;
use zeroize::Zeroize;

/// Version of both circuits and of everything they bind. There is no default: it is part of every digest.
pub const CIRCUIT_VERSION: u32 = 1;
/// Rounds of the sumcheck.
pub const ROUNDS: usize = TABLE_VARIABLES;

/// The two sizes of the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AggregateSize {
    /// 128 cells, inside 2^15 constraints.
    Cells128,
    /// 256 cells, inside 2^16.
    Cells256,
}

impl AggregateSize {
    /// Both sizes.
    pub const ALL: [Self; 2] = [Self::Cells128, Self::Cells256];

    /// The smallest size that carries so many cells.
    pub fn for_cells(cells: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|size| cells <= size.cells())
    }

    /// Cells carried.
    pub const fn cells(self) -> usize {
        match self {
            Self::Cells128 => 128,
            Self::Cells256 => 256,
        }
    }

    /// Domain tag: "CSG2", circuit version, cells.
    fn tag(self, purpose: u64) -> Fr {
        Fr::from(u128::from(0x4353_4732_u64) << 64 | u128::from(CIRCUIT_VERSION) << 32 | u128::from(purpose) << 16 | self.cells() as u128)
    }
}

/// What the verifier knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregatePublic {
    /// The statement digest as a field element.
    pub digest: Fr,
    /// Least count of a gate, 1 to 2^22 - 1.
    pub k_min: u32,
    /// Kinds of the statement's cells; padding is added.
    pub kinds: Vec<CellKind>,
    /// Cell challenge.
    pub gamma: Fr,
    /// Round challenges.
    pub r: Vec<Fr>,
    /// Digest of the released cells.
    pub cells_digest: Fr,
    /// Gates by outcome.
    pub counts: GateCounts,
    /// Binding of the evaluations.
    pub c_m: Fr,
    /// Opening challenge.
    pub chi: Fr,
    /// Masked evaluation.
    pub w: Fr,
}

impl AggregatePublic {
    /// The fingerprinted values in their fixed order: digest, k_min, packed kinds, gamma, r, cells digest, gate counts.
    pub fn values(&self, size: AggregateSize) -> Vec<Fr> {
        let mut values = vec![self.digest, Fr::from(self.k_min)];
        values.extend(pack_kinds(size, &self.kinds));
        values.push(self.gamma);
        values.extend(&self.r);
        values.push(self.cells_digest);
        values.extend(self.counts.list().map(Fr::from));
        values
    }

    /// The four public inputs of the proof: c_m, chi, w, y.
    pub fn inputs(&self, size: AggregateSize) -> [Fr; 4] {
        [self.c_m, self.chi, self.w, fingerprint(self.chi, &self.values(size))]
    }
}

/// What only the prover knows.
#[derive(Clone)]
pub struct AggregatePrivate {
    /// Fresh for every attempt: without it anyone could test guesses about rows against the public challenges.
    pub salt: Fr,
    /// The moment table, padded with zeros.
    pub cells: Vec<Fr>,
    /// Withheld blocks, at their first cells.
    pub withheld: Vec<Withheld>,
    /// Round messages `c_0, c_2, .., c_16`.
    pub messages: Vec<Vec<Fr>>,
    /// Column evaluations at r.
    pub e: Vec<Fr>,
    /// Mask of the opening.
    pub m: Fr,
    /// Blinder of c_m.
    pub s: Fr,
    /// Salt of the cells digest.
    pub result_salt: Fr,
}

impl Drop for AggregatePrivate {
    fn drop(&mut self) {
        [&mut self.salt, &mut self.m, &mut self.s, &mut self.result_salt].into_iter().for_each(Zeroize::zeroize);
        self.cells.zeroize();
        self.messages.zeroize();
        self.e.zeroize();
        self.withheld.fill(Withheld::No);
    }
}

impl std::fmt::Debug for AggregatePrivate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AggregatePrivate(redacted)")
    }
}

impl AggregatePrivate {
    /// A witness of the right shape for key generation.
    pub fn blank(size: AggregateSize) -> Self {
        let z = Fr::zero();
        Self {
            salt: z,
            cells: vec![z; size.cells()],
            withheld: vec![Withheld::No; size.cells()],
            messages: vec![vec![z; DEGREE_MAX]; ROUNDS],
            e: vec![z; columns::COUNT],
            m: z,
            s: z,
            result_salt: z,
        }
    }
}

/// The salted transcript, natively (S2.1, S2.3, S2.5).
#[derive(Debug)]
pub struct AggregateTranscript(Sponge);

impl AggregateTranscript {
    /// S2.1: absorbs the statement, the salt, the rule, the sealed cells and the table; draws gamma.
    pub fn start(
        size: AggregateSize,
        digest: Fr,
        k_min: u32,
        kinds: &[CellKind],
        cells_digest: Fr,
        private: &AggregatePrivate,
    ) -> (Self, Fr) {
        let mut sponge = Sponge::new(Poseidon::width_17(), size.tag(1));
        sponge.absorb(&[digest, private.salt, Fr::from(k_min)]);
        sponge.absorb(&pack_kinds(size, kinds));
        sponge.absorb(&cells::pack_withheld(size, &private.withheld));
        sponge.absorb(&[cells_digest]);
        sponge.absorb(&private.cells);
        let gamma = sponge.squeeze();
        (Self(sponge), gamma)
    }

    /// S2.3: absorbs a round message and draws its challenge.
    pub fn round(&mut self, message: &[Fr]) -> Fr {
        self.0.absorb(message);
        self.0.squeeze()
    }

    /// S2.5: absorbs the evaluations, the mask and the blinder; the last squeeze is c_m.
    pub fn finish(mut self, e: &[Fr], m: Fr, s: Fr) -> Fr {
        self.0.absorb(e);
        self.0.absorb(&[m, s]);
        self.0.squeeze()
    }
}

/// Bits packed by 128.
fn pack_bits(bits: &[bool]) -> Vec<Fr> {
    bits.chunks(128).map(|chunk| Fr::from(chunk.iter().rev().fold(0u128, |acc, b| acc << 1 | u128::from(*b)))).collect()
}

/// The five kind bits of every cell, bit-major, padded.
fn kind_bits(size: AggregateSize, kinds: &[CellKind]) -> Vec<bool> {
    let padded = || (0..size.cells()).map(|i| kinds.get(i).copied().unwrap_or_default());
    let fields: [fn(CellKind) -> bool; 5] = [|k| k.group_start, |k| k.block_start, |k| k.gate, |k| k.zero_ok, |k| k.show];
    fields.iter().flat_map(|field| padded().map(field)).collect()
}

fn pack_kinds(size: AggregateSize, kinds: &[CellKind]) -> Vec<Fr> {
    pack_bits(&kind_bits(size, kinds))
}
