//! A sorted map that shares its nodes with its clones and keeps a Merkle root over its entries.
//!
//! Cloning is O(1), so a block is executed on a copy and thrown away without cost. An entry is hashed once, when it is
//! written. The tree is over the entries in the order in which their keys first came, so a block costs what it changes and not what there is.

use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::hash::Digest32;
use countersign_messages::{
    codec::bytes_of,
    merkle::{self, Tree},
};
use imbl::OrdMap;
use std::{fmt, ops::RangeInclusive, sync::Arc};

struct Entry<V> {
    value: Arc<V>,
    /// Its leaf's place in the tree.
    place: usize,
}

impl<V> Clone for Entry<V> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), place: self.place }
    }
}

/// See the module documentation.
pub(crate) struct Section<K, V> {
    entries: OrdMap<K, Entry<V>>,
    tree: Tree,
}

impl<K, V> fmt::Debug for Section<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section").field("places", &self.tree.len()).finish_non_exhaustive()
    }
}

impl<K: Clone, V> Clone for Section<K, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), tree: self.tree.clone() }
    }
}

impl<K: Ord + Clone, V> Default for Section<K, V> {
    fn default() -> Self {
        Self { entries: OrdMap::new(), tree: Tree::default() }
    }
}

impl<K: Ord + Clone + BorshSerialize, V: BorshSerialize> FromIterator<(K, V)> for Section<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut section = Self::default();
        entries.into_iter().for_each(|(key, value)| section.insert(key, value));
        section
    }
}

impl<K: Ord + Clone + BorshSerialize, V: BorshSerialize> Section<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&Arc<V>> {
        self.entries.get(key).map(|e| &e.value)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let place = self.entries.get(&key).map_or(self.tree.len(), |e| e.place);
        self.tree.put(place, merkle::leaf(&bytes_of(&(&key, &value))));
        self.entries.insert(key, Entry { value: Arc::new(value), place });
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.tree.remove(entry.place);
        }
    }

    pub(crate) fn last(&self) -> Option<&Arc<V>> {
        self.entries.get_max().map(|(_, e)| &e.value)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &Arc<V>)> + Clone {
        self.entries.iter().map(|(k, e)| (k, &e.value))
    }

    pub(crate) fn range(&self, keys: RangeInclusive<K>) -> impl DoubleEndedIterator<Item = (&K, &Arc<V>)> {
        self.entries.range(keys).map(|(k, e)| (k, &e.value))
    }

    /// The Merkle root over all places.
    pub(crate) fn root(&self) -> Digest32 {
        self.tree.clone().root()
    }

    /// The same, and keeps what it made for later blocks.
    pub(crate) fn seal(&mut self) -> Digest32 {
        self.tree.root()
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut places: Vec<Option<(&K, &V)>> = vec![None; self.tree.len()];
        for (key, entry) in &self.entries {
            if let Some(place) = places.get_mut(entry.place) {
                *place = Some((key, entry.value.as_ref()));
            }
        }
        out.extend(bytes_of(&(places.len() as u64)));
        places.iter().for_each(|place| out.extend(bytes_of(place)));
    }
}

impl<K: Ord + Clone + BorshSerialize + BorshDeserialize, V: BorshSerialize + BorshDeserialize> Section<K, V> {
    /// Reads what [`Self::write`] wrote: no key twice.
    pub(crate) fn read(bytes: &mut &[u8]) -> std::io::Result<Self> {
        let count = u64::deserialize(bytes)?;
        let mut section = Self::default();
        for _ in 0..count {
            match Option::<(K, V)>::deserialize(bytes)? {
                Some((key, _)) if section.get(&key).is_some() => {
                    return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "an entry stands twice"));
                }
                Some((key, value)) => section.insert(key, value),
                None => section.tree.remove(section.tree.len()),
            }
        }
        Ok(section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{
        ChaCha20Rng,
        rand_core::{RngCore, SeedableRng},
    };

    /// The root says what a tree over the same leaves says, whatever was written, changed, removed and sealed in which order; and what was read back goes on alike.
    #[test]
    fn the_root_is_that_of_all_places_after_any_history() {
        let mut random = ChaCha20Rng::seed_from_u64(1);
        let mut next = |below: u64| random.next_u64() % below;
        for _ in 0..60 {
            let mut section = Section::<u64, u64>::default();
            let mut model: Vec<Option<(u64, u64)>> = Vec::new();
            for _ in 0..next(90) {
                let (key, value) = (next(40), next(1_000));
                let held = model.iter().position(|place| place.is_some_and(|(k, _)| k == key));
                match (next(5), held) {
                    (0, _) => {
                        section.remove(&key);
                        if let Some(place) = held.and_then(|place| model.get_mut(place)) {
                            *place = None;
                        }
                    }
                    (_, Some(place)) => {
                        section.insert(key, value);
                        model[place] = Some((key, value));
                    }
                    _ => {
                        section.insert(key, value);
                        model.push(Some((key, value)));
                    }
                }
                let empty = Digest32::tagged("countersign/merkle-removed/1", []);
                let leaves: Vec<_> = model.iter().map(|place| place.map_or(empty, |entry| merkle::leaf(&bytes_of(&entry)))).collect();
                assert_eq!(section.root(), merkle::root(&leaves));
                if next(3) == 0 {
                    section.seal();
                }
                if next(10) == 0 {
                    let mut bytes = Vec::new();
                    section.write(&mut bytes);
                    section = Section::read(&mut bytes.as_slice()).unwrap();
                }
            }
        }
    }
}
