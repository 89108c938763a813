//! The words of the demo.

use crate::screen::Screen;

/// What is going to happen.
pub(super) fn opening(screen: Screen, names: &[String]) {
    screen.say(format!(
        "Countersign demo: four validators, three hospitals ({}) and the observer of an ethics board. Each has its own keys and its own copy of \
         the chain; they are eight nodes in one process, connected over QUIC. A researcher asks through the first validator.",
        names.join(", ")
    ));
    screen.say("Records stay in the hospitals. The ledger gets commitments, questions, proofs and verdicts; the researcher gets totals.");
}

/// Indents a block of lines.
pub(super) fn indent(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { String::new() } else { format!("  {line}") }).collect::<Vec<_>>().join("\n")
}
