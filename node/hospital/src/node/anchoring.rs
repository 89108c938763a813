//! Driving the journal of an anchor: plan, commit, prove, submit, confirm.

use super::{
    Hospital, HospitalError,
    committing::{Layouts, Proved, Work, kind_of},
    dictionary,
};
use crate::{
    journal::{AnchorId, AnchorStep, AnchorTransaction, Step},
    opening::{OpeningKey, TableKind},
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::dictionary::{Dictionary, SegmentLayout};
use countersign_ledger::Verdict;
use countersign_member::{Connection, LedgerError};
use countersign_messages::{Anchor, AnchoredTable, Payload, Transaction, Wire};
use rand::{SeedableRng, rngs::StdRng};
use std::{collections::HashMap, sync::Arc};

impl Hospital {
    /// Goes on with anchors and withdrawals until none is left, or until the ledger refuses one. `saying` hears what is being done.
    ///
    /// # Errors
    /// A step failed; run it again to go on.
    #[boxed]
    pub async fn drive(&self, connection: &mut Connection, saying: &(dyn Fn(&str) + Sync)) -> Result<(), HospitalError> {
        let mut work = None;
        loop {
            match self.store.next_step().await? {
                Step::Withdrawal(step) => {
                    saying("taking slots out of force");
                    self.withdrawal_step(connection, step).await?;
                }
                Step::Anchor(step) => self.anchor_step(connection, step, &mut work, saying).await?,
                Step::Answer(_) | Step::Idle => return Ok(()),
            }
        }
    }

    /// One step of an anchor. `work` holds what steps before it made in this process: none is there at first, and none is needed.
    pub(super) async fn anchor_step(
        &self,
        connection: &mut Connection,
        step: AnchorStep,
        work: &mut Option<Work>,
        saying: &(dyn Fn(&str) + Sync),
    ) -> Result<(), HospitalError> {
        let anchor = step.anchor();
        if let (AnchorStep::Commit { .. } | AnchorStep::Build { .. }, Some(replacement)) = (&step, self.store.replacement(anchor).await?) {
            return self.replacement_step(connection, step, &replacement).await;
        }
        match step {
            AnchorStep::Commit { anchor, openings } => {
                let work = self.work(connection, anchor, work).await?;
                let Some(stack) = work.layouts.stacks(&openings).first().copied() else { return Err(HospitalError::Damaged("an anchor")) };
                saying(&format!("committing and proving {} of {} segments", stack.len(), openings.len()));
                self.commit(connection, anchor, stack, work).await
            }
            AnchorStep::Build { anchor, openings } => {
                saying("signing what is proved");
                let work = self.work(connection, anchor, work).await?;
                let transactions = self.build(connection, anchor, &openings, work).await?;
                Ok(self.store.store_transactions(anchor, &transactions).await?)
            }
            AnchorStep::Submit { anchor, sequence, .. } => Ok(self.store.anchor_submitted(anchor, sequence).await?),
            AnchorStep::Await { anchor, sequence, bytes } => {
                saying(&format!("sending transaction {} of this anchor to the ledger", sequence + 1));
                self.confirm(connection, anchor, sequence, &bytes).await
            }
        }
    }

    /// The work of an anchor: that which is there, or none yet.
    async fn work<'a>(&self, connection: &Connection, anchor: AnchorId, work: &'a mut Option<Work>) -> Result<&'a mut Work, HospitalError> {
        if work.as_ref().is_none_or(|work| work.anchor != anchor) {
            let layouts = self.layouts(connection, anchor).await?;
            let patients = self.store.people(0..u32::MAX).await?;
            *work = Some(Work { anchor, layouts, patients: Arc::new(patients), proved: HashMap::new() });
        }
        work.as_mut().ok_or(HospitalError::Damaged("an anchor"))
    }

    /// The layouts of an anchor's tables, from what the ledger publishes.
    async fn layouts(&self, connection: &Connection, anchor: AnchorId) -> Result<Layouts, HospitalError> {
        let provenance = self.store.provenance(anchor).await?;
        let registry = connection.state().registry_of(&provenance.registry).ok_or(HospitalError::Unknown("scope registry"))?;
        let data = dictionary(connection.state(), &provenance.dictionary)?.layout();
        Ok(Layouts { data, consent: registry.layout() })
    }

    /// One signed transaction a stack of segments of one table.
    async fn build(
        &self,
        connection: &Connection,
        anchor: AnchorId,
        openings: &[OpeningKey],
        work: &mut Work,
    ) -> Result<Vec<AnchorTransaction>, HospitalError> {
        let provenance = self.store.provenance(anchor).await?;
        let mut out = Vec::new();
        for (sequence, stack) in (connection.next_sequence(&self.member.id())..).zip(work.layouts.stacks(openings)) {
            let Proved { segments, proof, source_root } = match work.proved.remove(stack) {
                Some(proved) => proved,
                None => {
                    let made = self.prepared(connection, stack, work).await?;
                    self.prove(connection, stack, made, work).await?
                }
            };
            let table = match kind_of(stack) {
                TableKind::Data => AnchoredTable::Data {
                    dictionary: provenance.dictionary,
                    mapping: provenance.mapping,
                    report: provenance.report(),
                    source_root,
                },
                TableKind::Consent => AnchoredTable::Consent { registry: provenance.registry, policy: provenance.policy },
            };
            let payload = Payload::Anchor(Anchor { table, segments, proof });
            let transaction = Transaction::sign(self.member.signing(), connection.state().network(), sequence, payload);
            out.push(AnchorTransaction { bytes: transaction.encode(), openings: stack.to_vec() });
        }
        Ok(out)
    }

    async fn confirm(&self, connection: &mut Connection, anchor: AnchorId, sequence: u32, bytes: &[u8]) -> Result<(), HospitalError> {
        let transaction = Transaction::decode(bytes).map_err(|_| HospitalError::Damaged("a stored transaction"))?;
        let id = transaction.id();
        let answer = match connection.known(&id).await? {
            Some(known) => Ok(known),
            None => connection.submit(transaction).await,
        };
        let refusal = match answer {
            Ok((height, result)) => match result.verdict {
                Verdict::Accepted(_) => return Ok(self.store.anchor_confirmed(anchor, sequence, height).await?),
                Verdict::Rejected { code, detail } => LedgerError::Rejected { code, detail },
            },
            Err(failure @ (LedgerError::Refused(_) | LedgerError::Overtaken(_))) => failure,
            // it may still come: another run looks
            Err(failure) => return Err(failure.into()),
        };
        self.store.anchor_rejected(anchor, &refusal.to_string()).await?;
        Err(HospitalError::AnchorRefused(refusal))
    }
}

/// The layout of a kind of table.
pub(super) fn layout(connection: &Connection, dictionary: &Dictionary, kind: TableKind) -> SegmentLayout {
    match kind {
        TableKind::Data => dictionary.layout(),
        TableKind::Consent => connection.state().registry().layout(),
    }
}

/// A seeded generator for one attempt.
pub(super) fn attempt_rng(entropy: &[u8; 32]) -> StdRng {
    StdRng::from_seed(*entropy)
}
