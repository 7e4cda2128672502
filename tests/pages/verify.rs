use std::path::Path;

use reqwest::Method;
use yinxin::{
    certificate::{Certificate, CertificateStore as _, Request, Revocation, RevocationReason},
    department::Caller,
    ids::{CaseId, CertificateType, ItemCode, OperatorId, RequestId, SubjectId},
};

use super::{
    browse,
    browser::ENTER,
    support::{County, OPERATOR, SOCIAL_INSURANCE_ITEM, person, send},
};

/// Issues a proof of social insurance as the window's system would have it.
async fn issue(county: &County) -> (Certificate, Vec<u8>) {
    let services = county.services();
    let thumbprint = county.site.credential("window").thumbprint();
    let caller: Caller = services.directory.caller(&thumbprint).unwrap();
    let operator = OperatorId::parse(OPERATOR).unwrap();
    let holder = person(2);
    let id = SubjectId::parse("citizen_id", &holder.number).unwrap();
    let item = ItemCode::parse(SOCIAL_INSURANCE_ITEM).unwrap();
    let case = services
        .cases
        .start(
            CaseId::fresh(),
            &item,
            &caller.department.id,
            &caller.system.id,
            &operator,
            services.pseudonyms.pseudonym(&id),
        )
        .await
        .unwrap();
    let subject = yinxin::ids::Subject {
        id,
        name: yinxin::ids::PersonName::parse(&holder.name).unwrap(),
    };
    let certificate = services
        .issuer
        .issue(Request {
            id: &RequestId::parse("test-1").unwrap(),
            caller: &caller,
            operator: &operator,
            case: &case.id,
            certificate_type: &CertificateType::parse("shebao-canbao").unwrap(),
            subject: &subject,
            idempotency_key: "pages-test-1",
        })
        .await
        .unwrap();
    let document = services.db.document(&certificate.identifier).await.unwrap().unwrap();
    (certificate, document)
}

fn altered(document: &[u8]) -> Vec<u8> {
    let mut altered = document.to_vec();
    let place = altered.len() / 3;
    altered[place] ^= 1;
    altered
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_sealed_proof_an_altered_one_and_a_file_without_a_seal_get_their_verdicts_one_after_another() {
    let county = County::start().await;
    let (certificate, document) = issue(&county).await;
    let good = county.site.folder.write("证明.pdf", &document);
    let bad = county.site.folder.write("altered.pdf", altered(&document));
    let plain = county.site.folder.write("plain.txt", "no seal at all");
    let browser = browse(&county, "zh-CN").await;
    browser.open("/verify").await;
    let files = [path(&good), path(&bad), path(&plain)].join("\n");
    browser.type_into("#file", &files).await;
    browser
        .wait_for("document.querySelectorAll('.verdict').length === 3")
        .await;
    // In the order in which they were chosen.
    let verdict = |place: usize| format!("#queue > li:nth-child({place})");
    let headline = browser.text(&format!("{} h3", verdict(1))).await;
    assert!(
        headline.starts_with("自“") && headline.ends_with("”盖章以来未被更改"),
        "{headline}"
    );
    let facts = browser.text(&verdict(1)).await;
    assert!(
        facts.contains(certificate.identifier.as_str()) && facts.contains("有效"),
        "{facts}"
    );
    let headline = browser.text(&format!("{} h3", verdict(2))).await;
    assert!(
        headline == "盖章之后被更改过" || headline == "未通过查验" || headline == "无法证明",
        "{headline}"
    );
    assert_eq!(browser.text(&format!("{} h3", verdict(3))).await, "无法证明");
    assert!(
        browser
            .text(&format!("{} .findings", verdict(3)))
            .await
            .contains("格式")
    );
    let report = browser
        .run("return atob(document.querySelector('#queue > li:nth-child(1) a[href^=\"data:\"]').href.split(',')[1])")
        .await;
    let report: serde_json::Value = serde_json::from_str(report.as_str().unwrap()).unwrap();
    assert_eq!(report["indication"], "TOTAL_PASSED");
    browser.finish().await;
}

#[tokio::test]
async fn a_revoked_proof_is_refused_although_its_seal_is_sound() {
    let county = County::start().await;
    let (certificate, document) = issue(&county).await;
    let revocation = Revocation {
        at: county.node.services.clock.now(),
        reason: RevocationReason::Incorrect,
    };
    let store = &county.services().db;
    assert!(store.revoke(&certificate.identifier, &revocation).await.unwrap());
    let file = county.site.folder.write("revoked.pdf", &document);
    let browser = browse(&county, "en").await;
    browser.open("/verify").await;
    browser.type_into("#file", path(&file)).await;
    browser.wait_for("document.querySelector('.verdict')").await;
    assert_eq!(browser.text(".verdict h3").await, "This certificate was revoked");
    assert_eq!(
        browser
            .run("return document.querySelector('.verdict.bad') !== null")
            .await,
        true
    );
    browser.finish().await;
}

#[tokio::test]
async fn the_code_of_an_address_is_looked_up_and_a_code_nobody_has_is_said_to_be_unknown() {
    let county = County::start().await;
    let (certificate, _) = issue(&county).await;
    let browser = browse(&county, "en").await;
    browser
        .open(&format!("/verify#c={}", certificate.verification_code))
        .await;
    browser.wait_for("document.querySelector('.verdict')").await;
    assert_eq!(
        browser.text(".verdict h3").await,
        "The certificate with this code is valid"
    );
    assert!(browser.text(".verdict").await.contains(certificate.identifier.as_str()));
    browser.tab_to("#code").await;
    browser.run("document.getElementById('code').value = ''").await;
    browser.press("00000-00000-00000-00000").await;
    browser.press(ENTER).await;
    browser
        .wait_for("document.querySelectorAll('.verdict').length === 2")
        .await;
    assert_eq!(
        browser.text("#queue > li:first-child h3").await,
        "No certificate has this code"
    );
    browser.finish().await;
}

#[tokio::test]
async fn the_form_gives_the_same_verdict_without_scripts() {
    let county = County::start().await;
    let portal = county.portal();
    let page = portal.get("/verify?lang=en").await;
    let (csrf, cookie) = super::headers::form_of(&page);
    let post = |csrf: &str| {
        let body = format!(
            "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n\
             --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"<b>.txt\"\r\n\
             Content-Type: text/plain\r\n\r\nno seal at all\r\n--x--\r\n"
        );
        let request = portal.request(Method::POST, "/verify");
        request
            .header("content-type", "multipart/form-data; boundary=x")
            .header("cookie", &cookie)
            .body(body)
    };
    let answer = send(post(&csrf)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("Cannot be proven"), "{}", answer.text());
    assert!(!answer.text().contains("<b>.txt"), "a file name is text, never markup");
    assert_eq!(send(post("another")).await.status, 403);
}
