//! An answer as blocks of numbers, and the margins whoever adds released numbers can make.

use super::{Amounts, MeasureRef, Number, Product, RowSet, Withhold, product_dominates, value_dominates};
use crate::slots::RowId;

/// What the blocks of an answer stand for: blocks of one kind in different groups can be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CellBlockKind {
    /// Rows of the group; a model's block too.
    Rows,
    /// Known rows of an attribute, with sums if they were asked.
    Known(u16),
    /// Parts of an attribute's known levels.
    Parts(u16),
}

/// Neighbouring cells that are released together.
#[derive(Debug)]
pub struct CellBlock<'a> {
    /// Index of its first cell.
    pub cell: usize,
    /// Index of its group: bands of the first grouping attribute count fastest.
    pub group: usize,
    /// True if withholding it withholds its group.
    pub starts_group: bool,
    /// True if its counts pass the published rule: otherwise it does not leave, whatever is found here.
    pub passes: bool,
    /// What it counts.
    pub kind: CellBlockKind,
    /// One number for each count shown: several for parts.
    pub numbers: Vec<Number>,
    /// For parts of a public attribute: people of the group where it is missing; a sum over the parts has them in its base set.
    pub unknown: RowSet,
    /// Values summed.
    pub values: Vec<Amounts<'a>>,
    /// Products summed.
    pub products: Vec<Product<'a>>,
    /// The hospital's own word against it.
    pub held_back: bool,
}

/// Somebody the filter holds for, of whom a public grouping attribute is missing.
#[derive(Debug, Clone)]
pub struct Unknown {
    /// Who.
    pub person: RowId,
    /// For each grouping attribute: the band; `None` if the attribute is public and missing.
    pub bands: Vec<Option<usize>>,
}

/// An answer about to leave.
#[derive(Debug)]
pub struct Table<'a> {
    /// Blocks in the order of their cells.
    pub blocks: Vec<CellBlock<'a>>,
    /// Bands of each grouping attribute.
    pub bands: Vec<usize>,
    /// Those who are in no group as a public grouping attribute is missing.
    pub unknown: Vec<Unknown>,
}

/// A number that nobody wrote down: a sum of released ones.
#[derive(Debug)]
pub struct Margin {
    /// The sum, as a number.
    pub number: Number,
    /// The block to be withheld if it exposes: the smallest of those it adds.
    pub smallest: usize,
}

