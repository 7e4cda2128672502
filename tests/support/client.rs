use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;

use super::{Authority, Credential};

/// A caller over real TLS: of a system, of one that is unknown, or of nobody.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Client {
    /// `base` is such as `https://localhost:8443`.
    pub fn new(base: &str, authority: &Authority, credential: Option<&Credential>) -> Self {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(authority.client_config(credential))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self {
            http,
            base: base.to_owned(),
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(with_json(self.request(Method::POST, path), body)).await
    }

    /// Posts with a purpose-bound token and gives the answer as soon as its head is there.
    pub async fn post_raw(&self, token: &str, path: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
        with_json(self.request(Method::POST, path), body)
            .bearer_auth(token)
            .send()
            .await
    }

    /// Posts with a purpose-bound token.
    pub async fn post_with(&self, token: &str, path: &str, body: &Value) -> Answer {
        send(with_json(self.request(Method::POST, path), body).bearer_auth(token)).await
    }
}

/// A request with a JSON body.
pub fn with_json(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request
        .header("content-type", "application/json")
        .body(serde_json::to_vec(body).unwrap())
}

/// Sends a request to a node that is there: panics where there is no answer.
pub async fn send(request: RequestBuilder) -> Answer {
    try_send(request).await.unwrap()
}

pub async fn try_send(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    Ok(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.bytes().await?.to_vec(),
    })
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The JSON of an answer that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self.json()
    }

    /// The code of a problem document (RFC 9457) that must have this status and say itself in both languages.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json", "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        let said = |part: &Value| part.as_str().is_some_and(|text| !text.is_empty());
        assert!(said(&problem["title"]) && said(&problem["detail"]), "{problem}");
        let (zh, en) = (&problem["message"]["zh"], &problem["message"]["en"]);
        assert!(said(zh) && said(en) && zh != en, "{problem}");
        assert_eq!(
            problem["type"],
            format!("urn:yinxin:problem:{}", problem["code"].as_str().unwrap()),
            "{problem}"
        );
        problem["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no code in {problem}"))
            .to_owned()
    }
}
