//! Dictionaries.

use countersign_ledger::DictionaryRecord;
use countersign_messages::json;

/// A published dictionary, in short.
pub(crate) fn summary(record: &DictionaryRecord) -> json::DictionarySummary {
    let dictionary = record.dictionary();
    json::DictionarySummary {
        digest: dictionary.digest().into(),
        name: dictionary.id().to_owned(),
        version: dictionary.version(),
        title: dictionary.title().to_owned(),
        attributes: dictionary.attributes().len(),
        height: record.height.0,
        transaction: record.transaction.into(),
    }
}
