//! The state machine under random orders (protocol, section 9, point 21): withdrawal, query, answer and re-anchor in every order, in one block
//! and spread over blocks. Whatever happens: replicas agree (the harness compares three), a site answers a query once, slots never come
//! back, cuts never move, and an accepted answer counts exactly those who had not left at the height it names.

use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;
use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Withdraw(u32),
    /// The slot's own key, if it has one.
    Leave(u32),
    Enrol(u32),
    Ask(u16),
    Answer,
    /// Made before the last withdrawals.
    OldAnswer,
    BadAnswer,
    ReAnchor,
    Erase,
    Refuse,
    Accept,
    /// Ends the block, so many milliseconds after the one before.
    Block(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_096_u32).prop_map(Step::Withdraw),
        2 => (0..8_u32).prop_map(Step::Leave),
        2 => (0..8_u32).prop_map(Step::Enrol),
        2 => (0..3_u16).prop_map(Step::Ask),
        4 => Just(Step::Answer),
        2 => Just(Step::OldAnswer),
        1 => Just(Step::BadAnswer),
        2 => Just(Step::ReAnchor),
        2 => Just(Step::Erase),
        1 => Just(Step::Refuse),
        1 => Just(Step::Accept),
        4 => prop_oneof![Just(1_u64), Just(60_000), Just(700_000)].prop_map(Step::Block),
    ]
}

/// Two hospitals; A has accepted, one query is open.
struct Scene {
    net: Net,
    study: StudyId,
    query: QueryId,
    version: u32,
    pending: Vec<(Who, Payload)>,
}

impl Scene {
    fn new() -> Self {
        let mut net = Net::new(genesis());
        let study = net.open();
        net.tables(HospitalB, 1);
        let query = net.ask(study);
        Self { net, study, query, version: 0, pending: Vec::new() }
    }

    fn last_query(&self) -> QueryId {
        self.net.state.queries().max_by_key(|(_, q)| q.number).map_or(self.query, |(id, _)| *id)
    }

    fn step(&mut self, step: Step) {
        let query = self.last_query();
        let tip = self.net.state.tip().height;
        let one = match step {
            Step::Withdraw(slot) => (HospitalA, withdraw(&[slot], Cause::Word)),
            // slot and key go by one number here
            Step::Enrol(slot) => (HospitalA, enrol(self.net.state.network(), HospitalA, &[(slot, slot as u8)])),
            Step::Leave(slot) => return self.leave(slot),
            Step::Ask(bin) => (Researcher, self.net.query(self.study, filtered(0, bin))),
            Step::Answer => (HospitalA, self.net.answer(HospitalA, query, tip)),
            Step::OldAnswer => (HospitalA, self.net.answer(HospitalA, query, Height(tip.0.saturating_sub(1)))),
            Step::BadAnswer => (HospitalA, self.net.bad_answer(query)),
            Step::ReAnchor => {
                self.version += 1;
                let anchor = self.net.data(&dictionary(), &[(0, self.version)]);
                (HospitalA, Payload::Anchor(anchor))
            }
            Step::Erase => (HospitalA, Payload::Erase(self.net.erase(HospitalA, 0))),
            Step::Refuse => (HospitalA, refusal(query, 34)),
            Step::Accept => (HospitalB, Payload::StudyAccept(StudyAccept { study: self.study, k_min: 5, renew: None })),
            Step::Block(ms) => return self.block(ms),
        };
        self.pending.push(one);
    }

    /// A block of its own: it stands in one only while the slot is in force and the key enrolled.
    fn leave(&mut self, slot: u32) {
        self.block(1);
        let a = id(HospitalA);
        let before = self.net.state.clone();
        let may = before.patient_key(&a, slot).is_some() && before.withdrawal(a, slot).is_none();
        let transaction = leave(self.net.state.network(), slot as u8, HospitalA, slot);
        assert_eq!(before.check_envelope(&transaction), if may { Ok(()) } else { Err(EnvelopeError::NoSlot) });
        if may {
            let results = self.net.block_of(vec![transaction.clone()]);
            assert_eq!(results[0].effect(), Some(&Effect::Withdrawn(Leavers { key: 1, ..Leavers::default() })));
            assert_eq!(self.net.state.withdrawal(a, slot).unwrap().by, WithdrawnBy::Key);
            assert_eq!(self.net.state.check_envelope(&transaction), Err(EnvelopeError::NoSlot), "a replay stands in no block");
            assert_eq!(self.net.state.next_sequence(&transaction.signer), 0, "and leaves no trace but the slot");
        }
        self.check_state(&before);
    }

