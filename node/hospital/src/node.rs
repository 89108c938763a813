//! A hospital: imports, anchors, accepts and answers. Every step is journalled, so that a process killed anywhere goes on or starts over,
//! and neither anchors nor answers twice.

mod accepting;
mod anchoring;
mod answering;
mod backing_up;
mod claiming;
mod committing;
mod erasing;
mod error;
mod importing;
mod inbox;
mod judging;
mod narrowing;
mod on_ledger;
mod opting_out;
mod padding;
mod proving_keys;
mod recording;
mod replacing;
mod source_root;
mod withdrawing;

pub use accepting::ResearchCut;
pub use answering::Answering;
pub use claiming::ClaimRefused;
pub use erasing::{Erased, ErasedPlace, Swept};
pub use error::HospitalError;
pub use importing::{AnchorReport, Imported, Source};
pub use inbox::waiting;
pub use opting_out::OptOutList;
pub use proving_keys::ProvingKeys;
pub use recording::Shown;
pub use withdrawing::Departure;

use crate::{HospitalStore, HospitalStoreError, erasure_list::ErasureList};
use async_recursion::async_recursion as boxed;
use countersign_circuits::{dictionary::Dictionary, hash::Digest32};
use countersign_ledger::{State, TableKey};
use countersign_member::{Connection, Member};
use std::path::Path;

/// How often a hospital's file is waited for, some seconds each: longer than an answer takes.
const TURNS_MAX: u32 = 24;

/// What to do when another process has the hospital's file open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfInUse {
    /// Wait for it, some minutes at most: a node or a command holds it for one piece of work.
    Wait,
    /// Say so.
    Fail,
}

/// A hospital's node.
#[derive(Debug)]
pub struct Hospital {
    /// Its keys.
    pub member: Member,
    store: HospitalStore,
    keys: ProvingKeys,
    erasures: ErasureList,
    /// People who were erased again when it was opened, as its file is of before.
    pub erased_again: usize,
}

/// A dictionary the ledger publishes.
fn dictionary<'a>(state: &'a State, digest: &Digest32) -> Result<&'a Dictionary, HospitalError> {
    state.dictionary(digest).map(|record| record.dictionary()).ok_or(HospitalError::Unknown("dictionary"))
}

impl Hospital {
    /// Opens a hospital's own file; makes it on first use. Whoever was erased since the file was another one (a copy was brought back) is erased again before anything else.
    ///
    /// # Errors
    /// The member is no hospital, its file is damaged, in use, or lost after an anchor, or its list of erasures cannot be read.
    #[boxed]
    pub async fn open(
        connection: &Connection,
        keys: &ProvingKeys,
        member: Member,
        path: &Path,
        if_in_use: IfInUse,
    ) -> Result<Self, HospitalError> {
        let hospitals = connection.hospitals();
        if !hospitals.contains(&member.name) {
            return Err(HospitalError::NoHospital { name: member.name, hospitals });
        }
        let anchored = || {
            let mut tables = connection.state().dictionaries().map(|d| TableKey { hospital: member.id(), table: d.dictionary().digest() });
            tables.any(|table| connection.state().table(&table).is_some())
        };
        if !path.exists() && anchored() {
            return Err(HospitalError::FileLost { path: path.to_owned(), name: member.name });
        }
        let turns = if if_in_use == IfInUse::Wait { TURNS_MAX } else { 1 };
        let (store, erasures) = (open_in_turn(path, turns).await?, ErasureList::new(path, &connection.state().network(), &member));
        let mut hospital = Self { store, member, keys: keys.clone(), erasures, erased_again: 0 };
        hospital.erased_again = hospital.replay_erasures(connection.state()).await?;
        Ok(hospital)
    }

    /// Its own file.
    pub fn hospital_store(&self) -> &HospitalStore {
        &self.store
    }

    /// Closes its file.
    #[boxed]
    pub async fn close(self) {
        self.store.close().await;
    }
}

/// Opens a hospital's file when whoever has it open has closed it.
async fn open_in_turn(path: &Path, turns: u32) -> Result<HospitalStore, HospitalStoreError> {
    for _ in 1..turns {
        match HospitalStore::open(path).await {
            Err(error) if error.is_in_use() => {}
            other => return other,
        }
    }
    HospitalStore::open(path).await
}
