//! Whatever is sent, the answer is a problem document (RFC 9457) with a stable code, in Chinese and English, with
//! nothing of what was sent in it; never a 500; and the node goes on.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Client, Connection, County, HOUSING_FUND, HOUSING_FUND_ITEM, OPERATOR, person, send, try_send, with_json,
    worker,
};

/// A number whose check character is wrong, of a division that is not assigned.
const WRONG_CHECK: &str = "653199199003070012";

/// Every `POST` of the document that takes JSON, with its path filled in.
async fn json_routes(client: &Client, case: &str) -> Vec<String> {
    let document = client.get("/openapi.json").await.expect(200);
    let routes: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, operations)| operations["post"]["tags"][0] == "exchange")
        .filter(|(_, operations)| {
            operations["post"]["requestBody"]["content"]
                .get("application/json")
                .is_some()
        })
        .map(|(path, _)| {
            path.replace("{code}", HOUSING_FUND).replace("{id}", case).replace(
                "{identifier}",
                "1.2.156.3005.2.11653199000000019D001.11653199000000019D.2026000001.001.0",
            )
        })
        .collect();
    assert!(routes.len() >= 5, "{routes:?}");
    routes
}

fn post(client: &Client, token: &str, path: &str) -> reqwest::RequestBuilder {
    let request = client.request(Method::POST, path).bearer_auth(token);
    request.header("Idempotency-Key", uuid::Uuid::new_v4().to_string())
}

/// Sends a body to a route as each system that could have sent it, and gives the codes of the answers.
async fn codes(county: &County, token: &str, path: &str, media_type: &str, body: &[u8]) -> Vec<String> {
    let mut codes = Vec::new();
    for system in ["window", "hr"] {
        let request = post(&county.client(system), token, path);
        let answer = send(request.header("content-type", media_type).body(body.to_vec())).await;
        assert!(answer.status.is_client_error(), "{path} {}", answer.text());
        codes.push(answer.problem(answer.status.as_u16()));
    }
    codes
}

