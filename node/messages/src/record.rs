//! One record shown alone: what a hospital's anchored tables hold at one slot, with what shows it and nothing of a neighbour.

use crate::{
    codec::{DecodeError, Wire, bound},
    genesis::NetworkId,
    identity::MemberId,
    limits::DICTIONARY_BYTES_MAX,
    merkle,
    time::Height,
    transaction::TransactionId,
};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{
    consent::ScopeRegistry,
    dictionary::ROWS_MAX,
    hash::Digest32,
    segment::{SLOTS, SegmentId},
    tag,
};
use std::fmt;

/// Rows of one record: a current and some pinned versions of each table a hospital has.
pub const RECORD_ROWS_MAX: usize = 256;
/// Bytes of an opening: a byte a matrix row, and what an argument over a segment takes at most.
const OPENING_BYTES_MAX: usize = ROWS_MAX + (8 << 10);
/// Bytes of a hospital's own id of a patient.
const PATIENT_BYTES_MAX: usize = 256;

/// What gives a row its meaning.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum RecordTable {
    /// Research data: the dictionary's canonical bytes.
    Data(Vec<u8>),
    /// Consents: the scope registry.
    Consent(ScopeRegistry),
}

/// That a row is what the hospital read of a patient when it was anchored.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecordSource {
    /// The hospital's own id of the patient.
    pub patient: String,
    /// Of this row's leaf alone.
    pub salt: Digest32,
    /// From the leaf to the root of its segment.
    pub in_segment: merkle::Path,
    /// From that root to the one in the anchor's transaction.
    pub in_anchor: merkle::Path,
}

/// One row of a record.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecordRow {
    /// Its table.
    pub table: RecordTable,
    /// The segment it is in.
    pub segment: SegmentId,
    /// The anchor's transaction.
    pub transaction: TransactionId,
    /// Its block.
    pub height: Height,
    /// The opening (`RowOpening`).
    pub opening: Vec<u8>,
    /// Missing for consents, and where the hospital cannot show it any more.
    pub source: Option<RecordSource>,
}

/// One record. It is about one person and for that person, or whom the person lets see it: keep it so. Hidden in `Debug`.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Record {
    /// The network.
    pub network: NetworkId,
    /// The hospital.
    pub hospital: MemberId,
    /// The slot of its register.
    pub slot: u32,
    /// What its tables hold there.
    pub rows: Vec<RecordRow>,
}

impl fmt::Debug for RecordSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordSource(redacted)")
    }
}

impl fmt::Debug for RecordRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordRow").field("segment", &self.segment).field("transaction", &self.transaction).finish_non_exhaustive()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("network", &self.network).field("hospital", &self.hospital).finish_non_exhaustive()
    }
}

impl Wire for Record {
    const WHAT: &'static str = "record";
    const BYTES_MAX: usize = 64 << 20;

    fn check_bounds(&self) -> Result<(), DecodeError> {
        bound(Self::WHAT, "rows", self.rows.len(), RECORD_ROWS_MAX)?;
        for row in &self.rows {
            bound(Self::WHAT, "bytes of an opening", row.opening.len(), OPENING_BYTES_MAX)?;
            if let RecordTable::Data(dictionary) = &row.table {
                bound(Self::WHAT, "bytes of a dictionary", dictionary.len(), DICTIONARY_BYTES_MAX)?;
            }
            if let Some(source) = &row.source {
                bound(Self::WHAT, "bytes of an id", source.patient.len(), PATIENT_BYTES_MAX)?;
                for path in [&source.in_segment, &source.in_anchor] {
                    bound(Self::WHAT, "hashes of a path", path.siblings.len(), merkle::PATH_MAX)?;
                }
            }
        }
        Ok(())
    }
}

impl Record {
    /// Segment of its slot.
    pub fn segment(&self) -> u32 {
        self.slot / SLOTS as u32
    }

    /// Its slot's place in the segment.
    pub fn offset(&self) -> usize {
        self.slot as usize % SLOTS
    }
}

/// The salt of one row's leaf. Whoever has the seed has the salts of the whole segment.
pub fn source_salt(seed: &[u8; 32], slot: u32) -> Digest32 {
    Digest32::tagged(tag::SOURCE_SALT, [&seed[..], &slot.to_le_bytes()])
}

/// The leaf of a row: its patient and bins (one a block), under its salt.
pub fn source_leaf(salt: &Digest32, slot: u32, patient: &str, bins: &[u16]) -> Digest32 {
    let bins: Vec<u8> = bins.iter().flat_map(|bin| bin.to_le_bytes()).collect();
    let digest = Digest32::tagged(tag::SOURCE, [&salt.0[..], &slot.to_le_bytes(), patient.as_bytes(), &bins]);
    merkle::leaf(&digest.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let leaves = [source_leaf(&source_salt(&[3; 32], 4), 4, "p1", &[1, 2])];
        let path = merkle::Path::new(&leaves, 0).unwrap();
        let source = RecordSource { patient: "p1".into(), salt: source_salt(&[3; 32], 4), in_segment: path.clone(), in_anchor: path };
        let row = RecordRow {
            table: RecordTable::Data(b"{}".to_vec()),
            segment: SegmentId { index: 0, version: 1 },
            transaction: TransactionId(Digest32([5; 32])),
            height: Height(9),
            opening: vec![1, 0, 1],
            source: Some(source),
        };
        Record { network: NetworkId(Digest32([1; 32])), hospital: MemberId([2; 32]), slot: 2048 + 7, rows: vec![row] }
    }

    #[test]
    fn a_record_is_read_as_it_is_written_and_shows_nothing_in_logs() {
        let record = record();
        assert_eq!(Record::decode(&record.encode()).unwrap(), record);
        assert_eq!((record.segment(), record.offset()), (1, 7));
        let shown = format!("{record:?} {:?} {:?}", record.rows[0], record.rows[0].source);
        assert!(!shown.contains("p1") && !shown.contains("slot"), "{shown}");
    }

    #[test]
    fn bounds_hold_in_both_directions() {
        let with = |change: &dyn Fn(&mut Record)| {
            let mut record = record();
            change(&mut record);
            record.check_bounds()
        };
        assert!(with(&|_| ()).is_ok());
        assert!(with(&|r| r.rows = vec![r.rows[0].clone(); RECORD_ROWS_MAX + 1]).is_err());
        assert!(with(&|r| r.rows[0].opening = vec![0; OPENING_BYTES_MAX + 1]).is_err());
        assert!(with(&|r| r.rows[0].table = RecordTable::Data(vec![0; DICTIONARY_BYTES_MAX + 1])).is_err());
        assert!(with(&|r| r.rows[0].source.as_mut().unwrap().patient = "x".repeat(PATIENT_BYTES_MAX + 1)).is_err());
        let long = |r: &mut Record| r.rows[0].source.as_mut().unwrap().in_anchor.siblings = vec![Digest32([0; 32]); merkle::PATH_MAX + 1];
        assert!(with(&long).is_err());
    }

    #[test]
    fn every_part_of_a_leaf_counts() {
        let salt = source_salt(&[3; 32], 4);
        let honest = source_leaf(&salt, 4, "p1", &[1, 2]);
        for other in [
            source_leaf(&source_salt(&[4; 32], 4), 4, "p1", &[1, 2]),
            source_leaf(&salt, 5, "p1", &[1, 2]),
            source_leaf(&salt, 4, "p2", &[1, 2]),
            source_leaf(&salt, 4, "p1", &[1, 3]),
        ] {
            assert_ne!(other, honest);
        }
        assert_ne!(source_salt(&[3; 32], 4), source_salt(&[3; 32], 5));
    }
}
