//! `kill -9` in the middle of load: every answer that was released has its entry.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{
    HOUSING_FUND, HOUSING_FUND_ITEM, Node, NodeProcess, Provider, Site, housing_fund_records, person,
};

/// Callers that query without a pause.
const CALLERS: u16 = 16;
/// How many answers are out before the node is killed.
const ANSWERS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_in_the_middle_of_load_every_released_answer_has_its_entry() {
    let site = Site::new();
    let provider = Provider::start(&site.authority, &site.authority.server(), housing_fund_records()).await;
    let seeding = Node::start(&site.config());
    site.declare(&seeding.services, provider.address).await;
    seeding.stop();

    // Killed twice: the second time over what the first left behind.
    let mut released = BTreeMap::new();
    for _ in 0..2 {
        released.extend(load_and_kill(&site).await);
    }
    assert!(released.len() >= 2 * ANSWERS);

    let node = NodeProcess::start(&site.config_file());
    let auditor = site.client(node.addresses.exchange, Some(site.credential("auditor")));
    let entries: BTreeMap<String, serde_json::Value> = auditor
        .audit_entries()
        .await
        .into_iter()
        .map(|entry| (entry["request"].as_str().unwrap().to_owned(), entry))
        .collect();
    for (request, case) in &released {
        let entry = entries
            .get(request)
            .unwrap_or_else(|| panic!("no entry for the answer {request}"));
        assert_eq!(entry["action"], "query", "{entry}");
        assert_eq!(entry["outcome"], "permitted", "{entry}");
        assert_eq!(entry["case"], case.as_str(), "{entry}");
    }
}

/// Queries from many connections, kills the node among them, and gives the requests that were answered, with their
/// cases.
async fn load_and_kill(site: &Site) -> Vec<(String, String)> {
    let node = NodeProcess::start(&site.config_file());
    let released = Arc::new(Mutex::new(Vec::new()));
    let mut callers = Vec::new();
    for n in 0..CALLERS {
        let window = site.client(node.addresses.exchange, Some(site.credential("window")));
        let (applicant, released) = (person(n), released.clone());
        let case = window.open_case(HOUSING_FUND_ITEM, &applicant).await;
        let token = window.token(&case).await;
        callers.push(tokio::spawn(async move {
            let body = serde_json::json!({"subject": applicant.subject(), "fields": ["month"]});
            let path = format!("/v1/resources/{HOUSING_FUND}/query");
            // Until the node is gone. An answer counts when any of it came out: its head carries the request's id.
            while let Ok(response) = window.post_raw(&token, &path, &body).await {
                assert_eq!(response.status(), 200);
                let request = response.headers()["x-request-id"].to_str().unwrap().to_owned();
                released.lock().unwrap().push((request, case.clone()));
                let _ = response.bytes().await;
            }
        }));
    }
    while released.lock().unwrap().len() < ANSWERS {
        assert!(
            callers.iter().all(|caller| !caller.is_finished()),
            "a caller got no answer"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    node.kill();
    for caller in callers {
        caller.await.unwrap();
    }
    Arc::try_unwrap(released).unwrap().into_inner().unwrap()
}
