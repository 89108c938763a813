//! From what the importer read to what the journal takes: everybody's row and consents, those included who have a place from before and no row now.

use crate::{
    journal::ImportedPerson,
    slots::{PatientId, SlotError, SlotRegister},
};
use countersign_circuits::consent::{Day, ScopeRegistry};
use countersign_ingest::{ConsentTable, ResearchTable};
use std::collections::BTreeSet;

/// Everybody an import must account for. Without consents (development networks only) everybody permits everything.
///
/// # Errors
/// A patient's identifier is too long for this hospital's own file.
pub fn people(
    table: &ResearchTable,
    consents: Option<&ConsentTable>,
    registry: &ScopeRegistry,
    register: &SlotRegister,
) -> Result<Vec<ImportedPerson>, SlotError> {
    let last = registry.grid.last().copied();
    let grants = |patient: &countersign_ingest::PatientId| -> Vec<Option<Day>> {
        let until = |scope: &String| consents.map_or(last, |table| table.until(patient, scope));
        registry.scopes.iter().map(until).collect()
    };
    let mut people = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let patient = PatientId::new(row.patient.expose())?;
        people.push(ImportedPerson { patient, levels: Some(row.levels.clone()), grants: grants(&row.patient) });
    }
    // their rows are gone from the present tables; studies pin earlier ones for as long as the consents last, and no longer
    let named: BTreeSet<&str> = table.rows.iter().map(|row| row.patient.expose()).collect();
    for (patient, _) in register.live().filter(|(patient, _)| !named.contains(patient.expose())) {
        let id = countersign_ingest::PatientId::new(patient.expose()).map_err(|_| SlotError::PatientId)?;
        people.push(ImportedPerson { patient: patient.clone(), levels: None, grants: grants(&id) });
    }
    Ok(people)
}

/// People with what they permit now: a last valid day for each scope of the registry.
pub type Stated = Vec<(PatientId, Vec<Option<Day>>)>;

/// Those with a place in the tables of whom the consents say something, with what they permit now. Of who is in none of the documents nothing is said.
///
/// # Errors
/// A patient's identifier is too long.
pub fn stated(consents: &ConsentTable, registry: &ScopeRegistry, register: &SlotRegister) -> Result<Stated, SlotError> {
    let mut stated = Vec::new();
    for (patient, _) in register.live() {
        let id = countersign_ingest::PatientId::new(patient.expose()).map_err(|_| SlotError::PatientId)?;
        if consents.has_withdrawn(&id) || consents.scopes(&id).next().is_some() {
            stated.push((patient.clone(), registry.scopes.iter().map(|scope| consents.until(&id, scope)).collect()));
        }
    }
    Ok(stated)
}
