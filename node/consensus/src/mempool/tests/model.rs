//! The mempool against a naive list that follows the rules word by word.

use super::super::*;
use crate::fixture::{Chain, filler, genesis, key, member};
use countersign_messages::Wire;
use proptest::prelude::*;

const MEMBERS: u8 = 4;
/// Small bounds, so that every one of them is met.
const LIMITS: Limits = Limits {
    member_transactions: 6,
    member_bytes: 4_000,
    member_reserve_bytes: 3_000,
    reserve_bytes: 3_000,
    held: Duration::from_secs(10),
};

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Who, numbers beyond the next one (-1: used), size, which of several texts.
    Send(u8, i64, usize, u8),
    /// A block with the mempool's candidates.
    Block(usize, usize),
    /// A block with somebody's next transaction that never came here.
    Elsewhere(u8),
    /// Time passes.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..=MEMBERS, -1..8_i64, prop_oneof![Just(10_usize), Just(900), Just(2_500), Just(2_500)], 0..2_u8).prop_map(|(w, s, b, m)| Step::Send(w, s, b, m)),
        2 => (0..6_000_usize, 0..8_usize).prop_map(|(b, c)| Step::Block(b, c)),
        1 => (1..=MEMBERS).prop_map(Step::Elsewhere),
        1 => (1..8_u64).prop_map(Step::Wait),
    ]
}

/// What the rules say, on a plain list.
struct Naive {
    list: Vec<(Transaction, usize, Duration)>,
    last_first: Option<MemberId>,
}

impl Naive {
    fn of(&self, who: MemberId) -> impl Iterator<Item = &(Transaction, usize, Duration)> {
        self.list.iter().filter(move |(t, ..)| t.signer == who)
    }

    fn has(&self, who: MemberId, sequence: u64) -> bool {
        self.of(who).any(|(t, ..)| t.sequence == sequence)
    }

    fn bytes(&self, who: MemberId) -> usize {
        self.of(who).map(|(_, b, _)| b).sum()
    }

    fn reserve(&self) -> usize {
        (1..=MEMBERS).map(|who| self.bytes(member(who)).saturating_sub(LIMITS.member_bytes)).sum()
    }

    fn insert(&mut self, state: &State, transaction: Transaction, now: Duration) -> &'static str {
        let (who, sequence) = (transaction.signer, transaction.sequence);
        let next = state.next_sequence(&who);
        let bytes = transaction.encode().len() + OVERHEAD_BYTES;
        if sequence < next {
            return "used";
        }
        if let Some((held, ..)) = self.of(who).find(|(t, ..)| t.sequence == sequence) {
            return if *held == transaction { "known" } else { "taken" };
        }
        if sequence >= next + LIMITS.member_transactions {
            return "ahead";
        }
        let whole = (next..sequence).all(|s| self.has(who, s));
        let mut with = Self { list: self.list.clone(), last_first: None };
        with.list.push((transaction, bytes, now));
        if with.bytes(who) > LIMITS.member_bytes {
            if !whole {
                return "gap";
            }
            if with.bytes(who) > LIMITS.member_bytes + LIMITS.member_reserve_bytes {
                return "share";
            }
            if with.reserve() > LIMITS.reserve_bytes {
                return "busy";
            }
        }
        self.list = with.list;
        if whole { "ready" } else { "held" }
    }

    /// In turn, from the member after the last first one.
    fn candidates(&mut self, state: &State, bytes_max: usize, count_max: usize) -> Vec<Transaction> {
        let mut next: BTreeMap<MemberId, u64> = (1..=MEMBERS).map(|w| (member(w), state.next_sequence(&member(w)))).collect();
        next.retain(|who, sequence| self.has(*who, *sequence));
        let mut order: Vec<MemberId> = next.keys().copied().collect();
        if let Some(at) = order.iter().position(|who| Some(*who) > self.last_first) {
            order.rotate_left(at);
        }
        self.last_first = order.first().copied().or(self.last_first);
        let (mut chosen, mut bytes) = (Vec::new(), 0);
        while !order.is_empty() {
            for who in order.clone() {
                let found = self.of(who).find(|(t, ..)| t.sequence == next[&who]).map(|(t, ..)| t.clone());
                match found.filter(|t| bytes + t.encode().len() <= bytes_max && chosen.len() < count_max) {
                    Some(transaction) => {
                        bytes += transaction.encode().len();
                        *next.get_mut(&who).unwrap() += 1;
                        chosen.push(transaction);
                    }
                    None => order.retain(|w| *w != who),
                }
            }
        }
        chosen
    }

    fn committed(&mut self, state: &State) {
        self.list.retain(|(t, ..)| t.sequence >= state.next_sequence(&t.signer));
    }
}

