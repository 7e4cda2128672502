//! Where data come from: a provider's table, an uploaded dataset, a provider's service.

mod breaker;
mod dataset;
mod http;
mod link;
mod sql;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Map, Value};

use self::{breaker::Breaker, http::Services};
pub use self::{
    dataset::{DatasetError, Datasets, Prepared, SUBJECT_COLUMN},
    sql::{Select, Tables},
};
use crate::{
    catalogue::{Resource, Source, StoreFault},
    ids::{Pseudonym, ResourceCode, Subject},
    kept::Kept,
    policy::AllowedField,
};

/// The most records that a provider may answer with about one subject.
pub const MAX_RECORDS: usize = 1_000;

/// The largest answer of a provider's service, in bytes: 1 MiB.
pub const MAX_ANSWER_BYTES: usize = 1 << 20;

/// How long a table may take to answer, in milliseconds.
const TABLE_TIMEOUT_MS: u64 = 2_000;

/// How many breakers are kept, one a resource.
const KEPT_BREAKERS: usize = 10_000;

/// A provider's record as it came: not filtered, not masked.
pub type Record = Map<String, Value>;

/// Why a provider gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("it did not answer in time")]
    Timeout,
    #[error("it failed")]
    Failed(#[source] StoreFault),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer is not of the agreed form")]
    Garbage,
    #[error("its answer is larger than {max_bytes} bytes or {MAX_RECORDS} records")]
    TooMuch { max_bytes: usize },
    #[error("it has failed too often and is given {retry_after_s} s of rest")]
    CircuitOpen { retry_after_s: u64 },
    #[error("the resource has no source")]
    None,
}

impl SourceError {
    /// Its code in the audit log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Timeout => "provider_timeout",
            Self::Failed(_) | Self::Status(_) | Self::None => "provider_failed",
            Self::Garbage => "provider_garbage",
            Self::TooMuch { .. } => "provider_too_much",
            Self::CircuitOpen { .. } => "provider_resting",
        }
    }
}

/// Every way to a provider's data.
pub struct Sources {
    tables: Arc<dyn Tables>,
    datasets: Arc<Datasets>,
    services: Services,
    breakers: Kept<ResourceCode, Arc<Breaker>>,
}

/// Whom and what is asked for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub resource: &'a Resource,
    pub subject: &'a Subject,
    pub pseudonym: &'a Pseudonym,
    /// Only these are asked for: a provider that answers with more is filtered all the same.
    pub fields: &'a [AllowedField],
}

impl Sources {
    pub fn new(tables: Arc<dyn Tables>, datasets: Arc<Datasets>) -> Self {
        Self {
            tables,
            datasets,
            services: Services::new(),
            breakers: Kept::new(KEPT_BREAKERS),
        }
    }

    /// The records of one subject, at most [`MAX_RECORDS`]. A provider that has failed several times in a row is left
    /// alone for a while.
    pub(super) async fn fetch(&self, wanted: Wanted<'_>, now: Timestamp) -> Result<Vec<Record>, SourceError> {
        let source = wanted.resource.source.as_ref().ok_or(SourceError::None)?;
        let breaker = self.breakers.get_or_put(&wanted.resource.code, Arc::default);
        let attempt = breaker.admit(now)?;
        let answer = match source {
            Source::Sql(source) => {
                let limit = Duration::from_millis(TABLE_TIMEOUT_MS);
                tokio::time::timeout(limit, sql::fetch(self.tables.as_ref(), source, wanted))
                    .await
                    .unwrap_or(Err(SourceError::Timeout))
            }
            Source::Dataset => self.datasets.rows(wanted.resource, wanted.pseudonym).await,
            Source::Http(source) => self.services.fetch(source, wanted).await,
        };
        let answer = match answer {
            Ok(records) if records.len() > MAX_RECORDS => Err(SourceError::TooMuch {
                max_bytes: MAX_ANSWER_BYTES,
            }),
            answer => answer,
        };
        attempt.done(answer.is_ok());
        answer
    }
}
