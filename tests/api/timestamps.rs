//! The node's own timestamp authority, as others ask it.

use std::{fs, process::Command};

use reqwest::Method;

use crate::support::{County, Folder, send};

#[tokio::test]
async fn openssl_gets_a_timestamp_from_the_portal_and_verifies_it() {
    let county = County::start().await;
    let folder = Folder::new();
    let run = |arguments: &str| {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), text)
    };
    folder.write("data", "示例");
    folder.write("root.pem", county.site.authority.root_pem());
    assert!(run("ts -query -data data -sha256 -cert -out query").0);
    let query = fs::read(folder.path().join("query")).unwrap();
    let ask = |content_type: &'static str, body: Vec<u8>| {
        let request = county.portal().request(Method::POST, "/v1/timestamps");
        send(request.header("content-type", content_type).body(body))
    };
    let answer = ask("application/timestamp-query", query.clone()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "application/timestamp-reply")
    );
    fs::write(folder.path().join("reply"), &answer.body).unwrap();
    let (verified, text) = run("ts -verify -queryfile query -in reply -CAfile root.pem");
    assert!(verified, "{text}");

    let answer = ask("application/octet-stream", query.clone()).await;
    assert_eq!(answer.problem(415), "media_type_unsupported");
    let answer = ask("application/timestamp-query", vec![0x30; 2_000]).await;
    assert_eq!(answer.problem(413), "body_too_large");
    // What is no request gets a refusal in the protocol's own form.
    let answer = ask("application/timestamp-query", query[..20].to_vec()).await;
    assert_eq!(answer.status.as_u16(), 200);
    fs::write(folder.path().join("refusal"), &answer.body).unwrap();
    let (_, text) = run("ts -reply -in refusal -text");
    assert!(text.contains("Rejected"), "{text}");
}

#[tokio::test]
async fn a_node_that_keeps_its_authority_for_itself_stamps_for_nobody_else() {
    let county = County::start_with(|config| config.timestamps.serve = false).await;
    let request = county.portal().request(Method::POST, "/v1/timestamps");
    let answer = send(request.header("content-type", "application/timestamp-query").body("x")).await;
    assert_eq!(answer.problem(404), "timestamps_not_served");
}
