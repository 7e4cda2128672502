use futures_util::future::BoxFuture;
use sqlx::{FromRow, Row, sqlite::SqliteRow};

use super::{Db, StorageError, from_json, to_json, unreadable, unsigned};
use crate::{
    certificate::{Certificate, CertificateStore, Revocation, StoreFault},
    ids::{CertificateIdentifier, CertificateType, DepartmentId, SystemId},
};

const TABLE: &str = "certificates";

/// What an idempotency key stands for: the certificate, and the digest of the request that came with the key.
type KeyHolder = Option<(CertificateIdentifier, [u8; 32])>;

impl CertificateStore for Db {
    fn prepare<'a>(
        &'a self,
        certificate: &'a Certificate,
        idempotency_key: &'a str,
        request_sha256: &'a [u8; 32],
    ) -> BoxFuture<'a, Result<KeyHolder, StoreFault>> {
        Box::pin(async move {
            let revocation = certificate.revoked.as_ref().map(|r| to_json(TABLE, r)).transpose()?;
            let insert = sqlx::query(
                "INSERT INTO certificates (identifier, certificate_type, issuer, holder, case_id, requested_by, \
                 issued_at, valid_from, valid_until, revocation, verification_code, document_sha256, idempotency_key, \
                 request_sha256) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
                 ON CONFLICT (requested_by, idempotency_key) DO NOTHING",
            )
            .bind(certificate.identifier.as_str())
            .bind(certificate.certificate_type.as_str())
            .bind(certificate.issuer.as_str())
            .bind(certificate.holder.as_str())
            .bind(certificate.case.as_str())
            .bind(certificate.requested_by.as_str())
            .bind(certificate.issued_at.to_string())
            .bind(certificate.valid_from.to_string())
            .bind(certificate.valid_until.to_string())
            .bind(revocation)
            .bind(certificate.verification_code.as_str())
            .bind(certificate.document_sha256.as_ref().map(<[u8; 32]>::as_slice))
            .bind(idempotency_key)
            .bind(request_sha256.as_slice());
            if self.write(insert).await? == 1 {
                return Ok(None);
            }
            self.by_idempotency_key(&certificate.requested_by, idempotency_key)
                .await
        })
    }

    fn by_idempotency_key<'a>(
        &'a self,
        system: &'a SystemId,
        key: &'a str,
    ) -> BoxFuture<'a, Result<KeyHolder, StoreFault>> {
        Box::pin(async move {
            let row: Option<(String, Vec<u8>)> = sqlx::query_as(
                "SELECT identifier, request_sha256 FROM certificates WHERE requested_by = $1 AND idempotency_key = $2",
            )
            .bind(system.as_str())
            .bind(key)
            .fetch_optional(self.readers())
            .await?;
            let Some((identifier, request_sha256)) = row else {
                return Ok(None);
            };
            let identifier = CertificateIdentifier::parse(&identifier).map_err(|e| unreadable(TABLE, e))?;
            Ok(Some((identifier, digest(request_sha256)?)))
        })
    }

    fn deliver<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
        document: &'a [u8],
        sha256: &'a [u8; 32],
    ) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let mut writer = self.begin().await?;
            let result = async {
                let sealed = sqlx::query(
                    "UPDATE certificates SET document_sha256 = $1 WHERE identifier = $2 AND document_sha256 IS NULL",
                )
                .bind(sha256.as_slice())
                .bind(identifier.as_str())
                .execute(&mut writer.connection)
                .await?
                .rows_affected();
                // A prepared certificate can be redeemed once: a second document never takes the place of the first.
                if sealed != 1 {
                    return Err(unreadable(TABLE, "no certificate is prepared under this identifier"));
                }
                sqlx::query("INSERT INTO documents (identifier, body) VALUES ($1, $2)")
                    .bind(identifier.as_str())
                    .bind(document)
                    .execute(&mut writer.connection)
                    .await?;
                Ok(())
            }
            .await;
            Ok(writer.end(result).await?)
        })
    }

    fn deliver_ofd<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
        ofd: &'a [u8],
        sha256: &'a [u8; 32],
    ) -> BoxFuture<'a, Result<(), StoreFault>> {
        Box::pin(async move {
            let insert = sqlx::query(
                "INSERT INTO ofd_documents (identifier, sha256, body) VALUES ($1, $2, $3) \
                 ON CONFLICT (identifier) DO NOTHING",
            )
            .bind(identifier.as_str())
            .bind(sha256.as_slice())
            .bind(ofd);
            self.write(insert).await?;
            Ok(())
        })
    }

    fn ofd<'a>(&'a self, identifier: &'a CertificateIdentifier) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreFault>> {
        Box::pin(async move {
            let body = sqlx::query_scalar("SELECT body FROM ofd_documents WHERE identifier = $1")
                .bind(identifier.as_str())
                .fetch_optional(self.readers())
                .await?;
            Ok(body)
        })
    }

    fn certificate<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
    ) -> BoxFuture<'a, Result<Option<Certificate>, StoreFault>> {
        Box::pin(async move {
            let row: Option<CertificateRow> = sqlx::query_as("SELECT * FROM certificates WHERE identifier = $1")
                .bind(identifier.as_str())
                .fetch_optional(self.readers())
                .await?;
            Ok(row.map(|row| row.0))
        })
    }

    fn document<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreFault>> {
        Box::pin(async move {
            let body = sqlx::query_scalar("SELECT body FROM documents WHERE identifier = $1")
                .bind(identifier.as_str())
                .fetch_optional(self.readers())
                .await?;
            Ok(body)
        })
    }

    fn by_document<'a>(&'a self, sha256: &'a [u8; 32]) -> BoxFuture<'a, Result<Option<Certificate>, StoreFault>> {
        Box::pin(async move {
            // An OFD counts with its PDF: before that it has left nobody's hands.
            let row: Option<CertificateRow> = sqlx::query_as(
                "SELECT * FROM certificates WHERE document_sha256 = $1 OR (document_sha256 IS NOT NULL AND identifier = \
                 (SELECT identifier FROM ofd_documents WHERE sha256 = $1))",
            )
            .bind(sha256.as_slice())
            .fetch_optional(self.readers())
            .await?;
            Ok(row.map(|row| row.0))
        })
    }

    fn by_code<'a>(&'a self, verification_code: &'a str) -> BoxFuture<'a, Result<Option<Certificate>, StoreFault>> {
        Box::pin(async move {
            let row: Option<CertificateRow> = sqlx::query_as("SELECT * FROM certificates WHERE verification_code = $1")
                .bind(verification_code)
                .fetch_optional(self.readers())
                .await?;
            Ok(row.map(|row| row.0))
        })
    }

    fn revoke<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
        revocation: &'a Revocation,
    ) -> BoxFuture<'a, Result<bool, StoreFault>> {
        Box::pin(async move {
            let update =
                sqlx::query("UPDATE certificates SET revocation = $1 WHERE identifier = $2 AND revocation IS NULL")
                    .bind(to_json(TABLE, revocation)?)
                    .bind(identifier.as_str());
            Ok(self.write(update).await? == 1)
        })
    }

    fn next_serial<'a>(
        &'a self,
        issuer: &'a DepartmentId,
        certificate_type: &'a CertificateType,
    ) -> BoxFuture<'a, Result<u64, StoreFault>> {
        Box::pin(async move {
            let mut writer = self.begin().await?;
            let result = async {
                let last: i64 = sqlx::query_scalar(
                    "INSERT INTO serials (issuer, certificate_type, last) VALUES ($1, $2, 1) \
                     ON CONFLICT (issuer, certificate_type) DO UPDATE SET last = last + 1 RETURNING last",
                )
                .bind(issuer.as_str())
                .bind(certificate_type.as_str())
                .fetch_one(&mut writer.connection)
                .await?;
                unsigned(last)
            }
            .await;
            Ok(writer.end(result).await?)
        })
    }
}

