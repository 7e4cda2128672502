//! Where data come from: a provider's table, an uploaded dataset, a provider's service.

/// Why a provider gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("it did not answer in time")]
    Timeout,
    #[error("it failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer is not of the agreed form")]
    Garbage,
    #[error("its answer is larger than {max_bytes} bytes")]
    TooMuch { max_bytes: usize },
    #[error("it has failed too often and is given {retry_after_s} s of rest")]
    CircuitOpen { retry_after_s: u64 },
    #[error("the resource has no source")]
    None,
}
