//! What searches of the log go by: a file of its own beside the database, made from the entries and made again from
//! them where it is missing. The log's own writer never waits for its indexes.
//! Texts stand in it as keys, which are filed and compared for less.

use std::path::{Path, PathBuf};

use sqlx::{
    QueryBuilder, Sqlite, SqlitePool,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions},
};
use tokio::sync::Mutex;

use super::{StorageError, Writer, connect_writer, create, durable, readers, signed, to_json, unsigned};
use crate::audit::{Filing, Filter, Key};

const SCHEMA: &str = include_str!("../../migrations/sqlite/search.sql");

/// The table has its version in its name, and no migrations: what a program of another version files stands in another
/// table, or is refused.
const IS_MADE: &str = "SELECT EXISTS (SELECT * FROM sqlite_schema WHERE name = 'search_2')";

/// A row that stands there already was filed before a crash, or by another process: it is written again. All rows come
/// as two values, the numbers of the entries as JSON, and for each the other columns, [`WIDTH`] digits a column; 0 is none.
/// Rows as JSON cost half as much again.
const FILE: &str = "INSERT OR REPLACE INTO search_2 \
    (sequence, at_us, action, outcome, department, system, resource, case_id, subject) \
    SELECT value, CAST(substr($1, key * 160 + 1, 20) AS INTEGER), CAST(substr($1, key * 160 + 21, 20) AS INTEGER), \
    CAST(substr($1, key * 160 + 41, 20) AS INTEGER), NULLIF(CAST(substr($1, key * 160 + 61, 20) AS INTEGER), 0), \
    NULLIF(CAST(substr($1, key * 160 + 81, 20) AS INTEGER), 0), NULLIF(CAST(substr($1, key * 160 + 101, 20) AS INTEGER), 0), \
    NULLIF(CAST(substr($1, key * 160 + 121, 20) AS INTEGER), 0), NULLIF(CAST(substr($1, key * 160 + 141, 20) AS INTEGER), 0) \
    FROM json_each($2)";

/// How many digits a column has: those of the longest number, with its sign.
const WIDTH: usize = 20;

pub(super) struct SearchFile {
    /// None where it is only read.
    writer: Option<Mutex<Writer>>,
    readers: SqlitePool,
}

/// Where it is: `yinxin-search.db` for `yinxin.db`.
pub(super) fn path_beside(database: &Path) -> PathBuf {
    let name = database.file_stem().unwrap_or_default().to_string_lossy();
    database.with_file_name(format!("{name}-search.db"))
}

impl SearchFile {
    pub async fn open(path: &Path) -> Result<Self, StorageError> {
        create(path)?;
        let mut writer = Writer::new(connect_writer(&durable(path)).await?);
        writer.begin().await?;
        let made = async {
            let is_made: bool = sqlx::query_scalar(IS_MADE).fetch_one(&mut writer.connection).await?;
            if !is_made {
                sqlx::raw_sql(SCHEMA).execute(&mut writer.connection).await?;
            }
            Ok(())
        }
        .await;
        writer.end(made).await?;
        Ok(Self {
            writer: Some(Mutex::new(writer)),
            readers: readers(SqliteConnectOptions::new().filename(path).read_only(true)),
        })
    }

    pub fn open_read_only(options: SqliteConnectOptions) -> Self {
        Self {
            writer: None,
            readers: readers(options),
        }
    }

    /// Whether it holds anything to search by: an empty file, or one of another version, is made by a node that starts.
    pub async fn is_made(&self) -> Result<bool, StorageError> {
        Ok(sqlx::query_scalar(IS_MADE).fetch_one(&self.readers).await?)
    }

