//! A person who signs for an ethics board: their secret key, and the card by which the board admits them.

use crate::{
    MemberError,
    card::read_card,
    keys::{read_secret, secret_bytes, write_secret},
};
use countersign_circuits::{consent::Day, hash::Digest32};
use countersign_messages::{BoardStatement, MemberId, Name, NetworkId, Office, Person, PersonKey, Signature, Signing, name_digest};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use std::path::Path;
use zeroize::Zeroizing;

/// What a card calls its form.
const SCHEMA: &str = "countersign-person/1";

/// A person's secret key, for one board.
#[derive(Clone)]
pub struct PersonSecret {
    /// Their name.
    pub name: Name,
    /// The board they sign for.
    pub board: MemberId,
    salt: [u8; 32],
    signing: SigningKey,
}

impl std::fmt::Debug for PersonSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PersonSecret({}, key redacted)", self.key())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretFile {
    name: String,
    board: Digest32,
    salt: Digest32,
    signing: Zeroizing<String>,
}

impl PersonSecret {
    /// A fresh key of a person for a board.
    ///
    /// # Errors
    /// No randomness.
    pub fn generate(name: Name, board: MemberId) -> Result<Self, MemberError> {
        let (mut seed, mut salt) = (Zeroizing::new([0; 32]), [0; 32]);
        getrandom::fill(&mut *seed).and_then(|()| getrandom::fill(&mut salt)).map_err(|_| MemberError::Entropy)?;
        Ok(Self { name, board, salt, signing: SigningKey::from_bytes(&seed) })
    }

    /// The key they sign with.
    pub fn key(&self) -> PersonKey {
        PersonKey::from(&self.signing.verifying_key())
    }

    /// Signs a statement for the board.
    pub fn sign(&self, network: &NetworkId, day: Day, statement: BoardStatement) -> Signing {
        Signing::sign(&self.signing, network, &self.board, day, statement)
    }

    /// What the board needs to admit them.
    pub fn card(&self) -> PersonCard {
        let possession = PersonKey::prove_possession(&self.signing, &self.board);
        PersonCard { name: self.name.clone(), board: self.board, key: self.key(), salt: self.salt, possession }
    }

    /// Writes the key to a new file that only its owner can read: whole or not at all.
    ///
    /// # Errors
    /// The file exists or cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), MemberError> {
        let file = SecretFile {
            name: self.name.to_string(),
            board: self.board.digest(),
            salt: Digest32(self.salt),
            signing: Zeroizing::new(hex::encode(self.signing.to_bytes())),
        };
        write_secret(path, &Zeroizing::new(toml::to_string(&file).map_err(|_| MemberError::PersonKey(path.to_owned()))?))
    }

    /// Reads a file of a person's key.
    ///
    /// # Errors
    /// The file is missing, malformed, or others can read it.
    pub fn load(path: &Path) -> Result<Self, MemberError> {
        let text = read_secret(path)?;
        let malformed = || MemberError::PersonKey(path.to_owned());
        let file: SecretFile = toml::from_str(&text).map_err(|_| malformed())?;
        let signing = SigningKey::from_bytes(&*secret_bytes(&file.signing).ok_or_else(malformed)?);
        Ok(Self { name: Name::new(file.name).map_err(|_| malformed())?, board: MemberId(file.board.0), salt: file.salt.0, signing })
    }
}

/// A person as their board knows them. The name stands here and in no block: the board keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonCard {
    /// Their name.
    pub name: Name,
    /// The board.
    pub board: MemberId,
    /// Their key.
    pub key: PersonKey,
    salt: [u8; 32],
    possession: Signature,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardFile {
    schema: String,
    name: String,
    board: Digest32,
    key: Digest32,
    salt: Digest32,
    possession: String,
}

impl PersonCard {
    /// The person as the ledger lists them.
    pub fn listed(&self, office: Office, until: Day) -> Person {
        Person { key: self.key, office, until, name: name_digest(&self.salt, &self.name), possession: self.possession }
    }

    /// The card as JSON text.
    fn to_text(&self) -> String {
        let file = CardFile {
            schema: SCHEMA.into(),
            name: self.name.to_string(),
            board: self.board.digest(),
            key: Digest32(self.key.0),
            salt: Digest32(self.salt),
            possession: hex::encode(self.possession.0),
        };
        serde_json::to_string_pretty(&file).expect("texts are JSON") + "\n"
    }

    /// Writes the card to a new file that only its owner can read, for it holds a name: whole or not at all.
    ///
    /// # Errors
    /// The file exists or cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), MemberError> {
        write_secret(path, &self.to_text())
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
            return Err(format!("its schema is \"{}\", not \"{SCHEMA}\"", file.schema));
        }
        let mut possession = [0; 64];
        hex::decode_to_slice(&file.possession, &mut possession).map_err(|_| "its signature is not 128 hexadecimal digits")?;
        let (board, key) = (MemberId(file.board.0), PersonKey(file.key.0));
        let name = Name::new(file.name).map_err(|e| e.to_string())?;
        let card = Self { name, board, key, salt: file.salt.0, possession: Signature(possession) };
        let holds = card.listed(Office::Assessor, Day(0)).possession_holds(&board);
        if holds { Ok(card) } else { Err("its key has not signed for this board; ask the person for it again".into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn person() -> PersonSecret {
        PersonSecret::generate(Name::new("Jane Doe").unwrap(), MemberId([7; 32])).unwrap()
    }

    #[test]
    fn a_key_comes_back_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, made) = (folder.path().join("jane.toml"), person());
        made.save(&path).unwrap();
        assert!(made.save(&path).is_err(), "never replaced");
        let read = PersonSecret::load(&path).unwrap();
        assert_eq!((read.key(), read.card()), (made.key(), made.card()));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(PersonSecret::load(&path).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn a_card_comes_back_says_nothing_secret_and_is_of_one_board() {
        let person = person();
        let text = person.card().to_text();
        assert_eq!(PersonCard::parse(&text).unwrap(), person.card());
        assert!(!text.contains(&hex::encode(person.signing.to_bytes())));
        let other = text.replace(&MemberId([7; 32]).to_string(), &MemberId([8; 32]).to_string());
        assert!(PersonCard::parse(&other).unwrap_err().contains("has not signed"));
        assert!(PersonCard::parse(&text.replace("person/1", "person/9")).unwrap_err().contains("schema"));
        assert!(PersonCard::parse("").is_err());
    }

    #[test]
    fn the_ledger_has_a_name_only_whoever_knows_the_salt_can_check() {
        let (one, other) = (person(), person());
        let listed = |person: &PersonSecret| person.card().listed(Office::Chair, Day(1)).name;
        assert_ne!(listed(&one), listed(&other), "two persons of one name");
        assert_eq!(listed(&one), name_digest(&one.salt, &one.name));
    }
}
