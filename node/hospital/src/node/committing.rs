//! Committing and proving the segments of an anchor, a stack at a time.

use super::{Hospital, HospitalError, source_root};
use crate::{
    journal::{AnchorId, Committed},
    opening::{OpeningKey, SourceSeed, TableKind},
};
use countersign_circuits::{
    dictionary::SegmentLayout,
    hash::Digest32,
    keys::CircuitName,
    segment::{Segment, SegmentId, SlotCodes, TableContext},
    validity::{SegmentsInstance, StackShape},
};
use countersign_ingest::PatientId;
use countersign_member::Connection;
use countersign_messages::merkle;
use countersign_prover::{
    commitment::{Blinders, commit_slots},
    validity::{STACK_SEGMENTS, prove_validity, sparse_rows},
};
use rand::rngs::OsRng;
use rayon::prelude::*;
use std::{collections::HashMap, sync::Arc};

/// What one process keeps of an anchor from step to step. All of it can be made again from the hospital's file.
pub(super) struct Work {
    pub(super) anchor: AnchorId,
    pub(super) layouts: Layouts,
    /// Who has which slot.
    pub(super) patients: Arc<HashMap<u32, PatientId>>,
    /// What stacks came to; at most the segments of two tables, 32 bytes a commitment.
    pub(super) proved: HashMap<Vec<OpeningKey>, Proved>,
}

/// A stack's commitments and proof.
pub(super) struct Proved {
    pub(super) segments: Vec<(SegmentId, Vec<u8>)>,
    pub(super) proof: Vec<u8>,
    /// Of a data table; of no leaves for consents.
    pub(super) source_root: Digest32,
}

/// A segment with all its secrets.
pub(super) struct Made {
    codes: SlotCodes,
    blinders: Blinders,
    segment: Segment,
    /// Of research data: the root of its records' leaves.
    source_root: Option<Digest32>,
}

/// Seed and root of the records of a segment with research data.
pub(super) fn source(id: SegmentId, codes: &SlotCodes, blinders: &Blinders, patients: &HashMap<u32, PatientId>) -> (SourceSeed, Digest32) {
    let seed = source_root::fresh_seed(&blinders.0.last().copied().unwrap_or_default(), &mut OsRng);
    let leaves: Vec<Digest32> = source_root::leaves(id.index, codes, &seed, patients).into_iter().map(|(_, leaf)| leaf).collect();
    let root = merkle::root(&leaves);
    (seed, root)
}

/// Commits the codes of one segment with fresh blinders.
pub(super) fn commit_made(context: &TableContext, layout: &SegmentLayout, id: SegmentId, codes: &SlotCodes) -> (Blinders, Segment) {
    let blinders = Blinders::fresh(context, layout, id, codes, &mut OsRng);
    let segment = commit_slots(context, layout, id, (codes, 0), &blinders);
    (blinders, segment)
}

/// Layouts of both tables of an anchor.
pub(super) struct Layouts {
    pub(super) data: SegmentLayout,
    pub(super) consent: SegmentLayout,
}

impl Layouts {
    fn of(&self, kind: TableKind) -> &SegmentLayout {
        match kind {
            TableKind::Data => &self.data,
            TableKind::Consent => &self.consent,
        }
    }

    /// Runs of neighbouring segments of one table, as many as one proof carries. `openings` ascend by table and index.
    pub(super) fn stacks<'a>(&self, openings: &'a [OpeningKey]) -> Vec<&'a [OpeningKey]> {
        let neighbours = |a: &OpeningKey, b: &OpeningKey| a.table == b.table && a.segment.index + 1 == b.segment.index;
        let max = |run: &[OpeningKey]| STACK_SEGMENTS.min(StackShape::segments_max(self.of(kind_of(run))));
        openings.chunk_by(neighbours).flat_map(|run| run.chunks(max(run))).collect()
    }
}

/// The kind of table a stack is of.
pub(super) fn kind_of(stack: &[OpeningKey]) -> TableKind {
    stack.first().map_or(TableKind::Data, |key| key.table.kind)
}

impl Hospital {
    fn context(&self, connection: &Connection, stack: &[OpeningKey]) -> TableContext {
        let table = stack.first().map_or_else(Digest32::default, |key| key.table.digest);
        TableContext { network: connection.state().network().0, hospital: self.member.id().digest(), table }
    }

