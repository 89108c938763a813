//! Cheating provers of S2 against the verifier (protocol, section 9; the number of the point is in every name).
//!
//! A forged answer that meets the circuit must fail in the opening, and the other way round; the honest variant verifies in each test.

use ark_ff::{Field, One, UniformRand, Zero};
use countersign_circuits::{
    aggregate::{GateCounts, Violation, Withheld, claim, release, row_polynomial},
    field::Fr,
    statement::{Wiring, columns},
};
use countersign_testkit::{
    cheats::answer::{Forger, circuit_satisfied},
    scene::{honest, only, refused, statement, wiring, world},
};
use countersign_verifier::VerifyError;
use rand::{SeedableRng, rngs::StdRng};

#[test]
fn a00_the_forger_told_nothing_is_accepted() {
    let wiring = wiring();
    let forger = honest(&wiring, 1);
    assert!(forger.satisfied());
    let answer = forger.answer();
    let verified = world().verify(&wiring, &answer).unwrap();
    assert!(verified.counts.released > 0 && verified.counts.small > 0, "both outcomes are in the statement");
}

#[test]
fn a02_another_k_min_than_the_rule_s() {
    let wiring = wiring();
    honest(&wiring, 2);
    for k_min in [1, world().context.k_min - 1, world().context.k_min + 1] {
        let mut forger = Forger::new(world(), &wiring, 2);
        forger.k_min = k_min;
        forger.seal();
        let forger = forger.bound();
        assert!(forger.satisfied(), "for its own k_min the answer holds");
        refused(&wiring, &forger.answer(), VerifyError::Groth16);
    }
}

/// The smallest group's gate, and a large group's.
fn gates(wiring: &Wiring, forger: &Forger<'_>) -> (usize, usize) {
    let k = Fr::from(world().context.k_min);
    let starts = || (0..wiring.cells().len()).filter(|i| wiring.cells()[*i].kind.group_start);
    let small = starts().find(|i| forger.private.cells[*i] == k - Fr::one()).unwrap();
    let large = starts().find(|i| *i != small).unwrap();
    (small, large)
}

#[test]
fn a02_releasing_k_min_minus_one_and_suppressing_k_min() {
    let wiring = wiring();
    let base = honest(&wiring, 3);
    let (small, large) = gates(&wiring, &base);
    let honest_hints = base.circuit().at_least;
    assert!(!honest_hints[small] && honest_hints[large]);
    for (cell, lie) in [(small, true), (large, false)] {
        let mut forger = Forger::new(world(), &wiring, 3).bound();
        let mut hints = honest_hints.clone();
        hints[cell] = lie;
        forger.at_least = Some(hints);
        assert!(!forger.satisfied(), "the range check holds for the truth only");
        // with the digest and the counts that the lie would give
        let n = |c: &mut GateCounts| if lie { (c.released += 1, c.small -= 1) } else { (c.released -= 1, c.small += 1) };
        n(&mut forger.counts);
        let value = forger.private.cells[cell];
        forger.seal_instead(|released, flags| {
            released[cell] = if lie { value } else { Fr::zero() };
            flags[cell] = lie;
        });
        forger.rebind();
        assert_eq!(forger.check(), Err(Violation::S2_7));
        assert!(!forger.satisfied());
        refused(&wiring, &forger.answer(), VerifyError::Groth16);
    }
}

#[test]
fn a02_a_lie_at_every_gate_fails() {
    let wiring = wiring();
    let forger = honest(&wiring, 4);
    let hints = forger.circuit().at_least;
    assert!(circuit_satisfied(forger.circuit()));
    for cell in 0..wiring.cells().len() {
        let mut circuit = forger.circuit();
        circuit.at_least = hints.clone();
        circuit.at_least[cell] ^= true;
        assert!(!circuit_satisfied(circuit), "hint of cell {cell}");
    }
}

#[test]
fn a02_a_suppressed_cell_that_is_not_zero() {
    let wiring = wiring();
    let (small, large) = gates(&wiring, &honest(&wiring, 5));
    for (cell, value) in [(small, 9u64), (large, 0), (large, 1)] {
        let mut forger = Forger::new(world(), &wiring, 5);
        forger.seal_instead(|released, _| released[cell] = Fr::from(value));
        let forger = forger.bound();
        assert_eq!(forger.check(), Err(Violation::S2_8));
        refused(&wiring, &forger.answer(), VerifyError::Groth16);
    }
    // a flag alone
    let mut forger = Forger::new(world(), &wiring, 5);
    forger.seal_instead(|_, flags| flags[small] ^= true);
    let forger = forger.bound();
    assert_eq!(forger.check(), Err(Violation::S2_8));
    assert!(!forger.satisfied());
}

