//! Compares answers with the schemas of the checked-in document: the part of JSON Schema it uses.

use serde_json::Value;
use std::sync::LazyLock;

pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("../../openapi.json")).unwrap());

/// The path pattern of the document that a path of a request fits.
pub fn pattern_of(path: &str) -> String {
    let path = format!("/v1{}", path.split('?').next().unwrap());
    let fits = |pattern: &&String| {
        let (p, q): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
        p.len() == q.len() && p.iter().zip(&q).all(|(p, q)| p == q || p.starts_with('{'))
    };
    let fitting: Vec<_> = DOCUMENT["paths"].as_object().unwrap().keys().filter(fits).collect();
    let exact = fitting.iter().find(|p| ***p == path);
    exact.or(fitting.first()).unwrap_or_else(|| panic!("{path} is not in the document")).to_string()
}

/// Panics where an answer is not what the document says.
pub fn check(method: &str, path: &str, status: u16, value: &Value) {
    let response = &DOCUMENT["paths"][pattern_of(path)][method]["responses"][status.to_string()];
    let schema = &response["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path} {status} has no schema");
    if let Err(error) = fits(schema, value) {
        panic!("{method} {path} {status}: {error}\n{value:#}");
    }
}

pub fn check_component(name: &str, value: &Value) {
    if let Err(error) = fits(&DOCUMENT["components"]["schemas"][name], value) {
        panic!("{name}: {error}\n{value:#}");
    }
}

pub fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = DOCUMENT.pointer(reference.trim_start_matches('#')).ok_or(format!("{reference} does not exist"))?;
        return fits(target, value).map_err(|e| format!("{reference}: {e}"));
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        fits(part, value)?;
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices.iter().filter(|c| fits(c, value).is_ok()).count();
        if fitting != 1 {
            return Err(format!("fits {fitting} of the choices: {value}"));
        }
    }
    if let Some(words) = schema["enum"].as_array().filter(|words| !words.contains(value)) {
        return Err(format!("{value} is none of {words:?}"));
    }
    fits_type(schema, value)?;
    if let Some(pattern) = schema["pattern"].as_str() {
        fits_pattern(pattern, value.as_str().unwrap_or_default())?;
    }
    let below = |minimum: &f64| value.as_f64().is_some_and(|number| number < *minimum);
    if let Some(minimum) = schema["minimum"].as_f64().filter(below) {
        return Err(format!("{value} is below {minimum}"));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap()).is_none() {
            return Err(format!("{name} is missing"));
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(found) = value.get(name) {
            fits(property, found).map_err(|e| format!("{name}: {e}"))?;
        }
    }
    if let (true, Some(items)) = (schema["items"].is_object(), value.as_array()) {
        items.iter().try_for_each(|item| fits(&schema["items"], item))?;
    }
    Ok(())
}

fn fits_type(schema: &Value, value: &Value) -> Result<(), String> {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let fitting = types.iter().any(|t| match *t {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("type {other}"),
    });
    if fitting { Ok(()) } else { Err(format!("{value} is not of type {types:?}")) }
}

/// The patterns that occur, by hand.
fn fits_pattern(pattern: &str, text: &str) -> Result<(), String> {
    let digits =
        |prefix: char, text: &str| text.strip_prefix(prefix).is_some_and(|t| t.len() >= 2 && t.bytes().all(|b| b.is_ascii_digit()));
    let hexadecimal = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let fitting = match pattern {
        "^[0-9a-f]{128}$" => hexadecimal(text, 128),
        "^[0-9a-f]{64}$" => hexadecimal(text, 64),
        "^urn:countersign:problem:[a-z-]+$" => text.strip_prefix("urn:countersign:problem:").is_some_and(|w| !w.is_empty()),
        "^L[0-9]{3}$" => digits('L', text) && text.len() == 4,
        "^Q[0-9]{2,5}$" => digits('Q', text),
        other => panic!("pattern {other}"),
    };
    if fitting { Ok(()) } else { Err(format!("{text:?} does not fit {pattern}")) }
}
