use serde_json::json;

use crate::support::*;

async fn open(client: &Client, key: &str, item: &str, applicant: &Person) -> Answer {
    let body = json!({"item": item, "operator": OPERATOR, "applicant": applicant.subject()});
    send(with_json(client.request(reqwest::Method::POST, "/v1/cases"), &body).header("Idempotency-Key", key)).await
}

#[tokio::test]
async fn a_case_is_opened_once_however_often_it_is_asked_for_under_one_key() {
    let county = County::start().await;
    let window = county.client("window");
    let first = open(&window, "key-00000001", HOUSING_FUND_ITEM, &person(1)).await;
    let again = open(&window, "key-00000001", HOUSING_FUND_ITEM, &person(1)).await;
    assert_eq!(first.expect(201), again.expect(201));
    let other = open(&window, "key-00000001", HOUSING_FUND_ITEM, &person(2)).await;
    assert_eq!(other.problem(422), "idempotency_key_reused");
    let of_another_system = open(&county.client("notary"), "key-00000001", HOUSING_FUND_ITEM, &person(1)).await;
    assert_ne!(of_another_system.expect(201)["id"], first.json()["id"]);
    let entries = county.client("auditor").audit_entries().await;
    assert_eq!(entries.iter().filter(|entry| entry["action"] == "open_case").count(), 2);
    // Whoever searches for a case finds who opened it.
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let found = county
        .client("auditor")
        .get(&format!("/v1/audit/entries?case={id}"))
        .await;
    let found = found.expect(200)["entries"].as_array().unwrap().clone();
    let actions: Vec<_> = found.iter().map(|entry| (&entry["action"], &entry["system"])).collect();
    let (reading, opening) = (json!("read_audit"), json!("open_case"));
    assert_eq!(actions, [(&reading, &json!("auditor")), (&opening, &json!("window"))]);
}

#[tokio::test]
async fn the_applicant_is_nowhere_in_clear() {
    let county = County::start().await;
    let case = open(&county.client("window"), "key-00000001", HOUSING_FUND_ITEM, &person(1)).await;
    case.expect(201);
    let entries = json!(county.client("auditor").audit_entries().await).to_string();
    for text in [case.text(), entries] {
        assert!(
            !text.contains(&person(1).number) && !text.contains(&person(1).name),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_case_is_seen_by_its_department_only() {
    let county = County::start().await;
    let id = county.client("window").open_case(HOUSING_FUND_ITEM, &person(1)).await;
    let path = format!("/v1/cases/{id}");
    assert_eq!(county.client("window-2").get(&path).await.expect(200)["status"], "open");
    assert_eq!(county.client("notary").get(&path).await.problem(404), "case_not_found");
    let event = json!({"kind": "noted", "operator": OPERATOR});
    let events = format!("{path}/events");
    assert_eq!(
        county.client("notary").post(&events, &event).await.problem(404),
        "case_not_found"
    );
    assert_eq!(county.client("hr").get(&path).await.problem(403), "permission_missing");
}

#[tokio::test]
async fn a_closed_event_closes_and_nothing_is_added_after() {
    let county = County::start().await;
    let window = county.client("window");
    let id = window.open_case(HOUSING_FUND_ITEM, &person(1)).await;
    let events = format!("/v1/cases/{id}/events");
    let event = |kind: &str, note: &str| json!({"kind": kind, "operator": OPERATOR, "note": note});
    let person = format!("申请人 {}", person(1).number);
    assert_eq!(
        window.post(&events, &event("noted", &person)).await.problem(422),
        "note_invalid"
    );
    window.post(&events, &event("accepted", "材料齐全")).await.expect(200);
    let closed = window.post(&events, &event("closed", "")).await.expect(200);
    assert_eq!(
        (&closed["status"], closed["events"].as_array().unwrap().len()),
        (&json!("closed"), 2)
    );
    assert_eq!(
        window.post(&events, &event("noted", "")).await.problem(409),
        "case_closed"
    );
}

#[tokio::test]
async fn an_unknown_item_and_a_wrong_number_open_nothing() {
    let county = County::start().await;
    let window = county.client("window");
    assert_eq!(
        open(&window, "key-00000001", "no-such-item", &person(1))
            .await
            .problem(422),
        "item_not_found"
    );
    let mut wrong = person(1);
    let last = if wrong.number.ends_with('0') { "1" } else { "0" };
    wrong.number.replace_range(17.., last);
    let answer = open(&window, "key-00000002", HOUSING_FUND_ITEM, &wrong).await;
    assert_eq!(answer.problem(422), "check_character_wrong");
    assert!(!answer.text().contains(&wrong.number));
}
