//! The folder of circuit keys.
//!
//! Development keys are made once and kept in a cache folder; a folder is complete or absent (it is made elsewhere and renamed).

use crate::failure::Failure;
use anyhow::{Context, anyhow};
use countersign_circuits::keys::{CircuitName, KeyOrigin};
use countersign_hospital::ProvingKeys;
use countersign_member::{VerifyingFolder, key_file_name};
use countersign_prover::keys::CircuitKey;
use countersign_verifier::VerifyingKeys;
use rand::{SeedableRng, rngs::StdRng};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Said on every screen on which development keys are used.
pub const DEVELOPMENT_NOTICE: &str = "DEVELOPMENT KEYS: whoever made them could forge proofs; these proofs convince nobody else";

/// A folder with the keys of all circuits.
#[derive(Debug, Clone)]
pub struct KeysFolder {
    path: PathBuf,
    proving: ProvingKeys,
}

impl KeysFolder {
    /// The folder named, or the cache folder of this user (`COUNTERSIGN_KEYS`, else `$XDG_CACHE_HOME` or `~/.cache`).
    pub fn new(named: Option<PathBuf>) -> Self {
        let cache = || {
            let var = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
            let base = var("XDG_CACHE_HOME").or_else(|| var("HOME").map(|h| h.join(".cache"))).unwrap_or_else(std::env::temp_dir);
            base.join("countersign").join(format!("development-keys-v{}", countersign_circuits::aggregate::CIRCUIT_VERSION))
        };
        let path = named.unwrap_or_else(cache);
        Self { proving: ProvingKeys::new(&path), path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True if keys are there.
    pub fn exists(&self) -> bool {
        self.path.join(key_file_name(CircuitName::Validity, "proving")).is_file()
    }

    /// Makes development keys if there are none (some seconds).
    ///
    /// # Errors
    /// They cannot be made or written.
    pub fn ensure_development(&self) -> Result<(), Failure> {
        if self.exists() {
            return Ok(());
        }
        let parent = self.path.parent().ok_or_else(|| anyhow!("{} is not a place for keys", self.path.display()))?;
        std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        let fresh = tempfile::Builder::new().prefix("countersign-keys-").tempdir_in(parent).context("cannot make a folder for keys")?;
        CircuitName::ALL.into_par_iter().try_for_each(|name| -> Result<(), Failure> {
            let mut seed = zeroize::Zeroizing::new([0; 32]);
            getrandom::fill(&mut *seed).map_err(|e| anyhow!("no randomness: {e}"))?;
            let key = CircuitKey::generate_development(name, &mut StdRng::from_seed(*seed))?;
            std::fs::write(fresh.path().join(key_file_name(name, "verifying")), key.verifying_file())?;
            std::fs::write(fresh.path().join(key_file_name(name, "proving")), key.proving_file())?;
            Ok(())
        })?;
        let fresh = fresh.keep();
        if std::fs::rename(&fresh, &self.path).is_err() {
            // somebody else was faster, or a file is in the way
            std::fs::remove_dir_all(&fresh)?;
            if !self.exists() {
                return Err(
                    anyhow!("{} is in the way: it holds no circuit keys. Remove it or name another folder", self.path.display()).into()
                );
            }
        }
        Ok(())
    }

    /// The verifying keys.
    ///
    /// # Errors
    /// A file is missing, damaged or for another version.
    pub fn verifying(&self) -> Result<VerifyingKeys, Failure> {
        let hint = "make keys with `countersign keys generate`";
        Ok(VerifyingFolder::new(&self.path).read().context(hint)?)
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
