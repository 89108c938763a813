//! A prover of S1 over tables that are none: entries of any value, commitments and blinders by hand.

use crate::world::{World, keys};
use ark_bn254::Bn254;
use ark_ec::CurveGroup;
use ark_ff::UniformRand;
use ark_groth16::Proof;
use countersign_circuits::{
    commitment::Generators,
    dictionary::SegmentLayout,
    field::{Fr, G1},
    msm::msm,
    segment::{Segment, SegmentId, TableContext},
    validity::SegmentsInstance,
};
use countersign_prover::{
    commitment::Blinders,
    groth16,
    validity::{Draft, SparseRow},
};
use rand::{SeedableRng, rngs::StdRng};

/// One segment with its openings, changed at will before [`Table::anchor`].
#[derive(Clone)]
pub struct Table {
    /// Rows, occupancy last.
    pub rows: Vec<SparseRow>,
    /// Blinders of the rows.
    pub blinders: Blinders,
    /// Where it claims to be from.
    pub context: TableContext,
    /// Its place.
    pub id: SegmentId,
    layout: SegmentLayout,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Table")
    }
}

impl Table {
    /// The honest first segment of a world's data, with fresh blinders.
    pub fn of(world: &World, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        Self {
            rows: world.rows().swap_remove(0),
            blinders: Blinders::draw(&world.data_layout, &mut rng),
            context: world.context.data_table(),
            id: SegmentId { index: 0, version: 0 },
            layout: world.data_layout.clone(),
        }
    }

    /// Sets one entry of a row.
    pub fn set(&mut self, row: usize, slot: u16, value: Fr) {
        let mut entries: Vec<(u16, Fr)> = self.rows[row].entries().filter(|(s, _)| *s != slot).collect();
        entries.push((slot, value));
        entries.retain(|(_, v)| *v != Fr::from(0u64));
        entries.sort_by_key(|(s, _)| *s);
        self.rows[row] = SparseRow::with_values(entries);
    }

    /// The value of one entry.
    pub fn get(&self, row: usize, slot: u16) -> Fr {
        self.rows[row].entries().find(|(s, _)| *s == slot).map_or(Fr::from(0u64), |(_, v)| v)
    }

    /// The rows of a block.
    pub fn block(&self, block: usize) -> std::ops::Range<usize> {
        let first = self.layout.blocks[..block].iter().sum();
        first..first + self.layout.blocks[block]
    }

    /// The row of a block that is set for an occupied slot.
    pub fn bin_of(&self, block: usize, slot: u16) -> usize {
        self.block(block).find(|row| self.get(*row, slot) != Fr::from(0u64)).unwrap()
    }

    /// The row of occupancy.
    pub fn occupancy(&self) -> usize {
        self.layout.bin_rows()
    }

    /// Commits every row as it stands.
    pub fn commit(&self) -> Segment {
        let generators = Generators::get();
        let points: Vec<G1> = self
            .rows
            .iter()
            .zip(&self.blinders.0)
            .map(|(row, blinder)| {
                let (bases, scalars): (Vec<_>, Vec<_>) = row.entries().map(|(slot, x)| (generators.g[usize::from(slot)], x)).unzip();
                msm(&bases, &scalars) + generators.h * blinder
            })
            .collect();
        Segment::new(&self.context, self.id, G1::normalize_batch(&points))
    }

    /// Commits, proves whatever stands there without a check (`deviate` may change the draft before it is bound) and opens: segment and proof.
    pub fn anchor_with(&self, seed: u64, deviate: impl FnOnce(&mut Draft)) -> (Segment, Vec<u8>) {
        let segment = self.commit();
        let mut rng = StdRng::seed_from_u64(seed);
        let segments = std::slice::from_ref(&segment);
        let instance = SegmentsInstance { context: self.context, layout: &self.layout, segments };
        let (rows, blinders) = (vec![self.rows.clone()], vec![self.blinders.clone()]);
        let mut draft = Draft::start(&instance, &rows, &blinders, &mut rng).unwrap();
        draft.run_rounds(&rows);
        deviate(&mut draft);
        draft.bind(&mut rng);
        let groth16 = prove_unchecked(&draft, &mut rng);
        let proof = draft.finish(groth16, &rows, &blinders).unwrap().encode();
        (segment, proof)
    }

    /// [`Table::anchor_with`] without deviation.
    pub fn anchor(&self, seed: u64) -> (Segment, Vec<u8>) {
        self.anchor_with(seed, |_| ())
    }

    /// A verifier's view of some segments of this table.
    pub fn instance<'a>(&'a self, segments: &'a [Segment]) -> SegmentsInstance<'a> {
        SegmentsInstance { context: self.context, layout: &self.layout, segments }
    }
}

/// The circuit's proof of a draft, satisfied or not.
pub fn prove_unchecked(draft: &Draft, rng: &mut StdRng) -> Proof<Bn254> {
    groth16::prove_unchecked(&keys().validity, &draft.assignment().unwrap(), Fr::rand(rng), Fr::rand(rng)).unwrap()
}
