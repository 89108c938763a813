//! Merkle trees as in RFC 6962, section 2.1, with this product's domain tags instead of single bytes.
//!
//! A tree of n > 1 leaves splits at the largest power of two below n, so no leaf is ever repeated and trees of different sizes never
//! share a root. Leaves and inner nodes are hashed under different tags; the root also names the number of leaves.

use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{hash::Digest32, tag};
use imbl::{OrdSet, Vector};

/// Deepest path: trees have at most 2^32 leaves.
pub const PATH_MAX: usize = 32;

/// Hash of a leaf.
pub fn leaf(bytes: &[u8]) -> Digest32 {
    Digest32::tagged(tag::MERKLE_LEAF, [bytes])
}

fn node(left: &Digest32, right: &Digest32) -> Digest32 {
    Digest32::tagged(tag::MERKLE_NODE, [left.0.as_slice(), &right.0])
}

fn sealed(count: u32, top: &Digest32) -> Digest32 {
    Digest32::tagged(tag::MERKLE_ROOT, [count.to_le_bytes().as_slice(), &top.0])
}

/// Largest power of two below n (n > 1).
fn split(n: usize) -> usize {
    1 << (usize::BITS - 1 - (n - 1).leading_zeros())
}

fn top(leaves: &[Digest32]) -> Digest32 {
    match leaves {
        [] => Digest32::tagged(tag::MERKLE_EMPTY, []),
        [only] => *only,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&top(left), &top(right))
        }
    }
}

/// Root over leaf hashes in order.
///
/// # Panics
/// More than 2^32 - 1 leaves.
pub fn root(leaves: &[Digest32]) -> Digest32 {
    sealed(u32::try_from(leaves.len()).expect("trees have at most 2^32 - 1 leaves"), &top(leaves))
}

/// Hash that stands for a leaf that was taken out: the places after it keep theirs.
fn removed() -> Digest32 {
    Digest32::tagged(tag::MERKLE_REMOVED, [])
}

/// A tree that is written to leaf by leaf and shares what it can with its clones. A changed leaf costs one hash a level when the root is asked for,
/// however many leaves there are; the root is that of [`root`] over all leaves by place.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// The leaves, then their parents, and so on up to one node. An odd last node moves up as it is, as in RFC 6962.
    levels: Vec<Vector<Digest32>>,
    /// Places written since the levels above were last right.
    stale: OrdSet<usize>,
}

impl Tree {
    /// Number of places, those of removed leaves included.
    pub fn len(&self) -> usize {
        self.levels.first().map_or(0, Vector::len)
    }

    /// True if it has no place.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes a leaf at a place, or behind the last.
    pub fn put(&mut self, place: usize, leaf: Digest32) {
        if self.levels.is_empty() {
            self.levels.push(Vector::new());
        }
        if let Some(leaves) = self.levels.first_mut() {
            if place < leaves.len() {
                leaves.set(place, leaf);
            } else {
                leaves.push_back(leaf);
            }
        }
        self.stale.insert(place);
    }

    /// Takes a leaf out; its place stays empty for ever.
    pub fn remove(&mut self, place: usize) {
        self.put(place, removed());
    }

    /// The root over all places.
    pub fn root(&mut self) -> Digest32 {
        let mut stale: Vec<usize> = std::mem::take(&mut self.stale).into_iter().collect();
        let mut level = 0;
        while let Some(below) = self.levels.get(level).filter(|nodes| nodes.len() > 1).cloned() {
            stale.iter_mut().for_each(|place| *place /= 2);
            stale.dedup();
            if self.levels.len() == level + 1 {
                self.levels.push(Vector::new());
            }
            let Some(above) = self.levels.get_mut(level + 1) else { break };
            for place in &stale {
                let Some(left) = below.get(2 * place) else { continue };
                let made = below.get(2 * place + 1).map_or(*left, |right| node(left, right));
                if *place < above.len() {
                    above.set(*place, made);
                } else {
                    above.push_back(made);
                }
            }
            level += 1;
        }
        let top = self.levels.get(level).and_then(Vector::head).copied().unwrap_or_else(|| top(&[]));
        sealed(u32::try_from(self.len()).unwrap_or(u32::MAX), &top)
    }
}

