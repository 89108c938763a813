//! Patients' keys: a code for a letter, the request that comes back, and enrolling on the ledger.

use super::{Hospital, HospitalError};
use crate::claims::{Claim, Keys, NextKey};
use async_recursion::async_recursion as boxed;
use countersign_ingest::PatientId;
use countersign_ledger::State;
use countersign_member::{Connection, now};
use countersign_messages::{ClaimCode, ClaimRequest, Enrol, Enrolment, Letter, Payload, limits::ENROLMENTS_MAX};

/// Why a request for a claim is not taken. None of them uses anything up: whoever sends rubbish must not lock a patient out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefused {
    /// No such code.
    #[error("this hospital handed out no such code, or it is forgotten by now; the patient gets another one at the counter")]
    Unknown,
    /// It was used.
    #[error("this code was used before; if the patient did not use it, find out who did, and hand out another one")]
    Used,
    /// Its time is over.
    #[error("this code is over: it is good for 14 days; the patient gets another one at the counter")]
    Over,
    /// It is not what it should be.
    #[error(transparent)]
    Request(#[from] countersign_messages::ClaimError),
    /// A note was signed too long ago.
    #[error(
        "the note was signed more than 30 days ago, or its key took everything out longer ago than that: the departure stands, and only a new document ends it"
    )]
    NoteOver,
    /// A note names a scope that is none.
    #[error(
        "the note takes away \"{0}\", which is no scope of the network; nothing was changed, and the patient is out altogether until another note comes"
    )]
    NoteScope(String),
    /// A note's slot is still in force.
    #[error(
        "the note's slot has not left by its key, as far as the ledger goes: take the note again once the withdrawal stands in a block"
    )]
    NoteTooEarly,
    /// A note after which something was decided.
    #[error("this note was taken before, or the person has decided something since that goes before it; nothing was changed")]
    NoteOvertaken,
    /// A note of nobody here.
    #[error("the note is of no key that this hospital has for somebody who left by it last; nothing was changed")]
    NoteForeign,
    /// One of the keys is known.
    #[error("the request has a key that another claim brought before, or one of a member")]
    Known,
    /// The slot has a key for ever.
    #[error(
        "this patient's slot has a key from an earlier letter, and a slot has one for ever. With its sheet the patient leaves; without it, at the counter or on paper"
    )]
    HasKey,
}

impl Hospital {
    /// A code for a patient with a row in force, to be handed over or sent. Good once, for 14 days.
    ///
    /// # Errors
    /// The patient has no row in force, or its slot has a key already.
    #[boxed]
    pub async fn issue_claim(&self, connection: &mut Connection, patient: &PatientId) -> Result<Letter, HospitalError> {
        connection.refresh().await?;
        let holders = self.store.holders().await?;
        let (_, place) = holders.iter().find(|(holder, _)| holder == patient).ok_or(HospitalError::NotInForce)?;
        let state = connection.state();
        if state.patient_key(&self.member.id(), place.slot.0).is_some() {
            return Err(ClaimRefused::HasKey.into());
        }
        let listed = state.member(&self.member.id()).ok_or(HospitalError::Unknown("hospital"))?;
        let code = ClaimCode::generate().map_err(ClaimRefused::from)?;
        self.store.keep_claim(&code, patient, now()).await?;
        Ok(Letter { network: state.network(), hospital: self.member.id(), sealing: listed.sealing, code })
    }

    /// Takes a patient's request: keeps its keys for the patient of the claim. [`Self::enrol`] brings them to the ledger.
    ///
    /// # Errors
    /// [`ClaimRefused`]; nothing is used up then.
    #[boxed]
    pub async fn take_claim(&self, connection: &Connection, sealed: &[u8]) -> Result<(), HospitalError> {
        let (network, hospital) = (connection.state().network(), self.member.id());
        let request = ClaimRequest::open(sealed, &network, &hospital, self.member.sealing()).map_err(ClaimRefused::from)?;
        let Claim { code, patient, expires, used } = self.store.claim(&request.claim).await?.ok_or(ClaimRefused::Unknown)?;
        if used {
            return Err(ClaimRefused::Used.into());
        }
        if expires < now() {
            return Err(ClaimRefused::Over.into());
        }
        request.check(&code, &network, &hospital).map_err(ClaimRefused::from)?;
        if request.keys.iter().any(|(key, _)| connection.state().member(&key.signer()).is_some()) {
            return Err(ClaimRefused::Known.into());
        }
        match self.store.keep_keys(&request.claim, &patient, &request.keys).await? {
            Keys::Kept => Ok(()),
            Keys::Used => Err(ClaimRefused::Used.into()),
            Keys::Known => Err(ClaimRefused::Known.into()),
        }
    }

    /// Enrols the keys of patients whose slots have none yet; how many. To be done once a day for all: times tell who came when. Killed anywhere, the next run goes on, as
    /// what is to be done is found in the ledger and the hospital's file.
    ///
    /// # Errors
    /// The ledger cannot be reached, or refuses.
    #[boxed]
    pub async fn enrol(&self, connection: &mut Connection) -> Result<usize, HospitalError> {
        connection.refresh().await?;
        let keys = self.store.keys_by_slot().await?;
        let due: Vec<NextKey> = keys.into_iter().filter_map(|(_, keys)| self.due(connection.state(), keys)).collect();
        for some in due.chunks(ENROLMENTS_MAX) {
            let one = |next: &NextKey| Enrolment { slot: next.slot.0, key: next.key, possession: next.possession };
            let payload = Payload::Enrol(Enrol { keys: some.iter().map(one).collect() });
            connection.accepted(&self.member, payload).await?;
        }
        Ok(due.len())
    }

    /// The first of a patient's keys that stands for no slot yet, if the slot has none and the ledger knows it.
    fn due(&self, state: &State, keys: Vec<NextKey>) -> Option<NextKey> {
        let me = self.member.id();
        let slot = keys.first()?.slot.0;
        let open = slot < state.register_slots(&me) && state.patient_key(&me, slot).is_none() && state.withdrawal(me, slot).is_none();
        keys.into_iter().find(|next| open && state.slot_of_key(&next.key).is_none() && state.member(&next.key.signer()).is_none())
    }
}
