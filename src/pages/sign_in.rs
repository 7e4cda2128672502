use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::RETRY_AFTER},
    web,
};
use askama::Template;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    Sessions,
    error::PageError,
    journal::Journal,
    page::{self, Here, Page},
    texts::fill,
    visitor::Visitor,
};
use crate::{
    audit::{Action, Entry},
    department::{Account, AccountError, Accounts, Role},
};

/// Where one may be sent on to after signing in: pages of ours, by name, so that no link can lead elsewhere.
const NEXT: [&str; 2] = ["/audit", "/account"];

#[derive(Template)]
#[template(path = "sign_in.html", config = "src/pages/askama.toml")]
struct SignIn<'a> {
    page: Page<'a>,
    next: &'a str,
    refusal: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Query {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Form {
    csrf: String,
    account: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// `GET /sign-in`
pub(super) async fn show(visitor: Visitor, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    if visitor.account().is_some() {
        return Ok(page::see_other("/account"));
    }
    form(&visitor, StatusCode::OK, &query.next, None)
}

/// `POST /sign-in`: every attempt that is looked at is recorded before the answer, whether it succeeds or not.
pub(super) async fn sign_in(
    request: HttpRequest,
    visitor: Visitor,
    form_data: web::Form<Form>,
    accounts: web::Data<Accounts>,
    sessions: web::Data<Sessions>,
    journal: Journal,
) -> Result<HttpResponse, PageError> {
    let Form {
        csrf,
        account,
        password,
        next,
    } = form_data.into_inner();
    let password = Zeroizing::new(password);
    visitor.check_form(&csrf)?;
    let address = request.peer_addr().map(|address| address.ip().to_string());
    let answer = accounts
        .sign_in(account.trim(), password, &address.unwrap_or_default())
        .await;
    let entry = journal.entry(Action::SignIn);
    let t = visitor.lang().texts();
    match answer {
        Ok(account) => {
            journal
                .append(Entry {
                    department: account.department.clone(),
                    operator: Some(account.id.clone()),
                    ..entry
                })
                .await?;
            let mut response = page::see_other(next_for(&account, &next));
            response
                .add_cookie(&sessions.open(&account)?)
                .map_err(|error| PageError::Unavailable(Box::new(error)))?;
            Ok(response)
        }
        Err(AccountError::Wrong { known }) => {
            // What was typed is not recorded unless it is an account of ours: it may be anything, a password or an ID
            // number typed into the wrong box.
            let entry = Entry {
                operator: known,
                ..entry
            };
            journal.append(entry.refused("sign_in_refused")).await?;
            form(&visitor, StatusCode::FORBIDDEN, &next, Some(t.sign_in_wrong.to_owned()))
        }
        Err(AccountError::TooManyAttempts { retry_after_s }) => {
            // Not recorded: the attempts before it are, and anybody could fill the log with these.
            let words = fill(t.sign_in_wait, retry_after_s);
            let mut response = form(&visitor, StatusCode::TOO_MANY_REQUESTS, &next, Some(words))?;
            response.headers_mut().insert(RETRY_AFTER, retry_after_s.into());
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
pub(super) struct SignOut {
    csrf: String,
}

/// `POST /sign-out`
pub(super) async fn sign_out(
    request: HttpRequest,
    visitor: Visitor,
    form: web::Form<SignOut>,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, PageError> {
    visitor.check_form(&form.csrf)?;
    let mut response = page::see_other("/");
    response
        .add_cookie(&sessions.close(&request))
        .map_err(|error| PageError::Unavailable(Box::new(error)))?;
    Ok(response)
}

fn form(visitor: &Visitor, status: StatusCode, next: &str, refusal: Option<String>) -> Result<HttpResponse, PageError> {
    let template = SignIn {
        page: Page::new(visitor, visitor.lang().texts().sign_in, Here::SignIn),
        next,
        refusal,
    };
    page::answer(status, &template)
}

fn next_for(account: &Account, asked: &str) -> &'static str {
    let home = if account.role == Role::Auditor {
        "/audit"
    } else {
        "/account"
    };
    NEXT.into_iter().find(|next| *next == asked).unwrap_or(home)
}
