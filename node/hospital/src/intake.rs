//! From what the importer read to what the journal takes: everybody's row and consents, those included who have a place from before and no row now.

use crate::{journal::ImportedPerson, slots::Assignment};
use countersign_circuits::consent::{Day, ScopeRegistry};
use countersign_ingest::{ConsentTable, PatientId, ResearchTable};
use std::collections::HashSet;

/// Everybody an import must account for. Without consents (development networks only) everybody permits everything.
pub fn people(
    table: &ResearchTable,
    consents: Option<&ConsentTable>,
    registry: &ScopeRegistry,
    holders: &[(PatientId, Assignment)],
) -> Vec<ImportedPerson> {
    let last = registry.grid.last().copied();
    let grants = |patient: &PatientId| -> Vec<Option<Day>> {
        let until = |scope: &String| consents.map_or(last, |table| table.until(patient, scope));
        registry.scopes.iter().map(until).collect()
    };
    let mut people = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        people.push(ImportedPerson { patient: row.patient.clone(), levels: Some(row.levels.clone()), grants: grants(&row.patient) });
    }
    // their rows are gone from the present tables; studies pin earlier ones for as long as the consents last, and no longer
    let named: HashSet<&PatientId> = table.rows.iter().map(|row| &row.patient).collect();
    for (patient, _) in holders.iter().filter(|(patient, _)| !named.contains(patient)) {
        people.push(ImportedPerson { patient: patient.clone(), levels: None, grants: grants(patient) });
    }
    people
}

/// People with what they permit now: a last valid day for each scope of the registry.
pub type Stated = Vec<(PatientId, Vec<Option<Day>>)>;

/// Those with a place in the tables of whom the consents say something, with what they permit now. Of who is in none of the documents nothing is said.
pub fn stated(consents: &ConsentTable, registry: &ScopeRegistry, holders: &[(PatientId, Assignment)]) -> Stated {
    let mut stated = Vec::new();
    for (patient, _) in holders {
        if consents.has_withdrawn(patient) || consents.scopes(patient).next().is_some() {
            stated.push((patient.clone(), registry.scopes.iter().map(|scope| consents.until(patient, scope)).collect()));
        }
    }
    stated
}
