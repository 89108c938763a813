//! Counts with hidden parts.

use crate::answer::{CellStatus, WithholdReason};
use serde::Serialize;

/// Why one site's count is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Hidden {
    /// It is below this minimum.
    Below(u32),
    /// It, or a count it could be subtracted from, is below the minimum.
    Block,
    /// The hospital withheld it.
    Withheld(WithholdReason),
    /// The statement does not release it.
    NotReleased,
}

/// What the hidden parts of a sum are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Parts {
    /// Sites.
    Sites,
    /// Bands of one site's distribution.
    Bands,
}

/// A count as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Every part is released.
    Exact(u64),
    /// One cell of one site, hidden.
    Hidden {
        /// Why.
        why: Hidden,
        /// At most this; `None` if nothing released bounds it.
        high: Option<u64>,
    },
    /// A sum with hidden parts.
    Between {
        /// The sum of the released parts.
        low: u64,
        /// With the most the hidden parts can be; `None` if nothing bounds them.
        high: Option<u64>,
        /// Hidden parts.
        hidden: usize,
        /// All parts.
        of: usize,
        /// What the parts are.
        parts: Parts,
    },
}

impl Count {
    /// The number, if every part is released.
    pub fn exact(&self) -> Option<u64> {
        if let Self::Exact(n) = self { Some(*n) } else { None }
    }

    /// Least and most it can be.
    pub fn bounds(&self) -> (u64, Option<u64>) {
        match *self {
            Self::Exact(n) => (n, Some(n)),
            Self::Hidden { high, .. } => (0, high),
            Self::Between { low, high, .. } => (low, high),
        }
    }

    /// A hidden count whose bounds meet is a number: below a minimum of 1 there is nobody.
    fn met(self) -> Self {
        match self.bounds() {
            (low, Some(high)) if low == high => Self::Exact(low),
            _ => self,
        }
    }

    /// The sum of parts; a single part stays as it is.
    pub(crate) fn sum(list: &[Self], parts: Parts) -> Self {
        if let ([one], Parts::Bands) = (list, parts) {
            return *one;
        }
        let hidden = list.iter().filter(|c| c.exact().is_none()).count();
        let low = list.iter().fold(0u64, |sum, c| sum.saturating_add(c.bounds().0));
        if hidden == 0 {
            return Self::Exact(low);
        }
        let high = list.iter().try_fold(0u64, |sum, c| Some(sum.saturating_add(c.bounds().1?)));
        Self::Between { low, high, hidden, of: list.len(), parts }.met()
    }
}

/// Reads one site's count. `rows` is the group's number of rows (another cell of the same site), `alone` is true if no other
/// count decides about the cell's block, `minimum` is the gate's.
pub(crate) fn site_count(cell: CellStatus, rows: Option<CellStatus>, alone: bool, minimum: u32) -> Count {
    let below = u64::from(minimum.saturating_sub(1));
    let group_high = match rows {
        Some(CellStatus::Exact(n)) => Some(n),
        Some(CellStatus::Small) => Some(below),
        _ => None,
    };
    let count = match cell {
        CellStatus::Exact(n) => Count::Exact(n),
        // a small group hides all its blocks, and no part of it is larger than it is
        CellStatus::Small if alone || rows == Some(CellStatus::Small) => Count::Hidden { why: Hidden::Below(minimum), high: Some(below) },
        CellStatus::Small => Count::Hidden { why: Hidden::Block, high: group_high },
        CellStatus::Withheld(reason) => Count::Hidden { why: Hidden::Withheld(reason), high: group_high },
        CellStatus::NotReleased => Count::Hidden { why: Hidden::NotReleased, high: group_high },
    };
    count.met()
}
