//! The catalogue of shared data resources (共享数据资源目录): metadata, fields, sources and grants.
//!
//! Metadata follow 政务数据共享条例 Art. 13 and 政务信息资源目录编制指南.

mod grant;
mod mask;
mod registry;
mod resource;

use futures_util::future::BoxFuture;

pub use self::{
    grant::{Grant, GrantedField},
    mask::Mask,
    registry::{Catalogue, Snapshot},
    resource::{
        Classification, DataItem, DataType, HttpSource, Opening, Related, Resource, ResourceStatus, Sensitivity,
        Sharing, SharingKind, SharingMode, Source, SqlSource, UpdateCycle,
    },
};
use crate::ids::{GrantId, Pseudonym, ResourceCode};

/// What the store says when it cannot answer.
pub type StoreFault = Box<dyn std::error::Error + Send + Sync>;

/// Why the catalogue refuses or cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("no resource has the code `{0}`")]
    NoSuchResource(ResourceCode),
    #[error("no grant has the id `{0}`")]
    NoSuchGrant(GrantId),
    #[error("a resource with the code `{0}` exists already")]
    Exists(ResourceCode),
    #[error("a resource that is {from} cannot become {to}")]
    Transition { from: ResourceStatus, to: ResourceStatus },
    #[error("only the department that provides a resource may change it")]
    NotTheProvider,
    #[error("`{field}`: {reason}")]
    Invalid { field: String, reason: &'static str },
    #[error("the store cannot answer")]
    Store(#[source] StoreFault),
}

/// Keeps resources, grants and uploaded datasets. What it acknowledges is durable.
pub trait CatalogueStore: Send + Sync {
    /// Every resource and every grant, those withdrawn or expired included.
    fn load(&self) -> BoxFuture<'_, Result<(Vec<Resource>, Vec<Grant>), StoreFault>>;
    /// Writes the resource whole, new or not.
    fn put_resource<'a>(&'a self, resource: &'a Resource) -> BoxFuture<'a, Result<(), StoreFault>>;
    /// Writes the grant whole, new or not.
    fn put_grant<'a>(&'a self, grant: &'a Grant) -> BoxFuture<'a, Result<(), StoreFault>>;
    /// Replaces a dataset: rows are sealed JSON objects under their subject's pseudonym.
    fn replace_dataset<'a>(
        &'a self,
        resource: &'a ResourceCode,
        rows: Vec<(Pseudonym, Vec<u8>)>,
    ) -> BoxFuture<'a, Result<(), StoreFault>>;
    /// The sealed rows of one subject, in the order they were uploaded.
    fn dataset_rows<'a>(
        &'a self,
        resource: &'a ResourceCode,
        subject: &'a Pseudonym,
    ) -> BoxFuture<'a, Result<Vec<Vec<u8>>, StoreFault>>;
}
