//! Texts that stand in many facts, kept once.

use std::collections::HashMap;

/// Most different problem texts and statuses kept apart; further ones share the last.
const TEXTS_MAX: usize = 1000;
/// Longest text of a problem shown, in characters.
const TEXT_CHARS_MAX: usize = 80;

/// Different texts by number.
#[derive(Default)]
pub(crate) struct Texts {
    list: Vec<String>,
    index: HashMap<String, u32>,
}

impl Texts {
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        let shown: String = text.chars().take(TEXT_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let shown = if self.list.len() < TEXTS_MAX || self.index.contains_key(&shown) { shown } else { "others".to_owned() };
        if let Some(i) = self.index.get(&shown) {
            return *i;
        }
        let i = u32::try_from(self.list.len()).expect("at most a thousand texts");
        self.list.push(shown.clone());
        self.index.insert(shown, i);
        i
    }

    pub(crate) fn text(&self, number: u32) -> &str {
        self.list.get(number as usize).map_or("", String::as_str)
    }
}
