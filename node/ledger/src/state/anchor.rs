//! Anchors.

use super::{
    Context, State,
    records::{SegmentKey, SegmentRecord, TableKey, TableRecord},
    result::Effect,
};
use crate::{checker::SegmentsCheck, rejection::Rejection};
use countersign_circuits::{
    dictionary::SegmentLayout,
    hash::Digest32,
    segment::{POINT_BYTES, SEGMENTS_MAX, Segment, SegmentError, SegmentId, TableContext},
    validity::StackShape,
};
use countersign_messages::{Anchor, AnchoredTable};
use std::sync::OnceLock;

/// Canonical compressed form of the identity of G1: infinity flag, all else zero.
const IDENTITY: [u8; POINT_BYTES] = {
    let mut bytes = [0; POINT_BYTES];
    bytes[POINT_BYTES - 1] = 0x40;
    bytes
};

impl State {
    pub(super) fn apply_anchor(&mut self, cx: &Context<'_>, anchor: &Anchor) -> Result<Effect, Rejection> {
        let (table, layout) = self.anchored_layout(&anchor.table)?;
        let key = TableKey { hospital: cx.signer, table };
        let versions = self.next_versions(&key, &anchor.segments)?;
        let points = anchor.segments.iter().map(|(_, bytes)| (bytes.len() / POINT_BYTES) as u64).sum();
        let account = self.account(cx).with_points(points, self.in_force.rules.points_a_day)?;
        // all that costs no arithmetic on points comes before the first is decompressed
        let found = anchor.segments.len();
        if StackShape::new(&layout, found).is_none() {
            return Err(Rejection::SegmentsOfProof { found, max: StackShape::segments_max(&layout) });
        }
        self.take_commitments(&layout, anchor.segments.iter().map(|(id, bytes)| (id, &bytes[..])))?;
        let context = TableContext { network: self.network.0, hospital: cx.signer.digest(), table };
        let segments = decode(&context, &layout, &anchor.segments)?;
        let digests: Vec<Digest32> = segments.iter().map(Segment::digest).collect();
        let check = SegmentsCheck {
            transaction: cx.transaction,
            keys: self.in_force.circuit_keys,
            context,
            layout: &layout,
            segments: &segments,
            digests: &digests,
            proof: &anchor.proof,
        };
        cx.checker.check_segments(&check).map_err(|e| Rejection::SegmentsProof(e.to_string()))?;

        let (provenance, report, source_root) = match anchor.table {
            AnchoredTable::Data { mapping, report, source_root, .. } => (mapping, report, source_root),
            AnchoredTable::Consent { policy, .. } => (policy, Digest32::default(), Digest32::default()),
        };
        let rows = layout.rows() as u32;
        let count = segments.len() as u32;
        for ((segment, digest), (id, bytes)) in segments.into_iter().zip(digests).zip(&anchor.segments) {
            let decoded = OnceLock::from(segment);
            let (height, transaction) = (cx.height, cx.transaction);
            let record = SegmentRecord { bytes: bytes.clone(), context, id: *id, rows, digest, provenance, height, transaction, decoded };
            self.segments.insert(SegmentKey { table: key, id: *id }, record);
        }
        self.accounts.insert(cx.signer, account);
        self.tables.insert(key, TableRecord { versions, rows, report, source_root, height: cx.height, transaction: cx.transaction });
        Ok(Effect::Anchored { table: key, segments: count })
    }

    /// The table's digest and layout.
    fn anchored_layout(&self, table: &AnchoredTable) -> Result<(Digest32, SegmentLayout), Rejection> {
        match table {
            AnchoredTable::Consent { registry, .. } => {
                let layout = self.registry_of(registry).ok_or(Rejection::RegistryUnknown)?.layout();
                Ok((*registry, layout))
            }
            AnchoredTable::Data { dictionary, .. } => {
                let record = self.dictionaries.get(dictionary).ok_or(Rejection::DictionaryUnknown)?;
                Ok((*dictionary, record.dictionary().layout()))
            }
        }
    }

