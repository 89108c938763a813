//! A member's public card: what the others need to know of it. `init` makes it; `genesis`, `join` and `propose member` read it.

use crate::{
    MemberError,
    keys::{Member, is_usable, role},
};
use countersign_circuits::{hash::Digest32, tag};
use countersign_messages::{Member as LedgerMember, MemberId, Name, NameError, Role};
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a card calls its form.
const SCHEMA: &str = "countersign-member/2";
/// Bytes of a card: names and keys are below 1 KiB.
const CARD_BYTES_MAX: u64 = 16 << 10;

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
    /// The member's own, over all of the above: whoever carries the card can change nothing of it.
    signature: [u8; 64],
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
    signature: String,
}

impl Card {
    /// The card of a member.
    pub fn new(member: &Member, address: Option<String>) -> Self {
        let (name, roles, sealing) = (member.name.clone(), member.roles.clone(), member.sealing().public());
        let unsigned = Self { name, roles, member: member.id(), sealing, address, signature: [0; 64] };
        let signature = member.signing().sign(&unsigned.message().0).to_bytes();
        Self { signature, ..unsigned }
    }

    /// What is signed.
    fn message(&self) -> Digest32 {
        let roles: Vec<String> = self.roles.iter().map(ToString::to_string).collect();
        let address = self.address.as_deref().unwrap_or_default();
        // no part can hold a line break
        let text = [&self.name, roles.join(" ").as_str(), &self.member.to_string(), &hex::encode(self.sealing), address].join("\n");
        Digest32::tagged(tag::MEMBER_CARD, [text.as_bytes()])
    }

    fn is_signed(&self) -> bool {
        let signature = Signature::from_bytes(&self.signature);
        VerifyingKey::from_bytes(&self.member.0).is_ok_and(|key| key.verify_strict(&self.message().0, &signature).is_ok())
    }

    /// Its file's name.
    pub fn file_name(&self) -> String {
        format!("{}.member.json", self.name)
    }

    /// The card as JSON text.
    ///
    /// # Panics
    /// Never: the card is text already.
    pub fn to_text(&self) -> String {
        let file = CardFile {
            schema: SCHEMA.into(),
            name: self.name.clone(),
            roles: self.roles.iter().map(ToString::to_string).collect(),
            member: self.member.digest(),
            sealing: Digest32(self.sealing),
            address: self.address.clone(),
            signature: hex::encode(self.signature),
        };
        serde_json::to_string_pretty(&file).expect("texts and lists of texts are JSON") + "\n"
    }

    /// Reads a card.
    ///
    /// # Errors
    /// The file is missing, too long or no card; it says which.
    pub fn load(path: &Path) -> Result<Self, MemberError> {
        read_card(path, Self::parse)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: CardFile = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if file.schema != SCHEMA {
            return Err(format!("its schema is \"{}\", not \"{SCHEMA}\": have the member make it again", file.schema));
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
        let mut signature = [0; 64];
        hex::decode_to_slice(&file.signature, &mut signature).map_err(|_| "its signature is not 128 hexadecimal digits")?;
        let member = MemberId(file.member.0);
        let card = Self { name: file.name, roles, member, sealing: file.sealing.0, address: file.address, signature };
        if card.is_signed() { Ok(card) } else { Err("it was changed after the member signed it; ask the member for it again".into()) }
    }

    /// The member as the ledger lists it.
    ///
    /// # Errors
    /// The name is none the ledger takes.
    pub fn listed(&self) -> Result<LedgerMember, NameError> {
        let name = Name::new(self.name.clone())?;
        Ok(LedgerMember { id: self.member, name, roles: self.roles.clone(), sealing: self.sealing })
    }
}

/// Reads a card of whatever kind: a small text file that parses.
pub(crate) fn read_card<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, MemberError> {
    let cannot = |source| MemberError::Read { path: path.to_owned(), source };
    let no_card = |why| MemberError::Card { path: path.to_owned(), why };
    let length = std::fs::metadata(path).map_err(cannot)?.len();
    if length > CARD_BYTES_MAX {
        return Err(no_card(format!("it has {length} bytes")));
    }
    parse(&std::fs::read_to_string(path).map_err(cannot)?).map_err(no_card)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_comes_back_and_says_nothing_secret() {
        let member = Member::generate("valley", &[Role::Validator, Role::Hospital]).unwrap();
        let card = Card::new(&member, Some("valley.example:7479".into()));
        let text = card.to_text();
        assert_eq!(Card::parse(&text).unwrap(), card);
        assert!(!text.contains(&hex::encode(member.signing().to_bytes())) && !text.contains(&hex::encode(*member.sealing().to_bytes())));
        assert_eq!(card.listed().unwrap().roles, [Role::Hospital, Role::Validator]);
    }

    /// Whoever carries a card could put another key for what is sealed, another role or another address into it.
    #[test]
    fn a_card_that_its_carrier_changed_is_refused() {
        let (member, other) = (Member::generate("a", &[Role::Board]).unwrap(), Member::generate("a", &[Role::Board]).unwrap());
        let text = Card::new(&member, Some("a.example:1".into())).to_text();
        let key = |m: &Member| hex::encode(m.sealing().public());
        for (from, to) in [
            (key(&member), key(&other)),
            ("\"board\"".into(), "\"governance\"".into()),
            ("a.example".into(), "b.example".into()),
            (member.id().to_string(), other.id().to_string()),
        ] {
            let changed = text.replace(&from, &to);
            assert_ne!(changed, text);
            assert!(Card::parse(&changed).unwrap_err().contains("changed after"), "{from}");
        }
    }

    #[test]
    fn what_is_no_card_is_refused_in_words() {
        let good = Card::new(&Member::generate("a", &[Role::Board]).unwrap(), None).to_text();
        for (from, to, words) in [
            ("countersign-member/2", "countersign-member/1", "schema"),
            ("\"a\"", "\"b\"", "changed after"),
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
