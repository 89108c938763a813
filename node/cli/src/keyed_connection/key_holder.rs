//! Whose secret keys are at hand, and where their files are.

use crate::failure::Failure;
use countersign_consortium::{DataFolder, RESEARCHER};
use countersign_member::{Member, MemberFolder};
use std::path::PathBuf;

/// Whose keys are at hand.
#[derive(Debug)]
pub enum KeyHolder {
    /// Everybody's, on a development network.
    Everybody(DataFolder),
    /// One member's.
    Member(Box<MemberFolder>),
}

impl KeyHolder {
    pub(super) fn member(&self, name: &str) -> Result<Member, Failure> {
        match self {
            Self::Everybody(folder) => Ok(folder.member(name)?),
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
            Self::Everybody(_) => self.member(RESEARCHER),
            Self::Member(own) => Ok(own.member.clone()),
        }
    }

    pub(super) fn hospital_store(&self, hospital: &str) -> PathBuf {
        match self {
            Self::Everybody(folder) => folder.hospital_store(hospital),
            Self::Member(own) => own.hospital_store(),
        }
    }
}
