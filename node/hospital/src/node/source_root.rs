//! The root of salted source digests that an anchor carries: what a row was when it was anchored, for audits of one record.
//!
//! A leaf binds a slot's patient and bins under a salt that follows from the segment's occupancy blinder: fresh with every anchor, kept with the opening, and
//! gone with it. An auditor who is shown one record gets its patient, bins, salt and Merkle path, and learns nothing of the others.

use countersign_circuits::{
    field::Fr,
    hash::Digest32,
    outer::scalar_bytes,
    segment::{EMPTY, SLOTS, SlotCodes},
    tag,
};
use countersign_ingest::PatientId;
use countersign_messages::merkle;
use std::collections::HashMap;

/// Leaves of one segment, ascending by slot. `patients` names the patient of a slot of the register.
pub(super) fn leaves(index: u32, codes: &SlotCodes, occupancy: &Fr, patients: &HashMap<u32, PatientId>) -> Vec<Digest32> {
    let occupied = |offset: &usize| codes.blocks.first().is_some_and(|block| block[*offset] != EMPTY);
    (0..SLOTS)
        .filter(occupied)
        .map(|offset| {
            let slot = index * SLOTS as u32 + offset as u32;
            let salt = Digest32::tagged(tag::SOURCE_SALT, [&scalar_bytes(occupancy)[..], &slot.to_le_bytes()]);
            let bins: Vec<u8> = codes.blocks.iter().flat_map(|block| block[offset].to_le_bytes()).collect();
            let patient = patients.get(&slot).map_or("", PatientId::expose);
            let digest = Digest32::tagged(tag::SOURCE, [&salt.0[..], &slot.to_le_bytes(), patient.as_bytes(), &bins]);
            merkle::leaf(&digest.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> SlotCodes {
        let mut codes = SlotCodes { blocks: vec![vec![EMPTY; SLOTS]; 2] };
        for slot in [3, 700, 2047] {
            codes.blocks.iter_mut().for_each(|block| block[slot] = 1);
        }
        codes
    }

    #[test]
    fn a_record_has_a_path_and_every_part_of_it_counts() {
        let named = |second: &str| {
            let all = [(2048 + 3, "p1"), (2048 + 700, second), (2048 + 2047, "p3")];
            all.into_iter().map(|(slot, id)| (slot, PatientId::new(id).unwrap())).collect::<HashMap<_, _>>()
        };
        let patients = named("p2");
        let blinder = Fr::from(5u64);
        let honest = leaves(1, &table(), &blinder, &patients);
        assert_eq!(honest.len(), 3);
        let root = merkle::root(&honest);
        let path = merkle::Path::new(&honest, 1).unwrap();
        assert!(path.verify(&honest[1], &root) && !path.verify(&honest[0], &root));
        let mut other_bin = table();
        other_bin.blocks[1][700] = 2;
        let other_patient = named("p9");
        for changed in [
            leaves(1, &other_bin, &blinder, &patients),
            leaves(1, &table(), &Fr::from(6u64), &patients),
            leaves(1, &table(), &blinder, &other_patient),
            leaves(0, &table(), &blinder, &patients),
        ] {
            assert_ne!(changed[1], honest[1]);
            assert_ne!(merkle::root(&changed), root);
        }
    }
}
