//! The verifying keys of a folder of circuit keys.

use crate::MemberError;
use countersign_circuits::{aggregate::CIRCUIT_VERSION, keys::CircuitName};
use countersign_verifier::{VerifyingKey, VerifyingKeys};
use std::path::{Path, PathBuf};

/// Said wherever development keys are used.
pub const DEVELOPMENT_NOTICE: &str = "DEVELOPMENT KEYS: whoever made them could forge proofs; these proofs convince nobody else";

/// The file of a key; its role is `verifying` or `proving`.
pub fn key_file_name(name: CircuitName, role: &str) -> String {
    format!("{}.{role}.key", name.name())
}

/// A folder with the verifying keys of all circuits.
#[derive(Debug, Clone)]
pub struct VerifyingFolder(PathBuf);

impl VerifyingFolder {
    /// A folder, there or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The cache folder of this user, where development keys are kept: in `$XDG_CACHE_HOME`, or `~/.cache`.
    pub fn of_user() -> Self {
        let var = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let base = var("XDG_CACHE_HOME").or_else(|| var("HOME").map(|h| h.join(".cache"))).unwrap_or_else(std::env::temp_dir);
        Self(base.join("countersign").join(format!("development-keys-v{CIRCUIT_VERSION}")))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The keys.
    ///
    /// # Errors
    /// A file is missing, damaged or for another version.
    pub fn read(&self) -> Result<VerifyingKeys, MemberError> {
        let read = |circuit: CircuitName| -> Result<VerifyingKey, MemberError> {
            let path = self.0.join(key_file_name(circuit, "verifying"));
            let file = std::fs::read(&path).map_err(|source| match source.kind() {
                std::io::ErrorKind::NotFound => MemberError::NoCircuitKeys(self.0.clone()),
                _ => MemberError::Read { path, source },
            })?;
            VerifyingKey::read(circuit, &file).map_err(|source| MemberError::CircuitKeys { circuit, folder: self.0.clone(), source })
        };
        let [a, b, c] = CircuitName::ALL;
        Ok(VerifyingKeys { validity: read(a)?, aggregate_128: read(b)?, aggregate_256: read(c)? })
    }
}
