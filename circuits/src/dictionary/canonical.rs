//! The canonical form: JSON with sorted keys, no white space, no floating-point numbers.

use rust_decimal::Decimal;
use serde_json::Value;

/// What is wrong with bytes that should be canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// Not JSON at all.
    #[error("not JSON: {0}")]
    Json(String),
    /// JSON, but written in another way than the canonical one.
    #[error("not the canonical spelling (sorted keys, no white space)")]
    Spelling,
    /// A binary floating-point number.
    #[error("`{0}` is a floating-point number; write quantities as texts")]
    Float(String),
    /// A quantity that is not a decimal number.
    #[error("`{0}` is not a decimal number")]
    Decimal(String),
}

/// Writes a value in canonical form.
///
/// # Errors
/// The value holds a floating-point number.
pub fn canonical_json(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    refuse_floats(value)?;
    // serde_json's map is sorted (feature `preserve_order` is not used) and its writer puts no white space
    serde_json::to_vec(value).map_err(|e| CanonicalError::Json(e.to_string()))
}

pub(super) fn parse(bytes: &[u8]) -> Result<Value, CanonicalError> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| CanonicalError::Json(e.to_string()))?;
    if canonical_json(&value)? != bytes {
        return Err(CanonicalError::Spelling);
    }
    Ok(value)
}

fn refuse_floats(value: &Value) -> Result<(), CanonicalError> {
    match value {
        Value::Number(n) if n.is_f64() => Err(CanonicalError::Float(n.to_string())),
        Value::Array(list) => list.iter().try_for_each(refuse_floats),
        Value::Object(map) => map.values().try_for_each(refuse_floats),
        _ => Ok(()),
    }
}

/// Reads a quantity: at most 28 significant digits, no exponent.
///
/// # Errors
/// The text is not such a number.
pub fn decimal(text: &str) -> Result<Decimal, CanonicalError> {
    Decimal::from_str_exact(text.trim()).map(|d| d.normalize()).map_err(|_| CanonicalError::Decimal(text.to_owned()))
}
