//! A sorted map that shares its nodes with its clones and keeps a Merkle root over its entries.
//!
//! Cloning is O(1), so a block is executed on a copy and thrown away without cost. An entry is hashed once, when it is
//! written; the root is made again only for sections a block changed.

use crate::{codec::bytes_of, merkle};
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::hash::Digest32;
use imbl::OrdMap;
use std::{fmt, ops::RangeInclusive, sync::Arc};

struct Entry<V> {
    value: Arc<V>,
    leaf: Digest32,
}

impl<V> Clone for Entry<V> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), leaf: self.leaf }
    }
}

/// See the module documentation.
pub(crate) struct Section<K, V> {
    entries: OrdMap<K, Entry<V>>,
    root: Option<Digest32>,
}

impl<K, V> fmt::Debug for Section<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section").field("root", &self.root).finish_non_exhaustive()
    }
}

impl<K: Clone, V> Clone for Section<K, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), root: self.root }
    }
}

impl<K: Ord + Clone, V> Default for Section<K, V> {
    fn default() -> Self {
        Self { entries: OrdMap::new(), root: None }
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
        let leaf = merkle::leaf(&bytes_of(&(&key, &value)));
        self.entries.insert(key, Entry { value: Arc::new(value), leaf });
        self.root = None;
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.entries.remove(key);
        self.root = None;
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

    /// The Merkle root over all entries in order.
    pub(crate) fn root(&self) -> Digest32 {
        self.root.unwrap_or_else(|| merkle::root(&self.entries.values().map(|e| e.leaf).collect::<Vec<_>>()))
    }

    /// Keeps the root for later blocks.
    pub(crate) fn seal(&mut self) -> Digest32 {
        let root = self.root();
        self.root = Some(root);
        root
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(bytes_of(&(self.entries.len() as u64)));
        for (key, entry) in &self.entries {
            out.extend(bytes_of(&(key, entry.value.as_ref())));
        }
    }
}

impl<K: Ord + Clone + BorshSerialize + BorshDeserialize, V: BorshSerialize + BorshDeserialize> Section<K, V> {
    /// Reads what [`Self::write`] wrote, ascending keys only.
    pub(crate) fn read(bytes: &mut &[u8]) -> std::io::Result<Self> {
        let count = u64::deserialize(bytes)?;
        let mut section = Self::default();
        for _ in 0..count {
            let (key, value) = <(K, V)>::deserialize(bytes)?;
            if section.entries.get_max().is_some_and(|(last, _)| *last >= key) {
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "entries out of order"));
            }
            section.insert(key, value);
        }
        Ok(section)
    }
}
