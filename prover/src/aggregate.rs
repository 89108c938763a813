//! The prover of S2: from a statement and the rows to an answer.
//!
//! The steps are separate so that each can be timed, and so that the test suite's cheating provers can deviate at any of them:
//! [`moment_table`], [`Draft::start`] (S2.1), [`Draft::run_rounds`] (S2.3), [`Draft::bind`] (S2.5), [`Draft::finish`].

mod table;

pub use table::{GateRows, gate_rows, moment_table};

use crate::{
    commitment::Blinders,
    entropy::Hedge,
    groth16::{self, Groth16Error},
    keys::CircuitKey,
    opening::Mask,
    sumcheck::{ProductSumcheck, RowView},
};
use ark_ff::{UniformRand, Zero};
use countersign_circuits::{
    aggregate::{
        AggregateCircuit, AggregatePrivate, AggregatePublic, AggregateSize, AggregateTranscript, CellsOpening, ROUNDS, Violation, Withheld,
        check_aggregate, release, sealed_digest,
    },
    commitment::{eq_prefix, eq_table},
    context::AggregateInstance,
    dictionary::SegmentLayout,
    field::Fr,
    keys::CircuitName,
    outer::{OuterTranscript, scalar_bytes},
    proof::AggregateProof,
    segment::{EMPTY, SLOT_VARIABLES, SLOTS, SlotCodes},
    statement::{FoldedForm, LITERALS_MAX, columns},
    tag,
};
use rand::{CryptoRng, RngCore};
use rayon::prelude::*;
use zeroize::Zeroizing;

/// The hospital's side of an instance.
#[derive(Debug, Clone, Copy)]
pub struct AggregateWitness<'a> {
    /// Layout of the data segments.
    pub data_layout: &'a SegmentLayout,
    /// Bins of every data slot.
    pub data: &'a SlotCodes,
    /// Blinders of every data segment.
    pub data_blinders: &'a [Blinders],
    /// Layout of the consent segments.
    pub consent_layout: &'a SegmentLayout,
    /// Bins of every consent slot.
    pub consent: &'a SlotCodes,
    /// Blinders of every consent segment.
    pub consent_blinders: &'a [Blinders],
    /// The ledger's active bits.
    pub active: &'a [bool],
}

/// An answer that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// Codes, blinders, segments and active bits do not belong together.
    #[error("the hospital's own table does not have the shape of its anchored segments; import and anchor again")]
    Shape,
    /// More cells than any circuit carries.
    #[error("the statement has {0} cells, more than the circuit of this key carries")]
    Cells(usize),
    /// The native check failed.
    #[error("the answer would not verify: {0}")]
    Violation(#[from] Violation),
    /// Groth16 failed.
    #[error(transparent)]
    Groth16(#[from] Groth16Error),
}

/// An answer: the proof for the ledger, and what opens its sealed cells for the study team.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The proof.
    pub proof: AggregateProof,
    /// The opening of the sealed cells.
    pub opening: CellsOpening,
}

/// Answers a statement: computes the table, applies the rule, proves.
///
/// # Errors
/// [`ProveError`].
pub fn prove_aggregate(
    key: &CircuitKey,
    instance: &AggregateInstance<'_>,
    witness: &AggregateWitness<'_>,
    cells: &[u64],
    withheld: &[Withheld],
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Answer, ProveError> {
    let CircuitName::Aggregate(size) = key.name() else { return Err(ProveError::Cells(cells.len())) };
    if !witness.fits(instance) {
        return Err(ProveError::Shape);
    }
    let mut draft = Draft::start(size, instance, witness, cells, withheld, rng)?;
    draft.run_rounds(instance, witness);
    draft.bind(rng);
    draft.check()?;
    draft.finish(key, instance, witness, rng)
}

impl AggregateWitness<'_> {
    fn fits(&self, instance: &AggregateInstance<'_>) -> bool {
        let n = instance.data.len();
        n > 0
            && instance.consent.len() == n
            && instance.active.len() == n
            && self.data.fits(&self.data_layout.blocks)
            && self.consent.fits(&self.consent_layout.blocks)
            && self.data.segments() == n
            && self.consent.segments() == n
            && self.active.len() == n * SLOTS
            && self.data_blinders.len() == n
            && self.consent_blinders.len() == n
            && self.data_blinders.iter().all(|b| b.0.len() == self.data_layout.rows())
            && self.consent_blinders.iter().all(|b| b.0.len() == self.consent_layout.rows())
    }
}

