use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use super::{
    assets::{URLS, Urls},
    error::PageError,
    lang::Lang,
    texts::Texts,
    visitor::Visitor,
};
use crate::department::{Account, Role};

/// The entry of the navigation that a page belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    Catalogue,
    Verify,
    Audit,
    Docs,
    SignIn,
    Account,
    Elsewhere,
}

/// What every page needs.
pub(super) struct Page<'a> {
    pub(super) lang: Lang,
    pub(super) t: &'static Texts,
    pub(super) title: String,
    pub(super) here: Here,
    pub(super) account: Option<&'a Account>,
    pub(super) csrf: &'a str,
    pub(super) switch: String,
    pub(super) urls: &'static Urls,
}

impl<'a> Page<'a> {
    pub(super) fn new(visitor: &'a Visitor, title: &str, here: Here) -> Self {
        Self {
            lang: visitor.lang(),
            t: visitor.lang().texts(),
            title: title.to_owned(),
            here,
            account: visitor.account(),
            csrf: visitor.csrf(),
            switch: visitor.switch(),
            urls: &URLS,
        }
    }

    /// `aria-current` for an entry of the navigation.
    pub(super) fn current(&self, entry: Here) -> &'static str {
        if self.here == entry { "page" } else { "false" }
    }

    pub(super) fn audits(&self) -> bool {
        self.account.is_some_and(|account| account.role == Role::Auditor)
    }

    pub(super) fn other_lang(&self) -> Lang {
        self.lang.other()
    }
}

/// A page that is shown.
pub(super) fn show(template: &impl Template) -> Result<HttpResponse, PageError> {
    answer(StatusCode::OK, template)
}

/// A page with another status.
pub(super) fn answer(status: StatusCode, template: &impl Template) -> Result<HttpResponse, PageError> {
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(template.render()?))
}

/// The way to another page after a form.
pub(super) fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((actix_web::http::header::LOCATION, location))
        .finish()
}
