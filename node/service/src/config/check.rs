//! Reading a configuration, with file, line and key in what is refused.

use super::{Config, PaceSection};
use countersign_member::is_usable;
use std::{fmt, ops::RangeInclusive};

/// Times of a pace: a network slower than an hour a step is a mistake in the unit.
const MS: RangeInclusive<u64> = 1..=3_600_000;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// The line, from 1; 0 if it is none.
    pub line: usize,
    /// The key, if one is to blame.
    pub key: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.line)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.reason)
    }
}

impl Config {
    /// Reads the text of a configuration and checks what types do not say.
    ///
    /// # Errors
    /// The text is no configuration; the message says where and how.
    pub fn parse(text: &str) -> Result<Self, ConfigFault> {
        let config: Self = toml::from_str(text).map_err(|e| malformed(text, &e))?;
        if !is_usable(&config.name) {
            return Err(fault(text, "name", "a name has 1 to 64 letters, digits, - and _"));
        }
        if config.validator.enabled && config.network.listen.is_none() {
            return Err(fault(text, "enabled", "a validator listens for the others: set network.listen"));
        }
        for peer in &config.network.peers {
            let port = peer.address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none_or(|p| p == 0) {
                return Err(fault(text, "address", format!("\"{}\" is not HOST:PORT", peer.address)));
            }
        }
        let PaceSection { block_min_ms, idle_ms, propose_ms, vote_ms, delta_ms } = config.validator.pace;
        let paces = [
            ("idle_ms", idle_ms),
            ("propose_ms", propose_ms),
            ("vote_ms", vote_ms),
            ("delta_ms", delta_ms),
            ("block_min_ms", block_min_ms.max(1)),
        ];
        if let Some((key, found)) = paces.into_iter().find(|(_, ms)| !MS.contains(ms)) {
            return Err(fault(text, key, format!("{found} is not from {} to {} milliseconds", MS.start(), MS.end())));
        }
        if let Some(storage) = &config.storage
            && let Err(error) = storage.0.parse::<countersign_store::StoreUrl>()
        {
            return Err(fault(text, "storage", error));
        }
        Ok(config)
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

/// The key of a line `key = value`, with the table it stands in.
fn key_of(text: &str, line: usize) -> Option<String> {
    let key = text.lines().nth(line.checked_sub(1)?)?.split_once('=')?.0.trim();
    let table = text.lines().take(line).filter_map(|l| l.trim().strip_prefix('[')).last();
    let table = table.and_then(|t| t.trim_start_matches('[').split(']').next());
    Some(table.map_or_else(|| key.to_owned(), |table| format!("{table}.{key}")))
}

fn malformed(text: &str, error: &toml::de::Error) -> ConfigFault {
    let line = error.span().map_or(0, |span| line_of(text, span.start));
    // only the first line: what follows could repeat the file's text, and a URL may hold a password
    let reason = error.message().lines().next().unwrap_or_default().to_owned();
    ConfigFault { line, key: key_of(text, line), reason }
}

fn fault(text: &str, key: &str, reason: impl fmt::Display) -> ConfigFault {
    let names = |line: &&str| line.split_once('=').is_some_and(|(k, _)| k.trim().rsplit('.').next() == Some(key));
    let line = text.lines().position(|l| names(&l)).map_or(0, |i| i + 1);
    ConfigFault { line, key: key_of(text, line).or_else(|| Some(key.to_owned())), reason: reason.to_string() }
}
