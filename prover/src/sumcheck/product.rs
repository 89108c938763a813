//! The prover itself: messages and folds.

use super::{
    evaluations::{Evaluations, POINTS_MAX, interpolation, product},
    rows::{FieldColumn, RowView},
};
use ark_ff::{AdditiveGroup, Field, One, Zero};
use countersign_circuits::{field::Fr, statement::DEGREE_MAX};
use rayon::prelude::*;

/// Rounds for which bit columns stay bits.
const LAZY_ROUNDS: usize = 3;
/// Most monomials of the filter for which round 1 is done by popcounts.
const MONOMIALS_MAX: usize = 200;
/// Pairs of rows a task.
const CHUNK: usize = 1024;
const BITS_MAX: usize = DEGREE_MAX;
const FIELDS_MAX: usize = 5;

/// A running product sumcheck.
#[derive(Debug)]
pub struct ProductSumcheck<'a> {
    rows: &'a RowView,
    fields: &'a [FieldColumn<'a>],
    degree: usize,
    interpolation: Vec<Vec<Fr>>,
    round: usize,
    /// bit columns while they are bits: bit b of byte i is row 8 i + b
    bytes: Vec<Vec<u8>>,
    /// folded value of every pattern of 2^round bits
    patterns: Vec<Fr>,
    /// bit columns afterwards
    bit_values: Vec<Vec<Fr>>,
    /// field columns from round 1 on, constants left out
    field_values: Vec<Vec<Fr>>,
}

/// Working space of one task.
struct Scratch {
    bits: [Evaluations; BITS_MAX],
    fields: [Evaluations; FIELDS_MAX],
}

/// The two rows of a pair.
struct Pair {
    bits: [(Fr, Fr); BITS_MAX],
    fields: [(Fr, Fr); FIELDS_MAX],
}

impl Scratch {
    fn new() -> Box<Self> {
        Box::new(Self { bits: [Evaluations::ONE; BITS_MAX], fields: [Evaluations::ONE; FIELDS_MAX] })
    }
}

fn fold_pair(low: Fr, high: Fr, r: Fr) -> Fr {
    low + r * (high - low)
}

fn fold_column(column: &mut Vec<Fr>, r: Fr) {
    let half = column.len().div_ceil(2);
    for p in 0..half {
        column[p] = fold_pair(column[2 * p], column.get(2 * p + 1).copied().unwrap_or(Fr::ZERO), r);
    }
    column.truncate(half);
}

impl<'a> ProductSumcheck<'a> {
    /// Starts over all rows.
    ///
    /// # Panics
    /// If there are more columns than a wiring can have, or the number of rows is not that of whole segments.
    pub fn new(rows: &'a RowView, fields: &'a [FieldColumn<'a>]) -> Self {
        let degree = rows.bits() + fields.len();
        assert!(degree <= DEGREE_MAX && fields.len() <= FIELDS_MAX, "wirings are within the degree budget");
        assert!(rows.masks.len().is_multiple_of(16) && !rows.masks.is_empty(), "tables are whole segments");
        let bytes = (0..rows.bits())
            .into_par_iter()
            .map(|c| {
                rows.masks
                    .chunks(8)
                    .map(|chunk| chunk.iter().enumerate().fold(0u8, |byte, (i, m)| byte | ((m >> c & 1) as u8) << i))
                    .collect()
            })
            .collect();
        Self {
            rows,
            fields,
            degree,
            interpolation: interpolation(degree),
            round: 0,
            bytes,
            patterns: vec![Fr::ZERO, Fr::ONE],
            bit_values: Vec::new(),
            field_values: Vec::new(),
        }
    }

    /// The round message `c_0, c_2, .., c_16`, padded with zeros.
    pub fn message(&self) -> Vec<Fr> {
        let evaluations = if self.round == 0 { self.first_round().unwrap_or_else(|| self.general_round()) } else { self.general_round() };
        let coefficient = |form: &Vec<Fr>| form.iter().zip(&evaluations).map(|(a, b)| *a * b).sum::<Fr>();
        let mut message: Vec<Fr> =
            self.interpolation.iter().enumerate().filter(|(k, _)| *k != 1).map(|(_, form)| coefficient(form)).collect();
        message.resize(DEGREE_MAX, Fr::ZERO);
        message
    }

    /// Binds the lowest variable.
    pub fn fold(&mut self, r: Fr) {
        if self.round == 0 {
            let slots = self.rows.masks.len();
            let fold = |column: &FieldColumn<'_>| {
                (0..slots / 2)
                    .into_par_iter()
                    .with_min_len(CHUNK)
                    .map(|p| fold_pair(column.value(2 * p), column.value(2 * p + 1), r))
                    .collect()
            };
            self.field_values = self.fields.iter().map(fold).collect();
        } else {
            self.field_values.par_iter_mut().for_each(|column| fold_column(column, r));
        }
        if !self.bit_values.is_empty() {
            self.bit_values.par_iter_mut().for_each(|column| fold_column(column, r));
        } else if self.round < LAZY_ROUNDS {
            // a pattern of twice as many bits: low half first
            let half = 1usize << self.round;
            let mask = (1usize << half) - 1;
            self.patterns = (0..1usize << (2 * half)).map(|i| fold_pair(self.patterns[i & mask], self.patterns[i >> half], r)).collect();
        } else {
            let count = self.rows.masks.len() >> (self.round + 1);
            let value = |c: usize, p: usize| self.patterns[self.pattern(c, p)];
            self.bit_values = (0..self.rows.bits())
                .into_par_iter()
                .map(|c| (0..count).map(|p| fold_pair(value(c, 2 * p), value(c, 2 * p + 1), r)).collect())
                .collect();
            self.bytes = Vec::new();
        }
        self.round += 1;
    }