/// Proof that a leaf stands at a position of a tree.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Path {
    /// Position of the leaf.
    pub index: u32,
    /// Leaves of the tree.
    pub count: u32,
    /// Sibling hashes, nearest to the leaf first.
    pub siblings: Vec<Digest32>,
}

impl Path {
    /// The path of a leaf, or `None` beyond the tree.
    pub fn new(leaves: &[Digest32], index: usize) -> Option<Self> {
        if index >= leaves.len() {
            return None;
        }
        let mut siblings = Vec::new();
        let (mut part, mut at) = (leaves, index);
        while part.len() > 1 {
            let (left, right) = part.split_at(split(part.len()));
            if at < left.len() {
                siblings.push(top(right));
                part = left;
            } else {
                siblings.push(top(left));
                at -= left.len();
                part = right;
            }
        }
        siblings.reverse();
        Some(Self { index: u32::try_from(index).ok()?, count: u32::try_from(leaves.len()).ok()?, siblings })
    }

    /// True if the leaf stands at this position of the tree with this root.
    pub fn verify(&self, leaf: &Digest32, expected: &Digest32) -> bool {
        self.root(leaf).is_some_and(|root| root == *expected)
    }

    /// The root of the tree in which the leaf stands at this position; `None`: no tree of so many leaves has such a path.
    pub fn root(&self, leaf: &Digest32) -> Option<Digest32> {
        if self.index >= self.count || self.siblings.len() > PATH_MAX {
            return None;
        }
        // from the top: on which side the leaf lies at each level
        let (mut size, mut at) = (self.count as usize, self.index as usize);
        let mut right = Vec::with_capacity(self.siblings.len());
        while size > 1 {
            let left = split(size);
            right.push(at >= left);
            (size, at) = if at < left { (left, at) } else { (size - left, at - left) };
        }
        if right.len() != self.siblings.len() {
            return None;
        }
        let up = |hash: Digest32, (sibling, right): (&Digest32, bool)| if right { node(sibling, &hash) } else { node(&hash, sibling) };
        let top = self.siblings.iter().zip(right.into_iter().rev()).fold(*leaf, up);
        Some(sealed(self.count, &top))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(n: u32) -> Vec<Digest32> {
        (0..n).map(|i| leaf(&i.to_le_bytes())).collect()
    }

    #[test]
    fn every_path_of_every_small_tree_verifies() {
        for n in 1..=33 {
            let leaves = leaves(n);
            let root = root(&leaves);
            for (i, l) in leaves.iter().enumerate() {
                let path = Path::new(&leaves, i).unwrap();
                assert!(path.verify(l, &root), "{i} of {n}");
                assert!(!path.verify(&leaf(b"other"), &root));
            }
            assert!(Path::new(&leaves, n as usize).is_none());
        }
    }

    #[test]
    fn paths_do_not_survive_tampering() {
        for n in [2, 3, 5, 8, 13] {
            let leaves = leaves(n);
            let root = root(&leaves);
            for (i, l) in leaves.iter().enumerate() {
                let path = Path::new(&leaves, i).unwrap();
                for s in 0..path.siblings.len() {
                    let mut bad = path.clone();
                    bad.siblings[s].0[s % 32] ^= 1;
                    assert!(!bad.verify(l, &root));
                    let mut short = path.clone();
                    short.siblings.remove(s);
                    assert!(!short.verify(l, &root));
                }
                for other in (0..n + 2).filter(|o| *o as usize != i) {
                    assert!(!Path { index: other, ..path.clone() }.verify(l, &root), "{i} as {other} of {n}");
                }
                for count in (0..n + 9).filter(|c| *c != n) {
                    assert!(!Path { count, ..path.clone() }.verify(l, &root), "{n} as {count}");
                }
                let mut long = path.clone();
                long.siblings.push(*l);
                assert!(!long.verify(l, &root));
            }
        }
    }

    #[test]
    fn sizes_and_levels_do_not_collide() {
        let four = leaves(4);
        let inner = vec![top(&four[..2]), top(&four[2..])];
        assert_ne!(root(&four), root(&inner));
        let mut doubled = leaves(3);
        doubled.push(doubled[2]);
        assert_ne!(root(&leaves(3)), root(&doubled));
        assert_ne!(root(&[]), root(&leaves(1)));
    }
}
