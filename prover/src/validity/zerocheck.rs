//! The zero-check over sparse rows: `sum eq(tau, x) O(x) (O(x) - 1)`, lowest variable first.
//!
//! In round i the sum over the other variables is `prefix * eq(tau_i, X) * Q(X)` with a quadratic Q, gathered from the pairs of
//! entries that are not both zero. Within a row the weights of the slot variables are a small table; a row's own weight is applied once.
//!
//! A one at slot s, with k variables bound, has become `eq(r, low k bits of s)`, and as long as no other one has the same higher bits, what it adds to Q
//! depends on s alone. So rows of few ones stay lists of slots, and a round looks up what each adds in a table made once; only ones that meet in a pair
//! are multiplied. A row is bound entry by entry from the round on in which half of its ones have met.

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
    rows: Vec<Row<'a>>,
    /// eq of the challenges so far, over the bound slot variables
    bound: Vec<Fr>,
    /// dense values by (row, segment), from the row rounds on
    values: Vec<Fr>,
    /// eq of tau over the unbound variables behind the current one
    suffix: Vec<Fr>,
    /// eq(tau, 0) over the padding behind the current variable
    padding: Fr,
}

impl<'a> ZeroCheck<'a> {
    pub(super) fn new(shape: StackShape, tau: &'a [Fr], rows: &'a [Vec<SparseRow>]) -> Self {
        let row_weights = shape.row_weights(tau).concat();
        Self {
            tau,
            round: 0,
            prefix: Fr::one(),
            shape,
            row_weights,
            rows: rows.iter().flatten().map(Row::new).collect(),
            bound: vec![Fr::one()],
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
            let alone = Alone::new(&self.bound, &self.suffix);
            let row = |(row, weight): (&Row<'_>, &Fr)| row.quadratic(&alone).map(|x| x * weight);
            self.rows.par_iter().zip(&self.row_weights).with_min_len(64).filter(|(row, _)| !row.is_empty()).map(row).reduce(|| zero, add)
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
            let (low, high): (Vec<Fr>, Vec<Fr>) = self.bound.iter().map(|x| (*x - *x * r, *x * r)).unzip();
            self.bound = [low, high].concat();
            self.rows.par_iter_mut().with_min_len(64).for_each(|row| row.fold(r, self.round, &self.bound));
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
                self.values[j * stride + k] = row.value(&self.bound);
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

/// What a one adds to Q that shares its pair with no other, by slot.
struct Alone<'a> {
    bound: &'a [Fr],
    suffix: &'a [Fr],
    /// to Q at the slot's own bit of the variable, and to the leading coefficient
    terms: Vec<(Fr, Fr)>,
}

impl<'a> Alone<'a> {
    fn new(bound: &'a [Fr], suffix: &'a [Fr]) -> Self {
        let terms = |slot: usize| {
            let (value, weight) = (bound[slot % bound.len()], suffix[slot / bound.len() / 2]);
            let square = value.square();
            (weight * (square - value), weight * square)
        };
        Self { bound, suffix, terms: (0..2 * bound.len() * suffix.len()).map(terms).collect() }
    }
}

/// A row with its first variables bound.
enum Row<'a> {
    /// Ones at these slots, ascending, as they were before any variable was bound.
    Ones(&'a [u16]),
    /// Entries by what is left of their slots, ascending.
    Bound(Vec<(u16, Fr)>),
}

/// The value of ones whose slots have the same bits beyond the bound ones.
fn met(slots: &[u16], bound: &[Fr]) -> Fr {
    slots.iter().map(|slot| bound[usize::from(*slot) % bound.len()]).sum()
}

impl<'a> Row<'a> {
    fn new(row: &'a SparseRow) -> Self {
        if row.values.is_empty() { Self::Ones(&row.slots) } else { Self::Bound(row.entries().collect()) }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Ones(slots) => slots.is_empty(),
            Self::Bound(entries) => entries.is_empty(),
        }
    }

    fn quadratic(&self, alone: &Alone<'_>) -> Quadratic {
        let mut sum = [Fr::zero(); 3];
        match self {
            Self::Ones(slots) => {
                let half = alone.bound.len();
                for pair in slots.chunk_by(|a, b| usize::from(*a) / half / 2 == usize::from(*b) / half / 2) {
                    let first = usize::from(pair[0]);
                    if pair.len() == 1 {
                        let (own, lead) = alone.terms[first];
                        sum[first / half % 2] += own;
                        sum[2] += lead;
                    } else {
                        let (low, high) = pair.split_at(pair.partition_point(|slot| (usize::from(*slot) / half).is_multiple_of(2)));
                        sum = add(sum, pair_terms(met(low, alone.bound), met(high, alone.bound), alone.suffix[first / half / 2]));
                    }
                }
            }
            Self::Bound(entries) => {
                for (p, low, high) in pairs(entries) {
                    sum = add(sum, pair_terms(low, high, alone.suffix[usize::from(p)]));
                }
            }
        }
        sum
    }

    /// Binds the lowest variable to `r`: then `round` are bound, and `bound` is the table of their values.
    fn fold(&mut self, r: Fr, round: usize, bound: &[Fr]) {
        match self {
            Self::Ones(slots) => {
                let meet = |a: &u16, b: &u16| a >> round == b >> round;
                if 2 * slots.chunk_by(meet).count() <= slots.len() {
                    *self = Self::Bound(slots.chunk_by(meet).map(|ones| (ones[0] >> round, met(ones, bound))).collect());
                }
            }
            Self::Bound(entries) => *entries = pairs(entries).map(|(p, low, high)| (p, low + r * (high - low))).collect(),
        }
    }

    /// The row's value when all its variables are bound.
    fn value(&self, bound: &[Fr]) -> Fr {
        match self {
            Self::Ones(slots) => met(slots, bound),
            Self::Bound(entries) => entries.first().map_or_else(Fr::zero, |(_, value)| *value),
        }
    }
}

/// Pairs with a non-zero entry: (pair, low, high).
fn pairs(entries: &[(u16, Fr)]) -> impl Iterator<Item = (u16, Fr, Fr)> + '_ {
    entries.chunk_by(|(a, _), (b, _)| a >> 1 == b >> 1).map(|pair| {
        let at = |bit: u16| pair.iter().find(|(slot, _)| slot & 1 == bit).map_or_else(Fr::zero, |(_, value)| *value);
        (pair[0].0 >> 1, at(0), at(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::UniformRand;
    use countersign_circuits::{dictionary::SegmentLayout, segment::SLOTS};
    use rand::{Rng, SeedableRng, rngs::StdRng};

    /// The whole table as the definition has it, variable by variable.
    struct Plain {
        table: Vec<Fr>,
        weights: Vec<Fr>,
    }

    impl Plain {
        /// The round's polynomial at a point: the variable set to it, the others summed over.
        fn at(&self, x: Fr) -> Fr {
            let line = |pair: &[Fr]| pair[0] + x * (pair[1] - pair[0]);
            let term = |(o, w): (&[Fr], &[Fr])| line(w) * (line(o).square() - line(o));
            self.table.chunks(2).zip(self.weights.chunks(2)).map(term).sum()
        }

        fn fold(&mut self, r: Fr) {
            let line = |pair: &[Fr]| pair[0] + r * (pair[1] - pair[0]);
            self.table = self.table.chunks(2).map(line).collect();
            self.weights = self.weights.chunks(2).map(line).collect();
        }
    }

    #[test]
    fn every_message_is_the_definitions() {
        let mut rng = StdRng::seed_from_u64(5);
        let layout = SegmentLayout { blocks: vec![5, 2], tied: Vec::new() };
        let shape = StackShape::new(&layout, 3).unwrap();
        // from no entry to all, and one row of entries that are no bits
        let densities = [0.0, 0.001, 0.01, 0.1, 0.5, 0.97, 1.0, 0.03];
        let mut row = |density: f64| SparseRow::ones((0..SLOTS as u16).filter(|_| rng.gen_bool(density)).collect());
        let mut rows: Vec<Vec<SparseRow>> = (0..shape.segments).map(|_| densities.iter().map(|d| row(*d)).collect()).collect();
        let entries: Vec<(u16, Fr)> = (0..SLOTS as u16).step_by(5).map(|slot| (slot, Fr::rand(&mut rng))).collect();
        rows[1][3] = SparseRow::with_values(entries);
        assert_eq!(shape.rows, densities.len());

        let variables = SLOT_VARIABLES + shape.row_variables() + shape.segment_variables() + 2;
        let tau: Vec<Fr> = (0..variables).map(|_| Fr::rand(&mut rng)).collect();
        let (stride, size) = (SLOTS << shape.row_variables(), 1 << variables);
        let mut plain = Plain { table: vec![Fr::zero(); size], weights: eq_table(&tau) };
        for (j, segment) in rows.iter().enumerate() {
            for (k, row) in segment.iter().enumerate() {
                row.entries().for_each(|(slot, value)| plain.table[j * stride + k * SLOTS + usize::from(slot)] = value);
            }
        }
        let mut check = ZeroCheck::new(shape, &tau, &rows);
        for round in 0..variables {
            let [c0, c2, c3] = check.message();
            let (zero, one) = (plain.at(Fr::zero()), plain.at(Fr::one()));
            let c1 = one - c0 - c2 - c3;
            assert_eq!(c0, zero, "round {round}");
            for x in [2u64, 3, 5].map(Fr::from) {
                assert_eq!(c0 + x * (c1 + x * (c2 + x * c3)), plain.at(x), "round {round}");
            }
            let r = Fr::rand(&mut rng);
            check.fold(r);
            plain.fold(r);
        }
        assert_eq!(check.finish(), plain.table[0]);
    }
}
