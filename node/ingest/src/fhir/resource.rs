//! The few elements of FHIR R4 resources that are read; everything else is skipped while parsing.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    pub(crate) resource_type: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) meta: Option<Meta>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta {
    pub(crate) last_updated: Option<String>,
    pub(crate) version_id: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Coding {
    pub(crate) system: Option<String>,
    pub(crate) code: Option<String>,
}

#[derive(Deserialize, Default)]
pub(crate) struct CodeableConcept {
    #[serde(default)]
    pub(crate) coding: Vec<Coding>,
}

#[derive(Deserialize)]
pub(crate) struct Reference {
    pub(crate) reference: Option<String>,
}

/// A business identifier: what people and systems call a record, under whatever id a server keeps it.
#[derive(Deserialize)]
pub(crate) struct Identifier {
    pub(crate) system: Option<String>,
    pub(crate) value: Option<String>,
}

/// An extension, as far as any is read: a reference by an address.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Extension {
    pub(crate) url: Option<String>,
    pub(crate) value_reference: Option<Reference>,
}

#[derive(Deserialize, Default)]
pub(crate) struct Period {
    pub(crate) start: Option<String>,
    pub(crate) end: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Patient {
    pub(crate) active: Option<bool>,
    pub(crate) gender: Option<String>,
    pub(crate) birth_date: Option<String>,
    pub(crate) deceased_boolean: Option<bool>,
    pub(crate) deceased_date_time: Option<String>,
    /// Why it is not there, or what else is said of it.
    #[serde(rename = "_deceasedDateTime")]
    pub(crate) no_deceased_date_time: Option<IgnoredAny>,
    #[serde(default)]
    pub(crate) link: Vec<PatientLink>,
}

#[derive(Deserialize)]
pub(crate) struct PatientLink {
    pub(crate) other: Option<Reference>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Condition {
    pub(crate) modifier_extension: Option<IgnoredAny>,
    #[serde(default)]
    pub(crate) identifier: Vec<Identifier>,
    pub(crate) subject: Option<Reference>,
    pub(crate) code: Option<CodeableConcept>,
    pub(crate) verification_status: Option<CodeableConcept>,
    pub(crate) clinical_status: Option<CodeableConcept>,
    pub(crate) onset_date_time: Option<String>,
    pub(crate) onset_period: Option<Period>,
    pub(crate) recorded_date: Option<String>,
    pub(crate) abatement_date_time: Option<String>,
    pub(crate) abatement_period: Option<Period>,
    pub(crate) abatement_boolean: Option<bool>,
    pub(crate) abatement_age: Option<IgnoredAny>,
    pub(crate) abatement_range: Option<IgnoredAny>,
    pub(crate) abatement_string: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Encounter {
    pub(crate) modifier_extension: Option<IgnoredAny>,
    #[serde(default)]
    pub(crate) identifier: Vec<Identifier>,
    pub(crate) subject: Option<Reference>,
    pub(crate) status: Option<String>,
    pub(crate) period: Option<Period>,
}

/// The value lives in the text: a binary float would change it.
#[derive(Deserialize)]
pub(crate) struct Quantity<'a> {
    #[serde(borrow)]
    pub(crate) value: Option<&'a RawValue>,
    pub(crate) comparator: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Component<'a> {
    /// A value of a type that no rule reads: that it is there is what matters.
    #[serde(
        rename = "valueString",
        alias = "valueInteger",
        alias = "valueBoolean",
        alias = "valueRange",
        alias = "valueRatio",
        alias = "valueSampledData",
        alias = "valueTime",
        alias = "valueDateTime",
        alias = "valuePeriod"
    )]
    pub(crate) other_value: Option<IgnoredAny>,
    pub(crate) code: Option<CodeableConcept>,
    #[serde(borrow)]
    pub(crate) value_quantity: Option<Quantity<'a>>,
    pub(crate) value_codeable_concept: Option<CodeableConcept>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Observation<'a> {
    pub(crate) modifier_extension: Option<IgnoredAny>,
    /// A value of a type that no rule reads: that it is there is what matters.
    #[serde(
        rename = "valueString",
        alias = "valueInteger",
        alias = "valueBoolean",
        alias = "valueRange",
        alias = "valueRatio",
        alias = "valueSampledData",
        alias = "valueTime",
        alias = "valueDateTime",
        alias = "valuePeriod"
    )]
    pub(crate) other_value: Option<IgnoredAny>,
    #[serde(default)]
    pub(crate) identifier: Vec<Identifier>,
    #[serde(default)]
    pub(crate) extension: Vec<Extension>,
    pub(crate) subject: Option<Reference>,
    pub(crate) status: Option<String>,
    pub(crate) code: Option<CodeableConcept>,
    pub(crate) effective_date_time: Option<String>,
    pub(crate) effective_instant: Option<String>,
    pub(crate) effective_period: Option<Period>,
    #[serde(borrow)]
    pub(crate) value_quantity: Option<Quantity<'a>>,
    pub(crate) value_codeable_concept: Option<CodeableConcept>,
    #[serde(borrow, default)]
    pub(crate) component: Vec<Component<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Consent<'a> {
    #[serde(default)]
    pub(crate) identifier: Vec<Identifier>,
    pub(crate) status: Option<String>,
    pub(crate) scope: Option<CodeableConcept>,
    pub(crate) patient: Option<Reference>,
    pub(crate) date_time: Option<String>,
    #[serde(default)]
    pub(crate) performer: Vec<Reference>,
    #[serde(default)]
    pub(crate) policy: Vec<ConsentPolicyUri>,
    #[serde(borrow)]
    pub(crate) modifier_extension: Option<&'a RawValue>,
    pub(crate) provision: Option<ConsentProvision>,
}

#[derive(Deserialize)]
pub(crate) struct ConsentPolicyUri {
    pub(crate) uri: Option<String>,
}

/// A rule of a Consent. Elements that would narrow it are kept unread: that they are there is what matters.
#[derive(Deserialize)]
pub(crate) struct ConsentProvision {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) period: Option<Period>,
    #[serde(default)]
    pub(crate) code: Vec<CodeableConcept>,
    #[serde(default)]
    pub(crate) provision: Vec<ConsentProvision>,
    /// Any other element: actor, action, securityLabel, purpose, class, dataPeriod, data, extension, modifierExtension, ..
    #[serde(flatten)]
    pub(crate) other: std::collections::BTreeMap<String, serde_json::Value>,
}

impl ConsentProvision {
    /// True if an element is there that could narrow the rule. An element's technical `id` (FHIR R4, Element) narrows nothing.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.other.keys().any(|name| name != "id")
    }
}
