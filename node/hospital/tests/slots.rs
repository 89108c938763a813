//! The slot register and codes by slot.

use crate::common::{dictionary, patient, registry, rng};
use countersign_circuits::{
    consent::{Day, ScopeRegistry},
    segment::SLOTS,
};
use countersign_generate::{Profile, table};
use countersign_hospital::{
    codes::{self, CodesError},
    slots::{SlotError, SlotIndex, SlotRegister},
};
use countersign_ingest::PatientId;
use std::collections::HashSet;

#[test]
fn slots_are_distinct_random_and_repeatable() {
    let patients: Vec<PatientId> = (0..3000).map(patient).collect();
    let mut register = SlotRegister::default();
    let given = register.assign(&patients, &mut rng(1)).unwrap();
    assert_eq!((given.len(), register.segments()), (3000, 2));
    let slots: Vec<u32> = given.iter().map(|(_, a)| a.slot.0).collect();
    assert_eq!(slots.iter().collect::<HashSet<_>>().len(), 3000);
    assert_eq!(given.iter().map(|(_, a)| a.row_id).collect::<HashSet<_>>().len(), 3000);
    assert!(slots.iter().all(|s| *s < 2 * SLOTS as u32));
    // neither in order of arrival nor crowded into the first segment
    let ascending = slots.windows(2).filter(|w| w[0] < w[1]).count();
    assert!((1300..1700).contains(&ascending), "{ascending}");
    let first = slots.iter().filter(|s| **s < SLOTS as u32).count();
    assert!((1400..1600).contains(&first), "{first}");
    let again = SlotRegister::default().assign(&patients, &mut rng(1)).unwrap();
    assert_eq!(again, given);
    assert_ne!(SlotRegister::default().assign(&patients, &mut rng(2)).unwrap(), given);
}

#[test]
fn known_patients_keep_their_slot_and_repeats_get_one() {
    let mut register = SlotRegister::default();
    register.assign(&[patient(1), patient(2)], &mut rng(3)).unwrap();
    let before = register.find(&patient(1));
    let new = register.assign(&[patient(1), patient(3), patient(3)], &mut rng(4)).unwrap();
    assert_eq!(new.len(), 1);
    assert_eq!(register.find(&patient(1)), before);
    assert_eq!(register.len(), 3);
}

#[test]
fn a_withdrawn_slot_stays_dead_and_only_a_new_document_readmits() {
    let everybody: Vec<PatientId> = (0..SLOTS as u32).map(patient).collect();
    let mut register = SlotRegister::default();
    register.assign(&everybody, &mut rng(5)).unwrap();
    let old = register.withdraw(&patient(9)).unwrap();
    assert_eq!(register.withdraw(&patient(9)), Err(SlotError::NoSlot));
    assert!(register.assign(&everybody, &mut rng(6)).unwrap().is_empty(), "withdrawn by the patient, re-granted by an import");
    register.readmit(&patient(9));
    let new = register.assign(&everybody, &mut rng(7)).unwrap();
    assert_eq!(new.len(), 1);
    // the only free place in the first segment is the dead one
    assert_eq!(register.segments(), 2);
    assert!(new[0].1.slot.0 >= SLOTS as u32 && new[0].1.slot != old.slot);
    assert_eq!(new[0].1.row_id, old.row_id, "a new slot is no new person to the overlap rule");
}

#[test]
fn codes_are_the_bins_of_the_rows_and_empty_elsewhere() {
    let dictionary = dictionary();
    let columns = table(Profile::SmallGaps, 2500, 8, &dictionary);
    let rows: Vec<Vec<Option<u32>>> = (0..2500).map(|r| columns.iter().map(|c| c[r]).collect()).collect();
    let mut register = SlotRegister::default();
    let patients: Vec<PatientId> = (0..2500).map(patient).collect();
    register.assign(&patients, &mut rng(8)).unwrap();
    let slots: Vec<SlotIndex> = patients.iter().map(|p| register.find(p).unwrap().slot).collect();
    let codes = codes::data_codes(&dictionary, 2, slots.iter().copied().zip(rows.iter().map(Vec::as_slice))).unwrap();
    assert_eq!((codes.blocks.len(), codes.slots(), codes::occupied(&codes)), (4, 2 * SLOTS, 2500));
    assert!(codes.fits(&dictionary.layout().blocks));
    for (slot, row) in slots.iter().zip(&rows) {
        let mut block = 0;
        for (attribute, level) in dictionary.attributes().iter().zip(row) {
            let bins = attribute.bins(*level).unwrap();
            assert_eq!(codes.blocks[block][slot.0 as usize], bins.first);
            if let Some(fine) = bins.fine {
                assert_eq!(codes.blocks[block + 1][slot.0 as usize], fine);
            }
            block += attribute.blocks().len();
        }
    }
    let second = codes::segment(&codes, 1).unwrap();
    assert_eq!(second.blocks[3][..], codes.blocks[3][SLOTS..]);
    assert!(codes::segment(&codes, 2).is_none());
    assert_eq!(format!("{codes:?}"), "SlotCodes(4 blocks, redacted)");
}

#[test]
fn consents_become_expiry_bins() {
    let registry = registry();
    let grants = [
        (SlotIndex(0), vec![Some(Day(17999)), Some(Day(18000))]),
        (SlotIndex(9), vec![Some(Day(19999)), None]),
        (SlotIndex(2047), vec![Some(Day(99999)), Some(Day(20000))]),
    ];
    let codes = codes::consent_codes(&registry, 1, grants.iter().map(|(s, g)| (*s, g.as_slice()))).unwrap();
    let of = |slot: usize| [codes.blocks[0][slot], codes.blocks[1][slot]];
    assert_eq!([of(0), of(9), of(2047), of(1)], [[0, 1], [2, 0], [3, 3], [u16::MAX, u16::MAX]]);
    assert!(codes.fits(&registry.layout().blocks));
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let dictionary = dictionary();
    let data = |slot: u32, row: &[Option<u32>]| codes::data_codes(&dictionary, 1, [(SlotIndex(slot), row)]).map(|_| ());
    assert_eq!(data(0, &[None, None]), Err(CodesError::Width { found: 2, expected: 3 }));
    assert_eq!(data(0, &[None, Some(3), None]), Err(CodesError::Level { attribute: "sex".into() }));
    assert_eq!(data(SLOTS as u32, &[None; 3]), Err(CodesError::Slot(SLOTS as u32)));
    let twice = codes::data_codes(&dictionary, 1, [(SlotIndex(4), &[None; 3][..]), (SlotIndex(4), &[None; 3][..])]);
    assert_eq!(twice.map(|_| ()), Err(CodesError::Twice(4)));
    let registry = ScopeRegistry { scopes: vec!["p.health".into()], grid: vec![Day(1)] };
    assert!(codes::consent_codes(&registry, 1, [(SlotIndex(0), &[None, None][..])]).is_err());
    let mut codes = codes::data_codes(&dictionary, 1, [(SlotIndex(4), &[None; 3][..])]).unwrap();
    codes.blocks[1][4] = 4;
    assert!(!codes.fits(&dictionary.layout().blocks), "a bin beyond the block");
    codes.blocks[1][4] = u16::MAX;
    assert!(!codes.fits(&dictionary.layout().blocks), "half a row");
    codes::clear(&mut codes, SlotIndex(4)).unwrap();
    assert!(codes.fits(&dictionary.layout().blocks) && codes::occupied(&codes) == 0);
}
