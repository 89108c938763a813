//! Circuit keys made here: whoever makes them could forge proofs, so they are for development networks only.

use crate::ConsortiumError;
use countersign_circuits::keys::CircuitName;
use countersign_member::key_file_name;
use countersign_prover::keys::CircuitKey;
use rand::{SeedableRng, rngs::StdRng};
use rayon::prelude::*;
use std::path::Path;

/// True if a folder holds keys.
pub fn are_there(folder: &Path) -> bool {
    folder.join(key_file_name(CircuitName::Validity, "proving")).is_file()
}

/// Makes the keys of all circuits in a folder, if there are none (some seconds). A folder is complete or absent: it is made elsewhere and renamed.
///
/// # Errors
/// They cannot be made or written, or something else is in the folder's place.
pub fn make_development_keys(folder: &Path) -> Result<(), ConsortiumError> {
    if are_there(folder) {
        return Ok(());
    }
    let cannot = |path: &Path| {
        let path = path.to_owned();
        move |source| ConsortiumError::Make { path, source }
    };
    let parent = folder.parent().ok_or_else(|| ConsortiumError::InTheWay(folder.to_owned()))?;
    std::fs::create_dir_all(parent).map_err(cannot(parent))?;
    let fresh = tempfile::Builder::new().prefix("countersign-keys-").tempdir_in(parent).map_err(cannot(parent))?;
    CircuitName::ALL.into_par_iter().try_for_each(|name| -> Result<(), ConsortiumError> {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|_| ConsortiumError::Entropy)?;
        let key = CircuitKey::generate_development(name, &mut StdRng::from_seed(*seed))?;
        for (role, file) in [("verifying", key.verifying_file()), ("proving", key.proving_file())] {
            let path = fresh.path().join(key_file_name(name, role));
            std::fs::write(&path, file).map_err(cannot(&path))?;
        }
        Ok(())
    })?;
    let fresh = fresh.keep();
    if std::fs::rename(&fresh, folder).is_err() {
        // somebody else was faster, or a file is in the way
        std::fs::remove_dir_all(&fresh).map_err(cannot(&fresh))?;
        if !are_there(folder) {
            return Err(ConsortiumError::InTheWay(folder.to_owned()));
        }
    }
    Ok(())
}