impl Table<'_> {
    /// The rules that look at one block alone: dominance, and the hospital's own word.
    pub fn by_block(&self, k_min: u32) -> Vec<Withhold> {
        let verdict = |block: &CellBlock<'_>| {
            if !block.passes {
                Withhold::None
            } else if block.values.iter().any(|v| value_dominates(*v, k_min)) || block.products.iter().any(|p| product_dominates(*p, k_min))
            {
                Withhold::Dominance
            } else if block.held_back {
                Withhold::Local
            } else {
                Withhold::None
            }
        };
        let mut withheld: Vec<Withhold> = self.blocks.iter().map(verdict).collect();
        self.spread(&mut withheld);
        withheld
    }

    /// A withheld group withholds everything in it.
    pub fn spread(&self, withheld: &mut [Withhold]) {
        let starts = self.blocks.iter().zip(withheld.iter()).filter(|(block, reason)| block.starts_group && **reason != Withhold::None);
        let groups: Vec<(usize, Withhold)> = starts.map(|(block, reason)| (block.group, *reason)).collect();
        for (group, reason) in groups {
            let inside = self.blocks.iter().zip(withheld.iter_mut()).filter(|(block, own)| block.group == group && **own == Withhold::None);
            inside.for_each(|(_, own)| *own = reason);
        }
    }

    /// Blocks that leave.
    pub fn released<'s>(&'s self, withheld: &'s [Withhold]) -> impl Iterator<Item = (usize, &'s CellBlock<'s>)> + 's {
        self.blocks.iter().zip(withheld).enumerate().filter(|(_, (b, w))| b.passes && **w == Withhold::None).map(|(i, (b, _))| (i, b))
    }

    /// For every kind of block and every subset of the grouping attributes (a partition into parts is one): the unions of the released groups.
    pub fn margins(&self, withheld: &[Withhold]) -> Vec<Margin> {
        let mut kinds: Vec<CellBlockKind> = self.blocks.iter().map(|b| b.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut margins = Vec::new();
        for kind in kinds {
            let released: Vec<(usize, &CellBlock<'_>)> = self.released(withheld).filter(|(_, b)| b.kind == kind).collect();
            for summed in 0..1_usize << self.bands.len() {
                self.sums(&released, summed, kind, &mut margins);
            }
        }
        margins
    }

    /// Sums over some grouping attributes (a bit each), for each combination of the others.
    fn sums(&self, released: &[(usize, &CellBlock<'_>)], summed: usize, kind: CellBlockKind, margins: &mut Vec<Margin>) {
        let parts = matches!(kind, CellBlockKind::Parts(_));
        let fixed = |group: usize| -> Vec<Option<usize>> {
            let bands = self.bands_of(group);
            bands.into_iter().enumerate().map(|(q, band)| (summed >> q & 1 == 0).then_some(band)).collect()
        };
        let mut sets: Vec<Vec<Option<usize>>> = released.iter().map(|(_, block)| fixed(block.group)).collect();
        sets.sort_unstable();
        sets.dedup();
        for set in sets {
            let inside: Vec<_> = released.iter().copied().filter(|(_, block)| fixed(block.group) == set).collect();
            let smallest = inside.iter().min_by_key(|(_, block)| block.numbers.iter().map(|n| n.own().len()).sum::<u64>()).map(|(i, _)| *i);
            let Some(smallest) = smallest else { continue };
            let unknown = self.unknown_of(summed, &set);
            let widths = inside.iter().map(|(_, b)| b.numbers.len()).max().unwrap_or_default();
            if summed != 0 {
                for part in 0..widths {
                    let numbers = inside.iter().filter_map(|(_, block)| block.numbers.get(part));
                    margins.extend(union(numbers, &unknown).map(|number| Margin { number, smallest }));
                }
            }
            if parts {
                let mut unknown = unknown;
                inside.iter().for_each(|(_, block)| unknown.extend(&block.unknown));
                let numbers = inside.iter().flat_map(|(_, block)| &block.numbers);
                margins.extend(union(numbers, &unknown).map(|number| Margin { number, smallest }));
            }
        }
    }

    fn bands_of(&self, group: usize) -> Vec<usize> {
        let mut left = group;
        self.bands
            .iter()
            .map(|bands| {
                let band = left % (*bands).max(1);
                left /= (*bands).max(1);
                band
            })
            .collect()
    }

    /// Those of the fixed bands of whom a public attribute that is summed over is missing.
    fn unknown_of(&self, summed: usize, fixed: &[Option<usize>]) -> RowSet {
        let belongs = |unknown: &&Unknown| {
            let mut missing = false;
            let fits = unknown.bands.iter().zip(fixed).enumerate().all(|(q, (band, fixed))| match (band, fixed) {
                (Some(band), Some(fixed)) => band == fixed,
                (None, Some(_)) => false,
                (Some(_), None) => true,
                (None, None) => {
                    missing = true;
                    summed >> q & 1 == 1
                }
            });
            fits && missing
        };
        self.unknown.iter().filter(belongs).map(|unknown| unknown.person).collect()
    }
}

/// The sum of numbers; `None` if it is one of them.
fn union<'a>(numbers: impl Iterator<Item = &'a Number>, unknown: &RowSet) -> Option<Number> {
    let (mut own, mut base) = (RowSet::default(), unknown.clone());
    let (mut measures, mut added): (Option<Vec<MeasureRef>>, usize) = (None, 0);
    for number in numbers.filter(|n| !n.own().is_empty()) {
        own.extend(number.own());
        base.extend(number.base());
        measures.get_or_insert_with(|| number.measures().to_vec());
        added += 1;
    }
    (added > 1).then(|| Number::new(own, base, measures.unwrap_or_default()))
}
