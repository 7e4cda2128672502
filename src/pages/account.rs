use actix_web::HttpResponse;
use askama::Template;

use super::{
    error::PageError,
    page::{self, Here, Page},
    visitor::Visitor,
};
use crate::department::Account;

#[derive(Template)]
#[template(path = "account.html", config = "src/pages/askama.toml")]
struct AccountPage<'a> {
    page: Page<'a>,
    account: &'a Account,
}

/// `GET /account`
pub(super) async fn show(visitor: Visitor) -> Result<HttpResponse, PageError> {
    let account = visitor
        .account()
        .ok_or_else(|| PageError::SignIn("/account".to_owned()))?;
    page::show(&AccountPage {
        page: Page::new(&visitor, visitor.lang().texts().account, Here::Account),
        account,
    })
}
