//! The second line: every item that a transcript absorbs moves every challenge behind it, whether or not an attack on its own omission is known.

use ark_ff::{One, UniformRand, Zero};
use countersign_circuits::{
    aggregate::{AggregatePrivate, AggregateSize, AggregateTranscript, GateCounts, Withheld},
    commitment::Generators,
    field::Fr,
    hash::Digest32,
    opening::{fold_challenge, start_opening},
    outer::OuterTranscript,
    proof::{AggregateProof, ValidityProof},
    row::draw_row_challenge,
    segment::{Segment, SegmentId, TableContext},
    statement::CellKind,
    validity::{ValidityTranscript, start_outer},
};
use rand::{SeedableRng, rngs::StdRng};

/// All are different.
fn distinct<T: PartialEq + std::fmt::Debug>(challenges: &[(&str, T)]) {
    for (i, (name, challenge)) in challenges.iter().enumerate() {
        for (other, earlier) in &challenges[..i] {
            assert_ne!(challenge, earlier, "{name} and {other}");
        }
    }
}

/// What is behind chi moves too: the opening goes on from there.
fn behind(mut outer: OuterTranscript, chi: Fr) -> [Fr; 2] {
    [chi, outer.challenge("behind")]
}

#[test]
fn every_item_of_an_answer_moves_chi() {
    let x = |n: u64| Fr::from(n);
    let points = &Generators::get().g;
    let counts = |i: usize| {
        let mut list = [0u32; 5];
        list.iter_mut().skip(i).take(1).for_each(|n| *n = 1);
        GateCounts { released: list[0], small: list[1], withheld: [list[2], list[3], list[4]] }
    };
    let draw = |digest, counts: GateCounts, cells, gamma, r: [u64; 2], c_m, d: usize| {
        let r = r.map(Fr::from);
        let (outer, chi) = AggregateProof::draw_chi(&x(digest), &counts, &x(cells), &x(gamma), &r, &x(c_m), &points[d]);
        behind(outer, chi)
    };
    let base = counts(5);
    distinct(&[
        ("nothing", draw(0, base, 0, 0, [0, 0], 0, 0)),
        ("digest", draw(1, base, 0, 0, [0, 0], 0, 0)),
        ("released", draw(0, counts(0), 0, 0, [0, 0], 0, 0)),
        ("small", draw(0, counts(1), 0, 0, [0, 0], 0, 0)),
        ("overlap", draw(0, counts(2), 0, 0, [0, 0], 0, 0)),
        ("dominance", draw(0, counts(3), 0, 0, [0, 0], 0, 0)),
        ("local", draw(0, counts(4), 0, 0, [0, 0], 0, 0)),
        ("cells", draw(0, base, 1, 0, [0, 0], 0, 0)),
        ("gamma", draw(0, base, 0, 1, [0, 0], 0, 0)),
        ("first r", draw(0, base, 0, 0, [1, 0], 0, 0)),
        ("last r", draw(0, base, 0, 0, [0, 1], 0, 0)),
        ("c_m", draw(0, base, 0, 0, [0, 0], 1, 0)),
        ("D", draw(0, base, 0, 0, [0, 0], 0, 1)),
    ]);
}

#[test]
fn every_item_of_an_anchor_moves_its_challenges() {
    let points = &Generators::get().g;
    let (tau, other) = (start_outer(&Digest32::of(b"a")).1, start_outer(&Digest32::of(b"b")).1);
    assert!(tau.iter().zip(&other).all(|(a, b)| a != b));
    assert!((1..tau.len()).all(|i| tau[i] != tau[i - 1]), "every coordinate is drawn");
    let draw = |digest: &[u8], r: [u64; 2], c_m: u64, d: usize| {
        let mut outer = start_outer(&Digest32::of(digest)).0;
        let chi = ValidityProof::draw_chi(&mut outer, &r.map(Fr::from), &Fr::from(c_m), &points[d]);
        behind(outer, chi)
    };
    distinct(&[
        ("nothing", draw(b"a", [0, 0], 0, 0)),
        ("digest", draw(b"b", [0, 0], 0, 0)),
        ("first r", draw(b"a", [1, 0], 0, 0)),
        ("last r", draw(b"a", [0, 1], 0, 0)),
        ("c_m", draw(b"a", [0, 0], 1, 0)),
        ("D", draw(b"a", [0, 0], 0, 1)),
    ]);
}

