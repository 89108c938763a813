//! From TOML to canonical JSON, and strict reading of what came out (design: product, section 2.1).

use countersign_circuits::dictionary::{CanonicalError, canonical_json};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Largest dictionary, mapping or policy file, in bytes: people write these.
pub(crate) const FORM_BYTES_MAX: usize = 1 << 20;

/// Why a form cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Longer than anything a person writes.
    #[error("longer than {FORM_BYTES_MAX} bytes")]
    TooLong,
    /// Not TOML.
    #[error("not TOML: {0}")]
    Toml(String),
    /// A TOML date; the format writes dates as texts.
    #[error("`{0}` is a TOML date; write dates as texts, like \"2019-01-01\"")]
    Date(String),
    /// A binary floating-point number.
    #[error("{0}")]
    Canonical(#[from] CanonicalError),
    /// An unknown key, a missing key or a key of another type.
    #[error("{place}: {problem}")]
    Key {
        /// Where in the form.
        place: String,
        /// What is wrong; names the key.
        problem: String,
    },
}

/// Reads TOML as a JSON value and its canonical bytes.
pub(crate) fn from_toml(text: &str) -> Result<(Value, Vec<u8>), FormError> {
    if text.len() > FORM_BYTES_MAX {
        return Err(FormError::TooLong);
    }
    let table: toml::Table = toml::from_str(text).map_err(|e| FormError::Toml(e.to_string()))?;
    let value = convert(toml::Value::Table(table), "")?;
    let bytes = canonical_json(&value)?;
    Ok((value, bytes))
}

fn convert(value: toml::Value, place: &str) -> Result<Value, FormError> {
    Ok(match value {
        toml::Value::String(s) => Value::String(s),
        toml::Value::Integer(n) => Value::from(n),
        toml::Value::Float(_) => return Err(CanonicalError::Float(place.to_owned()).into()),
        toml::Value::Boolean(b) => Value::Bool(b),
        toml::Value::Datetime(_) => return Err(FormError::Date(place.to_owned())),
        toml::Value::Array(list) => Value::Array(list.into_iter().map(|v| convert(v, place)).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => {
            let entry = |(k, v): (String, toml::Value)| {
                let inner = if place.is_empty() { k.clone() } else { format!("{place}.{k}") };
                Ok::<_, FormError>((k, convert(v, &inner)?))
            };
            Value::Object(table.into_iter().map(entry).collect::<Result<_, _>>()?)
        }
    })
}

/// Reads a value into a type that refuses unknown keys; the error names the place and the key.
pub(crate) fn strict<T: DeserializeOwned>(value: &Value, place: &str) -> Result<T, FormError> {
    T::deserialize(value).map_err(|e| FormError::Key { place: place.to_owned(), problem: e.to_string() })
}

/// A problem at a place of a form.
pub(crate) fn key_error(place: impl Into<String>, problem: impl Into<String>) -> FormError {
    FormError::Key { place: place.into(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_bytes_have_sorted_keys_and_no_space() {
        let (_, bytes) = from_toml("b = 1\na = { d = \"é\", c = [true, \"0.1\"] }").unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "{\"a\":{\"c\":[true,\"0.1\"],\"d\":\"é\"},\"b\":1}");
    }

    #[test]
    fn floats_dates_and_faults_are_refused() {
        assert!(from_toml("a = { b = 0.1 }").unwrap_err().to_string().contains("a.b"));
        assert!(matches!(from_toml("a = 2019-01-01"), Err(FormError::Date(k)) if k == "a"));
        assert!(matches!(from_toml("a = "), Err(FormError::Toml(m)) if m.contains("line 1")));
        assert_eq!(from_toml(&" ".repeat(FORM_BYTES_MAX + 1)), Err(FormError::TooLong));
    }
}
