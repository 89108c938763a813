//! Groth16's prover over the library's keys and formula, with cached matrices, values-only synthesis and faster multi-scalar multiplications.
//!
//! Source: Groth, "On the Size of Pairing-based Non-interactive Arguments" (Eurocrypt 2016), section 3.2. For the same r and s the proof is the
//! library's, byte for byte (test `same_proof_as_the_library`).

use crate::keys::CircuitKey;
use ark_bn254::{Bn254, g1, g2};
use ark_ec::CurveGroup;
use ark_ff::{PrimeField, UniformRand};
use ark_groth16::{
    Proof,
    r1cs_to_qap::{LibsnarkReduction, R1CSToQAP},
};
use ark_poly::GeneralEvaluationDomain;
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystem, Matrix, OptimizationGoal, SynthesisError, SynthesisMode};
use countersign_circuits::{field::Fr, msm::msm_bigint};
use rand::{CryptoRng, RngCore};
use rayon::prelude::*;
use zeroize::Zeroizing;

/// A circuit that cannot be proved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Groth16Error {
    /// Synthesis failed.
    #[error("the circuit cannot be synthesised: {0}")]
    Synthesis(String),
    /// The witness does not satisfy the circuit; the library would prove it without a word.
    #[error("constraint {constraint} is not satisfied by the witness; this is a fault of this program")]
    Unsatisfied {
        /// The first such constraint.
        constraint: usize,
    },
}

impl From<SynthesisError> for Groth16Error {
    fn from(e: SynthesisError) -> Self {
        Self::Synthesis(e.to_string())
    }
}

/// Values of all variables: constant one, inputs, witnesses. No matrices are built. Wiped when dropped; the library's own copies are not.
///
/// # Errors
/// Synthesis failed.
pub fn assignment(circuit: impl ConstraintSynthesizer<Fr>) -> Result<Zeroizing<Vec<Fr>>, Groth16Error> {
    let cs = ConstraintSystem::new_ref();
    cs.set_optimization_goal(OptimizationGoal::Constraints);
    cs.set_mode(SynthesisMode::Prove { construct_matrices: false, generate_lc_assignments: false });
    circuit.generate_constraints(cs.clone())?;
    let cs = cs.borrow().ok_or_else(|| Groth16Error::Synthesis("no constraint system".into()))?;
    Ok(Zeroizing::new([cs.instance_assignment()?, cs.witness_assignment()?].concat()))
}

/// The first constraint an assignment breaks.
pub fn first_unsatisfied(matrices: &[Matrix<Fr>], z: &[Fr]) -> Option<usize> {
    let [a, b, c] = matrices else { return Some(0) };
    let row = |row: &[(Fr, usize)]| row.iter().map(|(k, i)| *k * z[*i]).sum::<Fr>();
    (0..a.len()).into_par_iter().with_min_len(512).find_first(|i| row(&a[*i]) * row(&b[*i]) != row(&c[*i]))
}

/// Proves an assignment.
///
/// # Errors
/// The assignment does not satisfy the circuit.
pub fn prove(key: &CircuitKey, z: &[Fr], rng: &mut (impl RngCore + CryptoRng)) -> Result<Proof<Bn254>, Groth16Error> {
    if let Some(constraint) = first_unsatisfied(&key.matrices, z) {
        return Err(Groth16Error::Unsatisfied { constraint });
    }
    prove_unchecked(key, z, Fr::rand(rng), Fr::rand(rng))
}

/// [`prove`] without the check, for given randomness: what a cheating prover would run.
///
/// # Errors
/// The assignment has the wrong length.
pub fn prove_unchecked(key: &CircuitKey, z: &[Fr], r: Fr, s: Fr) -> Result<Proof<Bn254>, Groth16Error> {
    let pk = &key.key;
    let scalars: Vec<_> = z.par_iter().skip(1).map(|x| x.into_bigint()).collect();
    let witnesses = &scalars[key.inputs - 1..];
    let quotient = || -> Result<_, Groth16Error> {
        let h =
            LibsnarkReduction::witness_map_from_matrices::<Fr, GeneralEvaluationDomain<Fr>>(&key.matrices, key.inputs, key.constraints, z)?;
        let h: Vec<_> = h.par_iter().map(|x| x.into_bigint()).collect();
        Ok((msm_bigint::<g1::Config>(&pk.h_query, &h), msm_bigint::<g1::Config>(&pk.l_query, witnesses)))
    };
    let queries = || {
        (
            msm_bigint::<g1::Config>(&pk.a_query[1..], &scalars),
            msm_bigint::<g1::Config>(&pk.b_g1_query[1..], &scalars),
            msm_bigint::<g2::Config>(&pk.b_g2_query[1..], &scalars),
        )
    };
    let (quotient, (a, b_g1, b_g2)) = rayon::join(quotient, queries);
    let (h, l) = quotient?;
    let a = pk.delta_g1 * r + pk.a_query[0] + a + pk.vk.alpha_g1;
    let b_g1 = pk.delta_g1 * s + pk.b_g1_query[0] + b_g1 + pk.beta_g1;
    let b_g2 = pk.vk.delta_g2 * s + pk.b_g2_query[0] + b_g2 + pk.vk.beta_g2;
    let c = a * s + b_g1 * r - pk.delta_g1 * (r * s) + l + h;
    Ok(Proof { a: a.into_affine(), b: b_g2.into_affine(), c: c.into_affine() })
}
