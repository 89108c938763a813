//! A prover of S2 that does what it is told at every step.
//!
//! Written anew and plainly (columns are evaluated from sparse rows, one after the other), so that it is also a second opinion
//! on the honest prover: told nothing, its answers verify.

use crate::world::{World, keys};
use ark_ff::{Field, One, UniformRand, Zero};
use countersign_circuits::{
    aggregate::{
        AggregateCircuit, AggregatePrivate, AggregatePublic, AggregateSize, AggregateTranscript, GateCounts, Violation, Withheld,
        check_aggregate, claim, release, row_polynomial, sealed_digest,
    },
    commitment::{eq_prefix, eq_table},
    context::AggregateInstance,
    field::{Fr, G1Affine},
    fingerprint,
    outer::OuterTranscript,
    proof::AggregateProof,
    segment::{SLOT_VARIABLES, SLOTS},
    statement::{CellKind, FoldedForm, Wiring},
    sumcheck::fold,
};
use countersign_prover::{
    aggregate::moment_table,
    groth16,
    opening::Mask,
    sumcheck::{FieldColumn, ProductSumcheck, RowView},
    validity::sparse_rows,
};
use rand::{SeedableRng, rngs::StdRng};

/// The values of one column over all slots.
type Column = Vec<Fr>;

/// An answer in the making. Every public field may be changed between the steps.
pub struct Forger<'a> {
    world: &'a World,
    /// The statement the rows are summed for; the verifier's is given to [`Forger::new`].
    rows_wiring: Wiring,
    wiring: &'a Wiring,
    /// Size of the circuit.
    pub size: AggregateSize,
    /// The statement digest.
    pub digest: Fr,
    /// The least count the circuit applies.
    pub k_min: u32,
    /// The cell kinds the circuit applies.
    pub kinds: Vec<CellKind>,
    /// The gate counts claimed.
    pub counts: GateCounts,
    /// The digest claimed.
    pub cells_digest: Fr,
    /// The witness.
    pub private: AggregatePrivate,
    /// Challenges.
    pub gamma: Fr,
    /// Round challenges.
    pub r: Vec<Fr>,
    /// Binding.
    pub c_m: Fr,
    /// Opening challenge.
    pub chi: Fr,
    /// Masked evaluation.
    pub w: Fr,
    /// Lies about "at least k_min", if any.
    pub at_least: Option<Vec<bool>>,
    /// Commitment of the mask as it is sent.
    pub d: G1Affine,
    /// Added to every folded entry before opening: z is not what is anchored.
    pub shift: Fr,
    mask: Option<Mask>,
    outer: Option<OuterTranscript>,
    transcript: Option<AggregateTranscript>,
    rng: StdRng,
}

impl std::fmt::Debug for Forger<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forger")
    }
}

impl<'a> Forger<'a> {
    /// Starts from the honest table.
    pub fn new(world: &'a World, wiring: &'a Wiring, seed: u64) -> Self {
        Self::for_rows_of(world, wiring, wiring, seed)
    }

    /// Starts from the table of another statement: the rows of `rows_wiring` under the name of `wiring`.
    pub fn for_rows_of(world: &'a World, wiring: &'a Wiring, rows_wiring: &Wiring, seed: u64) -> Self {
        let size = AggregateSize::for_cells(wiring.cells().len()).unwrap();
        let mut rng = StdRng::seed_from_u64(seed ^ 0xf0_4ce4);
        let mut private = AggregatePrivate::blank(size);
        let cells = moment_table(rows_wiring, &world.witness());
        private.cells.iter_mut().zip(&cells).for_each(|(to, from)| *to = Fr::from(*from));
        for x in [&mut private.salt, &mut private.result_salt, &mut private.s] {
            *x = Fr::rand(&mut rng);
        }
        let instance = world.instance(wiring);
        let z = Fr::zero();
        let mut forger = Self {
            world,
            rows_wiring: rows_wiring.clone(),
            wiring,
            size,
            digest: instance.digest(),
            k_min: instance.gate_minimum(),
            kinds: wiring.cells().iter().map(|c| c.kind).collect(),
            counts: GateCounts::default(),
            cells_digest: z,
            private,
            gamma: z,
            r: Vec::new(),
            c_m: z,
            chi: z,
            w: z,
            at_least: None,
            d: G1Affine::default(),
            shift: z,
            mask: None,
            outer: None,
            transcript: None,
            rng,
        };
        forger.seal();
        forger
    }

