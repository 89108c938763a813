//! A hospital's node answers open queries of studies the hospital has accepted, one after the other, in the background.
//!
//! Every step is in the hospital's journal, as when a person answers: a node that is killed goes on where it stopped. The hospital's own file
//! is open only while an answer is made, so that `anchor` and the other commands can use it in between.

use super::Running;
use crate::{
    circuit_keys::KeysFolder,
    failure::Failure,
    network::{Holder, Network, now},
};
use countersign_consensus::Node;
use countersign_hospital::Answering as Outcome;
use countersign_ledger::{PairRecord, ProofChecker, State};
use countersign_member::{Connection, MemberFolder};
use countersign_messages::QueryId;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};

/// Pause before a query is tried again whose answer failed: a full disk, a hospital's file in use, a network without a quorum.
const AGAIN: Duration = Duration::from_secs(30);

/// See the module's documentation.
pub(super) struct Answering {
    pub(super) node: Node,
    pub(super) folder: MemberFolder,
    pub(super) keys: KeysFolder,
    pub(super) checker: Arc<dyn ProofChecker>,
}

impl Answering {
    /// Answers until told to stop. An answer that is being made then goes on at the next start.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
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
        loop {
            if undelivered {
                match self.deliver().await {
                    Ok(()) => undelivered = false,
                    Err(failure) => {
                        tracing::error!(error = failure.message(), "a sealed answer could not be handed over; it is tried again")
                    }
                }
            }
            let state = states.borrow_and_update().clone();
            let open = self.open(&state);
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
                        tracing::error!(query = number, error = failure.message(), "the query could not be answered; it is tried again");
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

    /// Queries this hospital was asked and has not answered, by number.
    fn open(&self, state: &State) -> Vec<QueryId> {
        let me = self.folder.member.id();
        let asked = state
            .queries()
            .filter(|(id, q)| q.query.deadline > now() && q.sites.contains(&me) && state.pair(id, &me).is_some_and(PairRecord::is_open));
        let mut open: Vec<_> = asked.map(|(id, q)| (q.number, *id)).collect();
        open.sort_unstable();
        open.into_iter().map(|(_, id)| id).collect()
    }

    fn network(&self) -> Network {
        let holder = Holder::Member(Box::new(self.folder.clone()));
        Network::new(holder, Connection::new(Running::new(self.node.clone()), Arc::clone(&self.checker)))
    }

    async fn deliver(&self) -> Result<(), Failure> {
        let network = self.network();
        let site = network.hospital(&self.keys, &self.folder.member.name).await?;
        let delivered = site.deliver(&network).await;
        site.close().await;
        Ok(delivered?)
    }

    async fn answer(&self, query: QueryId) -> Result<Outcome, Failure> {
        let mut network = self.network();
        let site = network.hospital(&self.keys, &self.folder.member.name).await?;
        let answered = site.answer(&mut network, query).await;
        site.close().await;
        Ok(answered?)
    }
}
