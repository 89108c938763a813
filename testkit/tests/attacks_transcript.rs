//! Transcripts, masks, openings and fingerprints of S2 attacked (protocol, section 9: 12 to 16, 18, 28).
//!
//! A forged answer that meets the circuit must fail in the opening, and the other way round; the honest variant verifies in each test.

use ark_ff::{AdditiveGroup, Field, One, UniformRand, Zero};
use countersign_circuits::{
    aggregate::{
        AggregateCircuit, AggregateTranscript, Violation, Withheld, check_aggregate, claim, release, row_polynomial, sealed_digest,
    },
    commitment::{Generators, eq_table},
    field::{Fr, G1Affine},
    msm::msm,
    segment::{SLOT_VARIABLES, SLOTS},
    statement::columns,
};
use countersign_testkit::{
    cheats::{
        answer::{Forger, circuit_satisfied, public_values},
        opening::Safeguards,
    },
    scene::{honest, refused, wiring, world},
};
use countersign_verifier::VerifyError;
use rand::{Rng, SeedableRng, rngs::StdRng};

#[test]
fn a12_messages_chosen_after_their_challenges() {
    let wiring = wiring();
    honest(&wiring, 12);
    // M after gamma: another table with the same claim at the gamma that was drawn for the true one
    let mut forger = Forger::new(world(), &wiring, 12).bound();
    let gamma = forger.gamma;
    forger.private.cells[0] += gamma;
    forger.private.cells[1] -= Fr::one();
    assert_eq!(claim(gamma, &forger.private.cells), claim(gamma, &honest(&wiring, 12).private.cells));
    assert_eq!(row_polynomial(&forger.private.e), forger.last_claim());
    // a gate is no count any more; a cell that is none is
    let (hidden, other) = (wiring.cells().iter().rposition(|c| !c.kind.gate).unwrap(), 4);
    let mut forger = Forger::new(world(), &wiring, 12).bound();
    assert!(!wiring.cells()[other].kind.gate && hidden != other);
    forger.private.cells[hidden] += Fr::one();
    forger.private.cells[other] -= gamma.pow([hidden as u64]) * gamma.pow([other as u64]).inverse().unwrap();
    let outcome = release(forger.k_min, &forger.kinds, &forger.private.cells, &forger.private.withheld).unwrap();
    forger.cells_digest = sealed_digest(forger.size, forger.private.result_salt, &outcome, &forger.private.withheld);
    assert_eq!(forger.check(), Err(Violation::S2_1));
    forger.draw();
    refused(&wiring, &forger.answer(), VerifyError::Groth16);

    // g_i after r_i: another message through the same point
    for i in [0, 10, 21] {
        let mut forger = Forger::new(world(), &wiring, 12).bound();
        let r = forger.r[i];
        // c_2 + t, c_3 - t changes g(r) by t (r^2 - r^3) - t (r - r): c_1 moves by 0; make up for it with c_0
        forger.private.messages[i][1] += Fr::one();
        let change = r.square() - r;
        // c_0 + x changes g(r) by x - 2 x r
        forger.private.messages[i][0] -= change * (Fr::one() - r.double()).inverse().unwrap();
        assert_eq!(row_polynomial(&forger.private.e), forger.last_claim(), "the old challenges are met");
        assert_eq!(forger.check(), Err(Violation::S2_3));
        assert!(!forger.satisfied());
    }

    // e, m or s after c_m
    for change in [
        (|f: &mut Forger<'_>| f.private.m += Fr::one()) as fn(&mut Forger<'_>),
        |f| f.private.s += Fr::one(),
        |f| {
            let (a, b) = (f.private.e[columns::ACTIVE], f.private.e[columns::GROUP]);
            (f.private.e[columns::ACTIVE], f.private.e[columns::GROUP]) = (a.double(), b * Fr::from(2u64).inverse().unwrap());
        },
    ] {
        let mut forger = Forger::new(world(), &wiring, 12).bound();
        change(&mut forger);
        forger.draw();
        assert_eq!(forger.check(), Err(Violation::S2_5));
        assert!(!forger.satisfied());
    }

    // D after chi: another mask, opened honestly; w after it was absorbed; the blinder after u
    let mut forger = Forger::new(world(), &wiring, 12).bound();
    let honest_proof = forger.proof();
    assert!(world().verify(&wiring, &honest_proof.encode()).is_ok());
    let other = Forger::new(world(), &wiring, 1212).bound();
    let mut proof = honest_proof.clone();
    proof.d = other.d;
    refused(&wiring, &proof.encode(), VerifyError::Groth16);
    let mut proof = honest_proof.clone();
    proof.w += Fr::one();
    refused(&wiring, &proof.encode(), VerifyError::Groth16);
    let mut proof = honest_proof;
    proof.opening.blinder += Fr::one();
    refused(&wiring, &proof.encode(), VerifyError::Opening);
}

