//! A list of people who objected to research by law or at another place than the hospital: whoever stands on it permits nothing, whatever was signed.

use super::Consents;
use crate::{
    csv_file::Table,
    error::{FilePosition, ImportError},
    table::PatientId,
};
use std::{collections::BTreeSet, path::Path};

/// The list. Hidden in `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OptOuts(BTreeSet<PatientId>);

impl std::fmt::Debug for OptOuts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OptOuts({} people)", self.0.len())
    }
}

/// Reads a list of opt-outs: a CSV file with the column `patient`, and no other. A file with this line alone says that nobody objected.
///
/// # Errors
/// The file is missing or malformed, has another column, or a line that is no identifier.
pub fn read_opt_outs(path: &Path) -> Result<OptOuts, ImportError> {
    let mut table = Table::open(path)?;
    if let Some(other) = table.header.iter().find(|name| name.as_str() != "patient") {
        let problem = "is unknown; a list of opt-outs has the column patient and no other";
        return Err(ImportError::Column { place: FilePosition::new(path, 1), column: other.chars().take(64).collect(), problem });
    }
    let patient = table.column("patient")?;
    let mut people = BTreeSet::new();
    while table.advance()? {
        if table.is_blank() {
            continue;
        }
        let place = table.place();
        let id = PatientId::new(table.field(patient)?).map_err(|_| ImportError::Identifier { place, what: "the patient's identifier" })?;
        people.insert(id);
    }
    Ok(OptOuts(people))
}

impl OptOuts {
    /// True if a patient stands on it.
    pub fn holds(&self, patient: &PatientId) -> bool {
        self.0.contains(patient)
    }

    /// People on it.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if nobody stands on it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Consents {
    /// Takes every permission from whoever stands on a list, as a refusal of everything would.
    pub fn opt_out(&mut self, list: &OptOuts) {
        for listed in &list.0 {
            // who was merged into another record since the list was made is meant all the same
            let patient = &self.merged.get(listed).unwrap_or(listed).clone();
            self.report.opted_out += u64::from(self.table.patients.remove(patient).is_some());
            self.table.withdrawn.insert(patient.clone());
            self.named.insert(patient.clone());
        }
        self.count();
    }
}
