//! Cells of the moment table: what they mean and how they are released.

/// What a cell of the moment table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellMeaning {
    /// Rows of the group.
    Rows,
    /// Rows where the attribute is missing.
    Missing(u16),
    /// Rows where it is known.
    Known(u16),
    /// Sum of its levels.
    Sum(u16),
    /// Sum of its squared levels.
    SumOfSquares(u16),
    /// Rows in a part of its partition.
    Part(u16, u16),
    /// Sum of products of the levels of two attributes.
    Product(u16, u16),
    /// A product the statement does not release.
    Hidden,
}

/// Public kind bits of a cell (S2.7). All false on padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CellKind {
    /// First cell of a group that releases its number of rows: withholding it withholds the group.
    pub group_start: bool,
    /// First cell of a block; blocks run to the next start.
    pub block_start: bool,
    /// Its count must be at least `k_min` for the block to be released.
    pub gate: bool,
    /// A gate that zero passes: structural zeros and missing counts.
    pub zero_ok: bool,
    /// Released with its block; a cell not shown is released as zero.
    pub show: bool,
}

/// One cell of the moment table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Index of its group.
    pub group: usize,
    /// What it counts or sums.
    pub meaning: CellMeaning,
    /// How it is released.
    pub kind: CellKind,
}
