//! One [`Db`] over one SQLite file, and one beside it for searches of the log: implements the storage traits that stand
//! beside their consumers.
//!
//! What a write acknowledges is durable: WAL with `synchronous=FULL`.

mod account;
mod case;
mod catalogue;
mod certificate;
pub mod demonstration;
mod department;
mod log;
mod migrate;
mod reply;
mod search;
mod source_sql;
#[cfg(test)]
mod tests;
mod verification;
mod version;

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Connection, Sqlite, SqliteConnection, SqlitePool,
    error::DatabaseError,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Mutex, MutexGuard};

use self::search::SearchFile;
pub use self::source_sql::SqliteTables;

/// The file of the node's database in its data folder.
pub const FILE_NAME: &str = "yinxin.db";

/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long to pause before trying again where SQLite itself does not wait.
const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// Connections that read; each is a thread with a page cache of its own.
const READERS: u32 = 4;
/// How long a read waits for one of them.
const READER_TIMEOUT: Duration = Duration::from_secs(5);
/// Page cache of one connection, in KiB (negative, as SQLite wants it).
const CACHE_KIB: &str = "-4096";
/// How many pages of 4 KiB the write-ahead log takes before they are copied into the database. The pages that every
/// transaction changes again, those of indexes, are copied once for many; after a crash it is read once, some 32 MiB as a rule.
const CHECKPOINT_PAGES: &str = "8192";
/// What the write-ahead log is cut back to after a burst, in bytes.
const JOURNAL_SIZE_LIMIT: &str = "67108864";

/// Why the store cannot be opened or cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("the database file cannot be created or read")]
    Io(#[from] io::Error),
    #[error("SQLite {found} is too old: before 3.51.3 a reset of the write-ahead log can lose commits")]
    TooOld { found: String },
    #[error("the database has schema version {found}, and this program knows versions up to {known} only")]
    Newer { found: i64, known: i64 },
    #[error("the database cannot answer")]
    Sql(#[from] sqlx::Error),
    #[error("the database holds a row in `{table}` that cannot be read")]
    Row {
        table: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("a number does not fit into the database")]
    Range,
    #[error(
        "`{path}`, by which the log is searched, cannot be used; without it, it is made from the log when a node starts"
    )]
    Search { path: PathBuf, source: Box<StorageError> },
    #[error("the file by which the log is searched is not there")]
    NoSearch,
}

/// One database. Clones share it.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    writer: Mutex<Writer>,
    readers: SqlitePool,
    /// None where there is none and it is only read.
    search: Option<SearchFile>,
}

/// The one connection that writes. Not sqlx's `Transaction`: where SQLite itself rolls back (disk full, I/O error),
/// that loses count of its depth and the connection never begins a transaction again.
struct Writer {
    connection: SqliteConnection,
    /// A transaction was begun and not seen to end: it failed, or who had begun it went away.
    begun: bool,
}

