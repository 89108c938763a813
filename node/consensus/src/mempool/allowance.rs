//! What one peer may send: counted in transactions, bytes and faults, so that whoever sends too much or rubbish pays for it, not the network.
//!
//! Two token buckets (transactions, bytes) are charged before anything is decoded or verified. A third counts faults: transactions that no honest
//! node passes on, as it checks them first. Faults are forgiven slowly, so that one that keeps sending rubbish is cut off. A peer whose state is behind,
//! or that is ahead of this node, makes none: it cannot know which members this node knows.

use super::verdict::{Fault, Inserted, SubmitError};
use crate::bucket::Bucket;
use std::time::Duration;

/// Transactions a peer may send at once: what another node's mempool holds of 32 members, after a connection is made.
const TRANSACTIONS_BURST: u64 = 2_048;
/// Transactions a second: checking their signatures takes below 3 % of a core.
const TRANSACTIONS_PER_SECOND: u64 = 512;
/// Bytes at once: four of the largest anchors.
const BYTES_BURST: u64 = 64 << 20;
/// Bytes a second: as many as blocks of the largest size could take in.
const BYTES_PER_SECOND: u64 = 16 << 20;
/// Faults after which a peer is to be disconnected.
pub const FAULTS_MAX: u64 = 16;
/// Faults forgiven in a thousand seconds: one a minute.
const FAULTS_PER_1000_SECONDS: u64 = 17;

/// One peer's allowance.
#[derive(Debug, Clone)]
pub struct Allowance {
    transactions: Bucket,
    bytes: Bucket,
    faults: Bucket,
}

/// The peer has used up its allowance: drop what it sent, and read no more of it for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sender has used up its allowance; read on in {} ms", wait.as_millis())]
pub struct Throttled {
    /// Until there is room for what it sent.
    pub wait: Duration,
}

/// What to do with a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Good,
    /// Report and disconnect: it passes on what no honest node does.
    Disconnect,
}

impl Allowance {
    /// A full one, for a peer that has just connected. Keep it when the peer goes and comes back, or reconnecting wipes out its faults.
    pub fn new(now: Duration) -> Self {
        Self {
            transactions: Bucket::full(TRANSACTIONS_BURST, TRANSACTIONS_PER_SECOND * 1_000, now),
            bytes: Bucket::full(BYTES_BURST, BYTES_PER_SECOND * 1_000, now),
            faults: Bucket::full(FAULTS_MAX, FAULTS_PER_1000_SECONDS, now),
        }
    }

    /// A transaction of so many bytes has come; to be asked before it is decoded.
    ///
    /// # Errors
    /// [`Throttled`]; nothing is charged.
    pub fn arrived(&mut self, bytes: usize, now: Duration) -> Result<(), Throttled> {
        let bytes = bytes as u64;
        let wait = self.transactions.wait(1, now).max(self.bytes.wait(bytes, now));
        if !wait.is_zero() {
            return Err(Throttled { wait });
        }
        self.transactions.take(1);
        self.bytes.take(bytes);
        Ok(())
    }

    /// What the mempool said of it. Only what the sender should have noticed itself is charged as a fault.
    pub fn judged(&mut self, verdict: &Result<Inserted, SubmitError>, now: Duration) -> Standing {
        match verdict {
            Err(refused) if refused.fault() == Fault::Sender => self.fault(now),
            _ => self.standing(now),
        }
    }

    /// It was no transaction at all: undecodable, or longer than any.
    pub fn fault(&mut self, now: Duration) -> Standing {
        if self.faults.wait(1, now).is_zero() {
            self.faults.take(1);
        }
        self.standing(now)
    }

