//! How much one address may ask the portal to verify, and how much it may make the node hold in memory.

use reqwest::Method;
use serde_json::json;

use super::{
    headers::form_of,
    support::{Answer, Client, County, send},
};

/// A form of documents, as a browser sends it.
fn form(csrf: Option<&str>, files: &[usize]) -> String {
    let mut body = csrf
        .map(|csrf| format!("--b\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n"))
        .unwrap_or_default();
    for size in files {
        body += "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n";
        body += &"x".repeat(*size);
        body += "\r\n";
    }
    body + "--b--\r\n"
}

async fn post_form(portal: &Client, path: &str, cookie: &str, body: String) -> Answer {
    let request = portal.request(Method::POST, path).header("cookie", cookie);
    send(
        request
            .header("content-type", "multipart/form-data; boundary=b")
            .body(body),
    )
    .await
}

async fn post_code(portal: &Client, cookie: &str, csrf: &str) -> Answer {
    let request = portal
        .request(Method::POST, "/verify/code")
        .header("cookie", cookie)
        .header("accept-language", "en");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    send(request.body(format!("csrf={csrf}&code=0"))).await
}

#[tokio::test]
async fn an_address_that_verifies_too_often_waits_on_the_api_and_on_the_pages() {
    let county = County::start_with(|config| config.limits.verifications_per_minute = 3).await;
    let portal = county.portal();
    let (csrf, cookie) = form_of(&portal.get("/verify").await);
    let code = json!({"code": "00000000000000000000"});
    portal.post("/v1/verifications", &code).await.expect(200);
    assert_eq!(post_code(&portal, &cookie, &csrf).await.status, 200);
    let page = post_form(&portal, "/verify", &cookie, form(Some(&csrf), &[3])).await;
    assert_eq!(page.status, 200, "{}", page.text());

    let refused = portal.post("/v1/verifications", &code).await;
    assert_eq!(refused.problem(429), "rate_limited");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=21).contains(&wait), "{wait}");
    let file = post_form(&portal, "/v1/verifications", "", form(None, &[3])).await;
    assert_eq!(file.problem(429), "rate_limited");
    for page in [
        post_code(&portal, &cookie, &csrf).await,
        post_form(&portal, "/verify", &cookie, form(Some(&csrf), &[3])).await,
    ] {
        assert_eq!(page.status, 429);
        assert!(!page.header("retry-after").is_empty());
        assert!(page.header("content-type").starts_with("text/html"));
        let text = page.text();
        assert!(
            text.contains("Too many requests") || text.contains("请求过于频繁"),
            "{text}"
        );
    }
    // Looking at pages is no verification.
    assert_eq!(portal.get("/verify").await.status, 200);
}

#[tokio::test]
async fn every_document_of_a_form_counts() {
    let county = County::start_with(|config| config.limits.verifications_per_minute = 2).await;
    let portal = county.portal();
    let (csrf, cookie) = form_of(&portal.get("/verify").await);
    let page = post_form(&portal, "/verify", &cookie, form(Some(&csrf), &[3, 3, 3])).await;
    assert_eq!(page.status, 429);
}

#[tokio::test]
async fn the_documents_of_one_form_are_no_larger_together_than_one_may_be() {
    let county = County::start_with(|config| config.limits.document_bytes = 1_000).await;
    let portal = county.portal();
    let (csrf, cookie) = form_of(&portal.get("/verify").await);
    let two = post_form(&portal, "/verify", &cookie, form(Some(&csrf), &[400, 400])).await;
    assert_eq!(two.status, 200, "{}", two.text());
    let three = post_form(&portal, "/verify", &cookie, form(Some(&csrf), &[400, 400, 400])).await;
    assert_eq!(three.status, 413);
    let one = post_form(&portal, "/v1/verifications", "", form(None, &[1_001])).await;
    assert_eq!(one.problem(413), "body_too_large");
}
