//! What the records of a source came to.

use crate::{
    report::{AttributeReport, LeftOut},
    table::{PatientId, ResearchTable},
};
use std::collections::{BTreeMap, BTreeSet};

/// What a fold found.
#[derive(Default)]
pub(crate) struct Cohort {
    pub(crate) table: ResearchTable,
    pub(crate) attributes: Vec<AttributeReport>,
    pub(crate) left_out: BTreeMap<LeftOut, u64>,
    pub(crate) people: u64,
    pub(crate) merged: u64,
    pub(crate) without_patient: u64,
    /// Records whose patient is not in the export, and all records, by type.
    pub(crate) strays: BTreeMap<&'static str, (u64, u64)>,
    pub(crate) consents: ConsentsFound,
    /// Records of days whose use their patients did not permit.
    pub(crate) outside_windows: u64,
    /// Everybody who is in the source, with a row or without; kept if there are consents to compare with.
    pub(crate) known: BTreeSet<PatientId>,
}

/// Consents that stand among the records.
#[derive(Default)]
pub(crate) struct ConsentsFound {
    pub(crate) documents: u64,
    /// People whom the given consents permit, and a document here refuses; documents that refuse and name nobody count as one each.
    pub(crate) contradicted: u64,
}
