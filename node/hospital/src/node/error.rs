//! What keeps a hospital from doing its work.

use crate::HospitalStoreError;
use countersign_circuits::erasure::ErasureViolation;
use countersign_ingest::{ConsentReport, ImportError, ImportReport};
use countersign_member::{LedgerError, MemberError};
use countersign_messages::sealed::SealError;
use countersign_prover::{aggregate::ProveError, keys::KeyError, validity::AnchorError};
use std::path::PathBuf;

/// Why something a hospital set out to do was not done. No message names a patient or a value.
#[derive(Debug, thiserror::Error)]
pub enum HospitalError {
    /// The member is none.
    #[error("\"{name}\" is no hospital of this network; its hospitals: {}", hospitals.join(", "))]
    NoHospital {
        /// Who.
        name: String,
        /// Who is.
        hospitals: Vec<String>,
    },
    /// Its own file is gone.
    #[error("{} is gone, but {name} has anchored: restore the hospital's file from its backup", path.display())]
    FileLost {
        /// The file.
        path: PathBuf,
        /// Whose.
        name: String,
    },
    /// The ledger does not know it.
    #[error("the ledger has no such {0}")]
    Unknown(&'static str),
    /// Files that cannot be read, or are not what they should be.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The report says that the import must stop.
    #[error("the import must stop; nothing was anchored.\n{0}")]
    Stops(Box<ImportReport>),
    /// Consents that are no table, without a policy to read them by.
    #[error("{}: consents are a .csv file; FHIR Consents can be anchored with --policy, which says what they mean", .0.display())]
    ConsentsWithoutPolicy(PathBuf),
    /// What the ledger says consents were read by must be what they were read by.
    #[error("{}: --policy says how FHIR Consents are read, and this is a table: leave it out", .0.display())]
    PolicyBesideTable(PathBuf),
    /// Consents that are anchored were not given.
    #[error("this hospital's consents are anchored; without --consents everybody would count as consenting. Give the consents again")]
    ConsentsLeftOut,
    /// A list of opt-outs without consents.
    #[error("a list of opt-outs takes permissions away, and no consents were given that permit anything: give --consents, too")]
    OptOutsWithoutConsents,
    /// Where a list of opt-outs lies.
    #[error("{}: the place of a list of opt-outs is remembered, and must be a file with a name of UTF-8", .0.display())]
    OptOutPath(PathBuf),
    /// The list of opt-outs of before.
    #[error("this hospital reads a list of opt-outs before everything, and {} cannot be read: {source}. Put the list there, name another one with `anchor --opt-outs`, or say `anchor --no-opt-outs`", path.display())]
    OptOuts {
        /// The list.
        path: PathBuf,
        /// What is wrong.
        source: ImportError,
    },
    /// The list of opt-outs lost somebody.
    #[error("the list of opt-outs {} names {now} people and named {before}: is it whole? If it is, say so with `anchor --opt-outs`; nothing is anchored or answered until then", path.display())]
    OptOutsShrank {
        /// The list.
        path: PathBuf,
        /// People on it when it was read last.
        before: usize,
        /// People on it now.
        now: usize,
    },
    /// The list of opt-outs takes out very many at once.
    #[error("the list of opt-outs {} newly names {named} of the {all} people with a row here: is it the right file? If it is, say so with `anchor --opt-outs`; nothing is anchored or answered until then", path.display())]
    OptOutsMany {
        /// The list.
        path: PathBuf,
        /// People with a row that it names.
        named: usize,
        /// People with a row.
        all: usize,
    },
    /// Consents of other people, or under other ids.
    #[error("nobody with a row permits anything; nothing was anchored. Are these the consents of these patients, under the same ids?\n{0}")]
    ForeignConsents(Box<ConsentReport>),
    /// Nothing was anchored, and who took a consent back was taken out of force.
    #[error(
        "{stopped}\nThe consents could be read: {people} people took back or shortened one that is anchored, and no answer counts them by it from now on"
    )]
    StoppedAndTakenBack {
        /// Why nothing was anchored.
        stopped: Box<Self>,
        /// How many were taken out of force.
        people: u64,
    },
    /// Nothing was anchored, and who took a consent back could not be taken out of force.
    #[error("{stopped}\nWho took a consent back could not be taken out of force either: {reason}")]
    StoppedAndNotTakenBack {
        /// Why nothing was anchored.
        stopped: Box<Self>,
        /// Why they could not.
        reason: Box<Self>,
    },
    /// The ledger refused an anchor.
    #[error("the ledger refused the anchor; nothing of it stands. {0}")]
    AnchorRefused(LedgerError),
    /// No circuit is large enough.
    #[error("the statement has {0} cells, more than any circuit")]
    Cells(usize),
    /// An opening that a study needs was destroyed.
    #[error("the opening of segment {0} was destroyed; the study needs a new cut")]
    OpeningDestroyed(u32),
    /// A row is counted whose slot is nobody's here: it must not look like fewer people.
    #[error("a row is counted whose slot is not in use here; restore the hospital's file from its backup")]
    CountedNobody,
    /// Somebody who has and had no row here. By the place in the list, as no message names a patient.
    #[error(
        "{} of {of} has and had no row here: never anchored, erased, or under another id. Nobody was withdrawn",
        if *of == 1 { "the patient".to_owned() } else { format!("patient {at}") }
    )]
    NoRow {
        /// The first of them, counted from 1.
        at: usize,
        /// Of how many.
        of: usize,
    },
    /// Somebody who has no row in force here.
    #[error("the patient has no row in force here: never anchored, left already, or under another id")]
    NotInForce,
    /// Somebody who never had a row here. No message names a patient.
    #[error(
        "the patient never had a row here, or is here under another id. Nothing was erased. If this file was restored from a copy of before the person came, `--never-here` holds the person back"
    )]
    NeverHere,
    /// Somebody whom the file knows.
    #[error("this file knows the patient: erase without `--never-here`")]
    KnownHere,
    /// Somebody of whom nothing can be shown.
    #[error("the patient has and had no row here, is here under another id, or was erased")]
    NothingToShow,
    /// Somebody who may have a row.
    #[error("the patient is not held back here: nobody of this id left or was erased")]
    NotHeldBack,
    /// A backup.
    #[error(transparent)]
    Backup(#[from] crate::backup::BackupError),
    /// A patient's request for a claim.
    #[error(transparent)]
    Claim(#[from] super::ClaimRefused),
    /// What is stored does not fit together.
    #[error("the hospital's file is damaged ({0}); restore it from its backup")]
    Damaged(&'static str),
    /// A statement of the ledger that does not fit its dictionary: a fault of this program.
    #[error("the statement does not fit the ledger: {0}")]
    Statement(String),
    /// The hospital's own file.
    #[error(transparent)]
    Store(#[from] HospitalStoreError),
    /// The chain.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file of the member.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// A proving key.
    #[error("{} in {}: {source}", circuit.name(), folder.display())]
    ProvingKey {
        /// Which.
        circuit: countersign_circuits::keys::CircuitName,
        /// Where.
        folder: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// A proof of an answer.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// A proof of an anchor.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// A proof of an erasure.
    #[error(transparent)]
    Erasure(#[from] ErasureViolation),
    /// Sealing.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A thread of this program failed.
    #[error("this program failed while it computed; please report it")]
    Panicked(#[from] tokio::task::JoinError),
}

impl HospitalError {
    /// True if a rule or the input is the reason, so that whoever asked must ask or give something else; false if the same may work another time.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::NoHospital { .. }
            | Self::Unknown(_)
            | Self::Stops(_)
            | Self::ConsentsWithoutPolicy(_)
            | Self::PolicyBesideTable(_)
            | Self::ConsentsLeftOut
            | Self::ForeignConsents(_)
            | Self::AnchorRefused(_)
            | Self::NoRow { .. }
            | Self::NotInForce
            | Self::NeverHere
            | Self::KnownHere
            | Self::NotHeldBack
            | Self::NothingToShow
            | Self::OptOutsWithoutConsents
            | Self::OptOutPath(_)
            | Self::OptOuts { .. }
            | Self::OptOutsShrank { .. }
            | Self::OptOutsMany { .. }
            | Self::Claim(_)
            | Self::Cells(_) => true,
            Self::Backup(error) => error.is_refusal(),
            Self::Import(error) => !matches!(error, ImportError::Io { .. }),
            Self::StoppedAndTakenBack { stopped, .. } | Self::StoppedAndNotTakenBack { stopped, .. } => stopped.is_refusal(),
            Self::Ledger(error) => error.is_refusal(),
            _ => false,
        }
    }
}
