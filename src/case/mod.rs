//! Service items (事项) and cases (办件): the registry of purposes. No query without one.

mod registry;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::registry::Cases;
use crate::ids::{
    CaseId, CertificateType, DepartmentId, FieldName, ItemCode, OperatorId, Pseudonym, ResourceCode, SystemId,
};

/// What the store says when it cannot answer.
pub type StoreFault = Box<dyn std::error::Error + Send + Sync>;

/// A service item (事项): what a person may ask for, and the data it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceItem {
    #[schema(value_type = String)]
    pub code: ItemCode,
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    /// The data it needs: nothing else may be read for it.
    pub needs: Vec<Need>,
    /// The e-certificates that may come out of it.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub certificates: Vec<CertificateType>,
}

/// A resource that a service item needs, and the fields of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Need {
    #[schema(value_type = String)]
    pub resource: ResourceCode,
    #[schema(value_type = Vec<String>)]
    pub fields: Vec<FieldName>,
}

/// A case (办件): one applicant's matter. The applicant is known by pseudonym only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Case {
    #[schema(value_type = String)]
    pub id: CaseId,
    #[schema(value_type = String)]
    pub item: ItemCode,
    /// The department that handles it.
    #[schema(value_type = String)]
    pub department: DepartmentId,
    #[schema(value_type = String)]
    pub opened_by: SystemId,
    #[schema(value_type = String)]
    pub operator: OperatorId,
    #[schema(value_type = String)]
    pub applicant: Pseudonym,
    pub status: CaseStatus,
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    pub events: Vec<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseStatus {
    Open,
    Closed,
}

/// What happened in a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub kind: EventKind,
    #[schema(value_type = String)]
    pub operator: OperatorId,
    /// A note for the file, at most 500 characters; it must not name a person.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// 受理
    Accepted,
    /// A note
    Noted,
    /// 办结: closes the case
    Closed,
}

/// Why the registry of purposes refuses or cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    #[error("no service item has the code `{0}`")]
    NoSuchItem(ItemCode),
    #[error("no case has the id `{0}`")]
    NoSuchCase(CaseId),
    #[error("the case is closed")]
    Closed,
    #[error("a case can hold at most {max} events")]
    TooManyEvents { max: usize },
    #[error("the note must hold at most 500 characters, none of control, and no ID number")]
    Note,
    #[error("the store cannot answer")]
    Store(#[source] StoreFault),
}

/// Keeps service items and cases. What it acknowledges is durable.
pub trait CaseStore: Send + Sync {
    fn items(&self) -> BoxFuture<'_, Result<Vec<ServiceItem>, StoreFault>>;
    fn put_item<'a>(&'a self, item: &'a ServiceItem) -> BoxFuture<'a, Result<(), StoreFault>>;
    fn case<'a>(&'a self, id: &'a CaseId) -> BoxFuture<'a, Result<Option<Case>, StoreFault>>;
    /// Adds a case that is new.
    fn insert_case<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<(), StoreFault>>;
    /// Adds an event, and closes the case if the event does; false when the case was closed before.
    fn add_event<'a>(&'a self, id: &'a CaseId, event: &'a Event) -> BoxFuture<'a, Result<bool, StoreFault>>;
}
