//! Driving the journal of an anchor: plan, commit, prove, submit, confirm.

use super::{Hospital, HospitalError, dictionary, source_root};
use crate::{
    journal::{AnchorId, AnchorStep, AnchorTransaction, Step},
    opening::{OpeningKey, TableKind},
};
use countersign_circuits::{
    dictionary::{Dictionary, SegmentLayout},
    hash::Digest32,
    keys::CircuitName,
    segment::{Segment, TableContext},
    validity::{SegmentsInstance, StackShape},
};
use countersign_ledger::Verdict;
use countersign_member::{Connection, LedgerError};
use countersign_messages::{Anchor, AnchoredTable, Payload, Transaction, Wire, merkle};
use countersign_prover::{
    commitment::{Blinders, commit_slots},
    validity::{STACK_SEGMENTS, prove_validity, sparse_rows},
};
use rand::{
    SeedableRng,
    rngs::{OsRng, StdRng},
};

use std::collections::HashMap;

impl Hospital {
    fn context(&self, connection: &Connection, table: Digest32) -> TableContext {
        TableContext { network: connection.state().network().0, hospital: self.member.id().digest(), table }
    }

    /// Goes on with anchors and withdrawals until none is left, or until the ledger refuses one. `saying` hears what is being done.
    ///
    /// # Errors
    /// A step failed; run it again to go on.
    pub async fn drive(&self, connection: &mut Connection, saying: &(dyn Fn(&str) + Sync)) -> Result<(), HospitalError> {
        loop {
            match self.store.next_step().await? {
                Step::Withdrawal(step) => {
                    saying("taking slots out of force");
                    self.withdrawal_step(connection, step).await?;
                }
                Step::Anchor(step) => self.anchor_step(connection, step, saying).await?,
                Step::Answer(_) | Step::Idle => return Ok(()),
            }
        }
    }

    pub(super) async fn anchor_step(
        &self,
        connection: &mut Connection,
        step: AnchorStep,
        saying: &(dyn Fn(&str) + Sync),
    ) -> Result<(), HospitalError> {
        match step {
            AnchorStep::Commit { anchor, opening } => {
                saying(&format!("committing segment {}", opening.segment.index));
                let layout = self.layouts(connection, anchor).await?;
                self.commit(connection, layout.of(opening.table.kind), anchor, &opening).await
            }
            AnchorStep::Build { anchor, openings } => {
                saying("proving that every entry is a bit");
                let layouts = self.layouts(connection, anchor).await?;
                let transactions = self.build(connection, anchor, &layouts, &openings).await?;
                Ok(self.store.store_transactions(anchor, &transactions).await?)
            }
            AnchorStep::Submit { anchor, sequence, .. } => Ok(self.store.anchor_submitted(anchor, sequence).await?),
            AnchorStep::Await { anchor, sequence, bytes } => {
                saying("sending to the ledger");
                self.confirm(connection, anchor, sequence, &bytes).await
            }
        }
    }

    /// The layouts of an anchor's tables, from what the ledger publishes.
    async fn layouts(&self, connection: &Connection, anchor: AnchorId) -> Result<Layouts, HospitalError> {
        let provenance = self.store.provenance(anchor).await?;
        let registry = connection.state().registry_of(&provenance.registry).ok_or(HospitalError::Unknown("scope registry"))?;
        let data = dictionary(connection.state(), &provenance.dictionary)?.layout();
        Ok(Layouts { data, consent: registry.layout() })
    }

    async fn commit(
        &self,
        connection: &Connection,
        layout: &SegmentLayout,
        anchor: AnchorId,
        key: &OpeningKey,
    ) -> Result<(), HospitalError> {
        let layout = layout.clone();
        let context = self.context(connection, key.table.digest);
        let codes = self.store.opening(key).await?.codes.ok_or(HospitalError::Damaged("a planned segment without rows"))?;
        let id = key.segment;
        let (blinders, points) = tokio::task::spawn_blocking(move || {
            let blinders = Blinders::draw(&layout, &mut OsRng);
            let points = commit_slots(&context, &layout, id, (&codes, 0), &blinders).encode();
            (blinders, points)
        })
        .await?;
        Ok(self.store.store_commitment(anchor, key, &blinders, &points).await?)
    }

