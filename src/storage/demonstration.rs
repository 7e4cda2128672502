//! Statements that only the demo and tests of the whole node need: a provider's table, and what somebody with the
//! database file in hand would do to the log.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use super::StorageError;

/// Writes a provider's database: one table of text columns, from CSV whose first column is what it is read by.
pub async fn write_table(path: &Path, table: &str, csv: &str) -> Result<(), StorageError> {
    let draft = path.with_extension("draft");
    if draft.exists() {
        std::fs::remove_file(&draft)?;
    }
    let unreadable = |source: csv::Error| StorageError::Row {
        table: "csv",
        source: source.into(),
    };
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let columns: Vec<String> = reader.headers().map_err(unreadable)?.iter().map(quoted).collect();
    let table = quoted(table);
    let options = SqliteConnectOptions::new().filename(&draft).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let mut transaction = connection.begin().await?;
    sqlx::query(AssertSqlSafe(format!("CREATE TABLE {table} ({})", columns.join(", "))))
        .execute(&mut *transaction)
        .await?;
    if let Some(first) = columns.first() {
        sqlx::query(AssertSqlSafe(format!("CREATE INDEX by_subject ON {table} ({first})")))
            .execute(&mut *transaction)
            .await?;
    }
    let places = vec!["?"; columns.len()].join(", ");
    let insert = format!("INSERT INTO {table} VALUES ({places})");
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let mut row = sqlx::query(AssertSqlSafe(insert.clone()));
        for value in &record {
            row = row.bind(value.to_owned());
        }
        row.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    connection.close().await?;
    std::fs::rename(&draft, path)?;
    Ok(())
}

/// Copies a node's database, as it stands, to a file that is not there yet; the node may go on serving.
pub async fn copy_database(from: &Path, to: &Path) -> Result<(), StorageError> {
    let options = SqliteConnectOptions::new().filename(from).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("VACUUM INTO $1")
        .bind(to.to_string_lossy().into_owned())
        .execute(&mut connection)
        .await?;
    Ok(connection.close().await?)
}

/// Deletes the log's entry of this sequence number, past everything that keeps the log; false when there is none.
pub async fn delete_entry(path: &Path, sequence: u64) -> Result<bool, StorageError> {
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await?;
    let deleted = sqlx::query("DELETE FROM entries WHERE sequence = $1")
        .bind(super::signed(sequence)?)
        .execute(&mut connection)
        .await?
        .rows_affected();
    connection.close().await?;
    Ok(deleted == 1)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
