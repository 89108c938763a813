//! S2.7: the rule by gates, broken clause by clause, with honest and with lying hints.

use super::*;

/// An instance whose outcome is whatever the forger likes; seals and transcript are consistent with it.
fn forged(
    k_min: u32,
    kinds: &[CellKind],
    cells: &[Fr],
    withheld: &[(usize, Withheld)],
    outcome: Release,
) -> (AggregatePublic, AggregatePrivate) {
    let mut rng = StdRng::seed_from_u64(40);
    let mut private = AggregatePrivate::blank(SIZE);
    private.cells[..cells.len()].copy_from_slice(cells);
    for (i, reason) in withheld {
        private.withheld[*i] = *reason;
    }
    for x in private.messages.iter_mut().flatten().chain(&mut private.e).chain([&mut private.salt, &mut private.m, &mut private.s]) {
        *x = Fr::rand(&mut rng);
    }
    sealed(&mut rng, k_min, kinds.to_vec(), private, &outcome)
}

/// One group of one block: rows, sum.
const BLOCK: [CellKind; 2] = [ROWS, SUM];

fn block(count: Fr) -> Vec<Fr> {
    vec![count, Fr::from(777u64)]
}

/// Outcome of [`BLOCK`] as a forger claims it. Padding cells belong to the last block.
fn claimed(released: bool, cells: &[Fr]) -> Release {
    let mut out = Release { flags: vec![released; SIZE.cells()], released: vec![Fr::zero(); SIZE.cells()], counts: GateCounts::default() };
    if released {
        out.released[..cells.len()].copy_from_slice(cells);
        out.counts.released = 1;
    } else {
        out.counts.small = 1;
    }
    out
}

/// Is any hint for gate 0 satisfying?
fn some_hint_satisfies(public: &AggregatePublic, private: &AggregatePrivate) -> bool {
    [false, true].into_iter().any(|hint| with_hint(public, private, 0, hint))
}

fn with_hint(public: &AggregatePublic, private: &AggregatePrivate, cell: usize, hint: bool) -> bool {
    let mut circuit = AggregateCircuit::new(SIZE, public.clone(), private.clone());
    circuit.at_least[cell] = hint;
    circuit_satisfied(circuit)
}

const COUNT_MAX: u32 = (1 << (COUNT_BITS - 1)) - 1;

/// Both directions of "released if and only if at least `k_min`", at every boundary, whatever the hint says.
#[test]
fn rejects_s2_7_small_released_and_large_suppressed_at_every_boundary() {
    for k_min in [1, 2, K_MIN, COUNT_MAX] {
        let counts = [0, 1, k_min - 1, k_min, k_min + 1, COUNT_MAX - 1, COUNT_MAX];
        for count in counts.into_iter().filter(|c| *c <= COUNT_MAX) {
            let cells = block(Fr::from(count));
            for released in [false, true] {
                let (public, private) = forged(k_min, &BLOCK, &cells, &[], claimed(released, &cells));
                let right = released == (count >= k_min);
                assert_eq!(check_aggregate(SIZE, &public, &private), if right { Ok(()) } else { Err(Violation::S2_7) });
                assert_eq!(some_hint_satisfies(&public, &private), right, "count {count}, k_min {k_min}, released {released}");
                if right {
                    assert!(!with_hint(&public, &private, 0, !released), "count {count}, k_min {k_min}: the lying hint is accepted");
                }
            }
        }
    }
}

#[test]
fn rejects_s2_7_hint_where_no_gate_is() {
    let (public, private) = instance(41);
    for cell in [1, 4, 127] {
        assert!(!with_hint(&public, &private, cell, true), "cell {cell} is no gate");
    }
}

/// A gate that is no count. Natively counts end at 2^22 (a full table); the circuit's range is a bit wider on both sides and there the rule is
/// still kept: what it takes for large is at least `k_min`, what it takes for small (also -1) is not released. S2.4 shows that no such cell is the rows'.
#[test]
fn rejects_s2_7_gate_that_is_no_count() {
    let wide = Fr::from(1u64 << COUNT_BITS);
    let k = Fr::from(K_MIN);
    let cases = [
        // cell, can the circuit take it for large, for small
        (Fr::from((1u64 << 22) + 1), true, false),
        (wide - Fr::one(), true, false),
        (wide + k - Fr::one(), true, false),
        (wide + k, false, false),
        (Fr::from(u64::MAX), false, false),
        (-Fr::one(), false, true),
        (k - wide, false, true),
        (k - wide - Fr::one(), false, false),
        (ark_ff::Field::inverse(&Fr::from(2u64)).unwrap(), false, false),
    ];
    for (cell, large, small) in cases {
        let cells = block(cell);
        for (released, accepted) in [(true, large), (false, small)] {
            let (public, private) = forged(K_MIN, &BLOCK, &cells, &[], claimed(released, &cells));
            assert_eq!(check_aggregate(SIZE, &public, &private), Err(Violation::S2_7), "{cell}");
            assert_eq!(some_hint_satisfies(&public, &private), accepted, "{cell} released {released}");
        }
    }
}

