//! Openings of values that are false, which only one absorbed element, or one weight of a batch, stands against.

use ark_ff::{One, UniformRand, Zero};
use countersign_circuits::{
    commitment::{Generators, eq_table},
    field::{Fr, G1},
    fingerprint::mask,
    msm::msm,
    row::{RowOpening, claimed, draw_row_challenge, unit},
    segment::{EMPTY, SLOT_VARIABLES, SLOTS},
    statement::{Wiring, columns},
};
use countersign_prover::{
    opening::{Mask, dot},
    validity::sparse_rows,
};
use countersign_testkit::{
    cheats::{
        answer::Forger,
        opening::{Falsehood, Safeguards},
    },
    scene::{honest, refused, wiring, world},
    world::keys,
};
use countersign_verifier::{VerifyError, verify_batch, verify_row};
use rand::{SeedableRng, rngs::StdRng};

/// A forger behind chi with a mask whose vector is known: the masked rows, their blinder, the weights.
fn masked(wiring: &Wiring, seed: u64, falsely: bool) -> (Forger<'_>, Vec<Fr>, Fr, Vec<Fr>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let generators = Generators::get();
    let mut forger = Forger::new(world(), wiring, seed);
    forger.private.cells[0] += Fr::from(u64::from(falsely));
    forger.seal();
    forger.run();
    if falsely {
        forger.solve_factor(columns::GROUP);
    }
    let eq = eq_table(&forger.r[..SLOT_VARIABLES]);
    let (d, blinder): (Vec<Fr>, Fr) = ((0..SLOTS).map(|_| Fr::rand(&mut rng)).collect(), Fr::rand(&mut rng));
    let commitment = msm(&generators.g, &d) + generators.h * blinder;
    forger.bind_with(|m, point| (*m, *point) = (dot(&d, &eq), commitment.into()));
    assert_eq!(forger.check(), Ok(()), "the circuit is content");
    let (z, rho) = forger.folded();
    let v = d.iter().zip(&z).map(|(d, z)| *d + z).collect();
    (forger, v, blinder + rho, eq)
}

fn answer(wiring: &Wiring, seed: u64, falsely: bool, safeguards: Safeguards, tail: G1) -> Vec<u8> {
    let (mut forger, v, blinder, eq) = masked(wiring, seed, falsely);
    let gap = forger.w - dot(&v, &eq);
    assert_eq!(gap.is_zero(), !falsely);
    let opening = safeguards.open_falsely(v, blinder, &eq, &forger.w, Falsehood { gap, tail }, &mut forger.outer());
    let mut proof = forger.proof();
    proof.opening = opening;
    proof.encode()
}

#[test]
fn with_all_safeguards_the_forger_is_honest() {
    let wiring = wiring();
    assert!(world().verify(&wiring, &answer(&wiring, 300, false, Safeguards::ALL, G1::zero())).is_ok());
    refused(&wiring, &answer(&wiring, 300, true, Safeguards::ALL, G1::zero()), VerifyError::Opening);
}

/// The first fold's L is chosen when its challenge is known, and takes up what w is off.
#[test]
fn opening_l_chosen_after_its_challenge() {
    let wiring = wiring();
    honest(&wiring, 301);
    refused(&wiring, &answer(&wiring, 301, true, Safeguards { l_absorbed: false, ..Safeguards::ALL }, G1::zero()), VerifyError::Opening);
}

#[test]
fn opening_r_chosen_after_its_challenge() {
    let wiring = wiring();
    honest(&wiring, 302);
    refused(&wiring, &answer(&wiring, 302, true, Safeguards { r_absorbed: false, ..Safeguards::ALL }, G1::zero()), VerifyError::Opening);
}

/// A vector that is the committed one, and any inner product.
#[test]
fn opening_of_a_vector_without_its_product() {
    let wiring = wiring();
    honest(&wiring, 307);
    refused(&wiring, &answer(&wiring, 307, true, Safeguards { product_shown: false, ..Safeguards::ALL }, G1::zero()), VerifyError::Opening);
}

/// The transcript of the opening begins with the blinder: a prover that leaves it out is another protocol's.
#[test]
fn opening_blinder_left_out() {
    let wiring = wiring();
    honest(&wiring, 303);
    let weak = Safeguards { blinder_absorbed: false, ..Safeguards::ALL };
    refused(&wiring, &answer(&wiring, 303, false, weak, G1::zero()), VerifyError::Opening);
}