#[test]
fn every_item_of_an_opening_moves_its_challenges() {
    let points = &Generators::get().g;
    let start = |before: &str, w: u64, blinder: u64| {
        let mut outer = OuterTranscript::new(before);
        let u = start_opening(&mut outer, &Fr::from(w), &Fr::from(blinder));
        assert!(!u.is_zero() && !u.is_one());
        behind(outer, u)
    };
    distinct(&[("nothing", start("a", 0, 0)), ("before", start("b", 0, 0)), ("w", start("a", 1, 0)), ("blinder", start("a", 0, 1))]);
    let fold = |before: &str, l: usize, r: usize| {
        let mut outer = OuterTranscript::new(before);
        let x = fold_challenge(&mut outer, &points[l], &points[r]);
        assert!(x % 2 == 1, "never zero");
        behind(outer, Fr::from(x))
    };
    distinct(&[("nothing", fold("a", 0, 0)), ("before", fold("b", 0, 0)), ("L", fold("a", 1, 0)), ("R", fold("a", 0, 1))]);
}

#[test]
fn every_item_of_a_row_moves_chi() {
    let points = &Generators::get().g;
    let d = |x: &str| Digest32::of(x.as_bytes());
    let context = TableContext { network: d("n"), hospital: d("h"), table: d("t") };
    let draw = |point: usize, slot: usize, bits: [bool; 2], masked: u64, mask: usize| {
        let segment = Segment::new(&context, SegmentId { index: 0, version: 0 }, vec![points[point]]);
        let (outer, chi) = draw_row_challenge(&segment, slot, &bits, &Fr::from(masked), &points[mask]);
        behind(outer, chi)
    };
    distinct(&[
        ("nothing", draw(0, 0, [false, false], 0, 0)),
        ("segment", draw(1, 0, [false, false], 0, 0)),
        ("slot", draw(0, 1, [false, false], 0, 0)),
        ("first bit", draw(0, 0, [true, false], 0, 0)),
        ("last bit", draw(0, 0, [false, true], 0, 0)),
        ("masked", draw(0, 0, [false, false], 1, 0)),
        ("D", draw(0, 0, [false, false], 0, 1)),
    ]);
}

/// gamma, and with it every challenge of the rounds, and c_m.
#[test]
fn every_item_absorbed_inside_an_answer_moves_gamma() {
    let mut rng = StdRng::seed_from_u64(1);
    for size in AggregateSize::ALL {
        let mut private = AggregatePrivate::blank(size);
        private.salt = Fr::rand(&mut rng);
        let with = |change: &dyn Fn(&mut AggregatePrivate)| {
            let mut changed = private.clone();
            change(&mut changed);
            changed
        };
        let x = |n: u64| Fr::from(n);
        let plain = vec![CellKind::default(); 2];
        let kinds = |change: fn(&mut CellKind)| {
            let mut kinds = plain.clone();
            change(&mut kinds[1]);
            kinds
        };
        let draw = |digest: u64, k_min: u32, kinds: &[CellKind], cells: u64, private: &AggregatePrivate| {
            AggregateTranscript::start(size, x(digest), k_min, kinds, x(cells), private).1
        };
        let last = size.cells() - 1;
        distinct(&[
            ("nothing", draw(0, 1, &plain, 0, &private)),
            ("digest", draw(1, 1, &plain, 0, &private)),
            ("k_min", draw(0, 2, &plain, 0, &private)),
            ("group start", draw(0, 1, &kinds(|k| k.group_start = true), 0, &private)),
            ("block start", draw(0, 1, &kinds(|k| k.block_start = true), 0, &private)),
            ("gate", draw(0, 1, &kinds(|k| k.gate = true), 0, &private)),
            ("zero passes", draw(0, 1, &kinds(|k| k.zero_ok = true), 0, &private)),
            ("shown", draw(0, 1, &kinds(|k| k.show = true), 0, &private)),
            ("cells digest", draw(0, 1, &plain, 1, &private)),
            ("salt", draw(0, 1, &plain, 0, &with(&|p| p.salt += Fr::one()))),
            ("first reason", draw(0, 1, &plain, 0, &with(&|p| p.withheld[0] = Withheld::Overlap))),
            ("last reason", draw(0, 1, &plain, 0, &with(&|p| p.withheld[last] = Withheld::Dominance))),
            ("first cell", draw(0, 1, &plain, 0, &with(&|p| p.cells[0] += Fr::one()))),
            ("last cell", draw(0, 1, &plain, 0, &with(&|p| p.cells[last] += Fr::one()))),
        ]);
        let finish = |message: u64, e: [u64; 2], m: u64, s: u64| {
            let (mut transcript, _) = AggregateTranscript::start(size, x(0), 1, &plain, x(0), &private);
            let r = transcript.round(&[x(message), x(0)]);
            [r, transcript.finish(&e.map(Fr::from), x(m), x(s))]
        };
        assert_ne!(finish(0, [0, 0], 0, 0)[0], finish(1, [0, 0], 0, 0)[0], "the message");
        let c_m = |message, e, m, s| finish(message, e, m, s)[1];
        distinct(&[
            ("nothing", c_m(0, [0, 0], 0, 0)),
            ("message", c_m(1, [0, 0], 0, 0)),
            ("first e", c_m(0, [1, 0], 0, 0)),
            ("last e", c_m(0, [0, 1], 0, 0)),
            ("m", c_m(0, [0, 0], 1, 0)),
            ("s", c_m(0, [0, 0], 0, 1)),
        ]);
    }
}

