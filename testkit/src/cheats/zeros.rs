//! A prover of S1 whose rounds say nothing: messages of zeros keep the claim at zero whatever stands in the table, and a claim of zero asks
//! for an evaluation of 0 or 1, or for an eq of 0. What is in the way is that every value is fixed before the challenge that uses it; each
//! public field may be changed at any time.

use super::anchor::Table;
use crate::world::keys;
use ark_bn254::Bn254;
use ark_ff::{UniformRand, Zero};
use ark_groth16::Proof;
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystem};
use countersign_circuits::{
    commitment::eq_table,
    field::{Fr, G1Affine},
    fingerprint::mask,
    outer::OuterTranscript,
    proof::ValidityProof,
    segment::{SLOT_VARIABLES, SLOTS, Segment},
    validity::{StackShape, ValidityCircuit, ValidityPrivate, ValidityPublic, ValidityTranscript, eq_point, stack_digest, start_outer},
};
use countersign_prover::{groth16, opening::Mask};
use rand::{SeedableRng, rngs::StdRng};

/// A proof of S1 in the making, for a table of one segment.
pub struct ZeroProver<'a> {
    table: &'a Table,
    shape: StackShape,
    /// The segment as it is anchored.
    pub segment: Segment,
    /// The zero-check's point.
    pub tau: Vec<Fr>,
    /// What the verifier is told or computes, as far as it is known. The circuit is given the same unless [`ZeroProver::circuit`] says otherwise.
    pub public: ValidityPublic,
    /// The witness.
    pub private: ValidityPrivate,
    /// What the circuit is given instead of the public values, if anything.
    pub circuit: Option<ValidityPublic>,
    /// Commitment of the mask as it is sent.
    pub d: G1Affine,
    /// Added to every entry that is opened.
    pub shift: Fr,
    before_chi: OuterTranscript,
    behind_chi: OuterTranscript,
    mask: Mask,
    rng: StdRng,
}

impl std::fmt::Debug for ZeroProver<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ZeroProver")
    }
}

impl<'a> ZeroProver<'a> {
    /// Commits the table and draws tau, the salts and the mask; the challenges of messages of zeros.
    pub fn new(table: &'a Table, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x0000_2e05);
        let segment = table.commit();
        let shape = StackShape { rows: table.rows.len(), segments: 1 };
        let digest = stack_digest(&table.context, std::slice::from_ref(&segment));
        let (outer, tau) = start_outer(&digest);
        let mut private = ValidityPrivate::blank();
        (private.salt, private.s) = (Fr::rand(&mut rng), Fr::rand(&mut rng));
        let z = Fr::zero();
        let public = ValidityPublic { digest: ValidityPublic::digest_field(&digest), eq: z, r: Vec::new(), c_m: z, chi: z, w: z };
        let mask = Mask::draw(&mut rng);
        let d = mask.commitment;
        let mut prover = Self {
            table,
            shape,
            segment,
            tau,
            public,
            private,
            circuit: None,
            d,
            shift: z,
            before_chi: outer.clone(),
            behind_chi: outer,
            mask,
            rng,
        };
        prover.replay();
        prover
    }

    /// S1.1: the challenges of the messages as they are, and eq.
    pub fn replay(&mut self) {
        let mut transcript = ValidityTranscript::start(self.public.digest, self.private.salt);
        self.public.r = self.private.messages.iter().map(|message| transcript.round(message)).collect();
        self.public.eq = eq_point(&self.tau, &self.public.r);
    }

    /// The weight of an entry in the table's extension at a point.
    pub fn weight(&self, point: &[Fr], row: usize, slot: u16) -> Fr {
        self.shape.row_weights(point)[0][row] * eq_table(&point[..SLOT_VARIABLES])[usize::from(slot)]
    }

    /// O~ at a point.
    pub fn evaluation(&self, point: &[Fr]) -> Fr {
        let (rows, slots) = (self.shape.row_weights(point), eq_table(&point[..SLOT_VARIABLES]));
        let row = |row: &countersign_prover::validity::SparseRow| row.entries().map(|(slot, x)| slots[usize::from(slot)] * x).sum::<Fr>();
        self.table.rows.iter().zip(&rows[0]).map(|(entries, weight)| row(entries) * weight).sum()
    }

    /// S1.3: m of the mask, c_m, chi and w for the fields as they are.
    pub fn bind(&mut self) {
        self.private.m = self.mask.evaluation(&eq_table(&self.public.r[..SLOT_VARIABLES]));
        self.commit();
        self.draw();
    }

    /// c_m for the fields as they are; chi and w stay.
    pub fn commit(&mut self) {
        let mut transcript = ValidityTranscript::start(self.public.digest, self.private.salt);
        self.private.messages.iter().for_each(|message| {
            transcript.round(message);
        });
        let ValidityPrivate { e, m, s, .. } = self.private;
        self.public.c_m = transcript.finish(self.public.eq, e, m, s);
    }

    /// chi and w for the fields as they are.
    pub fn draw(&mut self) {
        self.behind_chi = self.before_chi.clone();
        self.public.chi = ValidityProof::draw_chi(&mut self.behind_chi, &self.public.r, &self.public.c_m, &self.d);
        self.public.w = mask(self.public.chi, self.private.m, &[self.private.e]);
    }

    fn circuit(&self) -> ValidityCircuit {
        ValidityCircuit { public: self.circuit.clone().unwrap_or_else(|| self.public.clone()), private: self.private.clone() }
    }

    /// Is the circuit satisfied?
    pub fn satisfied(&self) -> bool {
        let cs = ConstraintSystem::new_ref();
        self.circuit().generate_constraints(cs.clone()).unwrap();
        cs.is_satisfied().unwrap()
    }

    /// Proves whatever stands there, without a check, and opens the commitments: the proof's bytes.
    pub fn proof(&mut self) -> Vec<u8> {
        let groth16 = self.groth16();
        let ValidityPublic { r, chi, c_m, w, .. } = self.public.clone();
        let weights = self.shape.row_weights(&r);
        let mut z = vec![self.shift; SLOTS];
        let mut rho = Fr::zero();
        for ((row, blinder), weight) in self.table.rows.iter().zip(&self.table.blinders.0).zip(&weights[0]) {
            row.entries().for_each(|(slot, x)| z[usize::from(slot)] += chi * weight * x);
            rho += chi * weight * blinder;
        }
        let opening = self.mask.open(&z, rho, &eq_table(&r[..SLOT_VARIABLES]), &w, &mut self.behind_chi);
        ValidityProof { groth16, r, c_m, d: self.d, w, opening }.encode()
    }

    fn groth16(&mut self) -> Proof<Bn254> {
        let assignment = groth16::assignment(self.circuit()).unwrap();
        groth16::prove_unchecked(&keys().validity, &assignment, Fr::rand(&mut self.rng), Fr::rand(&mut self.rng)).unwrap()
    }
}
