//! A seeded generator of invented hospitals, as FHIR R4 bulk exports.
//!
//! Nobody in the output exists: every value is drawn from a small model of cardiometabolic patients ([`table()`] and the
//! exports share it), whose attributes hang together plausibly: age raises blood pressure and the risk of diabetes, weight
//! raises both, diabetes raises HbA1c, age and disease raise mortality. The model is not fitted to any data set.
//!
//! The same (profile, patients, seed) gives the same bytes on every machine: draws use a counter-based generator, one stream
//! a patient, and arithmetic that IEEE 754 fixes (no logarithms, no trigonometry).
//!
//! What an export folder holds: `Patient`, `Encounter`, `Condition`, `Observation` and `Consent` as NDJSON (gzip in profile
//! `other-codes`), `consents.csv` with the same consents as `patient,scope,until`, and the bulk export's `manifest.json`.
//! All windows refer to the index date 2019-01-01; the export is dated 2020-02-01.

mod consent;
mod dice;
mod export;
mod fhir;
mod history;
mod person;
mod profile;
mod table;

pub use consent::{CONSENT_CODE_SYSTEM, CONSENT_POLICY_URI, SCOPES};
pub use export::{ConsentCounts, FileCount, GenerateError, PATIENTS_MAX, Summary, generate};
pub use profile::{Profile, UnknownProfile};
pub use table::table;