#[test]
fn a02_withholding_a_group_but_not_its_values_and_reasons_where_no_block_starts() {
    let wiring = wiring();
    let base = honest(&wiring, 6);
    let (_, large) = gates(&wiring, &base);
    let block = (large + 1..wiring.cells().len()).find(|i| wiring.cells()[*i].kind.block_start).unwrap();
    let mut fair = Forger::new(world(), &wiring, 6);
    fair.private.withheld[block] = Withheld::Local;
    fair.withhold(large, Withheld::Local);
    let fair = fair.bound();
    assert_eq!(fair.check(), Ok(()));
    assert_eq!(world().verify(&wiring, &fair.answer()).unwrap().counts.withheld, [0, 0, 2]);
    for cells in [vec![large], vec![block + 1], vec![wiring.cells().len()]] {
        let mut forger = Forger::new(world(), &wiring, 6);
        cells.iter().for_each(|c| forger.private.withheld[*c] = Withheld::Local);
        assert_eq!(release(forger.k_min, &forger.kinds, &forger.private.cells, &forger.private.withheld), Err(Violation::S2_7));
        let forger = forger.bound();
        assert_eq!(forger.check(), Err(Violation::S2_7));
        assert!(!forger.satisfied());
    }
}

#[test]
fn a02_other_cell_kinds_than_the_statement_s() {
    let wiring = wiring();
    let (small, _) = gates(&wiring, &honest(&wiring, 7));
    let mut forger = Forger::new(world(), &wiring, 7);
    forger.kinds[small].gate = false;
    forger.seal();
    let forger = forger.bound();
    assert!(forger.satisfied(), "for its own kinds the answer holds");
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}

/// With the powers of two challenges that an earlier design had, values can be traded between cells; with one power a cell they cannot.
#[test]
fn a03_weights_are_different_powers_and_a_traded_table_fails() {
    // the old weights: X = sum delta^a T_a, (1 + X)^2 gives cell (a, b) delta^(a + b): (1, 3) and (2, 2) share one
    let mut rng = StdRng::seed_from_u64(3);
    let delta = Fr::rand(&mut rng);
    let old = |m13: u64, m22: u64| {
        Fr::from(2u64) * delta.pow([1]) * delta.pow([3]) * Fr::from(m13) + delta.pow([2]) * delta.pow([2]) * Fr::from(m22)
    };
    assert_eq!(old(50, 100), old(60, 80), "ten taken from one cell stand as twenty in the other");
    // ours: the weight of every cell, from the columns the verifier uses, is a power of its own
    let wiring = wiring();
    let gamma = Fr::rand(&mut rng);
    let [left, right] = wiring.term_weights(gamma);
    let groups = wiring.group_weights(0, gamma);
    let mut weights = Vec::new();
    for g in &groups {
        for a in &left {
            weights.extend(right.iter().map(|b| *g * a * b));
        }
    }
    let expected: Vec<Fr> = (0..wiring.cells().len() as u64).map(|i| gamma.pow([i])).collect();
    assert_eq!(weights, expected);
    // every pair of cells: one moved from one to the other, the same claim at a gamma of the past, another at the fresh one
    let forger = honest(&wiring, 8);
    let cells = &forger.private.cells;
    for i in 0..wiring.cells().len() {
        for j in 0..wiring.cells().len() {
            if i != j {
                let mut traded = cells.clone();
                traded[i] += Fr::one();
                traded[j] -= forger.gamma.pow([i as u64]) * forger.gamma.pow([j as u64]).inverse().unwrap();
                assert_eq!(claim(forger.gamma, &traded), claim(forger.gamma, cells));
                assert_ne!(claim(gamma, &traded), claim(gamma, cells));
            }
        }
    }
}

