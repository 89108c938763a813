//! Who signs for an ethics board: admitted, changed, ended; and what a signature is good for.

use countersign_circuits::consent::Day;
use countersign_harness::*;
use countersign_ledger::*;
use countersign_messages::*;
use ed25519_dalek::SigningKey;

pub(super) fn submitted() -> (Net, StudyId) {
    let mut net = Net::new(genesis());
    net.publish(dictionary());
    net.tables(HospitalA, 1);
    let study = StudyId(net.accept(Researcher, Payload::StudySubmit(study(&dictionary()))));
    (net, study)
}

fn secret(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[200 + number; 32])
}

/// Somebody new, for a board.
fn newcomer(number: u8, board: Who, office: Office) -> Person {
    let key = secret(number);
    let possession = PersonKey::prove_possession(&key, &id(board));
    let until = Day(START.day().0 + 300);
    Person { key: PersonKey::from(&key.verifying_key()), office, until, name: digest("a newcomer"), possession }
}

fn admit(net: &Net, person: Person) -> BoardStatement {
    BoardStatement::Admit { number: net.state.person(&person.key).map_or(0, PersonRecord::number), person }
}

/// Two persons of the board sign a statement.
fn two(net: &mut Net, offices: [Office; 2], statement: &BoardStatement) {
    for office in offices {
        let signed = net.signing(Board, office, statement.clone());
        net.accept(Board, signed);
    }
}

/// What somebody new signs.
fn signed_by(net: &Net, number: u8, statement: BoardStatement) -> Payload {
    Payload::Sign(Signing::sign(&secret(number), &net.state.network(), &id(Board), net.state.tip().time.day(), statement))
}

pub(super) fn rejects(net: &mut Net, office: Office, statement: BoardStatement, code: u16) {
    let signed = net.signing(Board, office, statement);
    reject(net, Board, signed, code);
}

fn status(net: &Net, study: StudyId) -> StudyStatus {
    net.state.study(&study).unwrap().status()
}

#[test]
fn one_signature_changes_nothing_and_two_of_one_kind_neither() {
    let (mut net, study) = submitted();
    let statement = net.decision(Board, study, approval());
    let sign = |net: &Net, office| net.signing(Board, office, statement.clone());
    for office in [Office::Chair, Office::Deputy] {
        let signed = sign(&net, office);
        net.accept(Board, signed.clone());
        assert_eq!(status(&net, study), StudyStatus::Submitted);
        reject(&mut net, Board, signed, 250);
        reject(&mut net, HospitalA, Payload::StudyAccept(StudyAccept { study, k_min: 5, renew: None }), 147);
    }
    rejects(&mut net, Office::Assessor, statement.clone(), 249);
    // other words are another statement: what the secretary has read is what counts
    let conditions = Conditions { words: "only on Sundays".into(), ..Conditions::default() };
    let other = net.decision(Board, study, Act::Approve(conditions));
    let signed = net.signing(Board, Office::Secretary, other);
    net.accept(Board, signed);
    assert_eq!((status(&net, study), net.state.waiting_statements(&id(Board)).count()), (StudyStatus::Submitted, 2));
    let signed = sign(&net, Office::Secretary);
    net.accept(Board, signed);
    assert_eq!((status(&net, study), net.state.waiting_statements(&id(Board)).count()), (StudyStatus::Approved, 0));
    let record = net.state.study(&study).unwrap();
    let signers: Vec<Office> = record.approvals[&id(Board)].signatures.iter().map(|s| s.office).collect();
    assert_eq!(signers, [Office::Chair, Office::Secretary]);
}

