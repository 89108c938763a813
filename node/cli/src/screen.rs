//! What people see: lines on standard output, progress on standard error, or one JSON object instead.

#![allow(clippy::print_stdout, reason = "this is the place that prints")]

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

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
            println!("{}", line.as_ref());
        }
    }

    /// The result: text for people, or the object.
    pub fn result(self, text: impl FnOnce() -> String, value: impl FnOnce() -> serde_json::Value) {
        if self.json { println!("{}", value()) } else { println!("{}", text()) }
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