/// Two wrong evaluations whose errors cancel under a chi that is known; c_m fixes them before chi is drawn.
#[test]
fn a13_errors_in_two_columns_that_cancel_under_a_known_chi() {
    let wiring = wiring();
    let base = honest(&wiring, 13);
    let chi = base.chi;
    // a table with one person more; three factors whose product is the false claim and whose errors cancel at the known chi
    let mut forger = Forger::new(world(), &wiring, 13);
    forger.private.cells[0] += Fr::one();
    forger.seal();
    forger.run();
    let (a, b) = (columns::ACTIVE, columns::GROUP);
    let true_e = forger.private.e.clone();
    let rest = row_polynomial(&true_e) * (true_e[a] * true_e[b]).inverse().unwrap();
    let target = forger.last_claim() * rest.inverse().unwrap();
    // (A + x)(B - x q) = T with q = chi^(a - b)
    let q = chi.pow([(b - a) as u64]).inverse().unwrap();
    let (linear, constant) = (true_e[b] - true_e[a] * q, true_e[a] * true_e[b] - target);
    let mut known = None;
    // the table is free to lie about any cell, so a root is found soon
    let discriminant = linear.square() + Fr::from(4u64) * q * constant;
    if let Some(root) = discriminant.sqrt() {
        known = Some((linear + root) * (q.double()).inverse().unwrap());
    }
    let Some(x) = known.or_else(|| {
        // no root for two factors: let a third carry a random part
        let mut rng = StdRng::seed_from_u64(13);
        (0..64).find_map(|_| {
            let t = Fr::rand(&mut rng);
            forger.private.e[columns::SCOPE] = true_e[columns::SCOPE] * t;
            let target = target * t.inverse().unwrap();
            // its error at chi is carried by b as well
            let extra = (t - Fr::one())
                * true_e[columns::SCOPE]
                * chi.pow([(columns::SCOPE) as u64 + 1])
                * chi.pow([b as u64 + 1]).inverse().unwrap();
            let big_b = true_e[b] - extra;
            let (linear, constant) = (big_b - true_e[a] * q, true_e[a] * big_b - target);
            let root = (linear.square() + Fr::from(4u64) * q * constant).sqrt()?;
            forger.private.e[b] = big_b;
            Some((linear + root) * q.double().inverse().unwrap())
        })
    }) else {
        panic!("one of 65 quadratic equations has a root")
    };
    forger.private.e[a] += x;
    forger.private.e[b] -= x * q;
    let fold = |e: &[Fr]| countersign_circuits::fingerprint::mask(chi, Fr::zero(), e);
    assert_eq!(fold(&forger.private.e), fold(&true_e), "the premise: under the old chi nobody can tell");
    assert_eq!(row_polynomial(&forger.private.e), forger.last_claim());
    forger.bind_with(|_, _| ());
    assert_ne!(forger.chi, chi);
    assert_eq!(forger.check(), Ok(()));
    refused(&wiring, &forger.answer(), VerifyError::Opening);
}

