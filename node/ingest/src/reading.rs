//! A dictionary as the importer sees it: the layout, and how records are read into it (design: product, sections 2.1 to 2.3).
//!
//! Both come from the same canonical bytes. The layout is [`Dictionary`]; the rest (index, population, defaults, value sets,
//! sources, windows, picks, units, maps) is parsed here, strictly: an unknown key is an error that names it.

mod form;
mod source;

pub(crate) use source::{Absent, Censor, CodeSet, Comparator, LevelMap, Pick, SourceRule, UnitRule, ValueRule, code_matches};

use crate::{
    calendar::Window,
    form::{FormError, from_toml, key_error, strict},
};
use countersign_circuits::{
    dictionary::{Dictionary, DictionaryError},
    hash::Digest32,
};
use jiff::civil::Date;
use serde_json::Value;

/// What is wrong with a dictionary. Its author is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadingError {
    /// The file cannot be read, or a key is unknown, missing or of another type.
    #[error("dictionary: {0}")]
    Form(#[from] FormError),
    /// The layout is impossible.
    #[error(transparent)]
    Layout(#[from] DictionaryError),
    /// The dictionary is read from another kind of source.
    #[error("dictionary {dictionary} cannot be read from {source_kind}: {reason}")]
    Source {
        /// Its `id@version`.
        dictionary: String,
        /// The mapping's source kind.
        source_kind: &'static str,
        /// Why not.
        reason: &'static str,
    },
}

/// Day 0 of every window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Index {
    /// The same day for everybody.
    Fixed(Date),
    /// The day of each patient's first matching condition in `[from, to)`; patients without it get no row.
    FirstEvent { valueset: String, from: Date, to: Date },
    /// Each line of a table has its own; no window is used.
    Column,
}

/// Who gets a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Population {
    pub(crate) consented: bool,
    pub(crate) birth_date: bool,
    pub(crate) observed: Option<(u64, Window)>,
    pub(crate) alive_at_index: bool,
}

/// How one attribute is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttributeRule {
    pub(crate) sources: Vec<SourceRule>,
    pub(crate) pick: Pick,
    pub(crate) absent: Absent,
    pub(crate) comparator: Comparator,
}

/// A dictionary: layout and reading rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    dictionary: Dictionary,
    canonical: Vec<u8>,
    index: Index,
    population: Population,
    rules: Vec<AttributeRule>,
    valuesets: std::collections::BTreeMap<String, Vec<CodeSet>>,
}

impl Reading {
    /// Reads a dictionary file.
    ///
    /// # Errors
    /// [`ReadingError`]: what is wrong, and at which key.
    pub fn from_toml(text: &str) -> Result<Self, ReadingError> {
        let (value, canonical) = from_toml(text)?;
        Self::from_value(&value, canonical)
    }

    /// Reads a dictionary from its canonical bytes, as the ledger keeps them.
    ///
    /// # Errors
    /// [`ReadingError`]: the bytes are not canonical, or what else is wrong and at which key.
    pub fn from_canonical(bytes: &[u8]) -> Result<Self, ReadingError> {
        Dictionary::from_canonical(bytes)?;
        let value: Value = serde_json::from_slice(bytes).map_err(|e| key_error("dictionary", e.to_string()))?;
        Self::from_value(&value, bytes.to_vec())
    }

    fn from_value(value: &Value, canonical: Vec<u8>) -> Result<Self, ReadingError> {
        let form: form::DictionaryForm = strict(value, "at the top")?;
        let dictionary = Dictionary::from_canonical(&canonical)?;
        let valuesets = form.valuesets()?;
        let population = form.population.read()?;
        let defaults = form.defaults.read()?;
        let index = form.index.read(&valuesets)?;
        let context = form::Context { valuesets: &valuesets, defaults: &defaults, observed: population.observed.is_some() };
        let mut rules = Vec::with_capacity(form.attribute.len());
        for (entry, attribute) in form.attribute.iter().zip(dictionary.attributes()) {
            rules.push(form::attribute(entry, attribute, &context)?);
        }
        form::check_events(&rules, dictionary.attributes())?;
        Ok(Self { dictionary, canonical, index, population, rules, valuesets })
    }

    /// The layout: what the circuits and queries use.
    pub fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// The canonical bytes: what a ledger records.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// SHA-256 of the canonical bytes.
    pub fn digest(&self) -> Digest32 {
        self.dictionary.digest()
    }

    /// True if only patients with a research consent on record get a row.
    pub fn population_consented(&self) -> bool {
        self.population.consented
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    pub(crate) fn population(&self) -> &Population {
        &self.population
    }

    /// One rule an attribute, in the dictionary's order.
    pub(crate) fn rules(&self) -> &[AttributeRule] {
        &self.rules
    }

    /// Value sets in the order of their names; their position is what facts refer to.
    pub(crate) fn valuesets(&self) -> impl Iterator<Item = (&str, &[CodeSet])> + Clone {
        self.valuesets.iter().map(|(n, s)| (n.as_str(), s.as_slice()))
    }

    pub(crate) fn valueset_position(&self, name: &str) -> Option<usize> {
        self.valuesets.keys().position(|n| n == name)
    }

    pub(crate) fn refuse(&self, source_kind: &'static str, reason: &'static str) -> ReadingError {
        ReadingError::Source { dictionary: self.dictionary.reference(), source_kind, reason }
    }
}

#[cfg(test)]
mod tests;
