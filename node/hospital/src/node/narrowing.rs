//! Notes of patients who left by key and let the rest of what they permitted count again.

use super::{ClaimRefused, Hospital, HospitalError, on_ledger::OnLedger};
use crate::{narrowings::Noted, slots::SlotIndex};
use async_recursion::async_recursion as boxed;
use countersign_ingest::Consents;
use countersign_ledger::WithdrawnBy;
use countersign_member::{Connection, now};
use countersign_messages::{NARROWING_MS, Narrowing};

impl Hospital {
    /// Takes a patient's note: once the slot that it names has left by its key, the scopes it names are taken from whatever the patient signed, and the rest gets a fresh slot at the next anchor.
    ///
    /// # Errors
    /// [`ClaimRefused`]; nothing is changed then, and the patient stays out.
    #[boxed]
    pub async fn take_note(&self, connection: &mut Connection, sealed: &[u8]) -> Result<(), HospitalError> {
        connection.refresh().await?;
        // what was said at the counter goes before, and stands on the ledger first
        self.finish_withdrawals(connection).await?;
        connection.refresh().await?;
        let (state, me) = (connection.state(), self.member.id());
        let note = Narrowing::open(sealed, &state.network(), &me, self.member.sealing()).map_err(ClaimRefused::from)?;
        if now() > note.signed.plus_ms(NARROWING_MS) || note.signed > now().plus_ms(NARROWING_MS) {
            return Err(ClaimRefused::NoteOver.into());
        }
        if let Some(unknown) = note.scopes.iter().find(|scope| state.registry().find(scope).is_err()) {
            return Err(ClaimRefused::NoteScope(unknown.chars().filter(|c| !c.is_control()).collect()).into());
        }
        let slot = SlotIndex(note.slot);
        let keys = self.store.keys_of(slot).await?;
        let number = keys.iter().position(|key| *key == note.key);
        let stands = state.slot_of_key(&note.key) == Some((me, note.slot));
        let (Some(number), true) = (number, stands) else { return Err(ClaimRefused::NoteForeign.into()) };
        if !matches!(state.withdrawal(me, note.slot), Some(left) if left.by == WithdrawnBy::Key) {
            return Err(ClaimRefused::NoteTooEarly.into());
        }
        // what the person decided later goes before: by another slot, or by a later key, which a file that was restored need not know as the person's
        let left_at = |slot: u32| state.withdrawal(me, slot).map(|left| left.height);
        let people = self.store.people(note.slot..note.slot + 1).await?;
        let patient = people.get(&note.slot).ok_or(ClaimRefused::NoteForeign)?;
        let slots = self.store.slots_of(patient).await?;
        let later = slots.iter().any(|(other, _)| other.0 != note.slot && left_at(other.0) >= left_at(note.slot));
        if later || keys.iter().skip(number + 1).any(|later| state.slot_of_key(later).is_some()) {
            return Err(ClaimRefused::NoteForeign.into());
        }
        // the person is held back from here on, whenever this file heard of it
        self.store.hear(&OnLedger { state, hospital: me }).await?;
        match self.store.narrow(slot, &note.scopes, state.tip().time.day()).await? {
            Noted::Kept => Ok(()),
            Noted::TooLate => Err(ClaimRefused::NoteOver.into()),
            Noted::Before => Err(ClaimRefused::NoteOvertaken.into()),
            Noted::Nobody | Noted::Elsewhere => Err(ClaimRefused::NoteForeign.into()),
        }
    }

    /// Takes from consents what patients' notes say.
    pub(super) async fn narrow(&self, consents: &mut Option<Consents>) -> Result<(), HospitalError> {
        let narrowed = self.store.narrowed().await?;
        match consents {
            Some(consents) => consents.narrow(&narrowed),
            None if narrowed.is_empty() => {}
            None => return Err(HospitalError::ConsentsLeftOut),
        }
        Ok(())
    }
}
