use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::VerificationId;

/// What was found out about a document (ETSI EN 319 102-1 terms).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// Under which the report is kept for a time: `GET /v1/verifications/{id}` and `….pdf`. Whoever has it may read the
    /// report. Absent where it is not kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub id: Option<VerificationId>,
    /// Until when it is kept at most.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub kept_until: Option<Timestamp>,
    /// The name the document came with, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
    pub format: Format,
    /// SHA-256 of the bytes as they came, hexadecimal.
    pub document_sha256: String,
    pub size_bytes: u64,
    #[schema(value_type = String, format = DateTime)]
    pub verified_at: Timestamp,
    /// As of when it was verified, where that is a moment that had passed.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation_time: Option<Timestamp>,
    /// The worst of the signatures'.
    pub indication: Indication,
    pub sub_indication: Option<SubIndication>,
    /// The headline: null where it cannot be told.
    pub modified_after_signing: Option<bool>,
    pub signatures: Vec<SignatureReport>,
    /// Where the document is one of this node's.
    pub certificate: Option<CertificateReport>,
    /// What the document says of itself, by the names of its metadata; whether that is so shows from `certificate` and
    /// `signatures`. Not in a report that is kept.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub stated: Vec<Statement>,
    pub trust_snapshot: TrustSnapshot,
    pub findings: Vec<Finding>,
}

impl Report {
    /// A report as of a moment that had passed, made now.
    pub fn as_of(mut self, moment: Timestamp, now: Timestamp) -> Self {
        (self.validation_time, self.verified_at) = (Some(moment), now);
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Pdf,
    Ofd,
    SdJwt,
    Cms,
    Unknown,
}

/// EN 319 102-1 5.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum Indication {
    #[serde(rename = "TOTAL_PASSED")]
    TotalPassed,
    #[serde(rename = "INDETERMINATE")]
    Indeterminate,
    #[serde(rename = "TOTAL_FAILED")]
    TotalFailed,
}

/// EN 319 102-1 5.1.3, those that can occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SubIndication {
    FormatFailure,
    HashFailure,
    SigCryptoFailure,
    Revoked,
    Expired,
    NotYetValid,
    SigConstraintsFailure,
    ChainConstraintsFailure,
    CertificateChainGeneralFailure,
    CryptoConstraintsFailure,
    CryptoConstraintsFailureNoPoe,
    NoCertificateChainFound,
    NoCertificateChainFoundNoPoe,
    NoSigningCertificateFound,
    SignedDataNotFound,
    OutOfBoundsNoPoe,
    OutOfBoundsNotRevoked,
    RevokedNoPoe,
    RevokedCaNoPoe,
    RevocationOutOfBoundsNoPoe,
    TimestampOrderFailure,
    NoPoe,
    TryLater,
    Generic,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SignatureReport {
    /// The name of its field, or its id.
    pub name: String,
    pub kind: SignatureKind,
    /// Digests and value right over the bytes covered.
    pub intact: bool,
    /// The signer's X.509 certificate chains to a trusted root and may sign.
    pub trusted: bool,
    pub indication: Indication,
    pub sub_indication: Option<SubIndication>,
    /// The signer's name, as its X.509 certificate has it.
    pub signer: Option<String>,
    pub seal_name: Option<String>,
    /// What the seal looks like, where it is a part of the signature.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seal_picture: Option<SealPicture>,
    /// When it says it was signed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub signing_time: Option<Timestamp>,
    /// What proves the time: none (`claimed`) or a timestamp.
    pub signing_time_proof: Option<String>,
    pub algorithm: Option<String>,
    pub covers_whole_document: bool,
    /// How many bytes from the start of the file are the revision that was signed, the signature included: they alone
    /// are the signed version. Null where that cannot be told.
    pub signed_bytes: Option<u64>,
    /// The revision that was signed, from 1; 0 where that cannot be told.
    pub revision: u32,
    /// What later revisions changed.
    pub changes: Vec<Change>,
    /// Subject names from the signer up to the root.
    pub chain: Vec<String>,
    /// What is known of the X.509 certificate's revocation: `good`, `revoked`, `on_hold` or `not_checked`.
    pub revocation: Option<String>,
    /// The earliest time at which the signature is proven to have existed, by timestamps (`best-signature-time` of
    /// EN 319 102-1 5.5.4); null where nothing proves it.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default)]
    pub best_signature_time: Option<Timestamp>,
    /// The timestamps of this signature itself.
    #[serde(default)]
    pub timestamps: Vec<TimestampReport>,
    /// Of each X.509 certificate of the chain below the root, from the signer up.
    #[serde(default)]
    pub revocations: Vec<RevocationReport>,
}

