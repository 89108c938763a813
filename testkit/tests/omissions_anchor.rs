//! Anchors of tables that are none, which only one absorbed message or one fingerprinted value stands against: with just that one left out, the
//! verifier accepts. The provers send messages of zeros (`cheats::zeros`).

use ark_ff::{AdditiveGroup, Field, One, Zero};
use countersign_circuits::{
    commitment::Generators,
    field::Fr,
    fingerprint::mask,
    segment::Segment,
    validity::{VALIDITY_ROUNDS, ValidityPublic, eq_point, stack_digest, start_outer},
};
use countersign_testkit::{
    cheats::{anchor::Table, zeros::ZeroProver},
    world::{World, keys},
};
use countersign_verifier::{VerifyError, verify_segments};
use std::sync::OnceLock;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::new(400, 9))
}

fn verify(table: &Table, segment: &Segment, proof: &[u8]) -> Result<(), VerifyError> {
    verify_segments(&keys().verifying, &table.instance(std::slice::from_ref(segment)), proof)
}

fn honest(seed: u64) -> Table {
    let table = Table::of(world(), seed);
    let (segment, proof) = table.anchor(seed);
    assert_eq!(verify(&table, &segment, &proof), Ok(()), "the honest variant is accepted");
    table
}

/// The bin of sex that is set for an occupied slot, and another one.
fn two_bins(table: &Table, slot: u16) -> (usize, usize) {
    let set = table.bin_of(1, slot);
    (set, table.block(1).find(|row| *row != set).unwrap())
}

fn occupied(table: &Table) -> Vec<u16> {
    table.rows[table.occupancy()].entries().map(|(slot, _)| slot).collect()
}

/// A person counted twice in one bin and taken back in another: every block adds up.
fn two_and_minus_one(seed: u64) -> Table {
    let mut table = honest(seed);
    let slot = occupied(&table)[0];
    let (set, other) = two_bins(&table, slot);
    table.set(set, slot, Fr::from(2u64));
    table.set(other, slot, -Fr::one());
    table
}

fn refused(table: &Table, mut prover: ZeroProver<'_>) {
    let proof = prover.proof();
    assert_eq!(verify(table, &prover.segment, &proof), Err(VerifyError::Groth16));
}

fn y(public: &ValidityPublic) -> Fr {
    public.inputs()[3]
}

/// The variable of the highest padding of a stack of one segment: where it is one, every row is zero.
const PADDING: usize = VALIDITY_ROUNDS - 1;

/// With tau known before the commitments, a second lie makes up for the first.
#[test]
fn outer_digest_left_out_of_tau() {
    let base = honest(201);
    let any = base.commit();
    let (_, tau) = start_outer(&stack_digest(&base.context, std::slice::from_ref(&any)));
    let prover = ZeroProver::new(&base, 201);
    let weight = |table: &Table, slot| {
        let (a, b) = two_bins(table, slot);
        prover.weight(&tau, a, slot) + prover.weight(&tau, b, slot)
    };
    let slots = occupied(&base);
    // 2 and -1 in the first slot weigh 2 E_1; v and 1 - v in another weigh (v^2 - v) E_2
    let (second, v) = slots[1..]
        .iter()
        .find_map(|slot| {
            let c = weight(&base, slots[0]) * weight(&base, *slot).inverse()?;
            let root = (Fr::one() - Fr::from(8u64) * c).sqrt()?;
            Some((*slot, (Fr::one() + root) * Fr::from(2u64).inverse()?))
        })
        .expect("half of all slots have a root");
    let mut table = base.clone();
    for (slot, value) in [(slots[0], Fr::from(2u64)), (second, v)] {
        let (set, other) = two_bins(&base, slot);
        table.set(set, slot, value);
        table.set(other, slot, Fr::one() - value);
    }
    let (segment, proof) = table.anchor(201);
    assert_eq!(verify(&table, &segment, &proof), Err(VerifyError::Groth16));
}

/// A challenge of the padding, solved after chi, pays for an eq of another point.
#[test]
fn outer_r_solved_after_chi() {
    let table = two_and_minus_one(202);
    let mut prover = ZeroProver::new(&table, 202);
    prover.bind();
    let inside = prover.public.clone();
    let tau = prover.tau.clone();
    let at = |x: Fr| {
        let mut public = inside.clone();
        (public.r[PADDING], public.r[PADDING - 1]) = (Fr::one(), x);
        public.eq = eq_point(&tau, &public.r);
        public
    };
    let x = (y(&inside) - y(&at(Fr::zero()))) * (y(&at(Fr::one())) - y(&at(Fr::zero()))).inverse().unwrap();
    prover.public = at(x);
    assert_eq!(y(&prover.public), y(&inside));
    assert!(prover.evaluation(&prover.public.r).is_zero(), "the rows are not looked at");
    prover.circuit = Some(inside);
    assert!(prover.satisfied());
    refused(&table, prover);
}

#[test]
fn outer_c_m_chosen_after_chi() {
    let table = two_and_minus_one(203);
    let mut prover = ZeroProver::new(&table, 203);
    prover.bind();
    // the evaluation is claimed to be zero, and the mask carries the true one
    prover.private.m += prover.public.chi * prover.evaluation(&prover.public.r);
    prover.commit();
    prover.public.w = prover.private.m;
    assert!(prover.satisfied());
    refused(&table, prover);
}

