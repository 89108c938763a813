//! The mempool: signed transactions that wait for a block.
//!
//! Pure: no I/O and no clock. Times are passed in as the time since any fixed moment of a clock that does not run backwards.
//!
//! # Rules
//!
//! 1. **Checked before it is held.** Bounds, network, membership, strict signature and sequence against the current state. Costs one encoding,
//!    one SHA-256 over it and one Ed25519 verification (about 50 microseconds for a small transaction); bytes already held cost a comparison.
//! 2. **A place for everybody.** Each member has a share of [`MEMBER_BYTES`] that nobody else can use. What does not fit it (anchors of large
//!    tables) comes out of a common reserve of [`RESERVE_BYTES`], of which one member holds at most [`MEMBER_RESERVE_BYTES`], and only for
//!    transactions that nothing is missing before. Nothing held is ever pushed out by something that comes later.
//! 3. **The first stays.** Of two transactions of one signer with the same sequence number, the one that came first is kept. Replacing would cost
//!    every node a check and every link a message each time, without end, and it is the signer alone who can make two.
//! 4. **In order, in turn.** [`Mempool::candidates`] takes one transaction of each member in turn, each member's own in sequence, beginning with
//!    another member each time.
//! 5. **Checked again.** A transaction becomes a candidate only if the state it is proposed on still admits its signer, sequence and kind. A signature
//!    does not change with the state and is not checked again here; [`State::propose`](countersign_ledger::State::propose) checks everything.
//!
//! 6. **Patients first.** What a patient's key signs ([`WithdrawByKey`](countersign_messages::WithdrawByKey)) is apart from all members' transactions: at most
//!    [`PATIENTS_OF_A_HOSPITAL_MAX`] at each hospital, in turn between hospitals, before everything else, in up to half of a block's places.
//!
//! A node loses its mempool when it stops. Whoever signed a transaction keeps it and sends it again until it stands in a block
//! (ARCHITECTURE.md, invariants).

mod admitted;
mod allowance;
mod patients;
mod queue;
mod selection;
mod verdict;

pub use admitted::Admitted;
pub use allowance::{Allowance, FAULTS_MAX, Standing, Throttled};
pub use patients::PATIENTS_OF_A_HOSPITAL_MAX;
pub use verdict::{Fault, Inserted, SubmitError};

use countersign_ledger::State;
use countersign_messages::{
    EnvelopeError, MemberId, Transaction,
    limits::{FUTURE_SEQUENCES_MAX, MEMBERS_MAX, TRANSACTION_BYTES_MAX},
};
use patients::Patients;
use queue::{Held, Queue};
use std::{collections::BTreeMap, time::Duration};

/// Sequence numbers from a member's next one on that may be held, and so the number of its transactions: a hospital that sends a day's
/// withdrawals, 4,096 slots each, and its answers is far below.
pub const MEMBER_TRANSACTIONS_MAX: u64 = FUTURE_SEQUENCES_MAX;
/// Bytes of every member's own share: some queries, answers (2.3 KiB to 64 KiB) and withdrawals (16 KiB) of the largest size. 256 members: 128 MiB.
pub const MEMBER_BYTES: usize = 512 << 10;
/// Bytes of the common reserve for what exceeds a share: eight of the largest anchors.
pub const RESERVE_BYTES: usize = 8 * TRANSACTION_BYTES_MAX;
/// Bytes of the reserve one member may hold: one anchor on its way into a block and the next one.
pub const MEMBER_RESERVE_BYTES: usize = 2 * TRANSACTION_BYTES_MAX;
/// Counted beside the encoded bytes of each transaction: its place in the maps and the allocations of a small payload.
pub const OVERHEAD_BYTES: usize = 512;
/// Bytes of a withdrawal by key: network, signer, sequence, kind, hospital, slot and signature.
pub const WITHDRAWAL_BY_KEY_BYTES: usize = 32 + 32 + 8 + 1 + 32 + 4 + 64;
/// How long a transaction is held. Its signer sends it again if it still wants it; a gap that nobody closed for so long stays.
pub const HELD_MAX: Duration = Duration::from_secs(3_600);

