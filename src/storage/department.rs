use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::{Db, StorageError, from_json, to_json, unreadable};
use crate::{
    department::{Credential, Department, DirectoryStore, StoreFault, System},
    ids::{SpkiThumbprint, SystemId},
};

impl DirectoryStore for Db {
    fn load(&self) -> BoxFuture<'_, Result<(Vec<Department>, Vec<System>, Vec<Credential>), StoreFault>> {
        Box::pin(async {
            // One transaction: the three lists are of one moment.
            let mut moment = self.readers().begin().await?;
            let departments: Vec<String> = sqlx::query_scalar("SELECT body FROM departments ORDER BY id")
                .fetch_all(&mut *moment)
                .await?;
            let systems: Vec<String> = sqlx::query_scalar("SELECT body FROM systems ORDER BY id")
                .fetch_all(&mut *moment)
                .await?;
            let credentials: Vec<CredentialRow> =
                sqlx::query_as("SELECT thumbprint, system, subject, not_after, revoked_at FROM credentials")
                    .fetch_all(&mut *moment)
                    .await?;
            moment.commit().await?;
            let departments: Result<Vec<_>, _> = departments.iter().map(|b| from_json("departments", b)).collect();
            let systems: Result<Vec<_>, _> = systems.iter().map(|b| from_json("systems", b)).collect();
            let credentials: Result<Vec<_>, _> = credentials.into_iter().map(credential).collect();
            Ok((departments?, systems?, credentials?))
        })
    }

    fn put_department<'a>(&'a self, department: &'a Department) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let query = sqlx::query(
                "INSERT INTO departments (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            )
            .bind(department.id.as_str())
            .bind(to_json("departments", department)?);
            Ok(self.write_registry(query).await?)
        })
    }

    fn put_system<'a>(&'a self, system: &'a System) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let query = sqlx::query(
                "INSERT INTO systems (id, department, body) VALUES ($1, $2, $3) \
                 ON CONFLICT (id) DO UPDATE SET department = excluded.department, body = excluded.body",
            )
            .bind(system.id.as_str())
            .bind(system.department.as_str())
            .bind(to_json("systems", system)?);
            Ok(self.write_registry(query).await?)
        })
    }

    fn put_credential<'a>(&'a self, credential: &'a Credential) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let query = sqlx::query(
                "INSERT INTO credentials (thumbprint, system, subject, not_after, revoked_at) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (thumbprint) DO UPDATE SET system = excluded.system, \
                 subject = excluded.subject, not_after = excluded.not_after, revoked_at = excluded.revoked_at",
            )
            .bind(credential.thumbprint.0.as_slice())
            .bind(credential.system.as_str())
            .bind(credential.subject.as_str())
            .bind(credential.not_after.to_string())
            .bind(credential.revoked_at.map(|at| at.to_string()));
            Ok(self.write_registry(query).await?)
        })
    }
}

type CredentialRow = (Vec<u8>, String, String, String, Option<String>);

fn credential((thumbprint, system, subject, not_after, revoked_at): CredentialRow) -> Result<Credential, StorageError> {
    let time = |text: &str| text.parse::<Timestamp>().map_err(|e| unreadable("credentials", e));
    let thumbprint = thumbprint
        .try_into()
        .map_err(|_| unreadable("credentials", "a thumbprint has 32 bytes"))?;
    Ok(Credential {
        thumbprint: SpkiThumbprint(thumbprint),
        system: SystemId::parse(&system).map_err(|e| unreadable("credentials", e))?,
        subject,
        not_after: time(&not_after)?,
        revoked_at: revoked_at.as_deref().map(time).transpose()?,
    })
}
