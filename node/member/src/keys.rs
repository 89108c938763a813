//! A member's keys on disk.

use crate::MemberError;
use countersign_messages::sealed::SealingSecret;
use countersign_messages::{MemberId, Role};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, io::Write, os::unix::fs::PermissionsExt, path::Path};
use zeroize::Zeroizing;

/// A member with its secret keys.
#[derive(Clone)]
pub struct Member {
    /// Its name on the network.
    pub name: String,
    /// What it does, ascending.
    pub roles: Vec<Role>,
    signing: SigningKey,
    sealing: SealingSecret,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Member({}, keys redacted)", self.name)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberFile {
    name: String,
    roles: Vec<String>,
    signing: Zeroizing<String>,
    sealing: Zeroizing<String>,
}

/// A role by its name.
///
/// # Errors
/// There is no such role.
pub fn role(text: &str) -> Result<Role, String> {
    Role::ALL.into_iter().find(|role| role.to_string() == text).ok_or_else(|| {
        let all: Vec<String> = Role::ALL.iter().map(ToString::to_string).collect();
        format!("\"{text}\" is no role; roles are {}", all.join(", "))
    })
}

/// True if a name can be one: it names files, and stands in commands.
pub fn is_usable(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Refuses a file with secrets that others of this machine can read.
///
/// # Errors
/// They can, or the file cannot be looked at.
pub fn refuse_readable(path: &Path) -> Result<(), MemberError> {
    let metadata = std::fs::metadata(path).map_err(|source| MemberError::Read { path: path.to_owned(), source })?;
    if metadata.permissions().mode() & 0o077 == 0 { Ok(()) } else { Err(MemberError::Readable(path.to_owned())) }
}

impl Member {
    /// A member with fresh keys.
    ///
    /// # Errors
    /// No randomness.
    pub fn generate(name: &str, roles: &[Role]) -> Result<Self, MemberError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|_| MemberError::Entropy)?;
        let roles = roles.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        Ok(Self {
            name: name.to_owned(),
            roles,
            signing: SigningKey::from_bytes(&seed),
            sealing: SealingSecret::generate().map_err(|_| MemberError::Entropy)?,
        })
    }

    /// Its identity.
    pub fn id(&self) -> MemberId {
        MemberId(self.signing.verifying_key().to_bytes())
    }

    /// The key it signs with.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The key it opens answers with.
    pub fn sealing(&self) -> &SealingSecret {
        &self.sealing
    }

    /// Writes the keys to a new file that only its owner can read: whole or not at all.
    ///
    /// # Errors
    /// The file exists or cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), MemberError> {
        let file = MemberFile {
            name: self.name.clone(),
            roles: self.roles.iter().map(ToString::to_string).collect(),
            signing: Zeroizing::new(hex::encode(self.signing.to_bytes())),
            sealing: Zeroizing::new(hex::encode(*self.sealing.to_bytes())),
        };
        let text = Zeroizing::new(toml::to_string(&file).map_err(|_| MemberError::Keys(path.to_owned()))?);
        write_secret(path, &text)
    }

    /// Reads a file of keys.
    ///
    /// # Errors
    /// The file is missing or malformed.
    pub fn load(path: &Path) -> Result<Self, MemberError> {
        let text = read_secret(path)?;
        let malformed = || MemberError::Keys(path.to_owned());
        let file: MemberFile = toml::from_str(&text).map_err(|_| malformed())?;
        let key = |text: &str| secret_bytes(text).ok_or_else(malformed);
        let roles = file.roles.iter().map(|text| role(text)).collect::<Result<Vec<_>, _>>().map_err(|_| malformed())?;
        Ok(Self {
            name: file.name,
            roles,
            signing: SigningKey::from_bytes(&*key(&file.signing)?),
            sealing: SealingSecret::from_bytes(&*key(&file.sealing)?),
        })
    }
}

/// Writes secrets to a new file that only its owner can read: whole or not at all.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<(), MemberError> {
    let write = || -> std::io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        // made with mode 600
        let mut out = tempfile::Builder::new().prefix(".keys-").tempfile_in(folder)?;
        out.write_all(text.as_bytes())?;
        out.as_file().sync_all()?;
        out.persist_noclobber(path)?;
        Ok(())
    };
    write().map_err(|source| MemberError::Write { path: path.to_owned(), source })
}

/// Reads a file of secrets that nobody else can read.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<String>, MemberError> {
    refuse_readable(path)?;
    let text = std::fs::read_to_string(path).map_err(|source| MemberError::Read { path: path.to_owned(), source })?;
    Ok(Zeroizing::new(text))
}

/// The 32 bytes of a secret in hexadecimal digits.
pub(crate) fn secret_bytes(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text, &mut *bytes).ok().map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_others_can_read_are_refused_with_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.toml");
        Member::generate("a", &[Role::Board]).and_then(|member| member.save(&path)).expect("saved");
        assert!(Member::load(&path).is_ok());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("a mode");
        let refused = Member::load(&path).expect_err("readable by the group").to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }
}