#[test]
fn a14_wrong_evaluations_with_a_compensating_mask_and_a_mask_that_is_not_opened() {
    let wiring = wiring();
    let guess = honest(&wiring, 14).chi;
    let wrong = |forger: &mut Forger<'_>| {
        forger.private.cells[0] += Fr::one();
        forger.seal();
        forger.run();
        let before = forger.private.e[columns::GROUP];
        forger.solve_factor(columns::GROUP);
        forger.private.e[columns::GROUP] - before
    };
    // m makes up for the error at a chi of the past
    let mut forger = Forger::new(world(), &wiring, 14);
    let error = wrong(&mut forger);
    forger.bind_with(|m, _| *m -= error * guess.pow([columns::GROUP as u64 + 1]));
    assert_eq!(forger.check(), Ok(()));
    refused(&wiring, &forger.answer(), VerifyError::Opening);
    // the folded rows are shifted so that their inner product is w: they are not what is committed
    let mut forger = Forger::new(world(), &wiring, 14);
    let error = wrong(&mut forger);
    forger.bind_with(|_, _| ());
    forger.shift = error * forger.chi.pow([columns::GROUP as u64 + 1]);
    refused(&wiring, &forger.answer(), VerifyError::Opening);
    // D is not the commitment of the mask: another, the identity, one with a part of u
    let u = Generators::get().u;
    let others: [fn(G1Affine, G1Affine) -> G1Affine; 3] = [|_, _| G1Affine::default(), |d, u| (d + u).into(), |d, _| (d + d).into()];
    for other in others {
        let mut forger = Forger::new(world(), &wiring, 14);
        forger.run();
        forger.bind_with(|_, d| *d = other(*d, u));
        assert_eq!(forger.check(), Ok(()));
        refused(&wiring, &forger.answer(), VerifyError::Opening);
    }
}

#[test]
fn a15_a_wrong_sum_in_each_round_and_a_coefficient_above_the_degree() {
    let wiring = wiring();
    let base = honest(&wiring, 15);
    let mut rng = StdRng::seed_from_u64(15);
    for round in 0..base.r.len() {
        let mut forger = Forger::new(world(), &wiring, 15).bound();
        // the linear coefficient is not sent, so g(0) + g(1) is the claim whatever is sent; what is wrong shows at the end
        let c = rng.gen_range(0..16);
        forger.private.messages[round][c] += Fr::one();
        forger.replay();
        forger.private.e = forger.evaluations();
        forger.rebind();
        assert_eq!(forger.check(), Err(Violation::S2_4), "round {round}");
        if round % 10 == 0 {
            assert!(!forger.satisfied());
            forger.solve_factor(columns::LEFT);
            forger.rebind();
            assert_eq!(forger.check(), Ok(()));
            refused(&wiring, &forger.answer(), VerifyError::Opening);
        }
    }
    // seventeen coefficients are not a message, sixteen are: one above the statement's degree is a wrong message like any other
    assert!(wiring.degree() < 16);
    let mut forger = Forger::new(world(), &wiring, 15).bound();
    forger.private.messages[3].push(Fr::one());
    assert_eq!(forger.check(), Err(Violation::Shape));
    let wide = countersign_prover::groth16::assignment(forger.circuit()).unwrap().len();
    let fit = countersign_prover::groth16::assignment(base.circuit()).unwrap().len();
    assert_ne!(wide, fit, "the circuit has no place for it");
}

