//! What members may use up: a day's rejected transactions and failed proofs, withdrawals, studies, waiting studies.

use countersign_circuits::{consent::Day, hash::Digest32};
use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;

fn published() -> Net {
    let mut net = Net::new(genesis());
    net.publish(dictionary());
    net
}

fn closed(class: Class) -> EnvelopeError {
    EnvelopeError::DayClosed { class }
}

fn bad_anchor(net: &mut Net) -> Payload {
    let mut anchor = net.data(&dictionary(), &[(0, 0)]);
    anchor.proof = b"bad".to_vec();
    Payload::Anchor(anchor)
}

/// Each failed proof costs every validator its verification: after so many a hospital anchors no more that day, and can still let patients go.
#[test]
fn proofs_that_fail_close_anchoring_for_the_day() {
    let mut net = published();
    net.tables(HospitalA, 1);
    for _ in 0..limits::FAILED_ANCHORS_A_DAY_MAX {
        let anchor = bad_anchor(&mut net);
        let rejection = net.reject(HospitalA, anchor);
        // the version is wrong before any proof is looked at: that costs nothing but bytes
        assert_eq!(rejection, RejectionCode(122));
    }
    for _ in 0..limits::FAILED_ANCHORS_A_DAY_MAX {
        let mut anchor = net.data(&dictionary(), &[(0, 1)]);
        anchor.proof = b"bad".to_vec();
        assert_eq!(net.reject(HospitalA, Payload::Anchor(anchor)), RejectionCode(127));
    }
    let good = Payload::Anchor(net.data(&dictionary(), &[(0, 1)]));
    refuse(&net, HospitalA, good.clone(), &closed(Class::Anchors));
    net.accept(HospitalA, withdraw(&[3], Cause::Word));
    // another hospital is not concerned, and tomorrow is another day
    net.tables(HospitalB, 1);
    let results = net.block_after(DAY_MS, vec![(HospitalA, good)]);
    assert!(results[0].effect().is_some());
}

/// Points that are none are found while they are decompressed, which costs as much as a proof.
#[test]
fn points_that_are_none_count_as_failed_proofs() {
    let mut net = published();
    for _ in 0..limits::FAILED_ANCHORS_A_DAY_MAX {
        let mut anchor = net.data(&dictionary(), &[(0, 0)]);
        anchor.segments[0].1[..32].fill(0xff);
        assert_eq!(net.reject(HospitalA, Payload::Anchor(anchor)), RejectionCode(123));
    }
    let good = Payload::Anchor(net.data(&dictionary(), &[(0, 0)]));
    refuse(&net, HospitalA, good, &closed(Class::Anchors));
}

/// All that can be seen without arithmetic on points is seen before the first is decompressed.
#[test]
fn a_repeated_commitment_is_found_before_points_are_decompressed() {
    let mut net = published();
    let mut anchor = net.data(&dictionary(), &[(0, 0), (1, 0)]);
    anchor.segments[0].1[..32].fill(0xff);
    let row = anchor.segments[1].1[..32].to_vec();
    anchor.segments[1].1[32..64].copy_from_slice(&row);
    reject(&mut net, HospitalA, Payload::Anchor(anchor), 125);
}

/// A rejected transaction stands in a block with all its bytes.
#[test]
fn rejected_bytes_of_a_day_are_bounded_by_class() {
    let mut net = published();
    // the largest text a refusal may have, of a query that is not there
    let query = QueryId(TransactionId(digest("none")));
    let large = || Payload::Refusal(Refusal { query, code: RefusalCode(30), reason: "x".repeat(limits::TEXT_BYTES_MAX) });
    let size = net.sign(vec![(HospitalA, large())])[0].encode().len() as u64;
    let most = limits::REJECTED_BYTES_A_DAY_MAX.div_ceil(size);
    let mut sent = 0;
    while sent < most {
        let now = (most - sent).min(500);
        let results = net.block((0..now).map(|_| (HospitalA, large())).collect());
        assert!(results.iter().all(|r| r.rejection() == Some(RejectionCode(170))));
        sent += now;
    }
    refuse(&net, HospitalA, large(), &closed(Class::Others));
    // what is rejected of one class closes no other, and no other member
    net.tables(HospitalA, 1);
    assert_eq!(net.reject(HospitalB, large()), RejectionCode(170));
    // within a block, too: a proposer leaves out what the last one before has closed, and a block with it is none
    let mut net = Net::new(genesis());
    net.publish(dictionary());
    let many: Vec<_> = (0..=most).map(|_| (HospitalA, large())).collect();
    let transactions = net.sign(many);
    let (mut state, mut refused, mut time) = (net.state.clone(), Vec::new(), net.time);
    for part in transactions.chunks(1_000) {
        time = time.plus_ms(1);
        let proposed = state.propose(time, part.to_vec(), net.checker.as_ref()).unwrap();
        refused.extend(proposed.refused);
        state.commit(proposed.outcome).unwrap();
    }
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].1, closed(Class::Others));
    // a snapshot keeps the account
    let header = {
        let proposed = state.propose(time.plus_ms(1), vec![], net.checker.as_ref()).unwrap();
        let header = proposed.outcome.block().header.clone();
        state.commit(proposed.outcome).unwrap();
        header
    };
    let again = State::from_snapshot(genesis(), &header, &state.snapshot()).unwrap();
    let next = Transaction::sign(&key(HospitalA), again.network(), again.next_sequence(&id(HospitalA)), large());
    assert_eq!(again.check_envelope(&next), Err(closed(Class::Others)));
    assert!(!again.may_send(&next));
}

