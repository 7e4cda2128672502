//! A log that cannot be written: nothing is fetched, nothing leaves, nothing is sealed; and it heals by itself.

use sqlx::{Connection, SqliteConnection};

use crate::support::{County, HOUSING_FUND, HOUSING_FUND_ITEM, worker};

/// Takes the write lock of the node's database and keeps it.
async fn lock(county: &County) -> SqliteConnection {
    let path = county.config.node.data.join("yinxin.db");
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display()))
        .await
        .unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_log_is_locked_queries_and_issuing_answer_503_and_nothing_leaves() {
    let county = County::start().await;
    let window = county.client("window");
    let case = window.open_case(HOUSING_FUND_ITEM, &worker()).await;
    let token = window.token(&case).await;
    assert_eq!(county.monitoring().get("/readyz").await.status, 200);

    let mut holder = lock(&county).await;
    let answer = window.query(&token, HOUSING_FUND, &worker(), &["month"]).await;
    assert_eq!(answer.problem(503), "audit_unavailable");
    assert!(!answer.header("retry-after").is_empty());
    let issued = window.issue(&token, "gongjijin-jiaocun", &case, &worker()).await;
    assert_eq!(issued.status, 503, "{}", issued.text());
    assert_eq!(
        county.provider.calls(),
        0,
        "the provider was asked before the entry was durable"
    );
    assert_eq!(county.monitoring().get("/readyz").await.status, 503);
    let audited = county.client("auditor").get("/v1/audit/entries").await;
    assert_eq!(audited.problem(503), "audit_unavailable");

    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    holder.close().await.unwrap();
    let answer = window
        .query(&token, HOUSING_FUND, &worker(), &["month"])
        .await
        .expect(200);
    assert_eq!(answer["records"][0]["month"], "2025-11", "{answer}");
    assert_eq!(county.monitoring().get("/readyz").await.status, 200);
}
