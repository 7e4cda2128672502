//! The listeners: who gets in, until when, and what becomes of connections and requests that are under way.

use std::{fs, time::Duration};

use rustls::version::{TLS12, TLS13};

use crate::support::{
    Authority, Behaviour, Connection, County, Credential, HOUSING_FUND, HOUSING_FUND_ITEM, housing_fund_records, worker,
};

/// A route that any system may call.
const CATALOGUE: &str = "/v1/resources";

/// Opens a connection to the exchange listener and asks something: in TLS 1.3 a client learns only then whether its
/// certificate was accepted.
async fn ask(county: &County, config: rustls::ClientConfig) -> std::io::Result<(u16, String)> {
    let mut connection = Connection::open(county.node.addresses.exchange, config).await?;
    connection.get(CATALOGUE).await
}

fn config(county: &County, credential: Option<&Credential>) -> rustls::ClientConfig {
    county.site.authority.client_config(credential)
}

/// Asks again until the answer is as wanted: what a node looks at now and then takes effect within seconds.
macro_rules! until {
    ($condition:expr) => {
        for _ in 0..200 {
            if $condition {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!($condition);
    };
}

#[tokio::test]
async fn only_a_client_certificate_of_a_trusted_authority_gets_past_the_handshake() {
    let county = County::start().await;
    let stranger = Authority::new("另一个根").client("window");
    assert!(ask(&county, config(&county, None)).await.is_err());
    assert!(ask(&county, config(&county, Some(&stranger))).await.is_err());

    let window = county.site.credential("window");
    assert_eq!(ask(&county, config(&county, Some(window))).await.unwrap().0, 200);
}

#[tokio::test]
async fn a_certificate_that_is_bound_to_no_system_is_told_so() {
    let county = County::start().await;
    let unbound = county.site.authority.client("window");
    let answer = county.client_with(Some(&unbound)).get(CATALOGUE).await;
    assert_eq!(answer.problem(403), "credential_unknown");
}

#[tokio::test]
async fn tls_1_2_is_spoken_only_where_the_configuration_says_so() {
    let strict = County::start().await;
    let lenient = County::start_with(|config| config.exchange.tls_1_2 = true).await;
    for (county, version, speaks) in [
        (&strict, &TLS13, true),
        (&strict, &TLS12, false),
        (&lenient, &TLS13, true),
        (&lenient, &TLS12, true),
    ] {
        let window = county.site.credential("window");
        let config = county.site.authority.client_config_of(version, Some(window));
        assert_eq!(ask(county, config).await.is_ok(), speaks, "{:?}", version.version);
    }
}

#[tokio::test]
async fn a_revoked_credential_counts_no_more_on_the_connection_that_is_open() {
    let county = County::start().await;
    let window = county.site.credential("window");
    let mut connection = Connection::open(county.node.addresses.exchange, config(&county, Some(window)))
        .await
        .unwrap();
    assert_eq!(connection.get(CATALOGUE).await.unwrap().0, 200);

    county.services().directory.revoke(&window.thumbprint()).await.unwrap();

    let (status, body) = connection.get(CATALOGUE).await.unwrap();
    assert_eq!(status, 403, "{body}");
    assert!(body.contains("credential_revoked"), "{body}");
}

#[tokio::test]
async fn an_expired_credential_counts_no_more_on_the_connection_that_is_open() {
    let county = County::start().await;
    let window = county.site.credential("window");
    let mut connection = Connection::open(county.node.addresses.exchange, config(&county, Some(window)))
        .await
        .unwrap();
    assert_eq!(connection.get(CATALOGUE).await.unwrap().0, 200);

    county.node.clock.advance(Duration::from_hours(25));

    let (status, body) = connection.get(CATALOGUE).await.unwrap();
    assert_eq!(status, 403, "{body}");
    assert!(body.contains("credential_expired"), "{body}");
}

#[tokio::test]
async fn a_new_server_certificate_is_shown_without_a_restart_and_old_connections_go_on() {
    let county = County::start().await;
    let window = county.site.credential("window");
    let open = || Connection::open(county.node.addresses.exchange, config(&county, Some(window)));
    let mut old = open().await.unwrap();
    assert_eq!(old.get(CATALOGUE).await.unwrap().0, 200);

    let renewed = county.site.authority.server();
    renewed.save(county.site.folder.path(), "server");
    until!(open().await.unwrap().server_certificate() == renewed.chain[0]);

    assert_ne!(old.server_certificate(), renewed.chain[0]);
    assert_eq!(old.get(CATALOGUE).await.unwrap().0, 200);
}

#[tokio::test]
async fn a_new_root_for_clients_counts_without_a_restart() {
    let county = County::start().await;
    let other = Authority::new("另一个根");
    let newcomer = other.client("notary");
    county.site.bind(county.services(), "notary", &newcomer).await;
    assert!(ask(&county, config(&county, Some(&newcomer))).await.is_err());

    let both = format!("{}{}", county.site.authority.root_pem(), other.root_pem());
    county.site.folder.write("root.pem", both);

    until!(
        ask(&county, config(&county, Some(&newcomer)))
            .await
            .is_ok_and(|(status, _)| status == 200)
    );
}

#[tokio::test]
async fn a_broken_certificate_file_leaves_the_old_one_in_force() {
    let county = County::start().await;
    let server = county.site.folder.path().join("server.pem");
    let before = fs::read(&server).unwrap();
    county
        .site
        .folder
        .write("server.pem", "-----BEGIN CERTIFICATE-----\nbroken\n");
    // Longer than the node waits between two looks at its files.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let window = county.site.credential("window");
    assert_eq!(ask(&county, config(&county, Some(window))).await.unwrap().0, 200);
    fs::write(&server, before).unwrap();
}

#[tokio::test]
async fn a_stop_finishes_the_query_that_was_begun_and_lets_no_other_in() {
    let mut county = County::start().await;
    let window = county.client("window");
    let token = window.purpose(HOUSING_FUND_ITEM, &worker()).await;
    let late = Behaviour::Late(Duration::from_millis(500), Box::new(housing_fund_records()));
    county.provider.behave(late);

    let query = tokio::spawn({
        let (window, token) = (window.clone(), token.clone());
        async move { window.query(&token, HOUSING_FUND, &worker(), &["month"]).await }
    });
    until!(county.provider.calls() > 0);
    county.node.begin_stop();

    let answer = query.await.unwrap().expect(200);
    assert_eq!(answer["records"][0]["month"], "2025-11", "{answer}");
    let credential = county.site.credential("window").clone();
    until!(ask(&county, config(&county, Some(&credential))).await.is_err());
}

#[tokio::test]
async fn who_does_not_finish_the_handshake_or_the_header_is_cut_off() {
    let county = County::start_with(|config| {
        config.limits.handshake_ms = 200;
        config.limits.header_ms = 200;
    })
    .await;
    let mut silent = tokio::net::TcpStream::connect(county.node.addresses.exchange)
        .await
        .unwrap();
    let mut nothing = [0; 1];
    let read = tokio::io::AsyncReadExt::read(&mut silent, &mut nothing);
    let ended = tokio::time::timeout(Duration::from_secs(30), read)
        .await
        .expect("the node closes");
    assert!(matches!(ended, Ok(0) | Err(_)));

    let window = county.site.credential("window");
    let mut slow = Connection::open(county.node.addresses.exchange, config(&county, Some(window)))
        .await
        .unwrap();
    slow.write(b"GET /v1/resources HTTP/1.1\r\nhost: local").await.unwrap();
    let sent = slow.read_to_close().await;
    assert!(
        sent.is_empty() || sent.starts_with(b"HTTP/1.1 408"),
        "{}",
        String::from_utf8_lossy(&sent)
    );
}

#[tokio::test]
async fn a_body_that_trickles_in_is_cut_off() {
    let county = County::start_with(|config| config.limits.body_ms = 300).await;
    let window = county.site.credential("window");
    let mut slow = Connection::open(county.node.addresses.exchange, config(&county, Some(window)))
        .await
        .unwrap();
    let head = "POST /v1/cases HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                idempotency-key: trickle-1\r\ncontent-length: 100\r\n\r\n{";
    slow.write(head.as_bytes()).await.unwrap();
    let (status, body) = slow.read_answer().await.unwrap();
    assert_eq!(status, 408, "{body}");
    assert!(body.contains("body_too_slow"), "{body}");
}

#[tokio::test]
async fn health_readiness_and_metrics_are_on_the_monitoring_port_only() {
    let county = County::start().await;
    let (monitoring, window) = (county.monitoring(), county.client("window"));
    for path in ["/healthz", "/readyz", "/metrics"] {
        let answer = monitoring.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.is_empty(), "{path}");
        assert_eq!(window.get(path).await.status, 404, "{path}");
        assert_eq!(county.portal().get(path).await.status, 404, "{path}");
    }
}