#[test]
fn every_item_absorbed_inside_an_anchor_moves_c_m() {
    let x = |n: u64| Fr::from(n);
    let run = |digest: u64, salt: u64, message: u64, [eq, e, m, s]: [u64; 4]| {
        let mut transcript = ValidityTranscript::start(x(digest), x(salt));
        let r = transcript.round(&[x(message), x(0), x(0)]);
        (r, transcript.finish(x(eq), x(e), x(m), x(s)))
    };
    let (nothing, z) = (run(0, 0, 0, [0; 4]), [0; 4]);
    for (name, changed) in [("digest", run(1, 0, 0, z)), ("salt", run(0, 1, 0, z)), ("message", run(0, 0, 1, z))] {
        assert_ne!(changed.0, nothing.0, "{name} moves r");
    }
    distinct(&[
        ("nothing", nothing.1),
        ("digest", run(1, 0, 0, z).1),
        ("salt", run(0, 1, 0, z).1),
        ("message", run(0, 0, 1, z).1),
        ("eq", run(0, 0, 0, [1, 0, 0, 0]).1),
        ("e", run(0, 0, 0, [0, 1, 0, 0]).1),
        ("m", run(0, 0, 0, [0, 0, 1, 0]).1),
        ("s", run(0, 0, 0, [0, 0, 0, 1]).1),
    ]);
}

#[test]
fn segments_have_digests_of_all_that_is_theirs() {
    let points = &Generators::get().g;
    let d = |x: &str| Digest32::of(x.as_bytes());
    let digest = |network: &str, hospital: &str, table: &str, index: u32, version: u32, points: Vec<_>| {
        let context = TableContext { network: d(network), hospital: d(hospital), table: d(table) };
        Segment::new(&context, SegmentId { index, version }, points).digest()
    };
    let own = || points[..2].to_vec();
    distinct(&[
        ("nothing", digest("n", "h", "t", 0, 0, own())),
        ("network", digest("m", "h", "t", 0, 0, own())),
        ("hospital", digest("n", "g", "t", 0, 0, own())),
        ("table", digest("n", "h", "s", 0, 0, own())),
        ("index", digest("n", "h", "t", 1, 0, own())),
        ("version", digest("n", "h", "t", 0, 1, own())),
        ("first point", digest("n", "h", "t", 0, 0, vec![points[2], points[1]])),
        ("last point", digest("n", "h", "t", 0, 0, vec![points[0], points[2]])),
        ("order", digest("n", "h", "t", 0, 0, vec![points[1], points[0]])),
    ]);
}
