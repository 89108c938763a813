//! Checking one record that a hospital shows: against what it anchored, as it stands in the chain's blocks.

use crate::{
    PatientError,
    receipt::{Decided, TRIES, find},
    standing::{genesis, slots},
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    dictionary::{Attribute, Dictionary, Domain, SegmentLayout},
    hash::Digest32,
    segment::{EMPTY, Segment, TableContext},
};
use countersign_member::gateway::{GatewayClient, GatewayError};
use countersign_messages::{
    AnchoredTable, Block, ErasedVersion, Genesis, Height, NetworkId, Payload, Record, RecordRow, RecordSource, RecordTable, Sheet, json,
    merkle, source_leaf,
};
use countersign_verifier::verify_row;

/// One value, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The attribute's name.
    pub name: String,
    /// What it is, for people.
    pub label: String,
    /// Its value; `None`: the hospital has none.
    pub value: Option<String>,
}

/// What a row holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing: no row of this table stands at the slot.
    Empty,
    /// Research data.
    Data(Vec<Value>),
    /// The scopes that are permitted, each with its last day.
    Permissions(Vec<(String, Day)>),
}

/// A row that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedRow {
    /// Where it stands, as the gateway says.
    pub place: json::SlotRow,
    /// What it holds: checked here.
    pub content: Content,
    /// The hospital's own id of the patient, if the anchor says that the row was read of that one: checked here.
    pub patient: Option<String>,
    /// By whose word the anchor stands in a block. That the hospital signed it was checked here.
    pub decided: Decided,
}

/// What a record is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedRecord {
    /// The hospital's name, and whether the slot has left, as the gateway says.
    pub slot: json::Slot,
    /// With a sheet: whether one of its keys stands for the slot, as the gateway says.
    pub own: Option<bool>,
    /// Slots in force with another key of the sheet: the record of one of them is another one.
    pub elsewhere: Vec<u32>,
    /// Every row that was shown.
    pub rows: Vec<CheckedRow>,
    /// Rows that the hospital should be able to show and did not.
    pub not_shown: Vec<json::SlotRow>,
}

impl CheckedRecord {
    /// What keeps it from being the whole record of whom it is shown to; empty if nothing does.
    pub fn lacks(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.own == Some(false) {
            found.push("its slot is not one with a key of the sheet".to_owned());
        }
        found.extend(self.elsewhere.iter().map(|slot| format!("slot {slot} is in force with a key of the sheet, and is another one")));
        found.extend(self.not_shown.iter().map(|row| format!("{} of the anchor in block {} is not shown", row.name, row.height)));
        found
    }
}

/// Checks a record: every row opens the commitments of the anchor it names, which the hospital signed and which stands in a block; then what it holds is read in the words of its dictionary. What the
/// gateway says (which versions are in force, whose key the slot has) is told apart in [`CheckedRecord`].
///
/// # Errors
/// [`PatientError::Record`]: a row is not what was anchored; or the gateway is of another network, or is not there.
#[boxed]
pub async fn check_record(client: &GatewayClient, record: &Record, sheet: Option<&Sheet>) -> Result<CheckedRecord, PatientError> {
    let genesis = genesis(client, record.network).await?;
    let path = format!("/v1/members/{}/slots/{}", record.hospital, record.slot);
    let slot: json::Slot = match client.get_patiently(&path, TRIES).await {
        Err(GatewayError::Problem(problem)) if problem.is_not_found() => {
            return Err(PatientError::Record("the ledger has nothing at its slot"));
        }
        slot => slot?,
    };
    if (slot.slot, slot.hospital.0.0) != (record.slot, record.hospital.0) {
        return Err(PatientError::Record("the gateway answers of another slot than it was asked for"));
    }
    let (own, elsewhere) = standing(client, record, sheet).await?;
    let (mut rows, mut last) = (Vec::new(), None::<(Height, Block, Decided)>);
    for row in &record.rows {
        let table = table_of(&row.table)?;
        let place = place_of(&slot, record, row, &table)?;
        let (block, decided) = match last.take_if(|(height, ..)| *height == row.height) {
            Some((_, block, decided)) => (block, decided),
            None => block_of(client, &genesis, row).await?,
        };
        let anchored = anchored(&block, record, row, &table)?;
        let bins = opened(record, row, &anchored, &table)?;
        let patient = row.source.as_ref().map(|source| read_of(record, source, &anchored, bins.as_deref())).transpose()?;
        let content = bins.map_or(Content::Empty, |bins| table.content(&bins));
        rows.push(CheckedRow { place, content, patient, decided });
        // one block is kept: rows of one anchor follow each other
        last = Some((row.height, block, decided));
    }
    let shown = |place: &json::SlotRow| rows.iter().any(|row| row.place == *place);
    let not_shown = slot.rows.iter().filter(|place| !shown(place)).cloned().collect();
    Ok(CheckedRecord { slot, own, elsewhere, rows, not_shown })
}

