//! S1, segment validity: "every entry of the anchored matrices is 0 or 1" (clause S1.1), tied to the commitments by a masked opening (S1.3).
//!
//! Together with the native point equalities of clause S1.2 (the bins of every block add up to the occupancy row) it follows that every
//! occupied slot has exactly one bin of every attribute and every empty slot none.
//!
//! Zero-check: `sum over x of eq(tau, x) O(x) (O(x) - 1) = 0`, with tau drawn after the commitments; degree 3 in every variable. The
//! variables of x are, lowest first, the slot (11), the row, the segment of the stack, and padding up to 30.
//!
//! | input | type | public or witness |
//! |---|---|---|
//! | c_m | last squeeze of the salted transcript | public input 1 |
//! | chi | drawn outside after c_m and D | public input 2 |
//! | w | masked evaluation | public input 3 |
//! | y | fingerprint at chi of digest, eq(tau, r), r | public input 4 |
//! | salt, messages, e, m, s | see [`ValidityPrivate`] | witness |
//!
//! eq(tau, r) is computed natively by the verifier. It is absorbed before c_m: left out it would be a free value that a
//! cheating prover solves for after chi (test `rejects_s1_1_eq_chosen_after_chi`).

mod check;
#[cfg(feature = "constraints")]
mod circuit;
#[cfg(test)]
mod tests;

pub use check::{ValidityViolation, check_occupancy, check_validity, weighted_rows};
#[cfg(feature = "constraints")]
pub use circuit::ValidityCircuit;

use crate::{
    aggregate::CIRCUIT_VERSION,
    dictionary::SegmentLayout,
    field::Fr,
    fingerprint::fingerprint,
    hash::Digest32,
    outer::{OuterTranscript, digest_to_field},
    poseidon::{Poseidon, Sponge},
    segment::{SLOT_VARIABLES, Segment, TableContext},
    tag,
};
use ark_ff::{One, Zero};
use zeroize::Zeroize;

/// Rounds of the zero-check: entries of one stack are numbered with 30 bits.
pub const VALIDITY_ROUNDS: usize = 30;
/// Degree of a round.
pub const VALIDITY_DEGREE: usize = 3;

/// Shape of a stack: how entries are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackShape {
    /// Rows of a segment, occupancy included.
    pub rows: usize,
    /// Segments.
    pub segments: usize,
}

impl StackShape {
    /// The shape of a stack of segments of one layout, if one proof carries it.
    pub fn new(layout: &SegmentLayout, segments: usize) -> Option<Self> {
        let shape = Self { rows: layout.rows(), segments };
        (segments > 0 && shape.row_variables() + shape.segment_variables() + SLOT_VARIABLES <= VALIDITY_ROUNDS).then_some(shape)
    }

    /// Most segments of a layout that one proof carries.
    pub fn segments_max(layout: &SegmentLayout) -> usize {
        let rows = Self { rows: layout.rows(), segments: 1 }.row_variables();
        1 << (VALIDITY_ROUNDS - SLOT_VARIABLES - rows)
    }

    /// Variables of the row.
    pub fn row_variables(self) -> usize {
        self.rows.next_power_of_two().trailing_zeros() as usize
    }

    /// Variables of the segment.
    pub fn segment_variables(self) -> usize {
        self.segments.next_power_of_two().trailing_zeros() as usize
    }

    /// `eq(r, (k, j))` of every row k of every segment j, row-major in j; padding variables are zero.
    pub fn row_weights(self, r: &[Fr]) -> Vec<Vec<Fr>> {
        let (rows, rest) = r[SLOT_VARIABLES..].split_at(self.row_variables());
        let rows = crate::commitment::eq_prefix(rows, self.rows);
        crate::commitment::eq_prefix(rest, self.segments).iter().map(|j| rows.iter().map(|k| *k * j).collect()).collect()
    }
}

/// A stack of segments of one table to prove or verify.
#[derive(Debug, Clone, Copy)]
pub struct SegmentsInstance<'a> {
    /// Network, hospital, table.
    pub context: TableContext,
    /// The table's layout.
    pub layout: &'a SegmentLayout,
    /// The segments, in order.
    pub segments: &'a [Segment],
}