#[test]
fn a_signature_is_of_a_person_of_this_board_on_this_network_for_this_decision_and_version() {
    let (mut net, study) = submitted();
    let statement = net.decision(Board, study, approval());
    let network = net.state.network();
    let today = net.state.tip().time.day();
    let sign = |key: &SigningKey, network: NetworkId, board: Who, day: Day, statement: &BoardStatement| {
        Payload::Sign(Signing::sign(key, &network, &id(board), day, statement.clone()))
    };
    let chair = person_key(Board, Office::Chair);
    let BoardStatement::Study(decision) = statement.clone() else { panic!() };
    let other = |decision: StudyDecision| BoardStatement::Study(decision);
    let mut forged = Signing::sign(&chair, &network, &id(Board), today, statement.clone());
    forged.statement = net.decision(Board, study, Act::Reject);
    for (payload, code) in [
        (sign(&secret(1), network, Board, today, &statement), 241),
        (sign(&chair, NetworkId(digest("other")), Board, today, &statement), 243),
        (sign(&chair, network, GovernanceB, today, &statement), 243),
        (Payload::Sign(forged), 243),
        (sign(&chair, network, Board, Day(today.0 + 1), &statement), 244),
        (sign(&chair, network, Board, Day(today.0 - limits::SIGNATURE_DAYS - 1), &statement), 244),
        (sign(&chair, network, Board, today, &other(StudyDecision { number: 1, ..decision.clone() })), 245),
        (sign(&chair, network, Board, today, &other(StudyDecision { version: digest("other"), ..decision })), 246),
    ] {
        reject(&mut net, Board, payload, code);
    }
}

/// A signature is used up by the decision it served, and by any other of the board about the study.
#[test]
fn a_signature_serves_one_decision() {
    let (mut net, study) = submitted();
    net.decide(Board, study, approval());
    net.decide(Board, study, Act::Suspend);
    let lift = net.decision(Board, study, Act::Lift);
    let (chair, secretary) = (net.signing(Board, Office::Chair, lift.clone()), net.signing(Board, Office::Secretary, lift));
    net.accept(Board, chair.clone());
    net.accept(Board, secretary.clone());
    net.decide(Board, study, Act::Suspend);
    // the board's node kept both, and would lift the second suspension with them
    reject(&mut net, Board, chair, 245);
    reject(&mut net, Board, secretary, 245);
    // a first signature ends with the next decision, whichever it is
    let stop = net.decision(Board, study, Act::Stop);
    let first = net.signing(Board, Office::Chair, stop.clone());
    net.accept(Board, first);
    net.decide(Board, study, Act::Lift);
    assert_eq!(net.state.waiting_statements(&id(Board)).count(), 0);
    rejects(&mut net, Office::Secretary, stop, 245);
}

#[test]
fn a_first_signature_waits_for_thirty_days_and_both_must_sign_still() {
    let (mut net, _) = submitted();
    let long = StudySubmit { expiry: Day(START.day().0 + 200), title: "Long".into(), ..study(&dictionary()) };
    let study = StudyId(net.accept(Researcher, Payload::StudySubmit(long)));
    let statement = net.decision(Board, study, approval());
    let first = net.signing(Board, Office::Chair, statement.clone());
    net.accept(Board, first.clone());
    net.block_after(limits::SIGNATURE_DAYS as u64 * DAY_MS, vec![]);
    assert_eq!(net.state.waiting_statements(&id(Board)).count(), 1);
    net.block_after(DAY_MS, vec![]);
    assert_eq!(net.state.waiting_statements(&id(Board)).count(), 0, "forgotten");
    reject(&mut net, Board, first, 244);
    let second = net.signing(Board, Office::Secretary, statement.clone());
    net.accept(Board, second);
    assert_eq!(status(&net, study), StudyStatus::Submitted);
    // the secretary is ended before the chair signs
    let secretary = person(Board, Office::Secretary).key;
    net.accept(Board, Payload::EndPerson(secretary));
    let chair = net.signing(Board, Office::Chair, statement.clone());
    net.accept(Board, chair);
    assert_eq!(status(&net, study), StudyStatus::Submitted);
    rejects(&mut net, Office::Secretary, statement, 242);
}

/// A signature is of the office it was given in: a deputy who becomes secretary has not signed as one, nor does the old signature count beside the chair's.
#[test]
fn a_first_signature_ends_with_the_office_and_the_days_of_who_gave_it() {
    let (mut net, study) = submitted();
    let statement = net.decision(Board, study, approval());
    let deputy = net.signing(Board, Office::Deputy, statement.clone());
    net.accept(Board, deputy);
    let moved = admit(&net, Person { office: Office::Secretary, ..person(Board, Office::Deputy) });
    two(&mut net, [Office::Chair, Office::Assessor], &moved);
    let days = admit(&net, Person { until: Day(net.time.day().0 + 2), ..newcomer(1, Board, Office::Secretary) });
    two(&mut net, [Office::Chair, Office::Assessor], &days);
    net.block_after(limits::PERSON_DELAY_MS, vec![]);
    let newcomers = signed_by(&net, 1, statement.clone());
    net.accept(Board, newcomers);
    assert_eq!(status(&net, study), StudyStatus::Submitted);
    // the newcomer's last day is over, the deputy is none any more
    net.block_after(2 * DAY_MS, vec![]);
    let chair = net.signing(Board, Office::Chair, statement.clone());
    net.accept(Board, chair);
    assert_eq!(status(&net, study), StudyStatus::Submitted);
    // who was the deputy signs anew, as secretary
    let anew = net.signing(Board, Office::Deputy, statement);
    net.accept(Board, anew);
    assert_eq!(status(&net, study), StudyStatus::Approved);
}

