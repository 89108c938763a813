//! What is measured of a system, and how it is printed.

use serde_json::{Value, json};

/// Proofs made of a question; their median counts.
pub(crate) const RUNS: usize = 3;
/// Verifications of a proof; the first counts, and the median of the others.
pub(crate) const VERIFICATIONS: usize = 8;

/// What one system needs at one size.
pub(crate) struct Figures {
    pub(crate) system: &'static str,
    /// From the rows to the proof.
    pub(crate) proving_seconds: f64,
    /// The part of it that commits once more to columns that were committed before; nothing if there is no such part.
    pub(crate) committing_seconds: Option<f64>,
    /// As long as that part of it takes which multiplies points one by one, because the build is without the library that does it better;
    /// nothing if there is no such part.
    pub(crate) plain_loop_seconds: Option<f64>,
    /// The proof without the result; nothing if not measured.
    pub(crate) proof_bytes: Option<usize>,
    /// The first time and again; nothing if not measured.
    pub(crate) verifying_seconds: Option<[f64; 2]>,
}

impl Figures {
    /// The head of the table.
    pub(crate) fn head() -> &'static str {
        "| rows | system | proving, s | of it committing again, s | of it the plain loop, s | proof, bytes | verifying, ms | and again, ms |\n|---|---|---|---|---|---|---|---|"
    }

    /// A line of the table.
    pub(crate) fn line(&self, rows: usize) -> String {
        let show = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let committing = show(self.committing_seconds.map(|s| format!("{s:.3}")));
        let plain_loop = show(self.plain_loop_seconds.map(|s| format!("{s:.3}")));
        let bytes = show(self.proof_bytes.map(|n| n.to_string()));
        let [first, again] = [0, 1].map(|i: usize| show(self.verifying_seconds.map(|both| format!("{:.1}", both[i] * 1e3))));
        format!("| {rows} | {} | {:.3} | {committing} | {plain_loop} | {bytes} | {first} | {again} |", self.system, self.proving_seconds)
    }

    /// The same for programs.
    pub(crate) fn json(&self, rows: usize) -> Value {
        json!({
            "rows": rows,
            "system": self.system,
            "proving_seconds": self.proving_seconds,
            "committing_seconds": self.committing_seconds,
            "plain_loop_seconds": self.plain_loop_seconds,
            "proof_bytes": self.proof_bytes,
            "verifying_seconds_first": self.verifying_seconds.map(|both| both[0]),
            "verifying_seconds": self.verifying_seconds.map(|both| both[1]),
        })
    }
}

/// The middle one.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The first, and the median of the others.
pub(crate) fn first_and_again(values: &[f64]) -> [f64; 2] {
    [values[0], median(&values[1..])]
}
