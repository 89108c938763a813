//! What people see: lines on standard output, progress on standard error, or one JSON object instead.

#![allow(clippy::print_stdout, reason = "this is the place that prints")]

use countersign_circuits::text::is_unprintable;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::{ErrorKind, Write as _},
    time::Duration,
};

/// Where a command speaks.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    json: bool,
}

impl Screen {
    /// With `json`, only [`Screen::result`] prints, and it prints JSON.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// True if the command answers in JSON.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// A line for people.
    pub fn say(self, line: impl AsRef<str>) {
        if !self.json {
            print(line.as_ref());
        }
    }

    /// The result: text for people, or the object.
    pub fn result(self, text: impl FnOnce() -> String, value: impl FnOnce() -> serde_json::Value) {
        if self.json { print(&value().to_string()) } else { print(&text()) }
    }

    /// A report that has its own words and its own JSON.
    pub fn found(self, report: &(impl std::fmt::Display + serde::Serialize)) {
        self.result(|| report.to_string(), || serde_json::to_value(report).unwrap_or_default());
    }

    /// A spinner with a message; it vanishes when dropped. Hidden where standard error is no terminal.
    pub fn working(self, message: impl Into<String>) -> Working {
        if self.json {
            return Working(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style).with_message(message.into());
        bar.enable_steady_tick(Duration::from_millis(100));
        Working(bar)
    }
}

/// A text that somebody else wrote, as it may be shown: what would control a terminal, break the line or turn the writing is spelled out.
pub fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if is_unprintable(c) { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// Exit code where standard output cannot be written.
const UNWRITABLE: i32 = 1;

/// A line on standard output. If nobody reads it any more (a closed pipe) the program ends without a word; if it cannot be written (a full disk) it
/// says so: what was done stands all the same, and `countersign result` shows it again.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        if error.kind() != ErrorKind::BrokenPipe {
            let _ = writeln!(std::io::stderr(), "countersign: cannot write to standard output: {error}");
        }
        std::process::exit(UNWRITABLE);
    }
}

/// A running piece of work.
#[derive(Debug)]
pub struct Working(ProgressBar);

impl Working {
    /// Says what is being done now.
    pub fn now(&self, message: impl Into<String>) {
        self.0.set_message(message.into());
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn texts_of_others_cannot_control_the_screen_or_forge_a_line() {
        assert_eq!(plain("T\u{1b}[31m\nS-9  approved"), "T\\u{1b}[31m\\u{a}S-9  approved");
        assert_eq!(plain("\u{202e}evil\u{2028}x"), "\\u{202e}evil\\u{2028}x");
        assert_eq!(plain("Herzzentrum Köln, 心臓"), "Herzzentrum Köln, 心臓");
    }
}
