use futures_util::future::BoxFuture;
use sqlx::{QueryBuilder, Sqlite};

use super::{Db, from_json, signed, to_json};
use crate::{
    catalogue::{CatalogueStore, Grant, Resource, StoreFault},
    ids::{Pseudonym, ResourceCode},
};

/// Rows of a dataset that one statement inserts: four parameters each, of the 32,766 that SQLite takes.
const ROWS_A_STATEMENT: usize = 500;

impl CatalogueStore for Db {
    fn load(&self) -> BoxFuture<'_, Result<(Vec<Resource>, Vec<Grant>), StoreFault>> {
        Box::pin(async {
            let mut moment = self.readers().begin().await?;
            let resources: Vec<String> = sqlx::query_scalar("SELECT body FROM resources ORDER BY code")
                .fetch_all(&mut *moment)
                .await?;
            let grants: Vec<String> = sqlx::query_scalar("SELECT body FROM grants ORDER BY id")
                .fetch_all(&mut *moment)
                .await?;
            moment.commit().await?;
            let resources: Result<Vec<_>, _> = resources.iter().map(|b| from_json("resources", b)).collect();
            let grants: Result<Vec<_>, _> = grants.iter().map(|b| from_json("grants", b)).collect();
            Ok((resources?, grants?))
        })
    }

    fn put_resource<'a>(&'a self, resource: &'a Resource) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let query = sqlx::query(
                "INSERT INTO resources (code, body) VALUES ($1, $2) \
                 ON CONFLICT (code) DO UPDATE SET body = excluded.body",
            )
            .bind(resource.code.as_str())
            .bind(to_json("resources", resource)?);
            Ok(self.write_registry(query).await?)
        })
    }

    fn put_grant<'a>(&'a self, grant: &'a Grant) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let query = sqlx::query(
                "INSERT INTO grants (id, resource, body) VALUES ($1, $2, $3) \
                 ON CONFLICT (id) DO UPDATE SET resource = excluded.resource, body = excluded.body",
            )
            .bind(grant.id.as_str())
            .bind(grant.resource.as_str())
            .bind(to_json("grants", grant)?);
            Ok(self.write_registry(query).await?)
        })
    }

    fn replace_dataset<'a>(
        &'a self,
        resource: &'a ResourceCode,
        rows: Vec<(Pseudonym, Vec<u8>)>,
    ) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let mut writer = self.begin().await?;
            let result = async {
                sqlx::query("DELETE FROM dataset_rows WHERE resource = $1")
                    .bind(resource.as_str())
                    .execute(&mut writer.connection)
                    .await?;
                let mut ordinals = 0_u64..;
                for chunk in rows.chunks(ROWS_A_STATEMENT) {
                    let mut insert: QueryBuilder<Sqlite> =
                        QueryBuilder::new("INSERT INTO dataset_rows (resource, subject, ordinal, body) ");
                    let mut numbered = Vec::with_capacity(chunk.len());
                    for ((subject, body), ordinal) in chunk.iter().zip(&mut ordinals) {
                        numbered.push((subject, signed(ordinal)?, body));
                    }
                    insert.push_values(numbered, |mut row, (subject, ordinal, body)| {
                        row.push_bind(resource.as_str())
                            .push_bind(subject.as_str())
                            .push_bind(ordinal)
                            .push_bind(body.as_slice());
                    });
                    insert.build().execute(&mut writer.connection).await?;
                }
                Ok(())
            }
            .await;
            Ok(writer.end(result).await?)
        })
    }

    fn dataset_rows<'a>(
        &'a self,
        resource: &'a ResourceCode,
        subject: &'a Pseudonym,
    ) -> BoxFuture<'a, Result<Vec<Vec<u8>>, StoreFault>> {
        Box::pin(async move {
            let rows = sqlx::query_scalar(
                "SELECT body FROM dataset_rows WHERE resource = $1 AND subject = $2 ORDER BY ordinal",
            )
            .bind(resource.as_str())
            .bind(subject.as_str())
            .fetch_all(self.readers())
            .await?;
            Ok(rows)
        })
    }
}
