//! How far other validators say they are. What they say is a hint: blocks are taken with their certificates only.

use crate::voting::faulty_max;
use countersign_messages::{Height, MemberId, ValidatorSet};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::watch;

/// See the module's documentation. Clones are the same.
#[derive(Debug, Clone)]
pub struct Horizon(Arc<watch::Sender<BTreeMap<MemberId, Height>>>);

impl Default for Horizon {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(BTreeMap::new())))
    }
}

impl Horizon {
    /// A validator says which block is its last.
    pub fn said(&self, by: MemberId, height: Height) {
        self.0.send_if_modified(|said| said.insert(by, height) != Some(height));
    }

    /// The height that at least one honest validator other than this one has, if more say so than may be faulty; otherwise 0.
    pub fn reached(&self, set: &ValidatorSet, me: &MemberId) -> Height {
        let said = self.0.borrow();
        let mut heights: Vec<Height> = set.members().iter().filter(|m| *m != me).filter_map(|m| said.get(m).copied()).collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        heights.get(faulty_max(set)).copied().unwrap_or_default()
    }

    /// Hears when anybody says something new.
    pub fn subscribe(&self) -> watch::Receiver<BTreeMap<MemberId, Height>> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_lies_moves_nobody() {
        let member = |i| MemberId([i; 32]);
        let (horizon, set) = (Horizon::default(), ValidatorSet::new((0..4).map(member)));
        let reached = |horizon: &Horizon| horizon.reached(&set, &member(0));
        horizon.said(member(1), Height(1_000_000));
        horizon.said(member(9), Height(1_000_000));
        horizon.said(member(0), Height(1_000_000));
        assert_eq!(reached(&horizon), Height(0), "one of three, one who is no validator, and this one");
        horizon.said(member(2), Height(7));
        assert_eq!(reached(&horizon), Height(7));
        horizon.said(member(3), Height(9));
        assert_eq!(reached(&horizon), Height(9));
    }
}
