//! A hospital: imports, anchors, accepts and answers. Every step is journalled, so that a process killed anywhere goes on or starts over,
//! and neither anchors nor answers twice.

mod accepting;
mod anchoring;
mod answering;
mod importing;
mod judging;
mod on_ledger;
mod padding;
mod source_root;
mod withdrawing;

pub use accepting::ResearchCut;
pub use answering::{Answering, seal_context};
pub use importing::{AnchorReport, Imported, Permissions, Source};

use crate::{
    circuit_keys::KeysFolder,
    failure::Failure,
    member::Member,
    network::{Holder, Network},
};
use anyhow::anyhow;
use countersign_hospital::{Keeping, KeepingError};
use countersign_ledger::TableKey;
use std::path::Path;

/// How often a hospital's file is waited for, some seconds each: longer than an answer takes.
const TURNS_MAX: u32 = 24;

/// A hospital's node.
#[derive(Debug)]
pub struct Site {
    /// Its keys.
    pub member: Member,
    keeping: Keeping,
    keys: KeysFolder,
}

impl Site {
    /// Opens a hospital's own file; makes it on first use.
    ///
    /// # Errors
    /// The site is not a member, or its file is damaged, in use, or lost after an anchor.
    pub async fn open(network: &Network, keys: &KeysFolder, name: &str) -> Result<Self, Failure> {
        if !network.sites().iter().any(|s| s == name) {
            return Err(Failure::Refused(format!(
                "\"{name}\" is no hospital of this network; its hospitals: {}",
                network.sites().join(", ")
            )));
        }
        let (member, path) = (network.member(name)?, network.keeping(name));
        let anchored = || {
            let mut tables = network.state().dictionaries().map(|d| TableKey { hospital: member.id(), table: d.dictionary().digest() });
            tables.any(|table| network.state().table(&table).is_some())
        };
        if !path.exists() && anchored() {
            return Err(anyhow!("{} is gone, but {name} has anchored: restore the hospital's file from its backup", path.display()).into());
        }
        let keeping = match network.holder() {
            Holder::Consortium(_) => Keeping::open(&path).await?,
            Holder::Member(_) => open_in_turn(&path).await?,
        };
        Ok(Self { keeping, member, keys: keys.clone() })
    }

    /// Its own file.
    pub fn keeping(&self) -> &Keeping {
        &self.keeping
    }

    /// Closes its file.
    pub async fn close(self) {
        self.keeping.close().await;
    }
}

/// Opens a hospital's file when the hospital's node or another command has closed it: each holds it for one piece of work.
async fn open_in_turn(path: &Path) -> Result<Keeping, KeepingError> {
    for _ in 1..TURNS_MAX {
        match Keeping::open(path).await {
            Err(KeepingError::Database(error)) if error.to_string().contains("locked") => {}
            Err(KeepingError::Migration(error)) if error.to_string().contains("locked") => {}
            other => return other,
        }
    }
    Keeping::open(path).await
}
