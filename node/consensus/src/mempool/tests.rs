//! The mempool against blocks that are made and committed by the real state machine.

mod model;
mod patients;

use super::*;
use crate::fixture::{Chain, anchor, filler, genesis, key, member};
use countersign_messages::{Wire, limits::BLOCK_BYTES_MAX};

const NOW: Duration = Duration::ZERO;

/// A mempool and a chain.
struct Scene {
    chain: Chain,
    pool: Mempool,
}

impl Scene {
    fn new(members: u8) -> Self {
        Self { chain: Chain::new(genesis(members)), pool: Mempool::default() }
    }

    fn sign(&self, who: u8, sequence: u64, bytes: usize) -> Transaction {
        Transaction::sign(&key(who), self.chain.state.network(), sequence, filler(0, bytes))
    }

    fn send(&mut self, who: u8, sequence: u64, bytes: usize) -> Result<Inserted, SubmitError> {
        let transaction = self.sign(who, sequence, bytes);
        self.pool.insert(&self.chain.state, transaction, NOW)
    }

    fn candidates(&mut self, bytes: usize, count: usize) -> Vec<(MemberId, u64)> {
        self.pool.candidates(&self.chain.state, bytes, count).iter().map(|t| (t.signer, t.sequence)).collect()
    }

    fn block(&mut self) -> usize {
        let candidates = self.pool.candidates(&self.chain.state, BLOCK_BYTES_MAX, 1_024);
        let count = candidates.len();
        self.chain.block(candidates);
        self.pool.committed(&self.chain.state);
        count
    }
}

#[test]
fn what_is_sent_comes_into_a_block_once() {
    let mut s = Scene::new(3);
    assert_eq!(s.send(1, 0, 10), Ok(Inserted::Ready));
    assert_eq!(s.send(1, 0, 10), Ok(Inserted::Known));
    assert_eq!(s.send(1, 1, 10), Ok(Inserted::Ready));
    assert_eq!((s.pool.len(), s.block(), s.pool.len()), (2, 2, 0));
    // a replay of what stands in a block is refused, however often
    for _ in 0..3 {
        let refused = s.send(1, 0, 10).unwrap_err();
        assert_eq!(refused, SubmitError::Envelope(EnvelopeError::Sequence { found: 0, next: 2 }));
        assert_eq!(refused.fault(), Fault::Nobody);
    }
    assert_eq!(s.block(), 0);
}

#[test]
fn gaps_are_waited_for() {
    let mut s = Scene::new(2);
    assert_eq!(s.send(1, 3, 10), Ok(Inserted::Held { missing: 3 }));
    assert_eq!(s.send(1, 1, 10), Ok(Inserted::Held { missing: 1 }));
    assert_eq!(s.block(), 0);
    assert_eq!(s.send(1, 0, 10), Ok(Inserted::Ready));
    assert_eq!(s.pool.next_sequence(&s.chain.state, &member(1)), 2);
    assert_eq!((s.block(), s.pool.len()), (2, 1));
    assert_eq!(s.pool.next_sequence(&s.chain.state, &member(1)), 2);
    assert_eq!(s.send(1, 2, 10), Ok(Inserted::Ready));
    assert_eq!((s.block(), s.pool.len()), (2, 0));
}

#[test]
fn a_gap_closed_elsewhere_is_closed() {
    let mut s = Scene::new(2);
    assert!(s.send(1, 1, 10).is_ok());
    // another node's block holds the one that never came here
    let first = s.sign(1, 0, 77);
    s.chain.block(vec![first]);
    s.pool.committed(&s.chain.state);
    assert_eq!(s.block(), 1);
}