impl Db {
    /// Opens the database, creates it if there is none (readable by its owner only), and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, StorageError> {
        create(path)?;
        let mut connection = connect_writer(&durable(path)).await?;
        version::check(&mut connection).await?;
        migrate::run(&mut connection).await?;
        let search_path = search::path_beside(path);
        let search = SearchFile::open(&search_path)
            .await
            .map_err(|source| StorageError::Search {
                path: search_path,
                source: Box::new(source),
            })?;
        let filed = search.last().await?;
        let last: i64 = sqlx::query_scalar("SELECT coalesce(max(sequence), 0) FROM entries")
            .fetch_one(&mut connection)
            .await?;
        // Asked in this order, it can only be of a later state than the database, which was restored.
        if filed > unsigned(last)? {
            search.forget_after(last).await?;
        }
        Ok(Self(Arc::new(Inner {
            writer: Mutex::new(Writer::new(connection)),
            readers: readers(SqliteConnectOptions::new().filename(path).read_only(true)),
            search: Some(search),
        })))
    }

    /// Opens a database that must exist, to read it only; every write fails.
    pub async fn open_read_only(path: &Path) -> Result<Self, StorageError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let mut wal = path.as_os_str().to_owned();
        wal.push("-wal");
        // In a folder that cannot be written to, a read-only connection can share nothing with a writer: there is none.
        let alone = match SqliteConnection::connect_with(&shared(options.clone())).await {
            Ok(mut connection) => migrate::version(&mut connection).await.is_err() && !Path::new(&wal).exists(),
            Err(error) => return Err(error.into()),
        };
        let options = options.immutable(alone);
        let mut connection = SqliteConnection::connect_with(&shared(options.clone())).await?;
        version::check(&mut connection).await?;
        migrate::check(&mut connection).await?;
        let search_path = search::path_beside(path);
        let search = search_path.exists().then(|| {
            let options = SqliteConnectOptions::new().filename(search_path).read_only(true);
            SearchFile::open_read_only(options.immutable(alone))
        });
        Ok(Self(Arc::new(Inner {
            writer: Mutex::new(Writer::new(connection)),
            readers: readers(options),
            search,
        })))
    }

    /// A number that changes whenever departments, systems, credentials, resources, grants, service items or accounts
    /// do, in this process or another. One small read: cheap enough to poll every 100 ms.
    pub async fn generation(&self) -> Result<u64, StorageError> {
        let value: i64 = sqlx::query_scalar("SELECT value FROM generation")
            .fetch_one(&self.0.readers)
            .await?;
        unsigned(value)
    }

    /// Ends all reading and leaves everything in the files: nothing in their write-ahead logs. To be called last.
    pub async fn close(&self) -> Result<(), StorageError> {
        if let Some(search) = &self.0.search {
            search.close().await?;
        }
        self.0.readers.close().await;
        self.writer().await.leave_all_in_one_file().await
    }

    fn search_file(&self) -> Result<&SearchFile, StorageError> {
        self.0.search.as_ref().ok_or(StorageError::NoSearch)
    }

    fn readers(&self) -> &SqlitePool {
        &self.0.readers
    }

    /// The writer, outside of any transaction.
    async fn writer(&self) -> MutexGuard<'_, Writer> {
        let mut writer = self.0.writer.lock().await;
        writer.abandon().await;
        writer
    }

    /// The writer, in a transaction that holds the write lock; [`Writer::end`] ends it.
    async fn begin(&self) -> Result<MutexGuard<'_, Writer>, StorageError> {
        let mut writer = self.writer().await;
        writer.begin().await?;
        Ok(writer)
    }

    /// Runs one statement that writes, as a transaction of its own; returns how many rows it changed.
    async fn write(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<u64, StorageError> {
        let mut writer = self.writer().await;
        Ok(query.execute(&mut writer.connection).await?.rows_affected())
    }

    /// The same for what nodes keep in memory: they are told, in the same transaction.
    async fn write_registry(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<(), StorageError> {
        let mut writer = self.begin().await?;
        let result = async {
            sqlx::query("UPDATE generation SET value = value + 1")
                .execute(&mut writer.connection)
                .await?;
            query.execute(&mut writer.connection).await?;
            Ok(())
        }
        .await;
        writer.end(result).await
    }
}

impl Writer {
    fn new(connection: SqliteConnection) -> Self {
        Self {
            connection,
            begun: false,
        }
    }

    /// Begins a transaction that holds the write lock.
    async fn begin(&mut self) -> Result<(), StorageError> {
        self.begun = true;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        Ok(())
    }

    async fn leave_all_in_one_file(&mut self) -> Result<(), StorageError> {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    /// Commits when all went well, else takes everything back.
    async fn end<T>(&mut self, result: Result<T, StorageError>) -> Result<T, StorageError> {
        let result = match result {
            Ok(value) => match sqlx::query("COMMIT").execute(&mut self.connection).await {
                Ok(_) => {
                    self.begun = false;
                    Ok(value)
                }
                Err(error) => Err(error.into()),
            },
            Err(error) => Err(error),
        };
        self.abandon().await;
        result
    }

    async fn abandon(&mut self) {
        if self.begun {
            // Fails where SQLite has rolled back already, and then there is nothing left to do.
            let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
            self.begun = false;
        }
    }
}

/// Creates the file if there is none, readable by its owner only.
fn create(path: &Path) -> Result<(), StorageError> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    Ok(())
}

/// For a file whose commits are durable when they are acknowledged.
fn durable(path: &Path) -> SqliteConnectOptions {
    shared(
        SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES),
    )
}

/// Connects to write. Where two processes turn a new database to WAL at once, SQLite tells one of them that it is locked
/// without waiting: that one tries again.
async fn connect_writer(options: &SqliteConnectOptions) -> Result<SqliteConnection, sqlx::Error> {
    let until = Instant::now() + BUSY_TIMEOUT;
    loop {
        match SqliteConnection::connect_with(options).await {
            Err(sqlx::Error::Database(error)) if is_busy(&*error) && Instant::now() < until => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            connected => return connected,
        }
    }
}

/// `SQLITE_BUSY` or one of its extended codes, which have it in their low byte.
fn is_busy(error: &dyn DatabaseError) -> bool {
    const SQLITE_BUSY: u32 = 5;
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xFF == SQLITE_BUSY)
}

/// What every connection has in common. Statements are not logged: their times would be, with every request.
fn shared(options: SqliteConnectOptions) -> SqliteConnectOptions {
    use sqlx::ConnectOptions;
    options
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .pragma("cache_size", CACHE_KIB)
        .disable_statement_logging()
}

fn readers(options: SqliteConnectOptions) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(READER_TIMEOUT)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(shared(options))
}

/// The JSON that a row keeps.
fn to_json<T: Serialize>(table: &'static str, value: &T) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(|source| unreadable(table, source))
}

fn from_json<T: DeserializeOwned>(table: &'static str, json: &str) -> Result<T, StorageError> {
    serde_json::from_str(json).map_err(|source| unreadable(table, source))
}

fn from_json_bytes<T: DeserializeOwned>(table: &'static str, json: &[u8]) -> Result<T, StorageError> {
    serde_json::from_slice(json).map_err(|source| unreadable(table, source))
}

fn unreadable(table: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::Row {
        table,
        source: source.into(),
    }
}

fn signed(value: u64) -> Result<i64, StorageError> {
    i64::try_from(value).map_err(|_| StorageError::Range)
}

fn unsigned(value: i64) -> Result<u64, StorageError> {
    u64::try_from(value).map_err(|_| StorageError::Range)
}
