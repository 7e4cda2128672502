//! The portal's pages in a real browser, on a real node.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../formats/sample.rs"]
#[allow(dead_code)]
mod sample;
#[path = "../formats/attacks/writer.rs"]
#[allow(dead_code)]
mod writer;

mod admission;
mod audit;
mod browser;
mod compare;
mod drop;
mod headers;
mod look;
mod verify;

use yinxin::{
    department::Role,
    ids::{DepartmentId, OperatorId},
};

use self::{browser::Browser, support::County};

/// The password of every account of these tests.
pub const PASSWORD: &str = "made up for these tests";

/// The address of a county's portal.
pub fn base(county: &County) -> String {
    format!("https://localhost:{}", county.node.addresses.portal.port())
}

/// A browser with a wide window.
pub async fn browse(county: &County, lang: &str) -> Browser {
    Browser::start(&base(county), 1280, lang).await
}

/// Adds an account of each role, named after it.
pub async fn add_accounts(county: &County) {
    for role in Role::ALL {
        let id = OperatorId::parse(role.as_str()).unwrap();
        let department = (role == Role::Clerk).then(|| DepartmentId::parse("guangzhou-window").unwrap());
        let accounts = &county.services().accounts;
        accounts.put(id, department, role, PASSWORD).await.unwrap();
    }
}

/// Signs in through the page.
pub async fn sign_in(browser: &Browser, account: &str) {
    browser.open("/sign-in").await;
    browser.type_into("#account", account).await;
    browser.type_into("#password", PASSWORD).await;
    browser.click("main button").await;
    browser
        .wait_for("document.querySelector('form[action=\"/sign-out\"]')")
        .await;
}