/// Every slot of a full table in one gate: 2^22 is a count.
#[test]
fn a_full_table_is_a_count() {
    let cells = block(Fr::from(1u64 << 22));
    let (public, private) = forged(K_MIN, &BLOCK, &cells, &[], claimed(true, &cells));
    assert_eq!(check_aggregate(SIZE, &public, &private), Ok(()));
    assert!(some_hint_satisfies(&public, &private));
}

/// `k_min` is public; whoever verifies keeps it between 1 and 2^22 - 1, and so does the native check.
#[test]
fn rejects_s2_7_k_min_out_of_range() {
    let (public, private) = instance(42);
    for k_min in [0, COUNT_MAX + 1, u32::MAX] {
        let bad = AggregatePublic { k_min, ..public.clone() };
        assert_eq!(check_aggregate(SIZE, &bad, &private), Err(Violation::S2_7));
        assert!(!satisfied(&bad, &private));
    }
}

/// Only zero passes a gate where zero is allowed, and only there.
#[test]
fn rejects_s2_7_zero_misused() {
    let kinds = |zero_ok| [CellKind { zero_ok, ..ROWS }, SUM];
    for (zero_ok, count) in [(false, 0u64), (true, 1), (true, u64::from(K_MIN) - 1)] {
        let cells = block(Fr::from(count));
        let (public, private) = forged(K_MIN, &kinds(zero_ok), &cells, &[], claimed(true, &cells));
        assert_eq!(check_aggregate(SIZE, &public, &private), Err(Violation::S2_7));
        assert!(!some_hint_satisfies(&public, &private), "count {count} with zero_ok {zero_ok}");
    }
    let cells = block(Fr::zero());
    let (public, private) = forged(K_MIN, &kinds(true), &cells, &[], claimed(true, &cells));
    assert_eq!(check_aggregate(SIZE, &public, &private), Ok(()));
    assert!(satisfied(&public, &private));
    // an allowed zero must not be taken for small either
    let (public, private) = forged(K_MIN, &kinds(true), &cells, &[], claimed(false, &cells));
    assert_eq!(check_aggregate(SIZE, &public, &private), Err(Violation::S2_7));
    assert!(!some_hint_satisfies(&public, &private));
}

/// One small gate anywhere in a block keeps all of its cells, and a shown cell of another block does not.
#[test]
fn rejects_s2_7_part_of_a_block_released() {
    let (honest, private) = instance(43);
    let outcome = release(K_MIN, &honest.kinds, &private.cells, &private.withheld).unwrap();
    // block 8..12: missing 3 is small, known 47 is not
    let mut partly = outcome.clone();
    partly.released[9] = private.cells[9];
    let (public, bad) = forged(K_MIN, &honest.kinds, &private.cells, &[], partly.clone());
    rejected(&public, &bad, Violation::S2_8);
    partly.flags[8..12].fill(true);
    (partly.counts.released, partly.counts.small) = (4, 2);
    let (public, bad) = forged(K_MIN, &honest.kinds, &private.cells, &[], partly);
    rejected(&public, &bad, Violation::S2_7);
    // a hidden cell never leaves
    let mut hidden = outcome.clone();
    hidden.released[1] = private.cells[1];
    let (public, bad) = forged(K_MIN, &honest.kinds, &private.cells, &[], hidden);
    rejected(&public, &bad, Violation::S2_8);
    // a released block must be released
    let mut kept = outcome;
    kept.released[4] = Fr::zero();
    let (public, bad) = forged(K_MIN, &honest.kinds, &private.cells, &[], kept);
    rejected(&public, &bad, Violation::S2_8);
}

#[test]
fn rejects_s2_7_reason_where_no_block_starts() {
    let (honest, private) = instance(44);
    let outcome = release(K_MIN, &honest.kinds, &private.cells, &private.withheld).unwrap();
    for reason in [Withheld::Overlap, Withheld::Dominance, Withheld::Local] {
        for cell in [1, 3, 5, 127] {
            let (public, bad) = forged(K_MIN, &honest.kinds, &private.cells, &[(cell, reason)], outcome.clone());
            rejected(&public, &bad, Violation::S2_7);
        }
    }
}