/// Studies that come and go use up nobody's signatures.
#[test]
fn signatures_about_what_is_gone_wait_no_more() {
    let (mut net, study) = submitted();
    let first = net.signing(Board, Office::Chair, net.decision(Board, study, approval()));
    net.accept(Board, first);
    net.accept(Researcher, Payload::StudyAct(StudyAct { study, act: Act::Close, reason: "not needed".into() }));
    assert_eq!(net.state.waiting_statements(&id(Board)).count(), 0);
    let another = StudySubmit { title: "Another".into(), ..countersign_harness::study(&dictionary()) };
    let other = StudyId(net.accept(Researcher, Payload::StudySubmit(another)));
    let first = net.signing(Board, Office::Chair, net.decision(Board, other, approval()));
    net.accept(Board, first);
    net.decide(Board, other, Act::Reject);
    assert_eq!(net.state.waiting_statements(&id(Board)).count(), 0);
}

#[test]
fn a_board_records_so_many_persons_and_no_more() {
    let (mut net, _) = submitted();
    let mut known = Office::ALL.len();
    let several = |net: &mut Net, changes: Vec<Change>| {
        let results = net.block(changes.into_iter().map(|change| (Governance, propose(change))).collect());
        assert!(results.iter().all(|result| result.effect().is_some()), "{results:?}");
    };
    while known < limits::PERSONS_RECORDED_MAX {
        let new: Vec<Person> =
            (0..limits::PROPOSALS_A_MEMBER_MAX.min(limits::PERSONS_RECORDED_MAX - known)).map(|i| newcomer_of(known + i)).collect();
        known += new.len();
        several(&mut net, new.iter().map(|person| Change::AdmitPerson { board: id(Board), person: *person }).collect());
        several(&mut net, new.iter().map(|person| Change::EndPerson(person.key)).collect());
    }
    let statement = admit(&net, newcomer_of(known));
    rejects(&mut net, Office::Chair, statement, 265);
}

#[test]
fn whoever_takes_no_part_signs_nothing_before_or_after() {
    let (mut net, study) = submitted();
    let statement = net.decision(Board, study, approval());
    let first = net.signing(Board, Office::Chair, statement.clone());
    net.accept(Board, first);
    let recuse = |office, reason: &str| BoardStatement::Recuse { study, person: person(Board, office).key, reason: reason.into() };
    rejects(&mut net, Office::Chair, recuse(Office::Chair, " "), 238);
    let own = net.signing(Board, Office::Chair, recuse(Office::Chair, "a relative submits it"));
    net.accept(Board, own);
    rejects(&mut net, Office::Chair, recuse(Office::Chair, "again"), 247);
    rejects(&mut net, Office::Chair, statement.clone(), 247);
    let second = net.signing(Board, Office::Secretary, statement.clone());
    net.accept(Board, second);
    assert_eq!(status(&net, study), StudyStatus::Submitted, "what was signed before counts no more");
    // two others say so of the secretary: one is not enough, and the secretary is none of them unless it says so of itself
    let other = recuse(Office::Secretary, "works for the sponsor");
    two(&mut net, [Office::Assessor, Office::Deputy], &other);
    assert!(net.state.study(&study).unwrap().recused.contains(&person(Board, Office::Secretary).key));
    let statement = net.decision(Board, study, Act::Reject);
    rejects(&mut net, Office::Secretary, statement, 247);
    // nobody of another board, and of no study that is unknown
    let stranger = BoardStatement::Recuse { study, person: newcomer(1, Board, Office::Chair).key, reason: "a reason".into() };
    rejects(&mut net, Office::Deputy, stranger, 241);
    let none = StudyId(TransactionId(digest("none")));
    rejects(
        &mut net,
        Office::Deputy,
        BoardStatement::Recuse { study: none, person: person(Board, Office::Deputy).key, reason: "a reason".into() },
        146,
    );
    // nor by a board that answers are not sealed to, nor of somebody who signs no more
    net.accept(Board, Payload::EndPerson(person(Board, Office::Assessor).key));
    rejects(&mut net, Office::Deputy, recuse(Office::Assessor, "a reason"), 257);
    // a recused person suspends nothing either
    let (mut net, study) = submitted();
    net.decide(Board, study, approval());
    let own = net.signing(
        Board,
        Office::Assessor,
        BoardStatement::Recuse { study, person: person(Board, Office::Assessor).key, reason: "a reason".into() },
    );
    net.accept(Board, own);
    let statement = net.decision(Board, study, Act::Suspend);
    rejects(&mut net, Office::Assessor, statement, 247);
}

