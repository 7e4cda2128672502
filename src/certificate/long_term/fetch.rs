use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::Fault;

/// Calls the authorities that are configured, within its time limit.
pub trait Fetch: Send + Sync {
    /// Reads what stands at an address.
    fn read<'a>(&'a self, address: &'a str, max_bytes: usize) -> BoxFuture<'a, Result<Vec<u8>, FetchError>>;
    /// Sends a body and reads the answer.
    fn post<'a>(
        &'a self,
        address: &'a str,
        content_type: &'static str,
        body: Vec<u8>,
        max_bytes: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>>;
}

/// A caller of authorities that is handed around.
pub type SharedFetch = Arc<dyn Fetch>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("no answer")]
    Unreachable(#[source] Fault),
    #[error("no answer in time")]
    Timeout,
    #[error("the answer has status {0}")]
    Status(u16),
    #[error("the answer is larger than {0} bytes")]
    TooMuch(usize),
}

impl FetchError {
    /// Whether a second try may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout => true,
            Self::Status(status) => *status >= 500,
            Self::TooMuch(_) => false,
        }
    }
}
