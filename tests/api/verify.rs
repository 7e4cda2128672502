use serde_json::{Value, json};

use crate::support::*;

async fn verify(client: &Client, token: &str, claims: Value) -> Answer {
    let body = json!({"subject": person(1).subject(), "claims": claims});
    client
        .post_with(token, &format!("/v1/resources/{HOUSING_FUND}/verify"), &body)
        .await
}

#[tokio::test]
async fn claims_are_answered_yes_or_no_and_no_value_leaves() {
    let county = County::start().await;
    let window = county.client("window");
    let token = window.purpose(HOUSING_FUND_ITEM, &person(1)).await;
    let claims = json!({"name": person(1).name, "status": "正常", "balance": "529.00"});
    let answer = verify(&window, &token, claims).await;
    let body = answer.expect(200);
    assert_eq!(body["matches"], json!({"name": true, "status": true, "balance": false}));
    assert!(!answer.text().contains("528"), "{}", answer.text());
    let entries = county.client("auditor").audit_entries().await;
    let entry = entries.iter().find(|entry| entry["action"] == "verify").unwrap();
    assert_eq!(
        entry["fields"],
        json!({"name": "yes_or_no", "status": "yes_or_no", "balance": "yes_or_no"})
    );
}

#[tokio::test]
async fn with_several_records_the_answers_are_those_of_one() {
    let county = County::start().await;
    let window = county.client("window");
    let token = window.purpose(HOUSING_FUND_ITEM, &person(1)).await;
    county.provider.behave(Behaviour::Records(json!([
        {"month": "2025-10", "status": "封存"}, {"month": "2025-11", "status": "正常"}
    ])));
    let crossed = verify(&window, &token, json!({"month": "2025-10", "status": "正常"}))
        .await
        .expect(200);
    assert_eq!(crossed["matches"], json!({"month": true, "status": false}));
    county.provider.behave(Behaviour::Records(json!([])));
    let nothing = verify(&window, &token, json!({"month": "2025-10", "status": "正常"}))
        .await
        .expect(200);
    assert_eq!(nothing["matches"], json!({"month": false, "status": false}));
}

#[tokio::test]
async fn a_claim_that_was_not_granted_or_is_of_the_wrong_type_is_refused_before_the_provider_is_asked() {
    let county = County::start().await;
    let window = county.client("window");
    let token = window.purpose(HOUSING_FUND_ITEM, &person(1)).await;
    for (claims, status, code) in [
        (json!({"base_amount": "1.00"}), 403, "field_not_granted"),
        (json!({"salary": "1.00"}), 422, "field_unknown"),
        (json!({"balance": 528}), 422, "claim_invalid"),
        (json!({"status": null}), 422, "claim_invalid"),
        (json!({"status": {"a": 1}}), 422, "claim_invalid"),
        (json!({}), 422, "claims_missing"),
    ] {
        assert_eq!(
            verify(&window, &token, claims.clone()).await.problem(status),
            code,
            "{claims}"
        );
    }
    assert_eq!(county.provider.calls(), 0);
}
