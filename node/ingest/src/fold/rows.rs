//! Rows that a source has ready: who of them counts.

use super::Cohort;
use crate::{
    import::ImportOptions,
    reading::Reading,
    report::{AttributeReport, LeftOut, incomplete},
    source::Row,
    table::{PatientId, ResearchTable, TableRow},
};
use std::collections::{BTreeMap, BTreeSet};

/// Folds rows into a cohort: people without consent and incomplete rows are left out.
pub(super) fn fold_rows(reading: &Reading, rows: BTreeMap<PatientId, Row>, options: &ImportOptions<'_>) -> Cohort {
    let consented = options.consented.filter(|_| reading.population().consented);
    let known = if options.consents.is_some() { rows.keys().cloned().collect() } else { BTreeSet::new() };
    let attributes = reading.dictionary().attributes();
    let mut cohort = Cohort {
        known,
        people: rows.len() as u64,
        attributes: attributes.iter().map(|a| AttributeReport { name: a.name().into(), ..Default::default() }).collect(),
        ..Cohort::default()
    };
    let mut used = vec![BTreeSet::new(); attributes.len()];
    let mut table = ResearchTable::default();
    for (patient, row) in rows {
        if consented.is_some_and(|set| !set.contains(&patient)) {
            *cohort.left_out.entry(LeftOut::NoConsent).or_default() += 1;
            continue;
        }
        if incomplete(attributes, &row.levels, &mut cohort.attributes) {
            *cohort.left_out.entry(LeftOut::Incomplete).or_default() += 1;
            continue;
        }
        let mut counted = row.counted.iter().peekable();
        for (i, ((total, level), used)) in (0..).zip(cohort.attributes.iter_mut().zip(&row.levels).zip(&mut used)) {
            match counted.next_if(|(attribute, _)| *attribute == i) {
                Some((_, one)) => total.add(one),
                None => total.add(&AttributeReport::of_level(*level)),
            }
            total.row(*level, used);
        }
        table.rows.push(TableRow { patient, levels: row.levels });
    }
    for ((report, attribute), used) in cohort.attributes.iter_mut().zip(attributes).zip(&used) {
        report.finish(attribute, used);
    }
    cohort.table = table;
    cohort
}
