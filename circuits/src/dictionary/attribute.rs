//! One attribute: its domain, its blocks of bins and its bands.

use super::{
    DictionaryError, ROWS_MAX,
    canonical::decimal,
    key,
    missingness::{self, Missingness},
    text,
};
use crate::hash::Digest32;
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde_json::Value;

/// Most levels a single block holds; numbers with more get a coarse and a fine block (protocol, section 4).
pub const BLOCK_LEVELS_MAX: u32 = 256;
/// Levels are below 2^20 - 256, so that a moment over 2^22 rows stays below 2^62 even where a fine offset is wrong: nothing
/// proves that an offset fits a narrow coarse bin, but base + offset stays below 2^20.
pub const LEVELS_MAX: u32 = (1 << 20) - BLOCK_LEVELS_MAX;

/// What kind of thing an attribute is; decides what may be asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeKind {
    /// One of a list of levels.
    Category,
    /// No or yes; its sum is a count, so it is never averaged as a number (rule D3).
    Flag,
    /// A measured quantity.
    Number,
    /// A number of events.
    Count,
}

/// A linear scale of levels: value = lo + step * level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// Value of level 0, in the attribute's unit.
    pub lo: Decimal,
    /// Value between neighbouring levels.
    pub step: Decimal,
    /// Number of levels.
    pub levels: u32,
    /// Levels at which a governed band starts (ascending, none of them 0).
    pub edges: Vec<u32>,
    /// True if values beyond the range but plausible are clipped to it; otherwise they are missing.
    pub clip: bool,
    /// Values outside are errors of the source and become missing.
    pub plausible: Option<(Decimal, Decimal)>,
}

impl Scale {
    /// Value of a level in the attribute's unit.
    pub fn value(&self, level: u32) -> Decimal {
        (self.lo + self.step * Decimal::from(level)).normalize()
    }

    /// Largest value.
    pub fn hi(&self) -> Decimal {
        self.value(self.levels - 1)
    }

    /// Nearest level of a value inside the range, half-even; `None` outside.
    pub fn level(&self, value: Decimal) -> Option<u32> {
        let level = steps(value, self.lo, self.step)?.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven);
        level.to_u32().filter(|v| *v < self.levels)
    }
}

/// The values an attribute can have beside "missing".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domain {
    /// Named levels (categories and flags).
    Levels(Vec<String>),
    /// Levels of a linear scale (numbers and counts).
    Scale(Scale),
}

/// A one-hot block of bins inside a segment's matrix. Bin 0 is "missing", unless the attribute is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BinBlock {
    first_row: usize,
    bins: usize,
}

impl BinBlock {
    /// Matrix row of bin 0.
    pub fn first_row(&self) -> usize {
        self.first_row
    }

    /// Number of bins, "missing" included if there is one.
    pub fn bins(&self) -> usize {
        self.bins
    }
}

/// A set of first-block bins with a name: a level of a category, or the values between two band edges of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// For people: a level's name, `<40`, `40-49`, `>=90`.
    pub label: String,
    /// Bins of the first block, ascending, never "missing".
    pub bins: Vec<u16>,
    /// Lowest and highest level inside.
    pub levels: (u32, u32),
}

/// The bins one value takes: one for each block of its attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bins {
    /// Bin of the first block.
    pub first: u16,
    /// Bin of the fine block, if there is one.
    pub fine: Option<u16>,
}

/// One attribute of a dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    name: String,
    label: String,
    categories: Vec<String>,
    kind: AttributeKind,
    unit: Option<String>,
    outcome: bool,
    domain: Domain,
    blocks: Vec<BinBlock>,
    /// Lowest level of each coarse bin 1.. (two-block attributes only)
    coarse: Vec<u32>,
    bands: Vec<Band>,
    complete: bool,
    missingness: Missingness,
    sources: Vec<Digest32>,
}