    /// The table's versions after the anchor: contiguous segments, each the next version of its index.
    fn next_versions(&self, key: &TableKey, segments: &[(SegmentId, Vec<u8>)]) -> Result<Vec<u32>, Rejection> {
        let mut versions = self.tables.get(key).map(|t| t.versions.clone()).unwrap_or_default();
        let next = versions.len() as u32;
        let first = segments.first().ok_or(Rejection::SegmentOrder { next, found: None })?.0.index;
        for (i, (id, _)) in segments.iter().enumerate() {
            if id.index as usize >= SEGMENTS_MAX {
                return Err(Rejection::SegmentCount);
            }
            if id.index as usize != first as usize + i || id.index as usize > versions.len() {
                return Err(Rejection::SegmentOrder { next, found: Some(id.index) });
            }
            let current = versions.get(id.index as usize).copied();
            let expected = current.map_or(0, |v| v.saturating_add(1));
            if id.version != expected || current == Some(u32::MAX) {
                return Err(Rejection::SegmentVersion { index: id.index, found: id.version, expected });
            }
            match versions.get_mut(id.index as usize) {
                Some(version) => *version = id.version,
                None => versions.push(id.version),
            }
        }
        Ok(versions)
    }

    /// Takes the commitments of whole segments, as bytes: refuses identities and commitments seen before, a tied pair inside one segment excepted.
    ///
    /// # Panics
    /// Never: a segment's length is checked before its points are taken.
    pub(super) fn take_commitments<'a>(
        &mut self,
        layout: &SegmentLayout,
        segments: impl IntoIterator<Item = (&'a SegmentId, &'a [u8])>,
    ) -> Result<(), Rejection> {
        let restored = || {
            let rows = self.segments.iter().flat_map(|(_, record)| record.bytes.chunks_exact(POINT_BYTES));
            let mut rows: Vec<_> = rows.filter_map(|point| <[u8; POINT_BYTES]>::try_from(point).ok()).collect();
            rows.sort_unstable();
            rows
        };
        // no anchor was accepted since, or they were made then
        let restored = self.restored.get_or_init(restored);
        for (id, bytes) in segments {
            if bytes.len() != layout.rows() * POINT_BYTES {
                let (index, expected) = (id.index, layout.rows() * POINT_BYTES);
                return Err(SegmentError::Length { index, found: bytes.len(), expected }.into());
            }
            let point =
                |row: usize| bytes.get(row * POINT_BYTES..(row + 1) * POINT_BYTES).and_then(|b| <[u8; POINT_BYTES]>::try_from(b).ok());
            for row in 0..layout.rows() {
                let commitment = point(row).expect("the segment has exactly this many points");
                let place = (id.index, row as u32);
                if commitment == IDENTITY {
                    return Err(Rejection::CommitmentIdentity { index: place.0, row: place.1 });
                }
                let tied = layout.tied.iter().any(|(first, second)| *second == row && point(*first) == Some(commitment));
                if !tied && (restored.binary_search(&commitment).is_ok() || self.points.insert(commitment).is_some()) {
                    return Err(Rejection::CommitmentReused { index: place.0, row: place.1 });
                }
            }
        }
        Ok(())
    }
}

fn decode(context: &TableContext, layout: &SegmentLayout, segments: &[(SegmentId, Vec<u8>)]) -> Result<Vec<Segment>, Rejection> {
    segments.iter().map(|(id, bytes)| Ok(Segment::decode(context, *id, bytes, layout.rows())?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_is_what_decoding_calls_so() {
        let context = TableContext { network: Digest32::default(), hospital: Digest32::default(), table: Digest32::default() };
        let segment = Segment::decode(&context, SegmentId { index: 0, version: 0 }, &IDENTITY, 1).unwrap();
        assert_eq!(segment.encode(), IDENTITY);
        assert!(ark_ec::AffineRepr::is_zero(&segment.points()[0]));
    }
}
