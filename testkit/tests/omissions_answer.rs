//! Forged answers that only one absorbed message or one fingerprinted value stands against: with just that one left out, the verifier accepts.
//!
//! Each test runs the attack that the omission would allow. The mutants in `testkit/mutants.toml` make the omissions.

use ark_ff::{AdditiveGroup, Field, One, Zero};
use countersign_circuits::{
    aggregate::{AggregatePublic, GateCounts, claim, release, row_polynomial},
    commitment::Generators,
    field::Fr,
    fingerprint::mask,
    hash::Digest32,
    segment::SLOT_VARIABLES,
    statement::{Grouping, LITERALS_MAX, Measures, Statement, Wiring, columns},
    sumcheck::fold,
};
use countersign_testkit::{
    cheats::answer::Forger,
    scene::{honest, refused, wiring, world},
};
use countersign_verifier::VerifyError;

/// A statement that counts rows in so many groups: one cell each.
fn counts(groups: u16) -> Wiring {
    let bands = (1..=groups).map(|level| vec![level]).collect();
    let groups = if groups > 1 { vec![Grouping { attribute: 1, bands }] } else { vec![] };
    world().wiring(&Statement { filter: vec![], groups, measures: Measures::Descriptive { count_rows: true, of: vec![] } }, 1).unwrap()
}

/// A table with one person more in its first cell, its rounds run over the true rows.
fn one_person_more(wiring: &Wiring, seed: u64) -> Forger<'_> {
    let mut forger = Forger::new(world(), wiring, seed);
    forger.private.cells[0] += Fr::one();
    forger.seal();
    forger.run();
    forger
}

/// Nothing small, everything released: false counts of gates.
fn false_counts(true_counts: &GateCounts) -> GateCounts {
    assert!(true_counts.small > 0);
    GateCounts { released: true_counts.released + true_counts.small, small: 0, ..*true_counts }
}

fn y(forger: &Forger<'_>, public: &AggregatePublic) -> Fr {
    public.inputs(forger.size)[3]
}

/// What a value must be for y to be `target`; y is linear in it.
fn solved(forger: &Forger<'_>, target: Fr, set: impl Fn(&mut AggregatePublic, Fr)) -> Fr {
    let at = |x: Fr| {
        let mut public = forger.public();
        set(&mut public, x);
        y(forger, &public)
    };
    (target - at(Fr::zero())) * (at(Fr::one()) - at(Fr::zero())).inverse().unwrap()
}

/// The true evaluations' and the forged evaluations' difference under chi.
fn difference(forger: &Forger<'_>, true_e: &[Fr]) -> Fr {
    mask(forger.chi, Fr::zero(), true_e) - mask(forger.chi, Fr::zero(), &forger.private.e)
}

#[test]
fn outer_c_m_chosen_after_chi() {
    let wiring = wiring();
    honest(&wiring, 101);
    let mut forger = one_person_more(&wiring, 101);
    let true_e = forger.private.e.clone();
    forger.bind_with(|_, _| ());
    // chi is known: evaluations that meet the claim, and a mask that makes up for them
    forger.solve_factor(columns::GROUP);
    forger.private.m += difference(&forger, &true_e);
    forger.commit();
    assert_eq!(mask(forger.chi, forger.private.m, &forger.private.e), forger.w);
    assert!(forger.satisfied(), "under the chi of before, all is well");
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}

#[test]
fn outer_d_chosen_after_chi() {
    let wiring = wiring();
    honest(&wiring, 102);
    let mut forger = one_person_more(&wiring, 102);
    let true_e = forger.private.e.clone();
    forger.solve_factor(columns::GROUP);
    forger.bind_with(|_, _| ());
    // D is moved by what the evaluations are off
    forger.shift = -difference(&forger, &true_e);
    forger.d = (Generators::get().g_sum * forger.shift + forger.d).into();
    assert!(forger.satisfied());
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}

/// One cell: no column depends on gamma, so it is a free value that pays for a false digest of cells.
#[test]
fn outer_gamma_solved_after_chi() {
    let wiring = counts(1);
    assert_eq!(wiring.cells().len(), 1);
    let mut forger = honest(&wiring, 103);
    let true_digest = forger.cells_digest;
    forger.seal_instead(|released, _| released[0] += Fr::from(1000u64));
    let sealed = forger.cells_digest;
    assert_ne!(sealed, true_digest);
    forger.draw();
    let target = y(&forger, &AggregatePublic { cells_digest: true_digest, ..forger.public() });
    forger.gamma = solved(&forger, target, |public, gamma| public.gamma = gamma);
    assert!(forger.satisfied());
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}

