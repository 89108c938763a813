//! The permutation and the sponge as constraints.

use super::{FULL_ROUNDS, Poseidon};
use crate::field::Fr;
use ark_ff::Zero;
use ark_r1cs_std::{
    GR1CSVar,
    alloc::AllocVar,
    fields::{
        FieldVar,
        fp::{AllocatedFp, FpVar},
    },
};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

/// A linear form over variables and constants, as one linear combination.
fn form(coefficients: &[Fr], terms: &[FpVar<Fr>], constant: Fr) -> FpVar<Fr> {
    let mut sum = constant;
    let (mut weights, mut variables) = (Vec::with_capacity(terms.len()), Vec::<&AllocatedFp<Fr>>::with_capacity(terms.len()));
    for (c, term) in coefficients.iter().zip(terms) {
        match term {
            FpVar::Constant(x) => sum += *c * x,
            FpVar::Var(x) => {
                weights.push(*c);
                variables.push(x);
            }
        }
    }
    let constant = FpVar::Constant(sum);
    AllocatedFp::linear_combination(&weights, &variables).map_or(constant.clone(), |lc| FpVar::Var(lc) + constant)
}

/// x^5, three constraints (none for a constant).
fn pow5(x: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
    Ok(x.square()?.square()? * x)
}

impl Poseidon {
    fn permute_var(&self, state: &mut Vec<FpVar<Fr>>) -> Result<(), SynthesisError> {
        for r in 0..FULL_ROUNDS {
            let boxed: Vec<FpVar<Fr>> =
                state.iter().zip(self.full_constants(r)).map(|(x, c)| pow5(&(x + FpVar::Constant(*c)))).collect::<Result<_, _>>()?;
            *state = if r + 1 == FULL_ROUNDS / 2 {
                let mut z = boxed;
                for input in &self.partial_inputs {
                    z.push(pow5(&form(&input[1..], &z, input[0]))?);
                }
                self.partial_outputs.iter().map(|output| form(&output[1..], &z, output[0])).collect()
            } else {
                self.mds.iter().map(|row| form(row, &boxed, Fr::zero())).collect()
            };
        }
        Ok(())
    }
}

/// [`super::Sponge`] over variables.
#[derive(Debug, Clone)]
pub struct SpongeVar {
    poseidon: &'static Poseidon,
    state: Vec<FpVar<Fr>>,
    position: usize,
}

impl SpongeVar {
    /// An empty sponge with a domain tag in its capacity lane.
    pub fn new(poseidon: &'static Poseidon, tag: Fr) -> Self {
        let mut state = vec![FpVar::zero(); poseidon.width()];
        state[0] = FpVar::Constant(tag);
        Self { poseidon, state, position: 0 }
    }

    /// Absorbs elements.
    ///
    /// # Errors
    /// Synthesis failed.
    pub fn absorb(&mut self, elements: &[FpVar<Fr>]) -> Result<(), SynthesisError> {
        for x in elements {
            if self.position == self.poseidon.rate() {
                self.permute()?;
            }
            self.state[1 + self.position] += x;
            self.position += 1;
        }
        Ok(())
    }

    /// Ends the message and draws one element, as a variable of its own (one constraint).
    ///
    /// # Errors
    /// Synthesis failed.
    pub fn squeeze(&mut self) -> Result<FpVar<Fr>, SynthesisError> {
        self.permute()?;
        bind(&self.state[1])
    }

    fn permute(&mut self) -> Result<(), SynthesisError> {
        self.poseidon.permute_var(&mut self.state)?;
        self.position = 0;
        Ok(())
    }
}

/// A variable equal to a linear combination: what is used often must not drag its terms along.
fn bind(x: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
    use ark_r1cs_std::eq::EqGadget;
    let cs: ConstraintSystemRef<Fr> = x.cs();
    if cs.is_none() {
        return Ok(x.clone());
    }
    let variable = FpVar::new_witness(cs, || x.value())?;
    variable.enforce_equal(x)?;
    Ok(variable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poseidon::Sponge;
    use ark_ff::UniformRand;
    use ark_relations::gr1cs::ConstraintSystem;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn fast_permutation_is_the_textbook_one() {
        let mut rng = StdRng::seed_from_u64(1);
        for poseidon in [Poseidon::width_4(), Poseidon::width_17()] {
            let mut a: Vec<Fr> = (0..poseidon.width()).map(|_| Fr::rand(&mut rng)).collect();
            let mut b = a.clone();
            poseidon.permute(&mut a);
            poseidon.permute_reference(&mut b);
            assert_eq!(a, b);
        }
    }

    #[test]
    fn gadget_is_the_native_sponge_and_counts_as_stated() {
        let mut rng = StdRng::seed_from_u64(2);
        for poseidon in [Poseidon::width_4(), Poseidon::width_17()] {
            for n in [1, poseidon.rate(), poseidon.rate() + 1, 2 * poseidon.rate() + 1] {
                let xs: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
                let mut native = Sponge::new(poseidon, Fr::from(7u64));
                native.absorb(&xs);
                let cs = ConstraintSystem::<Fr>::new_ref();
                let vars: Vec<_> = xs.iter().map(|x| FpVar::new_witness(cs.clone(), || Ok(*x)).unwrap()).collect();
                let mut gadget = SpongeVar::new(poseidon, Fr::from(7u64));
                gadget.absorb(&vars).unwrap();
                for _ in 0..2 {
                    assert_eq!(native.squeeze(), gadget.squeeze().unwrap().value().unwrap());
                }
                assert!(cs.is_satisfied().unwrap());
                let permutations = n.div_ceil(poseidon.rate()) + 1;
                // lanes that are still constant in the first round cost nothing there
                let constant_lanes = poseidon.width() - n.min(poseidon.rate());
                assert_eq!(cs.num_constraints(), permutations * poseidon.constraints() - 3 * constant_lanes + 2);
            }
        }
    }

    /// circomlib's published vectors for three and sixteen inputs (its permutation of (0, 1, .., t - 1), first lane).
    #[test]
    fn constants_are_the_published_ones() {
        let published = [
            (Poseidon::width_4(), "6542985608222806190361240322586112750744169038454362455181422643027100751666"),
            (Poseidon::width_17(), "9989051620750914585850546081941653841776809718687451684622678807385399211877"),
        ];
        for (poseidon, expected) in published {
            let mut state: Vec<Fr> = (0..poseidon.width() as u64).map(Fr::from).collect();
            poseidon.permute(&mut state);
            assert_eq!(state[0].to_string(), expected);
        }
    }
}
