//! From rows and consents to bins by slot: what the prover commits to.

use crate::slots::SlotIndex;
use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    dictionary::{Attribute, Dictionary},
    segment::{EMPTY, SLOTS, SlotCodes},
};
use zeroize::Zeroizing;

/// Rows or consents that do not fit their layout. The importer (or the reader of consents) is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodesError {
    /// A row with too few or too many entries.
    #[error("a row has {found} entries, its layout has {expected}")]
    Width {
        /// Entries found.
        found: usize,
        /// Entries expected.
        expected: usize,
    },
    /// A level the attribute does not have.
    #[error("a row has a level that attribute \"{attribute}\" does not have")]
    Level {
        /// The attribute's name.
        attribute: String,
    },
    /// A slot outside the segments.
    #[error("slot {0} lies outside the table's segments")]
    Slot(u32),
    /// Two rows for one slot.
    #[error("slot {0} is given two rows")]
    Twice(u32),
    /// Bytes that are not codes of the layout.
    #[error("stored codes do not fit the layout")]
    Bytes,
}

/// Empty slots.
pub fn empty(blocks: usize, slots: usize) -> SlotCodes {
    SlotCodes { blocks: vec![vec![EMPTY; slots]; blocks] }
}

/// Codes of a data table of `segments` segments: each row has a level (`None`: missing) for every attribute.
///
/// # Errors
/// A row does not fit the dictionary, or a slot is outside or used twice.
pub fn data_codes<'a>(
    dictionary: &Dictionary,
    segments: usize,
    rows: impl IntoIterator<Item = (SlotIndex, &'a [Option<u32>])>,
) -> Result<SlotCodes, CodesError> {
    let blocks = dictionary.attributes().iter().map(|a| a.blocks().len()).sum();
    let mut codes = empty(blocks, segments * SLOTS);
    rows.into_iter().try_for_each(|(slot, levels)| place_levels(&mut codes, dictionary, slot, levels))?;
    Ok(codes)
}

/// Codes of a consent table: each person has a last valid day (`None`: no) for every scope of the registry.
///
/// # Errors
/// A person has too few or too many scopes, or a slot is outside or used twice.
pub fn consent_codes<'a>(
    registry: &ScopeRegistry,
    segments: usize,
    grants: impl IntoIterator<Item = (SlotIndex, &'a [Option<Day>])>,
) -> Result<SlotCodes, CodesError> {
    let mut codes = empty(registry.scopes.len(), segments * SLOTS);
    grants.into_iter().try_for_each(|(slot, ends)| place_grants(&mut codes, registry, slot, ends))?;
    Ok(codes)
}

pub(crate) fn place_levels(
    codes: &mut SlotCodes,
    dictionary: &Dictionary,
    slot: SlotIndex,
    levels: &[Option<u32>],
) -> Result<(), CodesError> {
    let attributes = dictionary.attributes();
    check_width(levels.len(), attributes.len())?;
    let mut bins = Zeroizing::new(Vec::with_capacity(codes.blocks.len()));
    attributes.iter().zip(levels).try_for_each(|(attribute, level)| push_bins(attribute, *level, &mut bins))?;
    place(codes, slot, &bins)
}

pub(crate) fn place_grants(
    codes: &mut SlotCodes,
    registry: &ScopeRegistry,
    slot: SlotIndex,
    ends: &[Option<Day>],
) -> Result<(), CodesError> {
    check_width(ends.len(), registry.scopes.len())?;
    let bins: Zeroizing<Vec<u16>> = Zeroizing::new(ends.iter().map(|end| end.map_or(0, |day| registry.bin(day))).collect());
    place(codes, slot, &bins)
}

fn place(codes: &mut SlotCodes, slot: SlotIndex, bins: &[u16]) -> Result<(), CodesError> {
    let at = slot.0 as usize;
    for (column, bin) in codes.blocks.iter_mut().zip(bins) {
        let code = column.get_mut(at).ok_or(CodesError::Slot(slot.0))?;
        if *code != EMPTY {
            return Err(CodesError::Twice(slot.0));
        }
        *code = *bin;
    }
    Ok(())
}

/// Slots with a row.
pub fn occupied(codes: &SlotCodes) -> usize {
    codes.blocks.first().map_or(0, |column| column.iter().filter(|c| **c != EMPTY).count())
}

/// The [`SLOTS`] slots of one segment, or `None` if the table has fewer segments.
pub fn segment(codes: &SlotCodes, index: u32) -> Option<SlotCodes> {
    let from = (index as usize).checked_mul(SLOTS)?;
    let blocks = codes.blocks.iter().map(|column| column.get(from..from + SLOTS).map(<[u16]>::to_vec)).collect::<Option<_>>()?;
    Some(SlotCodes { blocks })
}

/// Clears a slot, for erasure.
///
/// # Errors
/// The slot is outside.
pub fn clear(codes: &mut SlotCodes, slot: SlotIndex) -> Result<(), CodesError> {
    let at = slot.0 as usize;
    codes.blocks.iter_mut().try_for_each(|column| {
        *column.get_mut(at).ok_or(CodesError::Slot(slot.0))? = EMPTY;
        Ok(())
    })
}

/// Little-endian bytes, block by block.
pub(crate) fn to_bytes(codes: &SlotCodes) -> Vec<u8> {
    codes.blocks.iter().flatten().flat_map(|c| c.to_le_bytes()).collect()
}

/// Reads the codes of one segment.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<SlotCodes, CodesError> {
    let column = SLOTS * 2;
    if bytes.is_empty() || !bytes.len().is_multiple_of(column) {
        return Err(CodesError::Bytes);
    }
    let block = |chunk: &[u8]| chunk.chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect();
    Ok(SlotCodes { blocks: bytes.chunks_exact(column).map(block).collect() })
}

fn check_width(found: usize, expected: usize) -> Result<(), CodesError> {
    if found == expected { Ok(()) } else { Err(CodesError::Width { found, expected }) }
}

fn push_bins(attribute: &Attribute, level: Option<u32>, out: &mut Vec<u16>) -> Result<(), CodesError> {
    let bins = attribute.bins(level).ok_or_else(|| CodesError::Level { attribute: attribute.name().to_owned() })?;
    out.push(bins.first);
    out.extend(bins.fine);
    Ok(())
}
