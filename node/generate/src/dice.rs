//! Draws that are the same on every machine.

use crate::Profile;
use countersign_circuits::tag;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The generator of one hospital; [`Dice::of`] gives each patient a stream of their own.
#[derive(Debug, Clone)]
pub(crate) struct Seed([u8; 32]);

impl Seed {
    pub(crate) fn new(profile: Profile, seed: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(tag::GENERATE);
        hash.update([0]);
        hash.update(profile.name());
        hash.update(seed.to_be_bytes());
        Self(hash.finalize().into())
    }
}

/// Random draws for one patient.
#[derive(Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn of(seed: &Seed, patient: u32) -> Self {
        let mut rng = ChaCha8Rng::from_seed(seed.0);
        rng.set_stream(u64::from(patient));
        Self(rng)
    }

    /// Uniform in [0, 1), in steps of 2^-53.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with a probability.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Uniform in `lo..=hi`. The bias of the multiplication is below 2^-32.
    pub(crate) fn between(&mut self, lo: i32, hi: i32) -> i32 {
        let width = (i64::from(hi) - i64::from(lo) + 1) as u64;
        lo + ((u64::from(self.0.next_u32()) * width) >> 32) as i32
    }

    /// Mean 0, variance 1, nearly normal: the sum of 12 uniforms (exact additions only, hence the same everywhere).
    pub(crate) fn normal(&mut self) -> f64 {
        let sum: u32 = (0..3)
            .map(|_| self.0.next_u64())
            .flat_map(|w| [w & 0xffff, (w >> 16) & 0xffff, (w >> 32) & 0xffff, w >> 48])
            .map(|part| part as u32)
            .sum();
        (f64::from(sum) + 6.0) / 65536.0 - 6.0
    }
}
