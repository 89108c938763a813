//! Tests of S1's circuit.

use super::*;
use crate::{
    constraints::{Constraints, assignment},
    fingerprint::mask,
    sumcheck::fold,
};
use ark_ff::{Field, UniformRand};
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, SynthesisMode};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// An instance that satisfies the circuit without any table: random messages, and eq chosen so that the last claim fits.
pub(crate) fn instance(seed: u64) -> (ValidityPublic, ValidityPrivate) {
    let mut rng = StdRng::seed_from_u64(seed);
    let f = |rng: &mut StdRng| Fr::rand(rng);
    let digest = f(&mut rng);
    let messages: Vec<Vec<Fr>> = (0..VALIDITY_ROUNDS).map(|_| (0..VALIDITY_DEGREE).map(|_| f(&mut rng)).collect()).collect();
    let private = ValidityPrivate { salt: f(&mut rng), messages, e: f(&mut rng), m: f(&mut rng), s: f(&mut rng) };
    let mut transcript = ValidityTranscript::start(digest, private.salt);
    let (mut claim, mut r) = (Fr::zero(), vec![]);
    for message in &private.messages {
        let challenge = transcript.round(message);
        claim = fold(claim, message, challenge);
        r.push(challenge);
    }
    let eq = claim * (private.e * (private.e - Fr::one())).inverse().unwrap();
    let c_m = transcript.finish(eq, private.e, private.m, private.s);
    let chi = f(&mut rng);
    let w = mask(chi, private.m, &[private.e]);
    (ValidityPublic { digest, eq, r, c_m, chi, w }, private)
}

fn synthesize(public: &ValidityPublic, private: &ValidityPrivate) -> ConstraintSystemRef<Fr> {
    let cs = ConstraintSystem::new_ref();
    ValidityCircuit { public: public.clone(), private: private.clone() }.generate_constraints(cs.clone()).unwrap();
    cs
}

fn satisfied(public: &ValidityPublic, private: &ValidityPrivate) -> bool {
    synthesize(public, private).is_satisfied().unwrap()
}

#[test]
fn valid_instances_pass_both_checks() {
    for seed in 0..4 {
        let (public, private) = instance(seed);
        assert_eq!(check_validity(&public, &private), Ok(()));
        assert!(satisfied(&public, &private));
    }
}

#[test]
fn constraint_count_is_the_formula_and_within_the_aim() {
    let (public, private) = instance(1);
    let cs = synthesize(&public, &private);
    // digest, salt and the first message fill two blocks, every other message one, the last four elements two;
    // the capacity lane is constant in the first permutation
    let permutations = (VALIDITY_ROUNDS + 1 + 2) * Poseidon::width_4().constraints() - 3;
    let rounds = VALIDITY_ROUNDS * (VALIDITY_DEGREE + 1);
    let (claim, binding, mask, fingerprint) = (3, 2, 2, VALIDITY_ROUNDS + 2);
    assert_eq!(cs.num_constraints(), permutations + rounds + claim + binding + mask + fingerprint);
    assert!(cs.num_constraints() <= 10_000, "the aim of the design");
}

#[test]
fn rejects_s1_1_each_message_changed() {
    let (public, private) = instance(2);
    let mut rng = StdRng::seed_from_u64(3);
    for round in [0, 1, 15, VALIDITY_ROUNDS - 1] {
        for c in 0..VALIDITY_DEGREE {
            let mut bad = private.clone();
            bad.messages[round][c] += Fr::from(rng.gen_range(1..100u64));
            assert_eq!(check_validity(&public, &bad), Err(ValidityViolation::Transcript));
            assert!(!satisfied(&public, &bad));
        }
    }
}

#[test]
fn rejects_s1_1_wrong_evaluation_eq_and_digest() {
    let (public, private) = instance(4);
    let mut bad = private.clone();
    bad.e += Fr::one();
    assert_eq!(check_validity(&public, &bad), Err(ValidityViolation::NotBits));
    assert!(!satisfied(&public, &bad));
    let mut wrong = public.clone();
    wrong.eq += Fr::one();
    assert_eq!(check_validity(&wrong, &private), Err(ValidityViolation::NotBits));
    assert!(!satisfied(&wrong, &private));
    let mut wrong = public.clone();
    wrong.digest += Fr::one();
    assert_eq!(check_validity(&wrong, &private), Err(ValidityViolation::Transcript));
    assert!(!satisfied(&wrong, &private));
    let mut bad = private.clone();
    bad.salt += Fr::one();
    assert_eq!(check_validity(&public, &bad), Err(ValidityViolation::Transcript));
    assert!(!satisfied(&public, &bad));
}

