//! Driving the journal of answers: attempt, seal, submit, confirm.

use super::{
    Hospital, HospitalError,
    anchoring::{attempt_rng, layout},
    dictionary,
    judging::Asked,
    on_ledger::OnLedger,
    padding::Begun,
};
use crate::{
    disclosure::Withhold,
    journal::{AnswerStep, Attempt, Step, UsedUp},
    opening::{OpeningKey, TableKind, TableName},
    released::Judged,
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::{
    aggregate::{AggregateSize, Withheld},
    consent::{Day, Eligibility},
    context::AggregateInstance,
    dictionary::SegmentLayout,
    hash::Digest32,
    keys::CircuitName,
    segment::{EMPTY, SLOTS, SegmentId, SlotCodes},
    statement::Wiring,
};
use countersign_ledger::{AnswerTask, Rejection, StudyRefused, StudyStatus, Verdict, active_point};
use countersign_member::{Connection, LedgerError};
use countersign_messages::{
    Answer, Height, Payload, QueryId, Refusal, RefusalCode, RejectionCode, Transaction, TransactionId, Wire, sealed,
};
use countersign_prover::{
    aggregate::{AggregateWitness, GateRows, gate_rows, moment_table, prove_aggregate},
    commitment::Blinders,
};
use rand::rngs::OsRng;
use std::sync::Arc;

/// Reason code of a refusal by a person who has seen no result: the hospital's own rule.
const DECLINED_BY_HAND: u16 = 32;

/// What became of a query at this hospital.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answering {
    /// The ledger accepted the answer.
    Accepted,
    /// The ledger accepted this hospital's refusal.
    Declined(String),
    /// The ledger refused the answer.
    Rejected(String),
}

/// A table of this hospital with its openings, as a cut pins it.
pub(super) struct Opened {
    pub(super) codes: SlotCodes,
    blinders: Vec<Blinders>,
}

impl Hospital {
    /// Answers one query of the ledger, going on from wherever an earlier run stopped.
    ///
    /// # Errors
    /// A step failed; run it again to go on.
    #[boxed]
    pub async fn answer(&self, connection: &mut Connection, query: QueryId) -> Result<Answering, HospitalError> {
        connection.refresh().await?;
        let record = connection.state().query(&query).ok_or(HospitalError::Unknown("query"))?;
        self.store.query_seen(query, record.height).await?;
        self.store.hear(&OnLedger { state: connection.state(), hospital: self.member.id() }).await?;
        self.take_out_opt_outs(connection).await?;
        // who left does not count: withdrawals that were interrupted are finished before anything is answered
        self.finish_withdrawals(connection).await?;
        loop {
            match self.store.next_answer_step(query).await? {
                AnswerStep::Attempt { .. } => {
                    connection.refresh().await?;
                    let task = connection.state().answer_task(&query, &self.member.id()).map(|task| Task::new(&task));
                    match task {
                        Ok(task) => {
                            let attempt = self.store.start_attempt(query, &mut OsRng).await?;
                            self.attempt(connection, query, &attempt, task).await?;
                        }
                        Err(rejection) => {
                            if !is_held(rejection.code()) {
                                self.store.start_attempt(query, &mut OsRng).await?;
                            }
                            return Ok(Answering::Rejected(rejection.to_string()));
                        }
                    }
                }
                AnswerStep::Refuse { .. } => {
                    self.refuse(connection, query, 32, "this hospital could not make an answer that verifies").await?
                }
                AnswerStep::Submit { .. } => self.store.answer_submitted(query).await?,
                AnswerStep::Await { bytes, .. } => {
                    if let Some(rejected) = self.confirm_answer(connection, query, &bytes).await? {
                        return Ok(Answering::Rejected(rejected));
                    }
                }
                AnswerStep::Deliver { sealed, .. } => {
                    connection.put_sealed(&query, &self.member.id(), &sealed).await?;
                    self.store.answer_delivered(query).await?;
                }
                AnswerStep::Done { kind, .. } => {
                    return Ok(match kind {
                        crate::journal::AnswerKind::Answer => Answering::Accepted,
                        crate::journal::AnswerKind::Refusal => Answering::Declined("declined".into()),
                    });
                }
            }
        }
    }

