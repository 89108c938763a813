//! Hedged randomness: OS entropy, the secret, the witness and everything said before, hashed together.
//!
//! A mask used under two challenges reveals what it masks, so a generator that was rolled back (a restored machine image)
//! must not repeat one. With this construction two different witnesses or transcripts never share a mask, and two equal ones reveal nothing new.

use rand::{CryptoRng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

/// A source of hedged generators.
pub struct Hedge(Sha256);

impl std::fmt::Debug for Hedge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hedge(redacted)")
    }
}

impl Hedge {
    /// Starts from OS entropy.
    pub fn new(os: &mut (impl RngCore + CryptoRng), purpose: &str) -> Self {
        let mut seed = [0u8; 32];
        os.fill_bytes(&mut seed);
        let mut hash = Sha256::new();
        hash.update((purpose.len() as u64).to_le_bytes());
        hash.update(purpose);
        hash.update(seed);
        seed.zeroize();
        Self(hash)
    }

    /// Adds something the following generators depend on.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// A generator for one use.
    pub fn rng(&self, label: &str) -> ChaCha20Rng {
        let seed = self.0.clone().chain_update(b"rng/").chain_update(label).finalize();
        ChaCha20Rng::from_seed(seed.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;

    #[test]
    fn a_rolled_back_generator_gives_other_bytes_for_another_witness() {
        let hedge = |witness: &[u8]| {
            let mut hedge = Hedge::new(&mut StdRng::seed_from_u64(1), "test");
            hedge.add(witness);
            hedge.rng("d").next_u64()
        };
        assert_eq!(hedge(b"a"), hedge(b"a"));
        assert_ne!(hedge(b"a"), hedge(b"b"));
    }
}
