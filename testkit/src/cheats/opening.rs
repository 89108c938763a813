//! The masked opening with its safeguards left out, both sides: what a verifier without them would accept (point 16).

use ark_ec::CurveGroup;
use ark_ff::{Field, Zero};
use countersign_circuits::{
    commitment::Generators,
    field::{Fr, G1, G1Affine},
    msm::msm,
    opening::{FOLDS, Opening, STOP},
    outer::OuterTranscript,
};
use countersign_prover::opening::dot;

/// Which safeguards stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Safeguards {
    /// w is absorbed before u is scaled.
    pub w_absorbed: bool,
    /// The blinder is absorbed before u is scaled.
    pub blinder_absorbed: bool,
    /// u is scaled by a challenge.
    pub u_scaled: bool,
    /// There is a u at all: without it the opening shows a vector and no inner product.
    pub product_shown: bool,
    /// L is absorbed before its fold's challenge.
    pub l_absorbed: bool,
    /// R is absorbed before its fold's challenge.
    pub r_absorbed: bool,
}

/// What is false in an opening, zero and the identity by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Falsehood {
    /// How much w is above the true inner product; the first fold's element that is not absorbed makes up for it.
    pub gap: Fr,
    /// Added to R of the last fold, before its challenge: the verifier's equation is off by just this point.
    pub tail: G1,
}

impl Safeguards {
    /// As the protocol has it.
    pub const ALL: Self =
        Self { w_absorbed: true, blinder_absorbed: true, u_scaled: true, product_shown: true, l_absorbed: true, r_absorbed: true };

    fn start(self, outer: &mut OuterTranscript, w: &Fr, blinder: &Fr) -> Fr {
        if self.w_absorbed {
            outer.absorb_scalars("w", &[*w]);
        }
        if self.blinder_absorbed {
            outer.absorb_scalars("blinder", &[*blinder]);
        }
        let x = outer.challenge("u");
        match (self.product_shown, self.u_scaled) {
            (false, _) => Fr::zero(),
            (true, true) => x,
            (true, false) => Fr::from(1u64),
        }
    }

    fn fold(self, outer: &mut OuterTranscript, l: &G1Affine, r: &G1Affine) -> Fr {
        if self.l_absorbed {
            outer.absorb_point("L", l);
        }
        if self.r_absorbed {
            outer.absorb_point("R", r);
        }
        Fr::from(outer.short_challenge("fold"))
    }

    /// The scale of u after w and blinder.
    pub fn scale(self, outer: &OuterTranscript, w: &Fr, blinder: &Fr) -> Fr {
        self.start(&mut outer.clone(), w, blinder)
    }

    /// Opens v (with its blinder) at eq.
    pub fn open(self, v: Vec<Fr>, blinder: Fr, eq: &[Fr], w: &Fr, outer: &mut OuterTranscript) -> Opening {
        self.open_falsely(v, blinder, eq, w, Falsehood::default(), outer)
    }

    /// [`Safeguards::open`] with something false in it.
    pub fn open_falsely(
        self,
        mut v: Vec<Fr>,
        blinder: Fr,
        eq: &[Fr],
        w: &Fr,
        Falsehood { gap, tail }: Falsehood,
        outer: &mut OuterTranscript,
    ) -> Opening {
        let generators = Generators::get();
        let scale = self.start(outer, w, &blinder);
        let u = (generators.u * scale).into_affine();
        let (mut g, mut b) = (generators.g.clone(), eq.to_vec());
        let mut folds = [(G1Affine::default(), G1Affine::default()); FOLDS];
        for (i, fold) in folds.iter_mut().enumerate() {
            let half = v.len() / 2;
            let side = |v: &[Fr], g: &[G1Affine], b: &[Fr]| (msm(g, v) + u * dot(v, b)).into_affine();
            let (mut l, mut r) = (side(&v[..half], &g[half..], &b[half..]), side(&v[half..], &g[..half], &b[..half]));
            if i + 1 == FOLDS {
                r = (tail + r).into_affine();
            }
            let x = self.fold(outer, &l, &r);
            if i == 0 && !self.l_absorbed {
                // x (P + gap U) + x^2 (L - gap / x U) + R
                l = (u * (-gap * x.inverse().unwrap()) + l).into_affine();
            } else if i == 0 && !self.r_absorbed {
                r = (u * (-gap * x) + r).into_affine();
            }
            let bases: Vec<G1> = (0..half).map(|i| g[half + i] * x + g[i]).collect();
            g = G1::normalize_batch(&bases);
            v = (0..half).map(|i| x * v[i] + v[half + i]).collect();
            b = (0..half).map(|i| b[i] + x * b[half + i]).collect();
            *fold = (l, r);
        }
        let mut last = [Fr::zero(); STOP];
        last.copy_from_slice(&v);
        Opening { blinder, folds, last }
    }

    /// What a verifier with these safeguards says about `commitment` (D + C*).
    pub fn accepts(self, commitment: G1, opening: &Opening, eq: &[Fr], w: &Fr, outer: &mut OuterTranscript) -> bool {
        let generators = Generators::get();
        let u = generators.u * self.start(outer, w, &opening.blinder);
        let mut p = commitment - generators.h * opening.blinder + u * w;
        let mut g: Vec<G1> = generators.g.iter().map(|g| G1::from(*g)).collect();
        let mut b = eq.to_vec();
        for (l, r) in &opening.folds {
            let x = self.fold(outer, l, r);
            p = p * x + *l * (x * x) + r;
            let half = b.len() / 2;
            g = (0..half).map(|i| g[half + i] * x + g[i]).collect();
            b = (0..half).map(|i| b[i] + x * b[half + i]).collect();
        }
        let expected = msm(&G1::normalize_batch(&g), &opening.last) + u * dot(&opening.last, &b);
        p == expected
    }
}