/// The claim after the rounds and an eq that was never absorbed: the prover keeps the public values it claimed, runs other rounds and
/// solves for the eq inside the circuit so that y agrees at the known chi. c_m must differ then.
#[test]
fn rejects_s1_1_eq_chosen_after_chi() {
    let (public, private) = instance(5);
    let mut other = private.clone();
    other.messages[7][1] += Fr::one();
    let mut transcript = ValidityTranscript::start(public.digest, other.salt);
    let r: Vec<Fr> = other.messages.iter().map(|m| transcript.round(m)).collect();
    // y = chi^32 + digest chi^31 + eq chi^30 + ...: solve eq' for the public y
    let tail = |r: &[Fr]| r.iter().fold(Fr::zero(), |y, x| y * public.chi + x);
    let power = public.chi.pow([VALIDITY_ROUNDS as u64]);
    let solved = (public.eq * power + tail(&public.r) - tail(&r)) * power.inverse().unwrap();
    let forged = ValidityPublic { eq: solved, r, ..public.clone() };
    assert_eq!(forged.inputs(), public.inputs(), "the attack's premise: all four inputs agree");
    // the circuit is given the forged values as witness and the same inputs; only the absorbed eq stops it
    assert!(!satisfied(&forged, &other));
}

#[test]
fn rejects_s1_3_binding_and_mask() {
    let (public, private) = instance(6);
    for change in [|p: &mut ValidityPrivate| p.m += Fr::one(), |p: &mut ValidityPrivate| p.s += Fr::one()] {
        let mut bad = private.clone();
        change(&mut bad);
        assert_eq!(check_validity(&public, &bad), Err(ValidityViolation::Binding));
        assert!(!satisfied(&public, &bad));
    }
    for change in [|p: &mut ValidityPublic| p.w += Fr::one(), |p: &mut ValidityPublic| p.chi += Fr::one()] {
        let mut bad = public.clone();
        change(&mut bad);
        assert_eq!(check_validity(&bad, &private), Err(ValidityViolation::Mask));
        assert!(!satisfied(&bad, &private));
    }
}

fn circuit(public: &ValidityPublic, private: &ValidityPrivate) -> ValidityCircuit {
    ValidityCircuit { public: public.clone(), private: private.clone() }
}

/// A change here changes the statement or at least its keys: raise `CIRCUIT_VERSION`, make new keys, then pin anew.
#[test]
fn matrices_are_pinned_and_the_same_at_setup_and_proving() {
    let setup = Constraints::setup(ValidityCircuit::blank()).hash();
    assert_eq!(setup, "15137fa3c7723cb9532c2e6744460db6a6458f50424c1ccc14894d22191dfdfe");
    let (public, private) = instance(7);
    let mode = SynthesisMode::Prove { construct_matrices: true, generate_lc_assignments: true };
    assert_eq!(Constraints::of(circuit(&public, &private), mode).hash(), setup);
}

#[test]
fn public_inputs_stand_in_their_order() {
    let (public, private) = instance(8);
    let y = fingerprint(public.chi, &public.values());
    assert_eq!(assignment(circuit(&public, &private))[..5], [Fr::one(), public.c_m, public.chi, public.w, y]);
    assert_eq!(public.values()[..2], [public.digest, public.eq]);
    assert_eq!(public.values()[2..], public.r);
}

/// With inputs and witness inputs held every derived variable is determined; what is left over is the four assertions: the last claim,
/// c_m, w and y. With those derived from them (eq from the last claim) no constraint is left over: each one determines a variable that is free without it.
#[test]
fn every_variable_is_determined_and_every_constraint_needed() {
    let constraints = Constraints::setup(ValidityCircuit::blank());
    let (public, private) = instance(9);
    let mut z = assignment(circuit(&public, &private));
    assert!(constraints.satisfied(&z));
    assert!(constraints.free_alone(&mut z).is_empty());
    // digest, eq, salt, e, m, s, messages
    let first = constraints.inputs + 6 + VALIDITY_ROUNDS * VALIDITY_DEGREE;
    let derivation = constraints.derive(&z, |v| v < first);
    assert!(derivation.free.is_empty());
    assert_eq!(derivation.pivots.iter().filter(|p| p.is_none()).count(), 4);
    let eq = constraints.inputs + 1;
    let derivation = constraints.derive(&z, |v| v < first && ![1, 3, 4, eq].contains(&v));
    assert!(derivation.free.is_empty());
    assert!(derivation.pivots.iter().all(Option::is_some));
    let mut rng = StdRng::seed_from_u64(10);
    for _ in 0..20 {
        let deleted = rng.gen_range(0..constraints.count());
        let mut forged = z.clone();
        forged[derivation.pivots[deleted].unwrap()] += Fr::one();
        constraints.propagate(&derivation, &mut forged, deleted, usize::MAX);
        assert_eq!(constraints.broken(&forged), [deleted]);
    }
}