    fn standing(&mut self, now: Duration) -> Standing {
        if self.faults.wait(1, now).is_zero() { Standing::Good } else { Standing::Disconnect }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_messages::EnvelopeError;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_flood_is_throttled_and_may_go_on_later() {
        let mut peer = Allowance::new(at(0));
        let sent = (0..10_000).filter(|_| peer.arrived(100, at(0)).is_ok()).count() as u64;
        assert_eq!(sent, TRANSACTIONS_BURST);
        let wait = peer.arrived(100, at(0)).unwrap_err().wait;
        assert_eq!(wait, Duration::from_millis(2));
        assert!(peer.arrived(100, wait).is_ok());
        assert!(peer.arrived(100, wait).is_err());
        assert_eq!((0..10_000).filter(|_| peer.arrived(100, at(1)).is_ok()).count() as u64, TRANSACTIONS_PER_SECOND - 1);
        // a throttled peer is not a faulty one
        assert_eq!(peer.judged(&Ok(Inserted::Known), at(1)), Standing::Good);
    }

    #[test]
    fn bytes_count_too() {
        let mut peer = Allowance::new(at(0));
        assert_eq!((0..100).filter(|_| peer.arrived(16 << 20, at(0)).is_ok()).count(), 4);
        assert_eq!(peer.arrived(16 << 20, at(0)), Err(Throttled { wait: at(1) }));
        // more than it ever holds: passes once the bucket is full, and is refused by its size elsewhere
        assert!(peer.arrived(usize::MAX, at(3)).is_err());
        assert!(peer.arrived(usize::MAX, at(4)).is_ok());
    }

    #[test]
    fn only_what_the_sender_should_have_seen_is_its_fault() {
        let signer = countersign_messages::MemberId([1; 32]);
        let harmless: Vec<Result<Inserted, SubmitError>> = vec![
            Ok(Inserted::Ready),
            Ok(Inserted::Known),
            Err(SubmitError::Busy),
            Err(SubmitError::Patients),
            Err(SubmitError::Envelope(EnvelopeError::NoSlot)),
            Err(SubmitError::Taken { signer, sequence: 1 }),
            Err(SubmitError::Ahead { found: 9, next: 1, window: 2 }),
            Err(SubmitError::Gap { signer, missing: 1 }),
            Err(SubmitError::Share { signer, bytes: 1, max: 1 }),
            Err(SubmitError::Envelope(EnvelopeError::Sequence { found: 0, next: 1 })),
            Err(SubmitError::Envelope(EnvelopeError::Signer(signer))),
            Err(SubmitError::Envelope(EnvelopeError::Role(countersign_messages::Role::Hospital))),
            Err(SubmitError::Envelope(EnvelopeError::DayClosed { class: countersign_messages::Class::Anchors })),
        ];
        let mut peer = Allowance::new(at(0));
        for verdict in harmless.iter().cycle().take(1_000) {
            assert_eq!(peer.judged(verdict, at(0)), Standing::Good, "{verdict:?}");
        }
        for error in [EnvelopeError::Signature, EnvelopeError::Network, EnvelopeError::TooLong(1)] {
            let mut peer = Allowance::new(at(0));
            let verdict = Err(SubmitError::Envelope(error));
            let before = (0..1_000).take_while(|_| peer.judged(&verdict, at(0)) == Standing::Good).count() as u64;
            assert_eq!(before, FAULTS_MAX - 1);
        }
    }

    #[test]
    fn faults_are_forgiven_slowly() {
        let mut peer = Allowance::new(at(0));
        (0..FAULTS_MAX).for_each(|_| assert_eq!(peer.fault(at(0)) == Standing::Good, !peer.faults.is_empty()));
        assert_eq!(peer.judged(&Ok(Inserted::Ready), at(1)), Standing::Disconnect);
        assert_eq!(peer.judged(&Ok(Inserted::Ready), at(60)), Standing::Good);
        assert_eq!(peer.fault(at(60)), Standing::Disconnect);
        // one fault a minute goes on for ever
        let mut slow = Allowance::new(at(0));
        assert!((0..1_000).all(|minute| slow.fault(at(60 * minute)) == Standing::Good));
    }
}
