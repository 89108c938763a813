//! Erasing a patient: out of force, out of the tables, and out of every opening that nothing needs any more.

use super::{Hospital, HospitalError};
use crate::{
    HospitalStoreError,
    journal::{Begun, Heard},
    node::waiting,
    opening::{OpeningKey, TableKind},
    slots::SlotIndex,
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::consent::Day;
use countersign_ingest::PatientId;
use countersign_ledger::State;
use countersign_member::{Connection, now};
use countersign_messages::Cause;
use std::collections::BTreeSet;

/// What erasing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// The slots that stood for the person; none, if the person had been erased before.
    pub slots: Vec<SlotIndex>,
    /// Segments anchored anew without the row.
    pub segments: u64,
    /// Openings that held the row and were destroyed.
    pub destroyed: u64,
    /// Openings that hold the row and are pinned by studies, or of a table that only another import can anchor anew.
    pub kept: u64,
    /// The last day of the studies that pin them.
    pub until: Option<Day>,
}

impl Hospital {
    /// Erases a patient: takes the slots out of force on the ledger, forgets whose they were, anchors the segments in force without the row, and destroys earlier openings that hold it. What a study pins that is not over
    /// stays until then ([`Hospital::destroy_erased`] destroys it the day after). Killed in between, the same again goes on. The files of yesterday bring nobody back; backups of before do, and are
    /// to be deleted.
    ///
    /// # Errors
    /// The patient never had a row here, or a step failed; run it again to go on.
    #[boxed]
    pub async fn erase(
        &self,
        connection: &mut Connection,
        patient: &PatientId,
        saying: &(dyn Fn(&str) + Sync),
    ) -> Result<Erased, HospitalError> {
        connection.refresh().await?;
        self.finish_withdrawals(connection).await?;
        let heard = Heard { cause: Cause::Word, received: Some(connection.state().tip().time.day()) };
        let slots = match self.store.erase(patient, heard).await {
            Err(HospitalStoreError::Unknown(_)) => return Err(HospitalError::NeverHere),
            slots => slots?,
        };
        self.drive(connection, saying).await?;
        connection.refresh().await?;
        let mut segments = 0;
        for content in self.store.anchored_contents(&connection.state().registry_digest()).await? {
            if let Begun::New { planned, .. } = self.store.plan_erasure(&content).await? {
                segments += planned.segments;
            }
            self.drive(connection, saying).await?;
        }
        connection.refresh().await?;
        let (destroyed, kept, until) = self.destroy(connection).await?;
        Ok(Erased { slots, segments, destroyed, kept, until })
    }

    /// Lets a patient who left or was erased have a new row at the next anchor: only once a person has looked at a new document, signed by the patient after that.
    ///
    /// # Errors
    /// Nobody of that id is held back here, or the file is damaged.
    #[boxed]
    pub async fn readmit(&self, patient: &PatientId) -> Result<(), HospitalError> {
        if self.store.readmit(patient).await? { Ok(()) } else { Err(HospitalError::NotHeldBack) }
    }

    /// Destroys openings that hold rows of erased people and that no study pins any more: once a day. Returns how many.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn destroy_erased(&self, connection: &Connection) -> Result<u64, HospitalError> {
        Ok(self.destroy(connection).await?.0)
    }

    /// How many were destroyed and how many are kept, and until when.
    async fn destroy(&self, connection: &Connection) -> Result<(u64, u64, Option<Day>), HospitalError> {
        let state = connection.state();
        let (mut destroyed, mut kept, mut until) = (0, 0, None);
        for row in self.store.erased_rows().await? {
            // a consent table of another registry is never in force again; nothing is compared with it
            let over = row.key.table.kind == TableKind::Consent && row.key.table.digest != state.registry_digest();
            let pinned = self.pinned_until(state, &row.key);
            if pinned.is_none() && (over || !row.newest) {
                self.store.destroy(&row.key).await?;
                destroyed += 1;
            } else {
                kept += 1;
                until = until.max(pinned);
            }
        }
        Ok((destroyed, kept, until))
    }

    /// The last day of the studies whose cuts pin an opening and that are not over, or still wait for an answer. The research cut does not count: an erased person goes before
    /// the comparison of two cuts, which then takes every row as new (docs/adr/031).
    fn pinned_until(&self, state: &State, key: &OpeningKey) -> Option<Day> {
        let (me, today) = (self.member.id(), state.tip().time.day());
        let open: BTreeSet<_> = waiting(state, &me, now()).iter().filter_map(|id| Some(state.query(id)?.query.study)).collect();
        let pins = |(id, study): (_, &countersign_ledger::StudyRecord)| {
            let cut = state.cut(id, &me)?;
            let (table, segments) = match key.table.kind {
                TableKind::Data => (study.submitted.dictionary, &cut.data),
                TableKind::Consent => (study.registry, &cut.consent),
            };
            let live = today <= study.submitted.expiry || open.contains(id);
            (live && table == key.table.digest && segments.contains(&key.segment)).then_some(study.submitted.expiry)
        };
        state.studies().filter_map(pins).max()
    }
}
