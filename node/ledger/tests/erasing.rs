//! Erasures: every rejection is reached; cuts stand, answers across an erasure count what they counted, and a light client follows.

use crate::light::export;
use countersign_circuits::{hash::Digest32, segment::SegmentId};
use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;

fn data_table() -> TableKey {
    TableKey { hospital: id(HospitalA), table: Digest32::of(&dictionary()) }
}

fn versions(net: &Net, study: StudyId) -> (Vec<u32>, Vec<u32>) {
    let cut = net.state.cut(&study, &id(HospitalA)).unwrap();
    let versions = net.state.cut_versions(cut, net.state.tip().height);
    let only = |ids: Vec<SegmentId>| ids.into_iter().map(|id| id.version).collect();
    (only(versions.data), only(versions.consent))
}

/// A study on the first version, and a table anchored anew since.
fn scene() -> (Net, StudyId) {
    let mut net = Net::new(genesis());
    let study = net.open();
    let again = net.data(&dictionary(), &[(0, 1)]);
    net.accept(HospitalA, Payload::Anchor(again));
    net.accept(HospitalA, withdraw(&[5, 9, 2_048], Cause::Word));
    (net, study)
}

#[test]
fn every_version_goes_and_the_cut_stays() {
    let (mut net, study) = scene();
    let cut = net.state.cut(&study, &id(HospitalA)).unwrap().clone();
    assert_eq!(net.state.slots_to_erase(id(HospitalA), 0, net.state.tip().height), [5, 9]);
    let erase = net.erase(HospitalA, 0);
    assert_eq!(erase.steps.iter().map(|step| (step.from, step.to)).filter(|step| *step != (0, 1)).collect::<Vec<_>>(), [(0, 2), (1, 3)]);
    assert_eq!(erase.steps.len(), 3, "the pinned version of the data, the one in force, and the consents'");
    let before = net.state.tip().height;
    let results = net.block(vec![(HospitalA, Payload::Erase(erase))]);
    assert_eq!(results[0].effect(), Some(&Effect::Erased { index: 0, slots: 2, versions: 3 }));
    assert_eq!(net.state.cut(&study, &id(HospitalA)), Some(&cut), "the cut keeps its name and its list");
    assert_eq!(versions(&net, study), (vec![2, 0], vec![1, 0]), "the other segment is as it was");
    assert_eq!(net.state.cut_versions(&cut, before).data[0].version, 0, "the past stands");
    assert_eq!(net.state.table(&data_table()).unwrap().versions, [3, 0], "what replaces the version in force is in force");
    // what was read by another mapping is still said to be
    let provenance =
        |version| net.state.segment(&SegmentKey { table: data_table(), id: SegmentId { index: 0, version } }).unwrap().provenance;
    assert_eq!((provenance(2), provenance(3)), (provenance(0), provenance(1)));
    // twice in a row, also in one block: versions of versions
    let (first, mut second) = (net.erase(HospitalA, 0), net.erase(HospitalA, 0));
    for step in &mut second.steps {
        let done = first.steps.iter().find(|done| (done.table, done.from) == (step.table, step.from)).unwrap();
        let ahead = first.steps.iter().filter(|done| done.table == step.table).count() as u32;
        (step.from, step.to) = (done.to, done.to + ahead);
    }
    let results = net.block(vec![(HospitalA, Payload::Erase(first)), (HospitalA, Payload::Erase(second))]);
    assert!(results.iter().all(|result| result.effect().is_some()), "{results:?}");
    assert_eq!(versions(&net, study), (vec![6, 0], vec![3, 0]));
    // the table goes on after all of them
    let next = net.data(&dictionary(), &[(0, 8)]);
    net.accept(HospitalA, Payload::Anchor(next));
    assert_eq!(versions(&net, study).0, [6, 0]);
    // a second study takes the research cut as it stands now
    let mut submitted = harness_study();
    submitted.title = "Another".into();
    let other = StudyId(net.accept(Researcher, Payload::StudySubmit(submitted)));
    net.decide(Board, other, approval());
    net.accept(HospitalA, Payload::StudyAccept(StudyAccept { study: other, k_min: 5, renew: None }));
    assert_eq!(net.state.cut(&other, &id(HospitalA)).unwrap().data[0].version, 6);
    let rows = net.state.slot_rows(&id(HospitalA), 5);
    assert_eq!(rows.iter().map(|row| (row.segment.version, row.studies.len())).collect::<Vec<_>>(), expected_rows(&net));
}

