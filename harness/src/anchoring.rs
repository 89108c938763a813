//! Anchors, as a hospital makes them.

use super::{Net, Who, dictionary, digest, registry, rows_of};
use countersign_circuits::{hash::Digest32, segment::SegmentId};
use countersign_messages::{Anchor, AnchoredTable, Payload};

impl Net {
    pub fn data(&mut self, dictionary: &[u8], ids: &[(u32, u32)]) -> Anchor {
        let rows = rows_of(dictionary);
        let table = AnchoredTable::Data {
            dictionary: Digest32::of(dictionary),
            mapping: digest("mapping"),
            report: digest("report"),
            source_root: digest("sources"),
        };
        self.anchor(table, rows, ids)
    }

    pub fn consent(&mut self, ids: &[(u32, u32)]) -> Anchor {
        let registry = registry();
        let table = AnchoredTable::Consent { registry: registry.digest(), policy: digest("policy") };
        self.anchor(table, registry.layout().rows(), ids)
    }

    pub fn anchor(&mut self, table: AnchoredTable, rows: usize, ids: &[(u32, u32)]) -> Anchor {
        let segments =
            ids.iter().map(|(index, version)| (SegmentId { index: *index, version: *version }, self.points.bytes(rows))).collect();
        Anchor { table, segments, proof: b"good".to_vec() }
    }

    /// Anchors segments 0..n of data and consent.
    pub fn tables(&mut self, who: Who, n: u32) {
        let ids: Vec<_> = (0..n).map(|i| (i, 0)).collect();
        let (data, consent) = (self.data(&dictionary(), &ids), self.consent(&ids));
        let results = self.block(vec![(who, Payload::Anchor(data)), (who, Payload::Anchor(consent))]);
        assert!(results.iter().all(|r| r.effect().is_some()), "{results:?}");
    }
}
