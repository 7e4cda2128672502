use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    dev::ServiceResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use askama::Template;

use super::{
    page::{Here, Page},
    visitor::Visitor,
};
use crate::{
    api,
    audit::AuditError,
    department::AccountError,
    verification::{DeskError, NotAdmitted, PaperError},
};

/// Why a page is not shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    #[error("the request is not right")]
    BadRequest,
    #[error("nobody is signed in")]
    SignIn(String),
    #[error("the role does not allow it")]
    Forbidden,
    #[error("the form did not come from a page of ours")]
    Form,
    #[error("there is no such page")]
    NotFound,
    #[error("the page does not take this method")]
    MethodNotAllowed,
    #[error("the body is over the limit")]
    TooLarge,
    #[error("too many verifications from one address")]
    TooMany { retry_after_s: u64 },
    #[error("too many documents are being received")]
    Full { retry_after_s: u64 },
    #[error("`{0}` is not wired")]
    NotWired(&'static str),
    #[error("the page cannot be laid out")]
    Template(#[from] askama::Error),
    #[error("a service cannot answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<AccountError> for PageError {
    fn from(error: AccountError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

impl From<AuditError> for PageError {
    fn from(error: AuditError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

impl From<NotAdmitted> for PageError {
    fn from(error: NotAdmitted) -> Self {
        match error {
            NotAdmitted::TooMany { retry_after_s } => Self::TooMany { retry_after_s },
            NotAdmitted::Full { retry_after_s } => Self::Full { retry_after_s },
            NotAdmitted::TooLarge { .. } => Self::TooLarge,
        }
    }
}

impl From<PaperError> for PageError {
    fn from(error: PaperError) -> Self {
        match error {
            PaperError::NoSuchReport | PaperError::NoSeal => Self::NotFound,
            PaperError::Desk(error) => error.into(),
            PaperError::Paper(error) => Self::Unavailable(Box::new(error)),
        }
    }
}

impl From<DeskError> for PageError {
    fn from(error: DeskError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::SignIn(_) => StatusCode::SEE_OTHER,
            Self::Forbidden | Self::Form => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::NotWired(_) | Self::Template(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Full { .. } | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::new(self.status_code());
        if let Self::SignIn(next) = self {
            let next = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
            if let Ok(location) = HeaderValue::from_str(&format!("/sign-in?next={next}")) {
                response.headers_mut().insert(header::LOCATION, location);
            }
        }
        if let Self::TooMany { retry_after_s } | Self::Full { retry_after_s } = *self {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, retry_after_s.into());
        }
        response
    }
}

#[derive(Template)]
#[template(path = "error.html", config = "src/pages/askama.toml")]
struct ErrorPage<'a> {
    page: Page<'a>,
    status: u16,
    text: &'static str,
}

/// Gives an answer without words its page, in the visitor's language. Problem documents stay what they are.
pub(super) fn in_words(response: ServiceResponse<BoxBody>, visitor: &Visitor) -> ServiceResponse<BoxBody> {
    let status = response.status();
    let has_words = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes();
        value.starts_with(b"text/html") || value.starts_with(b"application/")
    });
    if !(status.is_client_error() || status.is_server_error()) || has_words {
        return response;
    }
    let cause = response
        .response()
        .error()
        .and_then(|error| error.as_error::<PageError>());
    if status.is_server_error() {
        let error: &dyn std::error::Error = cause.map_or(&Unnamed, |cause| cause);
        let source = error.source().map(ToString::to_string);
        tracing::error!(status = status.as_u16(), error = %error, source, "a page could not be shown");
    }
    let t = visitor.lang().texts();
    let (title, text) = match status {
        _ if matches!(cause, Some(PageError::Form)) => (t.e403_form, t.e403_form_text),
        StatusCode::FORBIDDEN => (t.e403, t.e403_text),
        StatusCode::NOT_FOUND => (t.e404, t.e404_text),
        StatusCode::METHOD_NOT_ALLOWED => (t.e405, t.e405_text),
        StatusCode::PAYLOAD_TOO_LARGE => (t.e413, t.e413_text),
        StatusCode::TOO_MANY_REQUESTS => (t.e429, t.e429_text),
        StatusCode::SERVICE_UNAVAILABLE => (t.e503, t.e503_text),
        _ if status.is_client_error() => (t.e400, t.e400_text),
        _ => (t.e500, t.e500_text),
    };
    let page = ErrorPage {
        page: Page::new(visitor, title, Here::Elsewhere),
        status: status.as_u16(),
        text,
    };
    let body = page.render().unwrap_or_else(|_| text.to_owned());
    let (request, wordless) = response.into_parts();
    let mut words = HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(body);
    if let Some(seconds) = wordless.headers().get(header::RETRY_AFTER) {
        words.headers_mut().insert(header::RETRY_AFTER, seconds.clone());
    }
    ServiceResponse::new(request, words)
}

/// A failure that no handler named.
#[derive(Debug, thiserror::Error)]
#[error("the framework answered without a cause")]
struct Unnamed;

pub(super) async fn method_not_allowed() -> Result<HttpResponse, PageError> {
    Err(PageError::MethodNotAllowed)
}

/// What nothing else answers: a problem document below `/v1/`, a page elsewhere.
pub(super) async fn not_found(request: actix_web::HttpRequest) -> Result<HttpResponse, actix_web::Error> {
    if request.path().starts_with("/v1/") {
        return Err(api::route_not_found().into());
    }
    Err(PageError::NotFound.into())
}
