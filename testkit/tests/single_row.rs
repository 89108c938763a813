//! One row opened alone.

use ark_ff::One;
use countersign_circuits::{field::Fr, row::RowOpening, segment::EMPTY};
use countersign_prover::{row::open_row, validity::sparse_rows};
use countersign_testkit::world::World;
use countersign_verifier::{VerifyError, verify_row};
use rand::{SeedableRng, rngs::StdRng};

fn opened(world: &World, offset: usize) -> RowOpening {
    let rows = sparse_rows(&world.data_layout, &world.data, 0);
    open_row(&world.data_segments[0], &rows, &world.data_blinders[0], offset, &mut StdRng::seed_from_u64(3))
}

#[test]
fn a_slot_opens_to_its_own_bins_and_no_other() {
    let world = World::new(1500, 5);
    let occupied = (0..2048).find(|i| world.data.blocks[0][*i] != EMPTY).unwrap();
    let empty = (0..2048).find(|i| world.data.blocks[0][*i] == EMPTY).unwrap();
    for offset in [occupied, empty] {
        let opening = opened(&world, offset);
        let row = verify_row(&world.data_segments[0], offset, &opening.encode()).unwrap();
        let mut first = 0;
        for (codes, size) in world.data.blocks.iter().zip(&world.data_layout.blocks) {
            let set: Vec<usize> = (0..*size).filter(|bin| row.bits[first + bin]).collect();
            assert_eq!(set, if codes[offset] == EMPTY { vec![] } else { vec![usize::from(codes[offset])] });
            first += size;
        }
        assert_eq!(row.bits[first], offset == occupied);
    }
}

#[test]
fn nothing_else_verifies() {
    let world = World::new(1500, 5);
    let segment = &world.data_segments[0];
    let opening = opened(&world, 7);
    let bytes = opening.encode();
    assert!(verify_row(segment, 7, &bytes).is_ok());
    assert_eq!(verify_row(segment, 8, &bytes), Err(VerifyError::Opening), "another slot");
    let other = World::new(1500, 6);
    assert_eq!(verify_row(&other.data_segments[0], 7, &bytes), Err(VerifyError::Opening), "another segment");
    for row in [0, 1, opening.bits.len() - 1] {
        let mut lie = opening.clone();
        lie.bits[row] ^= true;
        assert_eq!(verify_row(segment, 7, &lie.encode()), Err(VerifyError::Opening), "another bin");
    }
    let mut lie = opening.clone();
    lie.masked += Fr::one();
    assert_eq!(verify_row(segment, 7, &lie.encode()), Err(VerifyError::Opening));
    let mut lie = opening.clone();
    lie.opening.last[0] += Fr::one();
    assert_eq!(verify_row(segment, 7, &lie.encode()), Err(VerifyError::Opening));
    assert!(matches!(verify_row(segment, 7, &[bytes.clone(), vec![0]].concat()), Err(VerifyError::Decode(_))));
    let mut not_a_bit = bytes;
    not_a_bit[0] = 2;
    assert!(matches!(verify_row(segment, 7, &not_a_bit), Err(VerifyError::Decode(_))));
}

/// A prover that knows everything still cannot claim another bin: it fixes its claims before chi.
#[test]
fn two_lies_that_cancel_under_a_known_challenge_do_not_under_a_drawn_one() {
    let world = World::new(1500, 5);
    let mut lie = opened(&world, 7);
    lie.bits[0] ^= true;
    lie.bits[1] ^= true;
    assert_eq!(verify_row(&world.data_segments[0], 7, &lie.encode()), Err(VerifyError::Opening));
}
