//! Which of two versions of a resource is the later one.

use super::resource::Meta;
use crate::calendar::{Instant, Moment};

/// What a version says about its place among others (FHIR R4, resource.html#Meta: `lastUpdated`, `versionId`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Version {
    updated: Option<Instant>,
    /// Servers count, though they need not: other ids tell nothing.
    number: Option<u64>,
}

/// The order of two versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// The later one.
    Newer,
    /// The earlier one.
    Older,
    /// Nothing tells.
    Unclear,
}

impl Version {
    pub(crate) fn new(updated: Option<Moment>, id: Option<&str>) -> Self {
        Self { updated: updated.map(|m| m.instant), number: id.and_then(|id| id.parse().ok()) }
    }

    pub(crate) fn of(updated: Option<Moment>, meta: Option<&Meta>) -> Self {
        Self::new(updated, meta.and_then(|m| m.version_id.as_deref()))
    }

    /// True if another one read before stays: it is the later one, or the only one that says when it was made.
    pub(crate) fn gives_way_to(self, other: Self) -> bool {
        match self.beside(other) {
            Age::Older => true,
            Age::Newer => false,
            Age::Unclear => self.updated.is_none() && other.updated.is_some(),
        }
    }

    /// How old this one is beside another of the same resource.
    pub(crate) fn beside(self, other: Self) -> Age {
        let by_time = self.updated.zip(other.updated).map(|(a, b)| a.cmp(&b));
        let by_number = self.number.zip(other.number).map(|(a, b)| a.cmp(&b));
        match by_time.filter(|o| o.is_ne()).or(by_number) {
            Some(std::cmp::Ordering::Greater) => Age::Newer,
            Some(std::cmp::Ordering::Less) => Age::Older,
            _ => Age::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Age, Version};

    fn version(updated: &str, id: &str) -> Version {
        Version::new((!updated.is_empty()).then(|| updated.parse().unwrap()), (!id.is_empty()).then_some(id))
    }

    #[test]
    fn time_decides_then_the_number_and_else_nothing() {
        for (a, b, age) in [
            (("2021-01-01", "1"), ("2020-01-01", "2"), Age::Newer),
            (("2020-01-01", "9"), ("2020-01-01", "10"), Age::Older),
            (("", "10"), ("2020-01-01", "9"), Age::Newer),
            (("", "a"), ("", "b"), Age::Unclear),
            (("2020-01-01", ""), ("", ""), Age::Unclear),
            (("2020-01-01", ""), ("2020-01-01", ""), Age::Unclear),
            (("", ""), ("", ""), Age::Unclear),
        ] {
            let (a, b) = (version(a.0, a.1), version(b.0, b.1));
            let turned = match age {
                Age::Newer => Age::Older,
                Age::Older => Age::Newer,
                Age::Unclear => Age::Unclear,
            };
            assert_eq!((a.beside(b), b.beside(a)), (age, turned), "{a:?} {b:?}");
        }
    }
}
