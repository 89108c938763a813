//! The consent policy: how documents become scopes. Governed, versioned, hashed; no hospital bends it.

use crate::form::{FormError, from_toml, key_error, strict};
use countersign_circuits::hash::Digest32;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with a policy. The consortium is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("consent policy: {0}")]
pub struct PolicyError(#[from] FormError);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeForm {
    pub(super) system: String,
    pub(super) code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyForm {
    format: String,
    id: String,
    version: u32,
    scope_required: CodeForm,
    policy_uri: Vec<String>,
    code_system: String,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    package: Vec<String>,
    #[serde(default)]
    one_of: Vec<String>,
    gate: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    extra: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    restrict: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    refused: Vec<String>,
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    ignored: Vec<String>,
    #[serde(default)]
    window: Option<String>,
    #[serde(default)]
    retro: Vec<String>,
    #[serde(default)]
    encounter_shift: bool,
    #[serde(default)]
    guardian: bool,
    #[serde(default)]
    deceased: Deceased,
}

/// What becomes of a consent when its patient dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Deceased {
    /// It stays as it was given.
    #[default]
    Keep,
    /// It ends: who has died, or of whom no Patient was read that could say so, permits nothing. Another rule is not read, and a policy that asks for one is refused.
    #[serde(rename = "end_at_death")]
    EndAtDeath,
}

/// A consent policy, `countersign-consent-policy/1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentPolicy {
    reference: String,
    digest: Digest32,
    pub(super) scope_required: CodeForm,
    pub(super) policy_uri: Vec<String>,
    pub(super) code_system: String,
    pub(super) prefix: String,
    pub(super) package: Vec<String>,
    /// Codes of which a document permits at least one, or it permits nothing.
    pub(super) one_of: Vec<String>,
    pub(super) gate: BTreeMap<String, Vec<String>>,
    pub(super) extra: BTreeMap<String, Vec<String>>,
    /// Codes that, permitted or not in date, take scopes from their person.
    pub(super) restrict: BTreeMap<String, Vec<String>>,
    /// Codes with which a document permits nothing, as no row can carry what they restrict.
    pub(super) refused: Vec<String>,
    /// Whether a document with a code of the system that the policy does not name permits nothing.
    pub(super) strict: bool,
    /// The code whose days are those of the records that may be used.
    pub(super) window: Option<String>,
    /// Codes that open the window to everything of before.
    pub(super) retro: Vec<String>,
    /// Whether an encounter that overlaps the window's beginning moves it to its own.
    pub(super) encounter_shift: bool,
    /// Whether somebody else may sign for the patient.
    pub(super) guardian: bool,
    pub(super) deceased: Deceased,
    known: BTreeSet<String>,
}

impl ConsentPolicy {
    /// Reads a policy file. A policy with a key this reader does not apply is refused: leaving a rule out would permit more than the patient did.
    ///
    /// # Errors
    /// [`PolicyError`], naming the key.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let (value, canonical) = from_toml(text)?;
        let form: PolicyForm = strict(&value, "at the top")?;
        if form.format != "countersign-consent-policy/1" {
            return Err(key_error("at the top", "`format` is \"countersign-consent-policy/1\"").into());
        }
        if (form.package.is_empty() && form.one_of.is_empty()) || form.gate.is_empty() || form.policy_uri.is_empty() {
            return Err(key_error("at the top", "`policy_uri`, `gate`, and `package` or `one_of` have at least one entry each").into());
        }
        if let Some(code) = form.one_of.iter().find(|code| !form.gate.contains_key(*code)) {
            return Err(key_error("at the top", format!("`one_of` names {code:?}, which `gate` gives no scopes")).into());
        }
        let twice = |code: &&String| form.gate.contains_key(*code) || form.extra.contains_key(*code) || form.package.contains(code);
        if let Some(code) = form.restrict.keys().find(twice) {
            return Err(key_error("at the top", format!("{code:?} permits and restricts")).into());
        }
        if form.restrict.values().flatten().any(|scope| scope.contains('*')) {
            return Err(key_error("at the top", "`restrict` names each scope: a star stands for none there").into());
        }
        let meanings = [&form.restrict, &form.gate, &form.extra];
        let both = |code: &&String| form.refused.contains(code) || form.ignored.contains(code);
        if let Some(code) = meanings.iter().flat_map(|codes| codes.keys()).find(both) {
            return Err(key_error("at the top", format!("{code:?} has a meaning, and is refused or ignored")).into());
        }
        if form.window.as_ref().is_some_and(|window| !form.package.contains(window)) {
            return Err(key_error("at the top", "`window` is one of the codes of `package`: without its days nothing may be used").into());
        }
        if form.window.is_none() && (!form.retro.is_empty() || form.encounter_shift) {
            return Err(key_error("at the top", "`retro` and `encounter_shift` are about a `window`, and there is none").into());
        }
        let scopes = form.gate.keys().chain(form.extra.keys()).chain(form.restrict.keys());
        let others = [&form.package, &form.retro, &form.ignored, &form.refused].into_iter().flatten();
        let known = scopes.chain(others).cloned().collect();
        Ok(Self {
            reference: format!("{}@{}", form.id, form.version),
            digest: Digest32::of(&canonical),
            scope_required: form.scope_required,
            policy_uri: form.policy_uri,
            code_system: form.code_system,
            prefix: form.prefix,
            package: form.package,
            one_of: form.one_of,
            gate: form.gate,
            extra: form.extra,
            restrict: form.restrict,
            refused: form.refused,
            strict: form.strict,
            window: form.window,
            retro: form.retro,
            encounter_shift: form.encounter_shift,
            guardian: form.guardian,
            deceased: form.deceased,
            known,
        })
    }

    /// `id@version`.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// SHA-256 of the canonical bytes.
    pub fn digest(&self) -> Digest32 {
        self.digest
    }

    /// True if these permits are a whole document of the policy.
    pub(super) fn is_complete<T>(&self, permits: &BTreeMap<String, T>) -> bool {
        let has = |code: &String| permits.contains_key(code);
        self.package.iter().all(has) && (self.one_of.is_empty() || self.one_of.iter().any(has))
    }

    /// Why a document that permits a code permits nothing at all, if so. Under a strict policy a code of no system, or none at all, may be a restriction.
    pub(super) fn refuses(&self, system: Option<&str>, code: Option<&str>) -> Option<&'static str> {
        match self.code(system, code) {
            Some(code) => self.refused.iter().any(|refused| refused == code).then_some("restriction-not-kept"),
            None => (self.strict && system.is_none_or(|system| system == self.code_system)).then_some("unknown-code-of-the-policy"),
        }
    }

    /// True for a code that takes away: refusing it may mean anything.
    pub(super) fn restricts(&self, code: &str) -> bool {
        self.restrict.contains_key(code) || self.refused.iter().any(|refused| refused == code)
    }

    /// The policy's own spelling of a code, if it knows it.
    pub(super) fn code<'a>(&self, system: Option<&str>, code: Option<&'a str>) -> Option<&'a str> {
        let code = code.filter(|_| system == Some(self.code_system.as_str()))?.strip_prefix(self.prefix.as_str())?;
        self.known.contains(code).then_some(code)
    }
}
