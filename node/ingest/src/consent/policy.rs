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
    package: Vec<String>,
    gate: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    extra: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    ignored: Vec<String>,
}

/// A consent policy, `countersign-consent-policy/1` without data windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentPolicy {
    reference: String,
    digest: Digest32,
    pub(super) scope_required: CodeForm,
    pub(super) policy_uri: Vec<String>,
    pub(super) code_system: String,
    pub(super) prefix: String,
    pub(super) package: Vec<String>,
    pub(super) gate: BTreeMap<String, Vec<String>>,
    pub(super) extra: BTreeMap<String, Vec<String>>,
    known: BTreeSet<String>,
}

impl ConsentPolicy {
    /// Reads a policy file. A policy with a key this reader does not apply (such as `window`, the data window) is refused:
    /// leaving a rule out would permit more than the patient did.
    ///
    /// # Errors
    /// [`PolicyError`], naming the key.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let (value, canonical) = from_toml(text)?;
        let form: PolicyForm = strict(&value, "at the top")?;
        if form.format != "countersign-consent-policy/1" {
            return Err(key_error("at the top", "`format` is \"countersign-consent-policy/1\"").into());
        }
        if form.package.is_empty() || form.gate.is_empty() || form.policy_uri.is_empty() {
            return Err(key_error("at the top", "`policy_uri`, `package` and `gate` have at least one entry each").into());
        }
        let known = form.package.iter().chain(form.gate.keys()).chain(form.extra.keys()).chain(&form.ignored).cloned().collect();
        Ok(Self {
            reference: format!("{}@{}", form.id, form.version),
            digest: Digest32::of(&canonical),
            scope_required: form.scope_required,
            policy_uri: form.policy_uri,
            code_system: form.code_system,
            prefix: form.prefix,
            package: form.package,
            gate: form.gate,
            extra: form.extra,
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

    /// The policy's own spelling of a code, if it knows it.
    pub(super) fn code<'a>(&self, system: Option<&str>, code: Option<&'a str>) -> Option<&'a str> {
        let code = code.filter(|_| system == Some(self.code_system.as_str()))?.strip_prefix(self.prefix.as_str())?;
        self.known.contains(code).then_some(code)
    }
}
