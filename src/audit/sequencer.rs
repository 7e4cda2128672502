use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use tokio::{
    sync::Mutex,
    time::{MissedTickBehavior, interval},
};

use super::{AuditError, Entry, Growth, LogStore, Placed, tree::Tree};
use crate::formats::{checkpoint::Signer, merkle::leaf_hash};

/// How often what was appended is given its place: 500 ms.
const ROUND: Duration = Duration::from_millis(500);
/// How many entries are filed for the search at once, and the tree grows by, at most, before it is signed: 2,000.
const ROUND_ENTRIES: u32 = 2_000;
/// How often filing a log that no search finds says how far it is: 5 seconds.
const FILING_TOLD: Duration = Duration::from_secs(5);

/// Gives entries their places in the tree, in the order of their numbers, and signs checkpoints. Several processes may
/// do so over one store: whoever finds that the tree has grown meanwhile reads it again.
pub(super) struct Sequencer {
    store: Arc<dyn LogStore>,
    signer: Signer,
    /// The tree as this process knows it; none when it has to be read.
    tree: Mutex<Option<Tree>>,
}

impl Sequencer {
    pub(super) async fn open(store: Arc<dyn LogStore>, signer: Signer) -> Result<Self, AuditError> {
        let sequencer = Self {
            store,
            signer,
            tree: Mutex::new(None),
        };
        sequencer.refile().await?;
        sequencer.catch_up().await?;
        Ok(sequencer)
    }

    /// Files what the tree covers and no search finds: all of it, where what searches go by was not kept.
    async fn refile(&self) -> Result<(), AuditError> {
        let tree = self.load().await?;
        let mut filed = self.store.filed().await.map_err(AuditError::Store)?;
        let mut told = Instant::now();
        while filed < tree.size() {
            let entries = self
                .store
                .entries(filed + 1, ROUND_ENTRIES)
                .await
                .map_err(AuditError::Store)?;
            let Some((last, _)) = entries.last() else {
                break;
            };
            filed = *last;
            let mut placed = Vec::with_capacity(entries.len());
            for (sequence, bytes) in entries {
                match place(sequence, &bytes) {
                    Ok(entry) => placed.push(entry),
                    // It was altered: `audit verify` names it, and the node goes on.
                    Err(error) => tracing::error!(%error, "an entry is not filed for the search"),
                }
            }
            self.store.file(&placed).await.map_err(AuditError::Store)?;
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

    /// Sequences everything that is durable at the moment of the call.
    pub(super) async fn catch_up(&self) -> Result<(), AuditError> {
        let mut known = self.tree.lock().await;
        loop {
            let tree = match known.take() {
                Some(tree) => tree,
                None => self.load().await?,
            };
            let entries = self
                .store
                .entries(tree.size() + 1, ROUND_ENTRIES)
                .await
                .map_err(AuditError::Store)?;
            if entries.is_empty() {
                *known = Some(tree);
                return Ok(());
            }
            let last_round = entries.len() < usize::try_from(ROUND_ENTRIES).unwrap_or(usize::MAX);
            *known = self.grow(tree, entries).await?;
            if last_round && known.is_some() {
                return Ok(());
            }
        }
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
    async fn grow(&self, mut tree: Tree, entries: Vec<(u64, Vec<u8>)>) -> Result<Option<Tree>, AuditError> {
        let from_size = tree.size();
        let mut leaves = Vec::with_capacity(entries.len());
        let mut placed = Vec::with_capacity(entries.len());
        for ((sequence, bytes), expected) in entries.into_iter().zip(from_size + 1..) {
            if sequence != expected {
                return Err(AuditError::Inconsistent(format!("entry {expected} is missing")));
            }
            leaves.push(leaf_hash(&bytes));
            placed.push(place(sequence, &bytes)?);
        }
        // Before the tree covers them, so that whatever it covers is found: a crash in between leaves them filed early.
        if !placed.is_empty() {
            self.store.file(&placed).await.map_err(AuditError::Store)?;
        }
        let tiles = tree.extend(leaves);
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

fn place(sequence: u64, bytes: &[u8]) -> Result<Placed, AuditError> {
    let entry: Entry = serde_json::from_slice(bytes)
        .map_err(|_| AuditError::Inconsistent(format!("entry {sequence} cannot be read")))?;
    Ok(Placed { sequence, entry })
}
