//! The house rules, each as a caller sees it: recorded before released, no query without a purpose, only what was
//! granted, no identifier in clear, fail closed.

use std::{fs, path::Path, process::Stdio, time::Duration};

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use yinxin::{audit::LogStore, ids::GrantId};

use crate::support::{
    Answer, Behaviour, Client, County, HOUSING_FUND, HOUSING_FUND_ITEM, MARRIAGE, Node, NodeProcess, OPERATOR,
    Provider, SOCIAL_INSURANCE, Site, housing_fund_records, person, send, with_json, worker,
};

/// A field of the housing fund that the window is granted, and one that it is not.
const GRANTED: &str = "month";
const NOT_GRANTED: &str = "account_number";
const GRANT: &str = "window-housing-fund";

async fn purpose(county: &County) -> (Client, String) {
    let window = county.client("window");
    let token = window.purpose(HOUSING_FUND_ITEM, &worker()).await;
    (window, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entry_is_in_the_store_before_the_provider_is_asked() {
    let county = County::start().await;
    let (window, token) = purpose(&county).await;
    county.provider.behave(Behaviour::Late(
        Duration::from_millis(700),
        Box::new(housing_fund_records()),
    ));
    let query = tokio::spawn(async move { window.query(&token, HOUSING_FUND, &worker(), &[GRANTED]).await });
    while county.provider.calls() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!query.is_finished());
    // Read as a process would that comes after a crash at this moment.
    let entries = county.services().db.entries(1, 1_000).await.unwrap();
    let (sequence, entry) = entries.last().unwrap();
    let entry: Value = serde_json::from_slice(entry).unwrap();
    assert_eq!(entry["action"], "query", "{entry}");
    assert_eq!(query.await.unwrap().expect(200)["entry"], *sequence);
}

/// What a refused query must be: told with this code, recorded with it, and unknown to the provider.
async fn assert_refused(county: &County, answer: &Answer, status: u16, code: &str, calls: usize) {
    assert_eq!(answer.problem(status), code);
    assert_eq!(
        county.provider.calls(),
        calls,
        "the provider was asked although: {code}"
    );
    let request = answer.header("x-request-id");
    let entries = county.client("auditor").audit_entries().await;
    let entry = entries.iter().find(|entry| entry["request"] == request);
    let entry = entry.unwrap_or_else(|| panic!("no entry of the refusal {code}"));
    assert_eq!(
        (&entry["outcome"], &entry["code"]),
        (&json!("refused"), &json!(code)),
        "{entry}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_whose_purpose_does_not_hold_is_refused_with_its_reason() {
    let county = County::start().await;
    let (window, token) = purpose(&county).await;
    let applicant = worker();
    window
        .query(&token, HOUSING_FUND, &applicant, &[GRANTED])
        .await
        .expect(200);

    for (resource, subject, fields, status, code) in [
        (HOUSING_FUND, person(1), GRANTED, 403, "subject_not_applicant"),
        (SOCIAL_INSURANCE, worker(), "month", 403, "item_does_not_need_resource"),
        (HOUSING_FUND, worker(), NOT_GRANTED, 403, "field_not_granted"),
        (HOUSING_FUND, worker(), "surprise", 422, "field_unknown"),
        ("653125-nobody-nothing", worker(), "month", 404, "resource_not_found"),
    ] {
        let answer = window.query(&token, resource, &subject, &[fields]).await;
        assert_refused(&county, &answer, status, code, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_case_discloses_nothing_more_with_a_token_that_still_counts() {
    let county = County::start().await;
    let window = county.client("window");
    let case = window.open_case(HOUSING_FUND_ITEM, &worker()).await;
    let token = window.token(&case).await;
    window
        .query(&token, HOUSING_FUND, &worker(), &[GRANTED])
        .await
        .expect(200);

    let closed = json!({"kind": "closed", "operator": OPERATOR});
    window
        .post(&format!("/v1/cases/{case}/events"), &closed)
        .await
        .expect(200);

    let answer = window.query(&token, HOUSING_FUND, &worker(), &[GRANTED]).await;
    assert_refused(&county, &answer, 403, "case_closed", 1).await;
    assert_eq!(
        window
            .issue(&token, "gongjijin-jiaocun", &case, &worker())
            .await
            .problem(403),
        "case_closed"
    );
    assert_eq!(window.ask_token(&case).await.problem(403), "case_closed");
    assert_eq!(county.provider.calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_withdrawn_or_expired_counts_no_more_from_that_moment() {
    let county = County::start().await;
    let (window, token) = purpose(&county).await;
    window
        .query(&token, HOUSING_FUND, &worker(), &[GRANTED])
        .await
        .expect(200);

    let withdraw = county
        .client("housing-fund")
        .request(Method::DELETE, &format!("/v1/grants/{GRANT}"));
    send(withdraw).await.expect(200);
    let answer = window.query(&token, HOUSING_FUND, &worker(), &[GRANTED]).await;
    assert_refused(&county, &answer, 403, "grant_withdrawn", 1).await;

    let catalogue = &county.services().catalogue;
    let mut grant = (*catalogue.snapshot().grants[&GrantId::parse(GRANT).unwrap()]).clone();
    grant.withdrawn_at = None;
    grant.valid_until = Timestamp::now() + SignedDuration::from_mins(5);
    catalogue.put_grant(&grant).await.unwrap();
    window
        .query(&token, HOUSING_FUND, &worker(), &[GRANTED])
        .await
        .expect(200);
    county.node.clock.advance(Duration::from_mins(6));
    let answer = window.query(&token, HOUSING_FUND, &worker(), &[GRANTED]).await;
    assert_refused(&county, &answer, 403, "grant_expired", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_for_fifteen_minutes_and_a_suspended_resource_not_at_all() {
    let county = County::start().await;
    let (window, token) = purpose(&county).await;
    county.node.clock.advance(Duration::from_mins(14));
    window
        .query(&token, HOUSING_FUND, &worker(), &[GRANTED])
        .await
        .expect(200);
    county.node.clock.advance(Duration::from_secs(61));
    let answer = window.query(&token, HOUSING_FUND, &worker(), &[GRANTED]).await;
    assert_eq!(answer.problem(401), "token_expired");

    let token = window.purpose(HOUSING_FUND_ITEM, &worker()).await;
    let suspend = format!("/v1/resources/{HOUSING_FUND}/suspend");
    county
        .client("housing-fund")
        .post(&suspend, &json!({}))
        .await
        .expect(200);
    let answer = window.query(&token, HOUSING_FUND, &worker(), &[GRANTED]).await;
    assert_refused(&county, &answer, 403, "resource_not_published", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_granted_never_leaves_whatever_the_provider_sends() {
    let county = County::start().await;
    let (window, token) = purpose(&county).await;
    let answer = window.query(&token, HOUSING_FUND, &worker(), &[]).await.expect(200);
    let record = answer["records"][0].as_object().unwrap();
    let granted = ["id_number", "name", "employer", "status", "month", "balance"];
    assert_eq!(record.len(), granted.len(), "{record:?}");
    assert!(granted.iter().all(|field| record.contains_key(*field)), "{record:?}");
    let text = answer.to_string();
    for secret in ["leak", "0000653199000001", "5280.00", &worker().number, &worker().name] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    // The provider is told no more than it needs, either.
    let asked = county.provider.last_call().unwrap();
    let fields: Vec<&str> = asked["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f.as_str().unwrap())
        .collect();
    assert!(fields.iter().all(|field| granted.contains(field)), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_misbehaves_gets_nothing_through() {
    let leak = json!([{"month": {"leak": 1}}]);
    for (behaviour, status, code) in [
        (Behaviour::Status(500), 502, "provider_failed"),
        (Behaviour::Status(302), 502, "provider_failed"),
        (Behaviour::Body(b"leak".to_vec()), 502, "provider_garbage"),
        (
            Behaviour::Body(b"{\"records\": \"leak\"}".to_vec()),
            502,
            "provider_garbage",
        ),
        (
            Behaviour::Body(b"{\"records\": [\xff\xfe]}".to_vec()),
            502,
            "provider_garbage",
        ),
        (Behaviour::Records(leak), 502, "provider_garbage"),
        (Behaviour::Flood(64 << 20), 502, "provider_too_much"),
        (Behaviour::CutOff, 502, "provider_failed"),
        (Behaviour::Silence, 504, "provider_timeout"),
    ] {
        let county = County::start().await;
        let (window, token) = purpose(&county).await;
        county.provider.behave(behaviour.clone());
        let answer = window.query(&token, HOUSING_FUND, &worker(), &[GRANTED]).await;
        assert_eq!(answer.problem(status), code, "{behaviour:?}");
        assert!(!answer.text().contains("leak"), "{}", answer.text());
        let request = answer.header("x-request-id");
        let entries = county.client("auditor").audit_entries().await;
        let left: Vec<_> = entries.iter().filter(|entry| entry["request"] == request).collect();
        let outcomes: Vec<_> = left.iter().map(|entry| entry["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, ["permitted", "failed"], "{behaviour:?} {left:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_asks_too_often_is_told_when_to_come_back() {
    let county = County::start().await;
    let (window, token) = purpose(&county).await;
    let directory = &county.services().directory;
    let mut system = (**directory.systems().iter().find(|s| s.id.as_str() == "window").unwrap()).clone();
    system.requests_per_second = 2;
    county.services().directory.put_system(&system).await.unwrap();
    for _ in 0..50 {
        let answer = window.query(&token, HOUSING_FUND, &worker(), &[GRANTED]).await;
        if answer.status == 429 {
            assert_eq!(answer.problem(429), "rate_limited");
            assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
            return;
        }
    }
    panic!("50 queries in a row were answered, of a system that may send 2 a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_over_its_rate_cannot_fill_the_log_with_refusals() {
    let county = County::start().await;
    let directory = &county.services().directory;
    let mut system = (**directory.systems().iter().find(|s| s.id.as_str() == "hr").unwrap()).clone();
    system.requests_per_second = 1;
    directory.put_system(&system).await.unwrap();
    let hr = county.client("hr");
    for refused in 0..50 {
        let answer = hr.get("/v1/audit/entries").await;
        if answer.status == 429 {
            assert_eq!(answer.problem(429), "rate_limited");
            let entries = county.client("auditor").audit_entries().await;
            let recorded = entries.iter().filter(|entry| entry["system"] == "hr").count();
            assert_eq!(recorded, refused);
            return;
        }
        assert_eq!(answer.problem(403), "permission_missing");
    }
    panic!("50 requests in a row were looked at, of a system that may send 1 a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_and_no_name_stands_in_clear_in_the_log_the_metrics_the_audit_or_the_store() {
    let site = Site::new();
    let provider = Provider::start(&site.authority, &site.authority.server(), housing_fund_records()).await;
    let seeding = Node::start(&site.config());
    site.declare(&seeding.services, provider.address).await;
    seeding.stop();
    let config = fs::read_to_string(site.config_file())
        .unwrap()
        .replace("level = \"warn\"", "level = \"trace\"");
    let config = site.folder.write("loud.toml", config);
    let log = site.folder.path().join("node.log");
    let node = NodeProcess::start_with_log(&config, Stdio::from(fs::File::create(&log).unwrap()));

    let applicant = worker();
    let client = |system: &str| site.client(node.addresses.exchange, Some(site.credential(system)));
    let window = client("window");
    let token = window.purpose(HOUSING_FUND_ITEM, &applicant).await;
    window.query(&token, HOUSING_FUND, &applicant, &[]).await.expect(200);
    window.query(&token, HOUSING_FUND, &person(2), &[]).await.problem(403);
    let claims = json!({"subject": applicant.subject(), "claims": {"name": applicant.name}});
    window
        .post_with(&token, &format!("/v1/resources/{HOUSING_FUND}/verify"), &claims)
        .await
        .expect(200);
    let malformed = format!(
        "{{\"subject\": {}, \"surprise\": \"{}\"}}",
        applicant.subject(),
        applicant.number
    );
    let request = window
        .request(Method::POST, &format!("/v1/resources/{HOUSING_FUND}/query"))
        .bearer_auth(&token);
    send(request.header("content-type", "application/json").body(malformed))
        .await
        .problem(422);
    let note = json!({"kind": "noted", "operator": OPERATOR, "note": format!("申请人 {}", applicant.number)});
    let case = window.open_case(HOUSING_FUND_ITEM, &applicant).await;
    assert_eq!(
        window
            .post(&format!("/v1/cases/{case}/events"), &note)
            .await
            .problem(422),
        "note_invalid"
    );
    let number_as_operator =
        json!({"item": HOUSING_FUND_ITEM, "operator": applicant.number, "applicant": applicant.subject()});
    let request = with_json(window.request(Method::POST, "/v1/cases"), &number_as_operator);
    send(request.header("Idempotency-Key", "number-as-operator"))
        .await
        .problem(422);
    let rows = include_str!("../../config/demo/data/marriage.csv");
    let request = client("marriage").request(Method::PUT, &format!("/v1/resources/{MARRIAGE}/dataset"));
    send(request.header("content-type", "text/csv").body(rows))
        .await
        .expect(200);

    let audited = client("auditor").audit_entries().await;
    let monitoring =
        crate::support::Client::new(&format!("http://{}", node.addresses.monitoring), &site.authority, None);
    let metrics = monitoring.get("/metrics").await.text();
    drop(node);

    assert!(metrics.contains("yinxin_requests_total"), "{metrics}");
    let logged = fs::read(&log).unwrap();
    assert!(logged.len() > 1_000);
    let mut places = vec![
        ("the audit entries".to_owned(), serde_json::to_vec(&audited).unwrap()),
        ("the metrics".to_owned(), metrics.into_bytes()),
        ("the log".to_owned(), logged),
    ];
    places.extend(files(&site.config().node.data));
    for (place, content) in places {
        for secret in [&applicant.number, &applicant.name, &person(2).number] {
            let found = content.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} stands in {place}");
        }
    }
}

/// Every file below a folder, with what is in it.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    assert!(!found.is_empty());
    found
}

#[tokio::test]
async fn a_node_whose_policies_cannot_be_read_does_not_start() {
    let site = Site::new();
    site.folder.write("policy/schema.cedarschema", "entity Broken = {");
    site.folder.write("policy/guardrails.cedar", "forbid(");
    let mut config = site.config();
    config.policy.folder = Some(site.folder.path().join("policy"));
    let started = std::thread::spawn(move || {
        let clock = std::sync::Arc::new(yinxin::clock::SystemClock);
        actix_web::rt::System::new().block_on(async move {
            yinxin::server::start(&config, clock)
                .await
                .map(|_| ())
                .map_err(|e| e.to_string())
        })
    });
    let error = started.join().unwrap().unwrap_err();
    assert!(error.contains("policies"), "{error}");
}
