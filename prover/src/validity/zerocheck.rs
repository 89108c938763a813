//! The zero-check over sparse rows: `sum eq(tau, x) O(x) (O(x) - 1)`, lowest variable first.
//!
//! In round i the sum over the other variables is `prefix * eq(tau_i, X) * Q(X)` with a quadratic Q, gathered from the pairs of
//! entries that are not both zero. Within a row the weights of the slot variables are a small table; a row's own weight is applied once.

use super::SparseRow;
use ark_ff::{Field, One, Zero};
use countersign_circuits::{commitment::eq_table, field::Fr, segment::SLOT_VARIABLES, validity::StackShape};
use rayon::prelude::*;

/// Q(0), Q(1) and the leading coefficient of Q.
type Quadratic = [Fr; 3];

fn add(a: Quadratic, b: Quadratic) -> Quadratic {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// `(low + (high - low) X)^2 - (low + (high - low) X)`, weighted.
fn pair_terms(low: Fr, high: Fr, weight: Fr) -> Quadratic {
    let difference = high - low;
    [weight * (low.square() - low), weight * (high.square() - high), weight * difference.square()]
}

pub(super) struct ZeroCheck<'a> {
    tau: &'a [Fr],
    round: usize,
    /// prod eq(tau_t, r_t) of the bound variables
    prefix: Fr,
    shape: StackShape,
    /// weights of the rows and of the padding, for the slot rounds
    row_weights: Vec<Fr>,
    rows: Vec<SparseRow>,
    /// dense values by (row, segment), from the row rounds on
    values: Vec<Fr>,
    /// eq of tau over the unbound variables behind the current one
    suffix: Vec<Fr>,
    /// eq(tau, 0) over the padding behind the current variable
    padding: Fr,
}

impl<'a> ZeroCheck<'a> {
    pub(super) fn new(shape: StackShape, tau: &'a [Fr], rows: &[Vec<SparseRow>]) -> Self {
        let row_weights = shape.row_weights(tau).concat();
        Self {
            tau,
            round: 0,
            prefix: Fr::one(),
            shape,
            row_weights,
            rows: rows.concat(),
            values: Vec::new(),
            suffix: eq_table(&tau[1..SLOT_VARIABLES]),
            padding: Fr::one(),
        }
    }

    fn real_variables(&self) -> usize {
        SLOT_VARIABLES + self.shape.row_variables() + self.shape.segment_variables()
    }

    /// The round's message `c_0, c_2, c_3`.
    pub(super) fn message(&self) -> [Fr; 3] {
        let zero = [Fr::zero(); 3];
        let [q0, q1, lead] = if self.round < SLOT_VARIABLES {
            let row = |(row, weight): (&SparseRow, &Fr)| row.quadratic(&self.suffix).map(|x| x * weight);
            self.rows
                .par_iter()
                .zip(&self.row_weights)
                .with_min_len(64)
                .filter(|(row, _)| !row.slots.is_empty())
                .map(row)
                .reduce(|| zero, add)
        } else {
            let weight = |p: usize| self.suffix.get(p).copied().unwrap_or_default() * self.padding;
            let pair = |(p, pair): (usize, &[Fr])| pair_terms(pair[0], pair.get(1).copied().unwrap_or_default(), weight(p));
            self.values.par_chunks(2).enumerate().with_min_len(256).map(pair).reduce(|| zero, add)
        };
        // eq(tau, X) = (1 - tau) + (2 tau - 1) X; Q = q0 + linear X + lead X^2
        let linear = q1 - q0 - lead;
        let tau = self.tau[self.round];
        let (constant, slope) = (self.prefix * (Fr::one() - tau), self.prefix * (tau + tau - Fr::one()));
        [constant * q0, constant * lead + slope * linear, slope * lead]
    }

    /// Binds the lowest variable.
    pub(super) fn fold(&mut self, r: Fr) {
        let tau = self.tau[self.round];
        self.prefix *= tau * r + (Fr::one() - tau) * (Fr::one() - r);
        self.round += 1;
        if self.round <= SLOT_VARIABLES {
            self.rows.par_iter_mut().with_min_len(64).for_each(|row| row.fold(r));
        } else {
            self.values = self.values.chunks(2).map(|p| p[0] + r * (p.get(1).copied().unwrap_or_default() - p[0])).collect();
        }
        if self.round == SLOT_VARIABLES {
            self.gather();
        } else if self.round < self.real_variables() {
            // the next variable leaves the suffix: sum over it
            self.suffix = self.suffix.chunks(2).map(|p| p.iter().sum()).collect();
        } else {
            self.suffix = vec![Fr::one()];
            self.padding = self.tau.iter().skip(self.round + 1).map(|t| Fr::one() - t).product();
        }
    }

    /// All slot variables are bound: one value a row. From here on the table is dense over (row, segment).
    fn gather(&mut self) {
        let stride = 1 << self.shape.row_variables();
        self.values = vec![Fr::zero(); stride * self.shape.segments];
        for (j, rows) in self.rows.chunks(self.shape.rows).enumerate() {
            for (k, row) in rows.iter().enumerate() {
                self.values[j * stride + k] = row.entries().next().map_or_else(Fr::zero, |(_, value)| value);
            }
        }
        self.rows = Vec::new();
        let real = self.real_variables();
        self.padding = self.tau[real.max(self.round + 1)..].iter().map(|t| Fr::one() - t).product();
        self.suffix = if real > self.round { eq_table(&self.tau[self.round + 1..real]) } else { vec![Fr::one()] };
    }

    /// O~(r).
    pub(super) fn finish(&self) -> Fr {
        self.values.first().copied().unwrap_or_default()
    }
}

impl SparseRow {
    /// Pairs with a non-zero entry: (pair, low, high).
    fn pairs(&self) -> impl Iterator<Item = (u16, Fr, Fr)> + '_ {
        let mut entries = self.entries().peekable();
        std::iter::from_fn(move || {
            let (slot, value) = entries.next()?;
            if slot & 1 == 1 {
                return Some((slot >> 1, Fr::zero(), value));
            }
            let high = entries.next_if(|(next, _)| *next == slot + 1).map_or_else(Fr::zero, |(_, high)| high);
            Some((slot >> 1, value, high))
        })
    }

    fn quadratic(&self, suffix: &[Fr]) -> Quadratic {
        if self.values.is_empty() {
            // ones and zeros: only the difference counts
            let mut lead = Fr::zero();
            for (i, slot) in self.slots.iter().enumerate() {
                let paired =
                    if slot & 1 == 0 { self.slots.get(i + 1) == Some(&(slot + 1)) } else { i > 0 && self.slots[i - 1] + 1 == *slot };
                if !paired {
                    lead += suffix[usize::from(slot >> 1)];
                }
            }
            return [Fr::zero(), Fr::zero(), lead];
        }
        self.pairs().fold([Fr::zero(); 3], |sum, (p, low, high)| add(sum, pair_terms(low, high, suffix[usize::from(p)])))
    }

    fn fold(&mut self, r: Fr) {
        let (slots, values) = self.pairs().map(|(p, low, high)| (p, low + r * (high - low))).unzip();
        *self = Self { slots, values };
    }
}
