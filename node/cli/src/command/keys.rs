//! `countersign keys`: make and show circuit keys.

use super::{Session, noticed};
use crate::{failure::Failure, keys_folder::origin_words};
use clap::Subcommand;
use serde_json::json;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make development keys if there are none
    Generate,
    /// Say which keys are there
    Show,
}

/// Runs it.
///
/// # Errors
/// Keys are missing, damaged or cannot be made.
pub fn run(session: &Session, command: &KeysCommand) -> Result<(), Failure> {
    if matches!(command, KeysCommand::Generate) {
        session.ensure_keys()?;
    }
    let keys = session.keys.verifying()?;
    let listed = [("s1-validity", &keys.validity), ("s2-aggregate-128", &keys.aggregate_128), ("s2-aggregate-256", &keys.aggregate_256)];
    let text = || {
        let mut lines = vec![format!("keys in {}", session.keys.path().display())];
        lines.extend(listed.iter().map(|(name, key)| format!("{name:18} {:12} {}", origin_words(key.origin()), key.digest())));
        lines.push(format!("all together       {}", keys.digest()));
        noticed(lines.join("\n"), keys.development())
    };
    let value = || {
        let circuits: Vec<_> = listed
            .iter()
            .map(|(name, key)| json!({ "circuit": name, "origin": origin_words(key.origin()), "digest": key.digest() }))
            .collect();
        json!({ "folder": session.keys.path(), "circuits": circuits, "digest": keys.digest(), "development": keys.development() })
    };
    session.screen.result(text, value);
    Ok(())
}