#[test]
fn two_of_a_board_admit_a_third_who_signs_a_day_later() {
    let (mut net, study) = submitted();
    let new = newcomer(1, Board, Office::Secretary);
    let statement = admit(&net, new);
    two(&mut net, [Office::Assessor, Office::Chair], &statement);
    let record = net.state.person(&new.key).unwrap();
    assert_eq!((record.board, record.person, record.changes.len()), (id(Board), new, 1));
    let approve = net.decision(Board, study, approval());
    let early = signed_by(&net, 1, approve.clone());
    reject(&mut net, Board, early, 242);
    let chair = net.signing(Board, Office::Chair, approve.clone());
    net.block_after(limits::PERSON_DELAY_MS, vec![(Board, chair)]);
    let second = signed_by(&net, 1, approve);
    net.accept(Board, second);
    assert_eq!(status(&net, study), StudyStatus::Approved);
    // another office: signs again a day later; a longer time in the same office goes on
    let long = Person { until: Day(new.until.0 + 100), ..new };
    let statement = admit(&net, long);
    two(&mut net, [Office::Chair, Office::Deputy], &statement);
    let suspend = net.decision(Board, study, Act::Suspend);
    let signed = signed_by(&net, 1, suspend);
    net.accept(Board, signed);
    let statement = admit(&net, Person { office: Office::Deputy, ..long });
    two(&mut net, [Office::Chair, Office::Deputy], &statement);
    let lift = net.decision(Board, study, Act::Lift);
    let signed = signed_by(&net, 1, lift);
    reject(&mut net, Board, signed, 242);
    // what the two have signed once makes no second change: not even the office they gave back then
    rejects(&mut net, Office::Chair, statement, 207);
    let back = BoardStatement::Admit { number: 1, person: long };
    rejects(&mut net, Office::Chair, back, 245);
}

#[test]
fn what_admits_nobody() {
    let (mut net, _) = submitted();
    let new = newcomer(1, Board, Office::Chair);
    let of = |key: &SigningKey, board: Who| (PersonKey::from(&key.verifying_key()), PersonKey::prove_possession(key, &id(board)));
    let (member, possession) = of(&key(HospitalA), Board);
    let weak = Person { key: PersonKey([0; 32]), ..new };
    for (person, code) in [
        (Person { key: member, possession, ..new }, 254),
        (Person { possession: newcomer(1, GovernanceB, Office::Chair).possession, ..new }, 255),
        (Person { possession: newcomer(2, Board, Office::Chair).possession, ..new }, 255),
        (weak, 255),
        (Person { until: Day(START.day().0 - 1), ..new }, 256),
        (Person { until: Day(net.state.tip().time.day().0 + limits::PERSON_DAYS_MAX + 1), ..new }, 256),
    ] {
        let statement = admit(&net, person);
        rejects(&mut net, Office::Chair, statement, code);
    }
    // nobody prolongs their own time, alone or with another
    let own = Person { until: Day(person(Board, Office::Deputy).until.0 - 1), ..person(Board, Office::Deputy) };
    let statement = admit(&net, own);
    rejects(&mut net, Office::Deputy, statement, 252);
    // ended is for good
    net.accept(Board, Payload::EndPerson(own.key));
    let statement = admit(&net, own);
    rejects(&mut net, Office::Chair, statement, 257);
    reject(&mut net, Board, Payload::EndPerson(own.key), 257);
    reject(&mut net, Board, Payload::EndPerson(new.key), 241);
    // a vote admits too, by the same rules, and nobody to a member that is no board
    let vote = |board: Who, person: Person| propose(Change::AdmitPerson { board: id(board), person });
    reject(&mut net, Governance, vote(HospitalA, newcomer(3, HospitalA, Office::Chair)), 253);
    reject(&mut net, Governance, vote(Board, own), 257);
    net.accept(Governance, vote(Board, new));
    assert!(net.state.person(&new.key).unwrap().since > net.time);
    reject(&mut net, Governance, vote(Board, new), 207);
    // and the key of a person becomes no member
    let taken = Member { id: new.key.signer(), ..member_of() };
    reject(&mut net, Governance, propose(Change::Admit(taken)), 200);
    net.accept(Governance, propose(Change::EndPerson(new.key)));
    assert!(net.state.person(&new.key).unwrap().ended.is_some());
    reject(&mut net, Governance, propose(Change::EndPerson(new.key)), 257);
    reject(&mut net, Governance, propose(Change::EndPerson(newcomer(9, Board, Office::Chair).key)), 241);
}

