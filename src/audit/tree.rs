use super::{AuditError, LogStore, Tile};
use crate::formats::merkle::{Frontier, Hash, join};

/// Hashes in a full tile (C2SP tlog-tiles).
pub(super) const TILE_WIDTH: usize = 256;
/// Bits of an index that a tile takes up.
const TILE_BITS: u32 = 8;

/// The right edge of the log's tree: the last tile of every level, as far as it is not full. All that is needed to
/// append and to know the root, in at most 8 times 255 hashes however long the log is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tree {
    size: u64,
    edge: Vec<Vec<Hash>>,
}

impl Tree {
    /// Reads the edge of the tree of this size.
    pub(super) async fn load(store: &dyn LogStore, size: u64) -> Result<Self, AuditError> {
        let mut edge = Vec::new();
        let mut hashes = size;
        for level in 0_u8.. {
            if hashes == 0 {
                break;
            }
            let index = hashes >> TILE_BITS;
            let count = usize::try_from(hashes - (index << TILE_BITS)).unwrap_or(TILE_WIDTH);
            let mut tile = Vec::new();
            if count > 0 {
                tile = store
                    .tile(level, index)
                    .await
                    .map_err(AuditError::Store)?
                    .unwrap_or_default();
            }
            if tile.len() < count {
                let what = format!("tile {index} of level {level} is missing or cut short");
                return Err(AuditError::Inconsistent(what));
            }
            // It may have grown since the checkpoint that the size is taken from.
            tile.truncate(count);
            edge.push(tile);
            hashes = index;
        }
        Ok(Self { size, edge })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn root(&self) -> Hash {
        let mut subtrees = Vec::new();
        for tile in self.edge.iter().rev() {
            let frontier: Frontier = tile.iter().copied().collect();
            subtrees.extend_from_slice(frontier.subtrees());
        }
        join(subtrees.into_iter())
    }

    /// Appends leaves; returns every tile that is new or longer than before.
    pub(super) fn extend(&mut self, leaves: impl IntoIterator<Item = Hash>) -> Vec<Tile> {
        let before = self.size;
        let mut tiles = Vec::new();
        for leaf in leaves {
            self.size += 1;
            let mut hashes = self.size;
            let mut hash = leaf;
            for level in 0_u8.. {
                if self.edge.len() <= usize::from(level) {
                    self.edge.push(Vec::new());
                }
                let Some(tile) = self.edge.get_mut(usize::from(level)) else {
                    break;
                };
                tile.push(hash);
                if tile.len() < TILE_WIDTH {
                    break;
                }
                let full = std::mem::take(tile);
                hash = full.iter().copied().collect::<Frontier>().root();
                hashes >>= TILE_BITS;
                tiles.push(Tile {
                    level,
                    index: hashes - 1,
                    hashes: full,
                });
            }
        }
        for ((level, tile), shift) in (0_u8..).zip(&self.edge).zip((0_u32..).step_by(8)) {
            let (old, new) = (before >> shift, self.size >> shift);
            if old != new && !tile.is_empty() {
                tiles.push(Tile {
                    level,
                    index: new >> TILE_BITS,
                    hashes: tile.clone(),
                });
            }
        }
        tiles
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::formats::merkle::leaf_hash;

    #[test]
    fn the_root_from_tiles_is_the_root_of_rfc_6962_at_every_size_and_step() {
        let mut tree = Tree::default();
        let mut plain = Frontier::default();
        let mut leaves = (0_u64..).map(|n| leaf_hash(&n.to_be_bytes()));
        let mut tiles: BTreeMap<(u8, u64), Vec<Hash>> = BTreeMap::new();
        // Two levels of tiles are full at 65,536 leaves.
        let steps = (0..600)
            .map(|_| 1)
            .chain([424, 1_000, 60_000, 3_511, 1, 1, 300, 0, 700]);
        for step in steps {
            let new: Vec<Hash> = leaves.by_ref().take(step).collect();
            new.iter().for_each(|leaf| plain.push(*leaf));
            for tile in tree.extend(new) {
                let old = tiles.insert((tile.level, tile.index), tile.hashes.clone());
                assert!(old.is_none_or(|old| tile.hashes.len() > old.len() && tile.hashes.starts_with(&old)));
            }
            assert_eq!(tree.size(), plain.size());
            assert_eq!(tree.root(), plain.root(), "{} leaves", plain.size());
        }
        assert!(tree.size() > 65_536);
        // What was handed out is exactly the tiles of a tree of this size.
        let mut hashes = tree.size();
        for level in 0..3_u8 {
            let full: u64 = hashes >> TILE_BITS;
            let lengths: Vec<usize> = (0..=full)
                .filter_map(|n| tiles.get(&(level, n)).map(Vec::len))
                .collect();
            let mut expected = vec![TILE_WIDTH; usize::try_from(full).unwrap()];
            expected.extend(Some(usize::try_from(hashes).unwrap() % TILE_WIDTH).filter(|n| *n > 0));
            assert_eq!(lengths, expected, "level {level}");
            hashes = full;
        }
    }
}