    /// S2.7, S2.8: counts and digest by the rule, for the fields as they are.
    pub fn seal(&mut self) {
        let outcome = release(self.k_min, &self.kinds, &self.private.cells, &self.private.withheld).unwrap();
        self.counts = outcome.counts;
        self.cells_digest = sealed_digest(self.size, self.private.result_salt, &outcome, &self.private.withheld);
    }

    /// S2.7, S2.8: the digest of other released cells than the rule's.
    pub fn seal_instead(&mut self, change: impl FnOnce(&mut Vec<Fr>, &mut Vec<bool>)) {
        let mut outcome = release(self.k_min, &self.kinds, &self.private.cells, &self.private.withheld).unwrap();
        change(&mut outcome.released, &mut outcome.flags);
        self.cells_digest = sealed_digest(self.size, self.private.result_salt, &outcome, &self.private.withheld);
    }

    /// Withholds a block with a reason, by the rule.
    pub fn withhold(&mut self, cell: usize, reason: Withheld) {
        self.private.withheld[cell] = reason;
        self.seal();
    }

    /// S2.1 to S2.4: the transcript and the honest rounds over the rows, and the true column evaluations.
    pub fn run(&mut self) {
        self.start();
        self.rounds();
    }

    /// S2.3, S2.4: the honest rounds over the rows behind [`Forger::start`], by the columns of the gamma that stands there.
    pub fn rounds(&mut self) {
        let witness = self.world.witness();
        let wiring = &self.rows_wiring;
        let rows = RowView::new(wiring, (witness.data_layout, witness.data), (witness.consent_layout, witness.consent), witness.active);
        let forms = wiring.columns(self.gamma);
        let (left, right) = wiring.has_terms();
        use countersign_circuits::statement::columns;
        let mut slots: Vec<usize> = (0..wiring.groupings().len()).map(|q| columns::GROUP + q).collect();
        slots.extend(left.then_some(columns::LEFT));
        slots.extend(right.then_some(columns::RIGHT));
        let fields: Vec<_> =
            slots.iter().map(|s| FieldColumn::new(witness.data_layout, witness.data, forms[*s].one, &forms[*s].data)).collect();
        let mut sumcheck = ProductSumcheck::new(&rows, &fields);
        for i in 0..self.private.messages.len() {
            self.private.messages[i] = sumcheck.message();
            sumcheck.fold(self.round(i));
        }
        self.private.e = self.evaluations();
    }

    /// S2.1: the transcript up to gamma, for the fields as they are.
    pub fn start(&mut self) {
        let (transcript, gamma) =
            AggregateTranscript::start(self.size, self.digest, self.k_min, &self.kinds, self.cells_digest, &self.private);
        self.gamma = gamma;
        self.r = Vec::new();
        self.transcript = Some(transcript);
    }

    /// S2.3: absorbs message i as it stands and draws its challenge.
    pub fn round(&mut self, i: usize) -> Fr {
        let challenge = self.transcript.as_mut().unwrap().round(&self.private.messages[i]);
        self.r.push(challenge);
        challenge
    }

    /// Replays the transcript for changed messages.
    pub fn replay(&mut self) {
        self.start();
        for i in 0..self.private.messages.len() {
            self.round(i);
        }
    }

