//! Whether it may be told of whom an attribute is known (rules D1 and D3), and which records an attribute is made from (rule D7).

use crate::{hash::Digest32, tag};
use serde_json::Value;
use std::collections::BTreeSet;

/// Whether it may be told of whom a value is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Missingness {
    /// Says nothing that needs protection: the complement of a known count is no gate.
    Public,
    /// "Not recorded" says something: a known count leaves only if those without a value are none or at least k.
    Protected,
}

/// Categories in which a missing value says little beside "not measured".
const PUBLIC_CATEGORIES: [&str; 4] = ["demographics", "vitals", "labs", "lifestyle"];
/// Categories in which a value is there for some only, by its nature.
const PROTECTED_CATEGORIES: [&str; 6] = ["conditions", "medications", "procedures", "encounters", "genetics", "outcomes"];

/// Most codes of the sources of one dictionary, a value set counted wherever it is used: the core dictionary has some hundred.
pub(super) const SOURCE_CODES_MAX: usize = 1 << 16;

/// Reads `complete`, `missingness` and `sensitive` of an attribute.
pub(super) fn read(value: &Value, categories: &[String], bands: usize) -> Result<(bool, Missingness), String> {
    let flag = |name: &str| match value.get(name) {
        None => Ok(false),
        Some(Value::Bool(yes)) => Ok(*yes),
        Some(_) => Err(format!("{name} is true or false")),
    };
    let (complete, sensitive) = (flag("complete")?, flag("sensitive")?);
    let said = match value.get("missingness").map(Value::as_str) {
        None => None,
        Some(Some("public")) => Some(Missingness::Public),
        Some(Some("protected")) => Some(Missingness::Protected),
        Some(_) => return Err("missingness is \"public\" or \"protected\"".into()),
    };
    if complete && said.is_some() {
        return Err("a complete attribute has nobody without a value; leave missingness out".into());
    }
    // one bin would be the occupancy column again, and its commitment would be used twice
    if complete && bands < 2 {
        return Err("a complete attribute has two levels at least".into());
    }
    let why = told_by_missing(value, categories, sensitive);
    match (said, why) {
        (Some(Missingness::Public), Some(why)) => Err(format!("missingness cannot be \"public\": {why}")),
        (Some(said), _) => Ok((complete, said)),
        (None, Some(_)) => Ok((complete, Missingness::Protected)),
        (None, None) if categories.iter().all(|c| PUBLIC_CATEGORIES.contains(&c.as_str())) => Ok((complete, Missingness::Public)),
        (None, None) => Ok((complete, Missingness::Protected)),
    }
}

/// Why a missing value says something about a person, if it does.
fn told_by_missing(value: &Value, categories: &[String], sensitive: bool) -> Option<&'static str> {
    let is = |name: &str, text: &str| value.get(name).and_then(Value::as_str) == Some(text);
    let uses = |what: &[&str]| sources(value).any(|s| s.get("use").and_then(Value::as_str).is_some_and(|u| what.contains(&u)));
    let scaled = value.get("range").is_some();
    if sensitive {
        Some("the attribute is sensitive, and \"not recorded\" says something")
    } else if categories.iter().any(|c| PROTECTED_CATEGORIES.contains(&c.as_str())) {
        Some("of its category only some have anything")
    } else if uses(&["condition", "encounter", "time_to", "death", "medication", "procedure"]) {
        Some("it is made from events that only some have")
    } else if scaled && !is("beyond", "clip") {
        Some("values beyond the range are missing, so missing says something about the value")
    } else if is("comparator", "missing") {
        Some("bounds like \"<5\" are missing, so missing says something about the value")
    } else {
        None
    }
}

fn sources(value: &Value) -> impl Iterator<Item = &Value> {
    value.get("from").into_iter().chain(value.get("any_of").and_then(Value::as_array).into_iter().flatten())
}

/// Digests of what an attribute is made from, ascending: codes (of hierarchical systems the part before the first dot, so that a code meets the
/// prefix it stands under), or the kind of record; of a table its column. Two attributes whose sources meet tell of the same thing, whatever their
/// names, units, windows or ranges.
///
/// # Errors
/// More than [`SOURCE_CODES_MAX`] together with those `counted` before.
pub(super) fn of_records(value: &Value, name: &str, valuesets: Option<&Value>, counted: &mut usize) -> Result<Vec<Digest32>, String> {
    let mut found = BTreeSet::new();
    let mut add = |system: &str, code: &str| {
        *counted += 1;
        if *counted > SOURCE_CODES_MAX {
            return;
        }
        let root = code.split('.').next().unwrap_or(code);
        found.insert(Digest32::tagged(tag::SOURCE_CODE, [system.as_bytes(), root.as_bytes()]));
    };
    let mut any = false;
    for source in sources(value) {
        any = true;
        let text = |key: &str| source.get(key).and_then(Value::as_str);
        let set = text("valueset").and_then(|set| valuesets.and_then(|v| v.get(set))).and_then(|set| set.get("codes"));
        let lists = [source.get("codes"), set];
        let mut coded = false;
        for entry in lists.into_iter().flatten().filter_map(Value::as_array).flatten() {
            let system = entry.get("system").and_then(Value::as_str).unwrap_or_default();
            for code in ["in", "under"].iter().filter_map(|k| entry.get(*k)).filter_map(Value::as_array).flatten().filter_map(Value::as_str)
            {
                add(system, code);
                coded = true;
            }
        }
        if !coded {
            add(text("use").unwrap_or("record"), text("path").or_else(|| text("event")).unwrap_or_default());
        }
    }
    if !any {
        add("column", name);
    }
    if *counted > SOURCE_CODES_MAX {
        return Err(format!("the sources of the dictionary name more than {SOURCE_CODES_MAX} codes"));
    }
    Ok(found.into_iter().collect())
}
