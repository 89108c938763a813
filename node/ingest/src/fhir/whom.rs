//! Whom references name: the Patient/1 of one server is not that of another (FHIR R4, references.html and bundle.html#references).

use crate::{error::ImportError, fact::PersonIndex};
use std::collections::HashMap;

/// A reference to a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PatientRef<'a> {
    /// The server's address, if the reference or the entry it stands in says it.
    pub(crate) base: Option<&'a str>,
    pub(crate) id: &'a str,
}

/// Number of a server's address; `None`: not said.
type Base = Option<u32>;

/// Everybody who is named, by server and id.
#[derive(Default)]
pub(crate) struct People {
    list: Vec<(Base, String)>,
    by_id: HashMap<String, Vec<PersonIndex>>,
    bases: HashMap<String, u32>,
}

impl People {
    /// The number of a person; a new one if nobody of this server and id was named before.
    pub(crate) fn number(&mut self, whom: PatientRef<'_>) -> PersonIndex {
        let next = u32::try_from(self.bases.len()).expect("fewer addresses than 2^32 fit into memory");
        let base = whom.base.map(|b| match self.bases.get(b) {
            Some(number) => *number,
            None => *self.bases.entry(b.to_owned()).or_insert(next),
        });
        let known = self.by_id.get(whom.id).into_iter().flatten().find(|i| self.list.get(**i as usize).is_some_and(|(b, _)| *b == base));
        if let Some(index) = known {
            return *index;
        }
        let index = PersonIndex::try_from(self.list.len()).expect("fewer than 2^32 people fit into memory");
        self.list.push((base, whom.id.to_owned()));
        self.by_id.entry(whom.id.to_owned()).or_default().push(index);
        index
    }

    /// Everybody who is named by an id, of whatever server.
    pub(crate) fn of_id(&self, id: &str) -> &[PersonIndex] {
        self.by_id.get(id).map_or(&[], Vec::as_slice)
    }

    /// A person's id.
    pub(crate) fn id(&self, index: PersonIndex) -> &str {
        self.list.get(index as usize).map_or("", |(_, id)| id)
    }

    /// Everybody's id, by number.
    pub(crate) fn into_ids(self) -> Vec<String> {
        self.list.into_iter().map(|(_, id)| id).collect()
    }

    /// For each number, whose it is: the number under which the patient's own record stands. A person of another server stays alone.
    ///
    /// # Errors
    /// [`ImportError::TwoServers`]: a record that does not say whose server it is of, and references of two.
    pub(crate) fn same(&self, has_record: impl Fn(PersonIndex) -> bool) -> Result<Vec<PersonIndex>, ImportError> {
        let mut same: Vec<PersonIndex> = (0..self.list.len()).map(|i| i as PersonIndex).collect();
        let base = |index: PersonIndex| self.list.get(index as usize).and_then(|(base, _)| *base);
        for group in self.by_id.values().filter(|group| group.len() > 1) {
            let Some(home) = group.iter().copied().find(|index| has_record(*index)) else { continue };
            let others = || group.iter().copied().filter(|index| *index != home);
            if base(home).is_none() && others().filter(|index| base(*index).is_some()).count() > 1 {
                return Err(ImportError::TwoServers);
            }
            for index in others().filter(|index| base(home).is_none() || base(*index).is_none() || base(*index) == base(home)) {
                if let Some(slot) = same.get_mut(index as usize) {
                    *slot = home;
                }
            }
        }
        Ok(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_of_the_server_that_has_the_record() {
        let mut people = People::default();
        let mut number = |base, id| people.number(PatientRef { base, id });
        let (bare, a, b, other) = (number(None, "1"), number(Some("a"), "1"), number(Some("b"), "1"), number(Some("a"), "2"));
        assert_eq!((number(None, "1"), number(Some("b"), "1")), (bare, b));
        assert_eq!(people.same(|i| i == a).unwrap(), [a, a, b, other]);
        assert_eq!(people.same(|i| i == other).unwrap(), [bare, a, b, other]);
        assert!(matches!(people.same(|i| i == bare), Err(ImportError::TwoServers)));
    }
}