    /// Evaluations of the bit columns and the field columns (constants included) when all variables are bound.
    pub fn finish(&self) -> (Vec<Fr>, Vec<Fr>) {
        let first = |column: &Vec<Fr>| column.first().copied().unwrap_or_default();
        (
            self.bit_values.iter().map(first).collect(),
            self.field_values.iter().zip(self.fields).map(|(v, f)| first(v) + f.constant).collect(),
        )
    }

    /// The bits of block `p` of 2^round rows in column `c`.
    #[inline]
    fn pattern(&self, c: usize, p: usize) -> usize {
        let bytes = &self.bytes[c];
        usize::from(match self.round {
            0 => bytes[p / 8] >> (p % 8) & 1,
            1 => bytes[p / 4] >> (p % 4 * 2) & 3,
            2 => bytes[p / 2] >> (p % 2 * 4) & 15,
            _ => bytes[p],
        })
    }

    fn blocks(&self) -> usize {
        match self.bit_values.first() {
            Some(column) => column.len(),
            None => self.rows.masks.len() >> self.round,
        }
    }

    fn load_bits(&self, p: usize, pair: &mut Pair) {
        if self.bit_values.is_empty() {
            for c in 0..self.rows.bits() {
                pair.bits[c] = (self.patterns[self.pattern(c, 2 * p)], self.patterns[self.pattern(c, 2 * p + 1)]);
            }
        } else {
            for (to, column) in pair.bits.iter_mut().zip(&self.bit_values) {
                *to = (column[2 * p], column.get(2 * p + 1).copied().unwrap_or(Fr::ZERO));
            }
        }
    }

    fn load_fields(&self, p: usize, pair: &mut Pair) {
        for (i, (to, field)) in pair.fields.iter_mut().zip(self.fields).enumerate() {
            let (low, high) = if self.round == 0 {
                (field.value(2 * p), field.value(2 * p + 1))
            } else {
                (self.field_values[i][2 * p], self.field_values[i].get(2 * p + 1).copied().unwrap_or(Fr::ZERO))
            };
            *to = (low + field.constant, high + field.constant);
        }
    }

    /// Active, scopes and clauses on a pair, left in the first entry; false when the product vanishes.
    fn bit_product(&self, pair: &Pair, scratch: &mut Scratch) -> bool {
        let dead = |c: usize| pair.bits[c].0.is_zero() && pair.bits[c].1.is_zero();
        let head = 1 + self.rows.scopes;
        if (0..head).any(dead) {
            return false;
        }
        let mut first = head;
        for literals in &self.rows.clauses {
            if (first..first + literals).all(dead) {
                return false;
            }
            first += literals;
        }
        let mut n = 0;
        for (low, high) in &pair.bits[..head] {
            scratch.bits[n].set_line(*low, *high);
            n += 1;
        }
        first = head;
        for literals in &self.rows.clauses {
            if *literals == 1 {
                scratch.bits[n].set_line(pair.bits[first].0, pair.bits[first].1);
            } else {
                // 1 - prod (1 - literal)
                scratch.bits[n] = Evaluations::ONE;
                for (low, high) in &pair.bits[first..first + literals] {
                    let mut factor = Evaluations::ONE;
                    factor.set_line(Fr::ONE - low, Fr::ONE - high);
                    scratch.bits[n].multiply(&mut factor);
                }
                let clause = &mut scratch.bits[n];
                clause.at[..=clause.degree].iter_mut().for_each(|x| *x = Fr::ONE - *x);
            }
            first += literals;
            n += 1;
        }
        product(&mut scratch.bits[..n]);
        true
    }

    /// Groups and terms on a pair, left in the first entry.
    fn field_product(&self, pair: &Pair, scratch: &mut Scratch) {
        if self.fields.is_empty() {
            scratch.fields[0] = Evaluations::ONE;
            return;
        }
        for (to, (low, high)) in scratch.fields.iter_mut().zip(&pair.fields[..self.fields.len()]) {
            to.set_line(*low, *high);
        }
        product(&mut scratch.fields[..self.fields.len()]);
    }

