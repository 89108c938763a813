//! Univariate polynomials as evaluations at 0, 1, .., d.

use ark_ff::{AdditiveGroup, Field, One, Zero};
use countersign_circuits::{field::Fr, statement::DEGREE_MAX};

/// Evaluations a polynomial may have.
pub(super) const POINTS_MAX: usize = DEGREE_MAX + 1;

/// A polynomial of degree at most `degree`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evaluations {
    pub(super) degree: usize,
    pub(super) at: [Fr; POINTS_MAX],
}

impl Evaluations {
    pub(super) const ONE: Self = {
        let mut at = [Fr::ZERO; POINTS_MAX];
        at[0] = Fr::ONE;
        Self { degree: 0, at }
    };

    /// The line through two values.
    #[inline]
    pub(super) fn set_line(&mut self, low: Fr, high: Fr) {
        self.at[0] = low;
        self.at[1] = high;
        self.degree = 1;
    }

    /// More evaluations, by finite differences.
    pub(super) fn extend(&mut self, to: usize) {
        let d = self.degree;
        if to <= d {
            return;
        }
        self.degree = to;
        match d {
            0 => {
                let value = self.at[0];
                self.at[1..=to].fill(value);
            }
            1 => {
                let step = self.at[1] - self.at[0];
                for x in 2..=to {
                    self.at[x] = self.at[x - 1] + step;
                }
            }
            2 => {
                let mut step = self.at[2] - self.at[1];
                let second = step - (self.at[1] - self.at[0]);
                for x in 3..=to {
                    step += second;
                    self.at[x] = self.at[x - 1] + step;
                }
            }
            _ => self.extend_by_table(d, to),
        }
    }

    fn extend_by_table(&mut self, d: usize, to: usize) {
        let mut differences = [Fr::ZERO; POINTS_MAX];
        differences[..=d].copy_from_slice(&self.at[..=d]);
        // last entry of every difference order
        let mut last = [Fr::ZERO; POINTS_MAX];
        last[0] = differences[d];
        for k in 1..=d {
            for i in 0..=d - k {
                differences[i] = differences[i + 1] - differences[i];
            }
            last[k] = differences[d - k];
        }
        for x in d + 1..=to {
            for k in (0..d).rev() {
                let next = last[k + 1];
                last[k] += next;
            }
            self.at[x] = last[0];
        }
    }

    #[inline]
    pub(super) fn multiply(&mut self, other: &mut Self) {
        let to = self.degree + other.degree;
        self.extend(to);
        other.extend(to);
        for x in 0..=to {
            self.at[x] *= other.at[x];
        }
    }
}

/// The balanced product of a list, left in its first entry.
pub(super) fn product(list: &mut [Evaluations]) {
    let mut n = list.len();
    while n > 1 {
        let half = n / 2;
        let (a, b) = list[..n].split_at_mut(n - half);
        for i in 0..half {
            a[i].multiply(&mut b[i]);
        }
        n -= half;
    }
}

/// Rows of Lagrange coefficients: coefficient k of the polynomial as a form in its evaluations at 0..=d.
pub(super) fn interpolation(d: usize) -> Vec<Vec<Fr>> {
    let mut forms = vec![vec![Fr::zero(); d + 1]; d + 1];
    for i in 0..=d {
        let mut basis = vec![Fr::one()];
        let mut denominator = Fr::one();
        for j in (0..=d).filter(|j| *j != i) {
            let mut next = vec![Fr::zero(); basis.len() + 1];
            for (k, c) in basis.iter().enumerate() {
                next[k + 1] += c;
                next[k] -= *c * Fr::from(j as u64);
            }
            basis = next;
            denominator *= Fr::from(i as u64) - Fr::from(j as u64);
        }
        let inverse = denominator.inverse().unwrap_or_default();
        for (form, c) in forms.iter_mut().zip(&basis) {
            form[i] = *c * inverse;
        }
    }
    forms
}