fn name(verdict: &Result<Inserted, SubmitError>) -> &'static str {
    match verdict {
        Ok(Inserted::Ready) => "ready",
        Ok(Inserted::Held { .. }) => "held",
        Ok(Inserted::Known) => "known",
        Err(SubmitError::Envelope(EnvelopeError::Sequence { .. })) => "used",
        Err(SubmitError::Envelope(_)) => "envelope",
        Err(SubmitError::Taken { .. }) => "taken",
        Err(SubmitError::Ahead { .. }) => "ahead",
        Err(SubmitError::Gap { .. }) => "gap",
        Err(SubmitError::Share { .. }) => "share",
        Err(SubmitError::Busy | SubmitError::Patients) => "busy",
    }
}

/// Runs the steps on both and compares after each; gives the verdicts met.
fn run(steps: Vec<Step>) -> std::collections::BTreeSet<&'static str> {
    let mut chain = Chain::new(genesis(MEMBERS));
    let mut pool = Mempool::with_limits(LIMITS);
    let mut naive = Naive { list: Vec::new(), last_first: None };
    let (mut now, mut met) = (Duration::ZERO, std::collections::BTreeSet::new());
    for step in steps {
        match step {
            Step::Send(who, ahead, bytes, mark) => {
                let Some(sequence) = chain.state.next_sequence(&member(who)).checked_add_signed(ahead) else { continue };
                let transaction = Transaction::sign(&key(who), chain.state.network(), sequence, filler(mark, bytes));
                let verdict = pool.insert(&chain.state, transaction.clone(), now);
                assert_eq!(name(&verdict), naive.insert(&chain.state, transaction, now), "{step:?}");
                met.insert(name(&verdict));
            }
            Step::Block(bytes, count) => {
                let candidates = pool.candidates(&chain.state, bytes, count);
                assert_eq!(candidates, naive.candidates(&chain.state, bytes, count), "{step:?}");
                chain.block(candidates);
            }
            Step::Elsewhere(who) => {
                let sequence = chain.state.next_sequence(&member(who));
                chain.block(vec![Transaction::sign(&key(who), chain.state.network(), sequence, filler(9, 9))]);
            }
            Step::Wait(seconds) => {
                now += Duration::from_secs(seconds);
                pool.expire(now);
                naive.list.retain(|(_, _, since)| now - *since <= LIMITS.held);
            }
        }
        pool.committed(&chain.state);
        naive.committed(&chain.state);
        let mut expected: Vec<&Transaction> = naive.list.iter().map(|(t, ..)| t).collect();
        expected.sort_by_key(|t| (t.signer, t.sequence));
        assert_eq!(pool.iter().collect::<Vec<_>>(), expected);
        assert_eq!((pool.bytes(), pool.reserve), (naive.list.iter().map(|(_, b, _)| b).sum(), naive.reserve()));
        assert!(pool.bytes() <= MEMBERS as usize * LIMITS.member_bytes + LIMITS.reserve_bytes);
        for who in 1..=MEMBERS {
            let next = chain.state.next_sequence(&member(who));
            assert_eq!(pool.next_sequence(&chain.state, &member(who)), (next..).find(|s| !naive.has(member(who), *s)).unwrap());
        }
    }
    met
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(31), ..ProptestConfig::default() })]

    #[test]
    fn the_mempool_is_the_list(steps in proptest::collection::vec(step(), 1..80)) {
        run(steps);
    }
}

/// The property above says nothing about verdicts its steps never lead to.
#[test]
fn the_steps_meet_every_verdict() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut met = std::collections::BTreeSet::new();
    for _ in 0..40 {
        met.extend(run(proptest::collection::vec(step(), 60..80).new_tree(&mut runner).unwrap().current()));
    }
    let all = ["ahead", "busy", "gap", "held", "known", "ready", "share", "taken", "used"];
    assert_eq!(met.into_iter().collect::<Vec<_>>(), all);
}
