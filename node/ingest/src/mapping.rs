//! A hospital's mapping: how its columns, codes, units and statuses say the dictionary's words (design: product, section 2.1).
//!
//! A mapping translates. It may not touch what the dictionary decides: a key such as `window` or `pick` is refused by name.

use crate::{
    form::{FormError, from_toml, key_error, strict},
    reading::Reading,
};
use countersign_circuits::{
    dictionary::{Attribute, AttributeKind, Domain, decimal},
    hash::Digest32,
};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Keys that belong to the dictionary alone.
const DICTIONARY_ONLY: [&str; 18] = [
    "window",
    "pick",
    "range",
    "step",
    "cuts",
    "absent",
    "beyond",
    "plausible",
    "levels",
    "index",
    "defaults",
    "valueset",
    "any_of",
    "round",
    "require",
    "observed",
    "alive_at_index",
    "consented",
];

/// What is wrong with a mapping. The hospital is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// The file cannot be read, or a key is unknown, missing or of another type.
    #[error("mapping: {0}")]
    Form(#[from] FormError),
    /// It is for another dictionary.
    #[error("the mapping is for dictionary {mapping}, not for {dictionary}")]
    Dictionary {
        /// What it names.
        mapping: String,
        /// The one in use.
        dictionary: String,
    },
    /// It touches what the dictionary decides.
    #[error("mapping: `{key}` belongs to the dictionary; a mapping may translate names, codes, units, statuses and missing marks only")]
    Touches {
        /// The key.
        key: String,
    },
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceKind {
    Ndjson,
    Bundle,
    Csv { patient: String, duplicate: Duplicate },
}

/// What to do with a patient who stands in two lines of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Duplicate {
    #[default]
    Refuse,
    First,
    Last,
}

/// How one column is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) from: String,
    pub(crate) missing: MissingMarks,
    pub(crate) value: ColumnValue,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ColumnValue {
    /// Texts, and numbers equal to them, to levels (`None`: missing).
    Map(Vec<(String, Option<Decimal>, Option<u32>)>),
    Number {
        scale: Decimal,
        offset: Decimal,
    },
}

/// Texts that mean "not measured", and numbers equal to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct MissingMarks {
    texts: Vec<String>,
    numbers: Vec<Decimal>,
}

impl MissingMarks {
    fn new<'a>(marks: impl Iterator<Item = &'a String>) -> Self {
        let texts: Vec<String> = marks.cloned().collect();
        let numbers = texts.iter().filter_map(|t| number(t)).collect();
        Self { texts, numbers }
    }

    pub(crate) fn holds(&self, text: &str) -> bool {
        self.texts.iter().any(|t| t == text) || number(text).is_some_and(|n| self.numbers.contains(&n))
    }
}

/// Reads a number of a table or of FHIR: plain or with an exponent; digits beyond the 28th are rounded.
pub(crate) fn number(text: &str) -> Option<Decimal> {
    if text.is_empty() || text.len() > 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E')) {
        return None;
    }
    let read = if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { text.parse() };
    read.ok().map(|d: Decimal| d.normalize())
}