    fn general_round(&self) -> Vec<Fr> {
        let pairs = self.blocks().div_ceil(2);
        let d = self.degree;
        let zero = || vec![Fr::ZERO; d + 1];
        let task = |t: usize| {
            let mut scratch = Scratch::new();
            let mut pair = Pair { bits: [(Fr::ZERO, Fr::ZERO); BITS_MAX], fields: [(Fr::ZERO, Fr::ZERO); FIELDS_MAX] };
            let mut sums = zero();
            for p in t * CHUNK..((t + 1) * CHUNK).min(pairs) {
                self.load_bits(p, &mut pair);
                if self.bit_product(&pair, &mut scratch) {
                    self.load_fields(p, &mut pair);
                    self.field_product(&pair, &mut scratch);
                    let Scratch { bits, fields } = &mut *scratch;
                    bits[0].multiply(&mut fields[0]);
                    bits[0].extend(d);
                    sums.iter_mut().zip(&bits[0].at).for_each(|(s, x)| *s += x);
                }
            }
            sums
        };
        (0..pairs.div_ceil(CHUNK)).into_par_iter().map(task).reduce(zero, add_all)
    }

    /// Round 1 by popcounts: the filter is a signed sum of monomials in bits, and on a pair of rows a monomial is `t^a (1 - t)^b` or zero.
    fn first_round(&self) -> Option<Vec<Fr>> {
        let monomials = self.monomials()?;
        let width = self.fields.len() + 1;
        let cell = |a: u32, b: u32| (a as usize * POINTS_MAX + b as usize) * width;
        let zero = || vec![Fr::ZERO; POINTS_MAX * POINTS_MAX * width];
        let pairs = self.rows.masks.len() / 2;
        let task = |mut sums: Vec<Fr>, t: usize| {
            let mut scratch = Scratch::new();
            let mut pair = Pair { bits: [(Fr::ZERO, Fr::ZERO); BITS_MAX], fields: [(Fr::ZERO, Fr::ZERO); FIELDS_MAX] };
            for p in t * CHUNK..((t + 1) * CHUNK).min(pairs) {
                let (low, high) = (self.rows.masks[2 * p], self.rows.masks[2 * p + 1]);
                let (any, rising, falling) = (low | high, !low & high, low & !high);
                let mut ready = false;
                for (monomial, positive) in monomials.iter().filter(|(m, _)| any & m == *m) {
                    if !ready {
                        self.load_fields(p, &mut pair);
                        self.field_product(&pair, &mut scratch);
                        ready = true;
                    }
                    let at = cell((rising & monomial).count_ones(), (falling & monomial).count_ones());
                    for (sum, x) in sums[at..at + width].iter_mut().zip(&scratch.fields[0].at) {
                        if *positive { *sum += x } else { *sum -= x }
                    }
                }
            }
            sums
        };
        let sums = (0..pairs.div_ceil(CHUNK)).into_par_iter().fold(zero, task).reduce(zero, add_all);
        let mut out = vec![Fr::ZERO; self.degree + 1];
        for a in 0..POINTS_MAX as u32 {
            for b in 0..POINTS_MAX as u32 {
                let values = &sums[cell(a, b)..cell(a, b) + width];
                if values.iter().all(Zero::is_zero) {
                    continue;
                }
                let mut factor = Evaluations::ONE;
                factor.degree = width - 1;
                factor.at[..width].copy_from_slice(values);
                factor.extend(self.degree);
                for (x, sum) in out.iter_mut().enumerate() {
                    let t = Fr::from(x as u64);
                    *sum += factor.at[x] * t.pow([u64::from(a)]) * (Fr::one() - t).pow([u64::from(b)]);
                }
            }
        }
        Some(out)
    }

    /// The filter multiplied out: masks of bits that must all be set, with signs.
    fn monomials(&self) -> Option<Vec<(u32, bool)>> {
        let head = 1 + self.rows.scopes;
        let mut monomials = vec![((1u32 << head) - 1, true)];
        let mut first = head;
        for literals in &self.rows.clauses {
            // 1 - prod (1 - l) is the sum over non-empty subsets, odd ones positive
            let subsets = 1u32..1 << literals;
            if monomials.len() * subsets.len() > MONOMIALS_MAX {
                return None;
            }
            monomials = monomials
                .iter()
                .flat_map(|(m, s)| subsets.clone().map(move |k| (m | k << first, *s == (k.count_ones() % 2 == 1))))
                .collect();
            first += literals;
        }
        Some(monomials)
    }
}

fn add_all(mut a: Vec<Fr>, b: Vec<Fr>) -> Vec<Fr> {
    a.iter_mut().zip(b).for_each(|(x, y)| *x += y);
    a
}
