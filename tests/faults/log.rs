use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, join_all};
use jiff::Timestamp;
use ring::{rand::SystemRandom, signature::Ed25519KeyPair};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::Mutex;
use yinxin::{
    audit::{
        Action, AuditError, Entry, Filed, Filing, Filter, Growth, Log, LogReport, LogStore, Placed, QUEUE_CAPACITY,
        RawEntries, StoreFault, Wrong, verify,
    },
    formats::{
        checkpoint::{Signer, VerifierKey},
        merkle::Hash,
    },
    storage::{Db, FILE_NAME},
};

/// A data folder of its own, gone with the test.
pub struct Folder {
    path: PathBuf,
    key: Vec<u8>,
}

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("yinxin-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        fs::write(path.join("log.key"), key.as_ref()).unwrap();
        Self {
            path,
            key: key.as_ref().to_vec(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn file(&self) -> PathBuf {
        self.path.join(FILE_NAME)
    }

    pub fn signer(&self) -> Signer {
        Signer::from_pkcs8("county.example/log", &self.key).unwrap()
    }

    pub fn verifier_key(&self) -> VerifierKey {
        self.signer().verifier_key().clone()
    }

    pub async fn db(&self) -> Db {
        Db::open(&self.file()).await.unwrap()
    }

    pub async fn log(&self) -> Log {
        Log::open(Arc::new(self.db().await), self.signer()).await.unwrap()
    }

    /// What searches go by.
    pub fn search_file(&self) -> PathBuf {
        self.path.join("yinxin-search.db")
    }

    /// A connection of somebody who goes around the node.
    pub async fn intruder(&self) -> SqliteConnection {
        self.intruder_to(&self.file()).await
    }

    pub async fn intruder_to(&self, file: &Path) -> SqliteConnection {
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file).foreign_keys(false))
            .await
            .unwrap()
    }

    /// As a backup is made.
    pub async fn copy_of_the_database_alone(&self) -> Self {
        let mut copy = Self::new();
        copy.key.clone_from(&self.key);
        let vacuum = format!("VACUUM INTO '{}'", copy.file().display());
        let mut intruder = self.intruder().await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(vacuum))
            .execute(&mut intruder)
            .await
            .unwrap();
        copy
    }

    pub async fn verify(&self) -> LogReport {
        let db = Db::open_read_only(&self.file()).await.unwrap();
        verify(&db, &self.verifier_key()).await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// An entry that is told from others by its request.
pub fn entry(request: &str) -> Entry {
    Entry {
        department: Some("notary".parse().unwrap()),
        ..Entry::new(Timestamp::UNIX_EPOCH, request.parse().unwrap(), Action::Query)
    }
}

/// The request of every entry that is stored, by its number.
pub async fn stored(db: &Db) -> BTreeMap<u64, String> {
    let raw = db.entries(1, u32::MAX).await.unwrap();
    raw.iter()
        .map(|(number, bytes)| {
            let entry: Entry = serde_json::from_slice(bytes).unwrap();
            (*number, entry.request.to_string())
        })
        .collect()
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.unwrap();
}

/// The real store, counting transactions, the entries that are read and the rounds that file; filing waits for whoever holds `filing`.
struct Counting {
    db: Db,
    transactions: AtomicUsize,
    read: AtomicUsize,
    rounds: AtomicUsize,
    filing: Mutex<()>,
}

impl Counting {
    fn new(db: Db) -> Arc<Self> {
        Arc::new(Self {
            db,
            transactions: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
            rounds: AtomicUsize::new(0),
            filing: Mutex::new(()),
        })
    }
}

impl LogStore for Counting {
    fn append<'a>(&'a self, entries: &'a [Vec<u8>]) -> BoxFuture<'a, Result<u64, StoreFault>> {
        self.transactions.fetch_add(1, Ordering::SeqCst);
        self.db.append(entries)
    }
    fn probe(&self) -> BoxFuture<'_, Result<(), StoreFault>> {
        self.db.probe()
    }
    fn entries(&self, first: u64, limit: u32) -> BoxFuture<'_, Result<RawEntries, StoreFault>> {
        Box::pin(async move {
            let entries = self.db.entries(first, limit).await?;
            self.read.fetch_add(entries.len(), Ordering::SeqCst);
            Ok(entries)
        })
    }
    fn checkpoint(&self) -> BoxFuture<'_, Result<Option<String>, StoreFault>> {
        self.db.checkpoint()
    }
    fn tile(&self, level: u8, index: u64) -> BoxFuture<'_, Result<Option<Vec<Hash>>, StoreFault>> {
        self.db.tile(level, index)
    }
    fn file<'a>(&'a self, entries: &'a [Filing]) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            self.rounds.fetch_add(1, Ordering::SeqCst);
            let _filing = self.filing.lock().await;
            self.db.file(entries).await
        })
    }
    fn filed(&self) -> BoxFuture<'_, Result<u64, StoreFault>> {
        self.db.filed()
    }
    fn grow<'a>(&'a self, growth: &'a Growth) -> BoxFuture<'a, Result<bool, StoreFault>> {
        self.db.grow(growth)
    }
    fn search<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Vec<Placed>, StoreFault>> {
        self.db.search(filter)
    }
    fn compare_filed(&self, tree_size: u64) -> BoxFuture<'_, Result<Filed, StoreFault>> {
        self.db.compare_filed(tree_size)
    }
}