#[test]
fn the_first_of_two_stays() {
    let mut s = Scene::new(2);
    assert!(s.send(1, 0, 10).is_ok());
    let taken = s.send(1, 0, 11).unwrap_err();
    assert_eq!((taken.fault(), &taken), (Fault::Signer, &SubmitError::Taken { signer: member(1), sequence: 0 }));
    // nobody else can make it look as if the signer had made two
    let mut forged = s.sign(1, 0, 12);
    forged.signature.0[3] ^= 1;
    let refused = s.pool.insert(&s.chain.state, forged, NOW).unwrap_err();
    assert_eq!((refused.fault(), &refused), (Fault::Sender, &SubmitError::Envelope(EnvelopeError::Signature)));
    // the other one stands in a block all the same: ours is used up
    let other = s.sign(1, 0, 11);
    s.chain.block(vec![other]);
    s.pool.committed(&s.chain.state);
    assert!(s.pool.is_empty());
}

#[test]
fn what_no_honest_node_passes_on_is_the_senders_fault() {
    let mut s = Scene::new(2);
    let network = s.chain.state.network();
    let good = s.sign(1, 0, 10);
    let mut other_network = good.clone();
    other_network.network.0.0[0] ^= 1;
    let mut stolen = good.clone();
    stolen.signer = member(2);
    let unbounded = Transaction::sign(&key(1), network, 0, filler(0, countersign_messages::limits::DICTIONARY_BYTES_MAX + 1));
    let oversized = Transaction::sign(&key(1), network, 0, anchor(TRANSACTION_BYTES_MAX));
    for bad in [other_network, stolen, unbounded, oversized] {
        let refused = s.pool.insert(&s.chain.state, bad, NOW).unwrap_err();
        assert_eq!(refused.fault(), Fault::Sender, "{refused}");
        assert!(s.pool.is_empty());
    }
}

#[test]
fn a_stranger_may_be_a_member_the_sender_knows() {
    // a node that is behind hears from all others what a new member has signed: they are not to be cut off for it
    let mut s = Scene::new(2);
    let stranger = Transaction::sign(&key(99), s.chain.state.network(), 0, filler(0, 1));
    let refused = s.pool.insert(&s.chain.state, stranger, NOW).unwrap_err();
    assert_eq!((refused.fault(), &refused), (Fault::Nobody, &SubmitError::Envelope(EnvelopeError::Signer(member(99)))));
    assert!(s.pool.is_empty());
}

#[test]
fn a_block_may_come_between_check_and_place() {
    let mut s = Scene::new(2);
    let (first, later) = (s.sign(1, 0, 10), s.sign(1, 1, 11));
    let admitted = Admitted::check(&s.chain.state, first.clone()).unwrap();
    let admitted_later = Admitted::check(&s.chain.state, later).unwrap();
    s.chain.block(vec![first]);
    let used = SubmitError::Envelope(EnvelopeError::Sequence { found: 0, next: 1 });
    assert_eq!(s.pool.put(&s.chain.state, admitted, NOW), Err(used));
    assert_eq!(s.pool.put(&s.chain.state, admitted_later.clone(), NOW), Ok(Inserted::Ready));
    assert_eq!(s.pool.put(&s.chain.state, admitted_later, NOW), Ok(Inserted::Known));
}

#[test]
fn a_flood_by_one_member_leaves_the_others_alone() {
    let mut s = Scene::new(5);
    for who in 2..=5 {
        assert!(s.send(who, 0, 10).is_ok());
    }
    let outcomes: Vec<_> = (0..500).map(|sequence| s.send(1, sequence, 9_000)).collect();
    let held = outcomes.iter().filter(|o| o.is_ok()).count() as u64;
    assert_eq!(held, MEMBER_TRANSACTIONS_MAX);
    assert_eq!(outcomes[499], Err(SubmitError::Ahead { found: 499, next: 0, window: MEMBER_TRANSACTIONS_MAX }));
    // those who came before are still there, those who come after get in, and all of them into the first 10
    assert!((2..=5).all(|who| s.pool.get(&member(who), 0).is_some()));
    assert_eq!(s.send(2, 1, 10), Ok(Inserted::Ready));
    let chosen = s.candidates(BLOCK_BYTES_MAX, 10);
    for who in 2..=5 {
        assert!(chosen.contains(&(member(who), 0)), "{chosen:?}");
    }
}

