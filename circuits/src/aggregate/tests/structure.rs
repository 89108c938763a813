//! The shape of S2's circuit: counts, matrices, inputs; no variable free, every derived value determined, no constraint superfluous.

use super::*;
use crate::{
    constraints::Derivation,
    statement::{CLAUSES_MAX, LITERALS_MAX},
};
use ark_relations::gr1cs::SynthesisMode;

/// Release constraints of a cell: 36 of the gate, 3 of the flag, 16 of the outcome.
const CELL: usize = 55;
const PERMUTATION: usize = 612;

/// The formula of the module's documentation.
fn formula(size: AggregateSize) -> usize {
    let n = size.cells();
    let kinds = 5 * n / 128;
    let permutations = [1 + n / 4 + 3 * n / 128, 3 + kinds + 2 * n / 128 + 1 + n, columns::COUNT + 2].map(|x: usize| x.div_ceil(16));
    let transcripts = (permutations.iter().sum::<usize>() + ROUNDS) * PERMUTATION - 2 * 3;
    let squeezes = 2 + ROUNDS + 1;
    let sumcheck = (n - 1) + ROUNDS * DEGREE_MAX;
    let row = columns::SCOPE.max(8) + CLAUSES_MAX * LITERALS_MAX + (columns::COUNT - columns::GROUP);
    let values = 2 + kinds + 1 + ROUNDS + 1 + 5;
    7 * n + (CELL * n - 3) + transcripts + squeezes + sumcheck + row + columns::COUNT + (values - 1) + 4
}

#[test]
fn constraint_count_is_the_formula_and_fits_the_domains() {
    assert_eq!(Poseidon::width_17().constraints(), PERMUTATION);
    for (size, domain, inputs) in [(AggregateSize::Cells128, 1 << 15, 5), (AggregateSize::Cells256, 1 << 16, 5)] {
        let circuit = Constraints::setup(AggregateCircuit::blank(size));
        assert_eq!(circuit.count(), formula(size), "{size:?}");
        assert_eq!(circuit.inputs, inputs);
        assert!(circuit.count() + circuit.inputs <= domain);
    }
}

/// A change here changes the statement or at least its keys: raise `CIRCUIT_VERSION`, make new keys, then pin anew.
#[test]
fn matrices_are_pinned() {
    for (size, pinned) in [
        (AggregateSize::Cells128, "1fd451d9621f3487562bf94c6d98a904fc2785846088dc1bd51f93642ec3a3f6"),
        (AggregateSize::Cells256, "99801842bac327f398114604e86d70553cd3f5cb303b0841b38e0f02615c149e"),
    ] {
        assert_eq!(Constraints::setup(AggregateCircuit::blank(size)).hash(), pinned, "{size:?}");
    }
}

#[test]
fn same_matrices_at_setup_and_proving() {
    let setup = Constraints::setup(AggregateCircuit::blank(SIZE)).hash();
    let mode = || SynthesisMode::Prove { construct_matrices: true, generate_lc_assignments: true };
    for (public, private) in [instance(60), instance_of(61, 1, vec![ROWS; 128], &[5; 128], &[(3, Withheld::Local)].repeat(0))] {
        assert_eq!(Constraints::of(AggregateCircuit::new(SIZE, public, private), mode()).hash(), setup);
    }
}

#[test]
fn public_inputs_stand_in_their_order() {
    let (public, private) = instance(62);
    let z = assignment(AggregateCircuit::new(SIZE, public.clone(), private));
    let y = fingerprint(public.chi, &public.values(SIZE));
    assert_eq!(z[..5], [Fr::one(), public.c_m, public.chi, public.w, y]);
    let values = public.values(SIZE);
    assert_eq!(values[..2], [public.digest, Fr::from(K_MIN)]);
    // five bits of 128 cells: five elements; the first is group starts of cells 0, 6, 12
    assert_eq!(values[2], Fr::from(1u64 | 1 << 6 | 1 << 12));
    assert_eq!(values[7], public.gamma);
    assert_eq!(values[8..30], public.r);
    assert_eq!(values[30], public.cells_digest);
    assert_eq!(values[31..], public.counts.list().map(Fr::from));
    assert_eq!(values.len(), 36);
}

