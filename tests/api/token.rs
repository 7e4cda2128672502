use std::time::Duration;

use serde_json::json;

use crate::support::*;

async fn ask(client: &Client, form: &str) -> Answer {
    let request = client.request(reqwest::Method::POST, "/v1/token");
    send(
        request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned()),
    )
    .await
}

#[tokio::test]
async fn a_token_is_answered_as_oauth_says_and_no_cache_may_keep_it() {
    let county = County::start().await;
    let window = county.client("window");
    let case = window.open_case(HOUSING_FUND_ITEM, &person(1)).await;
    let answer = window.ask_token(&case).await;
    let token = answer.expect(200);
    assert_eq!(
        (&token["token_type"], &token["expires_in"]),
        (&json!("Bearer"), &json!(900))
    );
    assert_eq!(answer.header("cache-control"), "no-store");

    let entries = county.client("auditor").audit_entries().await;
    let entry = entries.iter().find(|entry| entry["action"] == "token").unwrap();
    assert_eq!(entry["case"], case.as_str());
    assert_eq!(entry["grants"], json!(["window-housing-fund"]));
}

#[tokio::test]
async fn a_case_that_is_closed_or_of_another_department_gives_no_token() {
    let county = County::start().await;
    let window = county.client("window");
    let case = window.open_case(HOUSING_FUND_ITEM, &person(1)).await;
    assert_eq!(
        county.client("notary").ask_token(&case).await.problem(404),
        "case_not_found"
    );
    let closed = json!({"kind": "closed", "operator": OPERATOR});
    window
        .post(&format!("/v1/cases/{case}/events"), &closed)
        .await
        .expect(200);
    assert_eq!(window.ask_token(&case).await.problem(403), "case_closed");
}

#[tokio::test]
async fn a_token_counts_with_the_certificate_that_asked_for_it_and_until_it_expires() {
    let county = County::start().await;
    let window = county.client("window");
    let token = window.purpose(HOUSING_FUND_ITEM, &person(1)).await;
    let stolen = county
        .client("window-2")
        .query(&token, HOUSING_FUND, &person(1), &[])
        .await;
    assert_eq!(stolen.problem(401), "token_bound_to_other_certificate");
    let entries = county.client("auditor").audit_entries().await;
    let tried = entries.iter().find(|entry| entry["outcome"] == "refused").unwrap();
    assert_eq!(tried["system"], "window-2", "{tried}");
    assert_eq!(tried["code"], "token_bound_to_other_certificate", "{tried}");
    window.query(&token, HOUSING_FUND, &person(1), &[]).await.expect(200);
    county.node.clock.advance(Duration::from_secs(901));
    let late = window.query(&token, HOUSING_FUND, &person(1), &[]).await;
    assert_eq!(late.problem(401), "token_expired");
    assert_eq!(county.provider.calls(), 1);
}

#[tokio::test]
async fn a_form_that_is_not_of_the_agreed_form_is_told_so() {
    let county = County::start().await;
    let window = county.client("window");
    let case = window.open_case(HOUSING_FUND_ITEM, &person(1)).await;
    for (form, status, code) in [
        ("grant_type=client_credentials".to_owned(), 400, "form_invalid"),
        (
            format!("grant_type=password&case={case}&operator=w1"),
            400,
            "grant_type_unsupported",
        ),
        (
            format!("grant_type=client_credentials&case={case}&case={case}&operator=w1"),
            400,
            "form_invalid",
        ),
        (
            format!(
                "grant_type=client_credentials&case={case}&operator={}",
                person(2).number
            ),
            422,
            "operator_is_a_person",
        ),
        (
            format!("grant_type=client_credentials&case={case}&operator=w1&client_id=hr"),
            400,
            "client_id_wrong",
        ),
    ] {
        assert_eq!(ask(&window, &form).await.problem(status), code, "{form}");
    }
    let form = format!("grant_type=client_credentials&case={case}&operator=w1&scope=any&client_id=window");
    ask(&window, &form).await.expect(200);
    let json = window
        .post("/v1/token", &json!({"grant_type": "client_credentials"}))
        .await;
    assert_eq!(json.problem(415), "media_type_unsupported");
}
