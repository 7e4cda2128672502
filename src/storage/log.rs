use futures_util::future::BoxFuture;
use serde::Serialize;
use sqlx::{QueryBuilder, Sqlite};

use super::{Db, from_json, signed, to_json, unreadable, unsigned};
use crate::{
    audit::{Filter, Growth, LogStore, Placed, RawEntries, StoreFault},
    formats::merkle::Hash,
};

/// What the probe writes: more than one page, so that the file itself has to have room.
const PROBE_BYTES: i64 = 16 * 1024;

/// One statement is one transaction, one call of the connection's thread and one fsync, however many entries there
/// are: they come as one value, and where each begins and how long it is as JSON.
const APPEND: &str = "INSERT INTO entries (sequence, body) \
    SELECT max((SELECT coalesce(max(sequence), 0) FROM entries), (SELECT coalesce(max(tree_size), 0) FROM checkpoint)) \
    + 1 + key, substr($1, value ->> 0, value ->> 1) FROM json_each($2) ORDER BY key";

/// A row that stands there already was filed before a crash, or by another process: it is written again.
const FILE: &str = "INSERT OR REPLACE INTO search \
    (sequence, at_us, action, outcome, department, system, resource, case_id, subject) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, \
    value ->> 8 FROM json_each($1) ORDER BY key";

/// Compares what search goes by with what the entries hold.
const MISFILED: &str = "SELECT min(e.sequence) FROM (SELECT sequence, CAST(body AS TEXT) AS body FROM entries) e \
    LEFT JOIN search s ON s.sequence = e.sequence WHERE e.sequence <= $1 AND (s.sequence IS NULL \
    OR s.at_us / 1000000 IS NOT unixepoch(substr(e.body ->> 'at', 1, 19)) \
    OR s.action IS NOT e.body ->> 'action' OR s.outcome IS NOT e.body ->> 'outcome' \
    OR s.department IS NOT e.body ->> 'department' OR s.system IS NOT e.body ->> 'system' \
    OR s.resource IS NOT e.body ->> 'resource' OR s.case_id IS NOT e.body ->> 'case' \
    OR s.subject IS NOT e.body ->> 'subject')";

