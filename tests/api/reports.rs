//! Reports on verifications: kept for a time under an id that cannot be guessed, and printed sealed.

use std::{path::Path, process::Command, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use yinxin::{
    formats::ofd::{Package, pack},
    verification::Indication,
};

use crate::support::*;

/// Brings a file to the portal.
async fn bring(county: &County, name: &str, content: &[u8]) -> Value {
    let head = format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
    let body = [head.as_bytes(), content, b"\r\n--b--\r\n"].concat();
    let request = county.portal().request(Method::POST, "/v1/verifications");
    let request = request
        .header("content-type", "multipart/form-data; boundary=b")
        .body(body);
    send(request).await.expect(200)
}

/// A proof that the county issued, as PDF.
async fn issued(county: &County) -> Vec<u8> {
    issued_as(county, "pdf").await
}

async fn issued_as(county: &County, format: &str) -> Vec<u8> {
    let window = county.client("window");
    let case = window.open_case(HOUSING_FUND_ITEM, &worker()).await;
    let token = window.token(&case).await;
    let issued = window
        .issue(&token, "gongjijin-jiaocun", &case, &worker())
        .await
        .expect(201);
    let path = format!(
        "/v1/certificates/{}/document.{format}",
        issued["identifier"].as_str().unwrap()
    );
    window.get(&path).await.body
}

#[tokio::test]
async fn a_proof_as_ofd_passes_is_known_as_ours_and_is_not_kept_with_what_it_says_of_its_holder() {
    let county = County::start().await;
    let ofd = issued_as(&county, "ofd").await;
    let report = bring(&county, "proof.ofd", &ofd).await;
    assert_eq!(report["format"], "ofd");
    assert_eq!(report["indication"], "TOTAL_PASSED", "{report:#}");
    assert_eq!(report["modified_after_signing"], false);
    assert_eq!(report["certificate"]["equals_issued"], true);
    assert_eq!(report["certificate"]["status"], "valid");
    let stated = report["stated"].as_array().unwrap();
    assert!(
        stated
            .iter()
            .any(|said| said["name"] == "CZZT" && said["value"] == worker().name)
    );
    let recorded = report["certificate"]["recorded"].as_array().unwrap();
    assert_eq!(recorded.len(), 9);
    assert!(recorded.iter().all(|field| field["equal"] == true), "{recorded:?}");
    let kept = county.portal().get(&path_of(&report, "")).await.expect(200);
    assert_eq!(kept.get("stated"), None);
    assert_eq!(kept["certificate"], report["certificate"]);

    // Whoever packs it anew changes its bytes and no seal: it is still the certificate that it says it is.
    let package = Package::read(&ofd).unwrap();
    let files = package
        .paths()
        .map(|path| (path.to_owned(), package.file(path).unwrap().to_vec()));
    let mut files: Vec<_> = files.collect();
    files.sort_by_key(|(path, _)| path != "OFD.xml");
    let copy = pack(&files).unwrap();
    assert_ne!(copy, ofd);
    let told = bring(&county, "copy.ofd", &copy).await;
    assert_eq!(told["indication"], "TOTAL_PASSED", "{told:#}");
    assert_eq!(told["certificate"]["equals_issued"], false);
    let path = format!(
        "/v1/certificates/{}/revoke",
        report["certificate"]["identifier"].as_str().unwrap()
    );
    let fund = county.client("housing-fund");
    let answer = fund.post(&path, &json!({"reason": "incorrect"})).await;
    answer.expect(200);
    for document in [&ofd, &copy] {
        let told = bring(&county, "revoked.ofd", document).await;
        assert_eq!(told["indication"], "TOTAL_FAILED", "{told:#}");
        assert_eq!(told["sub_indication"], "REVOKED");
    }
}

#[tokio::test]
async fn a_revoked_pdf_is_found_by_what_it_says_of_itself_without_its_last_revisions_too() {
    let county = County::start().await;
    let pdf = issued(&county).await;
    let report = bring(&county, "proof.pdf", &pdf).await;
    assert_eq!(report["certificate"]["equals_issued"], true, "{report:#}");
    let recorded = report["certificate"]["recorded"].as_array().unwrap();
    assert_eq!(recorded.len(), 9);
    assert!(recorded.iter().all(|field| field["equal"] == true), "{recorded:?}");

    // Without what came after the seal: other bytes under the same seal.
    let signatures = report["signatures"].as_array().unwrap();
    let sealed = signatures[0]["signed_bytes"].as_u64().unwrap();
    let cut = pdf[..usize::try_from(sealed).unwrap()].to_vec();
    assert!(cut.len() < pdf.len(), "nothing came after the seal");
    let told = bring(&county, "cut.pdf", &cut).await;
    assert_eq!(told["indication"], "TOTAL_PASSED", "{told:#}");
    assert_eq!(told["certificate"]["equals_issued"], false);
    let identifier = report["certificate"]["identifier"].as_str().unwrap();
    let path = format!("/v1/certificates/{identifier}/revoke");
    let fund = county.client("housing-fund");
    fund.post(&path, &json!({"reason": "incorrect"})).await.expect(200);
    for document in [&pdf, &cut] {
        let told = bring(&county, "revoked.pdf", document).await;
        assert_eq!(told["indication"], "TOTAL_FAILED", "{told:#}");
        assert_eq!(told["sub_indication"], "REVOKED");
    }
}

fn path_of(report: &Value, end: &str) -> String {
    format!("/v1/verifications/{}{end}", report["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_report_is_read_again_as_it_was_without_the_name_of_the_file_until_its_time_is_over() {
    let county = County::start_with(|config| config.limits.report_days = 3).await;
    let given = bring(&county, "王某某的证明.pdf", b"no seal at all").await;
    assert_eq!(given["file"], "王某某的证明.pdf");
    assert_eq!(given["id"].as_str().unwrap().len(), 32);
    let mut expected = given.clone();
    expected.as_object_mut().unwrap().remove("file");
    let portal = county.portal();
    assert_eq!(portal.get(&path_of(&given, "")).await.expect(200), expected);

    let again = bring(&county, "b.pdf", b"no seal at all").await;
    assert_ne!(again["id"], given["id"], "each verification has an id of its own");
    let day = Duration::from_secs(24 * 3_600);
    county.node.clock.advance(3 * day + Duration::from_secs(1));
    assert_eq!(
        portal.get(&path_of(&given, "")).await.problem(404),
        "verification_not_found"
    );
    assert_eq!(
        portal.get(&path_of(&given, ".pdf")).await.problem(404),
        "verification_not_found"
    );
    for id in ["0", "a.b", &"0".repeat(32), "0123456789ABCDEF0123456789ABCDEF"] {
        let answer = portal.get(&format!("/v1/verifications/{id}")).await;
        assert_eq!(answer.problem(404), "verification_not_found", "{id}");
    }
}

#[tokio::test]
async fn no_document_and_no_name_of_a_file_stands_in_the_store() {
    let county = County::start().await;
    let secret = b"%PDF-1.7 words that only this document has";
    bring(&county, "a-name-that-only-this-file-has.pdf", secret).await;
    county.services().db.close().await.unwrap();
    let store = std::fs::read(county.site.folder.path().join("data/yinxin.db")).unwrap();
    for word in ["a-name-that-only-this-file-has", "words that only this document has"] {
        assert!(
            !store.windows(word.len()).any(|window| window == word.as_bytes()),
            "{word}"
        );
    }
}

#[tokio::test]
async fn the_printed_report_is_sealed_passes_here_and_with_pyhanko_and_holds_the_report() {
    let county = County::start().await;
    let document = issued(&county).await;
    let report = bring(&county, "a.pdf", &document).await;
    assert_eq!(report["indication"], "TOTAL_PASSED");
    let portal = county.portal();
    for lang in ["zh-CN", "en"] {
        let answer = portal.get(&path_of(&report, &format!(".pdf?lang={lang}"))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "application/pdf");
        let services = county.services();
        let verdict = services.verifier.verify(&answer.body, None, services.clock.now());
        assert_eq!(
            verdict.indication,
            Indication::TotalPassed,
            "{lang}: {:?}",
            verdict.findings
        );
        assert_eq!(verdict.modified_after_signing, Some(false));

        let file = county.site.folder.write(&format!("{lang}.pdf"), &answer.body);
        let python = std::env::var_os("YINXIN_TEST_PYTHON").expect("tests/run sets YINXIN_TEST_PYTHON");
        let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/judges/pyhanko_seal.py");
        let mut command = Command::new(python);
        let root = county.site.folder.path().join("root.pem");
        command
            .arg(judge)
            .arg(&file)
            .arg(root)
            .arg(services.clock.now().to_string());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(
            said.contains("docmdp True") && said.contains("bottom_line True"),
            "{said}"
        );

        let text = Command::new("pdftotext")
            .arg("-raw")
            .arg(&file)
            .arg("-")
            .output()
            .unwrap();
        let text = String::from_utf8(text.stdout).unwrap();
        let words: String = text.split_whitespace().collect();
        let headline = if lang == "en" {
            "Unchangedsinceitwassealedby"
        } else {
            "盖章以来未被更改"
        };
        for part in [
            report["document_sha256"].as_str().unwrap(),
            report["id"].as_str().unwrap(),
            "TOTAL_PASSED",
            headline,
        ] {
            assert!(
                words.replace('\u{200B}', "").contains(part),
                "{part} is not on the paper: {text}"
            );
        }
        let attached = county.site.folder.path().join(format!("{lang}.json"));
        let detach = Command::new("pdfdetach")
            .args(["-savefile", "data.json", "-o"])
            .arg(&attached)
            .arg(&file)
            .status();
        assert!(detach.unwrap().success());
        let attached: Value = serde_json::from_slice(&std::fs::read(attached).unwrap()).unwrap();
        assert_eq!(attached, portal.get(&path_of(&report, "")).await.expect(200));
    }
}

#[tokio::test]
async fn a_report_is_sealed_once_a_language_after_it_was_recorded_and_is_the_same_bytes_from_then_on() {
    let county = County::start().await;
    let report = bring(&county, "a.pdf", b"no seal at all").await;
    let portal = county.portal();
    let first = portal.get(&path_of(&report, ".pdf")).await;
    let again = portal.get(&path_of(&report, ".pdf?lang=zh-CN")).await;
    assert!(first.status == 200 && first.body == again.body);
    let entries = county.client("auditor").audit_entries().await;
    let seals: Vec<&Value> = entries.iter().filter(|entry| entry["action"] == "seal").collect();
    assert_eq!(seals.len(), 1);
    assert_eq!(seals[0]["department"], "shache-data");
    assert_eq!(seals[0]["request"], first.header("x-request-id"));
    assert_eq!(seals[0]["digest"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn a_node_without_a_seal_for_reports_says_so_and_gives_the_report_itself() {
    let county = County::start_with(|config| config.verification.department = None).await;
    let report = bring(&county, "a.pdf", b"no seal at all").await;
    let portal = county.portal();
    assert_eq!(
        portal.get(&path_of(&report, ".pdf")).await.problem(409),
        "report_seal_missing"
    );
    portal.get(&path_of(&report, "")).await.expect(200);
}

#[tokio::test]
async fn guessed_codes_are_not_kept() {
    let county = County::start().await;
    let code = json!({"code": "00000000000000000000"});
    let report = county.portal().post("/v1/verifications", &code).await.expect(200);
    assert!(report.get("id").is_none(), "{report}");
}

#[tokio::test]
async fn a_document_is_verified_as_of_a_moment_that_has_passed_and_of_no_other() {
    let county = County::start().await;
    let proof = issued(&county).await;
    let at = async |moment: &str| {
        let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n";
        let body = [head.as_bytes(), &proof, b"\r\n--b--\r\n"].concat();
        let path = format!("/v1/verifications?at={moment}");
        let request = county.portal().request(Method::POST, &path);
        let request = request
            .header("content-type", "multipart/form-data; boundary=b")
            .body(body);
        send(request).await
    };
    let report = at("2019-01-01T00:00:00Z").await.expect(200);
    assert_eq!(report["validation_time"], "2019-01-01T00:00:00Z");
    assert_ne!(report["verified_at"], report["validation_time"]);
    assert_ne!(report["indication"], "TOTAL_PASSED", "{report}");
    let kept = county.portal().get(&path_of(&report, "")).await.expect(200);
    assert_eq!(kept["validation_time"], report["validation_time"]);
    assert_eq!(at("2999-01-01T00:00:00Z").await.problem(422), "at_invalid");
    assert_eq!(at("yesterday").await.problem(422), "at_invalid");
}
