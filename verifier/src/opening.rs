//! The verifier of the masked opening: what must add up to the identity.

use ark_ff::{AdditiveGroup, Zero};
use countersign_circuits::{
    commitment::Generators,
    field::{Fr, G1Affine},
    msm::msm,
    opening::{Opening, fold_challenge, start_opening},
    outer::OuterTranscript,
};

/// An equation `sum scalar point = 0`; the scalars of the fixed generators apart, so that a batch adds them up.
#[derive(Debug)]
pub(crate) struct Equation {
    g: Vec<Fr>,
    h: Fr,
    u: Fr,
    g_sum: Fr,
    points: Vec<G1Affine>,
    scalars: Vec<Fr>,
}

impl Equation {
    /// The equation of an opening: `(prod x) (D + C*) + sum (x_i^2 L_i + R_i) prod_{j>i} x_j - sum s_i g_i - ... = 0`, where C* is
    /// `one * g_sum + sum of weighted points`.
    pub(crate) fn new(
        d: G1Affine,
        w: &Fr,
        opening: &Opening,
        eq: &[Fr],
        outer: &mut OuterTranscript,
        one: Fr,
        c_star: impl Iterator<Item = (G1Affine, Fr)>,
    ) -> Self {
        let x_u = start_opening(outer, w, &opening.blinder);
        let xs: Vec<Fr> = opening.folds.iter().map(|(l, r)| Fr::from(fold_challenge(outer, l, r))).collect();
        let mut b = eq.to_vec();
        for x in &xs {
            let half = b.len() / 2;
            for i in 0..half {
                let high = b[half + i];
                b[i] += *x * high;
            }
            b.truncate(half);
        }
        // g's scalars: the folded v times the product of the challenges of the set bits, first fold = top bit
        let mut g: Vec<Fr> = opening.last.to_vec();
        for x in xs.iter().rev() {
            for i in 0..g.len() {
                g.push(g[i] * x);
            }
        }
        g.iter_mut().for_each(|s| {
            s.neg_in_place();
        });
        let mut product = Fr::from(1u64);
        let mut points = Vec::new();
        let mut scalars = Vec::new();
        for ((l, r), x) in opening.folds.iter().zip(&xs).rev() {
            points.extend([*l, *r]);
            scalars.extend([product * x * x, product]);
            product *= x;
        }
        let inner: Fr = opening.last.iter().zip(&b).map(|(a, b)| *a * b).sum();
        points.push(d);
        scalars.push(product);
        for (point, weight) in c_star {
            points.push(point);
            scalars.push(weight * product);
        }
        Self { g, h: -product * opening.blinder, u: x_u * (product * w - inner), g_sum: product * one, points, scalars }
    }

    /// Scales the whole equation.
    pub(crate) fn scale(mut self, by: Fr) -> Self {
        self.g.iter_mut().chain(&mut self.scalars).for_each(|s| *s *= by);
        self.h *= by;
        self.u *= by;
        self.g_sum *= by;
        self
    }

    /// Adds another equation; sound only under random weights.
    pub(crate) fn add(&mut self, other: Self) {
        self.g.iter_mut().zip(other.g).for_each(|(a, b)| *a += b);
        self.h += other.h;
        self.u += other.u;
        self.g_sum += other.g_sum;
        self.points.extend(other.points);
        self.scalars.extend(other.scalars);
    }

    /// Does it hold? One multi-scalar multiplication.
    pub(crate) fn holds(mut self) -> bool {
        let generators = Generators::get();
        self.points.extend(&generators.g);
        self.scalars.extend(&self.g);
        self.points.extend([generators.h, generators.u, generators.g_sum]);
        self.scalars.extend([self.h, self.u, self.g_sum]);
        msm(&self.points, &self.scalars).is_zero()
    }
}
