//! An answer as the disclosure rules see it: blocks of numbers with the people each stands for.

use super::{HospitalError, answering::Work};
use crate::{
    disclosure::{Amounts, CellBlock, CellBlockKind, MeasureRef, Number, Product, RowSet, Table, Unknown},
    slots::{RowId, SlotIndex, SlotPeople},
};
use countersign_circuits::{
    aggregate::release,
    consent::{Eligibility, ScopeRegistry},
    dictionary::{Attribute, Dictionary, Domain, Missingness},
    field::Fr,
    hash::Digest32,
    segment::EMPTY,
    statement::{CellMeaning, Clause, Measures, Statement, Wiring},
};
use countersign_prover::aggregate::{GateRows, gate_rows};
use std::collections::BTreeMap;

/// What an answer is made from, beside the rows.
pub(super) struct Asked<'a> {
    pub(super) statement: &'a Statement,
    pub(super) dictionary: &'a Dictionary,
    pub(super) registry: &'a ScopeRegistry,
    pub(super) eligibility: Eligibility,
    /// The random id of the person in each slot in use.
    pub(super) people: SlotPeople,
    /// The versions of the data table's segments.
    pub(super) cut: Digest32,
    pub(super) k_min: u32,
}

/// Levels of the rows of every gate: what the table's amounts borrow from.
pub(super) type LevelsOfGates = Vec<BTreeMap<u16, Vec<u32>>>;

