//! Departments, their systems, and the credentials that systems are known by: client certificates and bound tokens.

mod account;
mod directory;
mod rate;
mod replies;
mod throttle;
mod token;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::{
    account::{Account, AccountError, AccountStore, Accounts, PASSWORD_MAX, PASSWORD_MIN, Role},
    directory::{Caller, Directory},
    rate::{OverRate, Rates},
    replies::{CLAIM_LIFETIME, Claimed, REPLY_RETENTION, Reply, ReplyStore},
    token::{Claims, TOKEN_LIFETIME_S, TokenError, TokenKey, TokenPurpose},
};
use crate::ids::{CreditCode, DepartmentId, SpkiThumbprint, SystemId};

/// What the store says when it cannot answer.
pub type StoreFault = Box<dyn std::error::Error + Send + Sync>;

/// A department (部门).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Department {
    pub id: DepartmentId,
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    pub credit_code: CreditCode,
    /// Administrative division code (GB/T 2260), such as `653125`.
    pub division: String,
}

/// What a system may do. A system that audits can do nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Describe and publish the department's own resources, upload datasets, withdraw grants.
    Publish,
    /// Open cases, add events, close them.
    Case,
    /// Get tokens; query and verify.
    Query,
    /// Issue and revoke certificates.
    Issue,
    /// List audit entries.
    Audit,
}

/// A department's system (系统).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    pub id: SystemId,
    pub department: DepartmentId,
    pub name: String,
    pub permissions: Vec<Permission>,
    /// Requests a second, sustained; default 1,000.
    #[serde(default = "default_rate")]
    pub requests_per_second: u32,
    #[serde(default)]
    pub disabled: bool,
}

impl System {
    /// Requests a second that a system may make unless it is told otherwise.
    pub const DEFAULT_RATE: u32 = 1_000;
}

fn default_rate() -> u32 {
    System::DEFAULT_RATE
}

/// A client certificate bound to a system by the SHA-256 of its SubjectPublicKeyInfo.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    pub thumbprint: SpkiThumbprint,
    pub system: SystemId,
    /// The subject name, for people: never trusted.
    pub subject: String,
    pub not_after: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// Why the directory refuses or cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("this client certificate is not bound to a system")]
    UnknownCredential,
    #[error("this client certificate was revoked")]
    CredentialRevoked,
    #[error("this client certificate has expired")]
    CredentialExpired,
    #[error("the system `{0}` is disabled")]
    SystemDisabled(SystemId),
    #[error("no system has the id `{0}`")]
    NoSuchSystem(SystemId),
    #[error("a system that audits can have no other permission")]
    MixedPermissions,
    #[error("the store cannot answer")]
    Store(#[source] StoreFault),
}

/// Keeps departments, systems and credentials. What it acknowledges is durable.
pub trait DirectoryStore: Send + Sync {
    fn load(&self) -> BoxFuture<'_, Result<(Vec<Department>, Vec<System>, Vec<Credential>), StoreFault>>;
    /// Writes the department whole, new or not; likewise the two below.
    fn put_department<'a>(&'a self, department: &'a Department) -> BoxFuture<'a, Result<(), StoreFault>>;
    fn put_system<'a>(&'a self, system: &'a System) -> BoxFuture<'a, Result<(), StoreFault>>;
    fn put_credential<'a>(&'a self, credential: &'a Credential) -> BoxFuture<'a, Result<(), StoreFault>>;
}
