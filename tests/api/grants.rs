use crate::support::*;

async fn withdraw(client: &Client, id: &str) -> Answer {
    send(client.request(reqwest::Method::DELETE, &format!("/v1/grants/{id}"))).await
}

#[tokio::test]
async fn a_department_sees_the_grants_that_it_holds_or_has_given() {
    let county = County::start().await;
    let ids = |page: serde_json::Value| -> Vec<String> {
        let grants = page["grants"].as_array().unwrap();
        grants
            .iter()
            .map(|grant| grant["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let given = ids(county.client("housing-fund").get("/v1/grants").await.expect(200));
    assert_eq!(given, ["window-housing-fund"]);
    let window = county.client("window");
    let held = ids(window.get("/v1/grants").await.expect(200));
    assert!(
        held.len() > 2 && held.iter().all(|id| id.starts_with("window-")),
        "{held:?}"
    );
    let first = window.get("/v1/grants?limit=1").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    let rest = window.get(&format!("/v1/grants?cursor={cursor}")).await.expect(200);
    assert_eq!([ids(first), ids(rest)].concat(), held);
    assert_eq!(window.get("/v1/grants?limit=0").await.problem(400), "query_invalid");
}

#[tokio::test]
async fn only_the_provider_withdraws_and_twice_is_as_good_as_once() {
    let county = County::start().await;
    assert_eq!(
        withdraw(&county.client("window"), "window-housing-fund")
            .await
            .problem(403),
        "permission_missing"
    );
    assert_eq!(
        withdraw(&county.client("hr"), "window-housing-fund").await.problem(404),
        "grant_not_found"
    );
    let gjj = county.client("housing-fund");
    let first = withdraw(&gjj, "window-housing-fund").await.expect(200);
    assert!(first["withdrawn_at"].is_string());
    assert_eq!(withdraw(&gjj, "window-housing-fund").await.expect(200), first);
    let entries = county.client("auditor").audit_entries().await;
    let outcomes: Vec<_> = entries
        .iter()
        .filter(|entry| entry["action"] == "withdraw_grant")
        .map(|entry| entry["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        outcomes,
        ["permission_missing", "grant_not_found", "permitted", "permitted"]
    );
}
