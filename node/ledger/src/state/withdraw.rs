//! Withdrawals.

use super::{Context, State, records::TableKey, result::Effect};
use crate::{
    active::{Leavers, WithdrawalRecord},
    identity::{MemberId, Role},
    rejection::Rejection,
    transaction::Withdraw,
};
use countersign_circuits::{hash::Digest32, segment::SLOTS};

impl State {
    pub(super) fn apply_withdraw(&mut self, cx: &Context<'_>, withdraw: &Withdraw) -> Result<Effect, Rejection> {
        self.need_role(cx, Role::Hospital)?;
        self.record_withdrawal(cx, withdraw, self.register_slots(&cx.signer))
    }

    /// Takes slots below a bound out of force.
    pub(super) fn record_withdrawal(&mut self, cx: &Context<'_>, withdraw: &Withdraw, slots: u32) -> Result<Effect, Rejection> {
        if withdraw.slots.is_empty() || !withdraw.slots.windows(2).all(|w| w[0] < w[1]) {
            return Err(Rejection::SlotOrder);
        }
        let mut leavers = Leavers::default();
        for slot in &withdraw.slots {
            if *slot >= slots {
                return Err(Rejection::SlotUnknown { slot: *slot, slots });
            }
            let key = (cx.signer, *slot);
            if self.withdrawals.get(&key).is_some() {
                return Err(Rejection::SlotInactive(*slot));
            }
            self.withdrawals.insert(key, WithdrawalRecord { height: cx.height, by: withdraw.by, transaction: cx.transaction });
            leavers.count(withdraw.by);
        }
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