fn member_of() -> Member {
    member(Stranger, "Stranger", &[Role::Researcher])
}

#[test]
fn a_person_of_one_board_signs_for_no_other() {
    let mut net = Net::new(with_boards(&[(GovernanceB, "Second board")]));
    net.publish(dictionary());
    let study = StudyId(net.accept(Researcher, Payload::StudySubmit(study(&dictionary()))));
    let other = sign_statement(&net.state, GovernanceB, Office::Chair, net.decision(Board, study, approval()));
    reject(&mut net, Board, other, 241);
    reject(&mut net, GovernanceB, Payload::EndPerson(person(Board, Office::Chair).key), 241);
    // a key for both boards, with two proofs
    let both = person_key(GovernanceB, Office::Chair);
    let taken = Person {
        key: PersonKey::from(&both.verifying_key()),
        possession: PersonKey::prove_possession(&both, &id(Board)),
        ..person(Board, Office::Chair)
    };
    let statement = admit(&net, taken);
    rejects(&mut net, Office::Chair, statement, 254);
    // nor has a board that answers are not sealed to anybody recused
    let recuse = BoardStatement::Recuse { study, person: person(GovernanceB, Office::Chair).key, reason: "a reason".into() };
    let recuse = sign_statement(&net.state, GovernanceB, Office::Chair, recuse);
    reject(&mut net, GovernanceB, recuse, 235);
}

#[test]
fn a_person_ends_alone_by_two_others_or_by_the_board() {
    let (mut net, _) = submitted();
    let end = |office| BoardStatement::End { person: person(Board, office).key };
    let own = net.signing(Board, Office::Deputy, end(Office::Deputy));
    net.accept(Board, own);
    rejects(&mut net, Office::Chair, end(Office::Deputy), 257);
    rejects(&mut net, Office::Deputy, end(Office::Chair), 242);
    two(&mut net, [Office::Chair, Office::Secretary], &end(Office::Assessor));
    let ended = |office| net.state.person(&person(Board, office).key).unwrap().ended.is_some();
    assert_eq!(Office::ALL.map(ended), [false, true, false, true]);
}

