//! The query language: a subset of SQL, compiled to a canonical aggregate statement or refused in clear words.
//!
//! ```text
//! query = SELECT item {, item} FROM table [WHERE cond] [GROUP BY attr {, attr}] [WITH (release = exact)]
//! item  = attr (if grouped) | COUNT(*) | COUNT(x) | SUM(x) | AVG(x) | STDDEV(x) | VARIANCE(x) | COVAR(x, y) | CORR(x, y)
//!       | MEDIAN(x) | PERCENTILE(x, p) | HISTOGRAM(x) | SHARE(x = 'level')
//! ```
//!
//! [`compile`] never looks at rows. It maps names and literals to the dictionary's bins, rewrites the condition into
//! conjunctive form with SQL's three-valued logic (a comparison with a missing value is not true), and asks
//! [`countersign_circuits::statement::Wiring`] whether the circuit carries the result. [`explain`] says the question in words.
//!
//! HISTOGRAM, MEDIAN and PERCENTILE are asked as a grouping by the attribute's governed bands with the number of people in
//! each; a median is later found by linear interpolation inside its band, and the band is given with it. Histograms at the
//! native step need the banded release modes, which circuit 1 does not have.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod cnf;
mod compile;
mod condition;
mod explain;
mod item;
mod predicate;
mod question;
mod refusal;
mod source;

pub use compile::compile;
pub use explain::{explain, unit_words};
pub use question::{Ask, Axis, AxisBand, AxisRole, OutputItem, Question};
pub use refusal::{Code, Refusal, TextPosition};
pub use source::{CONNECTIVES_MAX, SQL_BYTES_MAX};
