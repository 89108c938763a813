//! Dictionaries: what a row of a research table means, and how it is laid out in bins.
//!
//! A dictionary is governed (or approved with a study). Its *canonical form* is the JSON of the TOML file with sorted keys,
//! no white space and every quantity as a string; its SHA-256 is what ledgers and anchors name. This module reads the part
//! of the canonical form that fixes the layout: attributes, levels, ranges, steps and band edges. How a hospital's records are read
//! into rows (windows, picks, value sets) is the importer's business and is parsed there from the same bytes.
//!
//! Layout: every attribute is one or two *blocks* of bins, bin 0 of each meaning "missing" (design: protocol, section 4);
//! a *complete* attribute has no such bin, and people without a value get no row (rule D1).
//! The rows of a segment's bin matrix are all bins of all blocks in order, and then one more row for slot occupancy.

mod attribute;
mod canonical;
mod missingness;
#[cfg(test)]
mod tests;

pub use attribute::{Attribute, AttributeKind, BLOCK_LEVELS_MAX, Band, BinBlock, Bins, Domain, LEVELS_MAX, Scale};
pub use canonical::{CanonicalError, canonical_json, decimal};
pub use missingness::Missingness;

use crate::{hash::Digest32, text::is_unprintable};
use serde_json::Value;

/// Most bin rows of one segment, occupancy included: what the S1 circuit has row variables for.
pub const ROWS_MAX: usize = 1 << 12;
/// Most attributes of one dictionary; indices are `u16` on the wire, and this keeps loops over them bounded.
pub const ATTRIBUTES_MAX: usize = 256;

/// What is wrong with a dictionary. The dictionary's author is at fault in every case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DictionaryError {
    /// The bytes are not the canonical form of any value.
    #[error("the dictionary is not canonical JSON: {0}")]
    Canonical(#[from] CanonicalError),
    /// A key is absent or has the wrong type.
    #[error("dictionary: `{place}` should be {expected}")]
    Key {
        /// Path of the key.
        place: String,
        /// What was expected.
        expected: &'static str,
    },
    /// An attribute cannot be laid out.
    #[error("dictionary attribute \"{attribute}\": {reason}")]
    Attribute {
        /// The attribute's name.
        attribute: String,
        /// Why.
        reason: String,
    },
    /// A text that is no plain line.
    #[error("dictionary: the text `{place}` has a control character, a line break or a direction mark; write it in one plain line")]
    Text {
        /// Path of the text.
        place: String,
    },
    /// The dictionary as a whole is over a limit.
    #[error("the dictionary needs {rows} bin rows; a segment carries {max}. Use coarser steps or fewer attributes", max = ROWS_MAX - 1)]
    TooManyRows {
        /// Bin rows needed.
        rows: usize,
    },
}

pub(crate) fn key<'a>(value: &'a Value, place: &str, name: &str, expected: &'static str) -> Result<&'a Value, DictionaryError> {
    value.get(name).ok_or_else(|| DictionaryError::Key { place: format!("{place}{name}"), expected })
}

pub(crate) fn text<'a>(value: &'a Value, place: &str, name: &str) -> Result<&'a str, DictionaryError> {
    key(value, place, name, "a text")?.as_str().ok_or_else(|| DictionaryError::Key { place: format!("{place}{name}"), expected: "a text" })
}

