//! Tests' view of a circuit: its matrices with every linear combination written out, and an assignment that a test may tamper with.
//!
//! Soundness is looked at in three ways: no variable is free ([`Constraints::free_alone`]), every derived variable follows from the inputs
//! ([`Constraints::derive`]: a triangular elimination of the Jacobian), and every constraint is missed when it is deleted
//! (a tampered assignment breaks it and no other, [`Constraints::propagate`]).

#[cfg(test)]
mod library;

use crate::{field::Fr, hash::Digest32};
use ark_ff::{BigInteger, One, PrimeField, Zero};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, Matrix, OptimizationGoal, R1CS_PREDICATE_LABEL, SynthesisMode,
};

/// Matrices A, B, C: constraint i is `(A_i z)(B_i z) = C_i z`.
pub(crate) struct Constraints {
    pub(crate) matrices: Vec<Matrix<Fr>>,
    /// Public inputs, the constant one included.
    pub(crate) inputs: usize,
    /// All variables: inputs, then witnesses in the order they are allocated.
    pub(crate) variables: usize,
    /// Constraints that a variable occurs in.
    pub(crate) uses: Vec<Vec<u32>>,
}

fn synthesize(circuit: impl ConstraintSynthesizer<Fr>, mode: SynthesisMode) -> ConstraintSystemRef<Fr> {
    let cs = ConstraintSystem::new_ref();
    cs.set_optimization_goal(OptimizationGoal::Constraints);
    cs.set_mode(mode);
    circuit.generate_constraints(cs.clone()).unwrap();
    cs.finalize();
    cs
}

/// The assignment a circuit gives: one, inputs, witnesses.
pub(crate) fn assignment(circuit: impl ConstraintSynthesizer<Fr>) -> Vec<Fr> {
    let cs = synthesize(circuit, SynthesisMode::Prove { construct_matrices: false, generate_lc_assignments: false });
    [cs.instance_assignment().unwrap(), cs.witness_assignment().unwrap()].concat()
}

/// What [`Constraints::derive`] finds.
pub(crate) struct Derivation {
    /// For every constraint the variable it determines.
    pub(crate) pivots: Vec<Option<usize>>,
    /// Constraints that determine one, in the order of the elimination.
    pub(crate) order: Vec<usize>,
    /// Variables that nothing determines.
    pub(crate) free: Vec<usize>,
}

impl Constraints {
    pub(crate) fn of(circuit: impl ConstraintSynthesizer<Fr>, mode: SynthesisMode) -> Self {
        let cs = synthesize(circuit, mode);
        let matrices = cs.to_matrices().unwrap().remove(R1CS_PREDICATE_LABEL).unwrap();
        let (inputs, variables) = (cs.num_instance_variables(), cs.num_instance_variables() + cs.num_witness_variables());
        let mut uses = vec![Vec::new(); variables];
        for i in 0..cs.num_constraints() {
            for (_, v) in matrices.iter().flat_map(|m| &m[i]) {
                if uses[*v].last() != Some(&(i as u32)) {
                    uses[*v].push(i as u32);
                }
            }
        }
        Self { matrices, inputs, variables, uses }
    }

    pub(crate) fn setup(circuit: impl ConstraintSynthesizer<Fr>) -> Self {
        Self::of(circuit, SynthesisMode::Setup)
    }

    pub(crate) fn count(&self) -> usize {
        self.matrices[0].len()
    }

    /// SHA-256 over the sizes and all entries in order of matrix, row and column.
    pub(crate) fn hash(&self) -> String {
        let mut bytes = Vec::new();
        for n in [self.inputs, self.variables, self.count()] {
            bytes.extend((n as u64).to_le_bytes());
        }
        for row in self.matrices.iter().flatten() {
            let mut row = row.clone();
            row.sort_by_key(|(_, v)| *v);
            bytes.extend((row.len() as u64).to_le_bytes());
            for (x, v) in row {
                bytes.extend((v as u64).to_le_bytes());
                bytes.extend(x.into_bigint().to_bytes_le());
            }
        }
        Digest32::of(&bytes).to_string()
    }

    fn forms(&self, i: usize, z: &[Fr]) -> [Fr; 3] {
        [0, 1, 2]
            .map(|m| self.matrices[m][i].iter().fold(Fr::zero(), |sum, (c, v)| if c.is_one() { sum + z[*v] } else { sum + *c * z[*v] }))
    }

    pub(crate) fn holds(&self, i: usize, z: &[Fr]) -> bool {
        let [a, b, c] = self.forms(i, z);
        a * b == c
    }

