use std::{path::Path, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use reqwest::{Client, RequestBuilder, header, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::certificate::{Fetch, FetchError};

/// How long a connection may take to open, in milliseconds.
const CONNECT_TIMEOUT_MS: u64 = 2_000;

/// How many idle connections are kept a host.
const POOL_IDLE_CONNECTIONS: usize = 8;

/// Calls to the authorities that are configured: HTTP/1.1, no proxy, no redirects, no cookies.
///
/// Plain HTTP is allowed, as is usual for both: what comes back is signed, and what goes out is a digest.
pub struct Fetcher(Client);

impl Fetcher {
    /// `tls_roots`: PEM, for addresses that begin with `https`.
    pub fn new(tls_roots: Option<&Path>, timeout: Duration) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = tls_roots {
            let named = |error: rustls_pki_types::pem::Error| format!("{}: {error}", path.display());
            for root in CertificateDer::pem_file_iter(path).map_err(named)? {
                roots.add(root.map_err(named)?)?;
            }
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
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
            .build()?;
        Ok(Self(client))
    }
}

impl Fetch for Fetcher {
    fn read<'a>(&'a self, address: &'a str, max_bytes: usize) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        Box::pin(answer(self.0.get(address), max_bytes))
    }

    fn post<'a>(
        &'a self,
        address: &'a str,
        content_type: &'static str,
        body: Vec<u8>,
        max_bytes: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        let request = self.0.post(address).header(header::CONTENT_TYPE, content_type);
        Box::pin(answer(request.body(body), max_bytes))
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
