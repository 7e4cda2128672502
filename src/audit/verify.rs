use serde::Serialize;
use utoipa::ToSchema;

use super::{AuditError, Filed, LogStore, tree::TILE_WIDTH};
use crate::formats::{
    checkpoint::VerifierKey,
    merkle::{Frontier, leaf_hash},
};

/// How many entries are read at once.
const CHUNK: u32 = 1_000;

/// What re-checking the whole log found.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LogReport {
    /// Everything that the checkpoint covers is there, unaltered, and, where the search was compared, can be found.
    pub holds: bool,
    /// How many entries the newest checkpoint covers; none when there is no checkpoint that the key has signed.
    pub tree_size: Option<u64>,
    /// Whether the entries give the root that was signed.
    pub root_matches: bool,
    /// Whether what searches go by was there, and was compared with the entries.
    pub search_compared: bool,
    /// Entries after those that the checkpoint covers: not proven yet.
    pub uncovered: u64,
    /// The first thing that is wrong.
    pub first_fault: Option<Fault>,
}

/// Something that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    pub wrong: Wrong,
    /// The number of the entry; none when it cannot be told.
    pub sequence: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// There is no checkpoint.
    NoCheckpoint,
    /// The checkpoint was altered, or signed with another key.
    CheckpointNotSigned,
    /// There is no entry with this number.
    Missing,
    /// The entry is not the one that was recorded under this number.
    Altered,
    /// The entry stands, but a search does not find it by what it holds.
    Misfiled,
    /// The entries do not give the root that was signed, and the stored tree was altered too.
    RootDiffers,
}

/// Re-checks the whole log against its newest checkpoint, reading every entry once. Trusts the key and nothing that is
/// stored: the stored tree only helps to say which entry it is.
pub async fn verify(store: &dyn LogStore, key: &VerifierKey) -> Result<LogReport, AuditError> {
    let nothing = |wrong| LogReport {
        holds: false,
        tree_size: None,
        root_matches: false,
        search_compared: false,
        uncovered: 0,
        first_fault: Some(Fault { wrong, sequence: None }),
    };
    // Read before the entries: a log that is written to meanwhile then has more of them, never fewer.
    let Some(note) = store.checkpoint().await.map_err(AuditError::Store)? else {
        return Ok(nothing(Wrong::NoCheckpoint));
    };
    let Ok(signed) = key.open(&note) else {
        return Ok(nothing(Wrong::CheckpointNotSigned));
    };

    let mut recomputed = Frontier::default();
    let mut first_fault = None;
    let mut uncovered = 0;
    let mut next = 1;
    let mut tile = (None, Vec::new());
    loop {
        let entries = store.entries(next, CHUNK).await.map_err(AuditError::Store)?;
        let Some((last, _)) = entries.last() else {
            break;
        };
        let after = last + 1;
        for (sequence, bytes) in entries {
            if sequence > signed.size {
                uncovered += 1;
                continue;
            }
            if sequence != next && first_fault.is_none() {
                first_fault = Some(fault(Wrong::Missing, next));
            }
            next = sequence + 1;
            let leaf = leaf_hash(&bytes);
            recomputed.push(leaf);
            if first_fault.is_some() {
                continue;
            }
            let (index, offset) = ((sequence - 1) / TILE_WIDTH as u64, (sequence - 1) % TILE_WIDTH as u64);
            if tile.0 != Some(index) {
                let hashes = store.tile(0, index).await.map_err(AuditError::Store)?;
                tile = (Some(index), hashes.unwrap_or_default());
            }
            let recorded = usize::try_from(offset).ok().and_then(|at| tile.1.get(at));
            if recorded.is_some_and(|recorded| *recorded != leaf) {
                first_fault = Some(fault(Wrong::Altered, sequence));
            }
        }
        next = next.max(after);
    }
    if first_fault.is_none() && recomputed.size() < signed.size {
        first_fault = Some(fault(Wrong::Missing, recomputed.size() + 1));
    }
    let root_matches = recomputed.size() == signed.size && recomputed.root() == signed.root;
    let mut filed = Filed::Nothing;
    if root_matches {
        // The entries are proven: where the stored tree says otherwise, it is the tree that was altered.
        first_fault = None;
        filed = store.compare_filed(signed.size).await.map_err(AuditError::Store)?;
        if let Filed::AllBut(sequence) = filed {
            first_fault = Some(fault(Wrong::Misfiled, sequence));
        }
    } else if first_fault.is_none() {
        first_fault = Some(Fault {
            wrong: Wrong::RootDiffers,
            sequence: None,
        });
    }
    Ok(LogReport {
        holds: root_matches && first_fault.is_none(),
        tree_size: Some(signed.size),
        root_matches,
        search_compared: filed != Filed::Nothing,
        uncovered,
        first_fault,
    })
}

fn fault(wrong: Wrong, sequence: u64) -> Fault {
    Fault {
        wrong,
        sequence: Some(sequence),
    }
}
