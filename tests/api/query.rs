use std::time::Duration;

use serde_json::{Value, json};
use yinxin::catalogue::Grant;

use crate::support::*;

/// A county, its window, and a token of the window's for a case of the first person about the housing fund.
async fn purpose() -> (County, Client, String) {
    let county = County::start().await;
    let window = county.client("window");
    let token = window.purpose(HOUSING_FUND_ITEM, &person(1)).await;
    (county, window, token)
}

fn grant(county: &County, id: &str) -> Grant {
    let snapshot = county.services().catalogue.snapshot();
    (**snapshot.grants.get(&id.parse().unwrap()).unwrap()).clone()
}

/// The last entry about a disclosure.
async fn last_entry(county: &County) -> Value {
    let entries = county.client("auditor").audit_entries().await;
    let mut disclosures = entries.into_iter().filter(|entry| entry["action"] == "query");
    disclosures.next_back().unwrap()
}

#[tokio::test]
async fn exactly_the_granted_fields_come_masked_and_the_entry_says_so() {
    let (county, window, token) = purpose().await;
    let answer = window.query(&token, HOUSING_FUND, &person(1), &[]).await;
    let body = answer.expect(200);
    assert_eq!(
        body["records"],
        json!([{
            "id_number": format!("653199********{}", &person(1).number[14..]), "name": "***B",
            "employer": "莎车示例棉纺织有限公司", "status": "正常", "month": "2025-11", "balance": "0-1000"
        }])
    );
    let masks = json!({
        "id_number": "id_number", "name": "name", "employer": "none", "status": "none", "month": "none",
        "balance": "amount_band"
    });
    assert_eq!(body["fields"], masks);
    assert_eq!(answer.header("cache-control"), "no-store");
    let entry = last_entry(&county).await;
    assert_eq!((&entry["sequence"], &entry["fields"]), (&body["entry"], &masks));
    assert_eq!(
        (&entry["outcome"], &entry["grants"]),
        (&json!("permitted"), &json!(["window-housing-fund"]))
    );
    assert_eq!(entry["request"], body["request_id"]);
}

#[tokio::test]
async fn the_provider_is_asked_for_the_allowed_fields_only() {
    let (county, window, token) = purpose().await;
    window
        .query(&token, HOUSING_FUND, &person(1), &["status"])
        .await
        .expect(200);
    let call = county.provider.last_call().unwrap();
    assert_eq!(call["fields"], json!(["status"]));
    assert_eq!(call["subject"], person(1).subject());
}

#[tokio::test]
async fn each_kind_of_source_answers() {
    let county = County::start().await;
    let window = county.client("window");
    let token = window.purpose(SOCIAL_INSURANCE_ITEM, &worker()).await;
    let table = window
        .query(&token, SOCIAL_INSURANCE, &worker(), &["month", "base_amount"])
        .await
        .expect(200);
    let records = table["records"].as_array().unwrap();
    assert!(records.len() > 1, "{table}");
    assert_eq!(records[0], json!({"month": "2024-11", "base_amount": "5000-10000"}));

    let csv = include_str!("../../config/demo/data/marriage.csv");
    let resource = county
        .services()
        .catalogue
        .resource(&MARRIAGE.parse().unwrap())
        .unwrap();
    let datasets = &county.services().datasets;
    let prepared = datasets.prepare(&resource, csv.as_bytes().to_vec()).await.unwrap();
    datasets.replace(prepared).await.unwrap();
    let token = window.purpose("hunyin-dengji-heyan", &worker()).await;
    let dataset = window
        .query(&token, MARRIAGE, &worker(), &["marital_status"])
        .await
        .expect(200);
    assert_eq!(dataset["records"].as_array().unwrap().len(), 1, "{dataset}");
}

#[tokio::test]
async fn a_case_that_was_closed_discloses_nothing_more_with_a_token_that_still_counts() {
    let (county, window, token) = purpose().await;
    let entries = county.client("auditor").audit_entries().await;
    let case = entries.iter().find(|e| e["action"] == "token").unwrap()["case"]
        .as_str()
        .unwrap()
        .to_owned();
    let closed = json!({"kind": "closed", "operator": OPERATOR});
    window
        .post(&format!("/v1/cases/{case}/events"), &closed)
        .await
        .expect(200);
    let answer = window.query(&token, HOUSING_FUND, &person(1), &[]).await;
    assert_eq!(answer.problem(403), "case_closed");
    assert_eq!(county.provider.calls(), 0);
}

#[tokio::test]
async fn a_subject_who_is_not_the_applicant_and_a_resource_that_the_item_does_not_need_are_refused() {
    let (county, window, token) = purpose().await;
    let other = window.query(&token, HOUSING_FUND, &person(2), &[]).await;
    assert_eq!(other.problem(403), "subject_not_applicant");
    let entry = last_entry(&county).await;
    assert_eq!(
        (&entry["outcome"], &entry["code"]),
        (&json!("refused"), &json!("subject_not_applicant"))
    );
    let not_needed = window.query(&token, SOCIAL_INSURANCE, &person(1), &[]).await;
    assert_eq!(not_needed.problem(403), "item_does_not_need_resource");
    assert_eq!(county.provider.calls(), 0);
}

#[tokio::test]
async fn a_grant_that_was_withdrawn_or_has_expired_opens_nothing_from_that_moment() {
    let (county, window, token) = purpose().await;
    let original = grant(&county, "window-housing-fund");
    let gjj = county.client("housing-fund");
    let withdraw = gjj.request(reqwest::Method::DELETE, "/v1/grants/window-housing-fund");
    send(withdraw).await.expect(200);
    let answer = window.query(&token, HOUSING_FUND, &person(1), &[]).await;
    assert_eq!(answer.problem(403), "grant_withdrawn");

    let expired = Grant {
        valid_until: jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1),
        ..original
    };
    county.services().catalogue.put_grant(&expired).await.unwrap();
    let answer = window.query(&token, HOUSING_FUND, &person(1), &[]).await;
    assert_eq!(answer.problem(403), "grant_expired");
    assert_eq!(county.provider.calls(), 0);
}