    /// Hands over the ciphertexts of accepted answers that an earlier run left behind.
    ///
    /// # Errors
    /// One cannot be handed over; it waits on.
    #[boxed]
    pub async fn deliver(&self, connection: &Connection) -> Result<(), HospitalError> {
        for query in self.store.open_queries().await? {
            if let AnswerStep::Deliver { sealed, .. } = self.store.next_answer_step(query).await? {
                connection.put_sealed(&query, &self.member.id(), &sealed).await?;
                self.store.answer_delivered(query).await?;
            }
        }
        Ok(())
    }

    /// Finishes withdrawals that were interrupted, and an anchor they wait for.
    pub(super) async fn finish_withdrawals(&self, connection: &mut Connection) -> Result<(), HospitalError> {
        while let Some(step) = self.store.next_withdrawal_step().await? {
            match self.store.next_step().await? {
                Step::Anchor(anchor) => self.anchor_step(connection, anchor, &mut None, &|_| {}).await?,
                _ => self.withdrawal_step(connection, step).await?,
            }
        }
        Ok(())
    }

    /// Declines to answer a query, for a reason in words that must not say how small a number is.
    ///
    /// # Errors
    /// It is answered already, or the ledger refuses; run it again to go on.
    #[boxed]
    pub async fn decline(&self, connection: &mut Connection, query: QueryId, reason: &str) -> Result<Answering, HospitalError> {
        connection.refresh().await?;
        let record = connection.state().query(&query).ok_or(HospitalError::Unknown("query"))?;
        self.store.query_seen(query, record.height).await?;
        self.refuse(connection, query, DECLINED_BY_HAND, reason).await?;
        self.answer(connection, query).await
    }

    /// Stores a refusal to be sent.
    async fn refuse(&self, connection: &Connection, query: QueryId, code: u16, reason: &str) -> Result<(), HospitalError> {
        let refusal = Refusal { query, code: RefusalCode(code), reason: reason.to_owned() };
        let transaction = connection.sign(&self.member, Payload::Refusal(refusal));
        Ok(self.store.store_refusal(query, &transaction.encode()).await?)
    }

    /// One attempt: the table, the hospital's rules, the proof, the seal; stored before anything leaves.
    async fn attempt(&self, connection: &Connection, query: QueryId, attempt: &Attempt, task: Task) -> Result<(), HospitalError> {
        let begun = Begun::now();
        let recipients = recipients(connection, &query)?;
        let cells = task.wiring.cells().len();
        let size = AggregateSize::for_cells(cells).ok_or(HospitalError::Cells(cells))?;
        // read from its file meanwhile
        let keys = self.keys.clone();
        let key = tokio::task::spawn_blocking(move || keys.key(CircuitName::Aggregate(size)));
        let work = Arc::new(self.open_work(connection, task).await?);

        let plain = Arc::clone(&work);
        let (cells, gates) = tokio::task::spawn_blocking(move || {
            (moment_table(&plain.task.wiring, &plain.witness()), gate_rows(&plain.task.wiring, &plain.witness()))
        })
        .await?;
        let judged = self.judge(connection, query, &work, &cells, &gates).await?;
        let withheld = judged.1;

        let key = key.await??;
        let (proving, withheld_now) = (Arc::clone(&work), withheld.clone());
        let mut rng = attempt_rng(&attempt.entropy.0);
        let made = tokio::task::spawn_blocking(move || {
            prove_aggregate(&key, &proving.instance(), &proving.witness(), &cells, &withheld_now, &mut rng)
        })
        .await??;

        let opening = zeroize::Zeroizing::new(borsh::to_vec(&made.opening).expect("writing to memory does not fail"));
        let sealed = sealed::seal(&opening, &sealed::answer_context(&query, &self.member.id()), &recipients)?;
        let answer =
            Answer { query, height: Height(work.task.context.answer_height), proof: made.proof.encode(), sealed: Digest32::of(&sealed) };
        let transaction = connection.sign(&self.member, Payload::Answer(answer));
        begun.pad().await;
        Ok(self.store.store_answer(attempt, &transaction.encode(), &sealed, &judged.0).await?)
    }