#[tokio::test]
async fn a_body_that_is_not_of_the_agreed_form_gets_a_code_on_every_route() {
    let county = County::start().await;
    let window = county.client("window");
    let case = window.open_case(HOUSING_FUND_ITEM, &worker()).await;
    let token = window.token(&case).await;
    let deep = [b"[".repeat(5_000), b"]".repeat(5_000)].concat();
    let json_type = "application/json";
    let bad: [(&str, &str, &[u8], &str); 10] = [
        ("nothing", json_type, b"", "body_malformed"),
        ("half a document", json_type, b"{", "body_malformed"),
        ("two documents", json_type, b"{} {}", "body_"),
        ("no UTF-8", json_type, b"{\"\xff\xfe\": 1}", "body_malformed"),
        ("a list", json_type, b"[]", "body_invalid"),
        ("a number", json_type, b"17", "body_invalid"),
        ("nesting without end", json_type, &deep, "body_"),
        ("an unknown field", json_type, b"{\"surprise\": 1}", "body_invalid"),
        (
            "a form",
            "application/x-www-form-urlencoded",
            b"a=b",
            "media_type_unsupported",
        ),
        ("text", "text/plain", b"{}", "media_type_unsupported"),
    ];
    for path in json_routes(&window, &case).await {
        for (what, media_type, body, expected) in bad {
            let codes = codes(&county, &token, &path, media_type, body).await;
            assert!(
                codes.iter().any(|code| code.starts_with(expected)),
                "{path}, {what}: {codes:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_body_larger_than_the_limit_is_refused_on_every_route() {
    let county = County::start_with(|config| config.limits.json_body_bytes = 1_000).await;
    let window = county.client("window");
    let case = window.open_case(HOUSING_FUND_ITEM, &worker()).await;
    let token = window.token(&case).await;
    let large = format!("{{\"subject\": \"{}\"}}", "x".repeat(100_000));
    for path in json_routes(&window, &case).await {
        let codes = codes(&county, &token, &path, "application/json", large.as_bytes()).await;
        assert!(codes.iter().any(|code| code == "body_too_large"), "{path}: {codes:?}");
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_is_named_and_not_repeated() {
    let county = County::start().await;
    let window = county.client("window");
    let token = window.purpose(HOUSING_FUND_ITEM, &worker()).await;
    let path = format!("/v1/resources/{HOUSING_FUND}/query");
    let subject = |id_type: &str, id: &str, name: &str| json!({"id_type": id_type, "id": id, "name": name});
    let long = "示".repeat(101);
    let number = worker().number;
    let organisation = "91653199MA0000015A";
    let cases = [
        (
            subject("citizen_id", WRONG_CHECK, "甲"),
            "check_character_wrong",
            WRONG_CHECK,
        ),
        (
            subject("credit_code", organisation, "甲"),
            "check_character_wrong",
            organisation,
        ),
        (
            subject("citizen_id", "653199199002300015", "甲"),
            "identifier_invalid",
            "653199199002300015",
        ),
        (
            subject("citizen_id", "6531991990", "甲"),
            "identifier_invalid",
            "6531991990",
        ),
        (
            subject("passport", "E00000000", "甲"),
            "identifier_invalid",
            "E00000000",
        ),
        (subject("citizen_id", &number, ""), "identifier_invalid", &number),
        (subject("citizen_id", &number, &long), "identifier_invalid", &number),
        (
            subject("citizen_id", &number, "甲\u{0}乙"),
            "identifier_invalid",
            &number,
        ),
    ];
    for (subject, code, secret) in cases {
        let answer = window
            .post_with(&token, &path, &json!({"subject": subject, "fields": []}))
            .await;
        assert_eq!(answer.problem(422), code, "{subject}");
        assert!(!answer.text().contains(secret), "{}", answer.text());
    }
    for body in [
        json!({"subject": 7, "fields": []}),
        json!({"subject": worker().subject(), "fields": "name"}),
        json!({"subject": worker().subject(), "fields": [1]}),
        json!({"subject": worker().subject(), "fields": [""]}),
        json!({"subject": worker().subject(), "fields": ["x".repeat(65)]}),
        json!({"fields": []}),
    ] {
        let answer = window.post_with(&token, &path, &body).await;
        assert_eq!(answer.problem(422), "body_invalid", "{body}");
        assert!(!answer.text().contains(&number), "{}", answer.text());
    }
    assert_eq!(county.provider.calls(), 0);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_so_on_both_listeners() {
    let county = County::start().await;
    for client in [county.client("window"), county.portal()] {
        for path in ["/v1/nothing", "/v1/resources/a/b/c/d", "/v1//resources"] {
            let answer = client.get(path).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
            assert_eq!(answer.problem(404), "route_not_found");
        }
        let answer = send(client.request(Method::DELETE, "/openapi.json")).await;
        assert_eq!(answer.problem(405), "method_not_allowed");
        let brew = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(
            send(client.request(brew, "/openapi.json")).await.problem(405),
            "method_not_allowed"
        );
    }
}

#[tokio::test]
async fn strange_path_and_query_values_get_a_clear_answer() {
    let county = County::start().await;
    let (window, auditor) = (county.client("window"), county.client("auditor"));
    let long = "x".repeat(5_000);
    for part in [
        "%ff%fe",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "a%20b",
        "%E5%8D%B0",
        long.as_str(),
        "';--",
    ] {
        for path in [
            format!("/v1/resources/{part}"),
            format!("/v1/cases/{part}"),
            format!("/v1/certificates/{part}"),
        ] {
            refused(&window.get(&path).await, &path);
        }
        let path = format!("/v1/audit/entries?department={part}");
        refused(&auditor.get(&path).await, &path);
    }
    for query in [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=many",
        "from=yesterday",
        "cursor=x",
        "action=nothing",
        "subject=653199199003070015",
        "surprise=1",
    ] {
        refused(&auditor.get(&format!("/v1/audit/entries?{query}")).await, query);
    }
    let beyond = format!("/v1/audit/entries?cursor={}", u64::MAX);
    auditor.get(&beyond).await.expect(200);
}

fn refused(answer: &Answer, what: &str) {
    assert!(
        answer.status.is_client_error(),
        "{what}: {} {}",
        answer.status,
        answer.text()
    );
    answer.problem(answer.status.as_u16());
}

#[tokio::test]
async fn a_post_that_creates_wants_an_idempotency_key() {
    let county = County::start().await;
    let window = county.client("window");
    let body = json!({"item": HOUSING_FUND_ITEM, "operator": OPERATOR, "applicant": worker().subject()});
    assert_eq!(
        window.post("/v1/cases", &body).await.problem(400),
        "idempotency_key_missing"
    );
    for key in ["short", &"x".repeat(129), "with spaces in it"] {
        let request = with_json(window.request(Method::POST, "/v1/cases"), &body);
        let answer = send(request.header("Idempotency-Key", key)).await;
        assert_eq!(answer.problem(400), "idempotency_key_missing", "{key}");
    }
}

#[tokio::test]
async fn the_same_idempotency_key_opens_one_case_and_refuses_another_request() {
    let county = County::start().await;
    let window = county.client("window");
    let open = |applicant: Value| {
        let body = json!({"item": HOUSING_FUND_ITEM, "operator": OPERATOR, "applicant": applicant});
        let request = with_json(window.request(Method::POST, "/v1/cases"), &body);
        send(request.header("Idempotency-Key", "the-same-key"))
    };
    let first = open(worker().subject()).await.expect(201);
    let again = open(worker().subject()).await.expect(201);
    assert_eq!(first["id"], again["id"]);
    assert_eq!(open(person(1).subject()).await.problem(422), "idempotency_key_reused");
}

#[tokio::test]
async fn huge_headers_and_bodies_and_broken_http_are_cut_off_and_the_node_goes_on() {
    let county = County::start().await;
    let window = county.site.credential("window");
    let open = || {
        let config = county.site.authority.client_config(Some(window));
        Connection::open(county.node.addresses.exchange, config)
    };
    let header = format!(
        "GET /v1/resources HTTP/1.1\r\nhost: localhost\r\nx-large: {}\r\n\r\n",
        "x".repeat(1 << 20)
    );
    let many = format!(
        "GET /v1/resources HTTP/1.1\r\nhost: localhost\r\n{}\r\n",
        "x-many: 1\r\n".repeat(5_000)
    );
    for broken in [
        header.as_bytes(),
        many.as_bytes(),
        b"NO HTTP AT ALL\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/resources HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/cases HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x00\x00\xff\xff\xff",
    ] {
        let mut connection = open().await.unwrap();
        // The node may close while it is still being written to.
        let _ = connection.write(broken).await;
        let answer = connection.read_to_close().await;
        let head = String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned();
        assert!(answer.is_empty() || head.starts_with("HTTP/1.1 4"), "{head}");
    }
    let mut connection = open().await.unwrap();
    let announced = format!(
        "POST /v1/cases HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nidempotency-key: {}\r\n\
         content-length: 1073741824\r\n\r\n",
        "x".repeat(16)
    );
    connection.write(announced.as_bytes()).await.unwrap();
    for _ in 0..64 {
        if connection.write(&[b' '; 16_384]).await.is_err() {
            break;
        }
    }
    let (status, body) = connection.read_answer().await.unwrap();
    assert_eq!(status, 413, "{body}");
    assert_eq!(open().await.unwrap().get("/v1/resources").await.unwrap().0, 200);
}

#[tokio::test]
async fn a_bad_upload_to_the_verifier_is_refused_with_a_code() {
    let county = County::start().await;
    let portal = county.portal();
    let multipart = "multipart/form-data; boundary=b";
    let bad: [(&str, &[u8]); 7] = [
        ("multipart/form-data", b"--b\r\n\r\n"),
        (multipart, b""),
        (multipart, b"no boundary"),
        (
            multipart,
            b"--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhalf",
        ),
        (
            multipart,
            b"--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--\r\n",
        ),
        ("text/plain", b"x"),
        ("application/json", b"{\"code\": 7}"),
    ];
    for (media_type, body) in bad {
        let request = portal.request(Method::POST, "/v1/verifications");
        let answer = try_send(request.header("content-type", media_type).body(body))
            .await
            .unwrap();
        refused(&answer, &String::from_utf8_lossy(body));
    }
}