/// Whether a key of a sheet stands for the record's slot, and which others are in force with one.
async fn standing(client: &GatewayClient, record: &Record, sheet: Option<&Sheet>) -> Result<(Option<bool>, Vec<u32>), PatientError> {
    let Some(sheet) = sheet else { return Ok((None, Vec::new())) };
    if (sheet.network, sheet.hospital) != (record.network, record.hospital) {
        return Ok((Some(false), Vec::new()));
    }
    let slots = slots(client, sheet).await?;
    let elsewhere = slots.iter().filter(|(_, own)| own.left.is_none() && own.slot != record.slot).map(|(_, own)| own.slot).collect();
    Ok((Some(slots.iter().any(|(_, own)| own.slot == record.slot)), elsewhere))
}

/// What the gateway says of a row's version: if it names it no more, nothing uses it any more, and it is checked by its block all the same.
fn place_of(slot: &json::Slot, record: &Record, row: &RecordRow, table: &Table<'_>) -> Result<json::SlotRow, PatientError> {
    if row.segment.index != record.segment() {
        return Err(PatientError::Record("a row is of another segment than its slot"));
    }
    let is =
        |place: &&json::SlotRow| (place.table.0, place.segment, place.version) == (table.digest, row.segment.index, row.segment.version);
    match slot.rows.iter().find(is) {
        Some(place) if (place.transaction.0, place.height) == (row.transaction.0, row.height.0) => Ok(place.clone()),
        Some(_) => Err(PatientError::Record("a row names another anchor than the ledger's")),
        None => Ok(json::SlotRow {
            table: table.digest.into(),
            name: table.name(),
            segment: row.segment.index,
            version: row.segment.version,
            height: row.height.0,
            transaction: row.transaction.into(),
            current: false,
            studies: Vec::new(),
        }),
    }
}

/// What gives the rows of a table their meaning.
struct Table<'a> {
    digest: Digest32,
    layout: SegmentLayout,
    meaning: Meaning<'a>,
}

enum Meaning<'a> {
    Data(Box<Dictionary>),
    Consent(&'a ScopeRegistry),
}

fn table_of(table: &RecordTable) -> Result<Table<'_>, PatientError> {
    match table {
        RecordTable::Data(bytes) => {
            let dictionary = Dictionary::from_canonical(bytes).map_err(|_| PatientError::Record("its dictionary cannot be read"))?;
            Ok(Table { digest: dictionary.digest(), layout: dictionary.layout(), meaning: Meaning::Data(Box::new(dictionary)) })
        }
        RecordTable::Consent(registry) => {
            registry.check().map_err(|_| PatientError::Record("its scope registry cannot be read"))?;
            Ok(Table { digest: registry.digest(), layout: registry.layout(), meaning: Meaning::Consent(registry) })
        }
    }
}

impl Table<'_> {
    fn name(&self) -> String {
        match &self.meaning {
            Meaning::Data(dictionary) => dictionary.reference(),
            Meaning::Consent(_) => "consents".into(),
        }
    }

    /// What bins (one a block) mean.
    fn content(&self, bins: &[u16]) -> Content {
        match &self.meaning {
            Meaning::Data(dictionary) => {
                let mut rest = bins;
                let value = |attribute: &Attribute| {
                    let (own, after) = rest.split_at(attribute.blocks().len().min(rest.len()));
                    rest = after;
                    Value { name: attribute.name().to_owned(), label: attribute.label().to_owned(), value: in_words(attribute, own) }
                };
                Content::Data(dictionary.attributes().iter().map(value).collect())
            }
            Meaning::Consent(registry) => {
                let end = |bin: u16| bin.checked_sub(1).and_then(|at| registry.grid.get(usize::from(at))).copied();
                Content::Permissions(
                    registry.scopes.iter().zip(bins).filter_map(|(scope, bin)| Some((scope.clone(), end(*bin)?))).collect(),
                )
            }
        }
    }
}

/// A value by its bins; `None`: missing.
fn in_words(attribute: &Attribute, bins: &[u16]) -> Option<String> {
    let taken = |level: &u32| {
        attribute.bins(Some(*level)).is_some_and(|taken| bins == [Some(taken.first), taken.fine].into_iter().flatten().collect::<Vec<_>>())
    };
    let level = (0..attribute.level_count()).find(taken)?;
    Some(match attribute.domain() {
        Domain::Levels(names) => names.get(level as usize).cloned().unwrap_or_default(),
        Domain::Scale(scale) => match attribute.unit() {
            Some(unit) => format!("{} {unit}", scale.value(level)),
            None => scale.value(level).to_string(),
        },
    })
}

async fn block_of(client: &GatewayClient, genesis: &Genesis, row: &RecordRow) -> Result<(Block, Decided), PatientError> {
    find(client, genesis, row.height.0, row.transaction).await?.ok_or(PatientError::Record("its anchor stands in no block of the chain"))
}

/// What the transaction that a row names carries of its segment.
struct Anchored<'a> {
    points: &'a [u8],
    /// The root over the records of all that it carries; none of consents alone.
    source_root: Option<Digest32>,
    /// The segment's place in what it carries, and of how many.
    place: (usize, usize),
}

