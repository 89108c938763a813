//! The network as a command sees it: a chain, and the keys of whoever runs the command.

mod key_holder;

pub use key_holder::KeyHolder;

use crate::{failure::Failure, keys_folder::KeysFolder};
use async_recursion::async_recursion as boxed;
use countersign_consortium::{DataFolder, NetworkOptions};
use countersign_hospital::{Hospital, HospitalError, IfInUse};
use countersign_member::{Connection, Member, now};
use std::{
    ops::{Deref, DerefMut},
    path::PathBuf,
};

/// A connection to a chain, with keys of members.
#[derive(Debug)]
pub struct KeyedConnection {
    holder: KeyHolder,
    connection: Connection,
}

impl Deref for KeyedConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for KeyedConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl KeyedConnection {
    /// A chain for whoever holds some keys.
    pub fn new(holder: KeyHolder, connection: Connection) -> Self {
        Self { holder, connection }
    }

    /// Makes a development network in a folder that holds none.
    ///
    /// # Errors
    /// There is one, names are not usable, or files cannot be written.
    #[boxed]
    pub async fn create(folder: DataFolder, keys: &KeysFolder, options: &NetworkOptions) -> Result<Self, Failure> {
        let connection = folder.create(keys.verifying_folder(), options, now).await?;
        Ok(Self::new(KeyHolder::Everybody(folder), connection))
    }

    /// Opens the development network of a folder.
    ///
    /// # Errors
    /// There is none, it is damaged or in use, or its circuit keys are not those of the keys folder.
    #[boxed]
    pub async fn open(folder: DataFolder, keys: &KeysFolder) -> Result<Self, Failure> {
        let connection = folder.open(keys.verifying_folder(), now).await?;
        Ok(Self::new(KeyHolder::Everybody(folder), connection))
    }

    /// Whose keys are here.
    pub fn holder(&self) -> &KeyHolder {
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
    #[boxed]
    pub async fn hospital(&self, keys: &KeysFolder, name: &str) -> Result<Hospital, Failure> {
        let if_in_use = match self.holder {
            KeyHolder::Everybody(_) => IfInUse::Fail,
            KeyHolder::Member(_) => IfInUse::Wait,
        };
        let path = self.holder.hospital_store(name);
        // said before keys are looked for, which only members have
        let hospitals = self.hospitals();
        if !hospitals.iter().any(|hospital| hospital == name) {
            return Err(HospitalError::NoHospital { name: name.to_owned(), hospitals }.into());
        }
        Ok(Hospital::open(self, keys.proving(), self.member(name)?, &path, if_in_use).await?)
    }

    /// A hospital's keys, and where its own file lies.
    ///
    /// # Errors
    /// There are no keys of that name.
    pub fn hospital_file(&self, name: &str) -> Result<(Member, PathBuf), Failure> {
        Ok((self.member(name)?, self.holder.hospital_store(name)))
    }

    /// Lets go of the chain.
    ///
    /// # Errors
    /// A snapshot cannot be written; the chain is whole all the same.
    #[boxed]
    pub async fn close(self) -> Result<(), Failure> {
        Ok(self.connection.close().await?)
    }
}
