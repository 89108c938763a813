//! The baseline: the same question row by row in R1CS, with the library's own Groth16 prover.
//!
//! For each row: four range filters on 16-bit values, two consent bits, a group among ten, and sums of 1, x, x^2 by group. No
//! commitments and no hiding of the table's size: less than what Countersign proves.

use ark_bn254::{Bn254, Fr};
use ark_ff::{UniformRand, Zero};
use ark_groth16::Groth16;
use ark_r1cs_std::{
    GR1CSVar,
    alloc::AllocVar,
    boolean::Boolean,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, SynthesisError};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::time::Instant;

#[derive(Clone)]
struct RowsInCircuit {
    /// values, lower bounds met, consents, group
    rows: Vec<([u16; 4], [bool; 2], u8)>,
}

impl ConstraintSynthesizer<Fr> for RowsInCircuit {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let bound = 20_000u64;
        let mut sums = vec![FpVar::<Fr>::zero(); 30];
        for (values, consents, group) in &self.rows {
            let mut keep = FpVar::<Fr>::one();
            let mut x = FpVar::<Fr>::zero();
            for value in values {
                x = FpVar::new_witness(cs.clone(), || Ok(Fr::from(*value)))?;
                let (_, rest) = x.to_bits_le_with_top_bits_zero(16)?;
                rest.enforce_equal(&FpVar::zero())?;
                // x >= bound: bit 16 of x + 2^16 - bound
                let shifted = &x + Fr::from((1u64 << 16) - bound);
                let (bits, _) = shifted.to_bits_le_with_top_bits_zero(17)?;
                keep *= FpVar::from(bits[16].clone());
            }
            for consent in consents {
                keep *= FpVar::from(Boolean::new_witness(cs.clone(), || Ok(*consent))?);
            }
            let mut one_hot = FpVar::<Fr>::zero();
            let square = x.square()?;
            for g in 0..10u8 {
                let bit = FpVar::from(Boolean::new_witness(cs.clone(), || Ok(g == *group))?);
                one_hot += &bit;
                let weight = &keep * bit;
                sums[usize::from(g) * 3 + 1] += &weight * &x;
                sums[usize::from(g) * 3 + 2] += &weight * &square;
                sums[usize::from(g) * 3] += weight;
            }
            one_hot.enforce_equal(&FpVar::one())?;
        }
        for sum in sums {
            let public = FpVar::new_input(cs.clone(), || sum.value())?;
            public.enforce_equal(&sum)?;
        }
        Ok(())
    }
}

/// Constraints and proving seconds of the baseline at a number of rows (median of three).
pub fn measure(rows: usize) -> (usize, f64) {
    let mut rng = StdRng::seed_from_u64(1);
    let circuit = RowsInCircuit { rows: (0..rows).map(|_| (rng.r#gen(), [true, rng.r#gen()], rng.gen_range(0..10))).collect() };
    let cs = ConstraintSystem::new_ref();
    circuit.clone().generate_constraints(cs.clone()).unwrap();
    let key = Groth16::<Bn254>::generate_random_parameters_with_reduction(circuit.clone(), &mut rng).unwrap();
    let mut times: Vec<f64> = (0..3)
        .map(|_| {
            let (r, s) = (Fr::rand(&mut rng), Fr::rand(&mut rng));
            let start = Instant::now();
            let proof = Groth16::<Bn254>::create_proof_with_reduction(circuit.clone(), &key, r, s).unwrap();
            assert!(proof.a != ark_bn254::G1Affine::default() && !r.is_zero());
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (cs.num_constraints(), times[1])
}
