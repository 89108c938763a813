//! FHIR R4: the elements the importer reads, and how they are found in files.

pub(crate) mod collect;
pub(crate) mod fact;
mod manifest;
mod read;
mod resource;
mod version;

pub(crate) use read::{Deletion, FolderFacts, LINES, Resource, Sink, read_bundles, read_folder};
pub(crate) use resource::{Consent, ConsentProvision, Patient, Period, Reference};
pub(crate) use version::{Age, Version};