/// What salts are for: with the salt known, anybody can test a guess of the rows against public values; without it nobody can.
#[test]
fn a18_guessing_rows_against_public_challenges() {
    let wiring = wiring();
    let forger = honest(&wiring, 18);
    let public = forger.public();
    let kinds = public.kinds.clone();
    // the guess: the whole table, rows included; the oracle: does the first challenge follow?
    let gamma_of = |salt: Fr, cells: &[Fr]| {
        let mut guess = forger.private.clone();
        (guess.salt, guess.cells) = (salt, cells.to_vec());
        AggregateTranscript::start(forger.size, public.digest, public.k_min, &kinds, public.cells_digest, &guess).1
    };
    let (right, mut wrong) = (forger.private.cells.clone(), forger.private.cells.clone());
    wrong[0] -= Fr::one();
    assert_eq!(gamma_of(forger.private.salt, &right), public.gamma, "with the salt the oracle says yes");
    assert_ne!(gamma_of(forger.private.salt, &wrong), public.gamma, "and no");
    for salt in [Fr::zero(), Fr::one(), public.digest, public.cells_digest] {
        assert_ne!(gamma_of(salt, &right), public.gamma, "without it the right guess looks like a wrong one");
    }
    // c_m: w, chi and r are public, so a guess of the rows gives m, and the transcript would confirm it but for the salt and s
    let m = public.w - countersign_circuits::fingerprint::mask(public.chi, Fr::zero(), &forger.private.e);
    assert_eq!(m, forger.private.m, "the mask follows from the right guess");
    let c_m_of = |salt: Fr, s: Fr| {
        let mut guess = forger.private.clone();
        guess.salt = salt;
        let mut transcript = AggregateTranscript::start(forger.size, public.digest, public.k_min, &kinds, public.cells_digest, &guess).0;
        guess.messages.iter().for_each(|message| {
            transcript.round(message);
        });
        transcript.finish(&guess.e, m, s)
    };
    assert_eq!(c_m_of(forger.private.salt, forger.private.s), public.c_m);
    assert_ne!(c_m_of(Fr::zero(), forger.private.s), public.c_m, "the salt alone protects");
    assert_ne!(c_m_of(forger.private.salt, Fr::zero()), public.c_m, "so does the blinder alone");
    // the cells digest: a guess of the released cells would be confirmed but for the result salt
    let outcome = release(public.k_min, &kinds, &forger.private.cells, &forger.private.withheld).unwrap();
    let sealed = |salt| sealed_digest(forger.size, salt, &outcome, &forger.private.withheld);
    assert_eq!(sealed(forger.private.result_salt), public.cells_digest);
    assert_ne!(sealed(Fr::zero()), public.cells_digest);
    // two answers to one question share no public value
    let again = honest(&wiring, 1818).public();
    let mut all = [public.values(forger.size)[7..].to_vec(), again.values(forger.size)[7..].to_vec()];
    all.iter_mut().for_each(|v| v.truncate(24));
    assert!(all[0].iter().all(|x| !all[1].contains(x)), "gamma, r and the cells digest are fresh");
}