/// A mapping, checked against its dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    canonical: Vec<u8>,
    digest: Digest32,
    pub(crate) source: SourceKind,
    code_map: BTreeMap<(String, String), (String, String)>,
    unit_alias: BTreeMap<String, String>,
    unit_missing: BTreeMap<(String, String), String>,
    status_map: BTreeMap<String, BTreeMap<String, String>>,
    /// One entry an attribute; `None`: no column.
    pub(crate) columns: Vec<Option<Column>>,
    acknowledge: Vec<String>,
    population_note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingForm {
    format: String,
    dictionary: String,
    source: SourceForm,
    #[serde(default)]
    code_map: Vec<CodeMapForm>,
    #[serde(default)]
    unit_alias: BTreeMap<String, String>,
    #[serde(default)]
    unit_missing: Vec<UnitMissingForm>,
    #[serde(default)]
    status_map: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    population: PopulationForm,
    #[serde(default)]
    csv: CsvForm,
    #[serde(default)]
    column: BTreeMap<String, Value>,
    #[serde(default)]
    acknowledge: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceForm {
    kind: String,
    patient: Option<String>,
    on_duplicate_patient: Option<Duplicate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeMapForm {
    from: CodeForm,
    to: CodeForm,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeForm {
    system: String,
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitMissingForm {
    system: String,
    code: String,
    unit: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct PopulationForm {
    note: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct CsvForm {
    #[serde(default)]
    missing: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnForm {
    from: String,
    unit: Option<String>,
    scale: Option<String>,
    offset: Option<String>,
    map: Option<BTreeMap<String, String>>,
    #[serde(default)]
    missing: Vec<String>,
}

/// What may be acknowledged of a source that is not whole, by name.
const SOURCE_PARTS: [&str; 7] =
    ["export:next-page", "export:errors", "export:counts", "export:patients", "export:consents", "consents:patients", "folder:passed-over"];

impl Mapping {
    /// Reads a mapping file and checks it against its dictionary.
    ///
    /// # Errors
    /// [`MappingError`]: what is wrong, and at which key.
    pub fn from_toml(text: &str, reading: &Reading) -> Result<Self, MappingError> {
        let (value, canonical) = from_toml(text)?;
        refuse_dictionary_keys(&value)?;
        let form: MappingForm = strict(&value, "at the top")?;
        let top = |problem: String| MappingError::Form(key_error("at the top", problem));
        if form.format != "countersign-mapping/1" {
            return Err(top("`format` is \"countersign-mapping/1\"".into()));
        }
        let dictionary = reading.dictionary();
        if form.dictionary != dictionary.reference() {
            return Err(MappingError::Dictionary { mapping: form.dictionary, dictionary: dictionary.reference() });
        }
        for name in form.column.keys().chain(&form.acknowledge) {
            let of_source = SOURCE_PARTS.contains(&name.as_str()) && form.acknowledge.contains(name);
            if dictionary.find(name).is_none() && !of_source {
                return Err(top(format!("the dictionary has no attribute \"{name}\"")));
            }
        }
        let source = form.source.read()?;
        if !matches!(source, SourceKind::Csv { .. }) && (!form.column.is_empty() || !form.csv.missing.is_empty()) {
            return Err(top("`column` and `csv` are for `source.kind = \"csv\"`".into()));
        }
        if let Some(other) = form.status_map.keys().find(|k| !["Observation", "Condition", "Encounter"].contains(&k.as_str())) {
            return Err(top(format!("`status_map` is for Observation, Condition and Encounter, not for {other}")));
        }
        if form.status_map.values().flatten().any(|(from, to)| from == "entered-in-error" && from != to) {
            return Err(top("`status_map`: what is entered-in-error never counts, whatever else it is called".into()));
        }
        let mut columns = Vec::new();
        for attribute in dictionary.attributes() {
            let entry = form.column.get(attribute.name());
            columns.push(entry.map(|entry| column(entry, attribute, &form.csv.missing, &form.unit_alias)).transpose()?);
        }
        let mut code_map = BTreeMap::new();
        for entry in form.code_map {
            if code_map.insert((entry.from.system, entry.from.code.clone()), (entry.to.system, entry.to.code)).is_some() {
                return Err(top(format!("`code_map` maps code {} twice", entry.from.code)));
            }
        }
        let mut unit_missing = BTreeMap::new();
        for entry in form.unit_missing {
            if unit_missing.insert((entry.system, entry.code.clone()), entry.unit).is_some() {
                return Err(top(format!("`unit_missing` names code {} twice", entry.code)));
            }
        }
        Ok(Self {
            digest: Digest32::of(&canonical),
            canonical,
            source,
            code_map,
            unit_alias: form.unit_alias,
            unit_missing,
            status_map: form.status_map,
            columns,
            acknowledge: form.acknowledge,
            population_note: form.population.note,
        })
    }

    /// The canonical bytes.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// SHA-256 of the canonical bytes: stands with every anchor.
    pub fn digest(&self) -> Digest32 {
        self.digest
    }

    /// What the hospital says about its population, for the board.
    pub fn population_note(&self) -> Option<&str> {
        self.population_note.as_deref()
    }

    /// True if the hospital knows that this attribute is poorly filled.
    pub(crate) fn acknowledges(&self, attribute: &str) -> bool {
        self.acknowledge.iter().any(|a| a == attribute)
    }

    pub(crate) fn code(&self, system: &str, code: &str) -> Option<&(String, String)> {
        // a tuple of borrowed texts cannot look up a tuple of owned ones; mappings are small
        if self.code_map.is_empty() { None } else { self.code_map.get(&(system.to_owned(), code.to_owned())) }
    }

    pub(crate) fn unit<'a>(&'a self, unit: &'a str) -> &'a str {
        self.unit_alias.get(unit).map_or(unit, String::as_str)
    }

    pub(crate) fn declared_unit(&self, codings: &[(String, String)]) -> Option<&str> {
        codings.iter().find_map(|c| self.unit_missing.get(c)).map(String::as_str)
    }

    pub(crate) fn status<'a>(&'a self, resource: &str, status: &'a str) -> &'a str {
        self.status_map.get(resource).and_then(|m| m.get(status)).map_or(status, String::as_str)
    }
}

impl SourceForm {
    fn read(self) -> Result<SourceKind, FormError> {
        match (self.kind.as_str(), self.patient) {
            ("csv", Some(patient)) => Ok(SourceKind::Csv { patient, duplicate: self.on_duplicate_patient.unwrap_or_default() }),
            ("csv", None) => Err(key_error("source", "`patient` names the column with the patient's identifier")),
            (_, Some(_)) => Err(key_error("source", "`patient` is for `kind = \"csv\"`")),
            (_, None) if self.on_duplicate_patient.is_some() => Err(key_error("source", "`on_duplicate_patient` is for `kind = \"csv\"`")),
            ("fhir-ndjson", None) => Ok(SourceKind::Ndjson),
            ("fhir-bundle", None) => Ok(SourceKind::Bundle),
            (other, None) => Err(key_error("source", format!("`kind` is \"fhir-ndjson\", \"fhir-bundle\" or \"csv\", not \"{other}\""))),
        }
    }
}

/// Looks where keys (and not names the hospital chose) stand.
fn refuse_dictionary_keys(value: &Value) -> Result<(), MappingError> {
    let keys = |v: Option<&Value>| v.and_then(Value::as_object).map(|m| m.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let mut all = keys(Some(value));
    for section in ["source", "csv", "population"] {
        all.extend(keys(value.get(section)));
    }
    for column in value.get("column").and_then(Value::as_object).into_iter().flat_map(|m| m.values()) {
        all.extend(keys(Some(column)));
    }
    match all.into_iter().find(|k| DICTIONARY_ONLY.contains(&k.as_str())) {
        Some(key) => Err(MappingError::Touches { key }),
        None => Ok(()),
    }
}

fn column(entry: &Value, attribute: &Attribute, missing: &[String], alias: &BTreeMap<String, String>) -> Result<Column, FormError> {
    let place = format!("column \"{}\"", attribute.name());
    let form: ColumnForm = strict(entry, &place)?;
    let fail = |problem: String| key_error(&place, problem);
    let value = match (attribute.domain(), form.map) {
        (Domain::Levels(levels), Some(map)) => {
            if form.unit.is_some() || form.scale.is_some() || form.offset.is_some() {
                return Err(fail("a column with `map` has no unit, scale or offset".into()));
            }
            let mut entries: Vec<(String, Option<Decimal>, Option<u32>)> = Vec::with_capacity(map.len());
            for (text, to) in map {
                let level = levels.iter().position(|l| *l == to).and_then(|i| u32::try_from(i).ok());
                if level.is_none() && to != "missing" {
                    return Err(fail(format!("`map`: \"{to}\" is none of the attribute's levels")));
                }
                let number = number(&text);
                if entries.iter().any(|(_, n, l)| number.is_some() && *n == number && *l != level) {
                    return Err(fail(format!("`map` has the number {text} twice, with different levels")));
                }
                entries.push((text, number, level));
            }
            ColumnValue::Map(entries)
        }
        (Domain::Scale(_), None) => {
            let quantity = |t: Option<&str>, default: Decimal| t.map_or(Ok(default), |t| decimal(t).map_err(|e| fail(e.to_string())));
            let converts = form.scale.is_some() || form.offset.is_some();
            let unit = form.unit.as_deref().map(|u| alias.get(u).map_or(u, String::as_str));
            if attribute.kind() != AttributeKind::Count && attribute.unit().is_some() {
                let Some(unit) = unit else { return Err(fail("`unit` is missing; no unit is ever guessed".into())) };
                if attribute.unit() != Some(unit) && !converts {
                    let wanted = attribute.unit().unwrap_or_default();
                    return Err(fail(format!("is in \"{unit}\", the dictionary in \"{wanted}\"; give `scale` and `offset`")));
                }
            }
            let scale = quantity(form.scale.as_deref(), Decimal::ONE)?;
            if scale.is_zero() {
                return Err(fail("`scale` is 0: every value would become the same".into()));
            }
            ColumnValue::Number { scale, offset: quantity(form.offset.as_deref(), Decimal::ZERO)? }
        }
        (Domain::Levels(_), None) => return Err(fail("a category or flag needs `map`".into())),
        (Domain::Scale(_), Some(_)) => return Err(fail("a number has no `map`".into())),
    };
    Ok(Column { from: form.from, missing: MissingMarks::new(missing.iter().chain(&form.missing)), value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped;

    fn heart() -> Reading {
        Reading::from_toml(shipped::HEART_DISEASE).unwrap()
    }

    fn refused(from: &str, to: &str) -> String {
        assert!(shipped::MAPPING_HEART_CSV.contains(from), "the test no longer finds {from}");
        Mapping::from_toml(&shipped::MAPPING_HEART_CSV.replacen(from, to, 1), &heart()).unwrap_err().to_string()
    }

    #[test]
    fn shipped_mappings_are_read() {
        let core = Reading::from_toml(shipped::CARDIOMETABOLIC_CORE).unwrap();
        let first = Mapping::from_toml(shipped::MAPPING_FHIR, &core).unwrap();
        let other = Mapping::from_toml(shipped::MAPPING_FHIR_OTHER, &core).unwrap();
        assert_ne!(first.digest(), other.digest());
        assert_eq!(other.code("urn:klinik:rauchen", "NR").unwrap().1, "266919005");
        assert!(Mapping::from_toml(shipped::MAPPING_HEART_CSV, &heart()).unwrap().acknowledges("chol"));
        assert!(matches!(Mapping::from_toml(shipped::MAPPING_FHIR, &heart()), Err(MappingError::Dictionary { .. })));
    }

    #[test]
    fn what_the_dictionary_decides_is_refused_by_name() {
        for key in DICTIONARY_ONLY {
            assert!(refused("[csv]", &format!("{key} = \"x\"\n[csv]")).contains(&format!("`{key}` belongs to the dictionary")));
            assert!(refused("unit = \"a\"", &format!("unit = \"a\", {key} = \"x\"")).contains(&format!("`{key}` belongs")));
        }
        assert!(refused("[csv]", "[population]\nobserved = 1\n[csv]").contains("`observed` belongs"));
        let noted = shipped::MAPPING_HEART_CSV.replacen("[csv]", "[population]\nnote = \"adults only\"\n[csv]", 1);
        assert_eq!(Mapping::from_toml(&noted, &heart()).unwrap().population_note(), Some("adults only"));
    }

    #[test]
    fn faults_are_named() {
        for (from, to, part) in [
            ("[csv]", "colour = 1\n[csv]", "`colour`"),
            ("from = \"age\"", "form = \"age\"", "`form`"),
            ("unit = \"mg/dL\"", "unit = \"mmol/L\"", "mmol/L"),
            ("unit = \"a\"", "missing = []", "no unit is ever guessed"),
            ("\"female\"", "\"woman\"", "woman"),
            ("acknowledge = [\"chol\"]", "acknowledge = [\"cholesterol\"]", "cholesterol"),
            ("kind = \"csv\"", "kind = \"xlsx\"", "patient"),
            ("\"refuse\"", "\"ignore\"", "ignore"),
            ("\"1\" = \"male\"", "\"1\" = \"male\", \"1.0\" = \"female\"", "twice"),
            ("heart-disease@1", "heart-disease@2", "heart-disease@2"),
        ] {
            let message = refused(from, to);
            assert!(message.contains(part), "{from} -> {to}: {message}");
        }
    }

    #[test]
    fn numbers_and_marks() {
        assert_eq!(number("1.50"), number("1.5"));
        assert_eq!(number("1.5e2"), Some(Decimal::from(150)));
        assert_eq!(number("12,5"), None);
        assert_eq!(number("NaN"), None);
        assert_eq!(number("1e99"), None);
        let marks = MissingMarks::new(["-9".to_owned(), "?".to_owned(), String::new()].iter());
        assert!(marks.holds("-9.0") && marks.holds("?") && marks.holds("") && marks.holds("-9e0"));
        assert!(!marks.holds("9") && !marks.holds("0"));
    }
}
