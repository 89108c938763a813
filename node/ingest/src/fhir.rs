//! FHIR R4: the elements the importer reads, and how they are found in files.

mod bundle;
mod clinical;
mod collect;
mod deletion;
mod element;
mod manifest;
mod read;
mod resource;
mod retraction;
mod systems;
mod version;
mod whom;
mod word;

pub(crate) use bundle::read_bundles;
pub(crate) use collect::Collector;
pub(crate) use deletion::Deletion;
pub(crate) use read::{FolderFacts, LINES, Resource, Sink, read_folder};
pub(crate) use resource::{Consent, ConsentProvision, Patient, Period, Reference};
pub(crate) use retraction::{Names, Retractions, Verdict};
pub(crate) use version::{Age, Version};
pub(crate) use whom::PatientRef;
