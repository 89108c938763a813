//! Sums of two numbers: what covariance and correlation are made from.

use crate::{exact::Line, reader::RowReader, shown::Shown};
use countersign_circuits::statement::CellMeaning;
use num_bigint::BigInt;

/// Sums over complete pairs, in levels.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    /// People.
    pub(super) n: u64,
    pub(super) x: BigInt,
    pub(super) y: BigInt,
    pub(super) xx: BigInt,
    pub(super) yy: BigInt,
    pub(super) xy: BigInt,
    /// The scales of the two.
    pub(super) x_line: Line,
    pub(super) y_line: Line,
}

impl Pair {
    fn read(row: &RowReader<'_>, n: Option<u64>, x: u16, y: u16) -> Option<Self> {
        Some(Self {
            n: n?,
            x: row.sum_of_rows(CellMeaning::Sum(x))?,
            y: row.sum_of_rows(CellMeaning::Sum(y))?,
            xx: row.sum_of_rows(CellMeaning::SumOfSquares(x))?,
            yy: row.sum_of_rows(CellMeaning::SumOfSquares(y))?,
            xy: row.sum_of_rows(CellMeaning::Product(x.min(y), x.max(y)))?,
            x_line: row.line(x)?,
            y_line: row.line(y)?,
        })
    }

    /// n S(xy) - S(x) S(y): n (n - 1) times the covariance, in levels.
    pub(super) fn cross(&self) -> BigInt {
        BigInt::from(self.n) * &self.xy - &self.x * &self.y
    }
}

/// Makes a statistic from two attributes' sums; if a part of them is hidden, it is none.
pub(super) fn shown(row: &RowReader<'_>, x: u16, y: u16, statistic: impl FnOnce(&Pair) -> Shown) -> Shown {
    let rows = row.count(0, CellMeaning::Rows);
    match Pair::read(row, rows.exact(), x, y) {
        Some(pair) => statistic(&pair),
        None => Shown::NoEstimate(rows),
    }
}
