//! A hospital's node answers open queries of studies the hospital has accepted, one after the other, in the background.
//!
//! Every step is in the hospital's journal, as when a person answers: a node that is killed goes on where it stopped. The hospital's own file
//! is open only while an answer is made, so that `anchor` and the other commands can use it in between.

use crate::InProcess;
use countersign_consensus::Node;
use countersign_hospital::{Answering as Outcome, Hospital, HospitalError, IfInUse, ProvingKeys, Swept, waiting};
use countersign_ledger::ProofChecker;
use countersign_member::{Connection, MemberFolder, now};
use countersign_messages::QueryId;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};

/// Pause before a query is tried again whose answer failed: a full disk, a hospital's file in use, a network without a quorum.
const AGAIN: Duration = Duration::from_secs(30);

/// See the module's documentation.
pub(crate) struct Answering {
    pub(crate) node: Node,
    pub(crate) folder: MemberFolder,
    pub(crate) keys: ProvingKeys,
    pub(crate) checker: Arc<dyn ProofChecker>,
}

impl Answering {
    /// Answers until told to stop. An answer that is being made then goes on at the next start.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        tracing::info!(hospital = self.folder.member.name, "open queries of accepted studies are answered by this node");
        tokio::select! {
            () = self.answer_all() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn answer_all(&self) {
        let mut states = self.node.subscribe();
        let mut paused: BTreeMap<QueryId, Instant> = BTreeMap::new();
        // what an earlier run left behind, or could not hand over
        let mut undelivered = true;
        let (mut swept, mut sweep_from) = (None, Instant::now());
        loop {
            if undelivered {
                match self.deliver().await {
                    Ok(()) => undelivered = false,
                    Err(failure) => {
                        tracing::error!(error = failure.to_string(), "a sealed answer could not be handed over; it is tried again")
                    }
                }
            }
            let state = states.borrow_and_update().clone();
            let today = state.tip().time.day();
            if swept != Some(today) && sweep_from <= Instant::now() {
                match self.finish_erasures().await {
                    Ok(done) => {
                        swept = Some(today);
                        if done.destroyed > 0 {
                            tracing::info!(
                                count = done.destroyed,
                                "openings of erased people were destroyed: no study needs them any more"
                            );
                        }
                        if done.newest > 0 {
                            tracing::warn!(
                                count = done.newest,
                                "tables still hold rows of erased people: anchor the hospital's files, or erase again"
                            );
                        }
                    }
                    Err(failure) => {
                        sweep_from = Instant::now() + AGAIN;
                        // what the ledger refuses it refuses again: every try stands in a block
                        swept = failure.is_refusal().then_some(today);
                        tracing::error!(error = failure.to_string(), "an erasure could not be finished; it is tried again");
                    }
                }
            }
            let open = waiting(&state, &self.folder.member.id(), now());
            paused.retain(|id, _| open.contains(id));
            for query in open {
                if paused.get(&query).is_some_and(|until| *until > Instant::now()) {
                    continue;
                }
                let number = state.query(&query).map_or(0, |q| q.number);
                tracing::info!(query = number, "answering");
                match self.answer(query).await {
                    Ok(Outcome::Accepted) => tracing::info!(query = number, "answered"),
                    Ok(Outcome::Declined(reason)) => tracing::info!(query = number, reason, "declined"),
                    Ok(Outcome::Rejected(reason)) => {
                        tracing::error!(query = number, reason, "the ledger rejected this hospital's answer");
                        paused.insert(query, Instant::now() + AGAIN);
                    }
                    Err(failure) => {
                        undelivered = true;
                        tracing::error!(query = number, error = failure.to_string(), "the query could not be answered; it is tried again");
                        paused.insert(query, Instant::now() + AGAIN);
                    }
                }
            }
            // a block comes now and then, and with it another try of what failed
            if states.changed().await.is_err() {
                return;
            }
        }
    }

    fn connection(&self) -> Connection {
        Connection::new(InProcess::new(self.node.clone()), Arc::clone(&self.checker))
    }

    async fn hospital(&self, connection: &Connection) -> Result<Hospital, HospitalError> {
        let (member, file) = (self.folder.member.clone(), self.folder.hospital_store());
        let hospital = Hospital::open(connection, &self.keys, member, &file, IfInUse::Wait).await?;
        if hospital.erased_again > 0 {
            tracing::warn!(count = hospital.erased_again, "people who had been erased were erased again: the hospital's file is of before");
        }
        Ok(hospital)
    }

    async fn deliver(&self) -> Result<(), HospitalError> {
        let connection = self.connection();
        let hospital = self.hospital(&connection).await?;
        let delivered = hospital.deliver(&connection).await;
        hospital.close().await;
        delivered
    }

    async fn finish_erasures(&self) -> Result<Swept, HospitalError> {
        let mut connection = self.connection();
        let hospital = self.hospital(&connection).await?;
        let done = hospital.finish_erasures(&mut connection).await;
        hospital.close().await;
        done
    }

    async fn answer(&self, query: QueryId) -> Result<Outcome, HospitalError> {
        let mut connection = self.connection();
        let hospital = self.hospital(&connection).await?;
        let answered = hospital.answer(&mut connection, query).await;
        hospital.close().await;
        answered
    }
}