impl Attribute {
    pub(super) fn from_value(
        value: &Value,
        index: usize,
        first_row: usize,
        (valuesets, counted): (Option<&Value>, &mut usize),
    ) -> Result<Self, DictionaryError> {
        let place = format!("attribute[{index}].");
        let name = text(value, &place, "name")?.to_owned();
        let fail = |reason: String| DictionaryError::Attribute { attribute: name.clone(), reason };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            return Err(fail("names are lower-case letters, digits and _".into()));
        }
        let kind = match text(value, &place, "kind")? {
            "category" => AttributeKind::Category,
            "flag" => AttributeKind::Flag,
            "number" => AttributeKind::Number,
            "count" => AttributeKind::Count,
            other => return Err(fail(format!("kind \"{other}\" is none of category, flag, number, count"))),
        };
        let categories = match key(value, &place, "category", "a text or a list of texts")? {
            Value::String(one) => vec![one.clone()],
            Value::Array(list) if !list.is_empty() => list
                .iter()
                .map(|c| c.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .ok_or_else(|| fail("category: a list of texts".into()))?,
            _ => return Err(fail("category: a text or a list of texts".into())),
        };
        let domain = match kind {
            AttributeKind::Flag => Domain::Levels(vec!["no".into(), "yes".into()]),
            AttributeKind::Category => Domain::Levels(named_levels(value, &place).map_err(|e| fail(e.to_string()))?),
            AttributeKind::Number | AttributeKind::Count => Domain::Scale(scale(value, kind).map_err(&fail)?),
        };
        let levels = match &domain {
            Domain::Levels(levels) => levels.len(),
            Domain::Scale(scale) => scale.levels as usize,
        };
        let (complete, missingness) = missingness::read(value, &categories, levels).map_err(&fail)?;
        let sources = missingness::of_records(value, &name, valuesets, counted).map_err(&fail)?;
        let mut attribute = Self {
            complete,
            missingness,
            sources,
            label: text(value, &place, "label").unwrap_or(&name).to_owned(),
            categories,
            kind,
            unit: value.get("unit").and_then(Value::as_str).map(str::to_owned),
            outcome: value.get("role").and_then(Value::as_str) == Some("outcome"),
            name,
            domain,
            blocks: Vec::new(),
            coarse: Vec::new(),
            bands: Vec::new(),
        };
        attribute.lay_out(first_row);
        Ok(attribute)
    }

    fn lay_out(&mut self, first_row: usize) {
        // bins of a complete attribute are its levels; else bin 0 is "missing"
        let first = self.first_known();
        let missing = usize::from(first);
        match &self.domain {
            Domain::Levels(levels) => {
                self.blocks = vec![BinBlock { first_row, bins: levels.len() + missing }];
                self.bands = levels
                    .iter()
                    .enumerate()
                    .map(|(i, l)| Band { label: l.clone(), bins: vec![i as u16 + first], levels: (i as u32, i as u32) })
                    .collect();
            }
            Domain::Scale(scale) => {
                let starts: Vec<u32> = std::iter::once(0).chain(scale.edges.iter().copied()).collect();
                let end = |i: usize| starts.get(i + 1).copied().unwrap_or(scale.levels);
                if scale.levels <= BLOCK_LEVELS_MAX {
                    self.blocks = vec![BinBlock { first_row, bins: scale.levels as usize + missing }];
                } else {
                    // coarse bins are the bands, the wide ones cut further; a fine offset tells where inside
                    self.coarse = (0..starts.len()).flat_map(|i| (starts[i]..end(i)).step_by(BLOCK_LEVELS_MAX as usize)).collect();
                    let width = (0..self.coarse.len())
                        .map(|i| self.coarse.get(i + 1).copied().unwrap_or(scale.levels) - self.coarse[i])
                        .max()
                        .unwrap_or(1);
                    let coarse = BinBlock { first_row, bins: self.coarse.len() + missing };
                    self.blocks = vec![coarse, BinBlock { first_row: first_row + coarse.bins, bins: width as usize + missing }];
                }
                self.bands = (0..starts.len())
                    .map(|i| {
                        let levels = (starts[i], end(i) - 1);
                        let bins = if self.coarse.is_empty() {
                            (levels.0..=levels.1).map(|v| v as u16 + first).collect()
                        } else {
                            self.coarse
                                .iter()
                                .enumerate()
                                .filter(|(_, c)| (levels.0..=levels.1).contains(c))
                                .map(|(t, _)| t as u16 + first)
                                .collect()
                        };
                        Band { label: band_label(scale, &starts, i), bins, levels }
                    })
                    .collect();
            }
        }
    }

