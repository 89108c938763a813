//! What a consent says as far as it can be told without a policy: for consents that lie among records and are not read by one.

/// The gist of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gist {
    /// Nothing about research, nothing that is in force, or nothing at all.
    Nothing,
    /// It permits something.
    Permits,
    /// It refuses everything, was withdrawn, or cannot be understood.
    Refuses,
}

/// The gist of one document, and the day it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConsentWord {
    pub(crate) gist: Gist,
    pub(crate) signed: Option<i32>,
}

impl ConsentWord {
    pub(crate) fn refuses(&self) -> bool {
        self.gist == Gist::Refuses
    }
}

/// True if a refusal among a person's documents was not certainly followed by a permit.
pub(crate) fn last_word_refuses(words: &[ConsentWord]) -> bool {
    let permits = || words.iter().filter(|w| w.gist == Gist::Permits).filter_map(|w| w.signed);
    words.iter().filter(|w| w.refuses()).any(|refusal| !permits().any(|permit| refusal.signed.is_some_and(|refused| permit > refused)))
}