#[test]
fn a_flood_of_bytes_stops_at_the_members_share() {
    let mut s = Scene::new(20);
    let (mut sent, mut bytes) = (0, 0);
    let refused = loop {
        match s.pool.insert(&s.chain.state, Transaction::sign(&key(1), s.chain.state.network(), sent, anchor(6 << 20)), NOW) {
            Ok(_) => (sent, bytes) = (sent + 1, s.pool.bytes()),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, SubmitError::Share { .. }), "{refused}");
    assert_eq!(refused.fault(), Fault::Signer);
    assert_eq!(sent, 5);
    assert!(bytes <= MEMBER_BYTES + MEMBER_RESERVE_BYTES);
    // large ones that wait for something are not parked in the reserve
    let parked = Transaction::sign(&key(2), s.chain.state.network(), 1, anchor(6 << 20));
    assert_eq!(s.pool.insert(&s.chain.state, parked, NOW), Err(SubmitError::Gap { signer: member(2), missing: 1 }));
    // four such members use up the reserve; everybody's own share is still theirs
    let busy = (2..=6).find_map(|who| {
        (0..5).find_map(|i| {
            let large = Transaction::sign(&key(who), s.chain.state.network(), i, anchor(6 << 20));
            s.pool.insert(&s.chain.state, large, NOW).err().map(|e| (who, e))
        })
    });
    assert_eq!(busy, Some((5, SubmitError::Busy)));
    assert!((6..=20).all(|who| s.send(who, 0, 400_000) == Ok(Inserted::Ready)));
    assert!(s.pool.bytes() <= Limits::default().bytes_max());
    // and the reserve comes back
    while s.block() > 0 {}
    assert_eq!((s.pool.bytes(), s.pool.reserve), (0, 0));
}

#[test]
fn everybody_is_first_in_turn_and_large_ones_get_in() {
    let mut s = Scene::new(5);
    for who in 1..=5 {
        for sequence in 0..20 {
            assert!(s.send(who, sequence, 1_000).is_ok());
        }
    }
    let mut firsts: Vec<_> = (0..5).map(|_| s.candidates(BLOCK_BYTES_MAX, 7)[0].0).collect();
    firsts.sort_unstable();
    firsts.dedup();
    assert_eq!(firsts.len(), 5);
    // a block with room for one and a half: each member's comes within as many blocks as there are members
    let one = s.sign(1, 0, 1_000).encode().len();
    for _ in 0..5 {
        let candidates = s.pool.candidates(&s.chain.state, one * 3 / 2, 1_024);
        assert_eq!(candidates.len(), 1);
        s.chain.block(candidates);
        s.pool.committed(&s.chain.state);
    }
    assert!((1..=5).all(|who| s.chain.state.next_sequence(&member(who)) == 1));
}

#[test]
fn what_is_held_too_long_goes() {
    let mut s = Scene::new(2);
    assert!(s.send(1, 1, 10).is_ok());
    let later = s.sign(1, 0, 10);
    assert!(s.pool.insert(&s.chain.state, later, Duration::from_secs(60)).is_ok());
    assert!(s.pool.expire(HELD_MAX).is_empty());
    assert_eq!(s.pool.expire(HELD_MAX + Duration::from_secs(1)), [(member(1), 1)]);
    assert_eq!(s.pool.len(), 1);
    // and may be sent again
    assert_eq!(s.send(1, 1, 10), Ok(Inserted::Ready));
}

#[test]
fn those_who_have_left_are_forgotten() {
    let mut s = Scene::new(3);
    (1..=3).for_each(|who| assert!(s.send(who, 0, 10).is_ok()));
    let fewer = Chain::new(genesis(2));
    assert!(s.pool.candidates(&fewer.state, BLOCK_BYTES_MAX, 9).iter().all(|t| t.signer != member(3)));
    s.pool.committed(&fewer.state);
    assert_eq!(s.pool.len(), 2);
    assert!(s.pool.get(&member(3), 0).is_none());
}