/// Every text of a dictionary is shown to others: each is one plain line. Depth is bounded by the parser.
fn plain_texts(place: &str, value: &Value) -> Result<(), DictionaryError> {
    let plain = |place: &str, text: &str| {
        let place = || place.chars().map(|c| if is_unprintable(c) { ' ' } else { c }).collect();
        if text.chars().any(is_unprintable) { Err(DictionaryError::Text { place: place() }) } else { Ok(()) }
    };
    match value {
        Value::String(text) => plain(place, text),
        Value::Array(items) => items.iter().enumerate().try_for_each(|(i, item)| plain_texts(&format!("{place}[{i}]"), item)),
        Value::Object(map) => map.iter().try_for_each(|(name, item)| {
            let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            plain(&place, name)?;
            plain_texts(&place, item)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// A dictionary's layout: its identity and attributes in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dictionary {
    id: String,
    version: u32,
    title: String,
    digest: Digest32,
    attributes: Vec<Attribute>,
    bin_rows: usize,
}

impl Dictionary {
    /// Reads the layout from canonical bytes.
    ///
    /// # Errors
    /// The bytes are not canonical, a key is missing or malformed, or the layout is over a limit.
    pub fn from_canonical(bytes: &[u8]) -> Result<Self, DictionaryError> {
        let value = canonical::parse(bytes)?;
        plain_texts("", &value)?;
        let format = text(&value, "", "format")?;
        if format != "countersign-dictionary/1" {
            return Err(DictionaryError::Key { place: "format".into(), expected: "\"countersign-dictionary/1\"" });
        }
        if value.get("grain").is_some_and(|g| g.as_str() != Some("patient")) {
            return Err(DictionaryError::Key { place: "grain".into(), expected: "\"patient\", the only grain of format 1" });
        }
        let version = key(&value, "", "version", "a whole number")?
            .as_u64()
            .and_then(|v| u32::try_from(v).ok())
            .ok_or(DictionaryError::Key { place: "version".into(), expected: "a whole number" })?;
        let list = key(&value, "", "attribute", "a list of attributes")?
            .as_array()
            .ok_or(DictionaryError::Key { place: "attribute".into(), expected: "a list of attributes" })?;
        if list.is_empty() || list.len() > ATTRIBUTES_MAX {
            return Err(DictionaryError::Key { place: "attribute".into(), expected: "a list of 1 to 256 attributes" });
        }
        let mut attributes: Vec<Attribute> = Vec::with_capacity(list.len());
        let (mut row, mut codes) = (0, 0);
        for (i, entry) in list.iter().enumerate() {
            let attribute = Attribute::from_value(entry, i, row, (value.get("valueset"), &mut codes))?;
            if attributes.iter().any(|a| a.name() == attribute.name()) {
                return Err(DictionaryError::Attribute { attribute: attribute.name().into(), reason: "is defined twice".into() });
            }
            row += attribute.blocks().iter().map(|b| b.bins()).sum::<usize>();
            if row >= ROWS_MAX {
                return Err(DictionaryError::TooManyRows { rows: row });
            }
            attributes.push(attribute);
        }
        Ok(Self {
            id: text(&value, "", "id")?.to_owned(),
            version,
            title: text(&value, "", "title").unwrap_or_default().to_owned(),
            digest: Digest32::of(bytes),
            attributes,
            bin_rows: row,
        })
    }

    /// The dictionary's id, without version.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// `id@version`, as mappings and queries name it.
    pub fn reference(&self) -> String {
        format!("{}@{}", self.id, self.version)
    }

    /// The title, for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// SHA-256 of the canonical bytes.
    pub fn digest(&self) -> Digest32 {
        self.digest
    }

    /// All attributes, in order.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The attribute at an index, if there is one.
    pub fn attribute(&self, index: u16) -> Option<&Attribute> {
        self.attributes.get(usize::from(index))
    }

    /// Finds an attribute by name.
    pub fn find(&self, name: &str) -> Option<(u16, &Attribute)> {
        self.attributes.iter().position(|a| a.name() == name).map(|i| (i as u16, &self.attributes[i]))
    }

    /// The matrix layout of the dictionary's segments.
    pub fn layout(&self) -> SegmentLayout {
        let mut layout = SegmentLayout { blocks: Vec::new(), tied: Vec::new() };
        for attribute in &self.attributes {
            if let ([coarse, fine], Some(_)) = (attribute.blocks(), attribute.missing_bin()) {
                layout.tied.push((coarse.first_row(), fine.first_row()));
            }
            layout.blocks.extend(attribute.blocks().iter().map(BinBlock::bins));
        }
        layout
    }
}

/// How the bin rows of a segment are cut into one-hot blocks. Data and consent segments differ only in this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentLayout {
    /// Bins of each block, in row order.
    pub blocks: Vec<usize>,
    /// Pairs of rows whose commitments must be the same point: "missing" of a coarse and a fine block (clause S1.2).
    pub tied: Vec<(usize, usize)>,
}

impl SegmentLayout {
    /// Bin rows, without the occupancy row.
    pub fn bin_rows(&self) -> usize {
        self.blocks.iter().sum()
    }

    /// All rows: bins and, last, occupancy.
    pub fn rows(&self) -> usize {
        self.bin_rows() + 1
    }
}
