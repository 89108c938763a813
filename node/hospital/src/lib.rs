//! A hospital: it imports, anchors, accepts studies, answers and withdraws.
//!
//! [`Hospital`] is the whole work of a prover node, each piece one call that takes plain values and gives a report. It stands on the hospital's own keeping:
//! everything a prover node must remember and nobody else may see.
//!
//! A hospital that imports, anchors and answers (`tests/tests/roles.rs` runs the same):
//!
//! ```no_run
//! # use countersign_hospital::{Answering, Hospital, HospitalError, IfInUse, OptOutList, ProvingKeys, Source, waiting};
//! # use countersign_ingest::{Mapping, Reading};
//! # use countersign_member::{Connection, MemberFolder, now};
//! # async fn a_day(connection: &mut Connection, own: MemberFolder, reading: &Reading, mapping: &Mapping) -> Result<(), HospitalError> {
//! let keys = ProvingKeys::new("/etc/countersign/circuit-keys");
//! let hospital = Hospital::open(connection, &keys, own.member.clone(), &own.hospital_store(), IfInUse::Wait).await?;
//! let source = Source { path: "export".into(), as_of: None, consents: Some("consents.csv".into()), policy: None, opt_outs: OptOutList::AsBefore };
//! let (imported, report) = hospital.import_and_anchor(connection, (reading, mapping), &source, &|_| {}, &|_| {}).await?;
//! println!("{}\n{} segments anchored in block {}", imported.import.report, report.segments, report.height);
//! for query in waiting(connection.state(), &own.member.id(), now()) {
//!     match hospital.answer(connection, query).await? {
//!         Answering::Accepted => println!("answered"),
//!         Answering::Declined(reason) | Answering::Rejected(reason) => println!("{reason}"),
//!     }
//! }
//! hospital.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! One SQLite file (mode 600, opened by one process at a time) holds the [slot register](slots), the [openings](opening) of
//! anchored segments, the [`journal`] of anchors and answers, and the [memory of released cells](released). Secrets
//! are zeroed when dropped and hidden in `Debug`. The keeping proves and signs nothing: [`Hospital`] does the work that a
//! [`Step`](journal::Step) names and reports back; each report is one transaction of the database.
//!
//! Invariants:
//! - A slot is given out once. Withdrawn and erased slots stay dead; a patient who withdrew gets a new slot only after
//!   [`HospitalStore::readmit`].
//! - Blinders are stored before the transaction that needs them, a transaction before it is submitted. After a crash the
//!   stored bytes are submitted again, unchanged.
//! - What an import is compared with is every row and grant, and what the ledger holds; one query has one stored answer or refusal until the ledger rejects it.
//! - A slot is in use only while every consent it was anchored with is borne out by the last import.
//! - Salts of proofs are never stored: a proof that was interrupted is begun anew with fresh ones.

pub mod backup;
mod claims;
pub mod codes;
pub mod disclosure;
mod erasure;
mod erasure_list;
mod error;
mod hospital_store;
pub mod intake;
pub mod journal;
pub mod ledger_view;
mod narrowings;
mod node;
pub mod opening;
mod opt_outs;
pub mod released;
pub mod research_cut;
pub mod slots;

pub use erasure::ErasedRow;
pub use error::HospitalStoreError;
pub use hospital_store::{CheckReport, HospitalStore};
pub use narrowings::Noted;
pub use node::{
    AnchorReport, Answering, ClaimRefused, Departure, Erased, ErasedPlace, Hospital, HospitalError, IfInUse, Imported, OptOutList,
    ProvingKeys, ResearchCut, Shown, Source, Swept, waiting,
};