    /// One transaction a stack of segments of one table.
    async fn build(
        &self,
        connection: &Connection,
        anchor: AnchorId,
        layouts: &Layouts,
        openings: &[OpeningKey],
    ) -> Result<Vec<AnchorTransaction>, HospitalError> {
        let provenance = self.store.provenance(anchor).await?;
        let key = self.keys.key(CircuitName::Validity)?;
        let register = self.store.register().await?;
        let patients: HashMap<u32, &str> = register.live().map(|(patient, assignment)| (assignment.slot.0, patient.expose())).collect();
        let mut out = Vec::new();
        let mut sequence = connection.next_sequence(&self.member.id());
        for kind in [TableKind::Data, TableKind::Consent] {
            let layout = layouts.of(kind).clone();
            let of_table: Vec<OpeningKey> = openings.iter().filter(|o| o.table.kind == kind).copied().collect();
            for stack in contiguous(&of_table, STACK_SEGMENTS.min(StackShape::segments_max(&layout))) {
                let Some(first) = stack.first() else { continue };
                let context = self.context(connection, first.table.digest);
                let (mut segments, mut rows, mut blinders, mut sources) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
                for opening in stack {
                    let kept = self.store.opening(opening).await?;
                    let (Some(codes), Some(secret), Some(points)) = (kept.codes, kept.blinders, kept.points) else {
                        return Err(HospitalError::Damaged("a prepared segment"));
                    };
                    let segment = Segment::decode(&context, opening.segment, &points, layout.rows())
                        .map_err(|_| HospitalError::Damaged("a prepared segment"))?;
                    segments.push(segment);
                    rows.push(sparse_rows(&layout, &codes, 0));
                    if let (TableKind::Data, Some(occupancy)) = (kind, secret.0.last()) {
                        sources.extend(source_root::leaves(opening.segment.index, &codes, occupancy, &patients));
                    }
                    blinders.push(secret);
                }
                let carried: Vec<_> = segments.iter().map(|s| (s.id(), s.encode())).collect();
                let (key, layout) = (std::sync::Arc::clone(&key), layout.clone());
                let proof = tokio::task::spawn_blocking(move || {
                    let instance = SegmentsInstance { context, layout: &layout, segments: &segments };
                    prove_validity(&key, &instance, rows, &blinders, &mut OsRng)
                })
                .await??;
                let table = match kind {
                    TableKind::Data => AnchoredTable::Data {
                        dictionary: provenance.dictionary,
                        mapping: provenance.mapping,
                        report: provenance.report(),
                        source_root: merkle::root(&sources),
                    },
                    TableKind::Consent => AnchoredTable::Consent { registry: provenance.registry, policy: provenance.policy },
                };
                let payload = Payload::Anchor(Anchor { table, segments: carried, proof: proof.encode() });
                let transaction = Transaction::sign(self.member.signing(), connection.state().network(), sequence, payload);
                sequence += 1;
                out.push(AnchorTransaction { bytes: transaction.encode(), openings: stack.to_vec() });
            }
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

/// Layouts of both tables of an anchor.
struct Layouts {
    data: SegmentLayout,
    consent: SegmentLayout,
}

impl Layouts {
    fn of(&self, kind: TableKind) -> &SegmentLayout {
        match kind {
            TableKind::Data => &self.data,
            TableKind::Consent => &self.consent,
        }
    }
}

/// The layout of a kind of table.
pub(super) fn layout(connection: &Connection, dictionary: &Dictionary, kind: TableKind) -> SegmentLayout {
    match kind {
        TableKind::Data => dictionary.layout(),
        TableKind::Consent => connection.state().registry().layout(),
    }
}

/// Runs of neighbouring segments, at most `max` long.
fn contiguous(openings: &[OpeningKey], max: usize) -> Vec<&[OpeningKey]> {
    openings.chunk_by(|a, b| a.segment.index + 1 == b.segment.index).flat_map(|run| run.chunks(max)).collect()
}

/// A seeded generator for one attempt.
pub(super) fn attempt_rng(entropy: &[u8; 32]) -> StdRng {
    StdRng::from_seed(*entropy)
}
