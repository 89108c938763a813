//! S2.7, the release rule by gates, natively.
//!
//! Cells stand in blocks of neighbours. A block is released if and only if each of its gates is at least `k_min` (or is zero
//! where zero is allowed) and the hospital does not withhold it. Of a released block the shown cells leave the hospital; everything else is exactly zero.

use super::Violation;
use crate::{field::Fr, statement::CellKind};
use ark_ff::{PrimeField, Zero};
use borsh::{BorshDeserialize, BorshSerialize};

/// Bits of the range check of a gate: counts are at most 2^22 (a full table), `k_min` is below.
pub const COUNT_BITS: usize = 23;

/// Whether and why a hospital withholds a block beside the published rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Withheld {
    /// Not withheld.
    #[default]
    No = 0,
    /// Its rows nearly coincide with those of an earlier answer (rule D7).
    Overlap = 1,
    /// One or two people dominate a sum (rule D9).
    Dominance = 2,
    /// A stricter local rule or a person's decision (rule D15).
    Local = 3,
}

impl Withheld {
    /// The two reason bits, low first.
    pub fn bits(self) -> [bool; 2] {
        [self as u8 & 1 == 1, self as u8 & 2 == 2]
    }
}

/// How many blocks are released, small, and withheld for each reason. Public and proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct GateCounts {
    /// Released.
    pub released: u32,
    /// Below `k_min`.
    pub small: u32,
    /// Not small, but withheld: overlap, dominance, local.
    pub withheld: [u32; 3],
}

impl GateCounts {
    /// In the order of the public values.
    pub fn list(&self) -> [u32; 5] {
        [self.released, self.small, self.withheld[0], self.withheld[1], self.withheld[2]]
    }
}

/// The outcome of the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// For each cell: do all gates of its block pass?
    pub flags: Vec<bool>,
    /// The cells that leave, zero where they do not.
    pub released: Vec<Fr>,
    /// Outcomes by block.
    pub counts: GateCounts,
}

/// The count in a gate, if a table can have it: at most 2^22.
pub(super) fn gate_count(cell: Fr) -> Option<u32> {
    let limbs = cell.into_bigint().0;
    (limbs[1..].iter().all(|l| *l == 0) && limbs[0] <= 1 << (COUNT_BITS - 1)).then_some(limbs[0] as u32)
}

/// Applies the rule.
///
/// # Errors
/// [`Violation::S2_7`]: a gate is not a count, `k_min` is out of range, a reason stands where no block starts, or a block of a withheld group is not withheld.
pub fn release(k_min: u32, kinds: &[CellKind], cells: &[Fr], withheld: &[Withheld]) -> Result<Release, Violation> {
    let n = cells.len();
    let kind = |i: usize| kinds.get(i).copied().unwrap_or_default();
    if k_min == 0 || k_min >= 1 << (COUNT_BITS - 1) || withheld.len() != n {
        return Err(Violation::S2_7);
    }
    let mut passes = vec![true; n];
    for i in 0..n {
        let all_so_far = i == 0 || kind(i).block_start || passes[i - 1];
        let own = if kind(i).gate {
            let count = gate_count(cells[i]).ok_or(Violation::S2_7)?;
            count >= k_min || (kind(i).zero_ok && count == 0)
        } else {
            true
        };
        passes[i] = all_so_far && own;
    }
    // the last cell of a block knows about all of its gates
    for i in (0..n.saturating_sub(1)).rev() {
        if !kind(i + 1).block_start {
            passes[i] = passes[i + 1];
        }
    }
    let mut counts = GateCounts::default();
    let mut released = vec![Fr::zero(); n];
    let (mut group_withheld, mut block_withheld) = (false, false);
    for i in 0..n {
        let reason = withheld[i];
        if !kind(i).block_start && reason != Withheld::No {
            return Err(Violation::S2_7);
        }
        if kind(i).block_start {
            block_withheld = reason != Withheld::No;
            if kind(i).group_start {
                group_withheld = block_withheld;
            }
            if group_withheld && !block_withheld {
                return Err(Violation::S2_7);
            }
            match (passes[i], reason) {
                (false, _) => counts.small += 1,
                (true, Withheld::No) => counts.released += 1,
                (true, reason) => counts.withheld[reason as usize - 1] += 1,
            }
        }
        if passes[i] && !block_withheld && kind(i).show {
            released[i] = cells[i];
        }
    }
    Ok(Release { flags: passes, released, counts })
}
