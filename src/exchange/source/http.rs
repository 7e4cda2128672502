use std::{
    path::Path,
    sync::Arc,
    thread::{self, ThreadId},
    time::Duration,
};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde::{Deserialize, Serialize};

use super::{
    MAX_ANSWER_BYTES, Record, SourceError, Wanted,
    link::{Endpoint, Links},
};
use crate::{
    catalogue::{HttpSource, StoreFault},
    ids::{FieldName, ResourceCode},
    kept::Kept,
};

/// How many services are kept, one a resource and thread.
const KEPT_SERVICES: usize = 10_000;

/// Providers' services, each with its own connections. A service is made again when its source is described anew.
///
/// One a thread: a connection is driven by the thread that opened it, and an answer that has to wake another thread
/// costs two switches more than the query itself.
pub(super) struct Services(Kept<(ResourceCode, ThreadId), Arc<Service>>);

struct Service {
    source: HttpSource,
    links: Arc<Links>,
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
        Self(Kept::new(KEPT_SERVICES))
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
        let limit = Duration::from_millis(source.timeout_ms);
        let answer = tokio::time::timeout(limit, service.links.post(body.into(), MAX_ANSWER_BYTES))
            .await
            .unwrap_or(Err(SourceError::Timeout))
            .inspect_err(|error| {
                if matches!(error, SourceError::Timeout) {
                    service.links.forget_idle();
                }
            })?;
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
        let tls = tls(source).map_err(SourceError::Failed)?;
        let endpoint = Endpoint::new(&source.url, tls).map_err(SourceError::Failed)?;
        let service = Arc::new(Service {
            source: source.clone(),
            links: Links::new(endpoint),
        });
        self.0.put(key, service.clone());
        Ok(service)
    }
}

/// Mutual TLS: this node's certificate, and the provider's roots only.
fn tls(source: &HttpSource) -> Result<ClientConfig, StoreFault> {
    let mut roots = RootCertStore::empty();
    for root in certificates(&source.roots)? {
        roots.add(root)?;
    }
    let chain = certificates(&source.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&source.key).map_err(|e| format!("{}: {e}", source.key.display()))?;
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?)
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
