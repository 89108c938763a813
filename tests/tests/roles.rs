//! A hospital, a researcher, an ethics board and an auditor do their whole work through the libraries alone: no command line, no server.

use countersign_audit::{AuditError, Exported, chain};
use countersign_circuits::hash::Digest32;
use countersign_consortium::{BOARD, DataFolder, NetworkOptions, RESEARCHER, VALIDATOR, make_development_keys, propose};
use countersign_generate::{Profile, generate};
use countersign_hospital::{Answering, Hospital, IfInUse, OptOutList, ProvingKeys, Source, waiting};
use countersign_ingest::{Mapping, Reading, shipped};
use countersign_member::{Connection, Member, VerifyingFolder, named, now};
use countersign_messages::{Act, Change, Conditions, Height, Office, QueryId, StudyId};
use countersign_stats::to_json;
use countersign_study::{
    HospitalsAtHand, NotCovered, Signed, Standing, StudyDraft, ask, asked_before, asked_by, boards, categories_of, covering, decision,
    export, find, result, sign, submit,
};
use std::path::{Path, PathBuf};

const HOSPITALS: [&str; 2] = ["north", "south"];
const SQL: &str = "SELECT diabetes, COUNT(*), AVG(hba1c) FROM cardiometabolic-core WHERE diabetes IS NOT NULL GROUP BY diabetes";

/// Everybody's folders.
struct World {
    data: DataFolder,
    verifying: VerifyingFolder,
    proving: ProvingKeys,
    place: PathBuf,
}

impl World {
    fn member(&self, name: &str) -> Member {
        self.data.member(name).unwrap()
    }

    async fn hospital(&self, connection: &Connection, name: &str) -> Hospital {
        Hospital::open(connection, &self.proving, self.member(name), &self.data.hospital_store(name), IfInUse::Fail).await.unwrap()
    }

    async fn later(&self) -> Connection {
        self.data.open(&self.verifying, now).await.unwrap()
    }
}

/// What the validator decides, and what the hospitals import and anchor.
async fn anchored(world: &World, connection: &mut Connection) -> Digest32 {
    let reading = Reading::from_toml(shipped::CARDIOMETABOLIC_CORE).unwrap();
    let mapping = Mapping::from_toml(shipped::MAPPING_FHIR, &reading).unwrap();
    let change = Change::Dictionary(reading.canonical().to_vec());
    let proposed = propose(connection, &world.member(VALIDATOR), change, Height(0), "it describes the data").await.unwrap();
    assert_eq!(named::proposal(connection.state(), "G-1").unwrap(), proposed.proposal);
    for (i, name) in HOSPITALS.iter().enumerate() {
        let records = world.place.join(name);
        generate(Profile::Complete, 300, i as u64 + 1, &records, |_| {}).unwrap();
        let source = Source {
            consents: Some(records.join("consents.csv")),
            path: records,
            as_of: None,
            policy: None,
            opt_outs: OptOutList::AsBefore,
        };
        let hospital = world.hospital(connection, name).await;
        let (imported, report) = hospital.import_and_anchor(connection, (&reading, &mapping), &source, &|_| {}, &|_| {}).await.unwrap();
        assert!(!report.nothing_to_do() && imported.consents.is_some());
        // the same again changes nothing
        let (_, report) = hospital.import_and_anchor(connection, (&reading, &mapping), &source, &|_| {}, &|_| {}).await.unwrap();
        assert!(report.nothing_to_do());
        hospital.close().await;
    }
    reading.digest()
}

/// A study that everybody agrees to.
async fn opened(world: &World, connection: &mut Connection, dictionary: Digest32) -> StudyId {
    let (researcher, board) = (world.member(RESEARCHER), world.member(BOARD));
    let (_, question) = find(connection.state(), SQL).unwrap();
    let none = covering(connection.state(), &researcher.id(), &dictionary, &question).unwrap_err();
    assert_eq!(none, NotCovered::NoStudy { needed: categories_of(&question) });
    let boards = boards(connection.state(), &researcher.id(), &[]).unwrap();
    let (title, summary) = ("Blood sugar".into(), "With and without diabetes.".into());
    let draft = StudyDraft { title, summary, dictionary, categories: categories_of(&question), k_min: 10 };
    let study = submit(connection, &researcher, &boards, &draft).await.unwrap();
    let not_yet = covering(connection.state(), &researcher.id(), &dictionary, &question).unwrap_err();
    assert_eq!(not_yet, NotCovered::NotApproved { study: 1 });
    let approval = decision(connection.state(), &board, study, Act::Approve(Conditions::default()), "").unwrap();
    let [chair, secretary] = [Office::Chair, Office::Secretary].map(|office| world.data.person(office).unwrap());
    assert!(matches!(sign(connection, &board, &chair, approval.clone()).await.unwrap(), Signed::Waits(_)));
    let still = covering(connection.state(), &researcher.id(), &dictionary, &question).unwrap_err();
    assert_eq!(still, NotCovered::NotApproved { study: 1 }, "one signature changes nothing");
    assert!(matches!(sign(connection, &board, &secretary, approval).await.unwrap(), Signed::Done(_)));
    for name in HOSPITALS {
        let hospital = world.hospital(connection, name).await;
        hospital.accept(connection, study, 10).await.unwrap();
        hospital.close().await;
    }
    study
}

