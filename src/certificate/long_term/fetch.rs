use std::{path::Path, sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder, Url, header, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use super::{Fault, LongTermError};

/// How long a connection may take to open, in milliseconds.
const CONNECT_TIMEOUT_MS: u64 = 2_000;

/// How many idle connections are kept a host.
const POOL_IDLE_CONNECTIONS: usize = 8;

/// Calls to the authorities that are configured: HTTP/1.1, no proxy, no redirects, no cookies.
///
/// Plain HTTP is allowed, as is usual for both: what comes back is signed, and what goes out is a digest.
#[derive(Clone)]
pub struct Fetcher(Client);

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

impl Fetcher {
    /// `tls_roots`: PEM, for addresses that begin with `https`.
    pub fn new(tls_roots: Option<&Path>, timeout: Duration) -> Result<Self, LongTermError> {
        let wrong = |what: String| LongTermError::Client(what);
        let mut roots = RootCertStore::empty();
        if let Some(path) = tls_roots {
            let unusable = || wrong(format!("`{}` holds no roots in PEM", path.display()));
            for root in CertificateDer::pem_file_iter(path).map_err(|_| unusable())? {
                roots.add(root.map_err(|_| unusable())?).map_err(|_| unusable())?;
            }
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(timeout.min(Duration::from_millis(CONNECT_TIMEOUT_MS)))
            .timeout(timeout)
            .pool_max_idle_per_host(POOL_IDLE_CONNECTIONS)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self(client))
    }

    pub async fn read(&self, url: &Url, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
        answer(self.0.get(url.clone()), max_bytes).await
    }

    pub async fn post(
        &self,
        url: &Url,
        content_type: &str,
        body: Vec<u8>,
        max_bytes: usize,
    ) -> Result<Vec<u8>, FetchError> {
        let request = self.0.post(url.clone()).header(header::CONTENT_TYPE, content_type);
        answer(request.body(body), max_bytes).await
    }
}

async fn answer(request: RequestBuilder, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(FetchError::Status(status));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(FetchError::TooMuch(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failed(error: reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::Timeout;
    }
    FetchError::Unreachable(error.without_url().into())
}
