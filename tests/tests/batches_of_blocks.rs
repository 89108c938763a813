//! The ledger's checker verifies the answers of a block together: each verdict is the one it would have alone, and is then kept.

use countersign_circuits::{
    context::AnswerContext,
    hash::Digest32,
    statement::{Measures, Statement},
};
use countersign_ledger::{
    AnswerCheck, AnswerVerdict, CachingChecker, ErasureCheck, KeyedChecker, ProofChecker, ProofRefused, SegmentsCheck, SlotBitmap,
};
use countersign_messages::{CircuitKeys, TransactionId};
use countersign_testkit::world::{World, keys};
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn verdicts_together_are_verdicts_alone() {
    let mut world = World::new(1500, 31);
    let statement = Statement { filter: vec![], groups: vec![], measures: Measures::Descriptive { count_rows: true, of: vec![] } };
    let wiring = world.wiring(&statement, 2).unwrap();
    let active = vec![SlotBitmap::full(); world.data_segments.len()];
    let mut made: Vec<(AnswerContext, Vec<u8>)> = Vec::new();
    for i in 0..3u8 {
        world.context.query = Digest32::of(&[i]);
        made.push((world.context.clone(), world.answer(&wiring, &[], u64::from(i)).unwrap().proof.encode()));
    }
    // the last byte of the second is of its opening; the third is moved to another query; one is no proof at all
    let last = made[1].1.len() - 1;
    made[1].1[last] ^= 1;
    made[2].0 = made[0].0.clone();
    made.push((made[0].0.clone(), b"no proof".to_vec()));
    let checker = KeyedChecker::new(keys().verifying.clone());
    let (held, other) = (*checker.held().next().unwrap(), Digest32::of(b"other keys"));
    let checks: Vec<AnswerCheck<'_>> = made
        .iter()
        .map(|made| (made, held))
        .chain([(&made[0], other), (&made[0], held)])
        .map(|((context, answer), keys)| AnswerCheck {
            transaction: TransactionId(Digest32::of(b"t")),
            keys,
            context,
            wiring: &wiring,
            data: &world.data_segments,
            consent: &world.consent_segments,
            active: &active,
            answer,
        })
        .collect();
    let alone: Vec<_> = checks.iter().map(|check| checker.check_answer(check)).collect();
    assert_eq!(alone.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, false, false, true]);
    // in this order, backwards, and in every pair
    let orders = [(0..6).collect::<Vec<_>>(), (0..6).rev().collect()];
    let pairs = (0..6).flat_map(|a| (0..6).map(move |b| vec![a, b]));
    for order in orders.into_iter().chain(pairs) {
        let batch: Vec<&AnswerCheck<'_>> = order.iter().map(|i| &checks[*i]).collect();
        let expected: Vec<_> = order.iter().map(|i| alone[*i].clone()).collect();
        assert_eq!(checker.check_answers(&batch), expected, "{order:?}");
    }
    assert!(checker.check_answers(&[]).is_empty());

    // what was verified together is not verified again
    let counting = CachingChecker::new(Counting { inner: checker, alone: AtomicUsize::new(0), together: AtomicUsize::new(0) });
    counting.prepare(&checks);
    counting.prepare(&checks);
    let again: Vec<_> = checks.iter().map(|check| counting.check_answer(check)).collect();
    assert_eq!(again, alone);
    let counts = |c: &Counting| (c.alone.load(Ordering::Relaxed), c.together.load(Ordering::Relaxed));
    assert_eq!(counts(counting.inner()), (0, checks.len()));
}

/// The real checker, and how often it is asked.
struct Counting {
    inner: KeyedChecker,
    alone: AtomicUsize,
    together: AtomicUsize,
}

impl ProofChecker for Counting {
    fn keys(&self, digest: &Digest32) -> Option<CircuitKeys> {
        self.inner.keys(digest)
    }

    fn check_segments(&self, instance: &SegmentsCheck<'_>) -> Result<(), ProofRefused> {
        self.inner.check_segments(instance)
    }

    fn check_erasure(&self, instance: &ErasureCheck<'_>) -> Result<(), ProofRefused> {
        self.inner.check_erasure(instance)
    }

    fn check_answer(&self, instance: &AnswerCheck<'_>) -> Result<AnswerVerdict, ProofRefused> {
        self.alone.fetch_add(1, Ordering::Relaxed);
        self.inner.check_answer(instance)
    }

    fn check_answers(&self, instances: &[&AnswerCheck<'_>]) -> Vec<Result<AnswerVerdict, ProofRefused>> {
        self.together.fetch_add(instances.len(), Ordering::Relaxed);
        self.inner.check_answers(instances)
    }
}