/// Bounds of a mempool; [`Limits::default`] is what nodes use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// See [`MEMBER_TRANSACTIONS_MAX`].
    pub member_transactions: u64,
    /// See [`MEMBER_BYTES`].
    pub member_bytes: usize,
    /// See [`MEMBER_RESERVE_BYTES`].
    pub member_reserve_bytes: usize,
    /// See [`RESERVE_BYTES`].
    pub reserve_bytes: usize,
    /// See [`HELD_MAX`].
    pub held: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            member_transactions: MEMBER_TRANSACTIONS_MAX,
            member_bytes: MEMBER_BYTES,
            member_reserve_bytes: MEMBER_RESERVE_BYTES,
            reserve_bytes: RESERVE_BYTES,
            held: HELD_MAX,
        }
    }
}

impl Limits {
    /// Most bytes a mempool with these limits counts, whatever is sent to it.
    pub fn bytes_max(&self) -> usize {
        let patients = MEMBERS_MAX * PATIENTS_OF_A_HOSPITAL_MAX * (WITHDRAWAL_BY_KEY_BYTES + OVERHEAD_BYTES);
        MEMBERS_MAX.saturating_mul(self.member_bytes).saturating_add(self.reserve_bytes).saturating_add(patients)
    }
}

/// Transactions that wait for a block. See the module's rules.
#[derive(Debug, Default)]
pub struct Mempool {
    limits: Limits,
    /// Never empty queues.
    queues: BTreeMap<MemberId, Queue>,
    patients: Patients,
    /// Bytes taken from the reserve, all members.
    reserve: usize,
    /// Who came first in the last selection.
    first: Option<MemberId>,
}

impl Mempool {
    /// An empty one with bounds of one's own.
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes a transaction in. [`Inserted::is_new`] says whether to pass it on.
    ///
    /// # Errors
    /// [`SubmitError`]; nothing changes.
    pub fn insert(&mut self, state: &State, transaction: Transaction, now: Duration) -> Result<Inserted, SubmitError> {
        if self.knows(state, &transaction) {
            return Ok(Inserted::Known);
        }
        self.put(state, Admitted::check(state, transaction)?, now)
    }

    /// True if these bytes are held, and may still come into a block.
    pub fn knows(&self, state: &State, transaction: &Transaction) -> bool {
        if let Some(hospital) = patients::hospital(transaction) {
            return self.patients.get(&hospital, &transaction.signer) == Some(transaction) && state.may_send(transaction);
        }
        self.get(&transaction.signer, transaction.sequence) == Some(transaction)
            && transaction.sequence >= state.next_sequence(&transaction.signer)
    }

    /// The second half of [`Self::insert`]. The state may have moved on since the check: what is cheap is checked again.
    ///
    /// # Errors
    /// [`SubmitError`]; nothing changes.
    pub fn put(&mut self, state: &State, admitted: Admitted, now: Duration) -> Result<Inserted, SubmitError> {
        if self.knows(state, &admitted.transaction) {
            return Ok(Inserted::Known);
        }
        let (bytes, transaction) = (admitted.encoded().len(), admitted.transaction);
        if let Some(hospital) = patients::hospital(&transaction) {
            return self.put_patient(state, hospital, transaction, bytes, now);
        }
        let (signer, sequence) = (transaction.signer, transaction.sequence);
        if state.member(&signer).is_none() {
            return Err(EnvelopeError::Signer(signer).into());
        }
        let next = state.next_sequence(&signer);
        let gap = sequence.checked_sub(next).ok_or(EnvelopeError::Sequence { found: sequence, next })?;
        if self.get(&signer, sequence).is_some() {
            return Err(SubmitError::Taken { signer, sequence });
        }
        let window = self.limits.member_transactions;
        if gap >= window {
            return Err(SubmitError::Ahead { found: sequence, next, window });
        }
        let queue = self.queues.get(&signer);
        let missing = queue.map_or(gap, |q| q.missing_before(sequence - gap, sequence));
        let taken = self.room(signer, bytes.saturating_add(OVERHEAD_BYTES), missing)?;
        self.reserve += taken;
        self.queues.entry(signer).or_default().put(Held { transaction, bytes: bytes + OVERHEAD_BYTES, since: now });
        Ok(if missing == 0 { Inserted::Ready } else { Inserted::Held { missing } })
    }

