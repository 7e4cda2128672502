use sqlx::{Connection, Executor, SqliteConnection};
use yinxin::{
    audit::{Action, Filter, Outcome, Placed},
    ids::SubjectId,
};

use super::{
    PASSWORD, add_accounts, base, browse,
    browser::Browser,
    sign_in,
    support::{County, person},
};

async fn entries(county: &County, action: Action) -> Vec<Placed> {
    let filter = Filter {
        action: Some(action),
        ..Filter::default()
    };
    county.services().log.search(&filter).await.unwrap()
}

#[tokio::test]
async fn an_auditor_signs_in_and_finds_entries_and_the_look_itself_is_recorded() {
    let county = County::start().await;
    add_accounts(&county).await;
    let browser = browse(&county, "zh-CN").await;
    browser.open("/audit").await;
    browser.wait_for("location.pathname === '/sign-in'").await;
    browser.type_into("#account", "auditor").await;
    browser.type_into("#password", "not the password").await;
    browser.click("main button").await;
    browser.wait_for("document.querySelector('#refusal')").await;
    assert_eq!(browser.text("#refusal").await, "账号或密码不正确。");
    browser.type_into("#account", "auditor").await;
    browser.type_into("#password", PASSWORD).await;
    browser.click("main button").await;
    browser.wait_for("location.pathname === '/audit'").await;
    browser
        .wait_for("document.querySelectorAll('.entries > li').length === 3")
        .await;
    let list = browser.text(".entries").await;
    assert!(
        list.contains("登录") && list.contains("拒绝") && list.contains("查看审计"),
        "{list}"
    );
    let outcomes: Vec<Outcome> = entries(&county, Action::SignIn)
        .await
        .iter()
        .map(|e| e.entry.outcome)
        .collect();
    assert_eq!(outcomes, [Outcome::Permitted, Outcome::Refused]);
    let read = entries(&county, Action::ReadAudit).await;
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].entry.operator.as_ref().unwrap().as_str(), "auditor");
    browser.click(".me button").await;
    browser.wait_for("document.querySelector('a[href=\"/sign-in\"]')").await;
    browser.open("/audit").await;
    browser.wait_for("location.pathname === '/sign-in'").await;
    browser.finish().await;
}

#[tokio::test]
async fn an_id_number_is_searched_for_by_its_pseudonym_and_stands_in_no_address() {
    let county = County::start().await;
    add_accounts(&county).await;
    let somebody = person(1);
    let browser = browse(&county, "en").await;
    sign_in(&browser, "auditor").await;
    browser.wait_for("document.querySelector('#id')").await;
    browser.type_into("#id", &somebody.number).await;
    browser.click("form[method=post] .button").await;
    browser.wait_for("location.search.includes('subject=')").await;
    let id = SubjectId::parse("citizen_id", &somebody.number).unwrap();
    let pseudonym = county.services().pseudonyms.pseudonym(&id);
    assert_eq!(browser.address().await, format!("/audit?subject={pseudonym}"));
    let html = browser.run("return document.documentElement.outerHTML").await;
    assert!(!html.as_str().unwrap().contains(&somebody.number));
    assert_eq!(
        entries(&county, Action::ReadAudit).await[0].entry.subject,
        Some(pseudonym)
    );
    browser.type_into("#id", "653199199003070000").await;
    browser.click("form[method=post] .button").await;
    browser.wait_for("document.querySelector('[role=alert]')").await;
    assert_eq!(browser.address().await, "/audit");
    browser.finish().await;
}

#[tokio::test]
async fn no_other_role_than_an_auditor_opens_the_audit() {
    let county = County::start().await;
    add_accounts(&county).await;
    for role in ["clerk", "notary", "publisher", "approver", "admin"] {
        let browser = Browser::start(&base(&county), 1280, "en").await;
        sign_in(&browser, role).await;
        assert!(!browser.text("nav").await.contains("audit"));
        browser.open("/audit").await;
        assert_eq!(browser.text("h1").await, "Not allowed");
        assert!(browser.run("return document.querySelector('.entries')").await.is_null());
        browser.finish().await;
    }
    assert!(entries(&county, Action::ReadAudit).await.is_empty());
}

#[tokio::test]
async fn an_account_that_is_disabled_loses_its_session_at_once() {
    let county = County::start().await;
    add_accounts(&county).await;
    let browser = browse(&county, "en").await;
    sign_in(&browser, "auditor").await;
    let accounts = &county.services().accounts;
    assert!(accounts.disable(&"auditor".parse().unwrap()).await.unwrap());
    browser.open("/audit").await;
    browser.wait_for("location.pathname === '/sign-in'").await;
    browser.finish().await;
}

#[tokio::test]
async fn when_the_log_cannot_be_written_nobody_signs_in_and_no_entry_is_shown() {
    let county = County::start().await;
    add_accounts(&county).await;
    let portal = county.portal();
    let (csrf, cookie) = super::headers::form_of(&portal.get("/sign-in?lang=en").await);
    let body = format!("csrf={csrf}&account=auditor&password={}", PASSWORD.replace(' ', "+"));
    let post = || {
        let request = portal.request(reqwest::Method::POST, "/sign-in?lang=en");
        request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", &cookie)
            .body(body.clone())
    };
    let signed_in = super::support::send(post()).await;
    assert_eq!(signed_in.status, 303, "{}", signed_in.text());
    let session = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();

    let file = county.site.folder.path().join("data/yinxin.db");
    let mut other = SqliteConnection::connect(&format!("sqlite://{}", file.display()))
        .await
        .unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let refused = super::support::send(post()).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(
        refused
            .headers
            .get("set-cookie")
            .is_none_or(|c| !c.to_str().unwrap().contains("session"))
    );
    let look = portal
        .request(reqwest::Method::GET, "/audit?lang=en")
        .header("cookie", &session);
    let look = super::support::send(look).await;
    assert_eq!(look.status, 503);
    assert!(look.text().contains("Not available at the moment") && !look.text().contains("class=\"entries\""));
    other.execute("ROLLBACK").await.unwrap();
}