    pub(crate) fn satisfied(&self, z: &[Fr]) -> bool {
        z.len() == self.variables && (0..self.count()).all(|i| self.holds(i, z))
    }

    /// All constraints an assignment breaks.
    pub(crate) fn broken(&self, z: &[Fr]) -> Vec<usize> {
        (0..self.count()).filter(|i| !self.holds(*i, z)).collect()
    }

    /// Recomputes what follows from changed variables, with one constraint deleted: every other determining constraint up to `end` that
    /// does not hold is solved for the variable it determines.
    pub(crate) fn propagate(&self, derivation: &Derivation, z: &mut [Fr], deleted: usize, end: usize) {
        for i in derivation.order.iter().copied().filter(|i| *i < end && *i != deleted) {
            if !self.holds(i, z) {
                let v = derivation.pivots[i].expect("a constraint of the order determines a variable");
                self.solve(i, v, z);
            }
        }
    }

    /// Variables of a constraint.
    pub(crate) fn variables_of(&self, i: usize) -> impl Iterator<Item = usize> + '_ {
        self.matrices.iter().flat_map(move |m| &m[i]).map(|(_, v)| *v).filter(|v| *v != 0)
    }

    /// Witness variables that may be changed alone without breaking any constraint.
    pub(crate) fn free_alone(&self, z: &mut [Fr]) -> Vec<usize> {
        let mut free = Vec::new();
        for v in 1..self.variables {
            let honest = z[v];
            // two changes: a quadratic constraint may have the first as its other root (0 and 1 of a bit)
            let noticed = [3u64, 7].iter().all(|delta| {
                z[v] = honest + Fr::from(*delta);
                self.uses[v].iter().any(|i| !self.holds(*i as usize, z))
            });
            z[v] = honest;
            if !noticed {
                free.push(v);
            }
        }
        free
    }

    /// Derivative of a constraint at z by each of its variables: `a dB + b dA - dC`.
    fn gradient(&self, i: usize, z: &[Fr]) -> Vec<(usize, Fr)> {
        let [a, b, _] = self.forms(i, z);
        let mut sum = std::collections::BTreeMap::<usize, Fr>::new();
        for (m, factor) in [b, a, -Fr::one()].into_iter().enumerate() {
            for (c, v) in &self.matrices[m][i] {
                *sum.entry(*v).or_insert_with(Fr::zero) += factor * c;
            }
        }
        sum.into_iter().filter(|(_, x)| !x.is_zero()).collect()
    }

    /// Eliminates the Jacobian at z with the variables of `held` held fixed: again and again a constraint with one unknown determines
    /// it. Nothing left over means nullity 0; the elimination is triangular, so pivots are independent of each other.
    pub(crate) fn derive(&self, z: &[Fr], held: impl Fn(usize) -> bool) -> Derivation {
        let mut known: Vec<bool> = (0..self.variables).map(|v| v == 0 || held(v)).collect();
        let gradients: Vec<Vec<usize>> = (0..self.count()).map(|i| self.gradient(i, z).into_iter().map(|(v, _)| v).collect()).collect();
        let mut unknowns: Vec<usize> = gradients.iter().map(|g| g.iter().filter(|v| !known[**v]).count()).collect();
        let mut occurs = vec![Vec::new(); self.variables];
        for (i, gradient) in gradients.iter().enumerate() {
            gradient.iter().for_each(|v| occurs[*v].push(i));
        }
        let (mut pivots, mut order) = (vec![None; self.count()], Vec::new());
        // the earliest first: a constraint stands right behind the variable it defines, assertions come later
        let mut ready: std::collections::BTreeSet<usize> = (0..self.count()).filter(|i| unknowns[*i] == 1).collect();
        while let Some(i) = ready.pop_first() {
            let Some(v) = gradients[i].iter().copied().find(|v| !known[*v]) else { continue };
            known[v] = true;
            pivots[i] = Some(v);
            order.push(i);
            for j in &occurs[v] {
                unknowns[*j] -= 1;
                if unknowns[*j] == 1 {
                    ready.insert(*j);
                }
            }
        }
        Derivation { pivots, order, free: (0..self.variables).filter(|v| !known[*v]).collect() }
    }

    /// Gives a variable the value it must have for a constraint that is linear in it; leaves it where there is none.
    pub(crate) fn solve(&self, i: usize, v: usize, z: &mut [Fr]) {
        let slope = self.gradient(i, z).into_iter().find(|(u, _)| *u == v).map(|(_, x)| x);
        let [a, b, c] = self.forms(i, z);
        if let Some(inverse) = slope.and_then(|x| ark_ff::Field::inverse(&x)) {
            z[v] -= (a * b - c) * inverse;
        }
    }
}
