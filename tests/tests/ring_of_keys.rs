//! The ledger's checker and the keys it holds.

use countersign_circuits::{hash::Digest32, segment::Segment};
use countersign_ledger::{KeyedChecker, ProofChecker, ProofFault, SegmentsCheck};
use countersign_messages::{CircuitKeys, TransactionId};
use countersign_testkit::world::{World, keys};

/// The ledger's checker verifies with the keys an instance names, and with no others.
#[test]
fn a_ring_of_keys_verifies_with_those_it_is_told() {
    let world = World::new(1500, 7);
    let (proof, instance) = (world.anchor_proof(1), world.segments());
    let digests: Vec<Digest32> = instance.segments.iter().map(Segment::digest).collect();
    let checker = KeyedChecker::new(keys().verifying.clone());
    let held = keys().verifying.digest();
    let check = |keys: Digest32| {
        checker.check_segments(&SegmentsCheck {
            transaction: TransactionId(Digest32::default()),
            keys,
            context: instance.context,
            layout: instance.layout,
            segments: instance.segments,
            digests: &digests,
            proof: &proof,
        })
    };
    assert_eq!(checker.held().collect::<Vec<_>>(), [&held]);
    assert_eq!(checker.keys(&held), Some(CircuitKeys { digest: held, development: true }));
    assert_eq!(check(held), Ok(()));
    let other = Digest32::of(b"other keys");
    assert_eq!(checker.keys(&other), None);
    assert_eq!(check(other).unwrap_err().fault, ProofFault::Unsupported);
}
