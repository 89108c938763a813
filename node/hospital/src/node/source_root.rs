//! The root of salted source digests that an anchor carries: what a row was when it was anchored, for audits of one record.
//!
//! A leaf binds a slot's patient and bins under a salt of its own. The salts of a segment follow from a seed that is drawn with every anchor, kept with the opening, and gone with it, or as soon as a
//! person of the segment is erased. Whoever is shown one record gets its patient, bins, salt and Merkle path, and learns nothing of the others.

use crate::opening::SourceSeed;
use countersign_circuits::{
    field::Fr,
    hash::Digest32,
    outer::scalar_bytes,
    segment::{EMPTY, SLOTS, SlotCodes},
    tag,
};
use countersign_ingest::PatientId;
use countersign_messages::{source_leaf, source_salt};
use rand::{CryptoRng, RngCore};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// A fresh seed, from the system's randomness and a segment's blinder of occupancy.
pub(super) fn fresh_seed(occupancy: &Fr, os: &mut (impl RngCore + CryptoRng)) -> SourceSeed {
    let mut drawn = Zeroizing::new([0; 32]);
    os.fill_bytes(&mut *drawn);
    let hedge = Zeroizing::new(scalar_bytes(occupancy));
    Zeroizing::new(Digest32::tagged(tag::SOURCE_SEED, [&drawn[..], &hedge[..]]).0)
}

/// Leaves of one segment, ascending by slot, with their slots. `patients` names the patient of a slot of the register.
pub(super) fn leaves(index: u32, codes: &SlotCodes, seed: &[u8; 32], patients: &HashMap<u32, PatientId>) -> Vec<(u32, Digest32)> {
    let occupied = |offset: &usize| codes.blocks.first().is_some_and(|block| block[*offset] != EMPTY);
    (0..SLOTS)
        .filter(occupied)
        .map(|offset| {
            let slot = index * SLOTS as u32 + offset as u32;
            let bins: Vec<u16> = codes.blocks.iter().map(|block| block[offset]).collect();
            let patient = patients.get(&slot).map_or("", PatientId::expose);
            (slot, source_leaf(&source_salt(seed, slot), slot, patient, &bins))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_messages::merkle;
    use rand::{SeedableRng, rngs::StdRng};

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
        let digests = |leaves: Vec<(u32, Digest32)>| leaves.into_iter().map(|(_, leaf)| leaf).collect::<Vec<_>>();
        let honest = leaves(1, &table(), &[5; 32], &patients);
        assert_eq!(honest.iter().map(|(slot, _)| *slot).collect::<Vec<_>>(), [2051, 2748, 4095]);
        let honest = digests(honest);
        let root = merkle::root(&honest);
        let path = merkle::Path::new(&honest, 1).unwrap();
        assert!(path.verify(&honest[1], &root) && !path.verify(&honest[0], &root));
        let mut other_bin = table();
        other_bin.blocks[1][700] = 2;
        let other_patient = named("p9");
        for changed in [
            leaves(1, &other_bin, &[5; 32], &patients),
            leaves(1, &table(), &[6; 32], &patients),
            leaves(1, &table(), &[5; 32], &other_patient),
            leaves(0, &table(), &[5; 32], &patients),
        ] {
            let changed = digests(changed);
            assert_ne!(changed[1], honest[1]);
            assert_ne!(merkle::root(&changed), root);
        }
    }

    #[test]
    fn a_seed_follows_from_both_what_is_drawn_and_the_blinder() {
        let seed = |blinder: u64, drawn: u64| *fresh_seed(&Fr::from(blinder), &mut StdRng::seed_from_u64(drawn));
        assert_eq!(seed(1, 1), seed(1, 1));
        assert_ne!(seed(1, 1), seed(2, 1));
        assert_ne!(seed(1, 1), seed(1, 2));
    }
}
