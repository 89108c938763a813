//! Records entered in error that stand under another id, and the records they take out.
//!
//! FHIR R4 has one thing that says two resources are one record: a business identifier, which is a system and a value
//! (datatypes.html#Identifier: without a system the value names nothing for certain). Several readings of one order may share the order's
//! identifier, so that code and identifier together name a reading; a record in error that has lost its code takes out all of its identifier.

use super::{
    resource::Identifier,
    version::{Age, Version},
};
use countersign_circuits::{hash::Digest32, tag};
use std::collections::HashMap;

/// Type, identifier and code of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Name([u8; 16]);

/// The names of one record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Names {
    names: Vec<Name>,
    /// Identifiers without a system.
    loose: bool,
}

/// What a record in error under another id means for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// It does not count.
    Retracted,
    /// It counts: it was certainly made later, and so corrects the one in error.
    MadeLater,
    /// It counts: the one in error is another patient's.
    OfAnother,
}

impl Names {
    /// Of a record with some codes. One in error goes by its codes if it still has any, and else by its identifiers alone.
    pub(crate) fn of(kind: &str, identifiers: &[Identifier], codes: &[(String, String)], in_error: bool) -> Self {
        let mut out = Self::default();
        for identifier in identifiers {
            let Some(value) = identifier.value.as_deref() else { continue };
            let Some(system) = identifier.system.as_deref().filter(|s| !s.is_empty()) else {
                out.loose = true;
                continue;
            };
            let name = |code: &[&str]| {
                let parts = [kind, system, value].into_iter().chain(code.iter().copied()).map(str::as_bytes);
                let digest = Digest32::tagged(tag::BUSINESS_IDENTIFIER, parts.collect::<Vec<_>>());
                let mut name = [0; 16];
                name.copy_from_slice(&digest.0[..16]);
                Name(name)
            };
            out.names.extend(codes.iter().map(|(system, code)| name(&[system, code])));
            if !in_error || codes.is_empty() {
                out.names.push(name(&[]));
            }
        }
        out
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.loose
    }
}

/// The records in error, by their names; `P` says whose they are.
pub(crate) struct Retractions<P> {
    by_name: HashMap<Name, Vec<(Version, Option<P>)>>,
    /// Records in error whose identifier has no system, so that nothing else is found by it.
    pub(crate) loose: u64,
}

impl<P: PartialEq + Clone> Retractions<P> {
    pub(crate) fn new() -> Self {
        Self { by_name: HashMap::new(), loose: 0 }
    }

    /// Notes a record in error.
    pub(crate) fn note(&mut self, names: &Names, version: Version, whose: Option<&P>) {
        self.loose += u64::from(names.loose && names.names.is_empty());
        for name in &names.names {
            self.by_name.entry(*name).or_default().push((version, whose.cloned()));
        }
    }

    /// What they mean for a record that is not in error; `None`: nothing.
    pub(crate) fn verdict(&self, names: &Names, version: Version, whose: Option<&P>) -> Option<Verdict> {
        let errors = names.names.iter().filter_map(|name| self.by_name.get(name)).flatten();
        let one = |(error, of): &(Version, Option<P>)| match (whose, of) {
            (Some(a), Some(b)) if a != b => Verdict::OfAnother,
            _ if version.beside(*error) == Age::Newer => Verdict::MadeLater,
            _ => Verdict::Retracted,
        };
        errors.map(one).min()
    }
}