    /// Commits a stack that is planned, and stores its blinders and commitments while it is proved.
    pub(super) async fn commit(
        &self,
        connection: &Connection,
        anchor: AnchorId,
        stack: &[OpeningKey],
        work: &mut Work,
    ) -> Result<(), HospitalError> {
        let mut rows = Vec::with_capacity(stack.len());
        for key in stack {
            let codes = self.store.opening(key).await?.codes.ok_or(HospitalError::Damaged("a planned segment without rows"))?;
            rows.push((key.segment, codes));
        }
        let (context, layout) = (self.context(connection, stack), work.layouts.of(kind_of(stack)).clone());
        let people = (kind_of(stack) == TableKind::Data).then(|| work.patients.clone());
        let commit = move |(id, codes): (SegmentId, SlotCodes)| {
            let (blinders, segment) = commit_made(&context, &layout, id, &codes);
            let (seed, source_root) = people.as_ref().map(|people| source(id, &codes, &blinders, people)).unzip();
            (Made { codes, blinders, segment, source_root }, seed)
        };
        let work_on_all = move || rows.into_par_iter().map(commit).unzip();
        let (made, seeds): (Vec<Made>, Vec<Option<SourceSeed>>) = tokio::task::spawn_blocking(work_on_all).await?;
        let secrets: Vec<_> = made.iter().map(|made| (made.blinders.clone(), made.segment.encode(), made.source_root)).collect();
        let stored = async {
            let committed: Vec<Committed<'_>> = stack
                .iter()
                .zip(secrets.iter().zip(&seeds))
                .map(|(key, ((blinders, points, root), seed))| {
                    let source = seed.as_ref().map(|seed| &**seed).zip(*root);
                    Committed { key: *key, blinders, points, source }
                })
                .collect();
            Ok::<_, HospitalError>(self.store.store_commitments(anchor, &committed).await?)
        };
        let (proved, ()) = tokio::try_join!(self.prove(connection, stack, made, work), stored)?;
        work.proved.insert(stack.to_vec(), proved);
        Ok(())
    }

    /// A stack that was committed before, as it is stored.
    pub(super) async fn prepared(&self, connection: &Connection, stack: &[OpeningKey], work: &Work) -> Result<Vec<Made>, HospitalError> {
        let (context, layout) = (self.context(connection, stack), work.layouts.of(kind_of(stack)));
        let mut made = Vec::with_capacity(stack.len());
        for key in stack {
            let kept = self.store.opening(key).await?;
            let (Some(codes), Some(blinders), Some(points)) = (kept.codes, kept.blinders, kept.points) else {
                return Err(HospitalError::Damaged("a prepared segment"));
            };
            let segment = Segment::decode(&context, key.segment, &points, layout.rows());
            let segment = segment.map_err(|_| HospitalError::Damaged("a prepared segment"))?;
            // of before roots were kept: nobody will be shown a path
            let unkept = || source(key.segment, &codes, &blinders, &work.patients).1;
            let source_root = (kind_of(stack) == TableKind::Data).then(|| kept.source_root.unwrap_or_else(unkept));
            made.push(Made { codes, blinders, segment, source_root });
        }
        Ok(made)
    }

    /// Proves a stack.
    pub(super) async fn prove(
        &self,
        connection: &Connection,
        stack: &[OpeningKey],
        made: Vec<Made>,
        work: &Work,
    ) -> Result<Proved, HospitalError> {
        let (context, layout) = (self.context(connection, stack), work.layouts.of(kind_of(stack)).clone());
        let sources: Vec<Digest32> = made.iter().filter_map(|made| made.source_root).map(|root| merkle::leaf(&root.0)).collect();
        let carried = made.iter().map(|made| (made.segment.id(), made.segment.encode())).collect();
        let keys = self.keys.clone();
        let proof = tokio::task::spawn_blocking(move || -> Result<_, HospitalError> {
            let key = keys.key(CircuitName::Validity)?;
            let rows = made.iter().map(|made| sparse_rows(&layout, &made.codes, 0)).collect();
            let (segments, blinders): (Vec<_>, Vec<_>) = made.into_iter().map(|made| (made.segment, made.blinders)).unzip();
            let instance = SegmentsInstance { context, layout: &layout, segments: &segments };
            Ok(prove_validity(&key, &instance, rows, &blinders, &mut OsRng)?)
        })
        .await??;
        Ok(Proved { segments: carried, proof: proof.encode(), source_root: merkle::root(&sources) })
    }
}