#[tokio::test]
async fn everybody_who_waits_gets_the_number_of_their_own_entry_and_many_share_a_transaction() {
    let folder = Folder::new();
    let store = Counting::new(folder.db().await);
    let log = Log::open(store.clone(), folder.signer()).await.unwrap();
    let clients = (0..64).map(|client| {
        let log = &log;
        async move {
            let mut acknowledged = Vec::new();
            for turn in 0..20 {
                let request = format!("{client}-{turn}");
                acknowledged.push((log.append(entry(&request)).await.unwrap(), request));
            }
            acknowledged
        }
    });
    let acknowledged: BTreeMap<u64, String> = join_all(clients).await.into_iter().flatten().collect();
    assert!(acknowledged.keys().copied().eq(1..=64 * 20));
    assert_eq!(stored(&store.db).await, acknowledged);
    let transactions = store.transactions.load(Ordering::SeqCst);
    assert!(transactions <= 64 * 20 / 4, "{transactions} transactions");
}

#[tokio::test]
async fn what_a_node_wrote_itself_is_not_read_again_to_be_sequenced() {
    let folder = Folder::new();
    let store = Counting::new(folder.db().await);
    let log = Log::open(store.clone(), folder.signer()).await.unwrap();
    join_all((0..2_000).map(|n| log.append(entry(&format!("r{n}"))))).await;
    assert_eq!(log.search(&Filter::default()).await.unwrap()[0].sequence, 2_000);
    // A round may begin between a batch's commit and the news of it: then it reads that batch.
    let read = store.read.load(Ordering::SeqCst);
    assert!(read <= 512, "{read} entries were read");
    assert!(folder.verify().await.holds);
}

#[tokio::test]
async fn what_is_too_much_to_be_kept_until_it_is_sequenced_is_read() {
    let folder = Folder::new();
    let store = Counting::new(folder.db().await);
    let log = Log::open(store.clone(), folder.signer()).await.unwrap();
    let filing = store.filing.lock().await;
    for round in 0..17 {
        let appended = join_all((0..2_000).map(|n| log.append(entry(&format!("r{round}-{n}"))))).await;
        assert!(appended.iter().all(Result::is_ok));
    }
    drop(filing);
    assert_eq!(log.search(&Filter::default()).await.unwrap()[0].sequence, 34_000);
    assert!(store.read.load(Ordering::SeqCst) > 0);
    let report = folder.verify().await;
    assert!(report.holds && report.tree_size == Some(34_000), "{report:?}");
}

#[tokio::test]
async fn an_entry_that_is_altered_before_it_is_sequenced_is_found() {
    let folder = Folder::new();
    let store = Counting::new(folder.db().await);
    let log = Log::open(store.clone(), folder.signer()).await.unwrap();
    let filing = store.filing.lock().await;
    log.append(entry("first")).await.unwrap();
    // The round that has begun knows the first entry only.
    let has_begun = async {
        while store.rounds.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), has_begun).await.unwrap();
    join_all((0..100).map(|n| log.append(entry(&format!("r{n}"))))).await;
    let altered = "UPDATE entries SET body = CAST(replace(CAST(body AS TEXT), 'notary', 'others') AS BLOB) \
                   WHERE sequence = 42";
    run(&mut folder.intruder().await, altered).await;
    drop(filing);
    log.close().await.unwrap();
    let report = folder.verify().await;
    let fault = report.first_fault.unwrap();
    assert_eq!((fault.wrong, fault.sequence), (Wrong::Altered, Some(42)));
}

#[tokio::test]
async fn a_search_sees_everything_that_was_acknowledged_and_the_checkpoint_covers_it() {
    let folder = Folder::new();
    let log = folder.log().await;
    for n in 1..=5_u64 {
        let number = log.append(entry(&format!("r{n}"))).await.unwrap();
        let found = log.search(&Filter::default()).await.unwrap();
        assert_eq!(found[0].sequence, number);
        let checkpoint = folder.verifier_key().open(&log.checkpoint().await.unwrap()).unwrap();
        assert_eq!(checkpoint.size, n);
    }
}