    fn put_patient(
        &mut self,
        state: &State,
        hospital: MemberId,
        transaction: Transaction,
        bytes: usize,
        now: Duration,
    ) -> Result<Inserted, SubmitError> {
        if !state.may_send(&transaction) {
            return Err(EnvelopeError::NoSlot.into());
        }
        if self.patients.get(&hospital, &transaction.signer).is_some() {
            return Err(SubmitError::Taken { signer: transaction.signer, sequence: transaction.sequence });
        }
        if self.patients.put(hospital, transaction, bytes, now) { Ok(Inserted::Ready) } else { Err(SubmitError::Patients) }
    }

    /// Bytes a transaction takes from the reserve, if there is room.
    fn room(&self, signer: MemberId, bytes: usize, missing: u64) -> Result<usize, SubmitError> {
        let limits = &self.limits;
        let before = self.queues.get(&signer).map_or(0, Queue::bytes);
        let (excess_before, excess) = (excess(before, limits), excess(before + bytes, limits));
        let taken = excess - excess_before;
        if taken == 0 {
            return Ok(0);
        }
        if missing > 0 {
            return Err(SubmitError::Gap { signer, missing });
        }
        if excess > limits.member_reserve_bytes {
            return Err(SubmitError::Share { signer, bytes: before, max: limits.member_bytes + limits.member_reserve_bytes });
        }
        if self.reserve + taken > limits.reserve_bytes {
            return Err(SubmitError::Busy);
        }
        Ok(taken)
    }

    /// Follows a block: drops what it used up (the transaction itself or another one with its sequence number) and what may not be sent any more: its
    /// signer is a member no more, has not the role, or has had too much of the kind rejected today. What waited for a gap that is closed now
    /// becomes a candidate by itself. Costs one look at each held transaction.
    pub fn committed(&mut self, state: &State) {
        self.patients.committed(state);
        self.retain(|signer, queue| {
            if state.member(signer).is_some() {
                queue.drop_used(state.next_sequence(signer));
                // what its signer may not send today would stand before what it may, a withdrawal for one
                queue.retain(|transaction| state.may_send(transaction));
            } else {
                queue.clear();
            }
        });
    }

    /// Drops what has been held for too long, and says what: signer and sequence number.
    pub fn expire(&mut self, now: Duration) -> Vec<(MemberId, u64)> {
        let (held, mut dropped) = (self.limits.held, Vec::new());
        dropped.extend(self.patients.expire(now, held).into_iter().map(|key| (key, 0)));
        self.retain(|signer, queue| dropped.extend(queue.expire(now, held).into_iter().map(|sequence| (*signer, sequence))));
        dropped
    }

    /// Changes queues, forgets empty ones, and counts the reserve again.
    fn retain(&mut self, mut change: impl FnMut(&MemberId, &mut Queue)) {
        self.queues.retain(|signer, queue| {
            change(signer, queue);
            !queue.is_empty()
        });
        self.reserve = self.queues.values().map(|q| excess(q.bytes(), &self.limits)).sum();
    }

    /// A transaction of a member that is held.
    pub fn get(&self, signer: &MemberId, sequence: u64) -> Option<&Transaction> {
        self.queues.get(signer)?.get(sequence)
    }

    /// All that is held, patients' first, then by signer and sequence: for a peer that has just connected.
    pub fn iter(&self) -> impl Iterator<Item = &Transaction> {
        self.patients.iter().chain(self.queues.values().flat_map(Queue::iter))
    }

    /// The sequence number a member should sign next: after what is held without a gap.
    pub fn next_sequence(&self, state: &State, signer: &MemberId) -> u64 {
        let next = state.next_sequence(signer);
        self.queues.get(signer).map_or(next, |q| q.ready_until(next))
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.patients.len() + self.queues.values().map(Queue::len).sum::<usize>()
    }

    /// True if nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held, [`OVERHEAD_BYTES`] included; at most [`Limits::bytes_max`].
    pub fn bytes(&self) -> usize {
        self.patients.bytes() + self.queues.values().map(Queue::bytes).sum::<usize>()
    }
}

/// What exceeds a member's own share.
fn excess(bytes: usize, limits: &Limits) -> usize {
    bytes.saturating_sub(limits.member_bytes)
}

#[cfg(test)]
mod tests;
