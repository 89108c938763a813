//! The slot register: which patient has which place in the anchored tables.
//!
//! One register a hospital, shared by data and consent. Slots are given out in random order, so that a place says nothing
//! about the order of arrival, and never twice. A slot that was withdrawn or erased stays dead.

use countersign_circuits::segment::{SEGMENTS_MAX, SLOTS};
use countersign_ingest::PatientId;
use rand::{CryptoRng, Rng, RngCore};
use std::collections::{HashMap, HashSet};

/// Row ids lie below: as many as a table has slots, so that bitmaps of them stay dense.
pub const ROW_IDS: u32 = (SEGMENTS_MAX * SLOTS) as u32;

/// A slot, counted over all segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotIndex(pub u32);

impl SlotIndex {
    /// The segment it lies in.
    pub fn segment(self) -> u32 {
        self.0 / SLOTS as u32
    }

    /// The place inside its segment.
    pub fn offset(self) -> u32 {
        self.0 % SLOTS as u32
    }
}

/// The random id under which a person is remembered in the sets of released numbers: one over all slots, so that a new slot is not a new person there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub u32);

/// Whose each slot is, by the person's random id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SlotPeople(Vec<Option<RowId>>);

impl SlotPeople {
    /// So many slots, all of them nobody's.
    pub(crate) fn with_slots(slots: u32) -> Self {
        Self(vec![None; slots as usize])
    }

    /// Whose a slot is.
    pub fn get(&self, slot: &SlotIndex) -> Option<&RowId> {
        self.0.get(slot.0 as usize)?.as_ref()
    }

    /// Gives a slot to somebody; `None` if there is no such slot.
    pub(crate) fn put(&mut self, slot: SlotIndex, person: RowId) -> Option<()> {
        *self.0.get_mut(slot.0 as usize)? = Some(person);
        Some(())
    }
}

/// Whether a slot counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// It counts as its consents say.
    InUse,
    /// Withdrawn: dead for ever.
    Withdrawn,
    /// Erased: dead for ever, and no longer linked to a person.
    Erased,
}

/// Why the register did not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SlotError {
    /// The table space is used up.
    #[error("all {} slots of this hospital were used; a new table generation is needed", SEGMENTS_MAX * SLOTS)]
    Full,
    /// The patient has no slot in use.
    #[error("this patient has no slot in use")]
    NoSlot,
}

/// One slot that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// The slot.
    pub slot: SlotIndex,
    /// The person's random id.
    pub row_id: RowId,
}

/// The register in memory. [`HospitalStore`](crate::HospitalStore) loads and stores it.
#[derive(Debug, Default)]
pub struct SlotRegister {
    live: HashMap<PatientId, Assignment>,
    used: HashSet<u32>,
    row_ids: HashSet<u32>,
    /// Ids of people who have or had a slot: a person keeps one over all slots.
    people: HashMap<PatientId, RowId>,
    withdrawn: HashSet<PatientId>,
    segments: u32,
}

impl SlotRegister {
    /// Segments the register spans.
    pub fn segments(&self) -> u32 {
        self.segments
    }

    /// Patients with a slot in use.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// True if nobody has a slot in use.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// The slot a patient has in use.
    pub fn find(&self, patient: &PatientId) -> Option<Assignment> {
        self.live.get(patient).copied()
    }

    /// All slots in use, in no particular order.
    pub fn live(&self) -> impl Iterator<Item = (&PatientId, Assignment)> {
        self.live.iter().map(|(p, a)| (p, *a))
    }

    /// Gives slots to those of `patients` (each with a row and a consent) who have none and have not withdrawn; returns the
    /// new ones. A free slot in any segment is as likely as any other; segments are added only when all are full.
    ///
    /// # Errors
    /// The table space does not suffice; nothing is given out then.
    pub fn assign<'a>(
        &mut self,
        patients: impl IntoIterator<Item = &'a PatientId>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Vec<(PatientId, Assignment)>, SlotError> {
        let mut seen = HashSet::new();
        let new: Vec<&PatientId> =
            patients.into_iter().filter(|p| !self.live.contains_key(*p) && !self.withdrawn.contains(*p) && seen.insert(*p)).collect();
        let needed = self.used.len() + new.len();
        let segments = needed.div_ceil(SLOTS).max(self.segments as usize);
        if segments > SEGMENTS_MAX {
            return Err(SlotError::Full);
        }
        let mut free: Vec<u32> = (0..(segments * SLOTS) as u32).filter(|s| !self.used.contains(s)).collect();
        let mut given = Vec::with_capacity(new.len());
        for (i, patient) in new.into_iter().enumerate() {
            let pick = rng.gen_range(i..free.len());
            free.swap(i, pick);
            let row_id = self.people.get(patient).copied().unwrap_or_else(|| self.fresh_row_id(rng));
            let assignment = Assignment { slot: SlotIndex(free[i]), row_id };
            self.insert(Some(patient.clone()), assignment.slot, Some(assignment.row_id), SlotState::InUse);
            given.push((patient.clone(), assignment));
        }
        self.segments = segments as u32;
        Ok(given)
    }

    /// At most half of the ids are taken when half of all slots are; with all slots taken the last draws need many tries,
    /// which is why ids are as many as slots and no fewer.
    fn fresh_row_id(&self, rng: &mut (impl RngCore + CryptoRng)) -> RowId {
        loop {
            let id = rng.gen_range(0..ROW_IDS);
            if !self.row_ids.contains(&id) {
                return RowId(id);
            }
        }
    }

    /// Takes a patient's slot out of use, for ever, and holds back new ones until [`SlotRegister::readmit`].
    ///
    /// # Errors
    /// The patient has no slot in use.
    pub fn withdraw(&mut self, patient: &PatientId) -> Result<Assignment, SlotError> {
        let assignment = self.live.remove(patient).ok_or(SlotError::NoSlot)?;
        self.withdrawn.insert(patient.clone());
        Ok(assignment)
    }

    /// Takes a patient's slot out of use, for ever; the patient may have a new one for what consents are left.
    pub(crate) fn release(&mut self, patient: &PatientId) {
        self.live.remove(patient);
    }

    /// True if the slot was given out, ever.
    pub fn is_used(&self, slot: SlotIndex) -> bool {
        self.used.contains(&slot.0)
    }

    /// Lets a patient who withdrew have a new slot: only after a new document signed by the patient.
    pub fn readmit(&mut self, patient: &PatientId) {
        self.withdrawn.remove(patient);
    }

    /// Restores a stored slot.
    pub(crate) fn insert(&mut self, patient: Option<PatientId>, slot: SlotIndex, row_id: Option<RowId>, state: SlotState) {
        self.used.insert(slot.0);
        self.row_ids.extend(row_id.map(|id| id.0));
        self.segments = self.segments.max(slot.segment() + 1);
        if let (Some(patient), Some(row_id)) = (patient, row_id) {
            self.people.insert(patient.clone(), row_id);
            if state == SlotState::InUse {
                self.live.insert(patient, Assignment { slot, row_id });
            }
        }
    }

    /// Restores a hold.
    pub(crate) fn insert_withdrawn(&mut self, patient: PatientId) {
        self.withdrawn.insert(patient);
    }

    /// Restores a row id that must not come again.
    pub(crate) fn insert_retired(&mut self, row_id: RowId) {
        self.row_ids.insert(row_id.0);
    }
}
