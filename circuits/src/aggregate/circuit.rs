//! The circuit of S2, clause by clause.

use super::{AggregatePrivate, AggregatePublic, AggregateSize, cells, kind_bits, release};
use crate::{
    field::Fr,
    fingerprint::{fingerprint_var, mask_var},
    poseidon::{Poseidon, SpongeVar},
    statement::{LITERALS_MAX, columns},
    sumcheck::rounds_var,
};
use ark_ff::{Field, One, Zero};
use ark_r1cs_std::{
    alloc::AllocVar,
    boolean::Boolean,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError};

type Var = FpVar<Fr>;

/// The S2 circuit with an assignment.
#[derive(Debug, Clone)]
pub struct AggregateCircuit {
    /// Size.
    pub size: AggregateSize,
    /// The verifier's side.
    pub public: AggregatePublic,
    /// The prover's side.
    pub private: AggregatePrivate,
    /// Hint: for each gate, is its count at least `k_min`? Honest by default; tests lie.
    pub at_least: Vec<bool>,
}

impl AggregateCircuit {
    /// The circuit with honest hints.
    pub fn new(size: AggregateSize, public: AggregatePublic, private: AggregatePrivate) -> Self {
        let gate = |i: usize| public.kinds.get(i).is_some_and(|k| k.gate);
        let at_least =
            private.cells.iter().enumerate().map(|(i, c)| gate(i) && release::gate_count(*c).is_none_or(|n| n >= public.k_min)).collect();
        Self { size, public, private, at_least }
    }

    /// The circuit with a blank assignment, for key generation.
    pub fn blank(size: AggregateSize) -> Self {
        let z = Fr::zero();
        let public = AggregatePublic {
            digest: z,
            k_min: 1,
            kinds: Vec::new(),
            gamma: z,
            r: vec![z; super::ROUNDS],
            cells_digest: z,
            counts: Default::default(),
            c_m: z,
            chi: z,
            w: z,
        };
        Self::new(size, public, AggregatePrivate::blank(size))
    }
}

fn witnesses(cs: &ConstraintSystemRef<Fr>, values: &[Fr]) -> Result<Vec<Var>, SynthesisError> {
    values.iter().map(|v| Var::new_witness(cs.clone(), || Ok(*v))).collect()
}

/// Bits as variables that are zero or one.
fn bits(cs: &ConstraintSystemRef<Fr>, values: &[bool]) -> Result<Vec<Var>, SynthesisError> {
    values.iter().map(|b| Boolean::new_witness(cs.clone(), || Ok(*b)).map(Var::from)).collect()
}

/// `sum_i base^i x_i` for a constant base.
fn combine(base: Fr, terms: &[Var]) -> Var {
    let mut weight = Fr::one();
    terms
        .iter()
        .map(|x| {
            let term = x * weight;
            weight *= base;
            term
        })
        .sum()
}

fn pack_bits(bits: &[Var]) -> Vec<Var> {
    bits.chunks(128).map(|chunk| combine(Fr::from(2u64), chunk)).collect()
}

/// Kind and reason bits of one cell.
struct CellVars {
    group_start: Var,
    block_start: Var,
    gate: Var,
    zero_ok: Var,
    show: Var,
    reason: [Var; 2],
    count: Var,
}

/// What the release rule gives.
struct ReleaseVars {
    flags: Vec<Var>,
    released: Vec<Var>,
    counts: [Var; 5],
}

impl ConstraintSynthesizer<Fr> for AggregateCircuit {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let (size, public, private) = (self.size, &self.public, &self.private);
        let [c_m, chi, w, y] = public.inputs(size);
        let c_m = Var::new_input(cs.clone(), || Ok(c_m))?;
        let chi = Var::new_input(cs.clone(), || Ok(chi))?;
        let w = Var::new_input(cs.clone(), || Ok(w))?;
        let y = Var::new_input(cs.clone(), || Ok(y))?;

