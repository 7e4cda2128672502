//! Merkle trees of RFC 6962 section 2.1 (the same as RFC 9162 section 2.1) with SHA-256.

use std::ops::Range;

use ring::digest::{Context, SHA256, digest};

/// A node of the tree.
pub type Hash = [u8; 32];

/// The hash of a leaf over its entry: SHA-256(0x00 || entry).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256(&[&[0], entry])
}

/// The hash of an inner node: SHA-256(0x01 || left || right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    to_hash(context.finish().as_ref())
}

fn to_hash(digest: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest);
    hash
}

/// The roots of the perfect subtrees that a tree is made of, largest first: all that is needed to append and to know
/// the root, in at most 64 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    subtrees: Vec<Hash>,
}

impl Frontier {
    pub fn size(&self) -> u64 {
        self.size
    }

    /// One hash for each bit that is set in the size.
    pub fn subtrees(&self) -> &[Hash] {
        &self.subtrees
    }

    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Every trailing one of the size is a subtree as large as the one in hand: the two become one.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    pub fn root(&self) -> Hash {
        join(self.subtrees.iter().copied())
    }
}

impl FromIterator<Hash> for Frontier {
    fn from_iter<T: IntoIterator<Item = Hash>>(leaves: T) -> Self {
        let mut frontier = Self::default();
        leaves.into_iter().for_each(|leaf| frontier.push(leaf));
        frontier
    }
}

/// The root of a tree from its perfect subtrees, largest first; of the empty tree, SHA-256 of nothing.
pub fn join(subtrees: impl DoubleEndedIterator<Item = Hash>) -> Hash {
    subtrees
        .rev()
        .reduce(|right, left| node_hash(&left, &right))
        .unwrap_or_else(|| to_hash(digest(&SHA256, b"").as_ref()))
}