    fn block(&mut self, ms: u64) {
        let before = self.net.state.clone();
        let results = self.net.block_after(ms, std::mem::take(&mut self.pending));
        self.version = self
            .net
            .state
            .table(&TableKey { hospital: id(HospitalA), table: countersign_circuits::hash::Digest32::of(&dictionary()) })
            .unwrap()
            .versions[0];
        let mut left_in_block = false;
        for result in &results {
            match result.effect() {
                Some(Effect::Withdrawn(_)) => left_in_block = true,
                Some(Effect::Answered(record)) => self.check_answer(&before, record, left_in_block),
                Some(Effect::Erased { index, slots, .. }) => self.check_erased(*index, *slots),
                _ => {}
            }
        }
        self.check_state(&before);
    }

    fn check_answer(&self, before: &State, record: &AnswerRecord, left_in_block: bool) {
        let a = id(HospitalA);
        assert!(before.pair(&record.query, &a).is_some_and(PairRecord::is_open), "answered once, and only while open");
        let query = before.query(&record.query).unwrap();
        assert!(record.named >= query.height && record.named < record.height);
        let missed = left_in_block || before.leavers_after(a, record.named).total() > 0;
        assert!(!missed, "a withdrawal in between refuses the answer");
        assert!(self.net.time.since(self.net.past[&record.named].tip().time) <= limits::ANSWER_AGE_MS_MAX);
        assert_eq!(record.cut, before.cut(&query.query.study, &a).unwrap().id);
    }

    /// What can be used is new, but for what the same block anchored on top.
    fn check_erased(&self, index: u32, slots: u32) {
        let a = id(HospitalA);
        let (must, _) = self.net.state.versions_to_erase(&a, index);
        for (table, version) in must {
            let key =
                SegmentKey { table: TableKey { hospital: a, table }, id: countersign_circuits::segment::SegmentId { index, version } };
            assert_eq!(self.net.state.segment(&key).unwrap().height, self.net.state.tip().height);
        }
        let bits = self.net.state.active_bitmap(a, index, self.net.state.tip().height);
        assert!(slots > 0 && 2_048 - bits.count() >= slots as usize);
    }

    fn check_state(&self, before: &State) {
        let now = &self.net.state;
        for study in [self.study] {
            for cut in before.cuts(&study) {
                assert_eq!(now.cut(&study, &cut.hospital), Some(cut), "a cut never moves");
                let height = before.tip().height;
                assert_eq!(now.cut_versions(cut, height), before.cut_versions(cut, height), "what it was answered from stands");
            }
        }
        for (slot, record) in before.withdrawals(id(HospitalA)) {
            assert_eq!(now.withdrawal(id(HospitalA), slot), Some(record), "a withdrawal stands for ever");
        }
        for slot in 0..8 {
            let (was, is) = (before.patient_key(&id(HospitalA), slot), now.patient_key(&id(HospitalA), slot));
            assert!(was.is_none() || was == is, "a key stands for its slot for ever");
            assert_eq!(is.and_then(|record| now.slot_of_key(&record.key)), is.map(|_| (id(HospitalA), slot)));
        }
        for height in [before.tip().height, Height(2)] {
            for segment in 0..2 {
                assert_eq!(
                    now.active_bitmap(id(HospitalA), segment, height),
                    before.active_bitmap(id(HospitalA), segment, height),
                    "the past stands"
                );
            }
        }
        let cut = now.cut(&self.study, &id(HospitalA)).unwrap();
        for segment in &cut.data {
            let table = TableKey { hospital: id(HospitalA), table: countersign_circuits::hash::Digest32::of(&dictionary()) };
            assert!(now.segment(&SegmentKey { table, id: *segment }).is_some(), "pinned segments stay");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(21), ..ProptestConfig::default() })]

    #[test]
    fn any_order_keeps_the_rules(steps in proptest::collection::vec(step(), 1..40)) {
        let mut scene = Scene::new();
        steps.into_iter().for_each(|s| scene.step(s));
        scene.block(1);
    }
}

