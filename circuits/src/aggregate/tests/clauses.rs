//! S2.1 to S2.6 and S2.8: each broken alone. The native check names it and the circuit is not satisfied.

use super::*;

type Change = (&'static str, fn(&mut AggregatePublic, &mut AggregatePrivate));

/// Applies each change to an honest instance without recomputing anything behind it.
fn each_rejected(changes: &[Change], violation: Violation) {
    let (public, private) = instance_of(9, K_MIN, kinds(), &cells(), &[(6, Withheld::Local), (8, Withheld::Local), (2, Withheld::Local)]);
    assert_eq!(check_aggregate(SIZE, &public, &private), Ok(()));
    for (name, change) in changes {
        let (mut public, mut private) = (public.clone(), private.clone());
        change(&mut public, &mut private);
        assert_eq!(check_aggregate(SIZE, &public, &private), Err(violation), "{name}");
        assert!(!satisfied(&public, &private), "{name}: the circuit accepts");
    }
}

#[test]
fn rejects_s2_1_each_absorbed_item_changed_after_gamma() {
    each_rejected(
        &[
            ("digest", |p, _| p.digest += Fr::one()),
            ("salt", |_, s| s.salt += Fr::one()),
            ("k_min", |p, _| p.k_min += 1),
            ("kind of an ungated cell", |p, _| p.kinds[1].zero_ok = true),
            ("padding kind", |p, _| p.kinds.push(CellKind { show: true, ..CellKind::default() })),
            ("hidden cell", |_, s| s.cells[1] += Fr::one()),
            ("padding cell", |_, s| s.cells[127] += Fr::one()),
            ("gamma itself", |p, _| p.gamma += Fr::one()),
        ],
        Violation::S2_1,
    );
}

/// The sealed cells and reasons are absorbed too: sealed anew after gamma, they agree with each other and not with gamma.
#[test]
fn rejects_s2_1_sealed_cells_and_reasons_changed_after_gamma() {
    let (public, private) = instance(10);
    let reseal = |private: &AggregatePrivate| {
        let outcome = release(K_MIN, &public.kinds, &private.cells, &private.withheld).unwrap();
        let cells_digest = sealed_digest(SIZE, private.result_salt, &outcome, &private.withheld);
        AggregatePublic { cells_digest, counts: outcome.counts, ..public.clone() }
    };
    let mut other = private.clone();
    other.result_salt += Fr::one();
    rejected(&reseal(&other), &other, Violation::S2_1);
    let mut other = private.clone();
    other.withheld[2] = Withheld::Overlap;
    rejected(&reseal(&other), &other, Violation::S2_1);
    // a small block's reason changes neither a count nor a released cell, only the reason bits
    let mut other = private.clone();
    other.withheld[8] = Withheld::Dominance;
    rejected(&reseal(&other), &other, Violation::S2_1);
}

/// S2.2: a table of equal counts but another claim, moved between ungated cells; its transcript is redone, its rounds are the honest ones.
#[test]
fn rejects_s2_2_table_of_another_claim() {
    let (honest, private) = instance(11);
    let mut other = private.clone();
    other.cells[4] += Fr::one();
    other.cells[5] -= Fr::one();
    let outcome = release(K_MIN, &honest.kinds, &other.cells, &other.withheld).unwrap();
    let mut public = honest.clone();
    public.cells_digest = sealed_digest(SIZE, other.result_salt, &outcome, &other.withheld);
    let e = other.e.clone();
    let (public, mut other) = complete(public, other);
    // the columns are the rows': they do not fit the claim
    other.e = e;
    rejected(&public, &other, Violation::S2_4);
}

#[test]
fn rejects_s2_3_each_round_and_coefficient() {
    let (public, private) = instance(12);
    for round in 0..ROUNDS {
        let mut bad = private.clone();
        bad.messages[round][(3 * round) % DEGREE_MAX] += Fr::one();
        assert_eq!(check_aggregate(SIZE, &public, &bad), Err(Violation::S2_3), "round {round}");
        assert!(!satisfied(&public, &bad), "round {round}");
        let mut bad = public.clone();
        bad.r[round] += Fr::one();
        rejected(&bad, &private, Violation::S2_3);
    }
    for coefficient in 0..DEGREE_MAX {
        let mut bad = private.clone();
        bad.messages[ROUNDS - 1][coefficient] = -bad.messages[ROUNDS - 1][coefficient];
        rejected(&public, &bad, Violation::S2_3);
    }
}

#[test]
fn rejects_s2_4_each_column_evaluation() {
    let (public, private) = instance(13);
    for slot in 0..columns::COUNT {
        let mut bad = private.clone();
        bad.e[slot] += Fr::one();
        // c_m and w are redone: only the final claim is wrong
        let mut transcript = AggregateTranscript::start(SIZE, public.digest, K_MIN, &public.kinds, public.cells_digest, &bad).0;
        bad.messages.iter().for_each(|m| {
            transcript.round(m);
        });
        let forged = AggregatePublic { c_m: transcript.finish(&bad.e, bad.m, bad.s), w: mask(public.chi, bad.m, &bad.e), ..public.clone() };
        assert_eq!(check_aggregate(SIZE, &forged, &bad), Err(Violation::S2_4), "slot {slot}");
        assert!(!satisfied(&forged, &bad), "slot {slot}");
    }
}

/// Two evaluations changed so that their product stays: S2.4 holds, and c_m binds them all the same.
#[test]
fn rejects_s2_5_evaluations_mask_and_blinder_not_bound() {
    let (public, private) = instance(14);
    let two = Fr::from(2u64);
    let mut bad = private.clone();
    bad.e[columns::LEFT] *= two;
    bad.e[columns::RIGHT] *= ark_ff::Field::inverse(&two).unwrap();
    assert_eq!(row_polynomial(&bad.e), row_polynomial(&private.e));
    let forged = AggregatePublic { w: mask(public.chi, bad.m, &bad.e), ..public.clone() };
    rejected(&forged, &bad, Violation::S2_5);
    // m that keeps w: it was bound before chi
    bad.m = public.w - mask(public.chi, Fr::zero(), &bad.e);
    rejected(&public, &bad, Violation::S2_5);
    let mut bad = private.clone();
    bad.s += Fr::one();
    rejected(&public, &bad, Violation::S2_5);
    let mut bad = private.clone();
    bad.m += Fr::one();
    rejected(&public, &bad, Violation::S2_5);
    let wrong = AggregatePublic { c_m: public.c_m + Fr::one(), ..public };
    rejected(&wrong, &private, Violation::S2_5);
}

#[test]
fn rejects_s2_6_masked_value_and_challenge() {
    each_rejected(
        &[
            ("w", |p, _| p.w += Fr::one()),
            ("w without its mask", |p, s| p.w -= s.m),
            ("w = 0", |p, _| p.w = Fr::zero()),
            ("chi", |p, _| p.chi += Fr::one()),
            ("chi = 0", |p, _| p.chi = Fr::zero()),
            ("chi = 1", |p, _| p.chi = Fr::one()),
        ],
        Violation::S2_6,
    );
}

#[test]
fn rejects_s2_8_digest_of_something_else() {
    let (honest, private) = instance(15);
    let outcome = release(K_MIN, &honest.kinds, &private.cells, &private.withheld).unwrap();
    let digest = |outcome: &Release, salt: Fr, withheld: &[Withheld]| sealed_digest(SIZE, salt, outcome, withheld);
    let mut digests = vec![("other salt", digest(&outcome, private.result_salt + Fr::one(), &private.withheld))];
    for (name, cell, value) in [("released cell + 1", 0, 121), ("unreleased cell shown", 9, 47), ("padding cell", 127, 1)] {
        let mut other = outcome.clone();
        other.released[cell] = Fr::from(value as u64);
        digests.push((name, digest(&other, private.result_salt, &private.withheld)));
    }
    for (name, cell) in [("flag of a small block", 8), ("flag of a released block", 0), ("flag of padding", 127)] {
        let mut other = outcome.clone();
        other.flags[cell] = !other.flags[cell];
        digests.push((name, digest(&other, private.result_salt, &private.withheld)));
    }
    let mut reasons = private.withheld.clone();
    reasons[8] = Withheld::Overlap;
    digests.push(("other reason", digest(&outcome, private.result_salt, &reasons)));
    let mut swapped = outcome.clone();
    swapped.released.swap(3, 6);
    digests.push(("released cells of two blocks swapped", digest(&swapped, private.result_salt, &private.withheld)));
    digests.push(("zero", Fr::zero()));
    for (name, cells_digest) in digests {
        // everything behind the digest is redone: the forger chose it from the start
        let (public, private) = complete(AggregatePublic { cells_digest, ..honest.clone() }, private.clone());
        assert_eq!(check_aggregate(SIZE, &public, &private), Err(Violation::S2_8), "{name}");
        assert!(!satisfied(&public, &private), "{name}: the circuit accepts");
    }
}

#[test]
fn rejects_lists_of_the_wrong_length() {
    let (public, private) = instance(16);
    let shapes: [fn(&mut AggregatePrivate); 5] = [
        |p| p.cells.push(Fr::zero()),
        |p| p.messages.truncate(ROUNDS - 1),
        |p| p.messages[3].truncate(DEGREE_MAX - 1),
        |p| p.e.push(Fr::one()),
        |p| p.cells.clear(),
    ];
    for change in shapes {
        let mut bad = private.clone();
        change(&mut bad);
        assert_eq!(check_aggregate(SIZE, &public, &bad), Err(Violation::Shape));
    }
    let mut bad = private.clone();
    bad.withheld.pop();
    assert_eq!(check_aggregate(SIZE, &public, &bad), Err(Violation::S2_7));
    let long = AggregatePublic { kinds: vec![SUM; SIZE.cells() + 1], ..public };
    assert_eq!(check_aggregate(SIZE, &long, &private), Err(Violation::Shape));
}

#[test]
fn opening_opens_only_its_own_digest() {
    let (public, private) = instance(17);
    let outcome = release(K_MIN, &public.kinds, &private.cells, &private.withheld).unwrap();
    let number = |x: &Fr| ark_ff::PrimeField::into_bigint(*x).0[0];
    let mut opening = CellsOpening {
        result_salt: crate::outer::scalar_bytes(&private.result_salt),
        values: outcome.released[..18].iter().map(number).collect(),
        flags: outcome.flags.clone(),
        withheld: private.withheld.clone(),
    };
    assert_eq!(opening.check(SIZE, opening.values.len(), &public.cells_digest), Ok(()));
    assert_eq!(opening.check(SIZE, opening.values.len(), &(public.cells_digest + Fr::one())), Err(OpeningError::Digest));
    assert_eq!(opening.check(AggregateSize::Cells256, opening.values.len(), &public.cells_digest), Err(OpeningError::Malformed));
    opening.values[0] += 1;
    assert_eq!(opening.check(SIZE, opening.values.len(), &public.cells_digest), Err(OpeningError::Digest));
    for value in [1 << 62, u64::MAX] {
        opening.values[0] = value;
        assert_eq!(opening.check(SIZE, opening.values.len(), &public.cells_digest), Err(OpeningError::Malformed));
    }
    opening.values[0] = (1 << 62) - 1;
    assert_eq!(opening.check(SIZE, opening.values.len(), &public.cells_digest), Err(OpeningError::Digest));
    opening.result_salt = [0xff; 32];
    assert_eq!(opening.check(SIZE, opening.values.len(), &public.cells_digest), Err(OpeningError::Malformed));
}