fn harness_study() -> StudySubmit {
    countersign_harness::study(&dictionary())
}

/// In the order of the state: those in force first.
fn expected_rows(net: &Net) -> Vec<(u32, usize)> {
    let consent_first = registry().digest() < Digest32::of(&dictionary());
    let (data, consent) = ((8, 0), (net.state.table(&TableKey { table: registry().digest(), ..data_table() }).unwrap().versions[0], 2));
    let mut rows = if consent_first { vec![consent, data] } else { vec![data, consent] };
    rows.push((6, 2));
    rows
}

#[test]
fn erasures() {
    let (mut net, study) = scene();
    let good = net.erase(HospitalA, 0);
    let with = |change: &dyn Fn(&mut Erase)| {
        let mut erase = good.clone();
        change(&mut erase);
        Payload::Erase(erase)
    };
    let last = net.state.tip().height;
    assert_eq!(net.reject(HospitalA, with(&|e| e.height = Height(last.0 + 1))), RejectionCode(230), "a height of its own block");
    assert_eq!(net.reject(HospitalA, with(&|e| e.height = Height(1))), RejectionCode(231), "nobody had left");
    assert_eq!(net.reject(HospitalA, with(&|e| e.index = 7)), RejectionCode(231), "no such segment");
    assert_eq!(net.reject(HospitalA, with(&|e| e.index = u32::MAX)), RejectionCode(231));
    // one table, an old version, none, twice, another order, one that nobody has
    for at in 0..good.steps.len() {
        assert_eq!(net.reject(HospitalA, with(&|e| drop(e.steps.remove(at)))), RejectionCode(232));
        assert_eq!(net.reject(HospitalA, with(&|e| e.steps[at].from += 7)), RejectionCode(232));
        assert_eq!(net.reject(HospitalA, with(&|e| e.steps[at].table = digest("none"))), RejectionCode(232));
        assert_eq!(net.reject(HospitalA, with(&|e| e.steps.insert(at, e.steps[at].clone()))), RejectionCode(232));
        assert_eq!(net.reject(HospitalA, with(&|e| e.steps[at].to += 1)), RejectionCode(122));
        assert_eq!(net.reject(HospitalA, with(&|e| e.steps[at].to = e.steps[at].from)), RejectionCode(122));
        assert_eq!(net.reject(HospitalA, with(&|e| drop(e.steps[at].points.split_off(32)))), RejectionCode(123));
        assert_eq!(net.reject(HospitalA, with(&|e| e.steps[at].points[31] = 0xff)), RejectionCode(123));
    }
    assert_eq!(net.reject(HospitalA, with(&|e| e.steps.clear())), RejectionCode(232));
    assert_eq!(net.reject(HospitalA, with(&|e| e.steps.reverse())), RejectionCode(232));
    assert_eq!(net.reject(HospitalB, Payload::Erase(good.clone())), RejectionCode(231), "another's segments");
    let [by_another] = &net.sign(vec![(Researcher, Payload::Erase(good.clone()))])[..] else { panic!() };
    assert_eq!(net.state.check_envelope(by_another), Err(EnvelopeError::Role(Role::Hospital)));
    // a commitment that is there: of the version that goes, or of any
    let old = net.state.segment(&SegmentKey { table: data_table(), id: SegmentId { index: 1, version: 0 } }).unwrap().bytes.clone();
    let data = good.steps.iter().position(|step| step.table == data_table().table).unwrap();
    assert_eq!(net.reject(HospitalA, with(&|e| e.steps[data].points = old.clone())), RejectionCode(125));
    let mut identity = vec![0; 32];
    identity[31] = 0x40;
    assert_eq!(net.reject(HospitalA, with(&|e| e.steps[0].points[..32].copy_from_slice(&identity))), RejectionCode(124));
    assert_eq!(versions(&net, study), (vec![0, 0], vec![0, 0]), "nothing of that stands");
    net.accept(HospitalA, Payload::Erase(good.clone()));
    assert_eq!(net.reject(HospitalA, Payload::Erase(good)), RejectionCode(232), "what is replaced is not replaced again");
}

