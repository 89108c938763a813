//! Whose secret keys are at hand, and where their files are.
//!
//! ```text
//! FOLDER/node.toml             the node's configuration
//! FOLDER/keys.toml             the member's secret keys, mode 600
//! FOLDER/chain.sqlite          the chain, unless the configuration names another place
//! FOLDER/wal                   a validator's write-ahead log
//! FOLDER/keeping.sqlite        a hospital's own keeping, mode 600
//! FOLDER/gateway.address       where the running node's gateway listens
//! ```

use super::consortium::{DataFolder, RESEARCHER};
use crate::{failure::Failure, member::Member};
use std::path::{Path, PathBuf};

/// A member's own folder with its keys.
#[derive(Debug, Clone)]
pub struct MemberFolder {
    /// The member.
    pub member: Member,
    path: PathBuf,
}

impl MemberFolder {
    /// The folder of a member.
    pub fn new(member: Member, path: impl Into<PathBuf>) -> Self {
        Self { member, path: path.into() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Whose keys are at hand.
#[derive(Debug)]
pub enum Holder {
    /// Everybody's, on a development network.
    Consortium(DataFolder),
    /// One member's.
    Member(Box<MemberFolder>),
}

impl Holder {
    pub(super) fn member(&self, name: &str) -> Result<Member, Failure> {
        match self {
            Self::Consortium(folder) => Member::load(&folder.member(name)),
            Self::Member(own) if own.member.name == name => Ok(own.member.clone()),
            Self::Member(own) => {
                Err(Failure::Refused(format!("these are the keys of \"{}\"; only \"{name}\" itself can do this", own.member.name)))
            }
        }
    }

    /// Who reads answers here: the researcher of a development network, or the member itself.
    ///
    /// # Errors
    /// There are no such keys.
    pub fn reader(&self) -> Result<Member, Failure> {
        match self {
            Self::Consortium(_) => self.member(RESEARCHER),
            Self::Member(own) => Ok(own.member.clone()),
        }
    }

    pub(super) fn keeping(&self, site: &str) -> PathBuf {
        match self {
            Self::Consortium(folder) => folder.keeping(site),
            Self::Member(own) => own.path.join("keeping.sqlite"),
        }
    }
}
