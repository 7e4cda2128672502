//! The access audit: entries are durable before anything is released, chained into an RFC 6962 Merkle tree with signed
//! checkpoints, and hold no identifier in clear.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{
    CaseId, CertificateIdentifier, DepartmentId, FieldName, GrantId, ItemCode, OperatorId, Pseudonym, RequestId,
    ResourceCode, SystemId,
};

/// What the store says when it cannot answer.
pub type StoreFault = Box<dyn std::error::Error + Send + Sync>;

/// One entry. Its JSON, as first written, is what the tree is built over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    #[schema(value_type = String)]
    pub request: RequestId,
    pub action: Action,
    pub outcome: Outcome,
    /// `permitted`, or the code of the refusal or failure.
    pub code: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub department: Option<DepartmentId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub system: Option<SystemId>,
    /// The staff number of the operator, or the portal account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub operator: Option<OperatorId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub case: Option<CaseId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub item: Option<ItemCode>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub resource: Option<ResourceCode>,
    /// The subject's keyed pseudonym.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub subject: Option<Pseudonym>,
    /// The fields released (or asked for, when refused), each with the mask that was applied.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub fields: BTreeMap<FieldName, String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schema(value_type = Vec<String>)]
    pub grants: Vec<GrantId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub certificate: Option<CertificateIdentifier>,
    /// SHA-256 of what is about to be sealed, for `seal`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<String>,
}

/// What was done or tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Token,
    Query,
    Verify,
    /// Data drawn for an e-certificate.
    Issue,
    /// The intent to seal, before the key signs.
    Seal,
    /// An issued document handed out again.
    Fetch,
    Revoke,
    OpenCase,
    CaseEvent,
    Publish,
    WithdrawGrant,
    SignIn,
    /// An auditor read entries.
    ReadAudit,
    /// An administrator changed departments, systems, credentials, grants or accounts.
    Administer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Permitted,
    Refused,
    /// Permitted and recorded, but then nothing was released: the provider failed.
    Failed,
}

/// An entry with its place.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Placed {
    /// From 1, without gaps.
    pub sequence: u64,
    #[serde(flatten)]
    pub entry: Entry,
}

/// What an auditor looks for. Everything is optional; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub subject: Option<Pseudonym>,
    pub department: Option<DepartmentId>,
    pub system: Option<SystemId>,
    pub resource: Option<ResourceCode>,
    pub case: Option<CaseId>,
    pub action: Option<Action>,
    pub outcome: Option<Outcome>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Entries before this sequence number only (paging backwards in time).
    pub before: Option<u64>,
    /// 1 to 200; default 50.
    pub limit: u32,
}

/// Why nothing could be recorded or read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the log cannot be written")]
    NotWritten,
    #[error("the log is full of waiting entries")]
    Overloaded,
    #[error("the log cannot be read")]
    Store(#[source] StoreFault),
    #[error("the log does not hold together: {0}")]
    Inconsistent(String),
}

/// Keeps entries, checkpoints and the search index.
pub trait LogStore: Send + Sync {
    /// Appends in one transaction; durable when it returns. Returns the first sequence number.
    fn append<'a>(&'a self, entries: &'a [Vec<u8>]) -> BoxFuture<'a, Result<u64, StoreFault>>;
    /// Raw entries from `first` on, at most `limit`, with their sequence numbers.
    fn entries(&self, first: u64, limit: u32) -> BoxFuture<'_, Result<Vec<(u64, Vec<u8>)>, StoreFault>>;
    /// The newest checkpoint (a C2SP signed note).
    fn checkpoint(&self) -> BoxFuture<'_, Result<Option<String>, StoreFault>>;
    /// Stores a checkpoint and, in the same transaction, the search rows of the entries that it newly covers.
    fn put_checkpoint<'a>(
        &'a self,
        note: &'a str,
        tree_size: u64,
        indexed: &'a [Placed],
    ) -> BoxFuture<'a, Result<(), StoreFault>>;
    /// Entries that pass the filter, newest first.
    fn search<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Vec<Placed>, StoreFault>>;
}