/// The anchor or erasure that a row names, signed by the record's hospital.
fn anchored<'a>(block: &'a Block, record: &Record, row: &RecordRow, table: &Table<'_>) -> Result<Anchored<'a>, PatientError> {
    let transaction = block.transactions.iter().find(|transaction| transaction.id() == row.transaction);
    let transaction = transaction.ok_or(PatientError::Record("its anchor stands in no block of the chain"))?;
    let signed = transaction.signer == record.hospital && transaction.network == record.network && transaction.check_signature().is_ok();
    let not_anchored = PatientError::Record("the anchor it names does not carry its segment");
    match &transaction.payload {
        Payload::Anchor(anchor) if signed => {
            let (of, source_root) = match (&anchor.table, &row.table) {
                (AnchoredTable::Data { dictionary, source_root, .. }, RecordTable::Data(_)) => (*dictionary, Some(*source_root)),
                (AnchoredTable::Consent { registry, .. }, RecordTable::Consent(_)) => (*registry, None),
                _ => return Err(PatientError::Record("a row is of another table than its anchor")),
            };
            if of != table.digest {
                return Err(PatientError::Record("a row is of another table than its anchor"));
            }
            let at = anchor.segments.iter().position(|(id, _)| *id == row.segment).ok_or(not_anchored)?;
            Ok(Anchored { points: &anchor.segments[at].1, source_root, place: (at, anchor.segments.len()) })
        }
        Payload::Erase(erase) if signed => {
            let is = |step: &ErasedVersion| step.table == table.digest && step.standing(erase.index) == row.segment;
            let at = erase.steps.iter().position(is).ok_or(not_anchored)?;
            let source_root = matches!(row.table, RecordTable::Data(_)).then_some(erase.source_root);
            Ok(Anchored { points: &erase.steps[at].points, source_root, place: (at, erase.steps.len()) })
        }
        _ => Err(PatientError::Record("the transaction it names is no anchor of the hospital")),
    }
}

/// The bins that a row holds, one a block: what its opening shows of the anchored commitments. `None`: no row stands there.
fn opened(record: &Record, row: &RecordRow, anchored: &Anchored<'_>, table: &Table<'_>) -> Result<Option<Vec<u16>>, PatientError> {
    let NetworkId(network) = record.network;
    let context = TableContext { network, hospital: record.hospital.digest(), table: table.digest };
    let damaged = |_| PatientError::Record("the anchored commitments cannot be read");
    let segment = Segment::decode(&context, row.segment, anchored.points, table.layout.rows()).map_err(damaged)?;
    let wrong = |_| PatientError::Record("a row is not what the hospital anchored");
    let opening = verify_row(&segment, record.offset(), &row.opening).map_err(wrong)?;
    bins(&opening.bits, &table.layout)
}

/// One bin a block, or none at all.
fn bins(mut rest: &[bool], layout: &SegmentLayout) -> Result<Option<Vec<u16>>, PatientError> {
    let mut bins = Vec::with_capacity(layout.blocks.len());
    for size in &layout.blocks {
        let (block, after) = rest.split_at((*size).min(rest.len()));
        rest = after;
        let set: Vec<usize> = (0..block.len()).filter(|bin| block[*bin]).collect();
        match set.as_slice() {
            [] => bins.push(EMPTY),
            [bin] => bins.push(*bin as u16),
            _ => return Err(PatientError::Record("a row holds two values at once")),
        }
    }
    let occupied = rest == [true];
    match bins.iter().all(|bin| (*bin != EMPTY) == occupied) {
        true => Ok(occupied.then_some(bins)),
        false => Err(PatientError::Record("a row holds a value and none at once")),
    }
}

/// The hospital's id of the patient whose row it is, by the root that the anchor carries.
fn read_of(record: &Record, source: &RecordSource, anchored: &Anchored<'_>, bins: Option<&[u16]>) -> Result<String, PatientError> {
    let wrong = || PatientError::Record("the anchor does not say that its row was read of this patient");
    let (Some(source_root), Some(bins)) = (anchored.source_root, bins) else { return Err(wrong()) };
    let leaf = source_leaf(&source.salt, record.slot, &source.patient, bins);
    let place = (source.in_anchor.index as usize, source.in_anchor.count as usize) == anchored.place;
    let rooted = source.in_segment.root(&leaf).is_some_and(|root| source.in_anchor.verify(&merkle::leaf(&root.0), &source_root));
    if place && rooted { Ok(source.patient.clone()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_holds_one_bin_a_block_or_none_at_all() {
        let layout = SegmentLayout { blocks: vec![2, 3], tied: Vec::new() };
        let read = |bits: [u8; 6]| bins(&bits.map(|bit| bit == 1), &layout).ok();
        assert_eq!(read([0, 1, 0, 0, 1, 1]), Some(Some(vec![1, 2])));
        assert_eq!(read([0; 6]), Some(None));
        for bad in [[1, 1, 0, 0, 1, 1], [0, 1, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert!(bins(&[false, true, false, false, true], &layout).is_err(), "without occupancy");
    }
}
