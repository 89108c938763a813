//! Poseidon over BN254's scalar field: x^5, 8 full rounds, the published constants of each width.
//!
//! Source: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon" (USENIX Security 2021), section 4 and the reference
//! script's round numbers for 128 bits. The constants come from the Grain LFSR of the paper (appendix E).
//!
//! Both the native permutation and the gadget evaluate the partial rounds from *linear forms* computed once: the input of
//! partial round k is a fixed form in (1, u_0.., y_0..y_{k-1}), where u are the S-box outputs of the last full round before them and y_k
//! the outputs of the partial S-boxes. A gadget that carries the state through the partial rounds instead grows its linear
//! combinations without bound and takes seconds; the textbook permutation is kept as [`Poseidon::permute_reference`], the oracle of the tests.

#[cfg(feature = "constraints")]
mod gadget;
mod sponge;

#[cfg(feature = "constraints")]
pub use gadget::SpongeVar;
pub use sponge::Sponge;

use crate::field::Fr;
use ark_crypto_primitives::sponge::poseidon::find_poseidon_ark_and_mds;
use ark_ff::{Field, One, Zero};
use std::sync::OnceLock;

const FULL_ROUNDS: usize = 8;
/// Partial rounds of the published instances for t = 2, 3, .., 17.
const PARTIAL_ROUNDS: [usize; 16] = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];

/// Constants of one width, with the linear forms of the partial rounds.
#[derive(Debug)]
pub struct Poseidon {
    width: usize,
    partial_rounds: usize,
    round_constants: Vec<Vec<Fr>>,
    mds: Vec<Vec<Fr>>,
    /// input of each partial S-box, over (1, u, y so far)
    partial_inputs: Vec<Vec<Fr>>,
    /// the state after the partial rounds, over (1, u, y)
    partial_outputs: Vec<Vec<Fr>>,
}

fn pow5(x: Fr) -> Fr {
    let square = x.square();
    square.square() * x
}

fn dot(a: &[Fr], b: &[Fr]) -> Fr {
    a.iter().zip(b).map(|(x, y)| *x * y).sum()
}

impl Poseidon {
    /// The instance of width 4 (rate 3): transcript of S1.
    pub fn width_4() -> &'static Self {
        static INSTANCE: OnceLock<Poseidon> = OnceLock::new();
        INSTANCE.get_or_init(|| Self::new(4))
    }

    /// The instance of width 17 (rate 16): transcript of S2 and the digest of released cells.
    pub fn width_17() -> &'static Self {
        static INSTANCE: OnceLock<Poseidon> = OnceLock::new();
        INSTANCE.get_or_init(|| Self::new(17))
    }

    fn new(width: usize) -> Self {
        let partial_rounds = PARTIAL_ROUNDS[width - 2];
        let (round_constants, mds) = find_poseidon_ark_and_mds::<Fr>(254, width - 1, FULL_ROUNDS as u64, partial_rounds as u64, 0);
        let columns = 1 + width + partial_rounds;
        // each state lane as a row of coefficients over (1, u, y), starting behind the first four full rounds' last matrix
        let mut lanes: Vec<Vec<Fr>> = mds
            .iter()
            .map(|row| {
                let mut lane = vec![Fr::zero(); columns];
                lane[1..=width].copy_from_slice(row);
                lane
            })
            .collect();
        let mut partial_inputs = Vec::with_capacity(partial_rounds);
        for k in 0..partial_rounds {
            for (lane, constant) in lanes.iter_mut().zip(&round_constants[FULL_ROUNDS / 2 + k]) {
                lane[0] += constant;
            }
            partial_inputs.push(lanes[0][..1 + width + k].to_vec());
            lanes[0] = vec![Fr::zero(); columns];
            lanes[0][1 + width + k] = Fr::one();
            lanes =
                mds.iter().map(|row| (0..columns).map(|c| row.iter().zip(&lanes).map(|(m, lane)| *m * lane[c]).sum()).collect()).collect();
        }
        Self { width, partial_rounds, round_constants, mds, partial_inputs, partial_outputs: lanes }
    }

    /// State width t.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Elements absorbed by one permutation: all lanes but the capacity.
    pub fn rate(&self) -> usize {
        self.width - 1
    }

    /// R1CS constraints of one permutation of variables: 3 (8 t + partial rounds).
    pub fn constraints(&self) -> usize {
        3 * (FULL_ROUNDS * self.width + self.partial_rounds)
    }

    /// Constants of full round `r` of 8.
    fn full_constants(&self, r: usize) -> &[Fr] {
        &self.round_constants[if r < FULL_ROUNDS / 2 { r } else { r + self.partial_rounds }]
    }

    /// The permutation, by linear forms.
    pub fn permute(&self, state: &mut [Fr]) {
        debug_assert_eq!(state.len(), self.width);
        for r in 0..FULL_ROUNDS {
            for (x, c) in state.iter_mut().zip(self.full_constants(r)) {
                *x = pow5(*x + c);
            }
            if r + 1 == FULL_ROUNDS / 2 {
                let mut z = Vec::with_capacity(1 + self.width + self.partial_rounds);
                z.push(Fr::one());
                z.extend_from_slice(state);
                for form in &self.partial_inputs {
                    z.push(pow5(dot(form, &z)));
                }
                for (x, form) in state.iter_mut().zip(&self.partial_outputs) {
                    *x = dot(form, &z);
                }
            } else {
                let next: Vec<Fr> = self.mds.iter().map(|row| dot(row, state)).collect();
                state.copy_from_slice(&next);
            }
        }
    }

    /// The permutation as the paper writes it.
    pub fn permute_reference(&self, state: &mut [Fr]) {
        for (r, constants) in self.round_constants.iter().enumerate() {
            for (x, c) in state.iter_mut().zip(constants) {
                *x += c;
            }
            let full = r < FULL_ROUNDS / 2 || r >= FULL_ROUNDS / 2 + self.partial_rounds;
            let boxes = if full { self.width } else { 1 };
            for x in &mut state[..boxes] {
                *x = pow5(*x);
            }
            let next: Vec<Fr> = self.mds.iter().map(|row| dot(row, state)).collect();
            state.copy_from_slice(&next);
        }
    }
}
