//! E-certificates (电子证照): prepare → seal → deliver; revoke; status.

pub mod code;
mod content;
mod electronic_seal;
mod fonts;
mod issuer;
mod layout;
mod long_term;
mod ofd;
mod paper;
pub mod qr;
mod seal_picture;
mod sealing;
mod types;

pub use self::{
    content::Content,
    electronic_seal::{ElectronicSeal, ElectronicSealError, SealOrder},
    fonts::{Fonts, song_face, song_file},
    issuer::{Issuer, Parts, Request},
    layout::{ATTACHMENT, LaidOut, Press, SealPlace, Sheet},
    long_term::{
        Anchors, ChainFault, Fetch, FetchError, Level, LongTerm, LongTermError, MAX_LIST_BYTES, MAX_LISTS, Place,
        Purpose, RevocationList, RevocationLists, SharedAnchors, SharedFetch, TimestampFault, TimestampSource,
        Timestamps,
    },
    ofd::{Drawn, seal as seal_ofd},
    seal_picture::SealPicture,
    sealing::LEGEND as SEAL_LEGEND,
    types::{TypeDefinition, Types, TypesError},
};
use futures_util::future::BoxFuture;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    audit::AuditError,
    exchange::ExchangeError,
    ids::{CaseId, CertificateIdentifier, CertificateType, DepartmentId, Pseudonym, SystemId},
    keys::KeyError,
};

/// What the store says when it cannot answer.
pub type StoreFault = Box<dyn std::error::Error + Send + Sync>;

/// An e-certificate as this node keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    pub identifier: CertificateIdentifier,
    pub certificate_type: CertificateType,
    /// The department in whose name it is sealed.
    pub issuer: DepartmentId,
    pub holder: Pseudonym,
    pub case: CaseId,
    pub requested_by: SystemId,
    pub issued_at: Timestamp,
    pub valid_from: Date,
    /// The last day on which it counts.
    pub valid_until: Date,
    pub revoked: Option<Revocation>,
    /// 20 characters of Crockford's base 32, printed on the document and in its QR code.
    pub verification_code: String,
    /// SHA-256 of the sealed document; none while it is prepared and not yet sealed.
    pub document_sha256: Option<[u8; 32]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revocation {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub reason: RevocationReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReason {
    /// The data were wrong.
    Incorrect,
    /// A newer one takes its place.
    Superseded,
    /// Issued without right.
    IssuedInError,
}

impl RevocationReason {
    /// Its name in the API and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incorrect => "incorrect",
            Self::Superseded => "superseded",
            Self::IssuedInError => "issued_in_error",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Valid,
    NotYetValid,
    Expired,
    Revoked,
}

impl Certificate {
    /// Its status on a day (in China).
    pub fn status(&self, on: Date) -> Status {
        if self.revoked.is_some() {
            Status::Revoked
        } else if on < self.valid_from {
            Status::NotYetValid
        } else if on > self.valid_until {
            Status::Expired
        } else {
            Status::Valid
        }
    }
}

/// Why no certificate comes out.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("no certificate type has the name `{0}`")]
    NoSuchType(CertificateType),
    #[error("no certificate has the identifier `{0}`")]
    NoSuchCertificate(CertificateIdentifier),
    #[error("the certificate was issued to another department")]
    OtherDepartment,
    #[error("the certificate is revoked already")]
    Revoked,
    #[error("the same Idempotency-Key came with another request")]
    KeyReused,
    #[error("the resource knows nothing of the subject")]
    NothingToCertify,
    #[error("the issuer has no seal on this node")]
    NoSeal,
    #[error("the certificate was not issued as OFD")]
    NoOfd,
    #[error("the template cannot be laid out: {0}")]
    Template(String),
    #[error("no installed font has the character U+{0:04X}")]
    Glyph(u32),
    #[error("the provider holds more than one certificate can show: at most {max_rows} records")]
    TooLong { max_rows: usize },
    #[error("the fonts are missing: install the Debian packages fonts-noto-cjk and fonts-lxgw-wenkai")]
    Fonts,
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error("the seal cannot be recorded")]
    NotRecorded(#[from] AuditError),
    #[error("the seal key cannot be used")]
    Key(#[from] KeyError),
    #[error("the document cannot be sealed: {0}")]
    Seal(String),
    #[error("the seal cannot be made to last")]
    LongTerm(#[from] LongTermError),
    #[error("the store cannot answer")]
    Store(#[source] StoreFault),
}

/// Keeps certificates and their documents. What it acknowledges is durable.
pub trait CertificateStore: Send + Sync {
    /// Inserts a prepared certificate under the caller's idempotency key; when the key was used before, returns what it
    /// stands for: the identifier and the digest of the request that came with it.
    fn prepare<'a>(
        &'a self,
        certificate: &'a Certificate,
        idempotency_key: &'a str,
        request_sha256: &'a [u8; 32],
    ) -> BoxFuture<'a, Result<Option<(CertificateIdentifier, [u8; 32])>, StoreFault>>;
    /// What an idempotency key of a system stands for.
    fn by_idempotency_key<'a>(
        &'a self,
        system: &'a SystemId,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<(CertificateIdentifier, [u8; 32])>, StoreFault>>;
    /// Stores the sealed document of a prepared certificate.
    fn deliver<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
        document: &'a [u8],
        sha256: &'a [u8; 32],
    ) -> BoxFuture<'a, Result<(), StoreFault>>;
    /// Stores the OFD of a prepared certificate, before [`CertificateStore::deliver`] lets it count; a second one of the
    /// same certificate changes nothing.
    fn deliver_ofd<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
        ofd: &'a [u8],
        sha256: &'a [u8; 32],
    ) -> BoxFuture<'a, Result<(), StoreFault>>;
    fn ofd<'a>(&'a self, identifier: &'a CertificateIdentifier) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreFault>>;
    fn certificate<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
    ) -> BoxFuture<'a, Result<Option<Certificate>, StoreFault>>;
    fn document<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreFault>>;
    /// The certificate whose document, as PDF or as OFD, it is.
    fn by_document<'a>(&'a self, sha256: &'a [u8; 32]) -> BoxFuture<'a, Result<Option<Certificate>, StoreFault>>;
    fn by_code<'a>(&'a self, verification_code: &'a str) -> BoxFuture<'a, Result<Option<Certificate>, StoreFault>>;
    /// Revokes; false when it was revoked before.
    fn revoke<'a>(
        &'a self,
        identifier: &'a CertificateIdentifier,
        revocation: &'a Revocation,
    ) -> BoxFuture<'a, Result<bool, StoreFault>>;
    /// A serial number that no certificate of this issuer and type has had.
    fn next_serial<'a>(
        &'a self,
        issuer: &'a DepartmentId,
        certificate_type: &'a CertificateType,
    ) -> BoxFuture<'a, Result<u64, StoreFault>>;
}
