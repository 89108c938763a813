//! Withdrawals and patients' keys: every rejection is reached, and changes nothing it must not change; what leavers mark.

use countersign_circuits::consent::Day;
use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;

#[test]
fn withdrawals() {
    let mut net = Net::new(genesis());
    reject(&mut net, HospitalA, withdraw(&[], Cause::Word), 130);
    reject(&mut net, HospitalA, withdraw(&[2, 2], Cause::Word), 130);
    reject(&mut net, HospitalA, withdraw(&[0], Cause::Word), 131);
    net.publish(dictionary());
    net.tables(HospitalA, 2);
    reject(&mut net, HospitalA, withdraw(&[0, 4_096], Cause::Word), 131);
    net.accept(HospitalA, withdraw(&[0, 4_095], Cause::Word));
    let at = net.state.tip().height;
    reject(&mut net, HospitalA, withdraw(&[7, 4_095], Cause::Source), 132);
    let last = net.state.active_bitmap(id(HospitalA), 1, at);
    assert!(!last.get(2_047) && last.get(2_046) && last.count() == 2_047);
    assert_eq!(net.state.active_bitmap(id(HospitalA), 1, Height(at.0 - 1)).count(), 2_048);
    assert_eq!(net.state.withdrawal(id(HospitalA), 7), None, "a rejected withdrawal takes nothing");
    let tomorrow = Day(START.day().0 + 1);
    let later = Payload::Withdraw(Withdraw { slots: vec![7], cause: Cause::Word, received: tomorrow });
    reject(&mut net, HospitalA, later, 134);
}

#[test]
fn keys_of_patients() {
    let mut net = Net::new(genesis());
    let network = net.state.network();
    let keys = |keys: &[(u32, u8)]| enrol(network, HospitalA, keys);
    net.publish(dictionary());
    net.tables(HospitalA, 1);
    net.tables(HospitalB, 1);
    reject(&mut net, HospitalA, keys(&[]), 130);
    reject(&mut net, HospitalA, keys(&[(2, 0), (1, 1)]), 130);
    reject(&mut net, HospitalA, keys(&[(1, 0), (1, 1)]), 130);
    reject(&mut net, HospitalA, keys(&[(1, 0), (2_048, 1)]), 131);
    net.accept(HospitalA, withdraw(&[5], Cause::Word));
    reject(&mut net, HospitalA, keys(&[(1, 0), (5, 1)]), 132);
    net.accept(HospitalA, keys(&[(1, 0)]));
    reject(&mut net, HospitalA, keys(&[(1, 1)]), 135);
    reject(&mut net, HospitalA, keys(&[(2, 0)]), 136);
    reject(&mut net, HospitalA, keys(&[(2, 2), (3, 2)]), 136);
    reject(&mut net, HospitalB, enrol(network, HospitalB, &[(1, 0)]), 136);
    let with = |change: &dyn Fn(&mut Enrolment)| {
        let Payload::Enrol(mut enrol) = keys(&[(2, 2)]) else { panic!() };
        change(&mut enrol.keys[0]);
        Payload::Enrol(enrol)
    };
    let member = key(Researcher).verifying_key();
    reject(&mut net, HospitalA, with(&|e| e.key = PatientKey::from(&member)), 136);
    reject(&mut net, HospitalA, with(&|e| e.key = PatientKey::from(&patient(3).verifying_key())), 137);
    reject(&mut net, HospitalA, with(&|e| e.possession.0[0] ^= 1), 137);
    for (of, at) in [(network, HospitalB), (NetworkId(digest("another")), HospitalA)] {
        let elsewhere = PatientKey::prove_possession(&patient(2), &of, &id(at));
        reject(&mut net, HospitalA, with(&|e| e.possession = elsewhere), 137);
    }
    assert_eq!(net.state.patient_keys(&id(HospitalA)).count(), 1, "a rejected enrolment keeps nothing");
    for i in 1..limits::ENROLMENTS_A_DAY_MAX {
        net.accept(HospitalA, keys(&[(i + 100, i as u8 + 1)]));
    }
    let one_more = (55, 200);
    reject(&mut net, HospitalA, keys(&[one_more]), 138);
    net.accept(HospitalB, enrol(network, HospitalB, &[one_more]));
}

#[test]
fn hospital_withdrawals_mark_an_answer() {
    let mut genesis = genesis();
    genesis.rules.hospital_withdrawals_marked = 1;
    let mut net = Net::new(genesis);
    let study = net.open();
    net.accept(HospitalA, withdraw(&[1, 2], Cause::Source));
    let query = net.ask(study);
    let answer = net.answer_now(HospitalA, query);
    net.accept(HospitalA, answer);
    let PairStatus::Answered(record) = &net.state.pair(&query, &id(HospitalA)).unwrap().status else { panic!() };
    assert!(!record.marked, "2 of 2,048 slots of full segments are no share of them");
    assert_eq!((record.left_since_cut.source, record.left_since_query.total()), (2, 0));
    let few: Vec<u32> = (100..181).collect();
    net.accept(HospitalA, withdraw(&few, Cause::Word));
    let query = net.ask_other(study, 2);
    let answer = net.answer_now(HospitalA, query);
    net.accept(HospitalA, answer);
    let PairStatus::Answered(record) = &net.state.pair(&query, &id(HospitalA)).unwrap().status else { panic!() };
    assert!(record.marked, "83 of 2,048 are more than one in 50");
    assert_eq!((record.left_since_cut.by_hospital(), record.left_since_query.total()), (83, 0));
}
