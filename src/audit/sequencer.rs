use std::{
    collections::VecDeque,
    sync::{Arc, Mutex as Lock, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use tokio::{
    sync::Mutex,
    time::{MissedTickBehavior, interval},
};

use super::{AuditError, Entry, Filing, Growth, LogStore, RawEntries, tree::Tree};
use crate::formats::{
    checkpoint::Signer,
    merkle::{Hash, leaf_hash},
};

/// How often what was appended is given its place: 500 ms.
const ROUND: Duration = Duration::from_millis(500);
/// How many entries are filed for the search at once, and the tree grows by, at most, before it is signed: 8,000.
const ROUND_ENTRIES: usize = 8_000;
/// How many entries are kept from the moment they are written until they have their place, so that they need not be read
/// again: 16,384. Beyond, they are read.
const KEPT_LEAVES: usize = 16_384;
/// How often filing a log that no search finds says how far it is: 5 seconds.
const FILING_TOLD: Duration = Duration::from_secs(5);

/// Gives entries their places in the tree, in the order of their numbers, and signs checkpoints. Several processes may
/// do so over one store: whoever finds that the tree has grown meanwhile reads it again.
pub(super) struct Sequencer {
    store: Arc<dyn LogStore>,
    signer: Signer,
    /// The tree as this process knows it; none when it has to be read.
    tree: Mutex<Option<Tree>>,
    /// What this process wrote and did not sequence yet, in order, with gaps where others wrote too.
    told: Lock<VecDeque<Leaf>>,
}

/// What is left to be done with an entry that was written: to become a leaf of the tree, and to be filed.
pub(super) struct Leaf {
    pub hash: Hash,
    pub filing: Filing,
}

impl Sequencer {
    pub(super) async fn open(store: Arc<dyn LogStore>, signer: Signer) -> Result<Self, AuditError> {
        let sequencer = Self {
            store,
            signer,
            tree: Mutex::new(None),
            told: Lock::default(),
        };
        sequencer.refile().await?;
        sequencer.sequence().await?;
        Ok(sequencer)
    }

    /// Files what the tree covers and no search finds: all of it, where what searches go by was not kept.
    async fn refile(&self) -> Result<(), AuditError> {
        let tree = self.load().await?;
        let mut filed = self.store.filed().await.map_err(AuditError::Store)?;
        let mut told = Instant::now();
        while filed < tree.size() {
            let entries = self.entries(filed + 1).await?;
            let Some((last, _)) = entries.last() else {
                break;
            };
            filed = *last;
            let mut filings = Vec::with_capacity(entries.len());
            for (sequence, bytes) in entries {
                match filing(sequence, &bytes) {
                    Ok(filing) => filings.push(filing),
                    // It was altered: `audit verify` names it, and the node goes on.
                    Err(error) => tracing::error!(%error, "an entry is not filed for the search"),
                }
            }
            self.store.file(&filings).await.map_err(AuditError::Store)?;
            if told.elapsed() >= FILING_TOLD {
                tracing::info!(filed, of = tree.size(), "the log is filed so that it can be searched");
                told = Instant::now();
            }
        }
        *self.tree.lock().await = Some(tree);
        Ok(())
    }

    pub(super) fn verifier_key(&self) -> String {
        self.signer.verifier_key().to_string()
    }

    /// Sequences every round, until the log is gone.
    pub(super) async fn keep_up(this: Weak<Self>) {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            rounds.tick().await;
            let Some(sequencer) = this.upgrade() else {
                return;
            };
            match sequencer.catch_up().await {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the audit log cannot be sequenced"
                    );
                }
                Err(_) => {}
            }
        }
    }

    /// Takes what this process has written, before it is acknowledged.
    pub(super) fn tell(&self, leaves: Vec<Leaf>) {
        let mut told = self.told();
        if told.len() + leaves.len() > KEPT_LEAVES {
            told.clear();
        } else {
            told.extend(leaves);
        }
    }

    /// Sequences everything that is durable at the moment of the call. A task of its own does so: what it was told is not
    /// lost with a caller that goes away.
    pub(super) async fn catch_up(self: &Arc<Self>) -> Result<(), AuditError> {
        let this = self.clone();
        let sequenced = tokio::spawn(async move { this.sequence().await });
        sequenced.await.map_err(|fault| AuditError::Store(fault.into()))?
    }

    async fn sequence(&self) -> Result<(), AuditError> {
        let mut known = self.tree.lock().await;
        // Taken once: what is told after the call is for the next.
        let mut told = None;
        loop {
            let tree = match known.take() {
                Some(tree) => tree,
                None => self.load().await?,
            };
            let next = tree.size() + 1;
            let (told, until) = told.get_or_insert_with(|| self.take_told(next));
            let (leaves, is_last) = if told.front().is_some_and(|leaf| leaf.filing.sequence == next) {
                (told.drain(..told.len().min(ROUND_ENTRIES)).collect(), false)
            } else {
                let leaves = self.read(next, *until).await?;
                let is_last = leaves.len() < ROUND_ENTRIES;
                (leaves, is_last)
            };
            if leaves.is_empty() {
                *known = Some(tree);
                return Ok(());
            }
            *known = self.grow(tree, leaves).await?;
            if is_last && known.is_some() {
                return Ok(());
            }
        }
    }

    /// What was told from this number on, without a gap, and the last number of all that was told. What was told before it
    /// has its place.
    fn take_told(&self, first: u64) -> (VecDeque<Leaf>, u64) {
        let mut told = self.told();
        let until = told.back().map_or(0, |leaf| leaf.filing.sequence);
        let placed = told.iter().take_while(|leaf| leaf.filing.sequence < first).count();
        told.drain(..placed);
        let next = told
            .iter()
            .zip(first..)
            .take_while(|(leaf, expected)| leaf.filing.sequence == *expected)
            .count();
        (told.drain(..next).collect(), until)
    }

    /// Reads a round of what was not told: of other processes, or of before a fault. What was told after `until` is for the
    /// next call.
    async fn read(&self, first: u64, until: u64) -> Result<Vec<Leaf>, AuditError> {
        if first > until && self.told().front().is_some_and(|leaf| leaf.filing.sequence == first) {
            return Ok(Vec::new());
        }
        let entries = self.entries(first).await?;
        let leaves = entries.into_iter().zip(first..).map(|((sequence, bytes), expected)| {
            if sequence != expected {
                return Err(AuditError::Inconsistent(format!("entry {expected} is missing")));
            }
            let (hash, filing) = (leaf_hash(&bytes), filing(sequence, &bytes)?);
            Ok(Leaf { hash, filing })
        });
        leaves.collect()
    }

    async fn entries(&self, first: u64) -> Result<RawEntries, AuditError> {
        let limit = u32::try_from(ROUND_ENTRIES).unwrap_or(u32::MAX);
        self.store.entries(first, limit).await.map_err(AuditError::Store)
    }

    fn told(&self) -> MutexGuard<'_, VecDeque<Leaf>> {
        // A queue holds together after every push and pop.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tree that the newest checkpoint was signed over. Signs the first where there is none.
    async fn load(&self) -> Result<Tree, AuditError> {
        let Some(note) = self.store.checkpoint().await.map_err(AuditError::Store)? else {
            let empty = Tree::default();
            return match self.grow(empty.clone(), Vec::new()).await? {
                Some(tree) => Ok(tree),
                None => Err(AuditError::Inconsistent("the tree has no checkpoint".to_owned())),
            };
        };
        let signed = self
            .signer
            .verifier_key()
            .open(&note)
            .map_err(|error| AuditError::Inconsistent(format!("newest checkpoint: {error}")))?;
        let tree = Tree::load(&*self.store, signed.size).await?;
        if tree.root() != signed.root {
            return Err(AuditError::Inconsistent(
                "the tree is not the one that its checkpoint was signed over".to_owned(),
            ));
        }
        Ok(tree)
    }

    /// Adds entries; none when another process has added some meanwhile, or has perhaps.
    async fn grow(&self, mut tree: Tree, leaves: Vec<Leaf>) -> Result<Option<Tree>, AuditError> {
        let from_size = tree.size();
        let (hashes, filings): (Vec<_>, Vec<_>) = leaves.into_iter().map(|leaf| (leaf.hash, leaf.filing)).unzip();
        // Before the tree covers them, so that whatever it covers is found: a crash in between leaves them filed early.
        if !filings.is_empty() {
            self.store.file(&filings).await.map_err(AuditError::Store)?;
        }
        let tiles = tree.extend(hashes);
        let growth = Growth {
            from_size,
            tree_size: tree.size(),
            checkpoint: self.signer.sign(tree.size(), tree.root()),
            tiles,
        };
        let grown = self.store.grow(&growth).await.map_err(AuditError::Store)?;
        Ok(grown.then_some(tree))
    }
}

fn filing(sequence: u64, bytes: &[u8]) -> Result<Filing, AuditError> {
    let entry: Entry = serde_json::from_slice(bytes)
        .map_err(|_| AuditError::Inconsistent(format!("entry {sequence} cannot be read")))?;
    Ok(Filing::of(sequence, &entry))
}
