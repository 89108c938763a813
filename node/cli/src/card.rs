//! A member's public card: what the others need to know of it. `init` makes it; `genesis`, `join` and `propose member` read it.

use crate::{
    failure::Failure,
    member::{Member, is_usable, role},
};
use anyhow::{Context, anyhow};
use countersign_circuits::hash::Digest32;
use countersign_ledger::{Member as LedgerMember, MemberId, Name, Role};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a card calls its form.
const SCHEMA: &str = "countersign-member/1";
/// Bytes of a card: names and keys are below 1 KiB.
const CARD_BYTES_MAX: u64 = 16 << 10;
/// Cards a folder may hold: as many as a network has members.
const CARDS_MAX: usize = countersign_ledger::limits::MEMBERS_MAX;

/// A member as the others know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its name.
    pub name: String,
    /// Its roles, ascending.
    pub roles: Vec<Role>,
    /// Its identity.
    pub member: MemberId,
    /// What is sealed to it.
    pub sealing: [u8; 32],
    /// Where its node listens; hospitals and others that only connect outwards have none.
    pub address: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardFile {
    schema: String,
    name: String,
    roles: Vec<String>,
    member: Digest32,
    sealing: Digest32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl Card {
    /// The card of a member.
    pub fn new(member: &Member, address: Option<String>) -> Self {
        Self { name: member.name.clone(), roles: member.roles.clone(), member: member.id(), sealing: member.sealing().public(), address }
    }

    /// Its file's name.
    pub fn file_name(&self) -> String {
        format!("{}.member.json", self.name)
    }

    /// The card as JSON text.
    ///
    /// # Errors
    /// Never in practice: the card is text already.
    pub fn to_text(&self) -> Result<String, Failure> {
        let file = CardFile {
            schema: SCHEMA.into(),
            name: self.name.clone(),
            roles: self.roles.iter().map(ToString::to_string).collect(),
            member: self.member.digest(),
            sealing: Digest32(self.sealing),
            address: self.address.clone(),
        };
        Ok(serde_json::to_string_pretty(&file).context("a card as JSON")? + "\n")
    }

    /// Reads a card.
    ///
    /// # Errors
    /// The file is missing, too long or no card; it says which.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let cannot = || format!("cannot read {}", path.display());
        let length = std::fs::metadata(path).with_context(cannot)?.len();
        if length > CARD_BYTES_MAX {
            return Err(Failure::Refused(format!("{} has {length} bytes and is no member's card", path.display())));
        }
        let text = std::fs::read_to_string(path).with_context(cannot)?;
        Self::parse(&text).map_err(|why| Failure::Refused(format!("{} is no member's card: {why}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: CardFile = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if file.schema != SCHEMA {
            return Err(format!("its schema is \"{}\", not \"{SCHEMA}\"", file.schema));
        }
        if !is_usable(&file.name) {
            return Err("its name is not of 1 to 64 letters, digits, - and _".into());
        }
        let mut roles = file.roles.iter().map(|text| role(text)).collect::<Result<Vec<_>, _>>()?;
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() {
            return Err("it names no role".into());
        }
        // it goes into configuration files
        let plain =
            |address: &String| address.len() <= 256 && address.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]%".contains(&b));
        if !file.address.as_ref().is_none_or(plain) {
            return Err("its address is not HOST:PORT".into());
        }
        Ok(Self { name: file.name, roles, member: MemberId(file.member.0), sealing: file.sealing.0, address: file.address })
    }

    /// All cards of a folder, by file name; none if there is no folder.
    ///
    /// # Errors
    /// One is damaged, or there are too many.
    pub fn all(folder: &Path) -> Result<Vec<Self>, Failure> {
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut paths: Vec<PathBuf> =
            entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
        if paths.len() > CARDS_MAX {
            return Err(anyhow!("{} holds more than {CARDS_MAX} cards", folder.display()).into());
        }
        paths.sort();
        paths.iter().map(|p| Self::load(p)).collect()
    }

    /// The member as the ledger lists it.
    ///
    /// # Errors
    /// The name is none the ledger takes.
    pub fn listed(&self) -> Result<LedgerMember, Failure> {
        let name = Name::new(self.name.clone()).map_err(|e| Failure::Refused(e.to_string()))?;
        Ok(LedgerMember { id: self.member, name, roles: self.roles.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_comes_back_and_says_nothing_secret() {
        let member = Member::generate("valley", &[Role::Validator, Role::Hospital]).unwrap();
        let card = Card::new(&member, Some("valley.example:7479".into()));
        let text = card.to_text().unwrap();
        assert_eq!(Card::parse(&text).unwrap(), card);
        assert!(!text.contains(&hex::encode(member.signing().to_bytes())) && !text.contains(&hex::encode(*member.sealing().to_bytes())));
        assert_eq!(card.listed().unwrap().roles, [Role::Hospital, Role::Validator]);
    }

    #[test]
    fn what_is_no_card_is_refused_in_words() {
        let good = Card::new(&Member::generate("a", &[Role::Board]).unwrap(), None).to_text().unwrap();
        for (from, to, words) in [
            ("countersign-member/1", "countersign-member/2", "schema"),
            ("\"a\"", "\"../a\"", "name"),
            ("board", "king", "no role"),
            ("\"schema\"", "\"address\": \"a:1\\\"\\n[validator]\", \"schema\"", "address"),
            ("\"schema\"", "\"more\": 1, \"schema\"", "unknown field"),
        ] {
            let error = Card::parse(&good.replace(from, to)).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        assert!(Card::parse("").is_err() && Card::parse(&good.replace("board\"", "\"")).is_err());
    }
}
