//! The proving keys of a folder of circuit keys.

use super::HospitalError;
use countersign_circuits::keys::CircuitName;
use countersign_member::{MemberError, key_file_name};
use countersign_prover::keys::CircuitKey;
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

/// A folder with the proving keys of all circuits.
#[derive(Debug, Clone)]
pub struct ProvingKeys {
    folder: PathBuf,
    /// Read so far: reading one takes as long as a tenth of a proof.
    read: Arc<Mutex<HashMap<CircuitName, Arc<CircuitKey>>>>,
}

impl ProvingKeys {
    /// A folder, there or not.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), read: Arc::default() }
    }

    /// A proving key, read once a process.
    ///
    /// # Errors
    /// The file is missing, damaged or for another version.
    pub fn key(&self, circuit: CircuitName) -> Result<Arc<CircuitKey>, HospitalError> {
        let mut kept = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = kept.get(&circuit) {
            return Ok(Arc::clone(key));
        }
        let path = self.folder.join(key_file_name(circuit, "proving"));
        let file = std::fs::read(&path).map_err(|source| MemberError::Read { path, source })?;
        let key = CircuitKey::read(circuit, &file).map_err(|source| HospitalError::ProvingKey {
            circuit,
            folder: self.folder.clone(),
            source,
        })?;
        let key = Arc::new(key);
        kept.insert(circuit, Arc::clone(&key));
        Ok(key)
    }
}
