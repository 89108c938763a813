//! The pieces of ark-r1cs-std the circuits use, against native arithmetic.

use super::*;
use ark_ff::UniformRand;
use ark_r1cs_std::{
    GR1CSVar,
    alloc::AllocVar,
    boolean::Boolean,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::SynthesisError;
use rand::{SeedableRng, rngs::StdRng};

type Var = FpVar<Fr>;

/// A circuit written down as a closure.
struct Circuit<F>(F);

impl<F: FnOnce(ConstraintSystemRef<Fr>) -> Result<(), SynthesisError>> ConstraintSynthesizer<Fr> for Circuit<F> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        (self.0)(cs)
    }
}

#[test]
fn enforce_equal_refuses_what_differs() {
    let mut rng = StdRng::seed_from_u64(1);
    let x = Fr::rand(&mut rng);
    for (left_constant, right_constant) in [(false, false), (true, false), (false, true)] {
        for other in [x, x + Fr::one(), -x, Fr::zero()] {
            let cs = ConstraintSystem::<Fr>::new_ref();
            let var = |x: Fr, constant: bool| if constant { Var::Constant(x) } else { Var::new_witness(cs.clone(), || Ok(x)).unwrap() };
            var(x, left_constant).enforce_equal(&var(other, right_constant)).unwrap();
            assert_eq!(cs.is_satisfied().unwrap(), x == other);
        }
    }
}

/// `new_witness` of a Boolean binds its variable to 0 and 1: an assignment of 2, or anything else, breaks a constraint.
#[test]
fn boolean_witness_refuses_two() {
    let circuit = |b: bool| Circuit(move |cs: ConstraintSystemRef<Fr>| Boolean::new_witness(cs, || Ok(b)).map(drop));
    let constraints = Constraints::setup(circuit(false));
    for b in [false, true] {
        let mut z = assignment(circuit(b));
        assert_eq!(z, [Fr::one(), Fr::from(b)]);
        assert!(constraints.satisfied(&z));
        for bad in [Fr::from(2u64), -Fr::one(), ark_ff::Field::inverse(&Fr::from(2u64)).unwrap()] {
            z[1] = bad;
            assert!(!constraints.satisfied(&z));
        }
    }
}

#[test]
fn field_of_a_boolean_is_its_bit() {
    for b in [false, true] {
        let cs = ConstraintSystem::<Fr>::new_ref();
        let bit = Boolean::new_witness(cs.clone(), || Ok(b)).unwrap();
        assert_eq!(Var::from(bit).value().unwrap(), Fr::from(b));
        assert_eq!(Var::from(Boolean::Constant(b)).value().unwrap(), Fr::from(b));
        assert_eq!(cs.num_constraints(), 1);
    }
}

/// Sums and products of variables and constants: value, and the value the constraints force.
#[test]
fn arithmetic_is_the_fields() {
    let mut rng = StdRng::seed_from_u64(2);
    let mut samples: Vec<Fr> = (0..3).map(|_| Fr::rand(&mut rng)).collect();
    samples.extend([Fr::zero(), Fr::one(), -Fr::one()]);
    for x in &samples {
        for y in &samples {
            for (x_constant, y_constant) in [(false, false), (true, false), (false, true), (true, true)] {
                let cs = ConstraintSystem::<Fr>::new_ref();
                let var = |x: Fr, constant: bool| if constant { Var::Constant(x) } else { Var::new_witness(cs.clone(), || Ok(x)).unwrap() };
                let (a, b) = (var(*x, x_constant), var(*y, y_constant));
                let list = [a.clone(), b.clone(), Var::one(), a.clone()];
                for (gadget, native) in [
                    (&a + &b, *x + y),
                    (&a - &b, *x - y),
                    (&a * &b, *x * y),
                    (a.clone() * *y, *x * y),
                    (&a - *y, *x - y),
                    (list.iter().sum(), *x + y + Fr::one() + x),
                    (list.into_iter().sum(), *x + y + Fr::one() + x),
                    (a.square().unwrap(), *x * x),
                    (Var::one() - &a, Fr::one() - x),
                    (Var::zero() * &b + &a, *x),
                ] {
                    assert_eq!(gadget.value().unwrap(), native);
                    gadget.enforce_equal(&Var::Constant(native)).unwrap();
                }
                assert!(cs.is_satisfied().unwrap());
            }
        }
    }
}

/// The oracle of the structure tests notices what it should: `x y = z, z = 6` with x held determines y; without the product, y is free.
#[test]
fn derivation_finds_what_is_free() {
    let circuit = |bound: bool| {
        Circuit(move |cs: ConstraintSystemRef<Fr>| {
            let [x, y] = [2u64, 3].map(|v| Var::new_witness(cs.clone(), || Ok(Fr::from(v))).unwrap());
            let product = if bound { &x * &y } else { Var::new_witness(cs.clone(), || Ok(Fr::from(6u64)))? };
            product.enforce_equal(&Var::Constant(Fr::from(6u64)))
        })
    };
    let (good, bad) = (Constraints::setup(circuit(true)), Constraints::setup(circuit(false)));
    let mut z = assignment(circuit(true));
    assert_eq!(good.derive(&z, |v| v == 1).free, Vec::<usize>::new());
    assert_eq!(bad.derive(&z, |v| v == 1).free, [2]);
    assert_eq!(good.free_alone(&mut z), Vec::<usize>::new());
    assert_eq!(bad.free_alone(&mut z), [1, 2]);
    assert_eq!(good.broken(&[1u64, 2, 4, 8].map(Fr::from)), [1]);
    assert_ne!(good.hash(), bad.hash());
}
