use std::{path::PathBuf, time::Duration};

use futures_util::future::BoxFuture;
use moka::sync::Cache;
use serde_json::Value;
use sqlx::{
    AssertSqlSafe, Column as _, Row as _, SqlitePool, TypeInfo as _, ValueRef as _,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow},
};

use crate::{
    catalogue::StoreFault,
    exchange::source::{Record, Select, Tables},
};

/// How many providers' databases are kept open.
const KEPT_DATABASES: u64 = 256;

/// Connections to one of them.
const CONNECTIONS: u32 = 4;

/// How long to wait for a connection or a lock, in milliseconds: less than the exchange waits for the whole.
const WAIT_MS: u64 = 1_500;

/// Providers' SQLite databases, opened read-only when they are first asked for.
pub struct SqliteTables(Cache<PathBuf, SqlitePool>);

impl SqliteTables {
    #[must_use]
    pub fn new() -> Self {
        Self(Cache::new(KEPT_DATABASES))
    }

    fn pool(&self, select: &Select<'_>) -> SqlitePool {
        let path = &select.source.database;
        self.0.get(path).unwrap_or_else(|| {
            self.0.get_with(path.clone(), || {
                let wait = Duration::from_millis(WAIT_MS);
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .read_only(true)
                    .create_if_missing(false)
                    .busy_timeout(wait)
                    .pragma("query_only", "ON")
                    // A view of the provider's must not call functions with side effects.
                    .pragma("trusted_schema", "OFF");
                SqlitePoolOptions::new()
                    .max_connections(CONNECTIONS)
                    .acquire_timeout(wait)
                    .connect_lazy_with(options)
            })
        })
    }
}

impl Default for SqliteTables {
    fn default() -> Self {
        Self::new()
    }
}

impl Tables for SqliteTables {
    fn select<'a>(&'a self, select: Select<'a>) -> BoxFuture<'a, Result<Vec<Record>, StoreFault>> {
        Box::pin(async move {
            // Every name in it was checked to hold no quote (see `Select`).
            let rows = sqlx::query(AssertSqlSafe(statement(&select)))
                .bind(select.subject)
                .fetch_all(&self.pool(&select))
                .await?;
            rows.iter().map(record).collect()
        })
    }
}

/// Names are qualified: SQLite takes a quoted name that no column has for a text.
fn statement(select: &Select<'_>) -> String {
    let columns: Vec<String> = select.columns.iter().map(|name| format!("t.\"{name}\"")).collect();
    let order = match &select.source.order_by {
        Some(name) => format!(" ORDER BY t.\"{name}\""),
        None => String::new(),
    };
    format!(
        "SELECT {} FROM \"{}\" AS t WHERE t.\"{}\" = $1{order} LIMIT {}",
        columns.join(", "),
        select.source.table,
        select.source.subject_column,
        select.limit
    )
}

fn record(row: &SqliteRow) -> Result<Record, StoreFault> {
    row.columns()
        .iter()
        .map(|column| {
            let at = column.ordinal();
            let raw = row.try_get_raw(at)?;
            let kind = raw.type_info().name().to_owned();
            let value = match kind.as_str() {
                _ if raw.is_null() => Value::Null,
                "INTEGER" => Value::from(row.try_get::<i64, _>(at)?),
                "REAL" => Value::from(row.try_get::<f64, _>(at)?),
                "TEXT" => Value::from(row.try_get::<String, _>(at)?),
                other => return Err(format!("`{}` holds {other}", column.name()).into()),
            };
            Ok((column.name().to_owned(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::SqlSource;

    async fn source(folder: &std::path::Path) -> SqlSource {
        let database = folder.join("provider.db");
        let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&database).create_if_missing(true))
            .await
            .unwrap();
        sqlx::raw_sql(
            "CREATE TABLE 参保 (id TEXT, month TEXT, base REAL, months INTEGER, photo BLOB);
             INSERT INTO 参保 VALUES ('a', '2026-02', 1.5, 2, NULL), ('a', '2026-01', NULL, 1, NULL), ('b', '2026-01', 0, 0, x'00')",
        )
        .execute(&pool)
        .await
        .unwrap();
        pool.close().await;
        SqlSource {
            database,
            table: "参保".to_owned(),
            subject_column: "id".to_owned(),
            order_by: Some("month".to_owned()),
        }
    }

    fn folder() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("yinxin-tables-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    #[tokio::test]
    async fn rows_of_one_subject_come_in_order_and_a_name_that_no_column_has_is_an_error() {
        let folder = folder();
        let source = source(&folder).await;
        let tables = SqliteTables::new();
        let select = |subject, columns| {
            tables.select(Select {
                source: &source,
                columns,
                subject,
                limit: 2,
            })
        };
        let rows = select("a", &["month", "base", "months"]).await.unwrap();
        assert_eq!(
            json!(rows),
            json!([{"month": "2026-01", "base": null, "months": 1}, {"month": "2026-02", "base": 1.5, "months": 2}])
        );
        assert_eq!(select("' OR 1=1 --", &["month"]).await.unwrap().len(), 0);
        assert!(select("a", &["salary"]).await.is_err());
        assert!(select("b", &["photo"]).await.is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn a_database_that_is_not_there_is_not_made() {
        let folder = folder();
        let mut source = source(&folder).await;
        source.database = folder.join("absent.db");
        let answer = SqliteTables::new()
            .select(Select {
                source: &source,
                columns: &["month"],
                subject: "a",
                limit: 1,
            })
            .await;
        assert!(answer.is_err());
        assert!(!source.database.exists());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
