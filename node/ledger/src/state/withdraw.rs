//! Withdrawals.

use super::{Context, State, records::TableKey, result::Effect};
use crate::{
    active::{Leavers, WithdrawalRecord},
    rejection::Rejection,
};
use countersign_circuits::{hash::Digest32, segment::SLOTS};
use countersign_messages::{MemberId, Withdraw};

impl State {
    pub(super) fn apply_withdraw(&mut self, cx: &Context<'_>, withdraw: &Withdraw) -> Result<Effect, Rejection> {
        let account = self.account(cx).with_withdrawal()?;
        let effect = self.record_withdrawal(cx, withdraw, self.register_slots(&cx.signer))?;
        self.accounts.insert(cx.signer, account);
        Ok(effect)
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
        let record = WithdrawalRecord { height: cx.height, by: withdraw.by };
        self.withdrawals.insert(cx.signer, &withdraw.slots, record, cx.transaction);
        let mut leavers = Leavers::default();
        leavers.count(withdraw.by, withdraw.slots.len() as u32);
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