#[test]
fn a03_shifted_and_traded_tables_are_refused() {
    let wiring = wiring();
    let stride = wiring.cells().len() / 3;
    honest(&wiring, 9);
    let shifts: [fn(&mut [Fr], usize); 3] = [
        // all groups one further, one unit between two moments of one group, a value in the padding
        |cells, stride| cells[..3 * stride].rotate_right(stride),
        |cells, _| (cells[0], cells[2]) = (cells[0] + Fr::one(), cells[2] - Fr::one()),
        |cells, stride| cells[3 * stride] = Fr::one(),
    ];
    for (i, shift) in shifts.iter().enumerate() {
        let mut forger = Forger::new(world(), &wiring, 9);
        shift(&mut forger.private.cells, stride);
        forger.seal();
        let mut forger = forger.bound();
        assert_eq!(forger.check(), Err(Violation::S2_4));
        // the circuit can be met by a wrong column evaluation, and then the opening is not the columns'
        forger.solve_factor(columns::GROUP);
        forger.rebind();
        assert_eq!(forger.check(), Ok(()));
        if i < 2 {
            refused(&wiring, &forger.answer(), VerifyError::Opening);
        } else {
            assert!(forger.satisfied());
        }
    }
}

/// Slots that the statement does not use have fixed columns; a cheat fills them and makes the product fit elsewhere.
#[test]
fn a05_unused_slots_filled() {
    let wiring = wiring();
    let base = honest(&wiring, 10);
    let mut rng = StdRng::seed_from_u64(5);
    let unused_factors = [columns::SCOPE + 2, columns::SCOPE + 7, columns::GROUP + 2, columns::RIGHT];
    let unused_literals = [columns::LITERAL + 1, columns::LITERAL + 3, columns::LITERAL + 4, columns::LITERAL + 31];
    assert!(unused_factors.iter().all(|s| base.private.e[*s].is_one()), "an unused factor is one");
    let mut proved = 0;
    for slot in unused_factors.into_iter().chain(unused_literals) {
        for value in [Fr::zero(), Fr::one(), Fr::rand(&mut rng)] {
            let mut forger = Forger::new(world(), &wiring, 10).bound();
            if forger.private.e[slot] == value {
                continue;
            }
            forger.private.e[slot] = value;
            if row_polynomial(&forger.private.e).is_zero() {
                assert_eq!(forger.check(), Err(Violation::S2_4), "zero cannot be made up for");
                continue;
            }
            forger.solve_factor(columns::ACTIVE);
            forger.rebind();
            assert_eq!(forger.check(), Ok(()), "slot {slot}: the circuit alone cannot tell");
            if proved < 6 || slot == columns::RIGHT {
                proved += 1;
                refused(&wiring, &forger.answer(), VerifyError::Opening);
            }
        }
    }
    assert!(proved >= 6);
}

/// The filter switched off: the rows of the statement without it, with the unused literal of its clause filled to make up the difference.
#[test]
fn a05_a_filter_bypassed_through_an_unused_literal() {
    let young = world().dictionary.attributes()[0].bands()[..2].iter().flat_map(|b| b.bins.clone()).collect::<Vec<_>>();
    let narrow = world().wiring(&statement(vec![only(0, young)]), 2).unwrap();
    let wide = world().wiring(&statement(vec![]), 2).unwrap();
    assert!(honest(&narrow, 11).satisfied());
    let mut forger = Forger::for_rows_of(world(), &narrow, &wide, 11);
    let honest_cells = Forger::new(world(), &narrow, 11).private.cells.clone();
    assert_ne!(forger.private.cells, honest_cells, "everybody is counted");
    forger.run();
    assert_eq!(forger.last_claim(), row_polynomial(&forger.private.e), "a true sum of other rows");
    // literal 0 is the clause's own column, literal 1 whatever makes 1 - (1 - l0)(1 - l1) the wide clause
    let wide_clause = forger.private.e[columns::LITERAL];
    let own = Forger::new(world(), &narrow, 11).bound().private.e[columns::LITERAL];
    forger.private.e[columns::LITERAL] = own;
    forger.private.e[columns::LITERAL + 1] = Fr::one() - (Fr::one() - wide_clause) * (Fr::one() - own).inverse().unwrap();
    forger.bind_with(|_, _| ());
    assert_eq!(forger.check(), Ok(()));
    refused(&narrow, &forger.answer(), VerifyError::Opening);
    // and plainly: the wide answer under the narrow name
    let forger = Forger::for_rows_of(world(), &narrow, &wide, 11).bound();
    assert!(forger.satisfied());
    refused(&narrow, &forger.answer(), VerifyError::Opening);
}