#[tokio::test]
async fn a_field_that_was_not_granted_or_is_none_is_refused_by_name() {
    let (county, window, token) = purpose().await;
    let answer = window
        .query(&token, HOUSING_FUND, &person(1), &["status", "base_amount"])
        .await;
    assert_eq!(answer.problem(403), "field_not_granted");
    assert_eq!(answer.json()["field"], "base_amount");
    let unknown = window.query(&token, HOUSING_FUND, &person(1), &["salary"]).await;
    assert_eq!(unknown.problem(422), "field_unknown");
    // What the caller made up is not repeated in the log.
    assert!(!last_entry(&county).await.to_string().contains("salary"));
    assert_eq!(county.provider.calls(), 0);
}

#[tokio::test]
async fn a_provider_that_misbehaves_gets_nothing_through_and_each_way_has_its_code() {
    let (county, window, token) = purpose().await;
    let record = |name: &str, value: Value| Behaviour::Records(json!([{name: value}]));
    for (behaviour, status, code) in [
        (Behaviour::Status(500), 502, "provider_failed"),
        (Behaviour::Body(b"<html>leak</html>".to_vec()), 502, "provider_garbage"),
        (
            Behaviour::Body(br#"{"records":[],"more":"leak"}"#.to_vec()),
            502,
            "provider_garbage",
        ),
        (record("status", json!({"nested": "leak"})), 502, "provider_garbage"),
    ] {
        county.provider.behave(behaviour.clone());
        let answer = window.query(&token, HOUSING_FUND, &person(1), &[]).await;
        assert_eq!(answer.problem(status), code, "{behaviour:?}");
        assert!(!answer.text().contains("leak"), "{}", answer.text());
        let entry = last_entry(&county).await;
        assert_eq!((&entry["outcome"], &entry["code"]), (&json!("failed"), &json!(code)));
    }
    // A good answer closes the row of failures before it opens the circuit.
    county.provider.behave(housing_fund_records());
    window.query(&token, HOUSING_FUND, &person(1), &[]).await.expect(200);
    for (behaviour, status, code) in [
        (record("balance", json!(528)), 502, "provider_garbage"),
        (Behaviour::Flood(2 << 20), 502, "provider_too_much"),
        (
            Behaviour::Records(json!(vec![json!({"status": "x"}); 1_001])),
            502,
            "provider_too_much",
        ),
        (Behaviour::Silence, 504, "provider_timeout"),
        (Behaviour::CutOff, 502, "provider_failed"),
        (Behaviour::Status(404), 502, "provider_failed"),
    ] {
        county.provider.behave(behaviour.clone());
        let answer = window.query(&token, HOUSING_FUND, &person(1), &[]).await;
        assert_eq!(answer.problem(status), code, "{behaviour:?}");
    }
    // The fifth call in a row that failed opened it: the provider is left alone until its rest is over.
    let calls = county.provider.calls();
    county.provider.behave(housing_fund_records());
    let answer = window.query(&token, HOUSING_FUND, &person(1), &[]).await;
    assert_eq!(answer.problem(503), "provider_resting");
    assert_eq!(county.provider.calls(), calls);
    county.node.clock.advance(Duration::from_secs(10));
    window.query(&token, HOUSING_FUND, &person(1), &[]).await.expect(200);
}

#[tokio::test]
async fn a_provider_that_closes_its_connections_is_asked_over_new_ones() {
    let (county, window, token) = purpose().await;
    for at_once in [true, false] {
        let records = json!([{"status": "正常"}]);
        county.provider.behave(Behaviour::OnceEach { records, at_once });
        let before = county.provider.calls();
        for _ in 0..8 {
            let body = window
                .query(&token, HOUSING_FUND, &person(1), &["status"])
                .await
                .expect(200);
            assert_eq!(body["records"], json!([{"status": "正常"}]));
        }
        // A connection that is closed when the next call has come is one that was used again.
        assert_eq!(county.provider.calls() - before > 8, !at_once);
    }
}

#[tokio::test]
async fn a_field_that_the_provider_leaves_out_is_null_and_one_that_nobody_asked_for_is_dropped() {
    let (county, window, token) = purpose().await;
    county
        .provider
        .behave(Behaviour::Records(json!([{"status": "正常", "salary": "leak"}])));
    let body = window
        .query(&token, HOUSING_FUND, &person(1), &["status", "name"])
        .await
        .expect(200);
    assert_eq!(body["records"], json!([{"status": "正常", "name": null}]));
}

#[tokio::test]
async fn a_system_over_its_rate_is_told_to_wait() {
    let (county, window, token) = purpose().await;
    let mut system = (*county
        .services()
        .directory
        .systems()
        .into_iter()
        .find(|s| s.id.as_str() == "window")
        .unwrap())
    .clone();
    system.requests_per_second = 2;
    county.services().directory.put_system(&system).await.unwrap();
    let answers = futures_util::future::join_all((0..8).map(|_| {
        let subject = person(1);
        let (window, token) = (window.clone(), token.clone());
        async move { window.query(&token, HOUSING_FUND, &subject, &[]).await }
    }))
    .await;
    let over: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(!over.is_empty());
    assert_eq!(over[0].problem(429), "rate_limited");
    assert!(over[0].header("retry-after").parse::<u64>().unwrap() >= 1);
}
