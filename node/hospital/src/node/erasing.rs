//! Erasing a patient: out of force, out of the tables, and out of every opening.

use super::{Hospital, HospitalError, on_ledger::OnLedger};
use crate::{
    HospitalStoreError,
    backup::BackupError,
    journal::{Begun, Heard},
    opening::{OpeningKey, TableKind},
    slots::SlotIndex,
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::consent::Day;
use countersign_ingest::PatientId;
use countersign_ledger::{State, StudyRecord, TableKey};
use countersign_member::Connection;
use countersign_messages::{Cause, Height, TransactionId};
use std::collections::{BTreeMap, HashMap};

/// A place in the tables that was a patient's, as the chain has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedPlace {
    /// The slot. Nobody has it any more.
    pub slot: SlotIndex,
    /// Since when it is out of force; `None`: it was on no ledger.
    pub left: Option<Height>,
    /// The erasure that emptied it in every version that can be used, with its block; `None`: a version could not be replaced, or the place was on no ledger.
    pub emptied: Option<(TransactionId, Height)>,
}

/// What erasing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// The places that were the person's; none, if the person had been erased before.
    pub places: Vec<ErasedPlace>,
    /// Versions of segments, in force or pinned by studies, that were replaced by ones without the row.
    pub replaced: u64,
    /// Segments anchored anew without the row as by an import, where a version could not be replaced.
    pub segments: u64,
    /// What became of openings.
    pub openings: Swept,
}

/// What became of the openings that hold rows of erased people, whoever they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Destroyed now.
    pub destroyed: u64,
    /// Kept, as studies pin them that are not over, or an erasure has still to be proved from them.
    pub pinned: u64,
    /// The last day of those studies.
    pub until: Option<Day>,
    /// Kept, as they are the newest of a segment: only an import can anchor it without the row.
    pub newest: u64,
}

