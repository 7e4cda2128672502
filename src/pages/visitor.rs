use std::rc::Rc;

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    web,
};
use subtle::ConstantTimeEq;

use super::{
    Sessions, error,
    error::PageError,
    lang::Lang,
    session::{self, NoRandom},
};
use crate::department::{Account, Accounts, Role};

/// The cookie that a form of somebody who is not signed in must agree with.
const FORM_COOKIE: &str = "__Host-form";

/// Who looks at a page, and in which language.
#[derive(Clone)]
pub(super) struct Visitor(Rc<Inner>);

struct Inner {
    lang: Lang,
    account: Option<Account>,
    /// What the forms of this visitor must carry.
    csrf: String,
    /// Whether `csrf` still has to be put into the cookie.
    csrf_is_new: bool,
    path: String,
    /// The query without `lang`.
    query: String,
}

impl Visitor {
    pub(super) async fn of(request: &HttpRequest) -> Result<Self, PageError> {
        let sessions = service::<Sessions>(request)?;
        let accounts = service::<Accounts>(request)?;
        let mut account = None;
        let mut csrf = None;
        if let Some(session) = sessions.of(request) {
            // Looked up each time, so that an account that was disabled or has another password loses its session.
            let active = accounts.active(&session.account).await?;
            account = active.filter(|account| session.is_of(account));
            csrf = account.is_some().then(|| session.csrf.clone());
        }
        let csrf = csrf.or_else(|| request.cookie(FORM_COOKIE).map(|cookie| cookie.value().to_owned()));
        let csrf_is_new = csrf.is_none();
        let csrf = match csrf {
            Some(csrf) => csrf,
            None => sessions.token()?.to_string(),
        };
        let query: Vec<&str> = request
            .query_string()
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="))
            .collect();
        Ok(Self(Rc::new(Inner {
            lang: Lang::of(request),
            account,
            csrf,
            csrf_is_new,
            path: request.path().to_owned(),
            query: query.join("&"),
        })))
    }

    /// Somebody of whom only the language is known: for the page that says that the store cannot answer.
    pub(super) fn stranger(request: &HttpRequest) -> Self {
        Self(Rc::new(Inner {
            lang: Lang::of(request),
            account: None,
            csrf: String::new(),
            csrf_is_new: false,
            path: request.path().to_owned(),
            query: String::new(),
        }))
    }

    pub(super) fn lang(&self) -> Lang {
        self.0.lang
    }

    pub(super) fn account(&self) -> Option<&Account> {
        self.0.account.as_ref()
    }

    /// The account, if its role is this one; a sign-in page if there is none.
    pub(super) fn must_be(&self, role: Role) -> Result<&Account, PageError> {
        match self.account() {
            Some(account) if account.role == role => Ok(account),
            Some(_) => Err(PageError::Forbidden),
            None => Err(PageError::SignIn(self.0.path.clone())),
        }
    }

    pub(super) fn csrf(&self) -> &str {
        &self.0.csrf
    }

    /// Refuses a form that did not come from a page of ours for this visitor.
    pub(super) fn check_form(&self, csrf: &str) -> Result<(), PageError> {
        let same = self.0.csrf.as_bytes().ct_eq(csrf.as_bytes());
        if !self.0.csrf_is_new && bool::from(same) {
            Ok(())
        } else {
            Err(PageError::Form)
        }
    }

    /// This page in the other language.
    pub(super) fn switch(&self) -> String {
        let other = self.0.lang.other().tag();
        let Inner { path, query, .. } = &*self.0;
        // An address that begins with two slashes names another host.
        let path = format!("/{}", path.trim_start_matches(['/', '\\']));
        if query.is_empty() {
            format!("{path}?lang={other}")
        } else {
            format!("{path}?{query}&lang={other}")
        }
    }
}

impl FromRequest for Visitor {
    type Error = PageError;
    type Future = std::future::Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let visitor = request.extensions().get::<Self>().cloned();
        std::future::ready(visitor.ok_or(PageError::NotWired("Visitor")))
    }
}

/// A service that was wired in.
fn service<T: 'static>(request: &HttpRequest) -> Result<&web::Data<T>, PageError> {
    request
        .app_data::<web::Data<T>>()
        .ok_or(PageError::NotWired(std::any::type_name::<T>()))
}

impl From<NoRandom> for PageError {
    fn from(error: NoRandom) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

/// Around every page: finds out who visits, puts refusals into words, remembers the language, sets the headers.
pub(super) async fn dress<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (visitor, response) = match Visitor::of(request.request()).await {
        Ok(visitor) => {
            request.extensions_mut().insert(visitor.clone());
            (visitor, next.call(request).await?.map_into_boxed_body())
        }
        Err(error) => {
            let visitor = Visitor::stranger(request.request());
            (visitor, request.error_response(error))
        }
    };
    let mut response = error::in_words(response, &visitor);
    if let Some(lang) = Lang::asked_for(response.request().query_string()) {
        add_cookie(response.response_mut(), &lang.cookie());
    }
    let is_html = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if visitor.0.csrf_is_new && is_html {
        let cookie = session::cookie(FORM_COOKIE, visitor.0.csrf.clone());
        add_cookie(response.response_mut(), &cookie);
    }
    let is_of_one_visitor = visitor.account().is_some() || !response.request().method().is_safe();
    secure(response.headers_mut(), is_of_one_visitor);
    Ok(response)
}

fn add_cookie(response: &mut HttpResponse<BoxBody>, cookie: &actix_web::cookie::Cookie<'_>) {
    // Fails for a value that no header can hold: these are all made of base64url and language tags.
    let _ = response.add_cookie(cookie);
}

/// Scripts, styles, images and forms of this host only, nothing inline but images, no frames. The picture of a seal comes
/// with the document that is verified, and is kept nowhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                                       connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

fn secure(headers: &mut HeaderMap, is_of_one_visitor: bool) {
    let fixed = [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("strict-transport-security", "max-age=31536000"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("vary", "accept-language, cookie"),
        (
            "cache-control",
            if is_of_one_visitor {
                "no-store"
            } else {
                "private, no-cache"
            },
        ),
    ];
    for (name, value) in fixed {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}
