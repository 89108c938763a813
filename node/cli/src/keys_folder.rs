//! The folder of circuit keys this program uses.

use crate::failure::Failure;
use countersign_circuits::keys::KeyOrigin;
use countersign_consortium::{are_there, make_development_keys};
use countersign_hospital::ProvingKeys;
use countersign_member::VerifyingFolder;
use countersign_verifier::VerifyingKeys;
use std::path::{Path, PathBuf};

/// A folder with the keys of all circuits.
#[derive(Debug, Clone)]
pub struct KeysFolder {
    verifying: VerifyingFolder,
    proving: ProvingKeys,
}

impl KeysFolder {
    /// The folder named, or the cache folder of this user.
    pub fn new(named: Option<PathBuf>) -> Self {
        let verifying = named.map_or_else(VerifyingFolder::of_user, VerifyingFolder::new);
        Self { proving: ProvingKeys::new(verifying.path()), verifying }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.verifying.path()
    }

    /// True if keys are there.
    pub fn exists(&self) -> bool {
        are_there(self.path())
    }

    /// Makes development keys if there are none (some seconds).
    ///
    /// # Errors
    /// They cannot be made or written.
    pub fn ensure_development(&self) -> Result<(), Failure> {
        Ok(make_development_keys(self.path())?)
    }

    /// The folder as who verifies reads it.
    pub fn verifying_folder(&self) -> &VerifyingFolder {
        &self.verifying
    }

    /// The verifying keys.
    ///
    /// # Errors
    /// A file is missing, damaged or for another version.
    pub fn verifying(&self) -> Result<VerifyingKeys, Failure> {
        Ok(self.verifying.read()?)
    }

    /// The proving keys.
    pub fn proving(&self) -> &ProvingKeys {
        &self.proving
    }
}

/// Words for an origin.
pub fn origin_words(origin: KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::Development => "development",
        KeyOrigin::Ceremony => "ceremony",
    }
}