impl Asked<'_> {
    /// The people of some slots. A slot that is counted and nobody's is a fault of this program or file, and must not look like fewer people.
    fn people(&self, slots: &[u32]) -> Result<RowSet, HospitalError> {
        slots.iter().map(|slot| self.person(*slot)).collect()
    }

    fn person(&self, slot: u32) -> Result<RowId, HospitalError> {
        Ok(*self.people.get(&SlotIndex(slot)).ok_or(HospitalError::CountedNobody)?)
    }

    fn attribute(&self, index: u16) -> Result<&Attribute, HospitalError> {
        self.dictionary
            .attribute(index)
            .ok_or_else(|| HospitalError::Statement("it names an attribute its dictionary does not have".into()))
    }

    /// True if a filter or a group reads an attribute whose missingness is protected: then every measure is treated as protected.
    fn reads_protected(&self) -> bool {
        let literals = self.statement.filter.iter().flat_map(|c| &c.any_of).map(|l| l.attribute);
        let mut read = literals.chain(self.statement.groups.iter().map(|g| g.attribute));
        read.any(|index| !self.dictionary.attribute(index).is_some_and(is_public))
    }

    fn measure(&self, index: u16) -> Result<MeasureRef, HospitalError> {
        let mut sources: Vec<Digest32> = self.attribute(index)?.sources().to_vec();
        sources.sort_unstable();
        Ok(MeasureRef { dictionary: self.dictionary.digest(), attribute: index, cut: self.cut, sources })
    }

    /// The filter without the conditions that a public attribute is known.
    fn base_statement(&self) -> Statement {
        let asks_known = |clause: &Clause| match clause.any_of.as_slice() {
            [literal] => self.dictionary.attribute(literal.attribute).is_some_and(|a| {
                let all = (0..a.first_block().bins() as u16).filter(|bin| missing_bin(a) != Some(*bin));
                is_public(a) && missing_bin(a).is_some() && literal.bins.iter().copied().eq(all)
            }),
            _ => false,
        };
        Statement {
            filter: self.statement.filter.iter().filter(|c| !asks_known(c)).cloned().collect(),
            groups: Vec::new(),
            measures: Measures::Descriptive { count_rows: true, of: Vec::new() },
        }
    }

    /// Levels under each gate whose block sums something.
    pub(super) fn levels(&self, work: &Work, gates: &[GateRows]) -> Result<LevelsOfGates, HospitalError> {
        let of = |gate: &GateRows| -> Result<BTreeMap<u16, Vec<u32>>, HospitalError> {
            let mut levels = BTreeMap::new();
            for index in summed(&work.task.wiring, gate.cell) {
                let form = self.attribute(index)?.value_form();
                levels.insert(index, gate.slots.iter().map(|slot| work.level(&form, *slot)).collect());
            }
            Ok(levels)
        };
        gates.iter().map(of).collect()
    }

    /// The answer for the rules.
    pub(super) fn table<'l>(
        &self,
        work: &Work,
        cells: &[u64],
        gates: &[GateRows],
        levels: &'l LevelsOfGates,
    ) -> Result<Table<'l>, HospitalError> {
        let wiring = &work.task.wiring;
        let protected = self.reads_protected();
        let bases = if protected { None } else { Some(self.bases(work)?) };
        let kinds: Vec<_> = wiring.cells().iter().map(|c| c.kind).collect();
        let values: Vec<Fr> = cells.iter().map(|c| Fr::from(*c)).collect();
        let nothing = vec![countersign_circuits::aggregate::Withheld::No; cells.len()];
        let passes =
            release(wiring.gate_minimum(self.k_min), &kinds, &values, &nothing).map_err(|e| HospitalError::Statement(e.to_string()))?.flags;
        let mut blocks: Vec<CellBlock<'l>> = Vec::new();
        for (gate, levels) in gates.iter().zip(levels) {
            let cell = wiring.cells()[gate.cell];
            let start = block_start(wiring, gate.cell);
            let own = self.people(&gate.slots)?;
            let base = bases.as_ref().and_then(|b| b.groups.get(&cell.group)).cloned().unwrap_or_default();
            let base = || if protected { own.clone() } else { base.clone() };
            let (kind, number) = match cell.meaning {
                CellMeaning::Rows => {
                    let measures = summed(wiring, gate.cell).into_iter().map(|index| self.measure(index)).collect::<Result<Vec<_>, _>>()?;
                    (CellBlockKind::Rows, Number::new(own.clone(), base(), measures))
                }
                CellMeaning::Known(index) => {
                    let base = if is_public(self.attribute(index)?) { base() } else { own.clone() };
                    (CellBlockKind::Known(index), Number::new(own.clone(), base, vec![self.measure(index)?]))
                }
                CellMeaning::Part(index, _) => (CellBlockKind::Parts(index), Number::new(own.clone(), own.clone(), Vec::new())),
                _ => return Err(HospitalError::Statement("a gate counts no people".into())),
            };
            if let Some(block) = blocks.last_mut().filter(|b| b.cell == start) {
                block.numbers.push(number);
                continue;
            }
            let (values, products) = self.amounts(wiring, gate.cell, levels)?;
            let unknown = match (kind, &bases) {
                (CellBlockKind::Parts(index), Some(bases)) => {
                    self.unknown(work, index, bases.slots.get(&cell.group).map_or(&[], Vec::as_slice))?
                }
                _ => RowSet::default(),
            };
            blocks.push(CellBlock {
                cell: start,
                group: cell.group,
                starts_group: wiring.cells()[start].kind.group_start,
                passes: passes[start],
                kind,
                numbers: vec![number],
                unknown,
                values,
                products,
                held_back: false,
            });
        }
        let bands = wiring.groupings().iter().map(Vec::len).collect();
        Ok(Table { blocks, bands, unknown: bases.map(|b| b.unknown).unwrap_or_default() })
    }

    /// People of some slots of whom a public attribute is missing.
    fn unknown(&self, work: &Work, index: u16, slots: &[u32]) -> Result<RowSet, HospitalError> {
        let attribute = self.attribute(index)?;
        let Some(missing) = missing_bin(attribute).filter(|_| is_public(attribute)) else { return Ok(RowSet::default()) };
        let column = first_block(self.dictionary, index);
        slots.iter().filter(|slot| work.code(column, **slot) == missing).map(|slot| self.person(*slot)).collect()
    }

    /// The base sets of the groups, and those who are in none as a public grouping attribute is missing.
    fn bases(&self, work: &Work) -> Result<Bases, HospitalError> {
        let wiring = Wiring::new(self.dictionary, &self.base_statement(), self.registry, &self.eligibility)
            .map_err(|e| HospitalError::Statement(e.to_string()))?;
        let rows = gate_rows(&wiring, &work.witness());
        let slots = rows.first().map_or(&[][..], |gate| gate.slots.as_slice());
        let mut bases = Bases::default();
        for slot in slots {
            let mut bands = Vec::with_capacity(self.statement.groups.len());
            for grouping in &self.statement.groups {
                let code = work.code(first_block(self.dictionary, grouping.attribute), *slot);
                match grouping.bands.iter().position(|bins| bins.contains(&code)) {
                    Some(band) => bands.push(Some(band)),
                    None if missing_bin(self.attribute(grouping.attribute)?) == Some(code) => bands.push(None),
                    None => break,
                }
            }
            if bands.len() < self.statement.groups.len() {
                continue;
            }
            let person = self.person(*slot)?;
            if let Some(known) = bands.iter().copied().collect::<Option<Vec<usize>>>() {
                let sizes = self.statement.groups.iter().map(|g| g.bands.len());
                let group = known.iter().zip(sizes).rev().fold(0, |group, (band, size)| group * size + band);
                bases.groups.entry(group).or_default().insert(person);
                bases.slots.entry(group).or_default().push(*slot);
            } else {
                bases.unknown.push(Unknown { person, bands });
            }
        }
        Ok(bases)
    }

    fn amounts<'l>(
        &self,
        wiring: &Wiring,
        gate: usize,
        levels: &'l BTreeMap<u16, Vec<u32>>,
    ) -> Result<(Vec<Amounts<'l>>, Vec<Product<'l>>), HospitalError> {
        let of = |index: u16| -> Result<Amounts<'l>, HospitalError> {
            let attribute = self.attribute(index)?;
            let levels = levels.get(&index).map_or(&[][..], Vec::as_slice);
            Ok(Amounts { levels, top: attribute.level_count().saturating_sub(1), zero: zero(attribute), squares: true })
        };
        let (mut values, mut products) = (Vec::new(), Vec::new());
        for cell in block_cells(wiring, gate) {
            match wiring.cells()[cell].meaning {
                CellMeaning::Sum(index) => values.push(of(index)?),
                CellMeaning::Product(x, y) => products.push(Product { x: of(x)?, y: of(y)? }),
                _ => {}
            }
        }
        Ok((values, products))
    }
}

