//! Consents: about 70 % of patients have one that counts, the others expired, withdrew or never signed.
//!
//! `Consent.ndjson` follows one simple policy, `urn:countersign:consent-policy:simple-1`: scope `research`, status `active`,
//! a root provision `deny`, and one nested `permit` a scope, whose code (system `urn:countersign:consent-code:simple-1`) *is*
//! the scope's name (`p.health`, `c.labs`, ..) and whose period ends when the permission does. A withdrawn consent keeps its
//! text and has status `inactive`. `consents.csv` says the same as `patient,scope,until` (the last valid day); a withdrawn
//! consent has no line there.

use crate::{dice::Dice, person::INDEX};
use jiff::{ToSpan, civil::Date};
use serde_json::{Value, json};

/// `policy.uri` of every generated consent.
pub const CONSENT_POLICY_URI: &str = "urn:countersign:consent-policy:simple-1";
/// Code system of the permits; its codes are scope names.
pub const CONSENT_CODE_SYSTEM: &str = "urn:countersign:consent-code:simple-1";
/// Scopes a full consent permits: research on health, and every category of the cardiometabolic core.
pub const SCOPES: [&str; 8] =
    ["p.health", "c.demographics", "c.conditions", "c.labs", "c.vitals", "c.lifestyle", "c.encounters", "c.outcomes"];

/// What a patient signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All scopes, in force.
    Full,
    /// All scopes but labs, in force.
    WithoutLabs,
    /// All scopes, ended before any study.
    Expired,
    /// Signed and taken back.
    Withdrawn,
    /// Nothing.
    None,
}

/// One patient's consent.
#[derive(Debug, Clone)]
pub(crate) struct Consent {
    pub(crate) kind: Kind,
    signed: Date,
    until: Date,
}

impl Consent {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let kind = match dice.unit() {
            u if u < 0.62 => Kind::Full,
            u if u < 0.70 => Kind::WithoutLabs,
            u if u < 0.74 => Kind::Expired,
            u if u < 0.78 => Kind::Withdrawn,
            _ => Kind::None,
        };
        let signed = INDEX.saturating_sub(dice.between(1, 700).days());
        let until = match (kind, dice.chance(0.15)) {
            (Kind::Expired, _) => signed.saturating_add(dice.between(180, 900).days()),
            (_, true) => jiff::civil::date(2032, 6, 30),
            (_, false) => signed.saturating_add(30.years()).saturating_sub(1.day()),
        };
        Self { kind, signed, until }
    }

    fn scopes(&self) -> impl Iterator<Item = &'static str> {
        let labs = self.kind != Kind::WithoutLabs;
        let any = self.kind != Kind::None;
        SCOPES.into_iter().filter(move |s| any && (labs || *s != "c.labs"))
    }

    /// Lines of `consents.csv`, each with its line end.
    pub(crate) fn csv(&self, patient: &str) -> String {
        let counts = self.kind != Kind::Withdrawn;
        self.scopes().filter(|_| counts).map(|scope| format!("{patient},{scope},{}\n", self.until)).collect()
    }

    /// The FHIR Consent, if one was signed.
    pub(crate) fn resource(&self, patient: &str) -> Option<Value> {
        if self.kind == Kind::None {
            return None;
        }
        let status = if self.kind == Kind::Withdrawn { "inactive" } else { "active" };
        let permits: Vec<Value> = self
            .scopes()
            .map(|scope| {
                json!({
                    "type": "permit",
                    "period": {"start": self.signed.to_string(), "end": self.until.to_string()},
                    "code": [{"coding": [{"system": CONSENT_CODE_SYSTEM, "code": scope}]}],
                })
            })
            .collect();
        Some(json!({
            "resourceType": "Consent",
            "id": format!("{patient}-consent"),
            "status": status,
            "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]},
            "category": [{"coding": [{"system": "http://loinc.org", "code": "57016-8"}]}],
            "patient": {"reference": format!("Patient/{patient}")},
            "dateTime": self.signed.to_string(),
            "policy": [{"uri": CONSENT_POLICY_URI}],
            "provision": {
                "type": "deny",
                "period": {"start": self.signed.to_string(), "end": self.until.to_string()},
                "provision": permits,
            },
        }))
    }
}