#[test]
fn an_erasure_whose_proof_fails_counts_as_a_failed_anchor() {
    let (mut net, _) = scene();
    for _ in 0..limits::FAILED_ANCHORS_A_DAY_MAX {
        let mut erase = net.erase(HospitalA, 0);
        erase.proof = b"bad".to_vec();
        assert_eq!(net.reject(HospitalA, Payload::Erase(erase)), RejectionCode(233));
    }
    let erase = net.erase(HospitalA, 0);
    let [transaction] = &net.sign(vec![(HospitalA, Payload::Erase(erase))])[..] else { panic!() };
    assert_eq!(net.state.check_envelope(transaction), Err(EnvelopeError::DayClosed { class: Class::Anchors }));
}

/// A study that is over pins nothing: its versions may not be replaced any more, unless they are the research cut, which may.
#[test]
fn what_nothing_needs_is_not_replaced() {
    let (mut net, _) = scene();
    net.block_after(31 * DAY_MS, vec![]);
    let (must, may) = net.state.versions_to_erase(&id(HospitalA), 0);
    let data: Vec<u32> = must.iter().filter(|(table, _)| *table == data_table().table).map(|(_, version)| *version).collect();
    assert_eq!(data, [1]);
    assert!(may.contains(&(data_table().table, 0)), "the research cut");
    let mut erase = net.erase(HospitalA, 0);
    erase.steps.retain(|step| must.contains(&(step.table, step.from)));
    erase.steps.iter_mut().for_each(|step| step.to = step.from + 1);
    net.accept(HospitalA, Payload::Erase(erase));
}

#[test]
fn an_answer_across_an_erasure_counts_what_it_names() {
    let (mut net, study) = scene();
    let query = net.ask(study);
    let named = net.state.tip().height;
    let before = net.answer(HospitalA, query, named);
    let erase = net.erase(HospitalA, 0);
    net.accept(HospitalA, Payload::Erase(erase));
    // made from the version of then, decided after it is gone
    let answer_now = net.answer_now(HospitalA, query);
    let Payload::Answer(mut mixed) = answer_now.clone() else { panic!() };
    mixed.height = named;
    assert_eq!(net.reject(HospitalA, Payload::Answer(mixed)), RejectionCode(179), "the new version under a height that does not have it");
    let Payload::Answer(mut mixed) = before.clone() else { panic!() };
    mixed.height = net.state.tip().height;
    assert_eq!(net.reject(HospitalA, Payload::Answer(mixed)), RejectionCode(179), "the old one under a height that has it no more");
    net.accept(HospitalA, before);
    let second = net.ask_other(study, 2);
    let answer = net.answer_now(HospitalA, second);
    net.accept(HospitalA, answer);
    for query in [query, second] {
        assert!(export(&net, query).check(&Script::default()).is_ok());
    }
}

/// An export holds every erasure before the height its answer names; without one of them, or what it was made from, it is none.
#[test]
fn a_light_client_follows_erasures() {
    let (mut net, study) = scene();
    let first = net.erase(HospitalA, 0);
    net.accept(HospitalA, Payload::Erase(first));
    net.accept(HospitalA, withdraw(&[77], Cause::Source));
    let second = net.erase(HospitalA, 0);
    net.accept(HospitalA, Payload::Erase(second));
    let query = net.ask(study);
    let answer = net.answer_now(HospitalA, query);
    net.accept(HospitalA, answer);
    let after = net.erase(HospitalA, 1);
    net.accept(HospitalA, Payload::Erase(after));
    let good = export(&net, query);
    let erasures = |e: &light::AnswerExport| e.inclusions.iter().filter(|i| matches!(i.transaction.payload, Payload::Erase(_))).count();
    assert_eq!(erasures(&good), 2, "not the one after it");
    assert!(good.check(&Script::default()).is_ok());
    for at in 0..good.inclusions.len() {
        let mut bad = good.clone();
        drop(bad.inclusions.remove(at));
        assert!(bad.check(&Script::default()).is_err(), "without transaction {at}");
    }
}