#[derive(Default)]
struct Bases {
    groups: BTreeMap<usize, RowSet>,
    slots: BTreeMap<usize, Vec<u32>>,
    unknown: Vec<Unknown>,
}

/// Whether it is known of somebody says nothing that needs protection; an attribute that is never missing says nothing by that either.
fn is_public(attribute: &Attribute) -> bool {
    attribute.complete() || attribute.missingness() == Missingness::Public
}

fn missing_bin(attribute: &Attribute) -> Option<u16> {
    attribute.bins(None).map(|bins| bins.first)
}

/// The level of the value zero, if it is one.
fn zero(attribute: &Attribute) -> Option<u32> {
    let Domain::Scale(scale) = attribute.domain() else { return None };
    let zero = Default::default();
    scale.level(zero).filter(|level| scale.value(*level) == zero)
}

/// Where an attribute's blocks begin.
fn first_block(dictionary: &Dictionary, attribute: u16) -> usize {
    dictionary.attributes().iter().take(usize::from(attribute)).map(|a| a.blocks().len()).sum()
}

/// The first cell of a cell's block.
pub(super) fn block_start(wiring: &Wiring, cell: usize) -> usize {
    (0..=cell).rev().find(|i| wiring.cells()[*i].kind.block_start).unwrap_or(0)
}

/// Cells of a cell's block.
fn block_cells(wiring: &Wiring, cell: usize) -> std::ops::Range<usize> {
    let start = block_start(wiring, cell);
    start..(start + 1..wiring.cells().len()).find(|i| wiring.cells()[*i].kind.block_start).unwrap_or(wiring.cells().len())
}

/// Attributes summed in a cell's block.
fn summed(wiring: &Wiring, cell: usize) -> Vec<u16> {
    let sum = |i: usize| match wiring.cells()[i].meaning {
        CellMeaning::Sum(index) => Some(index),
        _ => None,
    };
    block_cells(wiring, cell).filter_map(sum).collect()
}

impl Work {
    /// The bin of a slot in a column of the data table.
    fn code(&self, column: usize, slot: u32) -> u16 {
        self.data.codes.blocks.get(column).and_then(|block| block.get(slot as usize)).copied().unwrap_or(EMPTY)
    }

    /// A linear form of a slot's bins.
    fn level(&self, form: &[(usize, u64)], slot: u32) -> u32 {
        let (mut first, mut sum) = (0, 0);
        for (column, size) in self.layouts.0.blocks.iter().enumerate() {
            let code = self.code(column, slot);
            if code != EMPTY {
                sum += form.binary_search_by_key(&(first + usize::from(code)), |(row, _)| *row).map_or(0, |i| form[i].1);
            }
            first += size;
        }
        sum as u32
    }
}
