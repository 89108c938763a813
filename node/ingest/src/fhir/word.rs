//! What a Consent among records says without a policy.

use super::{
    read::Resource,
    resource::{Consent, ConsentProvision},
};
use crate::{
    calendar::day_number,
    error::ImportError,
    fact::{ConsentWord, Gist},
};

/// The gist of a Consent and the day it was signed.
pub(super) fn consent_word(resource: &Resource<'_>, consent: &Consent<'_>) -> Result<ConsentWord, ImportError> {
    let dated = resource.date("dateTime", consent.date_time.as_deref())?;
    let gist = gist(consent);
    // a document whose end is its status says when it ended by its last change, as it is read by a policy, too
    let signed = dated.or(resource.updated.filter(|_| gist == Gist::Refuses)).map(|m| day_number(m.span.first));
    Ok(ConsentWord { gist, signed })
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
