//! What the fuzz targets run: every decoder of foreign bytes. None may panic, and what decodes must encode to the same bytes.

use countersign_circuits::{
    dictionary::Dictionary,
    keys::{CircuitName, KeyRole, unframe},
    proof::{AggregateProof, ValidityProof},
    row::RowOpening,
    segment::{Segment, SegmentId, TableContext},
};
use countersign_consensus::{
    malachite::{codec::BlockRun, network::check_message},
    request::{BlocksWanted, blob, digest},
};
use countersign_ingest::Reading;
use countersign_ledger::light::AnswerExport;
use countersign_messages::{Block, Certificate, Narrowing, Record, Transaction, ValidatorSet, Wire};
use countersign_net::{
    Channel,
    frame::{self, Message},
    hello::Hello,
    member_of_certificate,
};
use countersign_query::compile;
use countersign_verifier::VerifyingKey;

/// A decoder under test.
pub type Target = fn(&[u8]);

/// All targets by name; a folder of that name in `fuzz/corpus` holds inputs that are replayed in the test suite.
pub const TARGETS: [(&str, Target); 17] = [
    ("answer", answer),
    ("anchor", anchor),
    ("row", row),
    ("segment", segment),
    ("key", key),
    ("dictionary", dictionary),
    ("transaction", transaction),
    ("block", block),
    ("export", export),
    ("query", query),
    ("frame", frame),
    ("peer_certificate", peer_certificate),
    ("consensus", consensus),
    ("node_request", node_request),
    ("commit_certificate", commit_certificate),
    ("record", record),
    ("note", note),
];

/// The proof of S2.
pub fn answer(bytes: &[u8]) {
    if let Ok(proof) = AggregateProof::decode(bytes) {
        assert_eq!(proof.encode(), bytes);
    }
}

/// The proof of S1.
pub fn anchor(bytes: &[u8]) {
    if let Ok(proof) = ValidityProof::decode(bytes) {
        assert_eq!(proof.encode(), bytes);
    }
}

/// A single opened row.
pub fn row(bytes: &[u8]) {
    if let Ok(opening) = RowOpening::decode(bytes, 5) {
        assert_eq!(opening.encode(), bytes);
    }
}

/// Commitments of a segment.
pub fn segment(bytes: &[u8]) {
    let context = TableContext { network: Default::default(), hospital: Default::default(), table: Default::default() };
    if let Ok(segment) = Segment::decode(&context, SegmentId { index: 0, version: 0 }, bytes, bytes.len() / 32) {
        assert_eq!(segment.encode(), bytes);
    }
}

/// Key files.
pub fn key(bytes: &[u8]) {
    for name in CircuitName::ALL {
        let _ = unframe(name, KeyRole::Proving, bytes);
        let _ = VerifyingKey::read(name, bytes);
    }
}

/// Dictionaries, canonical and as a person writes them.
pub fn dictionary(bytes: &[u8]) {
    let _ = Dictionary::from_canonical(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Reading::from_toml(text);
    }
}

/// Signed transactions.
pub fn transaction(bytes: &[u8]) {
    if let Ok(transaction) = Transaction::decode(bytes) {
        assert_eq!(transaction.encode(), bytes);
        let _ = transaction.check_signature();
    }
}

/// Blocks.
pub fn block(bytes: &[u8]) {
    if let Ok(block) = Block::decode(bytes) {
        assert_eq!(block.encode(), bytes);
    }
}

/// Exported answers.
pub fn export(bytes: &[u8]) {
    if let Ok(export) = AnswerExport::decode(bytes) {
        assert_eq!(export.encode(), bytes);
    }
}

/// Questions.
pub fn query(bytes: &[u8]) {
    if let Ok(sql) = std::str::from_utf8(bytes) {
        let _ = compile(sql, &countersign_testkit::world::dictionary());
    }
}

/// Messages between members.
pub fn frame(bytes: &[u8]) {
    if let Ok(messages) = frame::decode(bytes) {
        // pieces of different kinds may alternate, so the bytes may differ, but not their number or what they say
        let again: Vec<u8> = messages.iter().flat_map(Message::encode).collect();
        assert_eq!(again.len(), bytes.len());
        assert_eq!(frame::decode(&again), Ok(messages));
    }
    if let Ok(hello) = Hello::decode(bytes) {
        assert_eq!(hello.encode(), bytes);
    }
}

/// Certificates that members show to each other.
pub fn peer_certificate(bytes: &[u8]) {
    let _ = member_of_certificate(bytes, std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000));
}

/// What validators send each other: votes, proposals, parts of blocks, statuses.
pub fn consensus(bytes: &[u8]) {
    for channel in Channel::ALL {
        let _ = check_message(channel, bytes);
    }
}

/// What nodes ask each other and answer.
pub fn node_request(bytes: &[u8]) {
    fn canonical<T: Wire>(bytes: &[u8]) {
        if let Ok(value) = T::decode(bytes) {
            assert_eq!(value.encode(), bytes);
        }
    }
    canonical::<BlocksWanted>(bytes);
    canonical::<BlockRun>(bytes);
    let _ = (digest(bytes), blob(bytes));
}

/// Commit certificates and validator sets.
pub fn commit_certificate(bytes: &[u8]) {
    if let Ok(certificate) = Certificate::decode(bytes) {
        assert_eq!(certificate.encode(), bytes);
    }
    if let Ok(set) = ValidatorSet::decode(bytes) {
        assert_eq!(set.encode(), bytes);
    }
}

/// A record that a hospital shows.
pub fn record(bytes: &[u8]) {
    if let Ok(record) = Record::decode(bytes) {
        assert_eq!(record.encode(), bytes);
        for source in record.rows.iter().filter_map(|row| row.source.as_ref()) {
            let _ = source.in_segment.root(&source.salt);
            let _ = source.in_anchor.root(&source.salt);
        }
    }
}

/// A patient's note that narrows, once it was opened.
pub fn note(bytes: &[u8]) {
    if let Ok(note) = Narrowing::decode(bytes) {
        assert_eq!(note.encode(), bytes);
    }
}