#[test]
fn a28_a_public_value_changed_after_chi_with_another_made_to_fit() {
    let wiring = wiring();
    let mut base = honest(&wiring, 28);
    let proof = base.proof();
    assert!(world().verify(&wiring, &proof.encode()).is_ok());
    let public = base.public();
    let values = public.values(base.size);
    let (n, chi) = (values.len(), public.chi);
    let weight = |i: usize| chi.pow([(n - 1 - i) as u64]);
    // positions: digest, k_min, 5 kinds, gamma, 22 r, cells digest, 5 counts
    assert_eq!(n, 1 + 1 + 5 + 1 + 22 + 1 + 5);
    let free: Vec<usize> = std::iter::once(0).chain([7]).chain(8..30).chain([30]).collect();
    let mut synthesised = 0;
    for i in free {
        for j in [0, 7, 12, 29, 30] {
            if i == j {
                continue;
            }
            // value i + 1, and value j whatever keeps y: the four inputs agree
            let mut forged = public.clone();
            let mut put = |at: usize, change: Fr| match at {
                0 => forged.digest += change,
                7 => forged.gamma += change,
                30 => forged.cells_digest += change,
                k => forged.r[k - 8] += change,
            };
            put(i, Fr::one());
            put(j, -weight(i) * weight(j).inverse().unwrap());
            assert_eq!(forged.inputs(base.size), public.inputs(base.size), "the premise: every input of the circuit agrees");
            let violation = check_aggregate(base.size, &forged, &base.private).unwrap_err();
            let expected = match (i.min(j), i.max(j)) {
                (_, 30) => Violation::S2_8,
                (0, _) | (_, 7) | (7, _) => Violation::S2_1,
                _ => Violation::S2_3,
            };
            assert_eq!(violation, expected, "values {i} and {j}");
            // gamma and r are the circuit's own outputs: it is satisfied, its inputs agree, and what stops the forgery is that every
            // value is absorbed before chi, so that the chi of the forged values is another one
            if i != 0 && j != 0 && synthesised < 6 && (i + j) % 5 == 0 {
                synthesised += 1;
                let circuit = AggregateCircuit::new(base.size, forged.clone(), base.private.clone());
                assert!(circuit_satisfied(circuit));
                let mut answer = proof.clone();
                (answer.gamma, answer.r, answer.cells_digest) = (forged.gamma, forged.r.clone(), forged.cells_digest);
                assert_ne!(public_values(&world().instance(&wiring), &answer).0.chi, public.chi);
                refused(&wiring, &answer.encode(), VerifyError::Groth16);
            }
        }
    }
    assert!(synthesised == 6);
    // with a witness of its own: the prover answers another table whose public values fold to the same y, by solving the digest
    let mut other = Forger::new(world(), &wiring, 28);
    other.private.cells[4] += Fr::one();
    other.seal();
    other.run();
    other.solve_factor(columns::GROUP);
    other.bind_with(|_, _| ());
    let mut forged = other.public();
    (forged.c_m, forged.chi, forged.w) = (public.c_m, public.chi, public.w);
    let y = |p: &countersign_circuits::aggregate::AggregatePublic| p.inputs(base.size)[3];
    forged.digest += (y(&public) - y(&forged)) * weight(0).inverse().unwrap();
    assert_eq!(forged.inputs(base.size), public.inputs(base.size));
    // its transcript must then start from the solved digest, and ends in another c_m
    other.digest = forged.digest;
    other.replay();
    assert_ne!(other.gamma, forged.gamma, "every value that goes into y went into the transcript first");
}

/// Small public numbers are the short vectors a lattice would find: changes of counts and kinds by small integers with all 254 bits of
/// another value free. Each is computed from, or absorbed before, c_m.
#[test]
fn a28_small_values_with_every_free_bit() {
    let wiring = wiring();
    let base = honest(&wiring, 29);
    let public = base.public();
    let check = |p: &countersign_circuits::aggregate::AggregatePublic, w: &countersign_circuits::aggregate::AggregatePrivate| {
        check_aggregate(base.size, p, w)
    };
    for i in 0..5 {
        for change in [1u32, 2, u32::MAX] {
            let mut forged = public.clone();
            let count = match i {
                0 => &mut forged.counts.released,
                1 => &mut forged.counts.small,
                k => &mut forged.counts.withheld[k - 2],
            };
            *count = count.wrapping_add(change);
            let difference = forged.inputs(base.size)[3] - public.inputs(base.size)[3];
            let n = public.values(base.size).len() as u64;
            forged.digest -= difference * public.chi.pow([n - 1]).inverse().unwrap();
            assert_eq!(forged.inputs(base.size), public.inputs(base.size));
            assert_eq!(check(&forged, &base.private), Err(Violation::S2_7));
        }
    }
    // bits of the witness that are not public: reasons on padding, on hidden cells
    let mut free = base.private.clone();
    *free.withheld.last_mut().unwrap() = Withheld::Dominance;
    assert_eq!(check(&public, &free), Err(Violation::S2_7));
    // a salt, a result salt
    let mut free = base.private.clone();
    free.salt += Fr::one();
    assert_eq!(check(&public, &free), Err(Violation::S2_1));
    let mut free = base.private.clone();
    free.result_salt += Fr::one();
    assert_eq!(check(&public, &free), Err(Violation::S2_8));
}