/// The equations of two openings are off by X and by -X: their plain sum holds.
#[test]
fn batch_of_two_openings_that_cancel() {
    let wiring = wiring();
    let x = G1::rand(&mut StdRng::seed_from_u64(304));
    let forged = [answer(&wiring, 304, false, Safeguards::ALL, x), answer(&wiring, 305, false, Safeguards::ALL, -x)];
    let honest = [answer(&wiring, 304, false, Safeguards::ALL, G1::zero()), answer(&wiring, 305, false, Safeguards::ALL, G1::zero())];
    let verdicts = |list: &[Vec<u8>]| {
        let list: Vec<_> = list.iter().map(|bytes| (world().instance(&wiring), bytes.as_slice())).collect();
        verify_batch(&keys().verifying, &list, &mut StdRng::seed_from_u64(306))
    };
    assert!(verdicts(&honest).iter().all(Result::is_ok));
    assert_eq!(verdicts(&forged), [Err(VerifyError::Opening), Err(VerifyError::Opening)]);
}

/// A forger of single rows: the bits of a slot as they are and as they are claimed, a mask, and what the rows fold to.
struct RowForger {
    offset: usize,
    claimed: Vec<bool>,
    mask: Mask,
    masked: Fr,
}

impl RowForger {
    fn new(seed: u64) -> Self {
        let world = world();
        let offset = (0..SLOTS).find(|i| world.data.blocks[0][*i] != EMPTY).unwrap();
        let mut claimed: Vec<bool> = sparse_rows(&world.data_layout, &world.data, 0)
            .iter()
            .map(|row| row.entries().any(|(slot, _)| usize::from(slot) == offset))
            .collect();
        // another age than the true one
        let first = world.data_layout.blocks[0];
        let set = claimed[..first].iter().position(|bit| *bit).unwrap();
        claimed.swap(set, (set + 1) % first);
        let mask = Mask::draw(&mut StdRng::seed_from_u64(seed));
        let masked = mask.evaluation(&unit(offset));
        Self { offset, claimed, mask, masked }
    }

    /// The folded rows and blinders at chi.
    fn folded(&self, chi: Fr) -> (Vec<Fr>, Fr) {
        let world = world();
        let (mut z, mut rho, mut power) = (vec![Fr::zero(); SLOTS], Fr::zero(), Fr::one());
        for (row, blinder) in sparse_rows(&world.data_layout, &world.data, 0).iter().zip(&world.data_blinders[0].0) {
            power *= chi;
            row.entries().for_each(|(slot, x)| z[usize::from(slot)] += power * x);
            rho += power * blinder;
        }
        (z, rho)
    }
}

fn refused_row(offset: usize, row: &RowOpening) {
    let honest = {
        let world = world();
        let rows = sparse_rows(&world.data_layout, &world.data, 0);
        countersign_prover::row::open_row(&world.data_segments[0], &rows, &world.data_blinders[0], offset, &mut StdRng::seed_from_u64(1))
    };
    assert!(verify_row(&world().data_segments[0], offset, &honest.encode()).is_ok(), "the honest variant is accepted");
    assert_eq!(verify_row(&world().data_segments[0], offset, &row.encode()), Err(VerifyError::Opening));
}

/// The mask's value, chosen after chi, makes any bits the slot's.
#[test]
fn row_masked_chosen_after_chi() {
    let forger = RowForger::new(311);
    let (d, offset) = (forger.mask.commitment, forger.offset);
    let (mut outer, chi) = draw_row_challenge(&world().data_segments[0], offset, &forger.claimed, &forger.masked, &d);
    let (z, rho) = forger.folded(chi);
    let w = forger.masked + z[offset];
    let masked = w - claimed(&forger.claimed, &Fr::zero(), chi);
    let opening = forger.mask.open(&z, rho, &unit(offset), &w, &mut outer);
    refused_row(offset, &RowOpening { bits: forger.claimed, masked, d, opening });
}

/// D, chosen after chi, does the same.
#[test]
fn row_d_chosen_after_chi() {
    let forger = RowForger::new(312);
    let (d, offset) = (forger.mask.commitment, forger.offset);
    let (mut outer, chi) = draw_row_challenge(&world().data_segments[0], offset, &forger.claimed, &forger.masked, &d);
    let (mut z, rho) = forger.folded(chi);
    let w = claimed(&forger.claimed, &forger.masked, chi);
    let shift = w - forger.masked - z[offset];
    z[offset] += shift;
    let d = (Generators::get().g[offset] * shift + d).into();
    let opening = forger.mask.open(&z, rho, &unit(offset), &w, &mut outer);
    refused_row(offset, &RowOpening { bits: forger.claimed, masked: forger.masked, d, opening });
}

/// What the fold of evaluations is: the mask is in it, and every evaluation has a power of its own.
#[test]
fn the_mask_and_each_evaluation_count() {
    let wiring = wiring();
    let forger = honest(&wiring, 320);
    for l in 0..columns::COUNT {
        let mut e = forger.private.e.clone();
        e[l] += Fr::one();
        assert_ne!(mask(forger.chi, forger.private.m, &e), forger.w, "column {l}");
    }
    assert_ne!(mask(forger.chi, Fr::zero(), &forger.private.e), forger.w);
}