#[test]
fn outer_d_chosen_after_chi() {
    let table = two_and_minus_one(204);
    let mut prover = ZeroProver::new(&table, 204);
    prover.bind();
    prover.shift = -prover.public.chi * prover.evaluation(&prover.public.r);
    prover.d = (Generators::get().g_sum * prover.shift + prover.d).into();
    assert!(prover.satisfied());
    refused(&table, prover);
}

/// The table is made for challenges that are known: they come from another digest.
fn made_for(base: &Table, r: &[Fr], seed: u64) -> Table {
    let prover = ZeroProver::new(base, seed);
    let slot = occupied(base)[0];
    let (set, other) = two_bins(base, slot);
    // O~(r) + x (E_set - E_other) = 0
    let x = -prover.evaluation(r) * (prover.weight(r, set, slot) - prover.weight(r, other, slot)).inverse().unwrap();
    let mut table = base.clone();
    table.set(set, slot, Fr::one() + x);
    table.set(other, slot, -x);
    assert!(ZeroProver::new(&table, seed).evaluation(r).is_zero());
    table
}

/// The circuit runs for a digest of the prover's own.
#[test]
fn fingerprint_digest_of_the_prover_s_own() {
    let base = honest(211);
    let own = |table: &Table| {
        let mut prover = ZeroProver::new(table, 211);
        prover.public.digest = Fr::from(7u64);
        prover.replay();
        prover.public.r
    };
    let r = own(&base);
    let table = made_for(&base, &r, 211);
    let mut prover = ZeroProver::new(&table, 211);
    prover.public.digest = Fr::from(7u64);
    prover.replay();
    assert_eq!(prover.public.r, r);
    prover.bind();
    assert!(prover.satisfied(), "for its own digest the proof holds");
    refused(&table, prover);
}

/// eq is claimed to be zero: then any evaluation will do, the true one too.
#[test]
fn fingerprint_eq_of_zero() {
    let table = two_and_minus_one(212);
    let mut prover = ZeroProver::new(&table, 212);
    prover.public.eq = Fr::zero();
    prover.private.e = prover.evaluation(&prover.public.r);
    prover.bind();
    assert!(prover.satisfied());
    refused(&table, prover);
}

/// The commitments are opened at a point of the padding, where they say nothing.
#[test]
fn fingerprint_r_of_the_padding() {
    let table = two_and_minus_one(213);
    let mut prover = ZeroProver::new(&table, 213);
    prover.public.r[PADDING] = Fr::one();
    prover.public.eq = eq_point(&prover.tau, &prover.public.r);
    prover.bind();
    refused(&table, prover);
}

/// The challenges do not depend on what was committed.
#[test]
fn inner_digest_left_out() {
    let base = honest(221);
    let r = ZeroProver::new(&base, 221).public.r;
    let table = made_for(&base, &r, 221);
    let mut prover = ZeroProver::new(&table, 221);
    prover.public.r = r;
    prover.public.eq = eq_point(&prover.tau, &prover.public.r);
    prover.bind();
    refused(&table, prover);
}

#[test]
fn inner_message_chosen_after_its_challenge() {
    let table = two_and_minus_one(222);
    let mut prover = ZeroProver::new(&table, 222);
    let e = prover.evaluation(&prover.public.r);
    prover.private.e = e;
    // from a claim of zero, c_0 alone gives c_0 (1 - 2 r)
    let last = prover.public.r[VALIDITY_ROUNDS - 1];
    prover.private.messages[VALIDITY_ROUNDS - 1][0] =
        prover.public.eq * e * (e - Fr::one()) * (Fr::one() - last.double()).inverse().unwrap();
    prover.bind();
    refused(&table, prover);
}

/// The attack of docs/adr/007: rounds of zeros end in any eq, which is solved for after chi, so the opening may be at any point.
#[test]
fn inner_eq_solved_after_chi() {
    let table = two_and_minus_one(223);
    let mut prover = ZeroProver::new(&table, 223);
    let rounds = prover.public.r.clone();
    prover.public.r[PADDING] = Fr::one();
    prover.public.eq = eq_point(&prover.tau, &prover.public.r);
    prover.bind();
    let target = y(&prover.public);
    let at = |eq: Fr| ValidityPublic { eq, r: rounds.clone(), ..prover.public.clone() };
    let eq = (target - y(&at(Fr::zero()))) * (y(&at(Fr::one())) - y(&at(Fr::zero()))).inverse().unwrap();
    let inside = at(eq);
    assert_eq!(y(&inside), target);
    prover.circuit = Some(inside);
    refused(&table, prover);
}

#[test]
fn inner_mask_chosen_after_chi() {
    let table = two_and_minus_one(224);
    let mut prover = ZeroProver::new(&table, 224);
    prover.bind();
    prover.private.m += prover.public.chi * prover.evaluation(&prover.public.r);
    prover.public.w = mask(prover.public.chi, prover.private.m, &[prover.private.e]);
    refused(&table, prover);
}
