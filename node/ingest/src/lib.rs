//! Countersign's importer: a hospital's FHIR resources or tables become rows of levels, and consents become scopes.
//!
//! A *dictionary* ([`Reading`]) says what a row means and is the same at every hospital; a *mapping* ([`Mapping`]) says how
//! one hospital's codes, units and columns say the dictionary's words. [`import`] reads files by both and gives a
//! [`ResearchTable`] (one level an attribute, `None` for missing) and an [`ImportReport`]. [`read_consents`] reduces consents
//! to scopes with a last valid day.
//!
//! Rules (design: product, sections 2.2 and 4.4): numbers stay decimals until the one rounding from value to level; nothing
//! is guessed; whatever is left out is counted. Malformed input is an error with file and line, and changes nothing: this
//! crate writes no file, reads no clock and draws no randomness.

mod calendar;
mod consent;
mod csv_file;
mod error;
mod fact;
mod fhir;
mod files;
mod fold;
mod form;
mod import;
mod mapping;
mod reading;
mod report;
pub mod shipped;
mod source;
mod table;

pub use calendar::{NotADate, NotADay, day_text, parse_day};
pub use consent::{
    ConsentPolicy, ConsentReport, ConsentSource, ConsentTable, Consents, OptOuts, PolicyError, read_consents, read_opt_outs,
};
pub use csv_file::{COLUMNS_MAX, RECORD_BYTES_MAX};
pub use error::{FilePosition, ImportError};
pub use files::{FILES_MAX, LINE_BYTES_MAX, Progress, WHOLE_FILE_BYTES_MAX};
pub use form::FormError;
pub use import::{Import, ImportOptions, import};
pub use mapping::{Mapping, MappingError};
pub use reading::{Reading, ReadingError};
pub use report::{AttributeReport, ImportReport, LeftOut, Problem, UNMAPPED_PERCENT_MAX};
pub use table::{IDENTIFIER_BYTES_MAX, NotAnIdentifier, PatientId, ResearchTable, TableRow};
