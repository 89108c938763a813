//! FHIR R4: the elements the importer reads, and how they are found in files.

mod bundle;
mod clinical;
pub(crate) mod collect;
mod deletion;
mod element;
pub(crate) mod fact;
mod manifest;
mod read;
mod resource;
mod retraction;
mod systems;
mod version;
mod whom;
mod word;

pub(crate) use bundle::read_bundles;
pub(crate) use deletion::Deletion;
pub(crate) use read::{FolderFacts, LINES, Resource, Sink, read_folder};
pub(crate) use resource::{Consent, ConsentProvision, Patient, Period, Reference};
pub(crate) use retraction::{Names, Retractions, Verdict};
pub(crate) use version::{Age, Version};
pub(crate) use whom::PatientRef;
pub(crate) use word::{ConsentWord, last_word_refuses};
