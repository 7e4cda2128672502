//! Issuing, through the real store, policy and exchange: what is recorded when, what a crash leaves, who may do what,
//! and what poppler says of the document.

use std::{fs, process::Command, sync::atomic::Ordering, time::Duration};

use jiff::Timestamp;
use yinxin::{
    audit::{Action, Outcome},
    certificate::{Certificate, CertificateError, Request, RevocationReason, Status},
    clock::Clock,
    ids::{CaseId, CertificateType, OperatorId},
};

use crate::county::{County, ID, NAME, NOW, request_id, subject};

#[tokio::test]
async fn an_issued_document_is_sealed_recorded_and_says_what_the_provider_said() {
    let county = County::new("issue").await;
    let certificate = county.issue("key-00000001").await.unwrap();
    assert_eq!(certificate.valid_from.to_string(), "2026-11-22");
    assert_eq!(certificate.valid_until.to_string(), "2027-02-19");
    assert_eq!(county.issuer.status(&certificate), Status::Valid);

    let document = county
        .issuer
        .document(&request_id(), &county.hr, &certificate.identifier)
        .await
        .unwrap();
    let pdf = county.folder.join("certificate.pdf");
    fs::write(&pdf, &document).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().expect(program);
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let pdf = pdf.to_str().unwrap();
    let (_, signatures) = run("pdfsig", &["-nocert", pdf]);
    assert!(signatures.contains("Signature is Valid"), "{signatures}");
    assert!(signatures.contains("Total document signed"), "{signatures}");
    let (sound, check) = run("qpdf", &["--check", pdf]);
    assert!(sound, "{check}");
    let (_, text) = run("pdftotext", &["-layout", pdf, "-"]);
    for expected in [
        ID,
        NAME,
        "2024-01",
        "2024-03",
        "5,100.00",
        "1,224.00",
        certificate.identifier.as_str(),
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(
        text.find("2024-01").unwrap() < text.find("2024-03").unwrap(),
        "ordered by month"
    );
    assert!(!text.contains("nobody asked"));

    let issue = &county.log.of(Action::Issue)[0];
    assert_eq!((issue.outcome, issue.fields.len()), (Outcome::Permitted, 10));
    let seal = &county.log.of(Action::Seal)[0];
    assert_eq!(seal.certificate.as_ref(), Some(&certificate.identifier));
    assert_eq!(seal.subject.as_ref(), Some(&certificate.holder));
    assert_eq!(seal.digest.as_ref().map(String::len), Some(64));
    assert_eq!(
        *county.signed.lock().unwrap(),
        [1],
        "the intent was recorded before the key signed"
    );
    assert_eq!(county.log.of(Action::Fetch).len(), 1);
    let entries = serde_json::to_string(&*county.log.entries.lock().unwrap()).unwrap();
    assert!(
        !entries.contains(ID) && !entries.contains(NAME),
        "no identifier in clear"
    );
}

#[tokio::test]
async fn a_repeat_gives_the_same_certificate_and_draws_and_seals_nothing() {
    let county = County::new("repeat").await;
    let first = county.issue("key-00000001").await.unwrap();
    let again = county.issue("key-00000001").await.unwrap();
    assert_eq!(first, again);
    assert_eq!((county.table.asked.load(Ordering::SeqCst), county.signatures()), (1, 1));
    let other = county.issue("key-00000002").await.unwrap();
    assert_ne!(first.identifier, other.identifier);
    assert_ne!(first.verification_code, other.verification_code);
}

#[tokio::test]
async fn a_key_that_came_with_another_request_is_refused() {
    let county = County::new("reused").await;
    county.issue("key-00000001").await.unwrap();
    let case = CaseId::parse("another-case").unwrap();
    let error = county
        .issuer
        .issue(Request {
            id: &request_id(),
            caller: &county.window,
            operator: &OperatorId::parse("w-001").unwrap(),
            case: &case,
            certificate_type: &CertificateType::parse("shebao-canbao").unwrap(),
            subject: &subject(NAME),
            idempotency_key: "key-00000001",
        })
        .await
        .unwrap_err();
    assert!(matches!(error, CertificateError::KeyReused), "{error}");
}

#[tokio::test]
async fn a_crash_before_delivery_is_completed_by_a_repeat_with_the_same_identifier() {
    let county = County::new("crash").await;
    county.store.crashes.store(true, Ordering::SeqCst);
    let error = county.issue("key-00000001").await.unwrap_err();
    assert!(matches!(error, CertificateError::Store(_)), "{error}");
    let prepared = county.log.of(Action::Seal)[0].certificate.clone().unwrap();
    let unfinished = county.issuer.document(&request_id(), &county.window, &prepared).await;
    assert!(matches!(unfinished, Err(CertificateError::NoSuchCertificate(_))));

    county.clock.advance(Duration::from_secs(3 * 86_400));
    let certificate = county.issue("key-00000001").await.unwrap();
    assert_eq!(certificate.identifier, prepared);
    assert_eq!(certificate.issued_at, NOW.parse::<Timestamp>().unwrap());
    assert!(
        county
            .issuer
            .document(&request_id(), &county.window, &prepared)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn requests_with_one_key_at_the_same_time_give_one_certificate() {
    let county = County::new("race").await;
    let (one, two, three) = tokio::join!(
        county.issue("key-00000001"),
        county.issue("key-00000001"),
        county.issue("key-00000001")
    );
    let identifiers = [one.unwrap(), two.unwrap(), three.unwrap()].map(|certificate| certificate.document_sha256);
    assert!(
        identifiers
            .iter()
            .all(|sha256| sha256.is_some() && *sha256 == identifiers[0]),
        "{identifiers:?}"
    );
}

#[tokio::test]
async fn where_the_log_cannot_be_written_nothing_is_drawn_sealed_fetched_or_revoked() {
    let county = County::new("log").await;
    let fails_at = |action| *county.log.fails_at.lock().unwrap() = action;

    fails_at(Some(Action::Issue));
    assert!(matches!(
        county.issue("key-00000001").await,
        Err(CertificateError::Exchange(_))
    ));
    assert_eq!(county.table.asked.load(Ordering::SeqCst), 0, "the provider was asked");

    fails_at(Some(Action::Seal));
    assert!(matches!(
        county.issue("key-00000001").await,
        Err(CertificateError::NotRecorded(_))
    ));
    assert_eq!(county.signatures(), 0, "the key signed");

    fails_at(None);
    let certificate = county.issue("key-00000001").await.unwrap();
    fails_at(Some(Action::Fetch));
    let fetched = county
        .issuer
        .document(&request_id(), &county.window, &certificate.identifier)
        .await;
    assert!(matches!(fetched, Err(CertificateError::NotRecorded(_))));

    fails_at(Some(Action::Revoke));
    let reason = RevocationReason::Incorrect;
    let revoked = county
        .issuer
        .revoke(&request_id(), &county.hr, &certificate.identifier, reason)
        .await;
    assert!(matches!(revoked, Err(CertificateError::NotRecorded(_))));
    let now = county
        .issuer
        .certificate(&county.hr, &certificate.identifier)
        .await
        .unwrap();
    assert_eq!(county.issuer.status(&now), Status::Valid);
}

#[tokio::test]
async fn only_the_issuer_and_the_requester_see_it_and_only_the_issuer_revokes() {
    let county = County::new("rights").await;
    let certificate = county.issue("key-00000001").await.unwrap();
    let identifier = &certificate.identifier;
    let reason = RevocationReason::Superseded;
    for caller in [&county.window, &county.hr] {
        assert!(county.issuer.certificate(caller, identifier).await.is_ok());
        assert!(county.issuer.document(&request_id(), caller, identifier).await.is_ok());
    }
    for result in [
        county.issuer.certificate(&county.other, identifier).await.map(drop),
        county
            .issuer
            .document(&request_id(), &county.other, identifier)
            .await
            .map(drop),
        county
            .issuer
            .revoke(&request_id(), &county.other, identifier, reason)
            .await
            .map(drop),
        county
            .issuer
            .revoke(&request_id(), &county.window, identifier, reason)
            .await
            .map(drop),
    ] {
        assert!(matches!(result, Err(CertificateError::OtherDepartment)), "{result:?}");
    }
    let refused = |action| {
        county
            .log
            .of(action)
            .iter()
            .filter(|entry| entry.outcome == Outcome::Refused)
            .count()
    };
    assert_eq!((refused(Action::Fetch), refused(Action::Revoke)), (1, 2));

    let revoked = county
        .issuer
        .revoke(&request_id(), &county.hr, identifier, reason)
        .await
        .unwrap();
    assert_eq!(county.issuer.status(&revoked), Status::Revoked);
    let entries = county.log.of(Action::Revoke);
    let recorded = entries.last().unwrap().fields.values().next().cloned().unwrap();
    assert_eq!(recorded, "superseded");
    let again = county
        .issuer
        .revoke(&request_id(), &county.hr, identifier, reason)
        .await;
    assert!(matches!(again, Err(CertificateError::Revoked)));
}

#[tokio::test]
async fn a_certificate_expires_the_day_after_its_last() {
    let county = County::new("expiry").await;
    let certificate = county.issue("key-00000001").await.unwrap();
    // 90 days from noon in China of the first day: the evening of the last is 89 days and some hours later.
    county.clock.advance(Duration::from_secs(89 * 86_400 + 11 * 3_600));
    assert_eq!(
        county.issuer.status(&certificate),
        Status::Valid,
        "{}",
        county.clock.now()
    );
    county.clock.advance(Duration::from_secs(3_600));
    assert_eq!(
        county.issuer.status(&certificate),
        Status::Expired,
        "{}",
        county.clock.now()
    );
}

#[tokio::test]
async fn nothing_is_certified_of_whom_the_provider_does_not_know_or_knows_by_another_name() {
    let county = County::new("unknown").await;
    let refused =
        |result: Result<Certificate, CertificateError>| matches!(result, Err(CertificateError::NothingToCertify));
    assert!(refused(county.issue_as("key-00000001", "另一·示例").await));
    county.table.months.store(0, Ordering::SeqCst);
    assert!(refused(county.issue("key-00000002").await));
    county.table.months.store(601, Ordering::SeqCst);
    let too_long = county.issue("key-00000003").await;
    assert!(
        matches!(too_long, Err(CertificateError::TooLong { max_rows: 600 })),
        "{too_long:?}"
    );
    assert_eq!(county.signatures(), 0);
}

#[tokio::test]
async fn a_refused_purpose_issues_nothing() {
    let county = County::new("refused").await;
    let error = county
        .issuer
        .issue(Request {
            id: &request_id(),
            caller: &county.other,
            operator: &OperatorId::parse("n-001").unwrap(),
            case: &county.case,
            certificate_type: &CertificateType::parse("shebao-canbao").unwrap(),
            subject: &subject(NAME),
            idempotency_key: "key-00000001",
        })
        .await
        .unwrap_err();
    assert!(matches!(error, CertificateError::Exchange(_)), "{error}");
    assert_eq!(county.table.asked.load(Ordering::SeqCst), 0);
    assert_eq!(county.log.of(Action::Issue)[0].outcome, Outcome::Refused);
}
