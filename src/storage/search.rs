//! What searches of the log go by: a file of its own beside the database, made from the entries and made again from
//! them where it is missing. The log's own writer never waits for its indexes.

use std::path::{Path, PathBuf};

use serde::Serialize;
use sqlx::{
    QueryBuilder, Sqlite, SqlitePool,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions},
};
use tokio::sync::Mutex;

use super::{StorageError, Writer, connect_writer, create, durable, readers, signed, to_json, unsigned};
use crate::audit::{Action, Filter, Outcome, Placed};

const SCHEMA: &str = include_str!("../../migrations/sqlite/search.sql");

/// The version of the schema. It has no migrations: of another version, the file is made anew.
const VERSION: i64 = 1;

/// A row that stands there already was filed before a crash, or by another process: it is written again.
const FILE: &str = "INSERT OR REPLACE INTO search \
    (sequence, at_us, action, outcome, department, system, resource, case_id, subject) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, \
    value ->> 8 FROM json_each($1) ORDER BY key";

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
            let version: i64 = sqlx::query_scalar("PRAGMA user_version")
                .fetch_one(&mut writer.connection)
                .await?;
            if version != VERSION {
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

    /// Whether it holds anything to search by: an empty file is made by a node that starts.
    pub async fn is_made(&self) -> Result<bool, StorageError> {
        let is_made = sqlx::query_scalar("SELECT EXISTS (SELECT * FROM sqlite_schema WHERE name = 'search')")
            .fetch_one(&self.readers)
            .await?;
        Ok(is_made)
    }

    pub async fn close(&self) -> Result<(), StorageError> {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.lock().await.leave_all_in_one_file().await?;
        }
        Ok(())
    }

    pub async fn file(&self, entries: &[Placed]) -> Result<(), StorageError> {
        let rows: Vec<Row> = entries.iter().map(Row::from).collect();
        self.write(sqlx::query(FILE).bind(to_json("search", &rows)?)).await
    }

    /// Forgets what was filed of entries after this one.
    pub async fn forget_after(&self, last: i64) -> Result<(), StorageError> {
        self.write(sqlx::query("DELETE FROM search WHERE sequence > $1").bind(last))
            .await
    }

    async fn write(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<(), StorageError> {
        let writer = self.writer.as_ref().ok_or(StorageError::NoSearch)?;
        query.execute(&mut writer.lock().await.connection).await?;
        Ok(())
    }

    /// The last entry up to which all are filed; 0 where one is missing in between.
    pub async fn whole(&self) -> Result<u64, StorageError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM search")
            .fetch_one(&self.readers)
            .await?;
        let last = self.last().await?;
        Ok(if unsigned(count)? == last { last } else { 0 })
    }

    /// The last entry that was filed; 0 for none.
    pub async fn last(&self) -> Result<u64, StorageError> {
        let last: i64 = sqlx::query_scalar("SELECT coalesce(max(sequence), 0) FROM search")
            .fetch_one(&self.readers)
            .await?;
        unsigned(last)
    }

    /// The numbers of the entries that pass the filter, newest first.
    pub async fn find(&self, filter: &Filter) -> Result<Vec<i64>, StorageError> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT sequence FROM search WHERE true");
        let texts = [
            (" AND subject = ", filter.subject.as_ref().map(|v| v.as_str())),
            (" AND case_id = ", filter.case.as_ref().map(|v| v.as_str())),
            (" AND system = ", filter.system.as_ref().map(|v| v.as_str())),
            (" AND department = ", filter.department.as_ref().map(|v| v.as_str())),
            (" AND resource = ", filter.resource.as_ref().map(|v| v.as_str())),
        ];
        for (condition, value) in texts {
            if let Some(value) = value {
                query.push(condition).push_bind(value);
            }
        }
        if let Some(action) = filter.action {
            query.push(" AND action = ").push_bind(name(&action)?);
        }
        if let Some(outcome) = filter.outcome {
            query.push(" AND outcome = ").push_bind(name(&outcome)?);
        }
        if let Some(from) = filter.from {
            query.push(" AND at_us >= ").push_bind(from.as_microsecond());
        }
        if let Some(to) = filter.to {
            query.push(" AND at_us < ").push_bind(to.as_microsecond());
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
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT sequence, at_us, action, outcome, department, system, resource, case_id, subject FROM search \
             WHERE sequence >= $1 AND sequence < $2 ORDER BY sequence",
        )
        .bind(signed(first)?)
        .bind(signed(end)?)
        .fetch_all(&self.readers)
        .await?;
        Ok(rows.into_iter().map(FiledRow).collect())
    }
}

/// What an entry is found by, in the order of the columns.
#[derive(Serialize)]
struct Row<'a>(
    u64,
    i64,
    Action,
    Outcome,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
);

impl<'a> From<&'a Placed> for Row<'a> {
    fn from(Placed { sequence, entry }: &'a Placed) -> Self {
        Self(
            *sequence,
            entry.at.as_microsecond(),
            entry.action,
            entry.outcome,
            entry.department.as_ref().map(|v| v.as_str()),
            entry.system.as_ref().map(|v| v.as_str()),
            entry.resource.as_ref().map(|v| v.as_str()),
            entry.case.as_ref().map(|v| v.as_str()),
            entry.subject.as_ref().map(|v| v.as_str()),
        )
    }
}

/// The columns as they are read.
type Columns = (
    i64,
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// A row as it stands in the file.
pub(super) struct FiledRow(Columns);

impl FiledRow {
    pub fn sequence(&self) -> Option<u64> {
        u64::try_from(self.0.0).ok()
    }

    /// Whether a search finds this entry by what it holds.
    pub fn is_of(&self, placed: &Placed) -> bool {
        let Row(sequence, at_us, action, outcome, department, system, resource, case, subject) = Row::from(placed);
        self.sequence() == Some(sequence)
            && self.0.1 == at_us
            && name(&action).is_ok_and(|name| name == self.0.2)
            && name(&outcome).is_ok_and(|name| name == self.0.3)
            && self.0.4.as_deref() == department
            && self.0.5.as_deref() == system
            && self.0.6.as_deref() == resource
            && self.0.7.as_deref() == case
            && self.0.8.as_deref() == subject
    }
}

/// The name that an action or outcome has in JSON, and so in the rows.
fn name<T: Serialize>(value: &T) -> Result<String, StorageError> {
    let json = to_json("search", value)?;
    super::from_json("search", &json)
}