        let digest = Var::new_witness(cs.clone(), || Ok(public.digest))?;
        let salt = Var::new_witness(cs.clone(), || Ok(private.salt))?;
        let result_salt = Var::new_witness(cs.clone(), || Ok(private.result_salt))?;
        let k_min = Var::new_witness(cs.clone(), || Ok(Fr::from(public.k_min)))?;
        let kinds = bits(&cs, &kind_bits(size, &public.kinds))?;
        let reasons = bits(&cs, &cells::withheld_bits(size, &private.withheld))?;
        let table = witnesses(&cs, &private.cells)?;
        let e = witnesses(&cs, &private.e)?;
        let m = Var::new_witness(cs.clone(), || Ok(private.m))?;
        let s = Var::new_witness(cs.clone(), || Ok(private.s))?;
        let messages: Vec<Vec<Var>> = private.messages.iter().map(|message| witnesses(&cs, message)).collect::<Result<_, _>>()?;
        let (packed_kinds, packed_reasons) = (pack_bits(&kinds), pack_bits(&reasons));

        // S2.7 release
        let outcome = self.release(&cs, &k_min, &kinds, &reasons, &table)?;

        // S2.8 cells digest
        let packed_flags = pack_bits(&outcome.flags);
        let shift = Fr::from(2u64).pow([u64::from(cells::CELL_BITS)]);
        let packed_cells: Vec<Var> = outcome.released.chunks(cells::CELLS_PACKED).map(|chunk| combine(shift, chunk)).collect();
        let mut seal = SpongeVar::new(Poseidon::width_17(), size.tag(2));
        seal.absorb(std::slice::from_ref(&result_salt))?;
        seal.absorb(&packed_cells)?;
        seal.absorb(&packed_flags)?;
        seal.absorb(&packed_reasons)?;
        let cells_digest = seal.squeeze()?;

        // S2.1 transcript: statement, salt, rule, sealed cells, table
        let mut transcript = SpongeVar::new(Poseidon::width_17(), size.tag(1));
        transcript.absorb(&[digest.clone(), salt, k_min.clone()])?;
        transcript.absorb(&packed_kinds)?;
        transcript.absorb(&packed_reasons)?;
        transcript.absorb(std::slice::from_ref(&cells_digest))?;
        transcript.absorb(&table)?;
        let gamma = transcript.squeeze()?;

        // S2.2 claim: sum gamma^i M_i
        let claim = table.iter().rev().fold(Var::zero(), |acc, x| acc * &gamma + x);

        // S2.3 rounds
        let (r, last_claim) = rounds_var(&mut transcript, claim, &messages)?;

        // S2.4 final claim
        row_polynomial(&e).enforce_equal(&last_claim)?;

        // S2.5 c_m binds the evaluations and the mask, and hides them
        transcript.absorb(&e)?;
        transcript.absorb(&[m.clone(), s])?;
        transcript.squeeze()?.enforce_equal(&c_m)?;

        // S2.6 w
        mask_var(&chi, &m, &e).enforce_equal(&w)?;

        // y: every other value the verifier knows, in the order of `AggregatePublic::values`
        let mut values = vec![digest, k_min];
        values.extend(packed_kinds);
        values.push(gamma);
        values.extend(r);
        values.push(cells_digest);
        values.extend(outcome.counts);
        fingerprint_var(&chi, &values).enforce_equal(&y)
    }
}

/// S2.4: the row polynomial at the column evaluations.
fn row_polynomial(e: &[Var]) -> Var {
    let mut product = e[columns::ACTIVE].clone();
    for scope in &e[columns::SCOPE..columns::LITERAL] {
        product *= scope;
    }
    for clause in e[columns::LITERAL..columns::GROUP].chunks(LITERALS_MAX) {
        let none = clause.iter().map(|l| Var::one() - l).reduce(|a, b| a * b).unwrap_or_else(Var::one);
        product *= Var::one() - none;
    }
    for factor in &e[columns::GROUP..] {
        product *= factor;
    }
    product
}