/// Two challenges of the padding of the only segment, whose product of (1 - r) is kept, pay for false counts.
#[test]
fn outer_r_solved_after_chi() {
    let wiring = wiring();
    let mut forger = honest(&wiring, 104);
    assert_eq!(world().data.segments(), 1);
    let true_counts = forger.counts;
    forger.counts = false_counts(&true_counts);
    forger.draw();
    let target = y(&forger, &AggregatePublic { counts: true_counts, ..forger.public() });
    let weight = |k: usize| {
        let at = |x: Fr| {
            let mut public = forger.public();
            public.r[k] = x;
            y(&forger, &public)
        };
        at(Fr::one()) - at(Fr::zero())
    };
    let padding: Vec<usize> = (SLOT_VARIABLES..forger.r.len()).collect();
    let pairs = padding.iter().flat_map(|i| padding.iter().filter(move |j| i < *j).map(move |j| (*i, *j)));
    let (i, j, r_i, r_j) = pairs
        .into_iter()
        .find_map(|(i, j)| {
            // a = 1 - r_i, b = 1 - r_j:  a b = p,  w_i a + w_j b = s
            let (w_i, w_j) = (weight(i), weight(j));
            let (a, b) = (Fr::one() - forger.r[i], Fr::one() - forger.r[j]);
            let (p, s) = (a * b, w_i * a + w_j * b - (target - y(&forger, &forger.public())));
            let root = (s.square() - Fr::from(4u64) * w_i * w_j * p).sqrt()?;
            let a = (s + root) * w_i.double().inverse()?;
            Some((i, j, Fr::one() - a, Fr::one() - p * a.inverse()?))
        })
        .expect("half of 55 quadratic equations have a root");
    (forger.r[i], forger.r[j]) = (r_i, r_j);
    assert_eq!(y(&forger, &forger.public()), target);
    assert!(forger.satisfied());
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}

/// A cells digest nobody can open, solved so that the public record says that nothing was small.
#[test]
fn outer_cells_digest_solved_after_chi() {
    let wiring = wiring();
    let mut forger = honest(&wiring, 105);
    let true_counts = forger.counts;
    forger.counts = false_counts(&true_counts);
    forger.draw();
    let target = y(&forger, &AggregatePublic { counts: true_counts, ..forger.public() });
    forger.cells_digest = solved(&forger, target, |public, digest| public.cells_digest = digest);
    assert!(forger.satisfied());
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}

/// An answer to another question under this one's name.
#[test]
fn fingerprint_digest_of_another_statement() {
    let wiring = wiring();
    let mut forger = Forger::new(world(), &wiring, 111);
    let own = forger.digest;
    let mut other = world().clone();
    other.context.query = Digest32::of(b"another query");
    forger.digest = other.instance(&wiring).digest();
    let foreign = forger.digest;
    let mut forger = forger.bound();
    assert!(forger.satisfied(), "for its own statement the answer holds");
    forger.digest = own;
    forger.draw();
    forger.digest = foreign;
    assert!(forger.satisfied());
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}

/// Two cells: with the gamma of the columns chosen after the circuit's, any table has the claim of the true one.
#[test]
fn fingerprint_gamma_chosen_after_the_table() {
    let wiring = counts(2);
    assert_eq!(wiring.cells().len(), 2);
    honest(&wiring, 112);
    let mut forger = Forger::new(world(), &wiring, 112);
    let true_cells = forger.private.cells.clone();
    forger.private.cells[0] += Fr::from(5u64);
    forger.seal();
    forger.start();
    let sent = forger.gamma + Fr::from(5u64) * true_cells[1].inverse().unwrap();
    assert_eq!(claim(forger.gamma, &forger.private.cells), claim(sent, &true_cells));
    forger.gamma = sent;
    forger.rounds();
    forger.bind_with(|_, _| ());
    forger.gamma = sent;
    forger.draw();
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}

/// Nobody is in the table: all messages are zero, and the columns are opened at a point of the padding, where they are zero.
#[test]
fn fingerprint_r_of_the_padding() {
    let wiring = wiring();
    honest(&wiring, 113);
    let mut forger = Forger::new(world(), &wiring, 113);
    forger.private.cells.fill(Fr::zero());
    forger.seal();
    assert_eq!(forger.counts.released, 0, "everything is hidden");
    forger.replay();
    let last = forger.r.len() - 1;
    forger.r[last] = Fr::one();
    forger.private.e = forger.evaluations();
    assert!(row_polynomial(&forger.private.e).is_zero());
    forger.bind_with(|_, _| ());
    forger.r[last] = Fr::one();
    forger.draw();
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}

#[test]
fn fingerprint_cells_digest_of_other_cells() {
    let wiring = wiring();
    let mut forger = honest(&wiring, 114);
    forger.seal_instead(|released, _| released[0] += Fr::from(1000u64));
    forger.draw();
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}

