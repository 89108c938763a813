//! What the ledger holds of this hospital, as far as its own file must agree with it.

use crate::{opening::TableName, slots::SlotIndex};
use countersign_circuits::consent::{Day, ScopeRegistry};
use countersign_circuits::hash::Digest32;
use countersign_messages::PatientKey;

/// The ledger's word on this hospital's tables. An import is compared with it, never with what the hospital believes: a file restored
/// from a backup, or a step whose report was lost, must not pass for the present state.
pub trait LedgerView: Sync {
    /// Segments of a table in force.
    fn segments(&self, table: TableName) -> u32;

    /// Version and commitments of a segment in force.
    fn current(&self, table: TableName, segment: u32) -> Option<(u32, Vec<u8>)>;

    /// Slots out of force.
    fn withdrawn(&self) -> Vec<SlotIndex>;

    /// Of these, slots that their patients' own keys took out.
    fn left_by_key(&self) -> Vec<SlotIndex>;

    /// True for a slot that is out of force as the hospital said that its patient said so.
    fn left_by_word(&self, slot: SlotIndex) -> bool;

    /// Slots for which a patient's key stands, in force or not.
    fn keyed(&self) -> Vec<SlotIndex>;

    /// The key that stands or stood for a slot.
    fn key(&self, slot: SlotIndex) -> Option<PatientKey>;

    /// The ledger's day.
    fn today(&self) -> Day;

    /// A scope registry that is or was in force.
    fn registry(&self, digest: &Digest32) -> Option<ScopeRegistry>;
}
