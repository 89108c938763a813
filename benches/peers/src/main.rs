//! One question about the same rows, proved by Countersign, by Proof of SQL and row by row in R1CS:
//! `cargo run --release -- [--json] [log2 rows ...]`. What each proves and hides: README.md.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock, prints, and fails by panicking"
)]

mod circuit;
mod figures;
mod ours;
mod rows;
mod sql;
// the benches' own table, but not their crate: it would bring the whole node
#[path = "../../src/table.rs"]
mod table;

use figures::Figures;
use ours::Keys;
use serde_json::Value;
use std::ops::RangeInclusive;
use table::{Table, dictionary};

/// log2 of the rows, if nothing is said.
const USUAL: [u32; 3] = [10, 14, 17];
/// What may be said: a few rows a group at least, and memory for some sixty columns of Proof of SQL.
const POSSIBLE: RangeInclusive<u32> = 8..=20;

/// Is JSON wanted, and for which sizes?
fn arguments() -> (bool, Vec<u32>) {
    let (mut json, mut sizes) = (false, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.parse::<u32>() {
            Ok(size) if POSSIBLE.contains(&size) => sizes.push(size),
            _ if argument == "--json" => json = true,
            _ => {
                let (least, most) = (POSSIBLE.start(), POSSIBLE.end());
                eprintln!("not understood: {argument}; usage: countersign-peers [--json] [log2 rows, {least} to {most} ...]");
                std::process::exit(2);
            }
        }
    }
    (json, if sizes.is_empty() { USUAL.to_vec() } else { sizes })
}

fn main() {
    let (json, sizes) = arguments();
    let keys = Keys::generate();
    let mut all: Vec<Value> = Vec::new();
    if !json {
        println!("{}", Figures::head());
    }
    for size in sizes {
        let count = 1usize << size;
        let table = Table::new(dictionary(4, 2), count);
        let rows = rows::rows(&table, count);
        let groups = rows::answer(&rows);
        let figures = [ours::measure(&keys, &table, &groups), sql::measure(size, &rows, &groups), circuit::measure(&rows, &groups)];
        for figures in figures {
            if json {
                all.push(figures.json(count));
            } else {
                println!("{}", figures.line(count));
            }
        }
    }
    if json {
        println!("{}", Value::Array(all));
    }
}