    /// The rules that rest on the hospital: why each block is withheld, and what must be remembered if the rest leaves.
    async fn judge(
        &self,
        connection: &Connection,
        query: QueryId,
        work: &Work,
        cells: &[u64],
        gates: &[GateRows],
    ) -> Result<(Judged, Vec<Withheld>), HospitalError> {
        let state = connection.state();
        let gone = || HospitalError::Unknown("query, study or table any more");
        let record = state.query(&query).ok_or_else(gone)?;
        let study = state.study(&record.query.study).ok_or_else(gone)?;
        let dictionary = dictionary(connection.state(), &work.task.context.dictionary)?;
        let versions: Vec<SegmentId> = work.task.data.iter().map(|s| s.id()).collect();
        let asked = Asked {
            statement: &record.query.statement,
            dictionary,
            registry: state.registry_of(&study.registry).ok_or_else(gone)?,
            eligibility: Eligibility { scopes: study.scopes.clone(), day: work.task.context.day },
            people: self.store.row_ids().await?,
            cut: self.store.pin(dictionary.digest(), &versions).await?,
            k_min: work.task.context.k_min,
        };
        let levels = asked.levels(work, gates)?;
        let table = asked.table(work, cells, gates, &levels)?;
        let judged = self.store.judge(&table, asked.k_min, &OnLedger { state, hospital: self.member.id() }).await?;
        let mut withheld = vec![Withheld::No; cells.len()];
        for (block, reason) in table.blocks.iter().zip(&judged.withheld) {
            withheld[block.cell] = match reason {
                Withhold::None => Withheld::No,
                Withhold::Overlap => Withheld::Overlap,
                Withhold::Dominance => Withheld::Dominance,
                Withhold::Local => Withheld::Local,
            };
        }
        // every block of a withheld group is withheld, those too that count nobody and would not leave
        let wiring = &work.task.wiring;
        for i in (0..cells.len()).filter(|i| wiring.cells()[*i].kind.group_start && withheld[*i] != Withheld::No).collect::<Vec<_>>() {
            let inside = |j: &usize| wiring.cells()[*j].group == wiring.cells()[i].group && wiring.cells()[*j].kind.block_start;
            (i..cells.len()).filter(inside).for_each(|j| withheld[j] = withheld[i]);
        }
        Ok((judged, withheld))
    }

    /// The tables of a task with their openings.
    async fn open_work(&self, connection: &Connection, task: Task) -> Result<Work, HospitalError> {
        let dictionary = dictionary(connection.state(), &task.context.dictionary)?.clone();
        let layouts = (layout(connection, &dictionary, TableKind::Data), layout(connection, &dictionary, TableKind::Consent));
        let data =
            self.open_table(TableKind::Data, task.context.dictionary, task.data.iter().map(|s| s.id()), layouts.0.blocks.len()).await?;
        let consent =
            self.open_table(TableKind::Consent, task.context.registry, task.consent.iter().map(|s| s.id()), layouts.1.blocks.len()).await?;
        Ok(Work { task, data, consent, layouts })
    }

    /// An answer over rows from which some were dropped: the demo's cheating hospital. It is proved as well as it can be, and does not verify.
    ///
    /// # Errors
    /// The answer cannot be made.
    #[cfg(feature = "cheat")]
    pub async fn forged_answer(
        &self,
        connection: &Connection,
        query: QueryId,
        dropped: impl Fn(usize) -> bool,
    ) -> Result<Answer, HospitalError> {
        let task = connection.state().answer_task(&query, &self.member.id()).map_err(|e| HospitalError::Statement(e.to_string()))?;
        let task = Task::new(&task);
        let mut work = self.open_work(connection, task).await?;
        for block in &mut work.data.codes.blocks {
            block.iter_mut().enumerate().filter(|(slot, _)| dropped(*slot)).for_each(|(_, code)| *code = EMPTY);
        }
        let size = AggregateSize::for_cells(work.task.wiring.cells().len()).ok_or(HospitalError::Cells(work.task.wiring.cells().len()))?;
        let key = self.keys.key(CircuitName::Aggregate(size))?;
        let height = Height(work.task.context.answer_height);
        let made = tokio::task::spawn_blocking(move || {
            let cells = moment_table(&work.task.wiring, &work.witness());
            prove_aggregate(&key, &work.instance(), &work.witness(), &cells, &vec![Withheld::No; cells.len()], &mut OsRng)
        })
        .await??;
        Ok(Answer { query, height, proof: made.proof.encode(), sealed: Digest32::of(b"never stored") })
    }

