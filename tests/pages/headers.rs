use reqwest::Method;
use yinxin::audit::{Action, Filter};

use super::support::{Answer, Client, County, send};

/// The token of a page's form and the cookie that goes with it.
pub fn form_of(page: &Answer) -> (String, String) {
    let text = page.text();
    let csrf = text.split("name=\"csrf\" value=\"").nth(1).expect("a form");
    let csrf = csrf.split('"').next().unwrap().to_owned();
    let cookies: Vec<&str> = page
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap().split(';').next().unwrap())
        .collect();
    (csrf, cookies.join("; "))
}

async fn post(portal: &Client, path: &str, cookie: &str, body: String) -> Answer {
    let request = portal.request(Method::POST, path);
    send(
        request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", cookie)
            .body(body),
    )
    .await
}

#[tokio::test]
async fn every_page_and_every_refusal_comes_with_the_headers_that_protect_it() {
    let county = County::start().await;
    let portal = county.portal();
    for path in [
        "/",
        "/catalogue",
        "/catalogue/nothing",
        "/verify",
        "/sign-in",
        "/docs",
        "/nowhere",
        "/audit",
    ] {
        let answer = portal.get(path).await;
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(
            answer.header("strict-transport-security").contains("max-age="),
            "{path}"
        );
        let html = answer.text();
        assert!(
            !html.contains("<style") && !html.contains(" style=") && !html.contains(" onclick"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn assets_are_kept_for_ever_at_addresses_that_change_with_them() {
    let county = County::start().await;
    let portal = county.portal();
    let home = portal.get("/").await.text();
    let css = home
        .split("href=\"")
        .find(|part| part.contains("portal.css\""))
        .unwrap();
    let css = css.split('"').next().unwrap();
    let answer = portal.get(css).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(portal.get("/assets/0000000000000000/portal.css").await.status, 404);
}

#[tokio::test]
async fn refusals_are_pages_in_the_visitors_language() {
    let county = County::start().await;
    let portal = county.portal();
    let cases = [
        (portal.get("/nowhere?lang=en").await, 404, "No such page"),
        (portal.get("/catalogue/nothing?lang=zh-CN").await, 404, "没有这个页面"),
        (portal.get("/audit?lang=en&before=x").await, 303, ""),
        (
            send(portal.request(Method::PUT, "/catalogue?lang=en")).await,
            405,
            "This method is not supported",
        ),
        (
            post(
                &portal,
                "/sign-in?lang=en",
                "",
                "csrf=x&account=a&password=b".to_owned(),
            )
            .await,
            403,
            "This form is no longer valid",
        ),
        (
            post(&portal, "/sign-in?lang=zh-CN", "", "account=a".to_owned()).await,
            400,
            "请求有误",
        ),
        (
            post(&portal, "/sign-in?lang=en", "", "x=".to_owned() + &"y".repeat(20_000)).await,
            413,
            "Too large",
        ),
    ];
    for (answer, status, words) in cases {
        assert_eq!(answer.status, status, "{words}");
        assert!(answer.text().contains(words), "{words}: {}", answer.text());
    }
    let elsewhere = portal.get("//elsewhere.invalid/?lang=en").await;
    assert_eq!(elsewhere.status, 404);
    assert!(!elsewhere.text().contains("href=\"//"), "{}", elsewhere.text());
    let api = portal.get("/v1/nothing").await;
    assert_eq!(api.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn an_unknown_account_and_a_wrong_password_get_the_same_answer() {
    let county = County::start().await;
    super::add_accounts(&county).await;
    let portal = county.portal();
    let (csrf, cookie) = form_of(&portal.get("/sign-in").await);
    let mut answers = Vec::new();
    for account in ["auditor", "nobody"] {
        let body = format!("csrf={csrf}&account={account}&password=wrong");
        let answer = post(&portal, "/sign-in", &cookie, body).await;
        answers.push((answer.status, answer.text()));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn who_has_to_wait_before_signing_in_again_cannot_fill_the_log_meanwhile() {
    let county = County::start().await;
    let portal = county.portal();
    let (csrf, cookie) = form_of(&portal.get("/sign-in").await);
    let mut looked_at = 0;
    for _ in 0..8 {
        let body = format!("csrf={csrf}&account=nobody&password=wrong");
        match post(&portal, "/sign-in", &cookie, body).await.status.as_u16() {
            403 => looked_at += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert!(looked_at < 8);
    let filter = Filter {
        action: Some(Action::SignIn),
        ..Filter::default()
    };
    let recorded = county.services().log.search(&filter).await.unwrap();
    assert_eq!(recorded.len(), looked_at);
}

#[tokio::test]
async fn the_cookie_of_a_session_is_out_of_reach_of_scripts_and_other_sites() {
    let county = County::start().await;
    super::add_accounts(&county).await;
    let portal = county.portal();
    let (csrf, cookie) = form_of(&portal.get("/sign-in").await);
    let password = super::PASSWORD.replace(' ', "+");
    let body = format!("csrf={csrf}&account=clerk&password={password}&next=https://example.invalid/");
    let answer = post(&portal, "/sign-in", &cookie, body).await;
    assert_eq!(answer.header("location"), "/account", "nobody is sent to another site");
    let set = answer.header("set-cookie");
    for part in ["__Host-session=", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    let session = set.split(';').next().unwrap();
    let account = send(portal.request(Method::GET, "/account").header("cookie", session)).await;
    assert_eq!(account.status, 200);
    assert_eq!(account.header("cache-control"), "no-store");
    let forged = post(&portal, "/sign-out", session, "csrf=forged".to_owned()).await;
    assert_eq!(forged.status, 403);
}