/// Each of the five, one up: released, small, and withheld for a reason.
#[test]
fn fingerprint_each_gate_count() {
    let wiring = wiring();
    for i in 0..5 {
        let mut forger = honest(&wiring, 115);
        *match i {
            0 => &mut forger.counts.released,
            1 => &mut forger.counts.small,
            reason => &mut forger.counts.withheld[reason - 2],
        } += 1;
        forger.draw();
        refused(&wiring, &forger.answer(), VerifyError::Groth16);
    }
}

/// The digest inside, solved after chi, pays for false counts.
#[test]
fn inner_digest_solved_after_chi() {
    let wiring = wiring();
    let mut forger = honest(&wiring, 121);
    let true_counts = forger.counts;
    let lie = false_counts(&true_counts);
    forger.counts = lie;
    forger.draw();
    let target = y(&forger, &forger.public());
    forger.counts = true_counts;
    forger.digest = solved(&forger, target, |public, digest| public.digest = digest);
    assert_eq!(y(&forger, &forger.public()), target);
    let mut proof = forger.proof();
    proof.counts = lie;
    refused(&wiring, &proof.encode(), VerifyError::Groth16);
}

/// A released sum is a thousand higher, and a sum of a suppressed group, which nobody ever sees, makes up for it at the gamma that was drawn.
#[test]
fn inner_cells_chosen_after_gamma() {
    let wiring = wiring();
    honest(&wiring, 122);
    let mut forger = Forger::new(world(), &wiring, 122);
    let outcome = release(forger.k_min, &forger.kinds, &forger.private.cells, &forger.private.withheld).unwrap();
    let free = |flag: bool| (0..wiring.cells().len()).find(|i| !wiring.cells()[*i].kind.gate && outcome.flags[*i] == flag).unwrap();
    let (shown, hidden) = (free(true), free(false));
    let true_cells = forger.private.cells.clone();
    forger.private.cells[shown] += Fr::from(1000u64);
    forger.seal();
    let sealed = forger.cells_digest;
    forger.start();
    let gamma = forger.gamma;
    let power = |i: usize| gamma.pow([i as u64]);
    forger.private.cells[hidden] -= Fr::from(1000u64) * power(shown) * power(hidden).inverse().unwrap();
    assert_eq!(claim(gamma, &forger.private.cells), claim(gamma, &true_cells));
    forger.seal();
    assert_eq!(forger.cells_digest, sealed, "what is released is what was sealed");
    forger.run();
    forger.bind_with(|_, _| ());
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}

/// The first message leads from a false claim to the true one through the point that is known.
#[test]
fn inner_message_chosen_after_its_challenge() {
    let wiring = wiring();
    honest(&wiring, 123);
    let mut forger = one_person_more(&wiring, 123);
    let (false_claim, r) = (claim(forger.gamma, &forger.private.cells), forger.r[0]);
    let true_claim = false_claim - Fr::one();
    let honest_message = forger.private.messages[0].clone();
    // a claim that is one higher puts r on top; c_0 + x adds x (1 - 2 r)
    forger.private.messages[0][0] -= r * (Fr::one() - r.double()).inverse().unwrap();
    assert_eq!(fold(false_claim, &forger.private.messages[0], r), fold(true_claim, &honest_message, r));
    forger.bind_with(|_, _| ());
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}

/// An evaluation that meets the false claim, and another, which the product does not depend on, so that nobody can tell under chi.
#[test]
fn inner_evaluations_chosen_after_chi() {
    let wiring = wiring();
    honest(&wiring, 124);
    let mut forger = one_person_more(&wiring, 124);
    let true_e = forger.private.e.clone();
    forger.bind_with(|_, _| ());
    forger.solve_factor(columns::GROUP);
    // clause 1 is not used: its first literal is one, and its second does not matter
    let idle = columns::LITERAL + LITERALS_MAX + 1;
    let off = difference(&forger, &true_e);
    forger.private.e[idle] += off * forger.chi.pow([idle as u64 + 1]).inverse().unwrap();
    assert_eq!(mask(forger.chi, forger.private.m, &forger.private.e), forger.w);
    assert_eq!(row_polynomial(&forger.private.e), forger.last_claim());
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}

#[test]
fn inner_mask_chosen_after_chi() {
    let wiring = wiring();
    honest(&wiring, 125);
    let mut forger = one_person_more(&wiring, 125);
    let true_e = forger.private.e.clone();
    forger.solve_factor(columns::GROUP);
    forger.bind_with(|_, _| ());
    forger.private.m += difference(&forger, &true_e);
    forger.w = mask(forger.chi, forger.private.m, &forger.private.e);
    refused(&wiring, &forger.answer(), VerifyError::Groth16);
}
