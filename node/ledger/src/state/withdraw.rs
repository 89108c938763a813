//! Withdrawals, and the keys that patients withdraw with.

use super::{
    Context, State,
    records::{KeyRecord, TableKey},
    result::Effect,
};
use crate::{
    active::{Leavers, WithdrawalRecord, WithdrawnBy},
    rejection::Rejection,
};
use countersign_circuits::{hash::Digest32, segment::SLOTS};
use countersign_messages::{Enrol, EnvelopeError, MemberId, PatientKey, Withdraw, WithdrawByKey};

impl State {
    pub(super) fn apply_withdraw(&mut self, cx: &Context<'_>, withdraw: &Withdraw) -> Result<Effect, Rejection> {
        let account = self.account(cx).with_withdrawal()?;
        if withdraw.received > cx.time.day() {
            return Err(Rejection::ReceivedLater);
        }
        let effect = self.record_withdrawal(cx, withdraw, self.register_slots(&cx.signer))?;
        self.accounts.insert(cx.signer, account);
        Ok(effect)
    }

    /// Whether a key may take a slot out of force now. No block holds such a transaction otherwise, so that it counts against nobody and replays come to nothing.
    pub(super) fn check_key(&self, signer: &MemberId, withdraw: &WithdrawByKey) -> Result<(), EnvelopeError> {
        let stands = self.patient_key(&withdraw.hospital, withdraw.slot).is_some_and(|record| record.key.signer() == *signer);
        let in_force = self.withdrawals.get(withdraw.hospital, withdraw.slot).is_none();
        if stands && in_force { Ok(()) } else { Err(EnvelopeError::NoSlot) }
    }

    /// A patient takes the own slot out of force. Who signs was checked before.
    pub(super) fn apply_withdraw_by_key(&mut self, cx: &Context<'_>, withdraw: &WithdrawByKey) -> Result<Effect, Rejection> {
        if self.withdrawals.get(withdraw.hospital, withdraw.slot).is_some() {
            return Err(Rejection::SlotInactive(withdraw.slot));
        }
        let record = WithdrawalRecord { height: cx.height, by: WithdrawnBy::Key };
        self.withdrawals.insert(withdraw.hospital, &[withdraw.slot], record, cx.transaction);
        Ok(Effect::Withdrawn(Leavers { key: 1, ..Leavers::default() }))
    }

    pub(super) fn apply_enrol(&mut self, cx: &Context<'_>, enrol: &Enrol) -> Result<Effect, Rejection> {
        let account = self.account(cx).with_enrolment()?;
        if enrol.keys.is_empty() || !enrol.keys.windows(2).all(|w| w[0].slot < w[1].slot) {
            return Err(Rejection::SlotOrder);
        }
        let slots = self.register_slots(&cx.signer);
        for enrolment in &enrol.keys {
            let (slot, key) = (enrolment.slot, enrolment.key);
            if slot >= slots {
                return Err(Rejection::SlotUnknown { slot, slots });
            }
            if self.withdrawals.get(cx.signer, slot).is_some() {
                return Err(Rejection::SlotInactive(slot));
            }
            if self.patient_key(&cx.signer, slot).is_some() {
                return Err(Rejection::SlotHasKey(slot));
            }
            if self.member(&key.signer()).is_some() || self.slot_of_key(&key).is_some() {
                return Err(Rejection::KeyTaken(slot));
            }
            if !key.check_possession(&self.network, &cx.signer, &enrolment.possession) {
                return Err(Rejection::KeyPossession(slot));
            }
            self.keys.insert((cx.signer, slot), KeyRecord { key, height: cx.height, transaction: cx.transaction });
            self.key_slots.insert(key, (cx.signer, slot));
        }
        self.accounts.insert(cx.signer, account);
        Ok(Effect::Enrolled(enrol.keys.len() as u32))
    }

    /// The patient's key that stands for a slot.
    pub fn patient_key(&self, hospital: &MemberId, slot: u32) -> Option<&KeyRecord> {
        self.keys.get(&(*hospital, slot)).map(std::sync::Arc::as_ref)
    }

    /// The slots of a hospital for which patients' keys stand, in force or not.
    pub fn patient_keys(&self, hospital: &MemberId) -> impl Iterator<Item = (u32, &KeyRecord)> {
        self.keys.range((*hospital, 0)..=(*hospital, u32::MAX)).map(|((_, slot), record)| (*slot, record.as_ref()))
    }

    /// The hospital and slot a patient's key stands for, in force or not.
    pub fn slot_of_key(&self, key: &PatientKey) -> Option<(MemberId, u32)> {
        self.key_slots.get(key).copied()
    }

    /// Takes slots below a bound out of force.
    pub(super) fn record_withdrawal(&mut self, cx: &Context<'_>, withdraw: &Withdraw, slots: u32) -> Result<Effect, Rejection> {
        if withdraw.slots.is_empty() || !withdraw.slots.windows(2).all(|w| w[0] < w[1]) {
            return Err(Rejection::SlotOrder);
        }
        for slot in &withdraw.slots {
            if *slot >= slots {
                return Err(Rejection::SlotUnknown { slot: *slot, slots });
            }
            if self.withdrawals.get(cx.signer, *slot).is_some() {
                return Err(Rejection::SlotInactive(*slot));
            }
        }
        let record = WithdrawalRecord { height: cx.height, by: withdraw.cause.into() };
        self.withdrawals.insert(cx.signer, &withdraw.slots, record, cx.transaction);
        let mut leavers = Leavers::default();
        leavers.count(withdraw.cause.into(), withdraw.slots.len() as u32);
        Ok(Effect::Withdrawn(leavers))
    }

    /// Slots of a hospital's register: those of its longest table.
    pub fn register_slots(&self, hospital: &MemberId) -> u32 {
        let keys =
            TableKey { hospital: *hospital, table: Digest32([0; 32]) }..=TableKey { hospital: *hospital, table: Digest32([u8::MAX; 32]) };
        let segments = self.tables.range(keys).map(|(_, t)| t.segment_count()).max().unwrap_or(0);
        segments.saturating_mul(SLOTS as u32)
    }
}
