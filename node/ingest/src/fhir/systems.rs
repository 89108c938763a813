//! Code systems that were met and that nothing matched.

use super::resource::CodeableConcept;
use crate::{
    fact::Texts,
    mapping::Mapping,
    reading::{CodeSet, code_matches},
};
use std::collections::BTreeMap;

/// Most systems named for one element.
const SYSTEMS_SHOWN_MAX: usize = 20;

/// Records of one system at one element.
#[derive(Default)]
struct Count {
    /// A code of this system was read.
    hits: u64,
    /// None was, and neither was another of the same element.
    unmatched: u64,
    /// None was, but another code of the same element.
    elsewhere: u64,
}

/// Systems by element.
#[derive(Default)]
pub(crate) struct CodeSystems {
    texts: Texts,
    counts: BTreeMap<(&'static str, u32), Count>,
    without_code: BTreeMap<&'static str, u64>,
}

impl CodeSystems {
    /// Counts the codings of an element. `wanted` are the codes that are read there.
    pub(crate) fn count<'s>(
        &mut self,
        element: &'static str,
        concept: Option<&CodeableConcept>,
        mapping: &Mapping,
        wanted: impl Iterator<Item = &'s [CodeSet]> + Clone,
    ) {
        let mut seen: BTreeMap<u32, bool> = BTreeMap::new();
        for coding in concept.map(|c| c.coding.as_slice()).unwrap_or_default() {
            let Some(code) = &coding.code else { continue };
            let system = coding.system.as_deref().unwrap_or_default();
            let mut codes = vec![(system.to_owned(), code.clone())];
            codes.extend(mapping.code(system, code).cloned());
            let hit = wanted.clone().any(|sets| code_matches(&codes, sets));
            *seen.entry(self.texts.number(if system.is_empty() { "no system" } else { system })).or_default() |= hit;
        }
        if seen.is_empty() {
            *self.without_code.entry(element).or_default() += 1;
        }
        let any = seen.values().any(|hit| *hit);
        for (system, hit) in seen {
            let count = self.counts.entry((element, system)).or_default();
            *match (hit, any) {
                (true, _) => &mut count.hits,
                (false, true) => &mut count.elsewhere,
                (false, false) => &mut count.unmatched,
            } += 1;
        }
    }

    /// Systems none of whose codes was ever read, and elements without any code, in words.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
        for ((element, system), count) in self.counts.iter().filter(|(_, count)| count.hits == 0) {
            let shown = shown.entry(element).or_default();
            *shown += 1;
            if *shown > SYSTEMS_SHOWN_MAX {
                continue;
            }
            let system = self.texts.text(*system);
            if count.unmatched > 0 {
                let words = "and none of their codes is one the dictionary reads";
                notes.push(format!("{element}: {} records of code system {system}, {words}", count.unmatched));
            }
            if count.elsewhere > 0 {
                let words = "no code of it is read; they are read by another code";
                notes.push(format!("{element}: {} records have a further code of system {system}: {words}", count.elsewhere));
            }
        }
        for (element, shown) in shown.iter().filter(|(_, shown)| **shown > SYSTEMS_SHOWN_MAX) {
            notes.push(format!("{element}: {} further code systems of which no code is read", shown - SYSTEMS_SHOWN_MAX));
        }
        for (element, count) in &self.without_code {
            notes.push(format!("{element}: {count} records have no code there, so that no rule can read them"));
        }
        notes
    }
}
