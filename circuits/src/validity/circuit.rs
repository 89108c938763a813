//! The circuit of S1.

use super::{ValidityPrivate, ValidityPublic, ValidityTranscript};
use crate::{
    field::Fr,
    fingerprint::{fingerprint_var, mask_var},
    poseidon::{Poseidon, SpongeVar},
    sumcheck::rounds_var,
};
use ark_ff::Zero;
use ark_r1cs_std::{
    alloc::AllocVar,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError};

type Var = FpVar<Fr>;

/// The S1 circuit with an assignment.
#[derive(Debug, Clone)]
pub struct ValidityCircuit {
    /// The verifier's side.
    pub public: ValidityPublic,
    /// The prover's side.
    pub private: ValidityPrivate,
}

impl ValidityCircuit {
    /// The circuit with a blank assignment, for key generation.
    pub fn blank() -> Self {
        let z = Fr::zero();
        let public = ValidityPublic { digest: z, eq: z, r: vec![z; super::VALIDITY_ROUNDS], c_m: z, chi: z, w: z };
        Self { public, private: ValidityPrivate::blank() }
    }
}

impl ConstraintSynthesizer<Fr> for ValidityCircuit {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let [c_m, chi, w, y] = self.public.inputs();
        let c_m = Var::new_input(cs.clone(), || Ok(c_m))?;
        let chi = Var::new_input(cs.clone(), || Ok(chi))?;
        let w = Var::new_input(cs.clone(), || Ok(w))?;
        let y = Var::new_input(cs.clone(), || Ok(y))?;
        let witness = |x: Fr| Var::new_witness(cs.clone(), || Ok(x));
        let digest = witness(self.public.digest)?;
        let eq = witness(self.public.eq)?;
        let salt = witness(self.private.salt)?;
        let e = witness(self.private.e)?;
        let m = witness(self.private.m)?;
        let s = witness(self.private.s)?;
        let messages: Vec<Vec<Var>> =
            self.private.messages.iter().map(|message| message.iter().map(|c| witness(*c)).collect()).collect::<Result<_, _>>()?;

        // S1.1 zero-check
        let mut transcript = SpongeVar::new(Poseidon::width_4(), ValidityTranscript::tag());
        transcript.absorb(&[digest.clone(), salt])?;
        let (r, last_claim) = rounds_var(&mut transcript, Var::zero(), &messages)?;
        (&eq * (&e * (&e - Fr::from(1u64)))).enforce_equal(&last_claim)?;

        // S1.3 c_m binds eq, the evaluation and the mask, and hides the latter two; w masks the evaluation
        transcript.absorb(&[eq.clone(), e.clone(), m.clone(), s])?;
        transcript.squeeze()?.enforce_equal(&c_m)?;
        mask_var(&chi, &m, &[e]).enforce_equal(&w)?;

        // y: the values the verifier knows, in the order of `ValidityPublic::values`
        let mut values = vec![digest, eq];
        values.extend(r);
        fingerprint_var(&chi, &values).enforce_equal(&y)
    }
}
