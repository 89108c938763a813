//! The duplex sponge, natively.

use super::Poseidon;
use crate::field::Fr;
use ark_ff::Zero;

/// A duplex sponge. Lane 0 is the capacity; absorbing adds to the rate lanes; squeezing permutes and reads them.
///
/// Statements absorb fixed numbers of elements in a fixed order, so no padding rule is needed beyond the tag, which names statement, size and version.
#[derive(Debug, Clone)]
pub struct Sponge {
    poseidon: &'static Poseidon,
    state: Vec<Fr>,
    position: usize,
}

impl Sponge {
    /// An empty sponge with a domain tag in its capacity lane.
    pub fn new(poseidon: &'static Poseidon, tag: Fr) -> Self {
        let mut state = vec![Fr::zero(); poseidon.width()];
        state[0] = tag;
        Self { poseidon, state, position: 0 }
    }

    /// Absorbs elements.
    pub fn absorb(&mut self, elements: &[Fr]) {
        for x in elements {
            if self.position == self.poseidon.rate() {
                self.permute();
            }
            self.state[1 + self.position] += x;
            self.position += 1;
        }
    }

    /// Ends the message and draws one element.
    pub fn squeeze(&mut self) -> Fr {
        self.permute();
        self.state[1]
    }

    fn permute(&mut self) {
        self.poseidon.permute(&mut self.state);
        self.position = 0;
    }
}
