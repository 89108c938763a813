//! The question row by row in R1CS, proved with the library's own Groth16 prover.
//!
//! A filter is one range check of 8 bits around its bound, a group one bit among ten, and the sums of 1, x, x^2 by group are the public
//! inputs. Nothing ties the rows to a commitment: less than what the two others prove.

use crate::{
    figures::{Figures, RUNS, VERIFICATIONS, first_and_again, median},
    rows::{FILTERS, Filter, GROUPS, Group, Row, answer},
};
use ark_bn254::{Bn254, Fr};
use ark_ff::UniformRand;
use ark_groth16::{Groth16, Proof, prepare_verifying_key};
use ark_r1cs_std::{
    GR1CSVar,
    alloc::AllocVar,
    boolean::Boolean,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, SynthesisError};
use ark_serialize::CanonicalSerialize;
use rand::{SeedableRng, rngs::StdRng};
use rayon::prelude::*;
use std::time::Instant;

/// Most rows of one circuit; of more rows, so many are proved and the time is multiplied.
const ROWS_MAX: usize = 1024;
/// Bits of the range check of a filter: what is filtered is at most 127 away from the bound.
const BITS: usize = 8;
/// Bits of a value.
const VALUE_BITS: usize = 7;

#[derive(Clone)]
struct RowsInCircuit<'a> {
    rows: &'a [Row],
}

/// Is the filter passed? The highest bit of its distance to the bound, moved up by half the range.
fn passes(cs: &ConstraintSystemRef<Fr>, filter: &Filter, x: i16) -> Result<FpVar<Fr>, SynthesisError> {
    let x = FpVar::new_witness(cs.clone(), || Ok(Fr::from(x)))?;
    let bound = Fr::from(filter.bound);
    let past = if filter.below { FpVar::constant(bound) - x } else { x - bound };
    let (bits, _) = (past + Fr::from((1i16 << (BITS - 1)) - 1)).to_bits_le_with_top_bits_zero(BITS)?;
    Ok(FpVar::from(bits[BITS - 1].clone()))
}

impl ConstraintSynthesizer<Fr> for RowsInCircuit<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let bit = |value: bool| Ok::<_, SynthesisError>(FpVar::from(Boolean::new_witness(cs.clone(), || Ok(value))?));
        let mut terms: Vec<[Vec<FpVar<Fr>>; 3]> = vec![Default::default(); GROUPS];
        for row in self.rows {
            let mut keep = bit(row.value.is_some())?;
            for (filter, x) in FILTERS.iter().zip(row.filtered) {
                keep *= passes(&cs, filter, x)?;
            }
            for consent in row.consents {
                keep *= bit(consent)?;
            }
            let value = FpVar::new_witness(cs.clone(), || Ok(Fr::from(row.value.unwrap_or(0))))?;
            let _ = value.to_bits_le_with_top_bits_zero(VALUE_BITS)?;
            let square = value.square()?;
            let mut bits = Vec::with_capacity(GROUPS);
            for (group, [known, sum, squares]) in (0u16..).zip(&mut terms) {
                let is_it = bit(group == row.group)?;
                let weight = &keep * &is_it;
                bits.push(is_it);
                sum.push(&weight * &value);
                squares.push(&weight * &square);
                known.push(weight);
            }
            bits.iter().sum::<FpVar<Fr>>().enforce_equal(&FpVar::one())?;
        }
        for terms in terms.iter().flatten() {
            let total: FpVar<Fr> = terms.iter().sum();
            FpVar::new_input(cs.clone(), || total.value())?.enforce_equal(&total)?;
        }
        Ok(())
    }
}

/// The public inputs that say an answer.
fn inputs(groups: &[Group; GROUPS]) -> Vec<Fr> {
    groups.iter().flat_map(|group| [group.known, group.sum, group.squares]).map(Fr::from).collect()
}

/// Every circuit's worth of rows satisfies the constraints, and the sums they make are together the answer that was counted.
fn compare(rows: &[Row], in_circuit: usize, groups: &[Group; GROUPS]) {
    let of_chunk = |rows: &[Row]| {
        let cs = ConstraintSystem::<Fr>::new_ref();
        RowsInCircuit { rows }.generate_constraints(cs.clone()).unwrap();
        assert!(cs.is_satisfied().unwrap(), "the rows do not satisfy the circuit");
        let inputs = cs.instance_assignment().unwrap();
        inputs[1..].to_vec()
    };
    let none = || vec![Fr::from(0u64); 3 * GROUPS];
    let add = |a: Vec<Fr>, b: Vec<Fr>| a.iter().zip(&b).map(|(a, b)| *a + b).collect();
    let found = rows.par_chunks(in_circuit).map(of_chunk).reduce(none, add);
    assert_eq!(found, inputs(groups), "the sums in the circuit are not those of the rows");
}

/// Proves and verifies a circuit's worth of rows; its key is made before and is not counted.
pub(crate) fn measure(rows: &[Row], groups: &[Group; GROUPS]) -> Figures {
    let in_circuit = rows.len().min(ROWS_MAX);
    compare(rows, in_circuit, groups);
    let (circuit, public) = (RowsInCircuit { rows: &rows[..in_circuit] }, inputs(&answer(&rows[..in_circuit])));
    let mut rng = StdRng::seed_from_u64(3);
    let key = Groth16::<Bn254>::generate_random_parameters_with_reduction(circuit.clone(), &mut rng).unwrap();
    let prepared = prepare_verifying_key(&key.vk);
    let (mut proving, mut proofs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (r, s) = (Fr::rand(&mut rng), Fr::rand(&mut rng));
        let start = Instant::now();
        proofs.push(Groth16::<Bn254>::create_proof_with_reduction(circuit.clone(), &key, r, s).unwrap());
        proving.push(start.elapsed().as_secs_f64());
    }
    let proof = &proofs[0];
    let holds = |proof: &Proof<Bn254>, public: &[Fr]| Groth16::<Bn254>::verify_proof(&prepared, proof, public).unwrap();
    let mut verifying = Vec::new();
    for _ in 0..VERIFICATIONS {
        let start = Instant::now();
        assert!(holds(proof, &public), "the proof is not one of the counted sums");
        verifying.push(start.elapsed().as_secs_f64());
    }
    let mut other = public;
    other[0] += Fr::from(1u64);
    assert!(!holds(proof, &other), "another sum is accepted as well");
    let all = in_circuit == rows.len();
    Figures {
        system: if all { "rows in R1CS, Groth16" } else { "rows in R1CS, Groth16: 1,024 rows, the time multiplied" },
        // linear, as constraints are: a key for every size would take longer than all the rest
        proving_seconds: median(&proving) * (rows.len() / in_circuit) as f64,
        committing_seconds: None,
        plain_loop_seconds: None,
        proof_bytes: Some(proof.compressed_size()),
        verifying_seconds: Some(first_and_again(&verifying)),
    }
}