#[test]
fn persons_and_their_signatures_are_bounded() {
    let (mut net, study) = submitted();
    // waiting signatures of one person
    for number in 0..limits::SIGNATURES_WAITING_MAX {
        let words = format!("condition {number}");
        let statement = net.decision(Board, study, Act::Approve(Conditions { words, ..Conditions::default() }));
        let signed = net.signing(Board, Office::Chair, statement);
        net.accept(Board, signed);
    }
    let statement = net.decision(Board, study, approval());
    rejects(&mut net, Office::Chair, statement.clone(), 251);
    // a second signature is none that waits
    let first = net.signing(Board, Office::Secretary, statement.clone());
    net.accept(Board, first);
    let second = net.signing(Board, Office::Chair, statement);
    net.accept(Board, second);
    assert_eq!(status(&net, study), StudyStatus::Approved);
    // admissions a day, and persons of a board
    let mut number = 0;
    while number < limits::PERSONS_MAX as u8 - 4 {
        for _ in 0..limits::ADMISSIONS_A_DAY_MAX.min(limits::PERSONS_MAX as u32 - 4 - u32::from(number)) {
            let statement = admit(&net, newcomer(number, Board, Office::Assessor));
            two(&mut net, [Office::Chair, Office::Secretary], &statement);
            number += 1;
        }
        if number == limits::ADMISSIONS_A_DAY_MAX as u8 {
            let statement = admit(&net, newcomer(50, Board, Office::Assessor));
            let first = net.signing(Board, Office::Chair, statement.clone());
            net.accept(Board, first);
            rejects(&mut net, Office::Secretary, statement, 263);
        }
        net.block_after(DAY_MS, vec![]);
    }
    let statement = admit(&net, newcomer(50, Board, Office::Assessor));
    rejects(&mut net, Office::Secretary, statement, 259);
    // changes of one person
    let one = newcomer(0, Board, Office::Assessor);
    for number in 1..limits::PERSON_CHANGES_MAX {
        let statement = admit(&net, Person { until: Day(one.until.0 - number as i32), ..one });
        two(&mut net, [Office::Chair, Office::Secretary], &statement);
        if number.is_multiple_of(limits::ADMISSIONS_A_DAY_MAX as usize - 1) {
            net.block_after(DAY_MS, vec![]);
        }
    }
    let statement = admit(&net, Person { until: one.until, ..one });
    rejects(&mut net, Office::Chair, statement, 258);
}

#[test]
fn those_who_take_no_part_are_bounded() {
    let (mut net, study) = submitted();
    let recuse = |person: Person| BoardStatement::Recuse { study, person: person.key, reason: "a reason".into() };
    let mut admitted = 0;
    // each is recused and ended, so that another may come
    while admitted < limits::RECUSED_MAX {
        for _ in 0..limits::ADMISSIONS_A_DAY_MAX {
            let new = newcomer_of(admitted);
            let statement = admit(&net, new);
            two(&mut net, [Office::Chair, Office::Secretary], &statement);
            two(&mut net, [Office::Chair, Office::Secretary], &recuse(new));
            net.accept(Board, Payload::EndPerson(new.key));
            admitted += 1;
        }
        net.block_after(DAY_MS, vec![]);
    }
    rejects(&mut net, Office::Deputy, recuse(person(Board, Office::Deputy)), 248);
}

/// Somebody new, of more than [`newcomer`] tells apart.
fn newcomer_of(number: usize) -> Person {
    let key = SigningKey::from_bytes(&digest(&format!("newcomer {number}")).0);
    let possession = PersonKey::prove_possession(&key, &id(Board));
    Person { key: PersonKey::from(&key.verifying_key()), possession, ..newcomer(0, Board, Office::Assessor) }
}

#[test]
fn a_genesis_lists_persons_whose_keys_are_theirs() {
    let good = genesis();
    assert_eq!(good.check(), Ok(()));
    type Persons = Vec<(MemberId, Person)>;
    let with = |change: &dyn Fn(&mut Persons)| {
        let mut genesis = genesis();
        change(&mut genesis.persons);
        matches!(genesis.check(), Err(GenesisError::Persons(_)))
    };
    assert!(with(&|persons| persons.reverse()), "ascending");
    assert!(with(&|persons| persons.push(persons[0])), "nobody twice");
    assert!(with(&|persons| persons[0].0 = id(HospitalA)), "of a board");
    assert!(with(&|persons| persons[0].1.possession = Signature([0; 64])), "signed by the key");
    assert!(with(&|persons| persons[0].1.until = Day(START.day().0 - 1)));
    assert!(with(&|persons| persons[0].1.until = Day(START.day().0 + limits::PERSON_DAYS_MAX + 1)));
    assert!(
        with(&|persons| {
            let person = Person {
                key: PersonKey(id(HospitalA).0),
                possession: PersonKey::prove_possession(&key(HospitalA), &id(Board)),
                ..persons[0].1
            };
            *persons = vec![(id(Board), person)];
        }),
        "no member"
    );
    assert!(
        with(&|persons| {
            *persons = (0..=limits::PERSONS_MAX).map(|number| (id(Board), newcomer_of(number))).collect();
            persons.sort_by_key(|(_, person)| person.key);
        }),
        "not too many"
    );
}