/// The digest S1 starts from: context, and every segment's place and commitments in order.
///
/// # Panics
/// Never: writing to memory does not fail.
pub fn stack_digest(context: &TableContext, segments: &[Segment]) -> Digest32 {
    let digests: Vec<Digest32> = segments.iter().map(Segment::digest).collect();
    let bytes = borsh::to_vec(&(CIRCUIT_VERSION, context, digests)).expect("writing to memory does not fail");
    Digest32::tagged(tag::S1_STATEMENT, [bytes.as_slice()])
}

/// S1.1: the zero-check's point, drawn after the commitments, and the transcript that goes on from it.
pub fn start_outer(digest: &Digest32) -> (OuterTranscript, Vec<Fr>) {
    let mut outer = OuterTranscript::new(tag::S1_OUTER);
    outer.absorb("statement", &digest.0);
    let tau = (0..VALIDITY_ROUNDS).map(|_| outer.challenge("tau")).collect();
    (outer, tau)
}

/// eq(tau, r).
pub fn eq_point(tau: &[Fr], r: &[Fr]) -> Fr {
    tau.iter().zip(r).map(|(t, x)| *t * x + (Fr::one() - t) * (Fr::one() - x)).product()
}

/// What the verifier knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidityPublic {
    /// [`stack_digest`] as a field element.
    pub digest: Fr,
    /// eq(tau, r).
    pub eq: Fr,
    /// Round challenges.
    pub r: Vec<Fr>,
    /// Binding of the evaluation.
    pub c_m: Fr,
    /// Opening challenge.
    pub chi: Fr,
    /// Masked evaluation.
    pub w: Fr,
}

impl ValidityPublic {
    /// The fingerprinted values in their fixed order.
    pub fn values(&self) -> Vec<Fr> {
        [self.digest, self.eq].into_iter().chain(self.r.iter().copied()).collect()
    }

    /// The four public inputs: c_m, chi, w, y.
    pub fn inputs(&self) -> [Fr; 4] {
        [self.c_m, self.chi, self.w, fingerprint(self.chi, &self.values())]
    }

    /// The statement's digest as the circuit's field element.
    pub fn digest_field(digest: &Digest32) -> Fr {
        digest_to_field(digest)
    }
}

/// What only the prover knows.
#[derive(Clone)]
pub struct ValidityPrivate {
    /// Fresh for every attempt.
    pub salt: Fr,
    /// Round messages `c_0, c_2, c_3`.
    pub messages: Vec<Vec<Fr>>,
    /// O~(r).
    pub e: Fr,
    /// Mask of the opening.
    pub m: Fr,
    /// Blinder of c_m.
    pub s: Fr,
}

impl Drop for ValidityPrivate {
    fn drop(&mut self) {
        [&mut self.salt, &mut self.e, &mut self.m, &mut self.s].into_iter().for_each(Zeroize::zeroize);
        self.messages.zeroize();
    }
}

impl std::fmt::Debug for ValidityPrivate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ValidityPrivate(redacted)")
    }
}

impl ValidityPrivate {
    /// A witness of the right shape for key generation.
    pub fn blank() -> Self {
        let z = Fr::zero();
        Self { salt: z, messages: vec![vec![z; VALIDITY_DEGREE]; VALIDITY_ROUNDS], e: z, m: z, s: z }
    }
}

/// The salted transcript, natively.
#[derive(Debug)]
pub struct ValidityTranscript(Sponge);

impl ValidityTranscript {
    fn tag() -> Fr {
        Fr::from(u128::from(0x4353_4731_u64) << 64 | u128::from(CIRCUIT_VERSION))
    }

    /// Absorbs the digest and the salt, before round 1.
    pub fn start(digest: Fr, salt: Fr) -> Self {
        let mut sponge = Sponge::new(Poseidon::width_4(), Self::tag());
        sponge.absorb(&[digest, salt]);
        Self(sponge)
    }

    /// Absorbs a round message and draws its challenge.
    pub fn round(&mut self, message: &[Fr]) -> Fr {
        self.0.absorb(message);
        self.0.squeeze()
    }

    /// Absorbs eq(tau, r), the evaluation, the mask and the blinder; the last squeeze is c_m.
    pub fn finish(mut self, eq: Fr, e: Fr, m: Fr, s: Fr) -> Fr {
        self.0.absorb(&[eq, e, m, s]);
        self.0.squeeze()
    }
}
