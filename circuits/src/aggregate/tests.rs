//! Tests of S2's circuit: valid instances, every clause broken (`clauses`, `release_rule`), hints tampered with, structure.

mod clauses;
mod release_rule;
mod structure;

use super::*;
use crate::{
    constraints::{Constraints, assignment},
    fingerprint::mask,
    statement::CellKind,
    sumcheck::fold,
};
use ark_ff::{One, UniformRand};
use rand::{Rng, SeedableRng, rngs::StdRng};

const SIZE: AggregateSize = AggregateSize::Cells128;
const K_MIN: u32 = 10;

const ROWS: CellKind = CellKind { group_start: true, block_start: true, gate: true, zero_ok: false, show: true };
const MISSING: CellKind = CellKind { group_start: false, block_start: true, gate: true, zero_ok: true, show: false };
const KNOWN: CellKind = CellKind { group_start: false, block_start: false, gate: true, zero_ok: false, show: true };
const SUM: CellKind = CellKind { group_start: false, block_start: false, gate: false, zero_ok: false, show: true };
const HIDDEN: CellKind = CellKind { group_start: false, block_start: false, gate: false, zero_ok: false, show: false };

/// Three groups of (rows, hidden, missing, known, sum, squares).
fn kinds() -> Vec<CellKind> {
    [ROWS, HIDDEN, MISSING, KNOWN, SUM, SUM].repeat(3)
}

/// Group 0 passes, group 1 has few missing, group 2 is small.
fn cells() -> Vec<u64> {
    vec![120, 7, 20, 100, 5000, 300_000, 50, 9, 3, 47, 900, 20_000, 9, 1, 0, 9, 80, 1000]
}

/// A satisfied instance without rows: random messages, and the last evaluation makes the final claim fit.
fn instance_of(
    seed: u64,
    k_min: u32,
    kinds: Vec<CellKind>,
    cells: &[u64],
    withheld: &[(usize, Withheld)],
) -> (AggregatePublic, AggregatePrivate) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut private = AggregatePrivate::blank(SIZE);
    for (to, from) in private.cells.iter_mut().zip(cells) {
        *to = Fr::from(*from);
    }
    for (i, reason) in withheld {
        private.withheld[*i] = *reason;
    }
    for x in private.messages.iter_mut().flatten().chain(&mut private.e) {
        *x = Fr::rand(&mut rng);
    }
    for x in [&mut private.salt, &mut private.m, &mut private.s, &mut private.result_salt] {
        *x = Fr::rand(&mut rng);
    }
    let outcome = release(k_min, &kinds, &private.cells, &private.withheld).unwrap();
    sealed(&mut rng, k_min, kinds, private, &outcome)
}

/// Seals an outcome, honest or forged, and completes the transcript: only the clause the outcome breaks is broken.
fn sealed(
    rng: &mut StdRng,
    k_min: u32,
    kinds: Vec<CellKind>,
    private: AggregatePrivate,
    outcome: &Release,
) -> (AggregatePublic, AggregatePrivate) {
    let public = AggregatePublic {
        digest: Fr::rand(rng),
        k_min,
        kinds,
        gamma: Fr::zero(),
        r: vec![],
        cells_digest: cells::cells_digest(SIZE, private.result_salt, &outcome.released, &outcome.flags, &private.withheld),
        counts: outcome.counts,
        c_m: Fr::zero(),
        chi: Fr::rand(rng),
        w: Fr::zero(),
    };
    complete(public, private)
}

/// Recomputes everything that follows from the transcript.
fn complete(mut public: AggregatePublic, mut private: AggregatePrivate) -> (AggregatePublic, AggregatePrivate) {
    let (mut transcript, gamma) =
        AggregateTranscript::start(SIZE, public.digest, public.k_min, &public.kinds, public.cells_digest, &private);
    let mut last = claim(gamma, &private.cells);
    let mut r = vec![];
    for message in &private.messages {
        let challenge = transcript.round(message);
        last = fold(last, message, challenge);
        r.push(challenge);
    }
    private.e[columns::RIGHT] = Fr::one();
    private.e[columns::RIGHT] = last * ark_ff::Field::inverse(&row_polynomial(&private.e)).unwrap();
    public.gamma = gamma;
    public.r = r;
    public.c_m = transcript.finish(&private.e, private.m, private.s);
    public.w = mask(public.chi, private.m, &private.e);
    (public, private)
}

fn instance(seed: u64) -> (AggregatePublic, AggregatePrivate) {
    instance_of(seed, K_MIN, kinds(), &cells(), &[])
}

fn circuit_satisfied(circuit: AggregateCircuit) -> bool {
    // the matrices do not depend on the assignment: `same_matrices_at_setup_and_proving`
    static MATRICES: std::sync::OnceLock<Constraints> = std::sync::OnceLock::new();
    MATRICES.get_or_init(|| Constraints::setup(AggregateCircuit::blank(SIZE))).satisfied(&assignment(circuit))
}

fn satisfied(public: &AggregatePublic, private: &AggregatePrivate) -> bool {
    circuit_satisfied(AggregateCircuit::new(SIZE, public.clone(), private.clone()))
}

/// The native check gives exactly this violation and the circuit is not satisfied.
fn rejected(public: &AggregatePublic, private: &AggregatePrivate, violation: Violation) {
    assert_eq!(check_aggregate(SIZE, public, private), Err(violation));
    assert!(!satisfied(public, private), "the circuit accepts what the native check refuses");
}

#[test]
fn valid_instances_pass_both_checks() {
    for (seed, withheld) in
        [vec![], vec![(0, Withheld::Overlap), (2, Withheld::Local)], vec![(2, Withheld::Dominance)]].into_iter().enumerate()
    {
        let (public, private) = instance_of(seed as u64, K_MIN, kinds(), &cells(), &withheld);
        assert_eq!(check_aggregate(SIZE, &public, &private), Ok(()));
        assert!(satisfied(&public, &private));
    }
}

#[test]
fn random_tables_native_and_circuit_agree() {
    let mut rng = StdRng::seed_from_u64(77);
    for seed in 0..3 {
        let n = rng.gen_range(1..=SIZE.cells());
        let kinds: Vec<CellKind> = (0..n)
            .map(|i| CellKind {
                group_start: false,
                block_start: i == 0 || rng.r#gen(),
                gate: rng.r#gen(),
                zero_ok: rng.r#gen(),
                show: rng.r#gen(),
            })
            .collect();
        let cells: Vec<u64> = (0..n).map(|_| if rng.r#gen() { rng.gen_range(0..30) } else { rng.gen_range(0..1 << 22) }).collect();
        let withheld: Vec<(usize, Withheld)> =
            (0..n).filter(|i| kinds[*i].block_start && i % 3 == 0).map(|i| (i, Withheld::Overlap)).collect();
        let (public, private) = instance_of(seed, 1 + rng.gen_range(0..20), kinds, &cells, &withheld);
        assert_eq!(check_aggregate(SIZE, &public, &private), Ok(()));
        assert!(satisfied(&public, &private));
    }
}

#[test]
fn the_rule_on_the_example() {
    let (public, private) = instance(1);
    let outcome = release(K_MIN, &public.kinds, &private.cells, &private.withheld).unwrap();
    let expected = [120, 0, 0, 100, 5000, 300_000, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].map(Fr::from);
    assert_eq!(outcome.released[..18], expected);
    assert_eq!(outcome.counts, GateCounts { released: 3, small: 3, withheld: [0; 3] });
}
