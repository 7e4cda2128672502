use std::{
    path::Path,
    sync::Arc,
    thread::{self, ThreadId},
    time::Duration,
};

use moka::sync::Cache;
use reqwest::{Client, Url, header, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde::{Deserialize, Serialize};

use super::{MAX_ANSWER_BYTES, Record, SourceError, Wanted};
use crate::{
    catalogue::{HttpSource, StoreFault},
    ids::{FieldName, ResourceCode},
};

/// How long a connection to a provider may take to open, in milliseconds.
const CONNECT_TIMEOUT_MS: u64 = 1_000;

/// How long an idle connection to a provider is kept, in seconds.
const POOL_IDLE_S: u64 = 90;

/// How many idle connections are kept a provider.
const POOL_IDLE_CONNECTIONS: usize = 128;

/// How many clients are kept, one a resource and thread.
const KEPT_CLIENTS: u64 = 1_000;

/// Providers' services, each with its own connections. A client is made again when its source is described anew.
///
/// One a thread: a connection is driven by the thread that opened it, and an answer that has to wake another thread
/// costs two switches more than the query itself.
pub(super) struct Services(Cache<(ResourceCode, ThreadId), Arc<Service>>);

struct Service {
    source: HttpSource,
    url: Url,
    client: Client,
}

#[derive(Serialize)]
struct Call<'a> {
    subject: CallSubject<'a>,
    fields: Vec<&'a FieldName>,
}

#[derive(Serialize)]
struct CallSubject<'a> {
    id_type: &'static str,
    id: &'a str,
    name: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    records: Vec<Record>,
}

impl Services {
    pub fn new() -> Self {
        Self(Cache::new(KEPT_CLIENTS))
    }

    pub async fn fetch(&self, source: &HttpSource, wanted: Wanted<'_>) -> Result<Vec<Record>, SourceError> {
        let service = self.service(source, &wanted.resource.code)?;
        let call = Call {
            subject: CallSubject {
                id_type: wanted.subject.id.id_type(),
                id: wanted.subject.id.expose(),
                name: wanted.subject.name.expose(),
            },
            fields: wanted.fields.iter().map(|field| &field.name).collect(),
        };
        let body = serde_json::to_vec(&call).map_err(|e| SourceError::Failed(e.into()))?;
        let mut response = service
            .client
            .post(service.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .body(body)
            .send()
            .await
            .map_err(failed)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(SourceError::Status(status));
        }
        let too_much = || SourceError::TooMuch {
            max_bytes: MAX_ANSWER_BYTES,
        };
        let announced = response.content_length().unwrap_or_default();
        let announced = usize::try_from(announced).map_err(|_| too_much())?;
        if announced > MAX_ANSWER_BYTES {
            return Err(too_much());
        }
        let mut answer = Vec::with_capacity(announced);
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if answer.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(too_much());
            }
            answer.extend_from_slice(&chunk);
        }
        let answer: Answer = serde_json::from_slice(&answer).map_err(|_| SourceError::Garbage)?;
        Ok(answer.records)
    }

    fn service(&self, source: &HttpSource, code: &ResourceCode) -> Result<Arc<Service>, SourceError> {
        let key = (code.clone(), thread::current().id());
        if let Some(service) = self.0.get(&key)
            && service.source == *source
        {
            return Ok(service);
        }
        let client = client(source).map_err(SourceError::Failed)?;
        let service = Arc::new(Service {
            url: Url::parse(&source.url).map_err(|e| SourceError::Failed(e.into()))?,
            source: source.clone(),
            client,
        });
        self.0.insert(key, service.clone());
        Ok(service)
    }
}

/// Mutual TLS, HTTP/1.1, no proxy, no redirects, no cookies: what is sent goes to the provider and nowhere else.
fn client(source: &HttpSource) -> Result<Client, StoreFault> {
    let mut roots = RootCertStore::empty();
    for root in certificates(&source.roots)? {
        roots.add(root)?;
    }
    let chain = certificates(&source.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&source.key).map_err(|e| format!("{}: {e}", source.key.display()))?;
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    Ok(Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .http1_only()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS))
        .timeout(Duration::from_millis(source.timeout_ms))
        .pool_idle_timeout(Duration::from_secs(POOL_IDLE_S))
        .pool_max_idle_per_host(POOL_IDLE_CONNECTIONS)
        .build()?)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, StoreFault> {
    let wrong = |e: rustls_pki_types::pem::Error| format!("{}: {e}", path.display());
    let all: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(wrong)?
        .collect::<Result<_, _>>()
        .map_err(wrong)?;
    if all.is_empty() {
        return Err(format!("{}: no X.509 certificate", path.display()).into());
    }
    Ok(all)
}

fn failed(error: reqwest::Error) -> SourceError {
    if error.is_timeout() {
        return SourceError::Timeout;
    }
    SourceError::Failed(error.without_url().into())
}