struct CertificateRow(Certificate);

impl FromRow<'_, SqliteRow> for CertificateRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let text = |column: &str| row.try_get::<&str, _>(column);
        fn parsed<T, E: std::error::Error + Send + Sync + 'static>(value: Result<T, E>) -> Result<T, sqlx::Error> {
            value.map_err(|error| sqlx::Error::Decode(error.into()))
        }
        let revocation: Option<&str> = row.try_get("revocation")?;
        let document_sha256: Option<Vec<u8>> = row.try_get("document_sha256")?;
        Ok(Self(Certificate {
            identifier: parsed(CertificateIdentifier::parse(text("identifier")?))?,
            certificate_type: parsed(text("certificate_type")?.parse())?,
            issuer: parsed(text("issuer")?.parse())?,
            holder: parsed(text("holder")?.parse())?,
            case: parsed(text("case_id")?.parse())?,
            requested_by: parsed(text("requested_by")?.parse())?,
            issued_at: parsed(text("issued_at")?.parse())?,
            valid_from: parsed(text("valid_from")?.parse())?,
            valid_until: parsed(text("valid_until")?.parse())?,
            revoked: parsed(revocation.map(|json| from_json(TABLE, json)).transpose())?,
            verification_code: text("verification_code")?.to_owned(),
            document_sha256: parsed(document_sha256.map(digest).transpose())?,
        }))
    }
}

fn digest(bytes: Vec<u8>) -> Result<[u8; 32], StorageError> {
    bytes.try_into().map_err(|_| unreadable(TABLE, "a digest has 32 bytes"))
}
