//! Dictionaries.

use super::Id;
use countersign_ledger::DictionaryRecord;
use serde::Serialize;
use utoipa::ToSchema;

/// A published dictionary, in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DictionarySummary {
    /// Hash of its canonical bytes.
    digest: Id,
    /// Its own id.
    name: String,
    /// Its version.
    version: u32,
    /// Its title.
    title: String,
    /// Attributes.
    attributes: usize,
    /// The first block it may be used in.
    height: u64,
    /// The transaction that proposed it.
    transaction: Id,
}

impl From<&DictionaryRecord> for DictionarySummary {
    fn from(record: &DictionaryRecord) -> Self {
        let dictionary = record.dictionary();
        Self {
            digest: Id::of(dictionary.digest()),
            name: dictionary.id().to_owned(),
            version: dictionary.version(),
            title: dictionary.title().to_owned(),
            attributes: dictionary.attributes().len(),
            height: record.height.0,
            transaction: Id::of(record.transaction),
        }
    }
}
