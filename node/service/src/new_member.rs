//! A new member's folder: secret keys, configuration, public card.

use crate::{ServiceError, config::template};
use countersign_member::{Card, Member, is_usable};
use countersign_messages::{MemberId, Role};
use std::{
    io::Write,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// What a new member is to be.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// Its name: letters, digits, - and _.
    pub name: String,
    /// What it does.
    pub roles: Vec<Role>,
    /// Where its node listens; nothing for those that only connect outwards.
    pub listen: Option<SocketAddr>,
    /// Where the others reach it, if that is another `HOST:PORT`.
    pub address: Option<String>,
}

impl NewMember {
    /// The address the others are told.
    fn told(&self) -> Result<Option<String>, ServiceError> {
        match (self.listen, &self.address) {
            (Some(listen), None) if listen.ip().is_unspecified() => Err(ServiceError::Unspecified(listen)),
            (Some(listen), None) => Ok(Some(listen.to_string())),
            (_, address) => Ok(address.clone()),
        }
    }
}

/// What was made.
#[derive(Debug, Clone)]
pub struct MemberFiles {
    /// The member's identity.
    pub member: MemberId,
    /// File of its secret keys.
    pub keys: PathBuf,
    /// Its node's configuration.
    pub config: PathBuf,
    /// Its public card, for the others.
    pub card: PathBuf,
}

/// Makes a member's folder. Nothing is written over.
///
/// # Errors
/// The folder holds keys or a configuration, a name is not usable, a validator could not be reached, or files cannot be written.
pub fn new_member(new: &NewMember, folder: &Path) -> Result<MemberFiles, ServiceError> {
    if !is_usable(&new.name) {
        return Err(ServiceError::Name(new.name.clone()));
    }
    let address = new.told()?;
    if new.roles.contains(&Role::Validator) && address.is_none() {
        return Err(ServiceError::ValidatorListens);
    }
    let (keys, config) = (folder.join("keys.toml"), folder.join("node.toml"));
    if let Some(there) = [&keys, &config].into_iter().find(|p| p.exists()) {
        return Err(ServiceError::There(there.clone()));
    }
    std::fs::create_dir_all(folder).map_err(|source| ServiceError::Write { path: folder.to_owned(), source })?;
    let member = Member::generate(&new.name, &new.roles)?;
    let card = Card::new(&member, address);
    let card_file = folder.join(card.file_name());
    member.save(&keys)?;
    // the configuration may come to hold a database's password
    write_new(&config, &template::text(&new.name, &member.roles, new.listen), 0o600)?;
    write_new(&card_file, &card.to_text(), 0o644)?;
    Ok(MemberFiles { member: member.id(), keys, config, card: card_file })
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), ServiceError> {
    let write = || std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(text.as_bytes());
    write().map_err(|source| ServiceError::Write { path: path.to_owned(), source })
}