/// More segments than any proof of them, found before a point is decompressed.
#[test]
fn an_anchor_has_no_more_segments_than_one_proof_carries() {
    // more than 2,048 rows: then one proof carries fewer segments than a table may have
    let levels: Vec<String> = (0..200).map(|i| format!("l{i}")).collect();
    let attribute = |i| serde_json::json!({"name": format!("c{i}"), "category": "labs", "kind": "category", "levels": levels});
    let attributes: Vec<_> = (0..11).map(attribute).collect();
    let wide =
        serde_json::json!({"format": "countersign-dictionary/1", "id": "wide", "version": 1, "title": "Wide", "attribute": attributes});
    let wide = countersign_circuits::dictionary::canonical_json(&wide).unwrap();
    let mut net = Net::new(genesis());
    net.publish(wide.clone());
    let layout = countersign_circuits::dictionary::Dictionary::from_canonical(&wide).unwrap().layout();
    let most = countersign_circuits::validity::StackShape::segments_max(&layout) as u32;
    let bytes = vec![0xff; layout.rows() * 32];
    let segments = (0..=most).map(|index| (countersign_circuits::segment::SegmentId { index, version: 0 }, bytes.clone())).collect();
    let anchor = Anchor { segments, ..net.data(&wide, &[]) };
    reject(&mut net, HospitalA, Payload::Anchor(anchor), 128);
}

#[test]
fn withdrawals_of_a_day_are_bounded_and_each_takes_many() {
    let mut net = published();
    net.tables(HospitalA, 3);
    let mut slot = 0;
    while slot < limits::WITHDRAWALS_A_DAY_MAX {
        let now = (limits::WITHDRAWALS_A_DAY_MAX - slot).min(1_000);
        let results = net.block((slot..slot + now).map(|s| (HospitalA, withdraw(&[s], Cause::Word))).collect());
        assert!(results.iter().all(|r| r.effect().is_some()));
        slot += now;
    }
    reject(&mut net, HospitalA, withdraw(&[slot], Cause::Word), 133);
    let results = net.block_after(DAY_MS, vec![(HospitalA, withdraw(&[slot, slot + 1], Cause::Word))]);
    assert!(results[0].effect().is_some());
    assert_eq!(net.state.withdrawals(id(HospitalA)).count(), slot as usize + 2);
}

fn titled(title: &str) -> Payload {
    Payload::StudySubmit(StudySubmit { title: title.into(), ..study(&dictionary()) })
}

#[test]
fn studies_that_wait_are_bounded_and_forgotten() {
    let mut net = published();
    let waiting: Vec<_> =
        (0..limits::STUDIES_WAITING_MAX).map(|i| StudyId(net.accept(Researcher, titled(&format!("study {i}"))))).collect();
    reject(&mut net, Researcher, titled("one more"), 159);
    // somebody else's share is its own
    let mut other = study(&dictionary());
    other.researchers = vec![id(OtherResearcher)];
    other.sealing[0] = sealing_key(SealingParty::Team, OtherResearcher);
    net.accept(OtherResearcher, Payload::StudySubmit(other));
    // an approved one waits no more; the day's allowance is used up then
    net.decide(Board, waiting[0], approval());
    reject(&mut net, Researcher, titled("one more"), 158);
    let results = net.block_after(DAY_MS, vec![(Researcher, titled("tomorrow"))]);
    let Some(Effect::Submitted { number, .. }) = results[0].effect() else { panic!("{:?}", results[0]) };
    assert_eq!(*number as usize, limits::STUDIES_WAITING_MAX + 2);
    // they end with the day they were to end, or after so many days
    let days = u64::try_from(limits::WAITING_DAYS).unwrap();
    let expiry = u64::try_from(study(&dictionary()).expiry.0 - START.day().0).unwrap();
    assert!(expiry < days);
    net.block_after(expiry * DAY_MS, vec![]);
    assert!(waiting[1..].iter().all(|id| net.state.study(id).is_none()), "forgotten");
    assert!(net.state.study(&waiting[0]).is_some(), "an approved study stays");
    let approves = net.approves(Board, waiting[1]);
    reject(&mut net, Board, approves, 146);
    // numbers are not given twice, whatever was forgotten
    let long = StudySubmit { expiry: Day(net.time.day().0 + 300), ..study(&dictionary()) };
    let results = net.block(vec![(Researcher, Payload::StudySubmit(long))]);
    let Some(Effect::Submitted { number, study }) = results[0].effect() else { panic!("{:?}", results[0]) };
    assert_eq!(*number as usize, limits::STUDIES_WAITING_MAX + 3);
    net.block_after(days * DAY_MS, vec![]);
    assert!(net.state.study(study).is_some(), "the last day still counts");
    net.block_after(DAY_MS, vec![]);
    assert!(net.state.study(study).is_none());
}