    /// Sends a stored answer or refusal, or finds it on the ledger. `Some`: the ledger refused it.
    async fn confirm_answer(&self, connection: &mut Connection, query: QueryId, bytes: &[u8]) -> Result<Option<String>, HospitalError> {
        let transaction = Transaction::decode(bytes).map_err(|_| HospitalError::Damaged("a stored transaction"))?;
        let id: TransactionId = transaction.id();
        let outcome = match connection.known(&id).await? {
            Some(known) => Ok(known),
            None => connection.submit(transaction).await,
        };
        match outcome {
            Ok((height, result)) => match result.verdict {
                Verdict::Accepted(_) => {
                    self.store.answer_confirmed(query, height).await?;
                    Ok(None)
                }
                Verdict::Rejected { code, detail } => {
                    self.store.answer_rejected(query, if is_held(code) { UsedUp::No } else { UsedUp::Yes }).await?;
                    // somebody left while it was made, or rules or conditions changed: it is made again without them, or by those
                    let left = Rejection::WithdrawalSince { named: Height(0), withdrawn: Height(0) }.code();
                    let changed = Rejection::ChangedSince { named: Height(0), since: Height(0) }.code();
                    Ok((code != left && code != changed).then(|| format!("{code}: {detail}")))
                }
            },
            // signed with a sequence number that something else took meanwhile: make it again
            Err(LedgerError::Refused(_) | LedgerError::Overtaken(_)) => {
                self.store.answer_rejected(query, UsedUp::Yes).await?;
                Ok(None)
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn open_table(
        &self,
        kind: TableKind,
        digest: Digest32,
        segments: impl Iterator<Item = SegmentId>,
        blocks: usize,
    ) -> Result<Opened, HospitalError> {
        let mut opened = Opened { codes: SlotCodes { blocks: vec![Vec::new(); blocks] }, blinders: Vec::new() };
        for segment in segments {
            let kept = self.store.opening(&OpeningKey { table: TableName { kind, digest }, segment }).await?;
            let missing = || HospitalError::OpeningDestroyed(segment.index);
            let codes = kept.codes.ok_or_else(missing)?;
            opened.blinders.push(kept.blinders.ok_or_else(missing)?);
            for (all, own) in opened.codes.blocks.iter_mut().zip(&codes.blocks) {
                all.extend_from_slice(own);
            }
        }
        Ok(opened)
    }
}

/// True if an answer is refused as its study is suspended, has ended, or by an approval is not this hospital's any more: no fault of the answer, which may be made again
/// if the study goes on.
fn is_held(code: RejectionCode) -> bool {
    let study = [StudyRefused::Suspended(String::new()), StudyRefused::Site].map(Rejection::from);
    let over = [Rejection::StudyStatus(StudyStatus::Stopped), Rejection::StudyExpired(Day(0))];
    study.iter().chain(&over).any(|rejection| rejection.code() == code)
}

/// The keys an answer is sealed to.
fn recipients(connection: &Connection, query: &QueryId) -> Result<Vec<[u8; 32]>, HospitalError> {
    let record = connection.state().query(query).ok_or(HospitalError::Unknown("query"))?;
    let study = connection.state().study(&record.query.study).ok_or(HospitalError::Unknown("study"))?;
    Ok(study.submitted.sealing.iter().map(|k| k.key).collect())
}

/// An owned task.
pub(super) struct Task {
    pub(super) context: countersign_circuits::context::AnswerContext,
    pub(super) wiring: Wiring,
    data: Vec<countersign_circuits::segment::Segment>,
    consent: Vec<countersign_circuits::segment::Segment>,
    active: Vec<bool>,
    points: Vec<countersign_circuits::field::G1Affine>,
}

impl Task {
    fn new(task: &AnswerTask<'_>) -> Self {
        Self {
            context: task.context.clone(),
            wiring: task.wiring.clone(),
            data: task.data.clone(),
            consent: task.consent.clone(),
            active: task.active.iter().flat_map(|bitmap| (0..SLOTS).map(|m| bitmap.get(m))).collect(),
            points: task.active.iter().map(active_point).collect(),
        }
    }
}

/// A task with the hospital's side.
pub(super) struct Work {
    pub(super) task: Task,
    pub(super) data: Opened,
    consent: Opened,
    pub(super) layouts: (SegmentLayout, SegmentLayout),
}

impl Work {
    fn instance(&self) -> AggregateInstance<'_> {
        AggregateInstance {
            context: &self.task.context,
            wiring: &self.task.wiring,
            data: &self.task.data,
            consent: &self.task.consent,
            active: &self.task.points,
        }
    }

    pub(super) fn witness(&self) -> AggregateWitness<'_> {
        AggregateWitness {
            data_layout: &self.layouts.0,
            data: &self.data.codes,
            data_blinders: &self.data.blinders,
            consent_layout: &self.layouts.1,
            consent: &self.consent.codes,
            consent_blinders: &self.consent.blinders,
            active: &self.task.active,
        }
    }
}
