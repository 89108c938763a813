//! The native check of S2: every clause, in words, before anything is proved.

use super::{AggregatePrivate, AggregatePublic, AggregateSize, AggregateTranscript, ROUNDS, cells, release};
use crate::{
    field::Fr,
    fingerprint::mask,
    statement::{CLAUSES_MAX, DEGREE_MAX, LITERALS_MAX, columns},
    sumcheck::fold,
};
use ark_ff::One;

/// The clause of S2 that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Lists of the wrong length.
    #[error("S2: a list has the wrong length")]
    Shape,
    /// gamma is not the transcript's.
    #[error("S2.1: gamma is not drawn from the transcript")]
    S2_1,
    /// The challenges are not the transcript's.
    #[error("S2.3: a round challenge is not drawn from the transcript")]
    S2_3,
    /// The rounds end in another value than the columns give.
    #[error("S2.4: the final claim is not the product of the column evaluations: the table is not the rows'")]
    S2_4,
    /// c_m does not bind the evaluations.
    #[error("S2.5: c_m is not the transcript's last squeeze")]
    S2_5,
    /// w is not the masked evaluation.
    #[error("S2.6: w is not m + sum chi^l e_l")]
    S2_6,
    /// The release rule was not applied as published.
    #[error("S2.7: the release rule does not hold")]
    S2_7,
    /// The digest is of other cells.
    #[error("S2.8: the cells digest is not of the released cells")]
    S2_8,
}

/// S2.4: the row polynomial at column evaluations.
pub fn row_polynomial(e: &[Fr]) -> Fr {
    let mut product = e[columns::ACTIVE];
    product *= e[columns::SCOPE..columns::LITERAL].iter().product::<Fr>();
    for clause in e[columns::LITERAL..columns::GROUP].chunks(LITERALS_MAX) {
        product *= Fr::one() - clause.iter().map(|l| Fr::one() - l).product::<Fr>();
    }
    product * e[columns::GROUP..].iter().product::<Fr>()
}

/// Checks every clause of S2.
///
/// # Errors
/// The first clause that does not hold.
pub fn check_aggregate(size: AggregateSize, public: &AggregatePublic, private: &AggregatePrivate) -> Result<(), Violation> {
    let shaped = private.cells.len() == size.cells()
        && public.kinds.len() <= size.cells()
        && private.messages.len() == ROUNDS
        && private.messages.iter().all(|m| m.len() == DEGREE_MAX)
        && private.e.len() == columns::COUNT
        && columns::GROUP - columns::LITERAL == CLAUSES_MAX * LITERALS_MAX;
    if !shaped {
        return Err(Violation::Shape);
    }
    let outcome = release(public.k_min, &public.kinds, &private.cells, &private.withheld)?;
    if outcome.counts != public.counts {
        return Err(Violation::S2_7);
    }
    if cells::cells_digest(size, private.result_salt, &outcome.released, &outcome.flags, &private.withheld) != public.cells_digest {
        return Err(Violation::S2_8);
    }
    let (mut transcript, gamma) =
        AggregateTranscript::start(size, public.digest, public.k_min, &public.kinds, public.cells_digest, private);
    if gamma != public.gamma {
        return Err(Violation::S2_1);
    }
    let mut claim = claim(gamma, &private.cells);
    let mut r = Vec::with_capacity(ROUNDS);
    for message in &private.messages {
        let challenge = transcript.round(message);
        claim = fold(claim, message, challenge);
        r.push(challenge);
    }
    if r != public.r {
        return Err(Violation::S2_3);
    }
    if claim != row_polynomial(&private.e) {
        return Err(Violation::S2_4);
    }
    if transcript.finish(&private.e, private.m, private.s) != public.c_m {
        return Err(Violation::S2_5);
    }
    if mask(public.chi, private.m, &private.e) != public.w {
        return Err(Violation::S2_6);
    }
    Ok(())
}

/// S2.2: the first claim, sum gamma^i M_i.
pub fn claim(gamma: Fr, cells: &[Fr]) -> Fr {
    cells.iter().rev().fold(Fr::from(0u64), |acc, x| acc * gamma + x)
}
