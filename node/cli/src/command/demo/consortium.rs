//! The organisations of the demo.

use crate::{
    failure::Failure,
    keyed_connection::{KeyHolder, KeyedConnection},
    keys_folder::KeysFolder,
};
use anyhow::anyhow;
use countersign_consortium::{BoardPersons, Founding, usual_registry};
use countersign_ledger::{CachingChecker, KeyedChecker, ProofChecker};
use countersign_member::{Member, PersonSecret, now};
use countersign_messages::{Height, Member as Listed, Role, Rules};
use countersign_service::{Part, Rehearsal};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The validators: any three of them decide a block.
pub(super) const VALIDATORS: [&str; 4] = ["verifier-1", "verifier-2", "verifier-3", "verifier-4"];
/// The ethics board, which runs the observer.
pub(super) const BOARD: &str = "ethics-board";
/// Has no node: its transactions go through the first validator's.
pub(super) const RESEARCHER: &str = "researcher";

/// All of them.
pub(super) struct Consortium {
    rehearsal: Rehearsal,
    /// Who signs for the ethics board: the chair and the secretary, each with a key of their own.
    pub(super) persons: [PersonSecret; 2],
}

impl Consortium {
    /// Makes everybody's keys and the genesis, and starts every node.
    pub(super) async fn start(
        folder: &Path,
        keys: &KeysFolder,
        hospitals: &[String],
        categories: &BTreeSet<String>,
    ) -> Result<Self, Failure> {
        let part = |name: &str, roles: &[Role], node| Part { name: name.to_owned(), roles: roles.to_vec(), node };
        let mut parts: Vec<Part> = VALIDATORS.iter().map(|name| part(name, &[Role::Validator, Role::Governance], true)).collect();
        parts.extend(hospitals.iter().map(|name| part(name, &[Role::Hospital], true)));
        parts.extend([part(BOARD, &[Role::Board], true), part(RESEARCHER, &[Role::Researcher], false)]);
        let time = now();
        let registry = usual_registry(categories, time.day())?;
        let mut made = None;
        let founded = |members: Vec<Listed>| -> Result<_, Failure> {
            let board = members.iter().find(|m| m.has_role(Role::Board)).map(|m| m.id).ok_or_else(|| anyhow!("no ethics board"))?;
            let BoardPersons { secrets, listed: persons } = BoardPersons::generate(board, ["Dr Okafor", "Ms Lindgren"], time.day())?;
            made = Some(secrets);
            let founding = Founding { name: "demo".into(), development: true, time, members, persons, registry, rules: Rules::standard() };
            Ok(founding.genesis(keys.verifying()?)?)
        };
        let checker = |_: &Part| -> Result<Arc<dyn ProofChecker>, Failure> {
            Ok(Arc::new(CachingChecker::new(KeyedChecker::new(keys.verifying()?))))
        };
        let rehearsal = Rehearsal::start(folder, &parts, founded, checker).await?;
        Ok(Self { rehearsal, persons: made.ok_or_else(|| anyhow!("nobody signs for the ethics board"))? })
    }

    /// Starts a node again.
    pub(super) async fn launch(&mut self, name: &str) -> Result<(), Failure> {
        Ok(self.rehearsal.launch(name).await?)
    }

    /// Stops a node.
    pub(super) async fn stop(&mut self, name: &str) {
        self.rehearsal.stop(name).await;
    }

    /// Stops all nodes.
    pub(super) async fn stop_all(&mut self) {
        self.rehearsal.stop_all().await;
    }

    /// The network as a member sees it: through its own node, or the first validator's.
    pub(super) fn network(&self, name: &str) -> Result<KeyedConnection, Failure> {
        let holder = KeyHolder::Member(Box::new(self.rehearsal.folder(name)?));
        Ok(KeyedConnection::new(holder, self.rehearsal.connection(name)?))
    }

    /// A member with its keys.
    pub(super) fn member(&self, name: &str) -> Result<&Member, Failure> {
        Ok(self.rehearsal.member(name)?)
    }

    /// The height of a node.
    pub(super) fn height(&self, name: &str) -> Result<Height, Failure> {
        let node = self.rehearsal.node(name)?.ok_or_else(|| anyhow!("{name}'s node does not run"))?;
        Ok(node.state().tip().height)
    }

    /// A member's chain on disk.
    pub(super) fn chain_file(&self, name: &str) -> Result<PathBuf, Failure> {
        Ok(self.rehearsal.chain_file(name)?)
    }
}