impl AggregateCircuit {
    /// S2.7: the rule of `release.rs`, one cell after the other.
    fn release(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        k_min: &Var,
        kinds: &[Var],
        reasons: &[Var],
        table: &[Var],
    ) -> Result<ReleaseVars, SynthesisError> {
        let n = self.size.cells();
        let cell = |i: usize| CellVars {
            group_start: kinds[i].clone(),
            block_start: kinds[n + i].clone(),
            gate: kinds[2 * n + i].clone(),
            zero_ok: kinds[3 * n + i].clone(),
            show: kinds[4 * n + i].clone(),
            reason: [reasons[i].clone(), reasons[n + i].clone()],
            count: table[i].clone(),
        };
        // forward: do all gates of the block so far pass?
        let mut flags: Vec<Var> = Vec::with_capacity(n);
        for i in 0..n {
            let cell = cell(i);
            let own = self.gate(cs, i, k_min, &cell)?;
            let before = flags.last().map_or_else(Var::one, |last| Var::one() - (Var::one() - &cell.block_start) * (Var::one() - last));
            flags.push(before * own);
        }
        // backward: the last cell of a block knows
        for i in (0..n - 1).rev() {
            let starts = kinds[n + i + 1].clone();
            flags[i] = &flags[i + 1] + starts * (&flags[i] - &flags[i + 1]);
        }
        let mut released = Vec::with_capacity(n);
        let mut counts: [Var; 5] = std::array::from_fn(|_| Var::zero());
        let (mut group_withheld, mut block_withheld) = (Var::zero(), Var::zero());
        for (i, flag) in flags.iter().enumerate() {
            let CellVars { group_start, block_start, show, reason: [low, high], count, .. } = cell(i);
            let both = &low * &high;
            let withheld = &low + &high - &both;
            // a reason stands only where a block starts
            ((Var::one() - &block_start) * (&low + &high)).enforce_equal(&Var::zero())?;
            block_withheld += &block_start * (&withheld - &block_withheld);
            group_withheld += &group_start * (&withheld - &group_withheld);
            // a block of a withheld group is withheld
            (&block_start * (Var::one() - &withheld) * &group_withheld).enforce_equal(&Var::zero())?;
            let passes = &block_start * flag;
            let outcomes = [
                &passes * (Var::one() - &withheld),
                &block_start - &passes,
                &passes * (&low - &both),
                &passes * (&high - &both),
                &passes * &both,
            ];
            for (count, outcome) in counts.iter_mut().zip(outcomes) {
                *count += outcome;
            }
            let leaves = flag * (Var::one() - &block_withheld) * show;
            released.push(leaves * count);
        }
        Ok(ReleaseVars { flags, released, counts })
    }

    /// One if the cell is no gate, or its count is at least `k_min`, or it is zero where zero is allowed.
    fn gate(&self, cs: &ConstraintSystemRef<Fr>, i: usize, k_min: &Var, cell: &CellVars) -> Result<Var, SynthesisError> {
        let (at_least, k) = (self.at_least[i], Fr::from(self.public.k_min));
        let (value, is_gate) = (self.private.cells[i], self.public.kinds.get(i).is_some_and(|kind| kind.gate));
        let ok = Var::from(Boolean::new_witness(cs.clone(), || Ok(at_least))?);
        // ok ? count - k_min : k_min - 1 - count lies in [0, 2^23): both directions of "if and only if"
        let distance = &ok * (&cell.count + &cell.count - k_min - k_min + Var::one()) + k_min - Var::one() - &cell.count;
        let distance_value = if !is_gate {
            Fr::zero()
        } else if at_least {
            value - k
        } else {
            k - Fr::one() - value
        };
        let range = bits(cs, &low_bits(distance_value))?;
        (&cell.gate * distance).enforce_equal(&combine(Fr::from(2u64), &range))?;
        ((Var::one() - &cell.gate) * &ok).enforce_equal(&Var::zero())?;
        // zero = [count == 0]; the inverse is free when the count is zero, and then harmless
        let zero = Var::from(Boolean::new_witness(cs.clone(), || Ok(value.is_zero()))?);
        let inverse = Var::new_witness(cs.clone(), || Ok(value.inverse().unwrap_or_default()))?;
        (&cell.count * &zero).enforce_equal(&Var::zero())?;
        (&cell.count * inverse).enforce_equal(&(Var::one() - &zero))?;
        // k_min is at least 1, so ok and zero never hold together
        let passes = ok + &cell.zero_ok * zero;
        Ok(Var::one() - &cell.gate * (Var::one() - passes))
    }
}

fn low_bits(x: Fr) -> Vec<bool> {
    use ark_ff::{BigInteger, PrimeField};
    let x = x.into_bigint();
    (0..release::COUNT_BITS).map(|i| x.get_bit(i)).collect()
}