/// The inclusion proof of the leaf `index` (from 0) in the tree of `size` leaves, as the ranges of leaves whose roots
/// it holds, in the order of RFC 6962 section 2.1.1; none when there is no such leaf.
pub fn inclusion_path(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let mut path = Vec::new();
    let mut tree = 0..size;
    while tree.end - tree.start > 1 {
        let middle = tree.start + split(tree.end - tree.start);
        if index < middle {
            path.push(middle..tree.end);
            tree.end = middle;
        } else {
            path.push(tree.start..middle);
            tree.start = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// The consistency proof between the trees of `old` and `new` leaves, as the ranges of leaves whose roots it holds, in
/// the order of RFC 6962 section 2.1.2; none unless 0 < `old` <= `new`.
pub fn consistency_path(old: u64, new: u64) -> Option<Vec<Range<u64>>> {
    if old == 0 || old > new {
        return None;
    }
    let mut path = Vec::new();
    let mut tree = 0..new;
    while tree.end != old {
        let middle = tree.start + split(tree.end - tree.start);
        if old <= middle {
            path.push(middle..tree.end);
            tree.end = middle;
        } else {
            path.push(tree.start..middle);
            tree.start = middle;
        }
    }
    // The verifier knows the old root: it is left out where it is a subtree of its own.
    if tree.start != 0 {
        path.push(tree);
    }
    path.reverse();
    Some(path)
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// Whether the leaf stands at `index` (from 0) of the tree with this size and root (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether the old tree is the beginning of the new one (RFC 9162 section 2.1.4.2).
pub fn verify_consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, proof: &[Hash]) -> bool {
    if old == 0 || old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    // A perfect old tree is itself the first hash of the path, which the proof leaves out.
    let mut path = old.is_power_of_two().then_some(old_root).into_iter().chain(proof);
    let Some(first) = path.next() else {
        return false;
    };
    let shift = (old - 1).trailing_ones();
    let (mut node, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;

    /// The leaves and roots that Certificate Transparency's own implementations are tested with.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn leaves() -> Vec<Hash> {
        let leaf = |hex: &&str| leaf_hash(&HEXLOWER.decode(hex.as_bytes()).unwrap());
        LEAVES.iter().map(leaf).collect()
    }

    fn root(leaves: &[Hash]) -> Hash {
        leaves.iter().copied().collect::<Frontier>().root()
    }

    fn roots(leaves: &[Hash], path: &[Range<u64>]) -> Vec<Hash> {
        let range = |r: &Range<u64>| usize::try_from(r.start).unwrap()..usize::try_from(r.end).unwrap();
        path.iter().map(|r| root(&leaves[range(r)])).collect()
    }

    fn hex(hashes: &[Hash]) -> Vec<String> {
        hashes.iter().map(|h| HEXLOWER.encode(h)).collect()
    }

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let leaves = leaves();
        for (size, expected) in ROOTS.iter().enumerate() {
            assert_eq!(HEXLOWER.encode(&root(&leaves[..size])), *expected, "{size} leaves");
        }
    }

    #[test]
    fn proofs_are_those_of_certificate_transparency() {
        let leaves = leaves();
        let sixth_of_eight = roots(&leaves, &inclusion_path(5, 8).unwrap());
        assert_eq!(
            hex(&sixth_of_eight),
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
        let six_to_eight = roots(&leaves, &consistency_path(6, 8).unwrap());
        assert_eq!(
            hex(&six_to_eight),
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
    }

    #[test]
    fn what_is_not_in_a_tree_has_no_path() {
        assert_eq!(inclusion_path(3, 3), None);
        assert_eq!(consistency_path(0, 3), None);
        assert_eq!(consistency_path(4, 3), None);
        assert!(!verify_inclusion(&[0; 32], 0, 0, &[], &[0; 32]));
        assert!(!verify_consistency(0, &[0; 32], 1, &[0; 32], &[]));
    }

    /// Leaves that all differ.
    fn many(count: u64) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    proptest! {
        #[test]
        fn every_leaf_is_proven_and_nothing_else(size in 1_u64..200, pick in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>()) {
            let leaves = many(size);
            let index = pick.index(leaves.len());
            let root = root(&leaves);
            let mut proof = roots(&leaves, &inclusion_path(index as u64, size).unwrap());
            prop_assert!(verify_inclusion(&leaves[index], index as u64, size, &proof, &root));
            prop_assert!(!verify_inclusion(&leaf_hash(b"another"), index as u64, size, &proof, &root));
            prop_assert!(!verify_inclusion(&leaves[index], (index as u64 + 1) % size.max(2), size, &proof, &root));
            proof.push([7; 32]);
            prop_assert!(!verify_inclusion(&leaves[index], index as u64, size, &proof, &root));
            proof.pop();
            if !proof.is_empty() {
                let at = flip.index(proof.len());
                proof[at][0] ^= 1;
                prop_assert!(!verify_inclusion(&leaves[index], index as u64, size, &proof, &root));
                proof[at][0] ^= 1;
                proof.pop();
                prop_assert!(!verify_inclusion(&leaves[index], index as u64, size, &proof, &root));
            }
        }

        #[test]
        fn a_tree_is_consistent_with_its_beginnings_and_with_no_other(new in 1_u64..200, pick in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>()) {
            let leaves = many(new);
            let old = pick.index(leaves.len()) + 1;
            let (old_root, new_root) = (root(&leaves[..old]), root(&leaves));
            let old = old as u64;
            let mut proof = roots(&leaves, &consistency_path(old, new).unwrap());
            prop_assert!(verify_consistency(old, &old_root, new, &new_root, &proof));
            prop_assert!(!verify_consistency(old, &[9; 32], new, &new_root, &proof));
            prop_assert!(!verify_consistency(old, &old_root, new, &[9; 32], &proof));
            if !proof.is_empty() {
                let at = flip.index(proof.len());
                proof[at][0] ^= 1;
                prop_assert!(!verify_consistency(old, &old_root, new, &new_root, &proof));
            }
        }
    }
}
