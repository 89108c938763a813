//! Sums of a segment's commitments: one point a form and segment, kept between answers.
//!
//! A form's weights are public and small, and the same forms come again with every question about an attribute, so the sums are kept
//! in a bounded cache. The cache only ever saves work: its key binds the segment and the form.

use ark_ec::{CurveGroup, VariableBaseMSM};
use ark_ff::Zero;
use countersign_circuits::{
    field::{G1, G1Affine},
    hash::Digest32,
    segment::Segment,
    statement::IntegerForm,
};
use rayon::prelude::*;
use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
};

/// Most sums kept: 64 bytes of point each beside their key, so about 40 MiB. When full, it is emptied.
const SUMS_MAX: usize = 1 << 18;

type Cache = Mutex<HashMap<(Digest32, Digest32), G1Affine>>;

fn cache() -> &'static Cache {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    CACHE.get_or_init(Cache::default)
}

/// The form's point of every segment.
pub(crate) fn of(segments: &[Segment], form: &IntegerForm) -> Vec<G1Affine> {
    let rows: Vec<u8> = form.rows.iter().flat_map(|(row, weight)| [(*row as u64).to_le_bytes(), weight.to_le_bytes()].concat()).collect();
    let key = Digest32::of(&rows);
    let mut found: Vec<Option<G1Affine>> = {
        let kept = cache().lock().unwrap_or_else(PoisonError::into_inner);
        segments.iter().map(|s| kept.get(&(s.digest(), key)).copied()).collect()
    };
    let missing: Vec<usize> = (0..found.len()).filter(|i| found[*i].is_none()).collect();
    if !missing.is_empty() {
        let sums: Vec<G1> = missing.par_iter().with_min_len(4).map(|i| sum(&segments[*i], form)).collect();
        let points = G1::normalize_batch(&sums);
        let mut kept = cache().lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() + points.len() > SUMS_MAX {
            kept.clear();
        }
        for (i, point) in missing.into_iter().zip(points) {
            kept.insert((segments[i].digest(), key), point);
            found[i] = Some(point);
        }
    }
    found.into_iter().flatten().collect()
}

fn sum(segment: &Segment, form: &IntegerForm) -> G1 {
    let points = segment.points();
    if form.rows.iter().all(|(_, weight)| *weight == 1) {
        return form.rows.iter().fold(G1::zero(), |sum, (row, _)| sum + points[*row]);
    }
    let bases: Vec<G1Affine> = form.rows.iter().map(|(row, _)| points[*row]).collect();
    let weights: Vec<u64> = form.rows.iter().map(|(_, weight)| *weight).collect();
    G1::msm_u64(&bases, &weights)
}
