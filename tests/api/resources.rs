use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

const CODE: &str = "653125-hr-unemployment";

fn description() -> Value {
    json!({
        "code": CODE, "name": "失业登记信息", "name_en": "Registered unemployment",
        "classification": {"class": "主题信息资源", "category": "就业", "section": "失业登记"},
        "summary": "失业登记的日期与状态。", "format": "csv",
        "items": [
            {"name": "status", "title": "状态", "type": "text", "sensitivity": "personal"},
            {"name": "months", "title": "月数", "type": "integer", "sensitivity": "personal"}
        ],
        "sharing": {"kind": "conditional", "conditions": "依申请人本人办件调用", "mode": "query_and_verify"},
        "opening": {"open": false}, "update_cycle": "monthly"
    })
}

async fn create(client: &Client, key: &str, body: &Value) -> Answer {
    send(with_json(client.request(Method::POST, "/v1/resources"), body).header("Idempotency-Key", key)).await
}

async fn upload(client: &Client, code: &str, csv: &str) -> Answer {
    let request = client.request(Method::PUT, &format!("/v1/resources/{code}/dataset"));
    send(request.header("content-type", "text/csv").body(csv.to_owned())).await
}

async fn become_(client: &Client, status: &str) -> Answer {
    send(client.request(Method::POST, &format!("/v1/resources/{CODE}/{status}"))).await
}

#[tokio::test]
async fn a_resource_is_described_given_data_published_suspended_and_retired() {
    let county = County::start().await;
    let (hr, window) = (county.client("hr"), county.client("window"));
    let created = create(&hr, "key-00000001", &description()).await.expect(201);
    assert_eq!(
        (&created["status"], &created["provider"]),
        (&json!("draft"), &json!("shache-hr"))
    );
    assert_eq!(create(&hr, "key-00000001", &description()).await.expect(201), created);
    assert_eq!(
        create(&hr, "key-00000002", &description()).await.problem(409),
        "resource_exists"
    );
    let path = format!("/v1/resources/{CODE}");
    assert_eq!(window.get(&path).await.problem(404), "resource_not_found");
    hr.get(&path).await.expect(200);

    assert_eq!(become_(&hr, "publish").await.problem(409), "resource_without_data");
    let csv = format!(
        "months,subject_id,status\n3,{},登记\n,{},注销\n",
        person(1).number,
        person(2).number
    );
    assert_eq!(upload(&hr, CODE, &csv).await.expect(200)["rows"], 2);
    assert!(become_(&hr, "publish").await.expect(200)["published_on"].is_string());
    assert_eq!(window.get(&path).await.expect(200).get("source"), None);
    assert_eq!(become_(&hr, "publish").await.problem(409), "status_transition");
    for (to, status) in [
        ("suspend", "suspended"),
        ("publish", "published"),
        ("retire", "retired"),
    ] {
        assert_eq!(become_(&hr, to).await.expect(200)["status"], status);
    }
    assert_eq!(window.get(&path).await.problem(404), "resource_not_found");
}

#[tokio::test]
async fn only_its_provider_changes_a_resource_and_what_is_not_named_stays() {
    let county = County::start().await;
    let patch = |client: Client, body: Value| async move {
        send(with_json(
            client.request(Method::PATCH, &format!("/v1/resources/{SOCIAL_INSURANCE}")),
            &body,
        ))
        .await
    };
    let hr = county.client("hr");
    let before = hr.get(&format!("/v1/resources/{SOCIAL_INSURANCE}")).await.expect(200);
    let after = patch(hr.clone(), json!({"name_en": "Insurance"})).await.expect(200);
    assert_eq!(
        (&after["name_en"], &after["items"]),
        (&json!("Insurance"), &before["items"])
    );
    assert_eq!(
        patch(hr.clone(), json!({"status": "retired"})).await.problem(422),
        "body_invalid"
    );
    assert_eq!(patch(hr, json!({"items": []})).await.problem(422), "resource_invalid");
    let gjj = county.client("housing-fund");
    assert_eq!(
        patch(gjj, json!({"name_en": "Mine"})).await.problem(403),
        "not_the_provider"
    );
    let window = county.client("window");
    assert_eq!(
        patch(window, json!({"name_en": "Mine"})).await.problem(403),
        "permission_missing"
    );
    // The source was kept: the table still answers.
    let window = county.client("window");
    let token = window.purpose(SOCIAL_INSURANCE_ITEM, &worker()).await;
    window.query(&token, SOCIAL_INSURANCE, &worker(), &[]).await.expect(200);
}

#[tokio::test]
async fn the_catalogue_is_searched_and_paged() {
    let county = County::start().await;
    let window = county.client("window");
    let codes = |page: Value| -> Vec<String> {
        let resources = page["resources"].as_array().unwrap();
        resources
            .iter()
            .map(|r| r["code"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = codes(window.get("/v1/resources").await.expect(200));
    assert_eq!(all.len(), 5);
    assert_eq!(
        codes(window.get("/v1/resources?q=housing").await.expect(200)),
        [HOUSING_FUND]
    );
    assert_eq!(
        codes(window.get("/v1/resources?provider=shache-hr").await.expect(200)),
        [SOCIAL_INSURANCE]
    );
    assert_eq!(
        codes(window.get("/v1/resources?sharing=unconditional").await.expect(200)),
        [BUSINESS]
    );
    let first = window.get("/v1/resources?limit=2").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    let rest = window.get(&format!("/v1/resources?cursor={cursor}")).await.expect(200);
    assert_eq!([codes(first), codes(rest)].concat(), all);
}

#[tokio::test]
async fn a_dataset_with_anything_wrong_changes_nothing_and_the_answer_names_the_place_not_the_value() {
    let county = County::start().await;
    let hr = county.client("hr");
    create(&hr, "key-00000001", &description()).await.expect(201);
    let number = person(1).number;
    for (csv, place) in [
        (format!("subject_id,status\n{number},登记\n"), "`months`"),
        (
            format!("subject_id,status,months,secret\n{number},登记,1,x\n"),
            "`secret`",
        ),
        (
            format!("subject_id,status,status,months\n{number},登记,登记,1\n"),
            "`status`",
        ),
        (format!("subject_id,status,months\n{number},登记,three\n"), "line 2"),
        (
            "subject_id,status,months\n653199199003070010,登记,3\n".to_owned(),
            "line 2",
        ),
        (format!("subject_id,status,months\n{number},登记\n"), "line 2"),
    ] {
        let answer = upload(&hr, CODE, &csv).await;
        assert_eq!(answer.problem(422), "dataset_invalid", "{csv}");
        assert!(answer.text().contains(place), "{}", answer.text());
        assert!(
            !answer.text().contains("6531991990") && !answer.text().contains("three"),
            "{}",
            answer.text()
        );
    }
    assert_eq!(become_(&hr, "publish").await.problem(409), "resource_without_data");
    assert_eq!(
        upload(&hr, SOCIAL_INSURANCE, "x").await.problem(409),
        "resource_has_other_source"
    );
}

#[tokio::test]
async fn rows_at_rest_hold_nothing_of_a_person_in_clear() {
    let county = County::start().await;
    let hr = county.client("hr");
    create(&hr, "key-00000001", &description()).await.expect(201);
    let csv = format!("subject_id,status,months\n{},甚为特别的状态,3\n", person(1).number);
    upload(&hr, CODE, &csv).await.expect(200);
    for entry in std::fs::read_dir(&county.config.node.data).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in [person(1).number.as_str(), "甚为特别的状态"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
}