    /// Evaluations of the columns of the rows' statement at r, from the rows.
    pub fn evaluations(&self) -> Vec<Fr> {
        let witness = self.world.witness();
        let eq_lo = eq_table(&self.r[..SLOT_VARIABLES]);
        let eq_hi = eq_prefix(&self.r[SLOT_VARIABLES..], self.world.data.segments());
        let of_rows = |layout: &_, codes: &_| -> Vec<Fr> {
            let mut sums = Vec::new();
            for (j, eq) in eq_hi.iter().enumerate() {
                let rows = sparse_rows(layout, codes, j);
                sums.resize(rows.len(), Fr::zero());
                for (sum, row) in sums.iter_mut().zip(&rows) {
                    *sum += *eq * row.entries().map(|(slot, x)| eq_lo[usize::from(slot)] * x).sum::<Fr>();
                }
            }
            sums
        };
        let data = of_rows(witness.data_layout, witness.data);
        let consent = of_rows(witness.consent_layout, witness.consent);
        let active: Fr = (0..witness.active.len()).filter(|i| witness.active[*i]).map(|i| eq_hi[i / SLOTS] * eq_lo[i % SLOTS]).sum();
        let forms = self.rows_wiring.columns(self.gamma);
        forms
            .iter()
            .map(|form| {
                let mut e = form.one + if form.active { active } else { Fr::zero() };
                e += form.data.iter().map(|(row, w)| *w * data[*row]).sum::<Fr>();
                e + form.consent.iter().map(|(row, w)| *w * consent[*row]).sum::<Fr>()
            })
            .collect()
    }

    /// The claim the rounds end in.
    pub fn last_claim(&self) -> Fr {
        let start = claim(self.gamma, &self.private.cells);
        self.private.messages.iter().zip(&self.r).fold(start, |claim, (message, r)| fold(claim, message, *r))
    }

    /// Solves one factor of the final product so that S2.4 holds: "a column evaluation was wrong".
    pub fn solve_factor(&mut self, slot: usize) {
        self.private.e[slot] = Fr::one();
        self.private.e[slot] = self.last_claim() * row_polynomial(&self.private.e).inverse().unwrap();
    }

    /// S2.5: an honest mask; `change` may alter (m, D) before c_m is drawn.
    pub fn bind_with(&mut self, change: impl FnOnce(&mut Fr, &mut G1Affine)) {
        let mask = Mask::draw(&mut self.rng);
        self.private.m = mask.evaluation(&eq_table(&self.r[..SLOT_VARIABLES]));
        self.d = mask.commitment;
        change(&mut self.private.m, &mut self.d);
        self.mask = Some(mask);
        self.rebind();
    }

    /// S2.5, S2.6: c_m, chi and w for the fields as they are.
    pub fn rebind(&mut self) {
        self.commit();
        self.draw();
    }

    /// S2.5: c_m for the fields as they are; chi and w stay.
    pub fn commit(&mut self) {
        self.replay();
        self.c_m = self.transcript.take().unwrap().finish(&self.private.e, self.private.m, self.private.s);
    }

    /// chi and w for the fields as they are.
    pub fn draw(&mut self) {
        let (outer, chi) =
            AggregateProof::draw_chi(&self.digest, &self.counts, &self.cells_digest, &self.gamma, &self.r, &self.c_m, &self.d);
        self.chi = chi;
        self.w = fingerprint::mask(chi, self.private.m, &self.private.e);
        self.outer = Some(outer);
    }

    /// All steps up to w, honestly for the fields as they are.
    pub fn bound(mut self) -> Self {
        self.run();
        self.bind_with(|_, _| ());
        self
    }

    /// The verifier's side as the prover sees it.
    pub fn public(&self) -> AggregatePublic {
        AggregatePublic {
            digest: self.digest,
            k_min: self.k_min,
            kinds: self.kinds.clone(),
            gamma: self.gamma,
            r: self.r.clone(),
            cells_digest: self.cells_digest,
            counts: self.counts,
            c_m: self.c_m,
            chi: self.chi,
            w: self.w,
        }
    }

    /// The native check of the fields as they are.
    ///
    /// # Errors
    /// The first clause that does not hold.
    pub fn check(&self) -> Result<(), Violation> {
        check_aggregate(self.size, &self.public(), &self.private)
    }