/// All 24 orders of withdrawal, query, answer (to an open query) and re-anchor in one block.
#[test]
fn one_block_in_every_order() {
    let kinds = [0, 1, 2, 3];
    let mut orders = 0;
    for code in 0..256_usize {
        let order = [code % 4, code / 4 % 4, code / 16 % 4, code / 64];
        if !kinds.iter().all(|k| order.contains(k)) {
            continue;
        }
        orders += 1;
        let mut scene = Scene::new();
        let version_pinned = scene.net.state.cut(&scene.study, &id(HospitalA)).unwrap().data.clone();
        for kind in order {
            scene.step([Step::Withdraw(5), Step::Ask(2), Step::Answer, Step::ReAnchor][kind]);
        }
        let results_of = |scene: &Scene| scene.net.blocks.last().unwrap().1.clone();
        scene.block(1);
        let results = results_of(&scene);
        let place = |kind: usize| order.iter().position(|k| *k == kind).unwrap();
        for kind in [0, 1, 3] {
            assert!(results[place(kind)].effect().is_some(), "{order:?}: {:?}", results[place(kind)]);
        }
        // the answer stands exactly if it comes before the withdrawal, and counts the cut, not the new anchor
        let answer = &results[place(2)];
        if place(2) < place(0) {
            assert!(matches!(answer.effect(), Some(Effect::Answered(_))), "{order:?}: {answer:?}");
        } else {
            assert_eq!(answer.rejection(), Some(RejectionCode(178)), "{order:?}");
        }
        assert_eq!(scene.net.state.cut(&scene.study, &id(HospitalA)).unwrap().data, version_pinned);
        // an answer in the block of its own query is never accepted: it names no height after the query
        let mut scene = Scene::new();
        let asked = scene.net.query(scene.study, filtered(0, 2));
        let id_of_query = QueryId(scene.net.sign(vec![(Researcher, asked.clone())])[0].id());
        let forward = scene.net.answer(HospitalA, id_of_query, scene.net.state.tip().height);
        let results = scene.net.block(vec![(Researcher, asked), (HospitalA, forward)]);
        assert_eq!(results[1].rejection(), Some(RejectionCode(176)));
    }
    assert_eq!(orders, 24);
}

/// A patient leaves by key in the block of an answer and of another question: the answer stands exactly if it comes first.
#[test]
fn leaving_by_key_in_the_block_of_an_answer() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut scene = Scene::new();
        let network = scene.net.state.network();
        scene.net.accept(HospitalA, enrol(network, HospitalA, &[(5, 5)]));
        let tip = scene.net.state.tip().height;
        let answer = scene.net.answer(HospitalA, scene.query, tip);
        let asked = scene.net.query(scene.study, filtered(0, 2));
        let mut all = scene.net.sign(vec![(HospitalA, answer), (Researcher, asked)]);
        all.insert(0, leave(network, 5, HospitalA, 5));
        let results = scene.net.block_of(order.map(|kind: usize| all[kind].clone()).to_vec());
        let place = |kind: usize| order.iter().position(|k| *k == kind).unwrap();
        assert!(results[place(0)].effect().is_some() && results[place(2)].effect().is_some(), "{order:?}");
        let answer = &results[place(1)];
        if place(1) < place(0) {
            assert!(matches!(answer.effect(), Some(Effect::Answered(_))), "{order:?}: {answer:?}");
        } else {
            assert_eq!(answer.rejection(), Some(RejectionCode(178)), "{order:?}");
        }
        assert_eq!(scene.net.state.withdrawal(id(HospitalA), 5).unwrap().by, WithdrawnBy::Key);
    }
}
