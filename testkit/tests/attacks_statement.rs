//! Statements that do not fit: what whoever assembles one from the ledger could get wrong, each refused by name before anything is looked at.

use countersign_circuits::{
    context::{AggregateInstance, AnswerContext},
    opening::DecodeError,
    segment::{SEGMENTS_MAX, SLOTS, Segment, SegmentId},
    validity::SegmentsInstance,
};
use countersign_testkit::{
    scene::{honest, wiring, world},
    world::keys,
};
use countersign_verifier::{VerifyError, verify_aggregate, verify_row, verify_segments};

fn verdict(instance: &AggregateInstance<'_>) -> VerifyError {
    verify_aggregate(&keys().verifying, instance, &[]).unwrap_err()
}

#[test]
fn k_min_of_nobody_and_of_more_than_a_table() {
    let wiring = wiring();
    for (k_min, error) in [
        (0, VerifyError::Statement("k_min is out of range")),
        (1 << 22, VerifyError::Statement("k_min is out of range")),
        (u32::MAX, VerifyError::Statement("k_min is out of range")),
        (1, DecodeError::Short.into()),
        ((1 << 22) - 1, DecodeError::Short.into()),
    ] {
        let context = AnswerContext { k_min, ..world().context.clone() };
        assert_eq!(verdict(&AggregateInstance { context: &context, ..world().instance(&wiring) }), error, "{k_min}");
    }
}

#[test]
fn more_segments_than_a_table_has() {
    let wiring = wiring();
    let own = world().instance(&wiring);
    let segment =
        |index: usize| Segment::new(&world().context.data_table(), SegmentId { index: index as u32, version: 0 }, vec![own.active[0]]);
    let segments: Vec<Segment> = (0..=SEGMENTS_MAX).map(segment).collect();
    let active = vec![own.active[0]; SEGMENTS_MAX + 1];
    let instance = AggregateInstance { data: &segments, consent: &segments, active: &active, ..own };
    assert_eq!(verdict(&instance), VerifyError::Statement("data, consent and active bits do not cover the same segments"));
    let most = AggregateInstance { data: &segments[1..], consent: &segments[1..], active: &active[1..], ..own };
    assert_eq!(verdict(&most), VerifyError::Statement("segments are omitted, repeated or out of order"));
}

#[test]
fn lists_that_do_not_cover_the_same_segments() {
    let wiring = wiring();
    let own = world().instance(&wiring);
    let twice = [own.active[0]; 2];
    let next = Segment::new(&world().context.data_table(), SegmentId { index: 1, version: 0 }, own.data[0].points().to_vec());
    let two = [own.data[0].clone(), next];
    for instance in [
        AggregateInstance { data: &[], consent: &[], active: &[], ..own },
        AggregateInstance { consent: &two, ..own },
        AggregateInstance { active: &twice, ..own },
    ] {
        assert_eq!(verdict(&instance), VerifyError::Statement("data, consent and active bits do not cover the same segments"));
    }
}

/// Segments of another layout: the rows that the statement reads are not there.
#[test]
fn segments_with_fewer_rows_than_the_statement_reads() {
    let wiring = wiring();
    let own = world().instance(&wiring);
    let short = |segment: &Segment| Segment::new(&world().context.data_table(), segment.id(), segment.points()[..1].to_vec());
    let (data, consent) = ([short(&own.data[0])], [short(&own.consent[0])]);
    for instance in [AggregateInstance { data: &data, ..own }, AggregateInstance { consent: &consent, ..own }] {
        assert_eq!(verdict(&instance), VerifyError::Statement("a segment has fewer rows than the statement reads"));
    }
}

#[test]
fn stacks_of_none_of_too_many_and_out_of_order() {
    let world = world();
    let verdict = |segments: &[Segment]| {
        let instance = SegmentsInstance { context: world.context.data_table(), layout: &world.data_layout, segments };
        verify_segments(&keys().verifying, &instance, &[]).unwrap_err()
    };
    let none = VerifyError::Statement("no segments, or more than one proof carries");
    assert_eq!(verdict(&[]), none);
    let point = world.data_segments[0].points()[0];
    let segment = |index: u32| Segment::new(&world.context.data_table(), SegmentId { index, version: 0 }, vec![point]);
    let most = countersign_circuits::validity::StackShape::segments_max(&world.data_layout);
    let stack: Vec<Segment> = (0..=most as u32).map(segment).collect();
    assert_eq!(verdict(&stack), none);
    assert_eq!(verdict(&stack[1..]), VerifyError::Decode(DecodeError::Short), "as many as one proof carries");
    for order in [[1, 0], [0, 0]] {
        assert_eq!(verdict(&order.map(segment)), VerifyError::Statement("segments are not in order"));
    }
}

#[test]
fn a_row_beyond_the_segment() {
    honest(&wiring(), 401);
    for offset in [SLOTS, SLOTS + 7, usize::MAX] {
        assert_eq!(verify_row(&world().data_segments[0], offset, &[]), Err(VerifyError::Statement("a segment has 2048 slots")));
    }
}