#[test]
fn a16_the_opening_s_safeguards() {
    let wiring = wiring();
    let generators = Generators::get();
    let mut rng = StdRng::seed_from_u64(16);
    // a mask with a part of u in D and an m that is off by as much: without the scale of u the opening cannot tell
    let d: Vec<Fr> = (0..SLOTS).map(|_| Fr::rand(&mut rng)).collect();
    let (blinder, t) = (Fr::rand(&mut rng), Fr::from(7u64));
    let plain = msm(&generators.g, &d) + generators.h * blinder;
    let attempt = |extra: Fr| {
        let mut forger = Forger::new(world(), &wiring, 16);
        forger.run();
        let eq = eq_table(&forger.r[..SLOT_VARIABLES]);
        let m = countersign_prover::opening::dot(&d, &eq) + extra;
        let commitment = plain - generators.u * extra;
        forger.bind_with(|own, point| (*own, *point) = (m, commitment.into()));
        assert_eq!(forger.check(), Ok(()));
        (forger, eq, commitment)
    };
    for (extra, safeguards, honest) in [
        (t, Safeguards { u_scaled: false, ..Safeguards::ALL }, false),
        (Fr::zero(), Safeguards { w_absorbed: false, ..Safeguards::ALL }, false),
        (Fr::zero(), Safeguards::ALL, true),
    ] {
        let (mut forger, eq, commitment) = attempt(extra);
        let (z, rho) = forger.folded();
        let v: Vec<Fr> = d.iter().zip(&z).map(|(d, z)| *d + z).collect();
        let opening = safeguards.open(v, blinder + rho, &eq, &forger.w, &mut forger.outer());
        let c_star = msm(&generators.g, &z) + generators.h * rho;
        let lenient = safeguards.accepts(commitment + c_star, &opening, &eq, &forger.w, &mut forger.outer());
        assert!(lenient, "a verifier without the safeguard accepts");
        let mut proof = forger.proof();
        proof.opening = opening;
        let verdict = world().verify(&wiring, &proof.encode());
        if honest {
            assert!(verdict.is_ok(), "with all safeguards this prover is an honest one");
        } else {
            assert_eq!(verdict.unwrap_err(), VerifyError::Opening);
        }
    }
    // w not absorbed: after u is scaled by a known x, any commitment with a part t of u opens to w + t / x
    let weak = Safeguards { w_absorbed: false, ..Safeguards::ALL };
    let (forger, eq, _) = attempt(Fr::zero());
    let x = weak.scale(&forger.outer(), &Fr::zero(), &blinder);
    let true_w = countersign_prover::opening::dot(&d, &eq);
    // <v, b> x u is what the argument carries; P + x w u must be the same point
    let false_w = true_w - t * x.inverse().unwrap();
    let opening = weak.open(d.clone(), blinder, &eq, &false_w, &mut forger.outer());
    let shifted = plain + generators.u * t;
    assert!(weak.accepts(shifted, &opening, &eq, &false_w, &mut forger.outer()), "w could be chosen last");
    assert!(!Safeguards::ALL.accepts(shifted, &opening, &eq, &false_w, &mut forger.outer()));
    let retry = Safeguards::ALL.open(d.clone(), blinder, &eq, &false_w, &mut forger.outer());
    assert!(!Safeguards::ALL.accepts(shifted, &retry, &eq, &false_w, &mut forger.outer()), "absorbed, x moves with it");
    // L or R the identity
    let mut forger = Forger::new(world(), &wiring, 161).bound();
    let proof = forger.proof();
    assert!(world().verify(&wiring, &proof.encode()).is_ok());
    for i in [0, 4, 8] {
        for right in [false, true] {
            let mut forged = proof.clone();
            *(if right { &mut forged.opening.folds[i].1 } else { &mut forged.opening.folds[i].0 }) = G1Affine::default();
            refused(&wiring, &forged.encode(), VerifyError::Opening);
        }
    }
}