/// An answer in the making.
#[derive(Debug)]
pub struct Draft {
    /// Size of the circuit.
    pub size: AggregateSize,
    /// The verifier's side so far.
    pub public: AggregatePublic,
    /// The prover's side so far.
    pub private: AggregatePrivate,
    transcript: AggregateTranscript,
    hedge: Hedge,
    mask: Option<Mask>,
    outer: Option<OuterTranscript>,
    n_cells: usize,
}

impl Draft {
    /// S2.7, S2.8, S2.1: the rule, the sealed cells, the salted transcript up to gamma.
    ///
    /// # Errors
    /// Too many cells, or the rule cannot be applied.
    pub fn start(
        size: AggregateSize,
        instance: &AggregateInstance<'_>,
        witness: &AggregateWitness<'_>,
        cells: &[u64],
        withheld: &[Withheld],
        os: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, ProveError> {
        if cells.len() > size.cells() || cells.len() != instance.wiring.cells().len() {
            return Err(ProveError::Cells(cells.len()));
        }
        let digest = instance.digest();
        let mut hedge = Hedge::new(os, tag::HEDGE_S2);
        hedge.add(&scalar_bytes(&digest));
        for blinders in witness.data_blinders.iter().chain(witness.consent_blinders) {
            blinders.0.last().into_iter().for_each(|b| hedge.add(&scalar_bytes(b)));
        }
        cells.iter().for_each(|c| hedge.add(&c.to_le_bytes()));
        // with them other bytes are committed to: under the same salts the difference would show
        withheld.iter().for_each(|w| hedge.add(&[*w as u8]));
        let mut rng = hedge.rng("salts");
        let mut private = AggregatePrivate::blank(size);
        private.cells.iter_mut().zip(cells).for_each(|(to, from)| *to = Fr::from(*from));
        private.withheld.iter_mut().zip(withheld).for_each(|(to, from)| *to = *from);
        private.salt = Fr::rand(&mut rng);
        private.result_salt = Fr::rand(&mut rng);
        let kinds: Vec<_> = instance.wiring.cells().iter().map(|c| c.kind).collect();
        let k_min = instance.gate_minimum();
        let outcome = release(k_min, &kinds, &private.cells, &private.withheld)?;
        let cells_digest = sealed_digest(size, private.result_salt, &outcome, &private.withheld);
        let (transcript, gamma) = AggregateTranscript::start(size, digest, k_min, &kinds, cells_digest, &private);
        let z = Fr::zero();
        let public =
            AggregatePublic { digest, k_min, kinds, gamma, r: Vec::new(), cells_digest, counts: outcome.counts, c_m: z, chi: z, w: z };
        Ok(Self { size, public, private, transcript, hedge, mask: None, outer: None, n_cells: cells.len() })
    }

    /// S2.3: the sumcheck over the rows.
    pub fn run_rounds(&mut self, instance: &AggregateInstance<'_>, witness: &AggregateWitness<'_>) {
        let wiring = instance.wiring;
        let rows = RowView::new(wiring, (witness.data_layout, witness.data), (witness.consent_layout, witness.consent), witness.active);
        let fields = crate::sumcheck::field_columns(wiring, witness.data_layout, witness.data, self.public.gamma);
        let mut sumcheck = ProductSumcheck::new(&rows, &fields);
        for message in &mut self.private.messages {
            *message = sumcheck.message();
            let challenge = self.transcript.round(message);
            sumcheck.fold(challenge);
            self.public.r.push(challenge);
        }
        let (bits, values) = sumcheck.finish();
        self.private.e = wiring.columns(self.public.gamma).iter().map(|form| form.one).collect();
        let literal = |c: usize, l: usize| columns::LITERAL + c * LITERALS_MAX + l;
        let scopes = (0..wiring.scopes().len()).map(|s| columns::SCOPE + s);
        let literals = wiring.clauses().iter().enumerate().flat_map(|(c, clause)| (0..clause.len()).map(move |l| literal(c, l)));
        for (slot, e) in std::iter::once(columns::ACTIVE).chain(scopes).chain(literals).zip(bits) {
            self.private.e[slot] = e;
        }
        let (left, right) = wiring.has_terms();
        let fields = (0..wiring.groupings().len()).map(|q| columns::GROUP + q);
        for (slot, e) in fields.chain(left.then_some(columns::LEFT)).chain(right.then_some(columns::RIGHT)).zip(values) {
            self.private.e[slot] = e;
        }
    }

    /// S2.5: draws the mask and the blinder, binds the evaluations in c_m, and draws chi; S2.6: w.
    pub fn bind(&mut self, os: &mut (impl RngCore + CryptoRng)) {
        let mut fresh = [0u8; 32];
        os.fill_bytes(&mut fresh);
        self.hedge.add(&fresh);
        for x in self.private.messages.iter().flatten().chain(&self.private.e).chain(&self.public.r) {
            self.hedge.add(&scalar_bytes(x));
        }
        let mut rng = self.hedge.rng("mask");
        let mask = Mask::draw(&mut rng);
        self.private.m = mask.evaluation(&eq_table(&self.public.r[..SLOT_VARIABLES]));
        self.private.s = Fr::rand(&mut rng);
        let (public, private) = (&mut self.public, &self.private);
        // the transcript is consumed: nothing is absorbed after c_m
        let blank = AggregateTranscript::start(self.size, public.digest, public.k_min, &public.kinds, public.cells_digest, private).0;
        public.c_m = std::mem::replace(&mut self.transcript, blank).finish(&private.e, private.m, private.s);
        let (outer, chi) = AggregateProof::draw_chi(
            &public.digest,
            &public.counts,
            &public.cells_digest,
            &public.gamma,
            &public.r,
            &public.c_m,
            &mask.commitment,
        );
        public.chi = chi;
        public.w = countersign_circuits::fingerprint::mask(chi, private.m, &private.e);
        self.mask = Some(mask);
        self.outer = Some(outer);
    }

    /// The native check of every clause.
    ///
    /// # Errors
    /// The first clause that does not hold.
    pub fn check(&self) -> Result<(), Violation> {
        check_aggregate(self.size, &self.public, &self.private)
    }

    /// The values of the circuit's variables.
    ///
    /// # Errors
    /// Synthesis failed.
    pub fn assignment(&self) -> Result<Zeroizing<Vec<Fr>>, Groth16Error> {
        groth16::assignment(AggregateCircuit::new(self.size, self.public.clone(), self.private.clone()))
    }

    /// Proves the circuit and opens the commitments (S2.9, S2.10).
    ///
    /// # Errors
    /// The circuit is not satisfied, or [`Draft::bind`] has not run.
    pub fn finish(
        self,
        key: &CircuitKey,
        instance: &AggregateInstance<'_>,
        witness: &AggregateWitness<'_>,
        os: &mut (impl RngCore + CryptoRng),
    ) -> Result<Answer, ProveError> {
        let assignment = self.assignment()?;
        let groth16 = groth16::prove(key, &assignment, &mut self.blinding(os))?;
        self.finish_with(groth16, instance, witness)
    }

    /// Randomness of the Groth16 proof.
    pub fn blinding(&self, os: &mut (impl RngCore + CryptoRng)) -> rand_chacha::ChaCha20Rng {
        let mut fresh = [0u8; 32];
        os.fill_bytes(&mut fresh);
        self.hedge.rng(&format!("groth16/{fresh:?}"))
    }

    /// The opening for a given circuit proof.
    ///
    /// # Errors
    /// [`Draft::bind`] has not run.
    pub fn finish_with(
        self,
        groth16: ark_groth16::Proof<ark_bn254::Bn254>,
        instance: &AggregateInstance<'_>,
        witness: &AggregateWitness<'_>,
    ) -> Result<Answer, ProveError> {
        let (Some(mask), Some(mut outer)) = (self.mask, self.outer) else { return Err(ProveError::Shape) };
        let public = self.public;
        let (z, rho) = fold(instance, witness, &public);
        let eq = eq_table(&public.r[..SLOT_VARIABLES]);
        let opening = mask.open(&z, rho, &eq, &public.w, &mut outer);
        let outcome = release(public.k_min, &public.kinds, &self.private.cells, &self.private.withheld)?;
        let value = |x: &Fr| ark_ff::PrimeField::into_bigint(*x).0[0];
        let sealed = CellsOpening {
            result_salt: scalar_bytes(&self.private.result_salt),
            values: outcome.released[..self.n_cells].iter().map(value).collect(),
            flags: outcome.flags,
            withheld: self.private.withheld.clone(),
        };
        let AggregatePublic { gamma, r, cells_digest, counts, c_m, w, .. } = public;
        Ok(Answer {
            proof: AggregateProof { groth16, counts, cells_digest, gamma, r, c_m, d: mask.commitment, w, opening },
            opening: sealed,
        })
    }
}

/// S2.9: the folded vector z and the blinder of C*.
fn fold(instance: &AggregateInstance<'_>, witness: &AggregateWitness<'_>, public: &AggregatePublic) -> (Zeroizing<Vec<Fr>>, Fr) {
    debug_assert_eq!(public.r.len(), ROUNDS);
    let form = FoldedForm::new(&instance.wiring.columns(public.gamma), public.chi);
    let eq = eq_prefix(&public.r[SLOT_VARIABLES..], witness.data.segments());
    let tables: Vec<(&[u16], Vec<Fr>)> =
        [(witness.data_layout, witness.data, &form.data), (witness.consent_layout, witness.consent, &form.consent)]
            .into_iter()
            .flat_map(|(layout, codes, rows)| block_tables(layout, codes, rows))
            .collect();
    let z: Vec<Fr> = (0..SLOTS)
        .into_par_iter()
        .with_min_len(64)
        .map(|offset| {
            let mut sum = form.one;
            for (j, weight) in eq.iter().enumerate() {
                let slot = j * SLOTS + offset;
                let mut value = if witness.active[slot] { form.active } else { Fr::zero() };
                for (codes, table) in &tables {
                    let code = codes[slot];
                    if code != EMPTY {
                        value += table[usize::from(code)];
                    }
                }
                sum += *weight * value;
            }
            sum
        })
        .collect();
    let weighted = |blinders: &Blinders, rows: &[(usize, Fr)]| rows.iter().map(|(row, w)| *w * blinders.0[*row]).sum::<Fr>();
    let rho = (0..eq.len())
        .into_par_iter()
        .map(|j| eq[j] * (weighted(&witness.data_blinders[j], &form.data) + weighted(&witness.consent_blinders[j], &form.consent)))
        .sum();
    (Zeroizing::new(z), rho)
}

/// Weighted rows as a table for each block they touch; occupancy counts for every bin of the first block.
fn block_tables<'a>(layout: &SegmentLayout, codes: &'a SlotCodes, rows: &[(usize, Fr)]) -> Vec<(&'a [u16], Vec<Fr>)> {
    let mut out = Vec::new();
    let mut first = 0;
    for (block, size) in layout.blocks.iter().enumerate() {
        let mut table = vec![Fr::zero(); *size];
        let mut used = false;
        for (row, weight) in rows {
            if (first..first + size).contains(row) {
                table[row - first] += weight;
                used = true;
            } else if block == 0 && *row == layout.bin_rows() {
                table.iter_mut().for_each(|x| *x += weight);
                used = true;
            }
        }
        if used {
            out.push((codes.blocks[block].as_slice(), table));
        }
        first += size;
    }
    out
}
