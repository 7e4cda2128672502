//! One disclosure: decide → record → fetch → filter → release. Nothing leaves before its entry is durable, and no
//! field that was not allowed, whatever the provider sent.

mod claims;
mod disclosure;
mod filter;
pub mod source;

use std::{borrow::Cow, collections::BTreeMap};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

pub use self::disclosure::Exchange;
/// How a released field is shown: for those who show it further.
pub use crate::catalogue::Mask;
use crate::{
    audit::{AuditError, Entry, Log},
    case::CaseError,
    ids::{CaseId, CertificateType, FieldName, OperatorId, RequestId, ResourceCode, Subject},
    policy::{AllowedField, Caller, PolicyError, Refusal},
};

/// What a caller wants to know, with its purpose.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub id: &'a RequestId,
    pub caller: &'a Caller,
    pub operator: &'a OperatorId,
    pub case: &'a CaseId,
    pub resource: &'a ResourceCode,
    pub subject: &'a Subject,
    pub ask: Ask<'a>,
}

#[derive(Clone, Debug)]
pub enum Ask<'a> {
    /// These fields; none means all that are allowed.
    Query(&'a [FieldName]),
    /// Do these claims hold?
    Verify(&'a BTreeMap<FieldName, Value>),
    /// The fields that a certificate of this type draws on.
    Issue(&'a CertificateType, &'a [FieldName]),
}

/// Where accesses are recorded. What it acknowledges is durable.
pub trait Recorder: Send + Sync {
    /// Returns the entry's sequence number.
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<u64, AuditError>>;
}

impl Recorder for Log {
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<u64, AuditError>> {
        Box::pin(Self::append(self, entry))
    }
}

/// What may leave.
#[derive(Clone, Debug)]
pub struct Released {
    /// Filtered and masked records, in the provider's order (for `Verify`: empty).
    pub records: Vec<Map<String, Value>>,
    /// For `Verify`: one yes or no a claim, by name.
    pub matches: Vec<(FieldName, bool)>,
    pub fields: Vec<AllowedField>,
    /// The sequence number of the audit entry.
    pub entry: u64,
}

/// Why nothing leaves.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    #[error("no resource has the code `{0}`")]
    NoSuchResource(ResourceCode),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Case(#[from] CaseError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error("the access cannot be recorded")]
    NotRecorded(#[from] AuditError),
    #[error("the provider cannot answer: {0}")]
    Source(#[from] source::SourceError),
    /// A claim must be a value of its data item's type, not null.
    #[error("the claim `{0}` is not of the form of its data item")]
    Claim(FieldName),
}

impl ExchangeError {
    /// Its code in the audit log.
    pub fn code(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NoSuchResource(_) => "resource_not_found",
            Self::Refused(Refusal::Guardrail(name)) => return Cow::Owned(format!("guardrail:{name}")),
            Self::Refused(refusal) => refusal.code(),
            Self::Case(CaseError::NoSuchCase(_)) => "case_not_found",
            Self::Case(CaseError::NoSuchItem(_)) => "item_not_found",
            Self::Case(_) => "case_unavailable",
            Self::Policy(_) => "policy_unavailable",
            Self::NotRecorded(_) => "audit_unavailable",
            Self::Source(error) => error.code(),
            Self::Claim(_) => "claim_invalid",
        })
    }
}
