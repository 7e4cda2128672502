//! What handlers ask for: who calls, for what purpose, and a body that holds.

use std::{future::Future, io, pin::Pin, sync::Arc};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, dev,
    error::PayloadError,
    http::{StatusCode, header},
    web::{self, BytesMut},
};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq as _;

use super::{act::Act, problem::Problem};
use crate::{
    audit::Action,
    clock::SharedClock,
    config::Limits,
    department::{Caller, Claims, Directory, Permission, TokenError, TokenKey},
    ids::{CaseId, IdError, ItemCode, OperatorId, RequestId, SpkiThumbprint},
};

/// The client certificate of a connection, read once at its handshake. What it stands for is looked up on each request.
#[derive(Clone, Copy, Debug)]
pub struct PeerCertificate {
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub thumbprint: SpkiThumbprint,
    /// SHA-256 of its DER: what tokens are bound to (RFC 8705).
    pub sha256: [u8; 32],
}

/// The system that calls.
#[derive(Clone, Debug)]
pub struct Peer {
    pub caller: Caller,
    pub certificate: PeerCertificate,
}

impl Peer {
    /// Refuses unless the system has the permission.
    pub fn must(&self, permission: Permission) -> Result<(), Problem> {
        if self.caller.may(permission) {
            return Ok(());
        }
        Err(Problem::permission_missing(match permission {
            Permission::Publish => "publish",
            Permission::Case => "case",
            Permission::Query => "query",
            Permission::Issue => "issue",
            Permission::Audit => "audit",
        }))
    }
}

impl FromRequest for Peer {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        std::future::ready(peer(request))
    }
}

fn peer(request: &HttpRequest) -> Result<Peer, Problem> {
    let certificate = *request.conn_data::<PeerCertificate>().ok_or_else(|| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "client_certificate_missing",
            "此接口需要客户端证书，请通过数据共享端口访问。",
            "This route needs a client certificate: call it on the exchange listener.",
        )
    })?;
    let caller = service::<Directory>(request)?.caller(&certificate.thumbprint)?;
    Ok(Peer { caller, certificate })
}

/// The system that calls, with a purpose-bound token of its own.
#[derive(Clone, Debug)]
pub struct Purpose {
    pub peer: Peer,
    pub operator: OperatorId,
    pub case: CaseId,
    pub item: ItemCode,
}

impl FromRequest for Purpose {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            match purpose(&request) {
                Err(NoPurpose::OtherSystems(problem)) => Err(refused(&request, problem).await),
                Err(NoPurpose::Refused(problem)) => Err(problem),
                Ok(purpose) => Ok(purpose),
            }
        })
    }
}

enum NoPurpose {
    Refused(Problem),
    /// The token is one of this node's, and another system's: it was stolen, or lent.
    OtherSystems(Problem),
}

impl From<Problem> for NoPurpose {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<TokenError> for NoPurpose {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::OtherCertificate => Self::OtherSystems(error.into()),
            _ => Self::Refused(error.into()),
        }
    }
}

/// Records who came with a token of another's.
async fn refused(request: &HttpRequest, problem: Problem) -> Problem {
    match Act::extract(request).await {
        Ok(act) => act.refuse(act.entry(Action::Token), problem).await,
        Err(unwired) => unwired,
    }
}

fn purpose(request: &HttpRequest) -> Result<Purpose, NoPurpose> {
    let peer = peer(request)?;
    let token = bearer(request)?;
    let now = service::<dyn crate::clock::Clock>(request)?.now();
    let claims: Arc<Claims> = service::<TokenKey>(request)?.verify(token, &peer.certificate.sha256, now)?;
    let same_system = claims.sub.as_bytes().ct_eq(peer.caller.system.id.as_str().as_bytes());
    if !bool::from(same_system) {
        return Err(TokenError::OtherCertificate.into());
    }
    let invalid = |_: IdError| NoPurpose::from(TokenError::Invalid);
    Ok(Purpose {
        operator: OperatorId::parse(&claims.operator).map_err(invalid)?,
        case: CaseId::parse(&claims.case).map_err(invalid)?,
        item: ItemCode::parse(&claims.item).map_err(invalid)?,
        peer,
    })
}

fn bearer(request: &HttpRequest) -> Result<&str, Problem> {
    request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
        .map(|(_, token)| token)
        .ok_or_else(|| {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "purpose_missing",
                "没有用途：请先为办件申请访问令牌（POST /v1/token），再以 Authorization: Bearer 提交。",
                "No purpose was given: get a token for a case (POST /v1/token) and send it as Authorization: Bearer.",
            )
        })
}

/// The id of this request, made where it came in.
#[derive(Clone, Debug)]
pub struct Id(pub RequestId);

impl FromRequest for Id {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let id = request.extensions().get::<RequestId>().cloned();
        std::future::ready(id.map(Self).ok_or_else(|| missing("request id")))
    }
}

