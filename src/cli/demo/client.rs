//! A department's program, as a developer would write it: HTTPS with a client certificate, and nothing else.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, StatusCode, header};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::Value;
use zeroize::Zeroizing;

use super::setup::Place;
use crate::cli::CommandError;

/// How long any call of the demo may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one listener.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<Zeroizing<String>>,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// `code` of a problem document.
    pub fn code(&self) -> String {
        self.text("code")
    }

    /// A string of the body; empty when it is not there.
    pub fn text(&self, key: &str) -> String {
        self.json()
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// `403 field_not_granted`, for people.
    pub fn summary(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.code())
            .trim_end()
            .to_owned()
    }
}

impl Client {
    /// A system of the exchange listener, with the client certificate of this name.
    pub fn system(place: &Place, name: &str) -> Result<Self, CommandError> {
        Self::new(place, place.exchange_url(), Some(name))
    }

    /// Anybody, on the portal.
    pub fn portal(place: &Place) -> Result<Self, CommandError> {
        Self::new(place, place.portal_url(), None)
    }

    fn new(place: &Place, base: String, identity: Option<&str>) -> Result<Self, CommandError> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(place.pki("root.pem"))?)?;
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots);
        let tls = match identity {
            None => builder.with_no_client_auth(),
            Some(name) => {
                let certificate = CertificateDer::from_pem_file(place.pki(&format!("{name}.pem")))?;
                let key = PrivateKeyDer::from_pem_file(place.pki(&format!("{name}.key")))?;
                builder.with_client_auth_cert(vec![certificate], key)?
            }
        };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .no_proxy()
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self {
            http,
            base,
            token: None,
        })
    }

    /// The same connection, with a token on each request from now on.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            http: self.http.clone(),
            base: self.base.clone(),
            token: Some(Zeroizing::new(token.to_owned())),
        }
    }

    pub async fn read(&self, path: &str) -> Result<Answer, CommandError> {
        self.send(Method::GET, path, None).await
    }

    /// Posts JSON under a fresh Idempotency-Key.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, CommandError> {
        let json = ("application/json".to_owned(), body.to_string().into_bytes());
        self.send(Method::POST, path, Some(json)).await
    }

    /// Posts a form, already encoded.
    pub async fn post_form(&self, path: &str, form: String) -> Result<Answer, CommandError> {
        let body = ("application/x-www-form-urlencoded".to_owned(), form.into_bytes());
        self.send(Method::POST, path, Some(body)).await
    }

    /// Posts one file as a form of a browser does.
    pub async fn upload(&self, path: &str, name: &str, content: &[u8]) -> Result<Answer, CommandError> {
        let boundary = uuid::Uuid::new_v4().simple().to_string();
        let mut body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: \
             application/pdf\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(content);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let form = (format!("multipart/form-data; boundary={boundary}"), body);
        self.send(Method::POST, path, Some(form)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<(String, Vec<u8>)>) -> Result<Answer, CommandError> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.as_str());
        }
        if let Some((content_type, body)) = body {
            request = request
                .header(header::CONTENT_TYPE, content_type)
                .header("Idempotency-Key", uuid::Uuid::new_v4().to_string())
                .body(body);
        }
        let response = request.send().await?;
        Ok(Answer {
            status: response.status(),
            body: response.bytes().await?.to_vec(),
        })
    }
}