impl LogStore for Db {
    fn append<'a>(&'a self, entries: &'a [Vec<u8>]) -> BoxFuture<'a, Result<u64, StoreFault>> {
        Box::pin(async move {
            let mut places = Vec::with_capacity(entries.len());
            let mut begin = 1;
            for entry in entries {
                places.push((begin, entry.len()));
                begin += entry.len();
            }
            let insert = sqlx::query(APPEND)
                .bind(entries.concat())
                .bind(to_json("entries", &places)?);
            let mut writer = self.writer().await;
            let done = insert.execute(&mut writer.connection).await?;
            let count = u64::try_from(entries.len())?;
            if done.rows_affected() != count {
                return Err("the entries were not all inserted".into());
            }
            Ok(unsigned(done.last_insert_rowid())? + 1 - count)
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreFault>> {
        Box::pin(async {
            let mut writer = self.begin().await?;
            let result = async {
                sqlx::query("INSERT INTO probes (body) VALUES (zeroblob($1))")
                    .bind(PROBE_BYTES)
                    .execute(&mut writer.connection)
                    .await?;
                sqlx::query("DELETE FROM probes")
                    .execute(&mut writer.connection)
                    .await?;
                Ok(())
            }
            .await;
            Ok(writer.end(result).await?)
        })
    }

    fn entries(&self, first: u64, limit: u32) -> BoxFuture<'_, Result<RawEntries, StoreFault>> {
        Box::pin(async move {
            let rows: Vec<(i64, Vec<u8>)> =
                sqlx::query_as("SELECT sequence, body FROM entries WHERE sequence >= $1 ORDER BY sequence LIMIT $2")
                    .bind(signed(first)?)
                    .bind(limit)
                    .fetch_all(self.readers())
                    .await?;
            let numbered: Result<RawEntries, _> = rows
                .into_iter()
                .map(|(sequence, body)| Ok((unsigned(sequence)?, body)))
                .collect();
            numbered
        })
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Option<String>, StoreFault>> {
        Box::pin(async {
            let note = sqlx::query_scalar("SELECT note FROM checkpoint")
                .fetch_optional(self.readers())
                .await?;
            Ok(note)
        })
    }

    fn tile(&self, level: u8, index: u64) -> BoxFuture<'_, Result<Option<Vec<Hash>>, StoreFault>> {
        Box::pin(async move {
            let bytes: Option<Vec<u8>> =
                sqlx::query_scalar("SELECT hashes FROM tiles WHERE level = $1 AND position = $2")
                    .bind(level)
                    .bind(signed(index)?)
                    .fetch_optional(self.readers())
                    .await?;
            let Some(bytes) = bytes else {
                return Ok(None);
            };
            let (hashes, []) = bytes.as_chunks::<32>() else {
                return Err(unreadable("tiles", "a tile holds hashes of 32 bytes").into());
            };
            Ok(Some(hashes.to_vec()))
        })
    }

    fn file<'a>(&'a self, entries: &'a [Placed]) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let rows: Vec<SearchRow> = entries.iter().map(SearchRow::from).collect();
            let rows = to_json("search", &rows)?;
            self.write(sqlx::query(FILE).bind(rows)).await?;
            Ok(())
        })
    }

    fn grow<'a>(&'a self, growth: &'a Growth) -> BoxFuture<'a, Result<bool, StoreFault>> {
        Box::pin(async move {
            let mut writer = self.begin().await?;
            let result = async {
                let size: Option<i64> = sqlx::query_scalar("SELECT tree_size FROM checkpoint")
                    .fetch_optional(&mut writer.connection)
                    .await?;
                if unsigned(size.unwrap_or(0))? != growth.from_size {
                    return Ok(false);
                }
                for tile in &growth.tiles {
                    sqlx::query(
                        "INSERT INTO tiles (level, position, hashes) VALUES ($1, $2, $3) \
                         ON CONFLICT (level, position) DO UPDATE SET hashes = excluded.hashes",
                    )
                    .bind(tile.level)
                    .bind(signed(tile.index)?)
                    .bind(tile.hashes.concat())
                    .execute(&mut writer.connection)
                    .await?;
                }
                sqlx::query(
                    "INSERT INTO checkpoint (id, tree_size, note) VALUES (1, $1, $2) \
                     ON CONFLICT (id) DO UPDATE SET tree_size = excluded.tree_size, note = excluded.note",
                )
                .bind(signed(growth.tree_size)?)
                .bind(growth.checkpoint.as_str())
                .execute(&mut writer.connection)
                .await?;
                Ok(true)
            }
            .await;
            Ok(writer.end(result).await?)
        })
    }

    fn search<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Vec<Placed>, StoreFault>> {
        Box::pin(async move {
            let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
                "SELECT e.sequence, e.body FROM search s JOIN entries e ON e.sequence = s.sequence WHERE true",
            );
            let texts = [
                (" AND s.subject = ", filter.subject.as_ref().map(|v| v.as_str())),
                (" AND s.case_id = ", filter.case.as_ref().map(|v| v.as_str())),
                (" AND s.system = ", filter.system.as_ref().map(|v| v.as_str())),
                (" AND s.department = ", filter.department.as_ref().map(|v| v.as_str())),
                (" AND s.resource = ", filter.resource.as_ref().map(|v| v.as_str())),
            ];
            for (condition, value) in texts {
                if let Some(value) = value {
                    query.push(condition).push_bind(value);
                }
            }
            if let Some(action) = filter.action {
                query.push(" AND s.action = ").push_bind(name(&action)?);
            }
            if let Some(outcome) = filter.outcome {
                query.push(" AND s.outcome = ").push_bind(name(&outcome)?);
            }
            if let Some(from) = filter.from {
                query.push(" AND s.at_us >= ").push_bind(from.as_microsecond());
            }
            if let Some(to) = filter.to {
                query.push(" AND s.at_us < ").push_bind(to.as_microsecond());
            }
            if let Some(before) = filter.before {
                // A number that no entry can have comes after all of them.
                query
                    .push(" AND s.sequence < ")
                    .push_bind(i64::try_from(before).unwrap_or(i64::MAX));
            }
            query.push(" ORDER BY s.sequence DESC LIMIT ").push_bind(filter.limit);
            let rows: Vec<(i64, Vec<u8>)> = query.build_query_as().fetch_all(self.readers()).await?;
            rows.into_iter()
                .map(|(sequence, body)| {
                    Ok(Placed {
                        sequence: unsigned(sequence)?,
                        entry: serde_json::from_slice(&body).map_err(|e| unreadable("entries", e))?,
                    })
                })
                .collect()
        })
    }

    fn misfiled(&self, tree_size: u64) -> BoxFuture<'_, Result<Option<u64>, StoreFault>> {
        Box::pin(async move {
            let first: Option<i64> = sqlx::query_scalar(MISFILED)
                .bind(signed(tree_size)?)
                .fetch_one(self.readers())
                .await?;
            Ok(first.map(unsigned).transpose()?)
        })
    }
}

/// What an entry is found by, in the order of the columns.
#[derive(Serialize)]
struct SearchRow<'a>(
    u64,
    i64,
    crate::audit::Action,
    crate::audit::Outcome,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
);

impl<'a> From<&'a Placed> for SearchRow<'a> {
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

/// The name that an action or outcome has in JSON, and so in the search rows.
fn name<T: Serialize>(value: &T) -> Result<String, StoreFault> {
    let json = to_json("search", value)?;
    Ok(from_json("search", &json)?)
}