/// First variable that is derived: before it stand the statement, the salts, the kinds, the reasons, the table, the evaluations, the mask, the
/// blinder and the messages.
fn derived(circuit: &Constraints) -> usize {
    circuit.inputs + 4 + 8 * SIZE.cells() + columns::COUNT + 2 + ROUNDS * DEGREE_MAX
}

/// An instance whose every cell is above zero.
fn full(seed: u64) -> (Constraints, Vec<Fr>) {
    let mut table = cells();
    table[14] = 2;
    table.extend([1; 110]);
    let (public, private) = instance_of(seed, K_MIN, kinds(), &table, &[(2, Withheld::Overlap)]);
    (Constraints::setup(AggregateCircuit::blank(SIZE)), assignment(AggregateCircuit::new(SIZE, public, private)))
}

/// Allow-list: the inverse of a cell that is zero. It is multiplied with that zero and nothing else (see `gate`).
#[test]
fn no_variable_is_free_but_inverses_of_zeros() {
    let (public, private) = instance(63);
    let zeros = private.cells.iter().filter(|c| c.is_zero()).count();
    let circuit = Constraints::setup(AggregateCircuit::blank(SIZE));
    let mut z = assignment(AggregateCircuit::new(SIZE, public, private));
    let free = circuit.free_alone(&mut z);
    assert_eq!(free.len(), zeros);
    assert!(free.iter().all(|v| circuit.uses[*v].len() == 1 && z[*v].is_zero()));
    let (circuit, mut z) = full(64);
    assert!(circuit.free_alone(&mut z).is_empty());
}

/// With inputs and witness inputs held the Jacobian has nullity 0: every derived variable follows from them. What is left over is assertions:
/// 7 bits a cell of kinds and reasons, 5 a cell of the release rule, S2.4, S2.5, S2.6 and y.
#[test]
fn derived_variables_are_determined_by_the_inputs() {
    let (circuit, z) = full(65);
    let first = derived(&circuit);
    let derivation = circuit.derive(&z, |v| v < first);
    assert!(derivation.free.is_empty());
    assert_eq!(derivation.pivots.iter().filter(|p| p.is_none()).count(), 12 * SIZE.cells() + 4);
}

/// The elimination in which c_m, w, y and the right evaluation are derived too: then only bits and the release rule are assertions.
fn forger(circuit: &Constraints, z: &[Fr]) -> Derivation {
    let first = derived(circuit);
    let right = circuit.inputs + 4 + 8 * SIZE.cells() + columns::RIGHT;
    let derivation = circuit.derive(z, |v| v < first && ![1, 3, 4, right].contains(&v));
    assert!(derivation.free.is_empty());
    derivation
}

fn release_end() -> usize {
    7 * SIZE.cells() + CELL * SIZE.cells() - 3
}

/// Every constraint of S2.1 to S2.6, S2.8 and y determines one variable, behind the release rule: without it that variable is free and
/// the rest can be completed. Shown for all by the elimination and carried out for some.
#[test]
fn each_constraint_behind_the_release_rule_is_needed() {
    let (circuit, z) = full(66);
    let derivation = forger(&circuit, &z);
    let assertions: Vec<usize> = (0..circuit.count()).filter(|i| derivation.pivots[*i].is_none()).collect();
    assert!(assertions.iter().all(|i| *i < release_end()));
    assert_eq!(assertions.len(), 12 * SIZE.cells());
    let mut rng = StdRng::seed_from_u64(67);
    let mut sample: Vec<usize> = (0..8).map(|_| rng.gen_range(release_end()..circuit.count())).collect();
    sample.extend([release_end(), circuit.count() - 1]);
    for deleted in sample {
        let mut forged = z.clone();
        forged[derivation.pivots[deleted].unwrap()] += Fr::one();
        circuit.propagate(&derivation, &mut forged, deleted, usize::MAX);
        assert_eq!(circuit.broken(&forged), [deleted]);
    }
}