/// What a study is sealed to is fixed when it is submitted: a board that is not among them could approve and never read.
#[test]
fn a_board_approves_only_what_is_sealed_to_it() {
    let mut net = Net::new(with_boards(&[(GovernanceB, "Second board")]));
    net.publish(dictionary());
    let study = StudyId(net.accept(Researcher, Payload::StudySubmit(study(&dictionary()))));
    let approves = net.approves(GovernanceB, study);
    reject(&mut net, GovernanceB, approves, 157);
    net.decide(Board, study, approval());
}

/// All studies of a site take one cut of a table, whatever it anchors in between, until it renews it (rule D12).
#[test]
fn studies_share_the_research_cut_until_it_is_renewed() {
    let mut net = Net::new(genesis());
    let first = net.open();
    let more = |net: &mut Net, title: &str| {
        let study = StudyId(net.accept(Researcher, titled(title)));
        net.decide(Board, study, approval());
        study
    };
    let accept = |study, renew| Payload::StudyAccept(StudyAccept { study, k_min: 5, renew });
    let (again, consent) = (net.data(&dictionary(), &[(0, 1), (1, 1)]), net.consent(&[(0, 1), (1, 1)]));
    net.block(vec![(HospitalA, Payload::Anchor(again)), (HospitalA, Payload::Anchor(consent))]);
    let second = more(&mut net, "second");
    net.accept(HospitalA, accept(second, None));
    let cut = |net: &Net, study| net.state.cut(&study, &id(HospitalA)).unwrap().clone();
    assert_eq!((cut(&net, second).data, cut(&net, second).consent), (cut(&net, first).data, cut(&net, first).consent));
    assert_eq!((cut(&net, second).origin, cut(&net, second).changed), (first, None));
    assert_ne!(cut(&net, second).id, cut(&net, first).id);
    // renewed with what the hospital states, which is not below the network's least number of people
    let third = more(&mut net, "third");
    reject(&mut net, HospitalA, accept(third, Some(4)), 154);
    net.accept(HospitalA, accept(third, Some(5)));
    assert_eq!(cut(&net, third).data, [0, 1].map(|index| countersign_circuits::segment::SegmentId { index, version: 1 }));
    assert_eq!((cut(&net, third).origin, cut(&net, third).changed), (third, Some(5)));
    let fourth = more(&mut net, "fourth");
    net.accept(HospitalA, accept(fourth, None));
    assert_eq!((cut(&net, fourth).data, cut(&net, fourth).origin), (cut(&net, third).data, third));
    let table = Digest32::of(&dictionary());
    assert_eq!(net.state.research_cut(&id(HospitalA), &table, &registry().digest()), Some(&cut(&net, third)));
    // another hospital's first study takes what it has
    assert_eq!(net.state.research_cut(&id(HospitalB), &table, &registry().digest()), None);
    net.tables(HospitalB, 1);
    net.accept(HospitalB, accept(fourth, Some(0)));
    assert_eq!(net.state.cut(&fourth, &id(HospitalB)).unwrap().data.len(), 1);
    // withdrawals count at once in every cut
    net.accept(HospitalA, withdraw(&[9], Cause::Word));
    let query = net.ask(second);
    let task = net.state.answer_task(&query, &id(HospitalA)).unwrap();
    assert!(!task.active[0].get(9) && task.active[0].get(8));
    assert_eq!(task.cut.data, cut(&net, first).data);
}

/// A sealing key changes by vote like all else about a member, and what was submitted before keeps its keys.
#[test]
fn a_sealing_key_changes_by_vote() {
    let mut net = published();
    let before = StudyId(net.accept(Researcher, titled("before")));
    let mut other = member(Board, "Ethics board", &[Role::Board]);
    other.sealing = [77; 32];
    let mut improper = other.clone();
    improper.sealing = [0; 32];
    reject(&mut net, Governance, propose(Change::Admit(improper)), 211);
    net.accept(Governance, propose(Change::Admit(other)));
    assert_eq!(net.state.member(&id(Board)).unwrap().sealing, [77; 32]);
    reject(&mut net, Researcher, titled("after"), 143);
    let mut after = study(&dictionary());
    after.sealing[1].key = [77; 32];
    net.accept(Researcher, Payload::StudySubmit(after));
    assert_eq!(net.state.study(&before).unwrap().submitted.sealing, sealing_keys());
}
