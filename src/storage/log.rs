use super::{Db, from_json_bytes, search, signed, to_json, unreadable, unsigned};
use crate::{
    audit::{Filed, Filing, Filter, Growth, LogStore, Placed, RawEntries, StoreFault},
    formats::merkle::Hash,
};
use futures_util::future::BoxFuture;

/// What the probe writes: more than one page, so that the file itself has to have room.
const PROBE_BYTES: i64 = 16 * 1024;

/// How many entries are compared at once with what search goes by.
const COMPARED_AT_ONCE: u32 = 1_000;

/// One statement is one transaction, one call of the connection's thread and one fsync, however many entries there
/// are: they come as one value, and as JSON one number each, where it begins times 2^24 and how many bytes it has.
const APPEND: &str = "INSERT INTO entries (sequence, body) \
    SELECT max((SELECT coalesce(max(sequence), 0) FROM entries), (SELECT coalesce(max(tree_size), 0) FROM checkpoint)) \
    + 1 + key, substr($1, value >> 24, value & 0xFFFFFF) FROM json_each($2) ORDER BY key";
const BEGIN_SHIFT: u32 = 24;

impl LogStore for Db {
    fn append<'a>(&'a self, entries: &'a [Vec<u8>]) -> BoxFuture<'a, Result<u64, StoreFault>> {
        Box::pin(async move {
            let mut places = Vec::with_capacity(entries.len());
            let mut begin = 1;
            for entry in entries {
                if entry.len() >> BEGIN_SHIFT > 0 {
                    return Err("an entry is too long to be stored".into());
                }
                places.push(begin << BEGIN_SHIFT | entry.len());
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

    fn file<'a>(&'a self, entries: &'a [Filing]) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move { Ok(self.search_file()?.file(entries).await?) })
    }

    fn filed(&self) -> BoxFuture<'_, Result<u64, StoreFault>> {
        Box::pin(async { Ok(self.search_file()?.whole().await?) })
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
            let (mut placed, mut rest) = (Vec::new(), filter.clone());
            let most = usize::try_from(filter.limit)?;
            loop {
                let found = self.search_file()?.find(&rest).await?;
                let Some(last) = found.last() else {
                    return Ok(placed);
                };
                let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
                    "SELECT sequence, body FROM entries WHERE sequence IN (SELECT value FROM json_each($1)) \
                     ORDER BY sequence DESC",
                )
                .bind(to_json("search", &found)?)
                .fetch_all(self.readers())
                .await?;
                for (sequence, body) in &rows {
                    let entry = Placed {
                        sequence: unsigned(*sequence)?,
                        entry: from_json_bytes("entries", body)?,
                    };
                    if filter.admits(&entry) {
                        placed.push(entry);
                    }
                }
                let is_end = found.len() < usize::try_from(rest.limit)?;
                if placed.len() >= most || is_end {
                    placed.truncate(most);
                    return Ok(placed);
                }
                // Where entries are gone that were filed, or are not what they are filed as, those before them take
                // their places: a page is short only at the end.
                rest.before = Some(unsigned(*last)?);
                rest.limit = Filter::MAX_LIMIT;
            }
        })
    }

    fn compare_filed(&self, tree_size: u64) -> BoxFuture<'_, Result<Filed, StoreFault>> {
        Box::pin(async move {
            // A copy without it is made to be searched when it is opened to be written to.
            let Some(search) = &self.0.search else {
                return Ok(Filed::Nothing);
            };
            if !search.is_made().await? {
                return Ok(Filed::Nothing);
            }
            let mut next = 1;
            while next <= tree_size {
                let entries = self.entries(next, COMPARED_AT_ONCE).await?;
                let Some((last, _)) = entries.last() else {
                    break;
                };
                let after = last + 1;
                let mut filed = search.rows(next, after).await?.into_iter().peekable();
                for (sequence, body) in entries.into_iter().take_while(|(sequence, _)| *sequence <= tree_size) {
                    let entry = from_json_bytes("entries", &body)?;
                    let row = search::row(&Filing::of(sequence, &entry))?;
                    if filed.next_if_eq(&row).is_none() {
                        return Ok(Filed::AllBut(sequence));
                    }
                }
                next = after;
            }
            Ok(Filed::All)
        })
    }
}