/// Looks for an assignment that breaks one constraint of bits or release rule and no other: a variable nearby is changed, and what
/// follows from it is computed without the deleted constraint; where an assertion is in the way, the deleted constraint's variable gives way.
fn forgery(circuit: &Constraints, derivation: &Derivation, z: &[Fr], deleted: usize) -> bool {
    let end = release_end();
    let mut near: Vec<usize> = circuit.variables_of(deleted).collect();
    let own = near.clone();
    let local = |v: &usize| circuit.uses[*v].iter().filter(|i| (**i as usize) < end).count() <= 40;
    for v in own.iter().filter(|v| local(v)) {
        near.extend(circuit.uses[*v].iter().map(|i| *i as usize).filter(|i| *i < end).flat_map(|i| circuit.variables_of(i)).take(60));
    }
    near.retain(|v| *v >= circuit.inputs);
    let mut seen = std::collections::BTreeSet::new();
    near.retain(|v| seen.insert(*v));
    let only_deleted = |forged: &[Fr]| !circuit.holds(deleted, forged) && (0..end).all(|i| i == deleted || circuit.holds(i, forged));
    for u in near {
        let flipped = if z[u].is_zero() || z[u].is_one() { Fr::one() - z[u] } else { z[u] + Fr::one() };
        for value in [flipped, Fr::from(2u64)] {
            let mut bare = z.to_vec();
            bare[u] = value;
            let mut forged = bare.clone();
            circuit.propagate(derivation, &mut forged, deleted, end);
            if only_deleted(&forged) {
                return true;
            }
            for start in [&bare, &forged] {
                for v in own.iter().copied().filter(|v| *v >= circuit.inputs && *v != u && local(v)) {
                    let broken = |j: &usize| *j != deleted && *j < end && !circuit.holds(*j, start);
                    for j in circuit.uses[v].iter().map(|j| *j as usize).filter(broken) {
                        let mut other = start.clone();
                        circuit.solve(j, v, &mut other);
                        circuit.propagate(derivation, &mut other, deleted, end);
                        if only_deleted(&other) {
                            return true;
                        }
                    }
                }
            }
        }
    }
    false
}

/// The Boolean of `zero` follows from its two products. The Boolean of the hint needs three variables changed at once (hint, distance,
/// range bits), further than the search goes. A withheld group's blocks: `rejects_s2_7_block_of_a_withheld_group_not_withheld`.
const SKIPPED: [(&str, usize); 3] = [("gate", 29), ("gate", 0), ("outcome", 7)];

/// Mutation (protocol, section 9, 27): every kind of constraint of the bits and of the release rule is needed at some cell: with it
/// deleted an assignment passes that did not before. Kinds this search leaves out are in [`SKIPPED`].
#[test]
fn each_kind_of_constraint_of_bits_and_release_rule_is_needed() {
    let circuit = Constraints::setup(AggregateCircuit::blank(SIZE));
    let mut table = cells();
    table[0] = u64::from(K_MIN);
    let withheld = instance_of(69, K_MIN, kinds(), &table, &[(0, Withheld::Overlap), (2, Withheld::Overlap)]);
    let bases = [full(68).1, assignment(AggregateCircuit::new(SIZE, withheld.0, withheld.1))];
    let derivations: Vec<Derivation> = bases.iter().map(|z| forger_of(&circuit, z)).collect();
    let needed = |i: usize| bases.iter().zip(&derivations).any(|(z, derivation)| forgery(&circuit, derivation, z, i));
    let n = SIZE.cells();
    let (gates, outcomes) = (7 * n + 36, 7 * n + 36 + 38 * (n - 1) + (n - 1));
    let mut superfluous = Vec::new();
    for (part, first, stride, kinds) in [("bit", 0, 1, 7), ("gate", gates - 38, 38, 38), ("outcome", outcomes, 16, 16)] {
        for kind in (0..kinds).filter(|kind| !SKIPPED.contains(&(part, *kind))) {
            let at = |cell: usize| match part {
                "bit" => kind * n + cell,
                // the first cell has no flag before it
                "gate" if cell == 0 => 7 * n + kind,
                _ => first + stride * cell + kind,
            };
            let tried = [2, 3, 8, 0, 4].into_iter().filter(|cell| part != "gate" || *cell > 0 || kind < 36);
            if !tried.into_iter().any(|cell| needed(at(cell))) {
                superfluous.push((part, kind));
            }
        }
    }
    assert!(superfluous.is_empty(), "{superfluous:?}");
}

/// [`forger`] for tables with zeros, whose inverses stay free.
fn forger_of(circuit: &Constraints, z: &[Fr]) -> Derivation {
    let first = derived(circuit);
    circuit.derive(z, |v| v < first && ![1, 3, 4].contains(&v))
}