/// A question, and the hospitals' answers.
async fn answered(world: &World, connection: &mut Connection, dictionary: Digest32, study: StudyId) -> QueryId {
    let researcher = world.member(RESEARCHER);
    let (found, question) = find(connection.state(), SQL).unwrap();
    assert_eq!(found, dictionary);
    assert_eq!(covering(connection.state(), &researcher.id(), &dictionary, &question), Ok(study));
    let again =
        |connection: &Connection| asked_before(connection, &researcher.id(), (&dictionary, &question), None, HospitalsAtHand::None, now());
    assert_eq!(again(connection), None);
    let query = ask(connection, &researcher, study, (&question, SQL), now()).await.unwrap();
    let standings = |connection: &Connection| asked_by(connection, &researcher.id(), now())[0].sites.clone();
    assert!(standings(connection).values().all(|s| *s == Standing::Waiting { rejected: 0 }));
    for name in HOSPITALS {
        let hospital = world.hospital(connection, name).await;
        let me = hospital.member.id();
        assert_eq!(waiting(connection.state(), &me, now()), [query]);
        assert_eq!(hospital.answer(connection, query).await.unwrap(), Answering::Accepted);
        assert_eq!(waiting(connection.state(), &me, now()), []);
        hospital.close().await;
    }
    assert!(standings(connection).values().all(|s| *s == Standing::Answered));
    assert_eq!(again(connection), Some(query), "what was asked is not asked again");
    query
}

/// A week later, with other processes: researcher and board read the answers, an auditor checks everything.
async fn read_and_audited(world: &World, query: QueryId) {
    let connection = world.later().await;
    assert_eq!(named::query(connection.state(), "Q-1").unwrap(), query);
    let collected = result(&connection, &world.member(RESEARCHER), query).await.unwrap();
    assert!(collected.development && collected.missing.is_empty() && collected.rejected == 0);
    assert_eq!((collected.verified, collected.number), (HOSPITALS.len(), 1));
    let table = to_json(&collected.table);
    assert!(collected.table.rows.len() >= 2, "{table}");
    let by_board = result(&connection, &world.member(BOARD), query).await.unwrap();
    assert_eq!(to_json(&by_board.table), table);
    assert!(result(&connection, &world.member(HOSPITALS[0]), query).await.is_err(), "nobody else can open the answers");

    let files = export(&connection, query, &world.place.join("export")).await.unwrap();
    assert_eq!(files.len(), HOSPITALS.len());
    connection.close().await.unwrap();
    let keys = || world.verifying.read().unwrap();
    for file in &files {
        let finding = Exported::file(file).unwrap().verify(keys()).unwrap();
        assert!(finding.verified && finding.development_keys && finding.k_min == 10);
    }
    let whole = chain::at(world.data.path(), keys(), |_| {}).await.unwrap();
    assert_eq!((whole.answers, whole.rejected), (HOSPITALS.len() as u64, 0));
    let archive = world.place.join("chain.archive");
    chain::write_archive(world.data.path(), &archive).await.unwrap();
    let archived = chain::at(&archive, keys(), |_| {}).await.unwrap();
    assert_eq!((archived.tip, archived.answers), (whole.tip, whole.answers));

    for file in [&files[0], &archive] {
        let mut bytes = std::fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(file, bytes).unwrap();
    }
    let answer = Exported::file(&files[0]).unwrap().verify(keys());
    assert!(matches!(answer, Err(AuditError::NotVerified(_))), "{answer:?}");
    let audited = chain::at(&archive, keys(), |_| {}).await;
    assert!(matches!(audited, Err(AuditError::NotVerified(_))), "{audited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_works_through_the_libraries_alone() {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let keys = shared.join("keys");
    make_development_keys(&keys).unwrap();
    let place = tempfile::Builder::new().prefix("countersign-roles-").tempdir_in(shared).unwrap();
    let world = World {
        data: DataFolder::new(place.path().join("network")),
        verifying: VerifyingFolder::new(&keys),
        proving: ProvingKeys::new(&keys),
        place: place.path().to_owned(),
    };
    let options = NetworkOptions { sites: HOSPITALS.map(ToOwned::to_owned).to_vec(), k_min: 10, categories: Default::default() };
    let mut connection = world.data.create(&world.verifying, &options, now).await.unwrap();
    let dictionary = anchored(&world, &mut connection).await;
    let study = opened(&world, &mut connection, dictionary).await;
    let query = answered(&world, &mut connection, dictionary, study).await;
    connection.close().await.unwrap();
    read_and_audited(&world, query).await;
}
