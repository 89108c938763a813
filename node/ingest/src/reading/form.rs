//! The spelled-out form of a dictionary, and its translation into rules.

use super::{
    Absent, AttributeRule, Censor, CodeSet, Comparator, Index, LevelMap, Pick, Population, ReadingError, SourceRule, UnitRule, ValueRule,
};
use crate::{
    calendar::{Window, parse_day},
    form::{FormError, key_error, strict},
};
use countersign_circuits::dictionary::{Attribute, AttributeKind, Domain, decimal};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Most codes of one list, and most entries of one list of rules: value sets are enumerated, so this is generous.
const LIST_MAX: usize = 20_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "identity and title are read by the layout; they are listed here so that other keys are refused")]
pub(super) struct DictionaryForm {
    format: String,
    id: String,
    version: u32,
    #[serde(default)]
    title: String,
    #[serde(default)]
    grain: String,
    #[serde(default)]
    language: String,
    pub(super) index: IndexForm,
    #[serde(default)]
    pub(super) population: PopulationForm,
    #[serde(default)]
    pub(super) defaults: DefaultsForm,
    #[serde(default)]
    valueset: BTreeMap<String, ValueSetForm>,
    pub(super) attribute: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueSetForm {
    #[serde(default)]
    #[expect(dead_code, reason = "for people")]
    title: String,
    codes: Vec<CodeSet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IndexForm {
    kind: String,
    date: Option<String>,
    valueset: Option<String>,
    window: Option<[String; 2]>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct PopulationForm {
    #[serde(default)]
    consented: bool,
    #[serde(default)]
    require: Vec<String>,
    observed: Option<ObservedForm>,
    #[serde(default)]
    alive_at_index: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ObservedForm {
    min_encounters: u64,
    window: [String; 2],
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct DefaultsForm {
    window: Option<[String; 2]>,
    pick: Option<Pick>,
    round: Option<String>,
    partial_dates: Option<String>,
    unit_missing: Option<String>,
    unit_unknown: Option<String>,
}

/// What holds where an attribute says nothing.
pub(super) struct Defaults {
    window: Option<Window>,
    pick: Pick,
}

pub(super) struct Context<'a> {
    pub(super) valuesets: &'a BTreeMap<String, Vec<CodeSet>>,
    pub(super) defaults: &'a Defaults,
    pub(super) observed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the layout reads most of these; they are listed here so that other keys are refused")]
struct AttributeForm {
    name: String,
    label: Option<Value>,
    category: Value,
    kind: String,
    unit: Option<String>,
    levels: Option<Value>,
    range: Option<Value>,
    step: Option<Value>,
    beyond: Option<Value>,
    plausible: Option<Value>,
    cuts: Option<Value>,
    absent: Option<String>,
    role: Option<String>,
    sensitive: Option<bool>,
    complete: Option<bool>,
    missingness: Option<String>,
    #[serde(default)]
    comparator: Comparator,
    from: Option<Value>,
    any_of: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(tag = "use", rename_all = "snake_case", deny_unknown_fields)]
enum SourceForm {
    Age {
        birth_year_only: Option<String>,
    },
    Patient {
        path: String,
        map: BTreeMap<String, String>,
    },
    TimeTo {
        event: String,
        censor: Vec<Censor>,
    },
    Condition {
        valueset: String,
        window: Option<[String; 2]>,
        #[serde(default)]
        active_at_index: bool,
    },
    Death {
        window: Option<[String; 2]>,
    },
    Encounter {
        window: Option<[String; 2]>,
        status: Option<Vec<String>>,
        pick: Option<Pick>,
        distinct: Option<String>,
    },
    Observation(Box<ObservationForm>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ObservationForm {
    codes: Vec<CodeSet>,
    component_of: Option<Vec<CodeSet>>,
    units: Option<Vec<UnitForm>>,
    map: Option<Vec<MapForm>>,
    window: Option<[String; 2]>,
    pick: Option<Pick>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitForm {
    unit: String,
    scale: Option<String>,
    offset: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapForm {
    system: String,
    #[serde(default, rename = "in")]
    listed: Vec<String>,
    #[serde(default)]
    under: Vec<String>,
    to: String,
}

fn window(texts: &[String; 2], place: &str) -> Result<Window, FormError> {
    let [from, to] = texts;
    let read =
        |t: &str| t.parse().map_err(|()| key_error(place, format!("`window`: \"{t}\" is not a distance like \"-2y\", \"6mo\" or \"0d\"")));
    let window = Window { from: read(from)?, to: read(to)? };
    let probe = window.around(Date::constant(2000, 1, 1));
    if probe.from >= probe.to {
        return Err(key_error(place, "`window` is [from, to): from comes before to"));
    }
    Ok(window)
}

fn quantity(text: &str, place: &str, name: &str) -> Result<Decimal, FormError> {
    decimal(text).map_err(|e| key_error(place, format!("`{name}`: {e}")))
}

fn only(value: Option<&str>, place: &str, name: &str, allowed: &str) -> Result<(), FormError> {
    match value {
        Some(v) if v != allowed => Err(key_error(place, format!("`{name}` is \"{allowed}\" in format 1, not \"{v}\""))),
        _ => Ok(()),
    }
}

fn check_codes(sets: &[CodeSet], place: &str) -> Result<(), FormError> {
    let entries: usize = sets.iter().map(|s| s.listed.len() + s.under.len()).sum();
    let full = !sets.is_empty() && sets.iter().all(|s| !s.system.is_empty() && s.listed.len() + s.under.len() > 0);
    let named = sets.iter().flat_map(|s| s.listed.iter().chain(&s.under)).all(|c| !c.trim_matches('.').is_empty());
    if full && named && entries <= LIST_MAX {
        Ok(())
    } else {
        Err(key_error(place, format!("codes are 1 to {LIST_MAX} entries, each with a system and `in` or `under`")))
    }
}

impl DictionaryForm {
    pub(super) fn valuesets(&self) -> Result<BTreeMap<String, Vec<CodeSet>>, FormError> {
        let mut sets = BTreeMap::new();
        for (name, form) in &self.valueset {
            check_codes(&form.codes, &format!("valueset.{name}"))?;
            sets.insert(name.clone(), form.codes.clone());
        }
        Ok(sets)
    }
}

impl IndexForm {
    pub(super) fn read(&self, valuesets: &BTreeMap<String, Vec<CodeSet>>) -> Result<Index, FormError> {
        let day = |text: &str| {
            parse_day(text)
                .ok()
                .and_then(crate::calendar::date_of)
                .ok_or_else(|| key_error("index", format!("\"{text}\" is not a date like 2019-01-01")))
        };
        match (self.kind.as_str(), &self.date, &self.valueset, &self.window) {
            ("fixed", Some(date), None, None) => Ok(Index::Fixed(day(date)?)),
            ("first_event", None, Some(set), Some([from, to])) if valuesets.contains_key(set) => {
                Ok(Index::FirstEvent { valueset: set.clone(), from: day(from)?, to: day(to)? })
            }
            ("column", None, None, None) => Ok(Index::Column),
            _ => Err(key_error(
                "index",
                "`kind` is \"fixed\" with `date`, \"first_event\" with a known `valueset` and a `window` of two dates, or \"column\" alone",
            )),
        }
    }
}

impl PopulationForm {
    pub(super) fn read(&self) -> Result<Population, FormError> {
        if let Some(other) = self.require.iter().find(|r| *r != "birth_date") {
            return Err(key_error("population", format!("`require` knows \"birth_date\", not \"{other}\"")));
        }
        let observed = match &self.observed {
            Some(o) => Some((o.min_encounters, window(&o.window, "population.observed")?)),
            None => None,
        };
        Ok(Population { consented: self.consented, birth_date: !self.require.is_empty(), observed, alive_at_index: self.alive_at_index })
    }
}

impl DefaultsForm {
    pub(super) fn read(&self) -> Result<Defaults, FormError> {
        only(self.round.as_deref(), "defaults", "round", "half_even")?;
        only(self.partial_dates.as_deref(), "defaults", "partial_dates", "whole_period_inside")?;
        only(self.unit_missing.as_deref(), "defaults", "unit_missing", "missing")?;
        only(self.unit_unknown.as_deref(), "defaults", "unit_unknown", "missing")?;
        let window = self.window.as_ref().map(|w| window(w, "defaults")).transpose()?;
        Ok(Defaults { window, pick: self.pick.unwrap_or(Pick::Latest) })
    }
}

/// Reads the rules of one attribute.
pub(super) fn attribute(entry: &Value, attribute: &Attribute, context: &Context<'_>) -> Result<AttributeRule, ReadingError> {
    let place = format!("attribute \"{}\"", attribute.name());
    let form: AttributeForm = strict(entry, &place)?;
    only(form.role.as_deref(), &place, "role", "outcome")?;
    let list = match (form.from, form.any_of) {
        (Some(one), None) => vec![one],
        (None, Some(list)) if !list.is_empty() => list,
        (None, None) => Vec::new(),
        _ => return Err(key_error(&place, "has one `from`, or one or more `any_of`, or neither (then it is a column)").into()),
    };
    let mut picks = Vec::new();
    let mut sources = Vec::with_capacity(list.len());
    for source in &list {
        let form: SourceForm = strict(source, &place)?;
        if let SourceForm::Encounter { pick, .. } = &form {
            picks.extend(*pick);
        }
        if let SourceForm::Observation(o) = &form {
            picks.extend(o.pick);
        }
        sources.push(rule(form, attribute, context, &place)?);
    }
    let pick = picks.first().copied().unwrap_or(match attribute.kind() {
        AttributeKind::Flag => Pick::Any,
        AttributeKind::Count => Pick::Count,
        _ => context.defaults.pick,
    });
    if picks.iter().any(|p| *p != pick) {
        return Err(key_error(&place, "all sources of an attribute have the same `pick`").into());
    }
    let absent = absent(attribute.kind(), form.absent.as_deref(), &sources, context).map_err(|problem| key_error(&place, problem))?;
    suits(attribute.kind(), &sources, pick).map_err(|problem| key_error(&place, problem))?;
    Ok(AttributeRule { sources, pick, absent, comparator: form.comparator })
}

fn absent(kind: AttributeKind, text: Option<&str>, sources: &[SourceRule], context: &Context<'_>) -> Result<Absent, &'static str> {
    let from_records = sources.iter().any(|s| !matches!(s, SourceRule::Death { .. }));
    match (kind, text) {
        (AttributeKind::Flag, Some("no")) if from_records && !context.observed => {
            Err("`absent = \"no\"` needs `population.observed`: no code means \"no\" only for people in observation")
        }
        (AttributeKind::Flag, Some("no")) => Ok(Absent::No),
        (AttributeKind::Count, None | Some("0")) => Ok(Absent::Zero),
        (_, None | Some("missing")) => Ok(Absent::Missing),
        _ => Err("`absent` is \"no\" or \"missing\" for a flag, \"0\" for a count, \"missing\" for the rest"),
    }
}

/// Which sources and picks go with which kind.
fn suits(kind: AttributeKind, sources: &[SourceRule], pick: Pick) -> Result<(), &'static str> {
    use SourceRule::{Age, Condition, Death, Encounter, Gender, Observation, TimeTo};
    let ok = match kind {
        _ if sources.is_empty() => true,
        AttributeKind::Flag => pick == Pick::Any && sources.iter().all(|s| matches!(s, Condition { .. } | Death { .. })),
        AttributeKind::Category => match sources {
            [Gender { .. }] => true,
            list => {
                list.iter().all(|s| matches!(s, Observation { value: ValueRule::Coded(_), .. }))
                    && matches!(pick, Pick::Latest | Pick::First | Pick::Closest)
            }
        },
        AttributeKind::Number => match sources {
            [Age { .. } | TimeTo { .. }] => true,
            list => {
                list.iter().all(|s| matches!(s, Observation { value: ValueRule::Quantity(_), .. }))
                    && !matches!(pick, Pick::Any | Pick::Count)
            }
        },
        AttributeKind::Count => {
            pick == Pick::Count
                && (matches!(sources, [Encounter { .. }])
                    || sources.iter().all(|s| matches!(s, Observation { value: ValueRule::Presence, .. })))
        }
    };
    if ok {
        Ok(())
    } else {
        Err(
            "its sources or its `pick` do not go with its kind (flag: condition, death; category: patient, observation with map; number: age, time_to, observation with units; count: encounter, observation)",
        )
    }
}

fn rule(form: SourceForm, attribute: &Attribute, context: &Context<'_>, place: &str) -> Result<SourceRule, FormError> {
    let within = |w: &Option<[String; 2]>| match w {
        Some(texts) => window(texts, place),
        None => context.defaults.window.ok_or_else(|| key_error(place, "has no `window`, and `defaults` has none either")),
    };
    Ok(match form {
        SourceForm::Age { birth_year_only } => {
            let text = birth_year_only.unwrap_or_else(|| "07-01".into());
            let date: Date = format!("2001-{text}").parse().map_err(|_| key_error(place, "`birth_year_only` is a day like \"07-01\""))?;
            SourceRule::Age { month: date.month(), day: date.day() }
        }
        SourceForm::Patient { path, map } => {
            only(Some(&path), place, "path", "gender")?;
            let mut levels = BTreeMap::new();
            for (code, to) in map {
                levels.insert(code, level(attribute, &to, place)?);
            }
            SourceRule::Gender { map: levels }
        }
        SourceForm::TimeTo { event, censor } => SourceRule::TimeTo { event, censor },
        SourceForm::Condition { valueset, window, active_at_index } => {
            if !context.valuesets.contains_key(&valueset) {
                return Err(key_error(place, format!("valueset \"{valueset}\" is not defined")));
            }
            SourceRule::Condition { valueset, window: within(&window)?, active_at_index }
        }
        SourceForm::Death { window } => SourceRule::Death { window: within(&window)? },
        SourceForm::Encounter { window, status, distinct, pick: _ } => {
            only(distinct.as_deref(), place, "distinct", "id")?;
            if status.iter().flatten().any(|s| s == "entered-in-error") {
                return Err(key_error(place, "`status`: what is entered-in-error never counts"));
            }
            SourceRule::Encounter { window: within(&window)?, status: status.unwrap_or_else(|| vec!["finished".into()]) }
        }
        SourceForm::Observation(form) => {
            check_codes(&form.codes, place)?;
            if let Some(parents) = &form.component_of {
                check_codes(parents, place)?;
            }
            let window = within(&form.window)?;
            let value = value(*form, attribute, place)?;
            return Ok(SourceRule::Observation { codes: value.1, component_of: value.2, value: value.0, window });
        }
    })
}

type ObservationParts = (ValueRule, Vec<CodeSet>, Option<Vec<CodeSet>>);

fn value(form: ObservationForm, attribute: &Attribute, place: &str) -> Result<ObservationParts, FormError> {
    let rule = match (form.units, form.map) {
        (Some(units), None) if !units.is_empty() => {
            let mut rules: Vec<UnitRule> = Vec::with_capacity(units.len());
            for u in units {
                if rules.iter().any(|r| r.unit == u.unit) {
                    return Err(key_error(place, format!("unit \"{}\" stands twice in one source", u.unit)));
                }
                let scale = u.scale.as_deref().map_or(Ok(Decimal::ONE), |t| quantity(t, place, "scale"))?;
                let offset = u.offset.as_deref().map_or(Ok(Decimal::ZERO), |t| quantity(t, place, "offset"))?;
                if scale.is_zero() {
                    return Err(key_error(place, "`scale` is 0: every value would become the same"));
                }
                rules.push(UnitRule { unit: u.unit, scale, offset });
            }
            ValueRule::Quantity(rules)
        }
        (None, Some(maps)) if !maps.is_empty() => {
            let mut rules = Vec::with_capacity(maps.len());
            for m in maps {
                let codes = CodeSet { system: m.system, listed: m.listed, under: m.under };
                check_codes(std::slice::from_ref(&codes), place)?;
                rules.push(LevelMap { codes, to: level(attribute, &m.to, place)? });
            }
            ValueRule::Coded(rules)
        }
        (None, None) if attribute.kind() == AttributeKind::Count => ValueRule::Presence,
        _ => return Err(key_error(place, "an observation has either `units` or `map`")),
    };
    Ok((rule, form.codes, form.component_of))
}

fn level(attribute: &Attribute, name: &str, place: &str) -> Result<Option<u32>, FormError> {
    if name == "missing" {
        return Ok(None);
    }
    let position = match attribute.domain() {
        Domain::Levels(levels) => levels.iter().position(|l| l == name).and_then(|i| u32::try_from(i).ok()),
        Domain::Scale(_) => None,
    };
    position.map(Some).ok_or_else(|| key_error(place, format!("`map`: \"{name}\" is none of its levels")))
}

/// `time_to` names a flag that is read from deaths.
pub(super) fn check_events(rules: &[AttributeRule], attributes: &[Attribute]) -> Result<(), FormError> {
    for (rule, attribute) in rules.iter().zip(attributes) {
        let Some(SourceRule::TimeTo { event, .. }) = rule.sources.first() else { continue };
        let target = attributes.iter().position(|a| a.name() == event).and_then(|i| rules.get(i));
        if !target.is_some_and(|t| matches!(t.sources.as_slice(), [SourceRule::Death { .. }])) {
            let place = format!("attribute \"{}\"", attribute.name());
            return Err(key_error(place, format!("`event`: \"{event}\" is not a flag read from deaths")));
        }
    }
    Ok(())
}
