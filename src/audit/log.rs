use std::{sync::Arc, thread, time::Duration};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::AbortHandle,
};

use super::{
    AuditError, Entry, Filing, Filter, LogStore, Placed,
    sequencer::{Leaf, Sequencer},
};
use crate::formats::{
    checkpoint::Signer,
    merkle::{Hash, leaf_hash},
};

/// How many entries may wait to be written before more are refused: 4,096.
pub const QUEUE_CAPACITY: usize = 4_096;
/// How many entries one transaction writes at most: 256.
pub const MAX_BATCH: usize = 256;
/// How long a batch waits for more once two are there: a quarter of a millisecond. It costs them that, and spares the
/// machine transactions.
const GATHER: Duration = Duration::from_micros(250);
/// What most entries fit into as JSON, in bytes.
const USUAL_ENTRY_BYTES: usize = 1_024;
/// The longest an entry may be as JSON: 32 KiB.
pub const MAX_ENTRY_BYTES: usize = 32 * 1024;

/// The access audit. What [`Log::append`] acknowledges is durable; within a second it has its place in the tree and
/// is covered by a signed checkpoint.
pub struct Log {
    store: Arc<dyn LogStore>,
    queue: mpsc::Sender<Waiting>,
    sequencer: Arc<Sequencer>,
    keeping_up: AbortHandle,
}

/// An entry in its final form, the hash of that, what it will be found by, and who waits for its number.
struct Waiting {
    filing: Filing,
    bytes: Vec<u8>,
    hash: Hash,
    written: oneshot::Sender<Result<u64, AuditError>>,
}

impl Log {
    /// Checks that the tree is the one that the newest checkpoint was signed over, and starts the thread that writes and
    /// the task that sequences, on the runtime that this is called on. They end with the log.
    pub async fn open(store: Arc<dyn LogStore>, signer: Signer) -> Result<Self, AuditError> {
        let sequencer = Arc::new(Sequencer::open(store.clone(), signer).await?);
        let (queue, waiting) = mpsc::channel(QUEUE_CAPACITY);
        let (runtime, written_to, told) = (Handle::current(), store.clone(), sequencer.clone());
        thread::Builder::new()
            .name("audit-log".to_owned())
            .spawn(move || write(&runtime, &*written_to, &told, waiting))
            .map_err(|error| AuditError::Store(error.into()))?;
        let keeping_up = tokio::spawn(Sequencer::keep_up(Arc::downgrade(&sequencer))).abort_handle();
        Ok(Self {
            store,
            queue,
            sequencer,
            keeping_up,
        })
    }

    /// Records an entry; durable when it returns its sequence number. One whose caller goes away may be recorded still.
    pub async fn append(&self, entry: Entry) -> Result<u64, AuditError> {
        let mut bytes = Vec::with_capacity(USUAL_ENTRY_BYTES);
        serde_json::to_writer(&mut bytes, &entry).map_err(|_| AuditError::NotWritten)?;
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(AuditError::TooLarge { max: MAX_ENTRY_BYTES });
        }
        let (written, number) = oneshot::channel();
        let waiting = Waiting {
            // Its number comes with its place.
            filing: Filing::of(0, &entry),
            hash: leaf_hash(&bytes),
            bytes,
            written,
        };
        self.queue.try_send(waiting).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => AuditError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => AuditError::NotWritten,
        })?;
        number.await.unwrap_or(Err(AuditError::NotWritten))
    }

    /// Whether an entry could be recorded now: really writes, so not for every request.
    pub async fn can_record(&self) -> Result<(), AuditError> {
        self.store.probe().await.map_err(|fault| {
            tracing::warn!(fault, "the audit log cannot be written");
            AuditError::NotWritten
        })
    }

    /// Entries that pass the filter, newest first. Sees everything that was acknowledged before it was called.
    pub async fn search(&self, filter: &Filter) -> Result<Vec<Placed>, AuditError> {
        self.sequencer.catch_up().await?;
        let limit = match filter.limit {
            0 => Filter::DEFAULT_LIMIT,
            limit => limit.min(Filter::MAX_LIMIT),
        };
        let filter = Filter {
            limit,
            ..filter.clone()
        };
        self.store.search(&filter).await.map_err(AuditError::Store)
    }

    /// The newest checkpoint: a C2SP signed note.
    pub async fn checkpoint(&self) -> Result<String, AuditError> {
        let note = self.store.checkpoint().await.map_err(AuditError::Store)?;
        note.ok_or_else(|| AuditError::Inconsistent("there is no checkpoint".to_owned()))
    }

    /// Gives every entry its place and signs the last checkpoint. What is appended after it has its place when the log
    /// is opened again.
    pub async fn close(&self) -> Result<(), AuditError> {
        self.keeping_up.abort();
        self.sequencer.catch_up().await
    }

    /// What the log's checkpoints are verified with.
    pub fn verifier_key(&self) -> String {
        self.sequencer.verifier_key()
    }
}

/// Group commit: while one batch is written, the next gathers; then all of it goes in one transaction. On a thread of its
/// own: a runtime's timer knows milliseconds only, and each entry that comes would wake its task.
fn write(runtime: &Handle, store: &dyn LogStore, sequencer: &Sequencer, mut queue: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::with_capacity(MAX_BATCH);
    let mut bodies = Vec::with_capacity(MAX_BATCH);
    let mut failing = false;
    while queue.blocking_recv_many(&mut waiting, MAX_BATCH) > 0 {
        // Who asks alone does not wait for others.
        if waiting.len() > 1 {
            thread::sleep(GATHER);
            while waiting.len() < MAX_BATCH
                && let Ok(more) = queue.try_recv()
            {
                waiting.push(more);
            }
        }
        bodies.clear();
        bodies.extend(waiting.iter_mut().map(|waiting| std::mem::take(&mut waiting.bytes)));
        // A waiter that has gone away takes no answer: its entry stands.
        match runtime.block_on(store.append(&bodies)) {
            Ok(first) => {
                if std::mem::take(&mut failing) {
                    tracing::info!("the audit log can be written again");
                }
                let told = waiting.drain(..).zip(first..).map(
                    |(
                        Waiting {
                            filing, hash, written, ..
                        },
                        sequence,
                    )| {
                        let filing = Filing { sequence, ..filing };
                        (Leaf { hash, filing }, (written, sequence))
                    },
                );
                let (leaves, waiters): (Vec<_>, Vec<_>) = told.unzip();
                sequencer.tell(leaves);
                for (written, sequence) in waiters {
                    let _ = written.send(Ok(sequence));
                }
            }
            Err(fault) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!(fault, "the audit log cannot be written: nothing is released");
                }
                for waiting in waiting.drain(..) {
                    let _ = waiting.written.send(Err(AuditError::NotWritten));
                }
            }
        }
    }
}