/// A timestamp (RFC 3161) that a signature carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimestampReport {
    /// What it says.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// The authority's name, as its X.509 certificate has it.
    pub authority: Option<String>,
    /// It is of this signature, and its own value is right.
    pub intact: bool,
    /// Its authority is trusted, so that it proves its time.
    pub trusted: bool,
}

/// What is known of the revocation of one X.509 certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RevocationReport {
    /// Whose X.509 certificate.
    pub certificate: String,
    pub status: RevocationStatus,
    /// `crl` or `ocsp`.
    pub kind: Option<String>,
    /// Where it was found: in the `signature`, in the `document`, or `configured` here.
    pub source: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub this_update: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_update: Option<Timestamp>,
    /// Since when it is revoked or on hold.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// As RFC 5280 5.3.1 names it.
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevocationStatus {
    Good,
    Revoked,
    OnHold,
    /// Nothing that counts is at hand.
    Unknown,
}

impl RevocationStatus {
    /// For `revocation` of a signature.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::OnHold => "on_hold",
            Self::Unknown => "not_checked",
        }
    }
}

/// A picture as it stands in a seal: to be shown as an image, never as part of a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SealPicture {
    /// `image/png`, `image/jpeg`, `image/gif`, `image/bmp` or `image/svg+xml`: found by content.
    pub media_type: String,
    /// Base64; of all pictures of a report at most 512 KiB.
    pub base64: String,
    pub width_mm: u32,
    pub height_mm: u32,
}

/// One thing that a document says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Statement {
    /// As the document has it: for e-certificates a name of GB/T 36903, as ZZMC or CZZT.
    pub name: String,
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureKind {
    Seal,
    Signature,
    DocumentTimestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// The revision that changed it, from 2.
    pub revision: u32,
    /// What was changed: stable.
    pub code: String,
    /// The page that shows it, from 1; null where it is not on one page.
    pub page: Option<u32>,
    /// Whether the signature permits it.
    pub permitted: bool,
    pub message: Bilingual,
}

/// Where the document is one of this node's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CertificateReport {
    pub identifier: String,
    pub certificate_type: String,
    pub title: String,
    pub issuer: String,
    pub status: crate::certificate::Status,
    pub valid_from: String,
    pub valid_until: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// Whether the bytes are those that were issued; null when only the code was asked for. False for a document that
    /// names the certificate, under a signature that is sound and trusted, such as a countersigned copy.
    pub equals_issued: Option<bool>,
    /// What the document says of itself against what was recorded when it was issued; nothing of the holder.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub recorded: Vec<RecordedField>,
}

/// One element of a document's metadata that the issuer's record holds too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecordedField {
    /// As `name` in `stated`.
    pub name: String,
    /// What the record says.
    pub value: String,
    /// Whether the document says the same.
    pub equal: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrustSnapshot {
    /// SHA-256 over the roots (and the signed list), hexadecimal, first 16 digits.
    pub id: String,
    /// When the signed list was issued; without one, when the roots were read.
    #[schema(value_type = String, format = DateTime)]
    pub date: Timestamp,
    /// Of the signed list, where one is used: its name, its sequence, and when the next one was due.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sequence: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_update: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// Stable.
    pub code: String,
    pub severity: Severity,
    /// The signature it belongs to, by its place in `signatures`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signature: Option<usize>,
    pub message: Bilingual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    Error,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Bilingual {
    pub zh: String,
    pub en: String,
}