#[tokio::test]
async fn a_search_returns_at_most_two_hundred_entries_and_fifty_unless_told() {
    let folder = Folder::new();
    let log = folder.log().await;
    join_all((0..250).map(|n| log.append(entry(&format!("r{n}"))))).await;
    for (limit, expected) in [(0, 50), (7, 7), (200, 200), (100_000, 200)] {
        let filter = Filter {
            limit,
            ..Filter::default()
        };
        assert_eq!(log.search(&filter).await.unwrap().len(), expected, "{limit}");
    }
}

#[tokio::test]
async fn two_processes_that_write_and_sequence_one_log_keep_it_whole() {
    let folder = Folder::new();
    let (one, other) = (folder.log().await, folder.log().await);
    for round in 0..10 {
        let appends = (0..40).map(|n| {
            let log = if n % 2 == 0 { &one } else { &other };
            log.append(entry(&format!("{round}-{n}")))
        });
        let done = join_all(appends).await;
        assert!(done.iter().all(Result::is_ok));
        one.search(&Filter::default()).await.unwrap();
        other.search(&Filter::default()).await.unwrap();
    }
    let report = folder.verify().await;
    assert!(report.holds, "{report:?}");
    assert_eq!((report.tree_size, report.uncovered), (Some(400), 0));
}

#[tokio::test]
async fn a_log_goes_on_where_it_stopped_when_it_is_opened_again() {
    let folder = Folder::new();
    for round in 0..3_u64 {
        let log = folder.log().await;
        join_all((0..300).map(|n| log.append(entry(&format!("{round}-{n}"))))).await;
        assert_eq!(log.append(entry("last")).await.unwrap(), (round + 1) * 301);
    }
    // What was not sequenced before the end is sequenced at the next start.
    folder.log().await;
    let report = folder.verify().await;
    assert!(report.holds, "{report:?}");
    assert_eq!((report.tree_size, report.uncovered), (Some(903), 0));
}

#[tokio::test]
async fn while_another_process_holds_the_lock_nothing_is_recorded_and_afterwards_again() {
    let folder = Folder::new();
    let log = folder.log().await;
    log.append(entry("before")).await.unwrap();
    let mut other = folder.intruder().await;
    run(&mut other, "BEGIN IMMEDIATE").await;
    let (refused, probe) = tokio::join!(log.append(entry("during")), log.can_record());
    assert!(matches!(refused, Err(AuditError::NotWritten)));
    assert!(matches!(probe, Err(AuditError::NotWritten)));
    run(&mut other, "ROLLBACK").await;
    assert_eq!(log.append(entry("after")).await.unwrap(), 2);
    log.can_record().await.unwrap();
    assert!(stored(&folder.db().await).await.values().eq(["before", "after"]));
}

#[tokio::test]
async fn a_log_that_can_only_be_read_records_nothing_and_says_so() {
    let folder = Folder::new();
    folder.log().await.append(entry("before")).await.unwrap();
    folder.log().await;
    let db = Db::open_read_only(&folder.file()).await.unwrap();
    let log = Log::open(Arc::new(db), folder.signer()).await.unwrap();
    assert!(matches!(log.append(entry("during")).await, Err(AuditError::NotWritten)));
    assert!(matches!(log.can_record().await, Err(AuditError::NotWritten)));
    assert_eq!(log.search(&Filter::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn more_than_can_wait_are_refused_and_those_who_wait_are_written() {
    let folder = Folder::new();
    let log = Arc::new(folder.log().await);
    let mut other = folder.intruder().await;
    run(&mut other, "BEGIN IMMEDIATE").await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..QUEUE_CAPACITY + 1_000 {
        let log = log.clone();
        tasks.spawn(async move { log.append(entry(&format!("r{n}"))).await });
    }
    let mut refused = 0;
    while let Some(done) = tasks.join_next().await {
        assert!(matches!(done.unwrap(), Err(AuditError::Overloaded)));
        refused += 1;
        if refused == 100 {
            break;
        }
    }
    run(&mut other, "ROLLBACK").await;
    let mut written = 0;
    for done in tasks.join_all().await {
        match done {
            Ok(_) => written += 1,
            Err(error) => assert!(matches!(error, AuditError::Overloaded), "{error}"),
        }
    }
    assert!(written >= QUEUE_CAPACITY, "{written}");
    assert_eq!(stored(&folder.db().await).await.len(), written);
}

#[tokio::test]
async fn an_entry_that_is_too_large_is_refused_alone() {
    let folder = Folder::new();
    let log = folder.log().await;
    let grants = (0..1_000).map(|n| format!("grant-with-a-rather-long-name-{n}").parse().unwrap());
    let large = Entry {
        grants: grants.collect(),
        ..entry("large")
    };
    let (refused, written) = tokio::join!(log.append(large), log.append(entry("small")));
    assert!(matches!(refused, Err(AuditError::TooLarge { .. })));
    assert_eq!(written.unwrap(), 1);
}
