//! What every route of the document leaves in the audit log: when it is called rightly, and when it is refused.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    routes::{Access, PERMISSIONS, Prepared, routes},
    support::send,
};

/// `action outcome code` of every entry, by request.
async fn entries_by_request(prepared: &Prepared) -> BTreeMap<String, Vec<String>> {
    let mut by_request = BTreeMap::<String, Vec<String>>::new();
    for entry in prepared.county.client("auditor").audit_entries().await {
        let text = |key: &str| {
            entry[key]
                .as_str()
                .unwrap_or_else(|| panic!("{key} in {entry}"))
                .to_owned()
        };
        let line = format!("{} {} {}", text("action"), text("outcome"), text("code"));
        by_request.entry(text("request")).or_default().push(line);
    }
    by_request
}

#[tokio::test(flavor = "multi_thread")]
async fn every_right_call_leaves_the_entries_of_its_row_and_no_other() {
    let prepared = Prepared::new().await;
    let mut called = Vec::new();
    for route in routes() {
        let answer = send(prepared.right_call(&route)).await;
        assert_eq!(answer.status.as_u16(), route.status, "{} {}", route.path, answer.text());
        let request = answer.header("x-request-id").to_owned();
        assert!(!request.is_empty(), "{} tells no request id", route.path);
        called.push((route, request));
    }
    let entries = entries_by_request(&prepared).await;
    for (route, request) in called {
        let expected: Vec<String> = route
            .leaves
            .iter()
            .map(|action| format!("{action} permitted permitted"))
            .collect();
        let left = entries.get(&request).cloned().unwrap_or_default();
        assert_eq!(left, expected, "{} {}", route.method, route.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_want_of_a_permission_is_recorded_wherever_the_act_would_be() {
    let prepared = Prepared::new().await;
    let mut called = Vec::new();
    for route in routes().into_iter().filter(|route| !route.leaves.is_empty()) {
        let wanted: &[&str] = match route.access {
            Access::Permission(any) => any,
            Access::Purpose("query") => &["query"],
            Access::Purpose(_) => &["issue"],
            Access::Public | Access::System => continue,
        };
        // Of the window's department, so that it can have a token for the case.
        let lacking = PERMISSIONS.iter().find(|(system, permissions)| {
            let of_the_department = system.starts_with("window");
            let is_free = !matches!(route.access, Access::Purpose(_));
            (of_the_department || is_free) && !permissions.iter().any(|permission| wanted.contains(permission))
        });
        let client = prepared.county.client(lacking.unwrap().0);
        let mut request = prepared.call(&route, &client);
        if matches!(route.access, Access::Purpose(_)) {
            request = request.bearer_auth(client.token(&prepared.case).await);
        }
        let answer = send(request).await;
        assert_eq!(answer.problem(403), "permission_missing", "{}", route.path);
        called.push((route, answer.header("x-request-id").to_owned()));
    }
    assert!(called.len() > 10);
    let entries = entries_by_request(&prepared).await;
    for (route, request) in called {
        let left = entries.get(&request).cloned().unwrap_or_default();
        let expected = format!("{} refused permission_missing", route.leaves[0]);
        assert_eq!(left, [expected], "{} {}", route.method, route.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_says_who_looked_at_whom_and_why_without_a_name_or_a_number() {
    let prepared = Prepared::new().await;
    let worker = crate::support::worker();
    let window = prepared.county.client("window");
    let fields = ["name", "id_number", "balance"];
    let answer = window
        .query(&prepared.token, crate::support::HOUSING_FUND, &worker, &fields)
        .await;
    let (request, answer) = (answer.header("x-request-id").to_owned(), answer.expect(200));

    let entries = prepared.county.client("auditor").audit_entries().await;
    let entry = entries
        .iter()
        .find(|entry| entry["request"] == request.as_str())
        .unwrap();
    for (key, value) in [
        ("department", "guangzhou-window"),
        ("system", "window"),
        ("operator", crate::support::OPERATOR),
        ("case", &prepared.case),
        ("item", crate::support::HOUSING_FUND_ITEM),
        ("resource", crate::support::HOUSING_FUND),
    ] {
        assert_eq!(entry[key], value, "{entry}");
    }
    assert_eq!(entry["sequence"], answer["entry"], "{entry}");
    assert_eq!(entry["grants"], serde_json::json!(["window-housing-fund"]), "{entry}");
    let masks = |fields: &Value| fields.as_object().unwrap().len();
    assert_eq!(
        entry["fields"], answer["fields"],
        "the masks that were recorded are those that were applied"
    );
    assert_eq!(masks(&entry["fields"]), 3, "{entry}");
    assert_ne!(entry["fields"]["id_number"], "none", "{entry}");
    assert_eq!(entry["subject"].as_str().unwrap().len(), 32, "{entry}");
    let all = serde_json::to_string(&entries).unwrap();
    assert!(!all.contains(&worker.number) && !all.contains(&worker.name));
}
