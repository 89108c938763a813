//! Showing one record: to the person it is about, or to whom that person lets see it.

use super::{Hospital, HospitalError, source_root};
use crate::{
    opening::{Opening, OpeningKey, TableKind, TableName},
    slots::SlotIndex,
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::segment::{EMPTY, SLOTS};
use countersign_ingest::PatientId;
use countersign_ledger::{SlotRow, State};
use countersign_member::Connection;
use countersign_messages::{RECORD_ROWS_MAX, Record, RecordRow, RecordSource, RecordTable, merkle, source_salt};
use countersign_prover::{row::open_row, validity::sparse_rows};
use rand::rngs::OsRng;

/// A record, and what of it cannot be shown any more.
#[derive(Debug)]
pub struct Shown {
    /// What can be.
    pub record: Record,
    /// Rows whose openings were destroyed.
    pub destroyed: usize,
    /// Rows with research data of which the hospital cannot show that they are what it read.
    pub without_source: usize,
    /// Rows beyond [`RECORD_ROWS_MAX`].
    pub left_out: usize,
}

impl Hospital {
    /// Opens what the anchored tables hold at a patient's slot: the versions in force, and those that studies are answered from. The slot in use, or the last that was.
    ///
    /// # Errors
    /// The patient has and had no row here, or an opening does not fit the ledger.
    #[boxed]
    pub async fn record(&self, connection: &mut Connection, patient: &PatientId) -> Result<Shown, HospitalError> {
        connection.refresh().await?;
        let slot = self.last_slot(connection, patient).await?.ok_or(HospitalError::NothingToShow)?;
        let (state, me) = (connection.state(), self.member.id());
        let record = Record { network: state.network(), hospital: me, slot: slot.0, rows: Vec::new() };
        let mut shown = Shown { record, destroyed: 0, without_source: 0, left_out: 0 };
        for row in state.slot_rows(&me, slot.0) {
            if shown.record.rows.len() == RECORD_ROWS_MAX {
                shown.left_out += 1;
                continue;
            }
            match self.row(state, slot, &row).await? {
                None => shown.destroyed += 1,
                Some(opened) => {
                    shown.without_source += usize::from(opened.source.is_none() && matches!(opened.table, RecordTable::Data(_)));
                    shown.record.rows.push(opened);
                }
            }
        }
        Ok(shown)
    }

    /// One row; `None`: its opening was destroyed, or is not here.
    async fn row(&self, state: &State, slot: SlotIndex, row: &SlotRow) -> Result<Option<RecordRow>, HospitalError> {
        let unknown = || HospitalError::Unknown("table");
        let (kind, table, layout) = match state.dictionary(&row.table) {
            Some(record) => (TableKind::Data, RecordTable::Data(record.bytes.clone()), record.dictionary().layout()),
            None => {
                let registry = state.registry_of(&row.table).ok_or_else(unknown)?;
                (TableKind::Consent, RecordTable::Consent(registry.clone()), registry.layout())
            }
        };
        let key = OpeningKey { table: TableName { kind, digest: row.table }, segment: row.segment };
        let Some(opening) = self.store.find_opening(&key).await? else { return Ok(None) };
        let anchored = state.slot_segment(&self.member.id(), row).ok_or_else(unknown)?;
        if opening.points.as_ref() != Some(&anchored.bytes) {
            return Err(HospitalError::Damaged("an opening that is not what was anchored"));
        }
        let source = self.source(slot, &opening).await?;
        let (Some(codes), Some(blinders)) = (opening.codes, opening.blinders) else { return Ok(None) };
        let (segment, offset) = (anchored.segment().clone(), slot.offset() as usize);
        let open = move || open_row(&segment, &sparse_rows(&layout, &codes, 0), &blinders, offset, &mut OsRng).encode();
        let opening = tokio::task::spawn_blocking(open).await?;
        let (transaction, height) = (anchored.transaction, anchored.height);
        Ok(Some(RecordRow { table, segment: row.segment, transaction, height, opening, source }))
    }

    /// The path from a row to the root that its anchor carries; `None` where there is none, or not any more.
    async fn source(&self, slot: SlotIndex, opening: &Opening) -> Result<Option<RecordSource>, HospitalError> {
        let (Some(codes), Some(seed), Some(root)) = (&opening.codes, &opening.source_seed, opening.source_root) else { return Ok(None) };
        if codes.blocks.first().is_none_or(|block| block.get(slot.offset() as usize).is_none_or(|bin| *bin == EMPTY)) {
            return Ok(None);
        }
        let index = opening.key.segment.index;
        let first = index * SLOTS as u32;
        let people = self.store.people(first..first + SLOTS as u32).await?;
        let (slots, leaves): (Vec<u32>, Vec<_>) = source_root::leaves(index, codes, seed, &people).into_iter().unzip();
        let (Some(patient), Some(place)) = (people.get(&slot.0), slots.iter().position(|at| *at == slot.0)) else { return Ok(None) };
        if merkle::root(&leaves) != root {
            return Ok(None);
        }
        let Some((roots, at)) = self.store.source_roots(&opening.key).await? else { return Ok(None) };
        let roots: Vec<_> = roots.iter().map(|root| merkle::leaf(&root.0)).collect();
        let paths = merkle::Path::new(&leaves, place).zip(merkle::Path::new(&roots, at));
        Ok(paths.map(|(in_segment, in_anchor)| RecordSource {
            patient: patient.expose().to_owned(),
            salt: source_salt(seed, slot.0),
            in_segment,
            in_anchor,
        }))
    }
}
