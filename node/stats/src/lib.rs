//! From released moment tables to what researchers read.
//!
//! Hospitals release integers: counts, and sums of levels. [`tabulate`] pools them and computes every statistic exactly
//! (integers and rationals), turning to binary floating point once, at the end. Two rules are kept by construction:
//!
//! - a point estimate is never computed from a sum with a hidden part; a count with hidden parts is shown as an interval;
//! - a pooled number is printed plain only if every answering site's part is plain, and sites without an answer are named.
//!
//! [`render_text`] and [`to_json`] write the result for people and for programs.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod amount;
mod answer;
mod exact;
mod figure;
mod interval;
mod json;
mod reader;
mod shown;
mod statistic;
mod table;
mod text;

pub use amount::{Count, Hidden, Parts};
pub use answer::{CellStatus, SiteAnswer, SiteState, SiteTable, WithholdReason};
pub use interval::{fisher_interval, t_quantile, wilson_interval};
pub use json::to_json;
pub use shown::{BandCount, Estimate, Shown};
pub use statistic::Moments;
pub use table::{Item, ResultTable, Row, SITES_MAX, SiteResult, TableError, tabulate};
pub use text::render_text;
