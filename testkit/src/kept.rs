//! Keys kept between processes: each is a file in the folder that `COUNTERSIGN_TESTKIT_KEYS` names, under the name of its circuit and a hash of the
//! circuit's constraints, so that a changed circuit has another key. Without the variable nothing is kept.

use countersign_circuits::keys::CircuitName;
use countersign_prover::keys::{CircuitKey, matrices};
use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
};

/// The key that is kept of a circuit, or the one made now, which is kept then.
pub(crate) fn key(name: CircuitName, make: impl FnOnce() -> CircuitKey) -> CircuitKey {
    let Some(path) = path(name) else { return make() };
    if let Some(key) = fs::read(&path).ok().and_then(|file| CircuitKey::read(name, &file).ok()) {
        return key;
    }
    let key = make();
    // whole or not at all: another process may be at it
    let half = path.with_extension(std::process::id().to_string());
    fs::write(&half, key.proving_file()).unwrap();
    fs::rename(half, path).unwrap();
    key
}

fn path(name: CircuitName) -> Option<PathBuf> {
    let folder = PathBuf::from(env::var_os("COUNTERSIGN_TESTKIT_KEYS")?);
    fs::create_dir_all(&folder).unwrap();
    let (matrices, constraints, inputs) = matrices(name).unwrap();
    let mut hash = DefaultHasher::new();
    (matrices, constraints, inputs).hash(&mut hash);
    Some(folder.join(format!("{}-{:016x}.key", name.name(), hash.finish())))
}
