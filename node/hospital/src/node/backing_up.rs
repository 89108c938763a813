//! Backups: the key they are sealed to, and making one.

use super::{Hospital, HospitalError};
use crate::{
    HospitalStore,
    backup::{self, BackupError, BackupHead, BackupMade},
    erasure_list::ErasureList,
};
use async_recursion::async_recursion as boxed;
use countersign_member::{Connection, Member, now};
use countersign_messages::{Name, sealed::SealingSecret};
use std::path::Path;

impl Hospital {
    /// Makes a key that backups can be sealed to, for a sheet of paper. Nothing is sealed to it before [`Self::use_backup_key`]: until then it may be lost.
    ///
    /// # Errors
    /// There is one and `replace` is false, or there is no entropy.
    #[boxed]
    pub async fn make_backup_key(&self, replace: bool) -> Result<SealingSecret, HospitalError> {
        if !replace && self.store.backup_key().await?.is_some() {
            return Err(BackupError::KeyThere.into());
        }
        Ok(SealingSecret::generate()?)
    }

    /// Seals backups to a key from now on. Its secret half is kept nowhere: it must be on its sheet by now.
    ///
    /// # Errors
    /// The file refuses.
    #[boxed]
    pub async fn use_backup_key(&self, public: &[u8; 32]) -> Result<(), HospitalError> {
        Ok(self.store.set_backup_key(public).await?)
    }

    /// Writes a sealed copy of the hospital's file, as of the ledger's last block, into a folder.
    ///
    /// # Errors
    /// There is no key yet, or the disk refuses; nothing half-made is left.
    #[boxed]
    pub async fn back_up(&self, connection: &mut Connection, folder: &Path) -> Result<BackupMade, HospitalError> {
        connection.refresh().await?;
        let key = self.store.backup_key().await?.ok_or(BackupError::NoKey)?;
        let name = Name::new(self.member.name.clone()).map_err(|_| HospitalError::Unknown("hospital"))?;
        let (network, height) = (connection.state().network(), connection.state().tip().height);
        let head = BackupHead { network, hospital: self.member.id(), name, made: now(), height };
        Ok(backup::create(&self.store, head, &key, folder).await?)
    }

    /// Leaves a copy of the list of erasures beside backups.
    ///
    /// # Errors
    /// A copy there says more than the list does, or the disk refuses.
    pub fn copy_erasures(&self, folder: &Path) -> Result<(), HospitalError> {
        let (name, id) = (&self.member.name, self.member.id().digest().short());
        Ok(self.erasures.copy_to(folder, &format!("{name}-{id}"))?)
    }

    /// Begins a new list of erasures for a hospital's file whose list is lost for good: backups of before may then bring erased people back.
    ///
    /// # Errors
    /// The file is not there, damaged or in use, or there is a list.
    #[boxed]
    pub async fn begin_erasure_list(connection: &Connection, member: &Member, path: &Path) -> Result<(), HospitalError> {
        let list = ErasureList::new(path, &connection.state().network(), member);
        if list.path().exists() {
            return Err(BackupError::There(list.path().to_owned()).into());
        }
        if !path.exists() {
            return Err(HospitalError::FileLost { path: path.to_owned(), name: member.name.clone() });
        }
        let store = HospitalStore::open(path).await?;
        let done = store.took_erasure_list(None).await;
        store.close().await;
        Ok(done?)
    }
}
