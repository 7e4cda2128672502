//! Whom documents may be trusted by, changed while the node serves.

use std::fs;

use reqwest::Method;
use serde_json::Value;

use crate::support::*;

/// Verifies a proof of the county's, and says how and by which trust list.
async fn judged(county: &County, document: &[u8]) -> (Value, Value) {
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"proof.pdf\"\r\n\r\n";
    let body = [head.as_bytes(), document, b"\r\n--b--\r\n"].concat();
    let request = county.portal().request(Method::POST, "/v1/verifications");
    let request = request
        .header("content-type", "multipart/form-data; boundary=b")
        .body(body);
    let mut report = send(request).await.expect(200);
    (report["indication"].take(), report["trust_snapshot"].take())
}

#[tokio::test]
async fn roots_that_were_replaced_count_without_a_restart_and_broken_ones_leave_the_old_in_force() {
    let county = County::start().await;
    let window = county.client("window");
    let case = window.open_case(HOUSING_FUND_ITEM, &worker()).await;
    let token = window.token(&case).await;
    let issued = window
        .issue(&token, "gongjijin-jiaocun", &case, &worker())
        .await
        .expect(201);
    let path = format!(
        "/v1/certificates/{}/document.pdf",
        issued["identifier"].as_str().unwrap()
    );
    let document = window.get(&path).await.body;
    let services = &county.node.services;
    let (passed, first) = judged(&county, &document).await;
    assert_eq!(passed, "TOTAL_PASSED");

    // The same again is the same list.
    county.node.clock.advance(std::time::Duration::from_secs(60));
    services.follow_trust().await;
    assert_eq!(judged(&county, &document).await, (passed.clone(), first.clone()));

    let root = county
        .site
        .folder
        .write("trust/root.pem", Authority::new("另一个示例根").root_pem());
    services.follow_trust().await;
    let (indication, second) = judged(&county, &document).await;
    assert_eq!(indication, "INDETERMINATE");
    assert_ne!(second["id"], first["id"]);

    // What cannot be read changes nothing, not even what is beside it.
    let broken = county.site.folder.write("trust/broken.pem", "no certificate at all");
    fs::write(&root, county.site.authority.root_pem()).unwrap();
    services.follow_trust().await;
    assert_eq!(judged(&county, &document).await, (indication, second));

    fs::remove_file(broken).unwrap();
    services.follow_trust().await;
    let (indication, third) = judged(&county, &document).await;
    assert_eq!((indication, &third["id"]), (passed, &first["id"]));
}