/// The `Idempotency-Key` header: 8 to 128 visible ASCII characters.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(pub String);

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let key = request
            .headers()
            .get("Idempotency-Key")
            .and_then(|value| value.to_str().ok())
            .filter(|key| (8..=128).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()))
            .map(|key| Self(key.to_owned()));
        std::future::ready(key.ok_or_else(|| {
            Problem::bad_request(
                "idempotency_key_missing",
                "请在 Idempotency-Key 请求头中给出 8 至 128 个可见 ASCII 字符，重试时保持不变。",
                "Send an Idempotency-Key header of 8 to 128 visible ASCII characters, the same when you retry.",
            )
            .about("Idempotency-Key")
        }))
    }
}

/// A JSON body: `application/json`, UTF-8, within `limits.json_body_bytes`, every key known.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let is_json = request.content_type().eq_ignore_ascii_case("application/json");
        let limits = service::<Limits>(request);
        let payload = payload.take();
        Box::pin(async move {
            if !is_json {
                return Err(unsupported_media_type("application/json"));
            }
            let body = read_body(payload, limits?.json_body_bytes).await?;
            parse_json(&body).map(Self)
        })
    }
}

/// A query string: every key known.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let parsed = web::Query::<T>::from_query(request.query_string()).map_err(|error| {
            let what = harmless(&error.to_string().replacen("Query deserialize error: ", "", 1));
            Problem::bad_request(
                "query_invalid",
                format!("查询参数不符合接口约定（{what}）。"),
                format!("The query string is not of the agreed form: {what}."),
            )
        });
        std::future::ready(parsed.map(|query| Self(query.into_inner())))
    }
}

/// Reads a whole body, at most `max_bytes`.
pub async fn read_body(mut payload: dev::Payload, max_bytes: usize) -> Result<web::Bytes, Problem> {
    // Most come in one piece, which is the body.
    let mut body = web::Bytes::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| incomplete(&error))?;
        if body.len() + chunk.len() > max_bytes {
            return Err(too_large(max_bytes));
        }
        body = if body.is_empty() {
            chunk
        } else {
            let mut longer = BytesMut::from(body);
            longer.extend_from_slice(&chunk);
            longer.freeze()
        };
    }
    Ok(body)
}

/// Why a body ended before its end.
pub fn incomplete(error: &PayloadError) -> Problem {
    match error {
        PayloadError::Io(error) if error.kind() == io::ErrorKind::TimedOut => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "请求体未及时送达。请重试。",
            "The body of the request did not arrive in time. Try again.",
        ),
        _ => Problem::bad_request(
            "body_incomplete",
            "请求体不完整。",
            "The body of the request is not complete.",
        ),
    }
}

/// Parses JSON strictly; says where it went wrong without repeating what was sent.
pub fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if error.is_data() {
            let what = harmless(&error.to_string());
            Problem::unprocessable(
                "body_invalid",
                format!("请求体第 {line} 行第 {column} 列不符合接口约定（{what}）。"),
                format!("The body is not of the agreed form at line {line}, column {column}: {what}."),
            )
        } else {
            Problem::bad_request(
                "body_malformed",
                format!("请求体不是合法的 UTF-8 JSON（第 {line} 行第 {column} 列）。"),
                format!("The body is not well-formed UTF-8 JSON (line {line}, column {column})."),
            )
        }
    })
}

/// What serde says, where it names keys only; values that were sent stay out of answers.
fn harmless(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or_default();
    let names_keys = [
        "unknown field",
        "missing field",
        "duplicate field",
        "is empty or longer",
        "holds a",
        "has a",
        "is not of",
    ];
    if names_keys.iter().any(|start| message.starts_with(start)) && message.len() <= 300 {
        message.to_owned()
    } else {
        "a value has the wrong type or is not one of those allowed".to_owned()
    }
}

pub fn too_large(max_bytes: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!("请求体超过 {max_bytes} 字节的上限。"),
        format!("The body is larger than the limit of {max_bytes} bytes."),
    )
}

pub fn unsupported_media_type(expected: &str) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "media_type_unsupported",
        format!("请求体的类型应为 {expected}。"),
        format!("The body must be {expected}."),
    )
}

/// A service that was wired in.
pub fn service<T: ?Sized + 'static>(request: &HttpRequest) -> Result<Arc<T>, Problem> {
    request
        .app_data::<web::Data<T>>()
        .map(|data| data.clone().into_inner())
        .ok_or_else(|| missing(std::any::type_name::<T>()))
}

fn missing(what: &str) -> Problem {
    tracing::error!(what, "not wired");
    Problem::internal(&std::io::Error::other("not wired"))
}

/// Parses an identifier from a path, a query or a body.
pub fn parse_id<T>(field: &str, text: &str) -> Result<T, Problem>
where
    T: std::str::FromStr<Err = IdError>,
{
    text.parse().map_err(|error| Problem::invalid_id(field, error))
}

/// The clock, as handlers ask for it.
pub type ClockData = web::Data<dyn crate::clock::Clock>;

/// Wraps the clock for `app_data`.
pub fn clock_data(clock: SharedClock) -> ClockData {
    web::Data::from(clock)
}