    /// The name used in queries.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A line for people.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Data categories it is made from; a study needs the scope of each.
    pub fn categories(&self) -> &[String] {
        &self.categories
    }

    /// The kind.
    pub fn kind(&self) -> AttributeKind {
        self.kind
    }

    /// The unit of values, if any (UCUM).
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// True for outcomes, which only approved items may read.
    pub fn is_outcome(&self) -> bool {
        self.outcome
    }

    /// True if nobody has a row without a value: there is no "missing" bin (rule D1).
    pub fn complete(&self) -> bool {
        self.complete
    }

    /// Whether it may be told of whom the attribute is known (rule D3).
    pub fn missingness(&self) -> Missingness {
        self.missingness
    }

    /// Digests of the source codes or records the attribute is made from, ascending (rule D7).
    pub fn sources(&self) -> &[Digest32] {
        &self.sources
    }

    /// The bin of the first block that means "missing", if there is one.
    pub fn missing_bin(&self) -> Option<u16> {
        (!self.complete).then_some(0)
    }

    /// The first bin of a known level.
    pub fn first_known(&self) -> u16 {
        u16::from(!self.complete)
    }

    /// Bins of the first block that stand for known levels.
    pub fn known_bins(&self) -> std::ops::Range<u16> {
        self.first_known()..self.first_block().bins() as u16
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The scale of a number or count.
    pub fn scale(&self) -> Option<&Scale> {
        match &self.domain {
            Domain::Scale(scale) => Some(scale),
            Domain::Levels(_) => None,
        }
    }

    /// One block, or a coarse and a fine one.
    pub fn blocks(&self) -> &[BinBlock] {
        &self.blocks
    }

    /// The block filters and groups refer to: the only one, or the coarse one.
    pub fn first_block(&self) -> BinBlock {
        self.blocks[0]
    }

    /// Governed bands in ascending order: levels of a category, values between band edges of a number. "Missing" is none of them.
    pub fn bands(&self) -> &[Band] {
        &self.bands
    }

    /// Number of levels, "missing" not counted.
    pub fn level_count(&self) -> u32 {
        match &self.domain {
            Domain::Levels(levels) => levels.len() as u32,
            Domain::Scale(scale) => scale.levels,
        }
    }

    /// The bins of a value (`None`: missing), or `None` if the level does not exist, or nobody can be without a value.
    pub fn bins(&self, level: Option<u32>) -> Option<Bins> {
        let two = self.blocks.len() == 2;
        let known = self.first_known();
        let Some(level) = level else { return (!self.complete).then(|| Bins { first: 0, fine: two.then_some(0) }) };
        if level >= self.level_count() {
            return None;
        }
        if !two {
            return Some(Bins { first: level as u16 + known, fine: None });
        }
        let t = self.coarse.partition_point(|start| *start <= level) - 1;
        Some(Bins { first: t as u16 + known, fine: Some((level - self.coarse[t]) as u16 + known) })
    }

    /// The level as a linear form of bins: (matrix row, weight), zero weights left out.
    pub fn value_form(&self) -> Vec<(usize, u64)> {
        let missing = usize::from(self.first_known());
        let first = self.blocks[0].first_row;
        match self.blocks.get(1) {
            None => (1..self.level_count()).map(|v| (first + v as usize + missing, u64::from(v))).collect(),
            Some(fine) => {
                let coarse =
                    self.coarse.iter().enumerate().filter(|(_, base)| **base > 0).map(|(t, base)| (first + t + missing, u64::from(*base)));
                coarse.chain((1..(fine.bins - missing) as u64).map(|o| (fine.first_row + o as usize + missing, o))).collect()
            }
        }
    }

    /// The squared level as a linear form of bins; only for one-block scales (a two-block square is not linear).
    pub fn square_form(&self) -> Option<Vec<(usize, u64)>> {
        (self.blocks.len() == 1).then(|| self.value_form().into_iter().map(|(row, v)| (row, v * v)).collect())
    }
}

/// (x - lo) / step, or `None` if it leaves the range of decimals.
fn steps(x: Decimal, lo: Decimal, step: Decimal) -> Option<Decimal> {
    x.checked_sub(lo)?.checked_div(step).map(|d| d.normalize())
}

fn named_levels(value: &Value, place: &str) -> Result<Vec<String>, DictionaryError> {
    let expected = "a list of 1 to 256 different level names, none of them \"missing\"";
    let fail = || DictionaryError::Key { place: format!("{place}levels"), expected };
    let list = key(value, place, "levels", expected)?.as_array().ok_or_else(fail)?;
    // before anything that takes time by their number
    if list.len() > BLOCK_LEVELS_MAX as usize {
        return Err(fail());
    }
    let levels: Vec<String> = list.iter().map(|l| l.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(fail)?;
    let distinct = levels.iter().enumerate().all(|(i, l)| l != "missing" && !l.is_empty() && !levels[..i].contains(l));
    if levels.is_empty() || !distinct {
        return Err(fail());
    }
    Ok(levels)
}

fn scale(value: &Value, kind: AttributeKind) -> Result<Scale, String> {
    let quantity = |v: &Value| {
        v.as_str()
            .ok_or_else(|| "quantities are written as texts, like \"0.1\"".to_owned())
            .and_then(|t| decimal(t).map_err(|e| e.to_string()))
    };
    let pair = |name: &str| -> Result<Option<(Decimal, Decimal)>, String> {
        let Some(v) = value.get(name) else { return Ok(None) };
        match v.as_array().map(Vec::as_slice) {
            Some([lo, hi]) => Ok(Some((quantity(lo)?, quantity(hi)?))),
            _ => Err(format!("{name} is a pair of quantities")),
        }
    };
    let (lo, hi) = pair("range")?.ok_or("range is missing")?;
    let step = value.get("step").map(&quantity).transpose()?.unwrap_or(Decimal::ONE);
    if step <= Decimal::ZERO || hi <= lo || (kind == AttributeKind::Count && (step != Decimal::ONE || lo < Decimal::ZERO)) {
        return Err("range ascends, step is positive, and a count has step 1 from 0 or more".into());
    }
    let whole = |x: Decimal| steps(x, lo, step).ok_or("a quantity is too large");
    let span = whole(hi)?;
    let levels = span
        .to_u32()
        .filter(|n| span.is_integer() && *n < LEVELS_MAX)
        .ok_or("the range is not a whole number of steps, or has more than 2^20 - 256 levels")?
        + 1;
    let mut edges = Vec::new();
    let written = value.get("cuts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    // bins have 16 bits, and every band is a row of the matrix at least
    if written.len() >= ROWS_MAX {
        return Err(format!("cuts: {} are more than the {ROWS_MAX} rows of a segment's matrix", written.len()));
    }
    for edge in written {
        let edge = quantity(edge)?;
        let at = whole(edge)?;
        let level = at.to_u32().filter(|v| at.is_integer() && *v > 0 && *v < levels && edges.last().is_none_or(|last| v > last));
        edges.push(level.ok_or_else(|| format!("cut {edge} is not on a step inside the range, or out of order"))?);
    }
    let clip = match value.get("beyond").map(|b| b.as_str()) {
        Some(Some("clip")) => true,
        None | Some(Some("missing")) => false,
        _ => return Err("beyond is \"clip\" or \"missing\"".into()),
    };
    Ok(Scale { lo, step, levels, edges, clip, plausible: pair("plausible")? })
}

fn band_label(scale: &Scale, starts: &[u32], i: usize) -> String {
    let at = |level: u32| scale.value(level).to_string();
    match (i, starts.get(i + 1)) {
        (0, None) => "any".into(),
        (0, Some(end)) => format!("<{}", at(*end)),
        (_, None) => format!(">={}", at(starts[i])),
        (_, Some(end)) if *end - starts[i] == 1 => at(starts[i]),
        // "-50--0.1" reads as nothing
        (_, Some(end)) if scale.value(starts[i]).is_sign_negative() => format!("{} to {}", at(starts[i]), at(*end - 1)),
        (_, Some(end)) => format!("{}-{}", at(starts[i]), at(*end - 1)),
    }
}
