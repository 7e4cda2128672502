use sqlx::SqliteConnection;

use super::StorageError;

/// The steps of the schema, in order. A step that has landed is never changed: a database that has gone through it
/// does not go through it again.
const STEPS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_node.sql"),
    include_str!("../../migrations/sqlite/0002_accounts.sql"),
    include_str!("../../migrations/sqlite/0003_verifications.sql"),
    include_str!("../../migrations/sqlite/0004_ofd.sql"),
    include_str!("../../migrations/sqlite/0005_search.sql"),
];

/// Takes the steps that the database has not taken yet, each in a transaction of its own.
pub(super) async fn run(connection: &mut SqliteConnection) -> Result<(), StorageError> {
    for (number, step) in (1_i64..).zip(STEPS) {
        // Taken under the write lock, so that two processes that start together do not both take it.
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        let taken = async {
            if version(connection).await? < number {
                sqlx::raw_sql(*step).execute(&mut *connection).await?;
                let mark = format!("PRAGMA user_version = {number}");
                sqlx::raw_sql(sqlx::AssertSqlSafe(mark))
                    .execute(&mut *connection)
                    .await?;
            }
            sqlx::query("COMMIT").execute(&mut *connection).await?;
            Ok(())
        }
        .await;
        if taken.is_err() {
            let _ = sqlx::query("ROLLBACK").execute(&mut *connection).await;
            return taken;
        }
    }
    check(connection).await
}

/// Whether the schema is one that this program knows.
pub(super) async fn check(connection: &mut SqliteConnection) -> Result<(), StorageError> {
    let found = version(connection).await?;
    let known = i64::try_from(STEPS.len()).map_err(|_| StorageError::Range)?;
    if found > known {
        return Err(StorageError::Newer { found, known });
    }
    Ok(())
}

/// How many steps the database has taken.
pub(super) async fn version(connection: &mut SqliteConnection) -> Result<i64, StorageError> {
    Ok(sqlx::query_scalar("PRAGMA user_version").fetch_one(connection).await?)
}
