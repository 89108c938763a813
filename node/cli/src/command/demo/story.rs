//! The words of the demo.

use crate::screen::Screen;

/// What is going to happen.
pub(super) fn opening(screen: Screen, names: &[String]) {
    screen
        .say("Countersign demo: three hospitals with invented patients, one validator, one researcher, one ethics board, in one process.");
    screen.say("Records stay in the hospitals. The ledger gets commitments, questions, proofs and verdicts; the researcher gets totals.");
    screen.say(format!("\nThe hospitals ({}) read their records and anchor them:", names.join(", ")));
}

/// Indents a block of lines.
pub(super) fn indent(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { String::new() } else { format!("  {line}") }).collect::<Vec<_>>().join("\n")
}
