//! What a Consent says as far as it can be told without a policy: for Consents that lie among records and are not read by one.

use super::{
    read::Resource,
    resource::{Consent, ConsentProvision},
};
use crate::{calendar::day_number, error::ImportError};

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

    pub(super) fn of(resource: &Resource<'_>, consent: &Consent<'_>) -> Result<Self, ImportError> {
        let dated = resource.date("dateTime", consent.date_time.as_deref())?;
        let gist = gist(consent);
        // a document whose end is its status says when it ended by its last change, as it is read by a policy, too
        let signed = dated.or(resource.updated.filter(|_| gist == Gist::Refuses)).map(|m| day_number(m.span.first));
        Ok(Self { gist, signed })
    }
}

fn gist(consent: &Consent<'_>) -> Gist {
    let scope = consent.scope.as_ref().map(|s| s.coding.as_slice()).unwrap_or_default();
    let other = |code: Option<&str>| matches!(code, Some("treatment" | "adr" | "patient-privacy"));
    if !scope.is_empty() && scope.iter().all(|c| other(c.code.as_deref())) {
        return Gist::Nothing;
    }
    match consent.status.as_deref() {
        Some("draft" | "proposed" | "entered-in-error") => Gist::Nothing,
        Some("active") if consent.modifier_extension.is_none() => consent.provision.as_ref().map_or(Gist::Nothing, of_rules),
        _ => Gist::Refuses,
    }
}

/// A document that permits something is not one that refuses everything: of what it refuses only a policy can tell.
fn of_rules(root: &ConsentProvision) -> Gist {
    let permits = |rule: &ConsentProvision| rule.kind.as_deref() == Some("permit");
    if permits(root) || root.provision.iter().any(permits) { Gist::Permits } else { Gist::Refuses }
}

/// True if a refusal among a person's documents was not certainly followed by a permit.
pub(crate) fn last_word_refuses(words: &[ConsentWord]) -> bool {
    let permits = || words.iter().filter(|w| w.gist == Gist::Permits).filter_map(|w| w.signed);
    words.iter().filter(|w| w.refuses()).any(|refusal| !permits().any(|permit| refusal.signed.is_some_and(|refused| permit > refused)))
}
