//! Adding members to the configuration file, keeping everything a person wrote in it.

use super::Config;
use crate::ServiceError;
use countersign_member::Card;
use std::{io::Write, path::Path};

/// Appends the members among the cards that listen somewhere and are not in the file yet; gives their names.
///
/// # Errors
/// The file cannot be read or written, or it lists its peers in a form nothing can be appended to.
pub fn add(file: &Path, me: &Card, cards: &[Card]) -> Result<Vec<String>, ServiceError> {
    let before = std::fs::read_to_string(file).map_err(|source| ServiceError::Read { path: file.to_owned(), source })?;
    let refused = |fault: &dyn std::fmt::Display| ServiceError::Config { path: file.to_owned(), fault: fault.to_string() };
    let config = Config::parse(&before).map_err(|e| refused(&e))?;
    let known = |card: &&Card| card.member == me.member || config.network.peers.iter().any(|p| p.member == card.member.digest());
    let new: Vec<(&Card, &String)> = cards.iter().filter(|c| !known(c)).filter_map(|c| c.address.as_ref().map(|a| (c, a))).collect();
    let entry = |(card, address): &(&Card, &String)| {
        format!("\n# {}\n[[network.peers]]\nmember = \"{}\"\naddress = \"{address}\"\ntransport = \"auto\"\n", card.name, card.member)
    };
    let added: String = new.iter().map(entry).collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let mut after = before;
    if !after.ends_with('\n') {
        after.push('\n');
    }
    after.push_str(&added);
    if let Err(fault) = Config::parse(&after) {
        let words = format!("{fault}. Write these members into it yourself, in the form it has already:\n{added}");
        return Err(refused(&words));
    }
    let write = || -> std::io::Result<()> {
        let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let mut out = tempfile::Builder::new().prefix(".node-").tempfile_in(folder)?;
        out.write_all(after.as_bytes())?;
        out.as_file().sync_all()?;
        out.as_file().set_permissions(std::fs::metadata(file)?.permissions())?;
        out.persist(file)?;
        Ok(())
    };
    write().map_err(|source| ServiceError::Write { path: file.to_owned(), source })?;
    Ok(new.into_iter().map(|(card, _)| card.name.clone()).collect())
}