impl Hospital {
    /// Erases a patient: takes the slots out of force on the ledger, forgets whose they were, replaces every version in force or pinned by one without the row, and destroys earlier openings that hold it. Where the file lacks a version, the segments in force are anchored without the row, and what a study pins that is not over
    /// stays until then ([`Hospital::finish_erasures`] destroys it the day after). Killed in between, the same again goes on. The files of yesterday bring nobody back, nor do backups of before, as long as
    /// the list of erasures is there.
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
        self.store.hear(&OnLedger { state: connection.state(), hospital: self.member.id() }).await?;
        self.finish_withdrawals(connection).await?;
        let heard = Heard { cause: Cause::Word, received: Some(connection.state().tip().time.day()) };
        // apart first: whatever happens to the file from here on, the person is not brought back
        if !self.store.slots_of(patient).await?.is_empty() {
            self.erasures.note(patient, true)?;
        }
        let slots = match self.store.erase(patient, heard).await {
            Err(HospitalStoreError::Unknown(_)) => return Err(HospitalError::NeverHere),
            slots => slots?,
        };
        let list = self.erasures.note(patient, true)?;
        self.store.took_erasure_list(Some(list.state())).await?;
        self.drive(connection, saying).await?;
        // what can be destroyed is, also where a table cannot be anchored
        let mut emptied = BTreeMap::new();
        let replaced = self.replace_erased(connection, &mut emptied, saying).await;
        let segments = self.anchor_without(connection, saying).await;
        let mut openings = self.sweep(connection, replaced.is_err()).await?;
        openings.destroyed += replaced.as_ref().copied().unwrap_or_default();
        let places = slots.into_iter().map(|slot| self.place_of(connection.state(), slot, &emptied)).collect();
        Ok(Erased { places, replaced: replaced?, segments: segments?, openings })
    }

    /// Holds back a patient whom this file does not know, as the person came after the copy that was brought back, and was erased since: nothing but [`Hospital::readmit`] gives the person a row.
    ///
    /// # Errors
    /// The file knows the patient ([`HospitalError::KnownHere`]: erase instead), or it or the list refuses.
    #[boxed]
    pub async fn erase_unknown(&self, patient: &PatientId) -> Result<(), HospitalError> {
        if !self.store.slots_of(patient).await?.is_empty() {
            return Err(HospitalError::KnownHere);
        }
        let list = self.erasures.note(patient, true)?;
        self.store.hold_erased(std::slice::from_ref(patient)).await?;
        Ok(self.store.took_erasure_list(Some(list.state())).await?)
    }

    fn place_of(&self, state: &State, slot: SlotIndex, emptied: &BTreeMap<u32, (TransactionId, Height)>) -> ErasedPlace {
        let left = state.withdrawal(self.member.id(), slot.0).map(|left| left.height);
        ErasedPlace { slot, left, emptied: left.and_then(|_| emptied.get(&slot.segment()).copied()) }
    }

    /// Anchors the tables in force without rows of erased people.
    async fn anchor_without(&self, connection: &mut Connection, saying: &(dyn Fn(&str) + Sync)) -> Result<u64, HospitalError> {
        let mut segments = 0;
        for content in self.store.anchored_contents(&connection.state().registry_digest()).await? {
            connection.refresh().await?;
            let ledger = OnLedger { state: connection.state(), hospital: self.member.id() };
            if let Begun::New { planned, .. } = self.store.plan_erasure(&content, &ledger).await? {
                segments += planned.segments;
            }
            self.drive(connection, saying).await?;
        }
        Ok(segments)
    }

    /// Lets a patient who left or was erased have a new row at the next anchor: only once a person has looked at a new document, signed by the patient after that.
    ///
    /// # Errors
    /// Nobody of that id is held back here, or the file is damaged.
    #[boxed]
    pub async fn readmit(&self, patient: &PatientId) -> Result<(), HospitalError> {
        let (held, listed) = (self.store.readmit(patient).await?, self.erasures.holds(&self.erasures.read()?, patient));
        if listed {
            let list = self.erasures.note(patient, false)?;
            self.store.took_erasure_list(Some(list.state())).await?;
        }
        if held || listed { Ok(()) } else { Err(HospitalError::NotHeldBack) }
    }

    /// Does again what the list of erasures says since this file took it over last, in its order: who was erased is erased, who was readmitted after that may have a row. How many were erased.
    pub(super) async fn replay_erasures(&self, state: &State) -> Result<usize, HospitalError> {
        let (list, before) = (self.erasures.read()?, self.store.erasure_list().await?);
        let lines = list.since(before).ok_or_else(|| BackupError::ListOlder(self.erasures.path().to_owned()))?;
        if lines.is_empty() {
            return Ok(0);
        }
        let people: HashMap<_, PatientId> =
            self.store.people(0..u32::MAX).await?.into_values().map(|patient| (self.erasures.hash(&patient), patient)).collect();
        let heard = Heard { cause: Cause::Word, received: Some(state.tip().time.day()) };
        let mut again = 0;
        for (erased, hash) in lines {
            match (people.get(hash), erased) {
                (Some(patient), true) => {
                    self.store.erase(patient, heard).await?;
                    again += 1;
                }
                (Some(patient), false) => drop(self.store.readmit(patient).await?),
                (None, _) => {}
            }
        }
        self.store.took_erasure_list(Some(list.state())).await?;
        Ok(again)
    }

    /// Holds back whom the list names, this file does not, and the files of an import do.
    pub(super) async fn hold_erased<'a>(&self, patients: impl Iterator<Item = &'a PatientId>) -> Result<(), HospitalError> {
        let list = self.erasures.read()?;
        let listed: Vec<PatientId> = patients.filter(|patient| self.erasures.holds(&list, patient)).cloned().collect();
        if listed.is_empty() { Ok(()) } else { Ok(self.store.hold_erased(&listed).await?) }
    }

    /// What is left of erasures: goes on with one that was interrupted, replaces what can be by now, and destroys what nothing pins: once a day. An import that was begun and not finished is for whoever began it.
    ///
    /// # Errors
    /// A step failed, or the ledger does not answer; it can be run again at any time.
    #[boxed]
    pub async fn finish_erasures(&self, connection: &mut Connection) -> Result<Swept, HospitalError> {
        connection.refresh().await?;
        let own = match self.store.next_anchor_step().await? {
            Some(step) => self.store.replacement(step.anchor()).await?.is_some(),
            None => true,
        };
        let replaced = if own { self.replace_left(connection).await } else { Ok(0) };
        // what can be destroyed is, whatever else failed
        let mut swept = self.sweep(connection, !own || replaced.is_err()).await?;
        swept.destroyed += replaced?;
        Ok(swept)
    }

    async fn replace_left(&self, connection: &mut Connection) -> Result<u64, HospitalError> {
        self.drive(connection, &|_| {}).await?;
        self.replace_erased(connection, &mut BTreeMap::new(), &|_| {}).await
    }

    /// Destroys openings that hold rows of erased people and that no study pins any more. `spare`: nor a research cut, as its versions are still to be replaced.
    ///
    /// # Errors
    /// The file is damaged, or the ledger does not answer.
    #[boxed]
    async fn sweep(&self, connection: &mut Connection, spare: bool) -> Result<Swept, HospitalError> {
        // by what is pinned now: the file may have been waited for
        connection.refresh().await?;
        let being_replaced = self.being_replaced().await?;
        let (state, mut swept) = (connection.state(), Swept::default());
        for row in self.store.erased_rows().await? {
            let of_research = || {
                let (_, research) = state.versions_to_erase(&self.member.id(), row.key.segment.index);
                research.contains(&(row.key.table.digest, row.key.segment.version))
            };
            if being_replaced.contains(&row.key) || (spare && of_research()) {
                swept.pinned += 1;
                continue;
            }
            if let Some(until) = self.pinned_until(state, &row.key) {
                swept.pinned += 1;
                swept.until = swept.until.max(Some(until));
            } else if row.newest && self.is_current(state, &row.key) && may_be_pinned(state, &row.key) {
                swept.newest += 1;
            } else {
                self.store.destroy(&row.key).await?;
                swept.destroyed += 1;
            }
        }
        Ok(swept)
    }

    /// True for the version that is in force on the ledger: one that is the last of a restored file may have been replaced since.
    fn is_current(&self, state: &State, key: &OpeningKey) -> bool {
        let table = TableKey { hospital: self.member.id(), table: key.table.digest };
        let current = state.table(&table).and_then(|record| record.versions.get(key.segment.index as usize));
        current == Some(&key.segment.version)
    }

    /// The last day of the studies whose cuts pin an opening and that are not over. The research cut does not count: [accepting](Hospital::accept) takes none that
    /// holds a row of an erased person (docs/adr/031).
    fn pinned_until(&self, state: &State, key: &OpeningKey) -> Option<Day> {
        let (me, today) = (self.member.id(), state.tip().time.day());
        let pins = |(id, study): (_, &StudyRecord)| {
            let cut = state.cut(id, &me)?;
            let versions = state.cut_versions(cut, state.tip().height);
            let (table, segments) = match key.table.kind {
                TableKind::Data => (study.submitted.dictionary, versions.data),
                TableKind::Consent => (study.registry, versions.consent),
            };
            (!study.is_over(today) && table == key.table.digest && segments.contains(&key.segment)).then_some(study.last_day())
        };
        state.studies().filter_map(pins).max()
    }
}

/// False for the consent table of a registry that is not in force and that no study has which could still be accepted: nothing is anchored or pinned of it any more.
fn may_be_pinned(state: &State, key: &OpeningKey) -> bool {
    let today = state.tip().time.day();
    key.table.kind == TableKind::Data
        || key.table.digest == state.registry_digest()
        || state.studies().any(|(_, study)| study.registry == key.table.digest && !study.is_over(today))
}