    /// The circuit with the fields as they are.
    pub fn circuit(&self) -> AggregateCircuit {
        let mut circuit = AggregateCircuit::new(self.size, self.public(), self.private.clone());
        if let Some(lies) = &self.at_least {
            circuit.at_least.clone_from(lies);
        }
        circuit
    }

    /// Is the circuit satisfied?
    pub fn satisfied(&self) -> bool {
        circuit_satisfied(self.circuit())
    }

    /// The vector folded by chi over the rows of the verifier's columns, and its blinder (S2.9).
    pub fn folded(&self) -> (Column, Fr) {
        let form = FoldedForm::new(&self.wiring.columns(self.gamma), self.chi);
        let eq = eq_prefix(&self.r[SLOT_VARIABLES..], self.world.data.segments());
        let mut z = vec![form.one + self.shift; SLOTS];
        let mut rho = Fr::zero();
        let sides = [
            (&self.world.data_layout, &self.world.data, &self.world.data_blinders, &form.data),
            (&self.world.consent_layout, &self.world.consent, &self.world.consent_blinders, &form.consent),
        ];
        for (layout, codes, blinders, weights) in sides {
            for (j, eq) in eq.iter().enumerate() {
                let rows = sparse_rows(layout, codes, j);
                for (row, weight) in weights {
                    let weight = *weight * eq;
                    rows[*row].entries().for_each(|(slot, x)| z[usize::from(slot)] += weight * x);
                    rho += weight * blinders[j].0[*row];
                }
            }
        }
        for (slot, _) in self.world.active.iter().enumerate().filter(|(_, a)| **a) {
            z[slot % SLOTS] += form.active * eq[slot / SLOTS];
        }
        (z, rho)
    }

    /// Proves whatever stands there, without a check, and opens the commitments: the answer's bytes.
    pub fn answer(mut self) -> Vec<u8> {
        self.proof().encode()
    }

    /// [`Forger::answer`], before encoding.
    pub fn proof(&mut self) -> AggregateProof {
        let assignment = groth16::assignment(self.circuit()).unwrap();
        let (r, s) = (Fr::rand(&mut self.rng), Fr::rand(&mut self.rng));
        let groth16 = groth16::prove_unchecked(keys().aggregate(self.size), &assignment, r, s).unwrap();
        let (z, rho) = self.folded();
        let eq = eq_table(&self.r[..SLOT_VARIABLES]);
        let opening = self.mask.as_ref().unwrap().open(&z, rho, &eq, &self.w, self.outer.as_mut().unwrap());
        AggregateProof {
            groth16,
            counts: self.counts,
            cells_digest: self.cells_digest,
            gamma: self.gamma,
            r: self.r.clone(),
            c_m: self.c_m,
            d: self.d,
            w: self.w,
            opening,
        }
    }

    /// The outer transcript behind chi.
    pub fn outer(&self) -> OuterTranscript {
        self.outer.clone().unwrap()
    }
}

/// Is a circuit satisfied by its own assignment?
pub fn circuit_satisfied(circuit: AggregateCircuit) -> bool {
    use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystem};
    let cs = ConstraintSystem::new_ref();
    circuit.generate_constraints(cs.clone()).unwrap();
    cs.is_satisfied().unwrap()
}

/// What a verifier makes of an instance and a decoded proof: the public values and the transcript behind chi.
pub fn public_values(instance: &AggregateInstance<'_>, proof: &AggregateProof) -> (AggregatePublic, OuterTranscript) {
    let digest = instance.digest();
    let (outer, chi) = AggregateProof::draw_chi(&digest, &proof.counts, &proof.cells_digest, &proof.gamma, &proof.r, &proof.c_m, &proof.d);
    let public = AggregatePublic {
        digest,
        k_min: instance.gate_minimum(),
        kinds: instance.wiring.cells().iter().map(|c| c.kind).collect(),
        gamma: proof.gamma,
        r: proof.r.clone(),
        cells_digest: proof.cells_digest,
        counts: proof.counts,
        c_m: proof.c_m,
        chi,
        w: proof.w,
    };
    (public, outer)
}
