//! A member's own folder.
//!
//! ```text
//! FOLDER/node.toml             the node's configuration
//! FOLDER/keys.toml             the member's secret keys, mode 600
//! FOLDER/chain.sqlite          the chain, unless the configuration names another place
//! FOLDER/wal                   a validator's write-ahead log
//! FOLDER/keeping.sqlite        a hospital's own keeping, mode 600
//! FOLDER/kept/                 work that is not done again; may be deleted
//! FOLDER/gateway.address       where the running node's gateway listens
//! ```

use crate::Member;
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

    /// A hospital's own file.
    pub fn hospital_store(&self) -> PathBuf {
        self.path.join("keeping.sqlite")
    }
}
