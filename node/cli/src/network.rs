//! The network as a command sees it: a chain, and the keys of whoever runs the command.

mod consortium;
mod holder;

pub use consortium::{BOARD, DataFolder, NetworkOptions, RESEARCHER, VALIDATOR, registry};
pub use holder::Holder;

use crate::{circuit_keys::KeysFolder, failure::Failure};
use countersign_hospital::{Hospital, HospitalError, IfInUse};
use countersign_member::{Connection, Member};
use countersign_messages::BlockTime;
use std::{
    ops::{Deref, DerefMut},
    time::{SystemTime, UNIX_EPOCH},
};

/// Milliseconds of the clock.
#[allow(clippy::disallowed_methods, reason = "the program's edge is where the clock is read")]
pub fn now() -> BlockTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    BlockTime(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A connection to a chain, with keys of members.
#[derive(Debug)]
pub struct Network {
    holder: Holder,
    connection: Connection,
}

impl Deref for Network {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Network {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Network {
    /// A chain for whoever holds some keys.
    pub fn new(holder: Holder, connection: Connection) -> Self {
        Self { holder, connection }
    }

    /// Whose keys are here.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// A member whose keys are here.
    ///
    /// # Errors
    /// There are no keys of that name.
    pub fn member(&self, name: &str) -> Result<Member, Failure> {
        self.holder.member(name)
    }

    /// A hospital whose keys are here, with its own file.
    ///
    /// # Errors
    /// There are no keys of that name, or [`HospitalError`].
    pub async fn hospital(&self, keys: &KeysFolder, name: &str) -> Result<Hospital, Failure> {
        let if_in_use = match self.holder {
            Holder::Consortium(_) => IfInUse::Fail,
            Holder::Member(_) => IfInUse::Wait,
        };
        let path = self.holder.keeping(name);
        // said before keys are looked for, which only members have
        let hospitals = self.sites();
        if !hospitals.iter().any(|hospital| hospital == name) {
            return Err(HospitalError::NoHospital { name: name.to_owned(), hospitals }.into());
        }
        Ok(Hospital::open(self, keys.proving(), self.member(name)?, &path, if_in_use).await?)
    }

    /// Lets go of the chain.
    ///
    /// # Errors
    /// A snapshot cannot be written; the chain is whole all the same.
    pub async fn close(self) -> Result<(), Failure> {
        Ok(self.connection.close().await?)
    }
}
