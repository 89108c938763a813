//! Erasures, as a hospital makes them.

use super::{Net, Who, id};
use countersign_circuits::hash::Digest32;
use countersign_ledger::{State, TableKey};
use countersign_messages::{Erase, ErasedVersion};

impl Net {
    /// Empties whatever has left of a segment, in every version that has to be replaced.
    pub fn erase(&mut self, who: Who, index: u32) -> Erase {
        let state = self.state.clone();
        self.erase_on(&state, who, index)
    }

    /// The same after looking at a state.
    pub fn erase_on(&mut self, state: &State, who: Who, index: u32) -> Erase {
        let (mut versions, may) = state.versions_to_erase(&id(who), index);
        versions.extend(may);
        let mut steps: Vec<ErasedVersion> = Vec::new();
        for (table, from) in versions {
            let record = state.table(&TableKey { hospital: id(who), table }).unwrap();
            let (rows, current) = (record.rows as usize, record.versions[index as usize]);
            let to = steps.last().filter(|last| last.table == table).map_or(current, |last| last.to) + 1;
            steps.push(ErasedVersion { table, from, to, points: self.points.bytes(rows) });
        }
        Erase { index, height: state.tip().height, steps, source_root: Digest32::default(), proof: b"good".to_vec() }
    }
}
