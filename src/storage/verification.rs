use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::{Db, StorageError, signed};
use crate::{
    ids::VerificationId,
    verification::{Language, ReportStore, StoreFault},
};

impl ReportStore for Db {
    fn keep_report<'a>(
        &'a self,
        id: &'a VerificationId,
        verified_at: Timestamp,
        body: &'a [u8],
    ) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let insert =
                sqlx::query("INSERT INTO verifications (id, verified_at, bytes, body) VALUES ($1, $2, $3, $4)")
                    .bind(id.as_str())
                    .bind(verified_at.as_second())
                    .bind(length(body)?)
                    .bind(body);
            self.write(insert).await?;
            Ok(())
        })
    }

    fn kept<'a>(
        &'a self,
        id: &'a VerificationId,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreFault>> {
        Box::pin(async move {
            let found = sqlx::query_scalar("SELECT body FROM verifications WHERE id = $1 AND verified_at >= $2")
                .bind(id.as_str())
                .bind(since.as_second())
                .fetch_optional(self.readers())
                .await;
            Ok(found.map_err(StorageError::from)?)
        })
    }

    fn keep_sealed<'a>(
        &'a self,
        id: &'a VerificationId,
        lang: Language,
        pdf: &'a [u8],
    ) -> BoxFuture<'a, Result<bool, StoreFault>> {
        Box::pin(async move {
            let bytes = length(pdf)?;
            let mut writer = self.begin().await?;
            let result = async {
                let inserted = sqlx::query(
                    "INSERT INTO sealed_reports (verification, lang, body) SELECT id, $2, $3 FROM verifications \
                     WHERE id = $1 ON CONFLICT (verification, lang) DO NOTHING",
                )
                .bind(id.as_str())
                .bind(lang.tag())
                .bind(pdf)
                .execute(&mut writer.connection)
                .await?;
                let is_new = inserted.rows_affected() == 1;
                if is_new {
                    sqlx::query("UPDATE verifications SET bytes = bytes + $2 WHERE id = $1")
                        .bind(id.as_str())
                        .bind(bytes)
                        .execute(&mut writer.connection)
                        .await?;
                }
                Ok(is_new)
            }
            .await;
            Ok(writer.end::<bool>(result).await?)
        })
    }

    fn sealed<'a>(
        &'a self,
        id: &'a VerificationId,
        lang: Language,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreFault>> {
        Box::pin(async move {
            let found = sqlx::query_scalar("SELECT body FROM sealed_reports WHERE verification = $1 AND lang = $2")
                .bind(id.as_str())
                .bind(lang.tag())
                .fetch_optional(self.readers())
                .await;
            Ok(found.map_err(StorageError::from)?)
        })
    }

    fn forget(&self, before: Timestamp, max_bytes: u64) -> BoxFuture<'_, Result<u64, StoreFault>> {
        Box::pin(async move {
            let delete = sqlx::query(
                "DELETE FROM verifications WHERE verified_at < $1 OR id IN (SELECT id FROM (SELECT id, \
                 SUM(bytes) OVER (ORDER BY verified_at DESC, id) AS so_far FROM verifications) WHERE so_far > $2)",
            )
            .bind(before.as_second())
            .bind(signed(max_bytes)?);
            Ok(self.write(delete).await?)
        })
    }
}

fn length(body: &[u8]) -> Result<i64, StorageError> {
    i64::try_from(body.len()).map_err(|_| StorageError::Range)
}