    pub async fn close(&self) -> Result<(), StorageError> {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.lock().await.leave_all_in_one_file().await?;
        }
        Ok(())
    }

    pub async fn file(&self, entries: &[Filing]) -> Result<(), StorageError> {
        let numbers: Vec<u64> = entries.iter().map(|filing| filing.sequence).collect();
        let columns = columns(entries);
        self.write(sqlx::query(FILE).bind(columns).bind(to_json("search", &numbers)?))
            .await
    }

    /// Forgets what was filed of entries after this one.
    pub async fn forget_after(&self, last: i64) -> Result<(), StorageError> {
        self.write(sqlx::query("DELETE FROM search_2 WHERE sequence > $1").bind(last))
            .await
    }

    async fn write(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<(), StorageError> {
        let writer = self.writer.as_ref().ok_or(StorageError::NoSearch)?;
        query.execute(&mut writer.lock().await.connection).await?;
        Ok(())
    }

    /// The last entry up to which all are filed; 0 where one is missing in between.
    pub async fn whole(&self) -> Result<u64, StorageError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM search_2")
            .fetch_one(&self.readers)
            .await?;
        let last = self.last().await?;
        Ok(if unsigned(count)? == last { last } else { 0 })
    }

    /// The last entry that was filed; 0 for none.
    pub async fn last(&self) -> Result<u64, StorageError> {
        let last: i64 = sqlx::query_scalar("SELECT coalesce(max(sequence), 0) FROM search_2")
            .fetch_one(&self.readers)
            .await?;
        unsigned(last)
    }

    /// The numbers of the entries that pass the filter, newest first, and of any whose texts have the same keys.
    pub async fn find(&self, filter: &Filter) -> Result<Vec<i64>, StorageError> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT sequence FROM search_2 WHERE true");
        let keys = [
            (" AND subject = ", filter.subject.as_ref().map(|v| v.as_str())),
            (" AND case_id = ", filter.case.as_ref().map(|v| v.as_str())),
            (" AND system = ", filter.system.as_ref().map(|v| v.as_str())),
            (" AND department = ", filter.department.as_ref().map(|v| v.as_str())),
            (" AND resource = ", filter.resource.as_ref().map(|v| v.as_str())),
        ];
        for (condition, value) in keys {
            if let Some(value) = value {
                query.push(condition).push_bind(Key::of(value).number());
            }
        }
        if let Some(action) = filter.action {
            query
                .push(" AND action = ")
                .push_bind(Key::of(action.as_str()).number());
        }
        if let Some(outcome) = filter.outcome {
            query
                .push(" AND outcome = ")
                .push_bind(Key::of(outcome.as_str()).number());
        }
        if let Some(from) = filter.from {
            query.push(" AND at_us >= ").push_bind(from.as_microsecond());
        }
        if let Some(to) = filter.to {
            // Whether one of the same microsecond is before it, only the entry tells.
            query.push(" AND at_us <= ").push_bind(to.as_microsecond());
        }
        if let Some(before) = filter.before {
            // A number that no entry can have comes after all of them.
            query
                .push(" AND sequence < ")
                .push_bind(i64::try_from(before).unwrap_or(i64::MAX));
        }
        query.push(" ORDER BY sequence DESC LIMIT ").push_bind(filter.limit);
        Ok(query.build_query_scalar().fetch_all(&self.readers).await?)
    }

    /// The rows from one number up to another, in order.
    pub async fn rows(&self, first: u64, end: u64) -> Result<Vec<FiledRow>, StorageError> {
        let rows: Vec<FiledRow> = sqlx::query_as(
            "SELECT sequence, at_us, action, outcome, department, system, resource, case_id, subject FROM search_2 \
             WHERE sequence >= $1 AND sequence < $2 ORDER BY sequence",
        )
        .bind(signed(first)?)
        .bind(signed(end)?)
        .fetch_all(&self.readers)
        .await?;
        Ok(rows)
    }
}

/// A row as it stands in the file, its columns in their order.
pub(super) type FiledRow = (
    i64,
    i64,
    i64,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

/// The row by which a search finds an entry.
pub(super) fn row(of: &Filing) -> Result<FiledRow, StorageError> {
    Ok((
        signed(of.sequence)?,
        of.at_us,
        of.action.number(),
        of.outcome.number(),
        of.department.map(Key::number),
        of.system.map(Key::number),
        of.resource.map(Key::number),
        of.case.map(Key::number),
        of.subject.map(Key::number),
    ))
}

/// The columns beside the numbers of the entries, as [`FILE`] takes them.
fn columns(entries: &[Filing]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * 8 * WIDTH);
    let mut digits = itoa::Buffer::new();
    for of in entries {
        let keys = [of.department, of.system, of.resource, of.case, of.subject];
        let known = [of.at_us, of.action.number(), of.outcome.number()];
        let all = known.into_iter().chain(keys.map(|key| key.map_or(0, Key::number)));
        for number in all {
            let digits = digits.format(number).as_bytes();
            out.resize(out.len() + WIDTH.saturating_sub(digits.len()), b' ');
            out.extend_from_slice(digits);
        }
    }
    out
}
