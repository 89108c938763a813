//! Points that somebody in this process has decoded: a square root each, and the same segments are decoded for a hospital's node, for the ledger
//! and for who opens an answer.
//!
//! Only work is saved: the key is the digest of context, place and every byte. No points are kept that nobody else holds: what stays of them is a counter and a digest.

use crate::{field::G1Affine, hash::Digest32};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

/// Dead entries are dropped when there are more than this beside twice the living.
const DEAD_MAX: usize = 1_024;

#[derive(Default)]
struct Shared {
    points: HashMap<Digest32, Weak<Vec<G1Affine>>>,
    /// Entries from which on dead ones are looked for.
    full: usize,
}

impl Shared {
    fn find(&self, digest: &Digest32) -> Option<Arc<Vec<G1Affine>>> {
        self.points.get(digest)?.upgrade()
    }

    fn keep(&mut self, digest: Digest32, points: &Arc<Vec<G1Affine>>) {
        if self.points.len() >= self.full {
            self.points.retain(|_, points| points.strong_count() > 0);
            self.full = 2 * self.points.len() + DEAD_MAX;
        }
        self.points.insert(digest, Arc::downgrade(points));
    }
}

fn shared() -> MutexGuard<'static, Shared> {
    static SHARED: OnceLock<Mutex<Shared>> = OnceLock::new();
    SHARED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The points of a segment, if somebody holds them.
pub(super) fn find(digest: &Digest32) -> Option<Arc<Vec<G1Affine>>> {
    shared().find(digest)
}

/// Lets others find points as long as somebody holds them.
pub(super) fn keep(digest: Digest32, points: &Arc<Vec<G1Affine>>) {
    shared().keep(digest, points);
}

#[cfg(test)]
mod tests {
    use super::{DEAD_MAX, Shared};
    use crate::{
        commitment::Generators,
        hash::Digest32,
        segment::{Segment, SegmentId, TableContext},
    };

    #[test]
    fn entries_are_bounded_by_what_is_held() {
        let mut shared = Shared::default();
        let held: Vec<_> = (0..100u32).map(|i| (Digest32::of(&i.to_le_bytes()), std::sync::Arc::new(Vec::new()))).collect();
        held.iter().for_each(|(digest, points)| shared.keep(*digest, points));
        for i in 0..10 * DEAD_MAX as u64 {
            shared.keep(Digest32::of(&i.to_le_bytes()), &std::sync::Arc::new(Vec::new()));
            assert!(shared.points.len() <= 2 * (held.len() + 1) + DEAD_MAX);
        }
        assert!(held.iter().all(|(digest, _)| shared.find(digest).is_some()), "what is held is found");
    }

    #[test]
    fn points_are_shared_while_somebody_holds_them_and_only_of_the_same_bytes() {
        let any = Digest32::of(b"decoded");
        let context = TableContext { network: any, hospital: any, table: any };
        let (id, other) = (SegmentId { index: 1, version: 0 }, SegmentId { index: 2, version: 0 });
        let made = Segment::new(&context, id, Generators::get().g[..3].to_vec());
        let bytes = made.encode();
        let first = Segment::decode(&context, id, &bytes, 3).unwrap();
        let second = Segment::decode(&context, id, &bytes, 3).unwrap();
        assert!(std::ptr::eq(first.points(), second.points()) && first == made);
        assert!(
            !std::ptr::eq(first.points(), Segment::decode(&context, other, &bytes, 3).unwrap().points()),
            "another place is another segment"
        );
        assert!(Segment::decode(&context, id, &bytes, 2).is_err(), "the layout is looked at first");
        let mut wrong = bytes.clone();
        wrong[..32].fill(0xff);
        assert!(Segment::decode(&context, id, &wrong, 3).is_err());
        let digest = first.digest();
        drop((first, second));
        assert!(super::find(&digest).is_none(), "nothing is kept that nobody holds");
    }
}