/// A withheld block that is released all the same, and a block kept back without a reason.
#[test]
fn rejects_s2_7_withheld_released_or_kept_without_reason() {
    let (honest, private) = instance(45);
    let outcome = release(K_MIN, &honest.kinds, &private.cells, &private.withheld).unwrap();
    for reason in [Withheld::Overlap, Withheld::Dominance, Withheld::Local] {
        let mut counted = outcome.clone();
        counted.counts.released -= 1;
        counted.counts.withheld[reason as usize - 1] += 1;
        let (public, bad) = forged(K_MIN, &honest.kinds, &private.cells, &[(2, reason)], counted.clone());
        rejected(&public, &bad, Violation::S2_8);
        // and with the cells kept back: honest
        counted.released[2..6].fill(Fr::zero());
        let (public, good) = forged(K_MIN, &honest.kinds, &private.cells, &[(2, reason)], counted.clone());
        assert_eq!(check_aggregate(SIZE, &public, &good), Ok(()));
        assert!(satisfied(&public, &good));
        let (public, bad) = forged(K_MIN, &honest.kinds, &private.cells, &[], counted);
        rejected(&public, &bad, Violation::S2_7);
    }
}

#[test]
fn rejects_s2_7_block_of_a_withheld_group_not_withheld() {
    let (honest, private) = instance(46);
    let reasons = [(0, Withheld::Overlap)];
    let both = [(0, Withheld::Overlap), (2, Withheld::Overlap)];
    let mut withheld = private.withheld.clone();
    both.iter().for_each(|(i, reason)| withheld[*i] = *reason);
    let outcome = release(K_MIN, &honest.kinds, &private.cells, &withheld).unwrap();
    let (public, good) = forged(K_MIN, &honest.kinds, &private.cells, &both, outcome.clone());
    assert_eq!(check_aggregate(SIZE, &public, &good), Ok(()));
    assert!(satisfied(&public, &good));
    // the second block of the group released: its rows would show the withheld number of the group
    let mut shown = outcome;
    shown.counts.released += 1;
    shown.counts.withheld[0] -= 1;
    for i in [3, 4, 5] {
        shown.released[i] = private.cells[i];
    }
    let (public, bad) = forged(K_MIN, &honest.kinds, &private.cells, &reasons, shown);
    rejected(&public, &bad, Violation::S2_7);
    // the next group is not touched by it: group 1 starts anew
    let (public, good) = instance_of(47, K_MIN, kinds(), &cells(), &both);
    assert_eq!(release(K_MIN, &public.kinds, &good.cells, &good.withheld).unwrap().released[6], Fr::from(50u64));
}

#[test]
fn rejects_s2_7_each_wrong_count() {
    let (honest, private) = instance_of(48, K_MIN, kinds(), &cells(), &[(2, Withheld::Dominance)]);
    let bump: [fn(&mut GateCounts); 6] = [
        |c| c.released += 1,
        |c| c.small += 1,
        |c| c.withheld[0] += 1,
        |c| c.withheld[1] -= 1,
        |c| c.withheld[2] += 1,
        // the sum stays
        |c| {
            c.small -= 1;
            c.withheld[2] += 1;
        },
    ];
    for change in bump {
        let mut public = honest.clone();
        change(&mut public.counts);
        rejected(&public, &private, Violation::S2_7);
    }
}

#[test]
fn rejects_s2_7_other_kinds_than_the_statement() {
    let (honest, private) = instance(49);
    let bits: [fn(&mut CellKind); 5] = [
        |k| k.group_start = !k.group_start,
        |k| k.block_start = !k.block_start,
        |k| k.gate = !k.gate,
        |k| k.zero_ok = !k.zero_ok,
        |k| k.show = !k.show,
    ];
    for cell in [0, 2, 3, 8] {
        for change in bits {
            // the prover works with other kinds, seals and transcript included; the verifier's kinds are the statement's
            let mut kinds = honest.kinds.clone();
            change(&mut kinds[cell]);
            let Ok(outcome) = release(K_MIN, &kinds, &private.cells, &private.withheld) else { continue };
            let (other, bad) = forged(K_MIN, &kinds, &private.cells, &[], outcome);
            assert_eq!(check_aggregate(SIZE, &other, &bad), Ok(()));
            let claimed = AggregatePublic { kinds: honest.kinds.clone(), ..other.clone() };
            assert!(check_aggregate(SIZE, &claimed, &bad).is_err());
            assert!(!satisfied(&claimed, &bad));
            assert_ne!(claimed.inputs(SIZE)[3], other.inputs(SIZE)[3], "y tells the kinds apart");
        }
    }
}
