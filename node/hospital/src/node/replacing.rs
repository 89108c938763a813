//! Erasing that keeps cuts: proving that versions of a segment replace others without the rows of slots that are out of force, and nothing else.

use super::{
    Hospital, HospitalError,
    committing::{commit_made, source},
    dictionary,
};
use crate::{
    journal::{AnchorId, AnchorStep, AnchorTransaction, Committed, Replaceable, Replacement},
    opening::{Opening, OpeningKey, TableKind, TableName},
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::{
    dictionary::SegmentLayout,
    erasure::{ErasureInstance, ErasureStep},
    hash::Digest32,
    segment::{Segment, SegmentId, SlotCodes, TableContext},
};
use countersign_ledger::{SegmentKey, State, TableKey};
use countersign_member::Connection;
use countersign_messages::{Erase, ErasedVersion, Height, Payload, Transaction, TransactionId, Wire, merkle};
use countersign_prover::{
    commitment::Blinders,
    erasure::{ErasureWitness, prove_erasure},
};
use rand::rngs::OsRng;
use std::collections::{BTreeMap, BTreeSet};

/// A version with its secrets.
struct Version {
    codes: SlotCodes,
    blinders: Blinders,
    segment: Segment,
}

impl Hospital {
    /// Replaces the versions of segments that hold rows of erased people wherever they are in force or pinned, so that nothing needs the openings of before. How many were replaced; `emptied` hears of which segments, and by
    /// which transaction. Segments of which a version is not in this file as the ledger holds it are passed over: the sweep tells what is left of them.
    #[boxed]
    pub(super) async fn replace_erased(
        &self,
        connection: &mut Connection,
        emptied: &mut BTreeMap<u32, (TransactionId, Height)>,
        saying: &(dyn Fn(&str) + Sync),
    ) -> Result<u64, HospitalError> {
        let rows = self.store.erased_rows().await?;
        let held: BTreeSet<u32> = rows.iter().map(|row| row.key.segment.index).collect();
        let mut replaced = 0;
        for index in held {
            connection.refresh().await?;
            let state = connection.state();
            let height = state.tip().height;
            let slots = state.slots_to_erase(self.member.id(), index, height);
            let versions = self.versions(state, index).await?;
            let used = |key: &OpeningKey| versions.iter().any(|version| version.key == *key);
            let needed = rows.iter().any(|row| row.key.segment.index == index && used(&row.key));
            if slots.is_empty() || !needed {
                continue;
            }
            saying("anchoring what stays, with a proof that nothing else changed");
            if self.store.plan_replacement((index, height), &slots, &versions).await?.is_some() {
                let (count, first) = (versions.len() as u64, versions.first().map(|version| (version.key.table, version.to)));
                self.drive(connection, saying).await?;
                connection.refresh().await?;
                if let Some(stands) =
                    first.and_then(|(table, version)| self.anchored_as(connection.state(), table, SegmentId { index, version }))
                {
                    replaced += count;
                    emptied.insert(index, stands);
                }
            }
        }
        Ok(replaced)
    }

    /// Openings that an erasure which was begun and not finished still has to be proved from.
    pub(super) async fn being_replaced(&self) -> Result<Vec<OpeningKey>, HospitalError> {
        let Some(step) = self.store.next_anchor_step().await? else { return Ok(Vec::new()) };
        let running = self.store.replacement(step.anchor()).await?;
        Ok(running.map(|running| running.versions.into_iter().map(|(old, _)| old).collect()).unwrap_or_default())
    }

    /// The transaction that carries a version, with its block, if it is on the ledger.
    fn anchored_as(&self, state: &State, table: TableName, id: SegmentId) -> Option<(TransactionId, Height)> {
        let table = TableKey { hospital: self.member.id(), table: table.digest };
        state.segment(&SegmentKey { table, id }).map(|record| (record.transaction, record.height))
    }

    /// The versions of a segment that are replaced, each with the next one. Those of a research cut alone go along if all of them are here.
    async fn versions<'a>(&self, state: &'a State, index: u32) -> Result<Vec<Replaceable<'a>>, HospitalError> {
        let (must, may) = state.versions_to_erase(&self.member.id(), index);
        let all: BTreeSet<(Digest32, u32)> = must.union(&may).copied().collect();
        let versions = self.in_order(state, index, &all);
        for version in versions.iter().filter(|version| !must.contains(&(version.key.table.digest, version.key.segment.version))) {
            let kept = self.store.find_opening(&version.key).await?;
            if kept.is_none_or(|kept| kept.codes.is_none() || kept.points.as_deref() != Some(version.points)) {
                return Ok(self.in_order(state, index, &must));
            }
        }
        Ok(versions)
    }

    fn in_order<'a>(&self, state: &'a State, index: u32, all: &BTreeSet<(Digest32, u32)>) -> Vec<Replaceable<'a>> {
        let mut versions: Vec<Replaceable<'a>> = Vec::new();
        for (digest, version) in all.iter().copied() {
            let kind = if state.dictionary(&digest).is_some() { TableKind::Data } else { TableKind::Consent };
            let table = TableKey { hospital: self.member.id(), table: digest };
            let segment = SegmentId { index, version };
            let current = state.table(&table).and_then(|record| record.versions.get(index as usize).copied());
            let Some((record, current)) = state.segment(&SegmentKey { table, id: segment }).zip(current) else { continue };
            let before = versions.last().filter(|last| last.key.table.digest == digest).map_or(current, |last| last.to);
            let key = OpeningKey { table: TableName { kind, digest }, segment };
            versions.push(Replaceable { key, points: &record.bytes, to: before.saturating_add(1) });
        }
        versions
    }

    /// A step of an erasure's journal before it is sent.
    pub(super) async fn replacement_step(
        &self,
        connection: &Connection,
        step: AnchorStep,
        replacement: &Replacement,
    ) -> Result<(), HospitalError> {
        match step {
            AnchorStep::Commit { anchor, openings } => self.commit_versions(connection, anchor, &openings).await,
            AnchorStep::Build { anchor, .. } => {
                let transaction = self.build_replacement(connection, replacement).await?;
                Ok(self.store.store_transactions(anchor, &[transaction]).await?)
            }
            AnchorStep::Submit { .. } | AnchorStep::Await { .. } => Err(HospitalError::Damaged("an erasure")),
        }
    }

    /// Draws blinders for planned versions, and stores them with the commitments.
    async fn commit_versions(&self, connection: &Connection, anchor: AnchorId, openings: &[OpeningKey]) -> Result<(), HospitalError> {
        let patients = self.store.people(0..u32::MAX).await?;
        for key in openings {
            let codes = self.store.opening(key).await?.codes.ok_or(HospitalError::Damaged("a planned segment without rows"))?;
            let (context, layout) = self.place(connection, key)?;
            let id = key.segment;
            let made = tokio::task::spawn_blocking(move || {
                let (blinders, segment) = commit_made(&context, &layout, id, &codes);
                (codes, blinders, segment)
            });
            let (codes, blinders, segment) = made.await?;
            let source = (key.table.kind == TableKind::Data).then(|| source(id, &codes, &blinders, &patients));
            let points = segment.encode();
            let source = source.as_ref().map(|(seed, root)| (&**seed, *root));
            self.store.store_commitments(anchor, &[Committed { key: *key, blinders: &blinders, points: &points, source }]).await?;
        }
        Ok(())
    }

    /// Proves and signs an erasure.
    async fn build_replacement(&self, connection: &Connection, replacement: &Replacement) -> Result<AnchorTransaction, HospitalError> {
        let state = connection.state();
        let slots = state.slots_to_erase(self.member.id(), replacement.index, replacement.height);
        let (mut witnesses, mut steps, mut roots) = (Vec::new(), Vec::new(), Vec::new());
        for (old, new) in &replacement.versions {
            let (context, layout) = self.place(connection, new)?;
            let (from, to) = (self.store.opening(old).await?, self.store.opening(new).await?);
            let points = to.points.clone().ok_or(HospitalError::Damaged("a prepared segment"))?;
            roots.push(merkle::leaf(&to.source_root.unwrap_or_default().0));
            steps.push(ErasedVersion { table: new.table.digest, from: old.segment.version, to: new.segment.version, points });
            witnesses.push((version(&context, &layout, from)?, version(&context, &layout, to)?, layout));
        }
        let prove = move || {
            let step =
                |(old, new, layout): &'_ (Version, Version, SegmentLayout)| (layout.clone(), old.segment.clone(), new.segment.clone());
            let parts: Vec<(SegmentLayout, Segment, Segment)> = witnesses.iter().map(step).collect();
            let steps: Vec<ErasureStep<'_>> = parts.iter().map(|(layout, old, new)| ErasureStep { layout, old, new }).collect();
            let secrets: Vec<ErasureWitness<'_>> = witnesses
                .iter()
                .map(|(old, new, _)| ErasureWitness { old: (&old.codes, &old.blinders), new: (&new.codes, &new.blinders) })
                .collect();
            prove_erasure(&ErasureInstance { slots: &slots, steps: &steps }, &secrets, &mut OsRng)
        };
        let proof = tokio::task::spawn_blocking(prove).await??;
        let erase =
            Erase { index: replacement.index, height: replacement.height, steps, source_root: merkle::root(&roots), proof: proof.encode() };
        let sequence = connection.next_sequence(&self.member.id());
        let transaction = Transaction::sign(self.member.signing(), state.network(), sequence, Payload::Erase(erase));
        Ok(AnchorTransaction { bytes: transaction.encode(), openings: replacement.versions.iter().map(|(_, new)| *new).collect() })
    }

    /// What a version's commitments are bound to, and the layout of its table.
    fn place(&self, connection: &Connection, key: &OpeningKey) -> Result<(TableContext, SegmentLayout), HospitalError> {
        let state = connection.state();
        let table = key.table.digest;
        let layout = match key.table.kind {
            TableKind::Data => dictionary(state, &table)?.layout(),
            TableKind::Consent => state.registry_of(&table).ok_or(HospitalError::Unknown("scope registry"))?.layout(),
        };
        Ok((TableContext { network: state.network().0, hospital: self.member.id().digest(), table }, layout))
    }
}

/// A stored version.
fn version(context: &TableContext, layout: &SegmentLayout, opening: Opening) -> Result<Version, HospitalError> {
    let id = opening.key.segment;
    let (Some(codes), Some(blinders), Some(points)) = (opening.codes, opening.blinders, opening.points) else {
        return Err(HospitalError::OpeningDestroyed(id.index));
    };
    let segment = Segment::decode(context, id, &points, layout.rows()).map_err(|_| HospitalError::Damaged("a prepared segment"))?;
    Ok(Version { codes, blinders, segment })
}
