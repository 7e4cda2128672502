use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::Db;
use crate::{
    department::{CLAIM_LIFETIME, Claimed, REPLY_RETENTION, Reply, ReplyStore, StoreFault},
    ids::SystemId,
};

impl ReplyStore for Db {
    fn claim<'a>(
        &'a self,
        system: &'a SystemId,
        key: &'a str,
        request_sha256: &'a [u8; 32],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Claimed, StoreFault>> {
        Box::pin(async move {
            let before = |age: Duration| now.as_second().saturating_sub_unsigned(age.as_secs());
            let mut writer = self.begin().await?;
            let result = async {
                sqlx::query("DELETE FROM replies WHERE claimed_at < $1 OR (claimed_at < $2 AND status IS NULL)")
                    .bind(before(REPLY_RETENTION))
                    .bind(before(CLAIM_LIFETIME))
                    .execute(&mut writer.connection)
                    .await?;
                let claimed = sqlx::query(
                    "INSERT INTO replies (system, key, request_sha256, claimed_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (system, key) DO NOTHING",
                )
                .bind(system.as_str())
                .bind(key)
                .bind(request_sha256.as_slice())
                .bind(now.as_second())
                .execute(&mut writer.connection)
                .await?;
                if claimed.rows_affected() == 1 {
                    return Ok(Claimed::First);
                }
                let (sha256, status, body): (Vec<u8>, Option<u16>, Option<Vec<u8>>) =
                    sqlx::query_as("SELECT request_sha256, status, body FROM replies WHERE system = $1 AND key = $2")
                        .bind(system.as_str())
                        .bind(key)
                        .fetch_one(&mut writer.connection)
                        .await?;
                Ok(match (status, body) {
                    _ if sha256 != request_sha256 => Claimed::OtherRequest,
                    (Some(status), Some(body)) => Claimed::Again(Reply { status, body }),
                    _ => Claimed::InProgress,
                })
            }
            .await;
            Ok(writer.end::<Claimed>(result).await?)
        })
    }

    fn keep<'a>(
        &'a self,
        system: &'a SystemId,
        key: &'a str,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let update = sqlx::query("UPDATE replies SET status = $1, body = $2 WHERE system = $3 AND key = $4")
                .bind(reply.status)
                .bind(reply.body.as_slice())
                .bind(system.as_str())
                .bind(key);
            self.write(update).await?;
            Ok(())
        })
    }

    fn release<'a>(&'a self, system: &'a SystemId, key: &'a str) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let delete = sqlx::query("DELETE FROM replies WHERE system = $1 AND key = $2 AND status IS NULL")
                .bind(system.as_str())
                .bind(key);
            self.write(delete).await?;
            Ok(())
        })
    }
}
