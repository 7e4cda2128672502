//! Past signature validation (EN 319 102-1 5.5, 5.6.2): what was proven before an X.509 certificate expired, was revoked
//! or lost trust still counts.

use super::*;
use crate::formats::trust_list::{Change, Entry, FORMAT};

fn scene() -> (Holder, Holder) {
    let root = Holder::root(authority_params("示例根"));
    let mut params = signer_params("示例签名者");
    params.not_after = date_time_ymd(2027, 1, 1);
    let signer = root.issue(params);
    (root, signer)
}

#[test]
fn an_expired_signer_counts_by_a_proof_from_before() {
    let (root, signer) = scene();
    let trust = trusting(&[&root]);
    let mut ask = Ask::new(&trust, &signer);
    ask.at = time("2030-01-01");
    assert_eq!(ask.codes(), [Code::SignerExpired]);
    ask.proven = Some(time("2028-01-01"));
    assert_eq!(ask.codes(), [Code::SignerExpired]);
    ask.proven = Some(time("2026-06-15"));
    assert_eq!(ask.codes(), [Code::SignerExpiredSince]);
    // It was signed after a time at which it had already expired.
    ask.made_after = Some(time("2028-01-01"));
    assert_eq!(ask.codes(), [Code::SignedAfterExpiry]);
}

#[test]
fn a_signature_that_is_proven_to_be_older_than_its_certificate_fails() {
    let (root, signer) = scene();
    let trust = trusting(&[&root]);
    let mut ask = Ask::new(&trust, &signer);
    ask.proven = Some(time("2019-01-01"));
    assert_eq!(ask.codes(), [Code::SignedBeforeValidity]);
    ask.proven = None;
    ask.at = time("2019-01-01");
    assert_eq!(ask.codes(), [Code::SignerNotYetValid]);
}

#[test]
fn a_revoked_signer_counts_by_a_proof_from_before() {
    let (root, signer) = scene();
    let trust = trusting(&[&root]);
    let mut ask = Ask::new(&trust, &signer);
    ask.crls = vec![root.crl(List::revoking((2026, 5, 1), RevocationReason::KeyCompromise))];
    assert_eq!(ask.codes(), [Code::SignerRevoked]);
    ask.proven = Some(time("2026-05-02"));
    assert_eq!(ask.codes(), [Code::SignerRevoked]);
    ask.proven = Some(time("2026-04-30"));
    assert_eq!(ask.codes(), [Code::SignerRevokedSince]);
    ask.made_after = Some(time("2026-05-01"));
    ask.proven = None;
    assert_eq!(ask.codes(), [Code::SignedAfterRevocation]);
}

#[test]
fn as_of_a_moment_before_the_revocation_it_was_not_revoked() {
    let (root, signer) = scene();
    let trust = trusting(&[&root]);
    let mut ask = Ask::new(&trust, &signer);
    ask.crls = vec![root.crl(List::revoking((2026, 5, 1), RevocationReason::KeyCompromise))];
    ask.at = time("2026-04-01");
    assert_eq!(ask.codes(), []);
}

#[test]
fn what_is_required_of_the_past_must_be_proven_to_be_from_then() {
    let (root, signer) = scene();
    let trust = trusting(&[&root]).with_policy(RevocationPolicy::Required);
    let mut ask = Ask::new(&trust, &signer);
    ask.at = time("2030-01-01");
    ask.proven = Some(time("2026-06-15"));
    assert_eq!(ask.codes(), [Code::PastRevocationMissing]);
    ask.crls = vec![root.crl(List::empty())];
    assert_eq!(ask.codes(), [Code::SignerExpiredSince]);
}

#[test]
fn revocation_data_of_an_authority_that_expired_must_be_proven_to_be_older() {
    let mut params = authority_params("示例机构");
    params.not_after = date_time_ymd(2028, 1, 1);
    let root = Holder::root(authority_params("示例根"));
    let between = root.issue(params);
    let signer = between.issue(signer_params("示例签名者"));
    let trust = trusting(&[&root]).with_policy(RevocationPolicy::Required);
    let mut material = Material::new(&trust, time("2030-01-01"));
    material.pool.add(&between.der);
    // The signature is proven, what is known of revocation is not.
    material.existence.prove(60, time("2026-06-15"));
    let add =
        |material: &mut Material<'_>, crl: &[u8], end| material.evidence.add_crl(crl, Source::Document, Some(end));
    add(&mut material, &root.crl(List::empty()), 50);
    let crl = between.crl(List::empty());
    add(&mut material, &crl, 90);
    let question = Question {
        certificate: material.pool.add(&signer.der).unwrap(),
        purpose: Purpose::Sign,
        existed: time("2026-06-15"),
        made_after: None,
        weak: Vec::new(),
    };
    let codes = |material: &Material<'_>| {
        let found = question.judge(material.sources()).findings;
        found.into_iter().map(|(code, _)| code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&material), [Code::RevocationUnproven]);
    add(&mut material, &crl, 55);
    assert_eq!(codes(&material), [Code::SignerExpiredSince]);
}

#[test]
fn what_a_revoked_authority_says_counts_as_far_as_it_is_proven_to_be_older() {
    let root = Holder::root(authority_params("示例根"));
    let mut params = authority_params("示例机构");
    params.serial_number = Some(SerialNumber::from(4711_u64));
    let between = root.issue(params);
    let mut params = signer_params("示例签名者");
    params.serial_number = Some(SerialNumber::from(1_u64));
    let signer = between.issue(params);
    let trust = trusting(&[&root]).with_policy(RevocationPolicy::Required);
    let mut material = Material::new(&trust, time("2026-06-30"));
    material.pool.add(&between.der);
    material.existence.prove(60, time("2026-06-15"));
    let revoking = root.crl(List::revoking((2026, 6, 20), RevocationReason::CaCompromise));
    material.evidence.add_crl(&revoking, Source::Configured, None);
    let own = between.crl(List::empty());
    let question = Question {
        certificate: material.pool.add(&signer.der).unwrap(),
        purpose: Purpose::Sign,
        existed: time("2026-06-15"),
        made_after: None,
        weak: Vec::new(),
    };
    let codes = |material: &Material<'_>| {
        let found = question.judge(material.sources()).findings;
        found.into_iter().map(|(code, _)| code).collect::<Vec<_>>()
    };
    material.evidence.add_crl(&own, Source::Configured, None);
    assert_eq!(
        codes(&material),
        [Code::SignerRevokedSince, Code::PastRevocationMissing]
    );
    material.evidence.add_crl(&own, Source::Document, Some(50));
    assert_eq!(codes(&material), [Code::SignerRevokedSince]);
}

#[test]
fn an_expired_signer_that_is_known_not_to_be_revoked_lacks_only_the_time() {
    let (root, mut signer) = scene();
    // A CRL that keeps what has expired; openssl's configuration writes it.
    let folder = std::env::temp_dir().join(format!("yinxin-past-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("ca.pem"), root.pem()).unwrap();
    std::fs::write(folder.join("ca.key"), root.key_pem()).unwrap();
    std::fs::write(folder.join("index.txt"), "").unwrap();
    let keeps = "2.5.29.60=DER:180F32303230303130313030303030305A";
    let config = format!(
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ndefault_md=sha256\ncrl_extensions=ext\n[ext]\n{keeps}\n"
    );
    std::fs::write(folder.join("openssl.cnf"), config).unwrap();
    let made = std::process::Command::new("openssl")
        .args([
            "ca",
            "-gencrl",
            "-config",
            "openssl.cnf",
            "-cert",
            "ca.pem",
            "-keyfile",
            "ca.key",
        ])
        .args([
            "-crl_lastupdate",
            "20300101000000Z",
            "-crl_nextupdate",
            "20300201000000Z",
        ])
        .args(["-out", "out.pem"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = std::fs::read_to_string(folder.join("out.pem")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let trust = trusting(&[&root]);
    let mut ask = Ask::new(&trust, &signer);
    ask.at = time("2030-01-02");
    ask.crls = vec![data_encoding::BASE64.decode(body.as_bytes()).unwrap()];
    assert_eq!(ask.codes(), [Code::SignerExpiredNotRevoked]);
    // One that may have dropped it does not say so.
    let dropped = List {
        times: ((2030, 1, 1), (2030, 2, 1)),
        ..List::empty()
    };
    ask.crls = vec![root.crl(dropped)];
    assert_eq!(ask.codes(), [Code::SignerExpired]);
    signer.der.clear();
}

fn entry(holder: &Holder, service: Service, history: &[(State, &str)]) -> Entry {
    Entry {
        name: "示例机构".to_owned(),
        service,
        certificate: data_encoding::BASE64.encode(&holder.der),
        history: history
            .iter()
            .map(|(status, since)| Change {
                status: *status,
                since: time(since),
            })
            .collect(),
    }
}

fn list(services: Vec<Entry>) -> TrustList {
    TrustList {
        format: FORMAT.to_owned(),
        name: "示例信任列表".to_owned(),
        sequence: 3,
        issued: time("2026-06-01"),
        next_update: time("2026-12-01"),
        services,
    }
}

#[test]
fn an_authority_that_was_withdrawn_counts_for_what_is_proven_to_be_from_before() {
    let (root, signer) = scene();
    let history = [(State::Granted, "2021-01-01"), (State::Withdrawn, "2026-05-01")];
    let list = list(vec![entry(&root, Service::Seal, &history)]);
    let trust = trusting(&[]).with_list(&list).unwrap();
    let mut ask = Ask::new(&trust, &signer);
    assert_eq!(ask.codes(), [Code::AuthorityWithdrawn]);
    ask.proven = Some(time("2026-04-30"));
    assert_eq!(ask.codes(), []);
    ask.proven = Some(time("2020-06-01"));
    assert_eq!(ask.codes(), [Code::Untrusted]);
    let snapshot = trust.snapshot();
    assert_eq!((snapshot.sequence, snapshot.date), (Some(3), time("2026-06-01")));
}

#[test]
fn a_root_is_trusted_for_the_services_of_the_list() {
    let root = Holder::root(authority_params("示例根"));
    let signer = root.issue(signer_params("示例签名者"));
    let granted = [(State::Granted, "2021-01-01")];
    let judge = |service| {
        let trust = trusting(&[])
            .with_list(&list(vec![entry(&root, service, &granted)]))
            .unwrap();
        Ask::new(&trust, &signer).codes()
    };
    assert_eq!(judge(Service::Seal), []);
    assert_eq!(judge(Service::Timestamp), [Code::Untrusted]);
    assert_eq!(judge(Service::Ocsp), [Code::Untrusted]);
    // What the list says of a root counts before the folder that has it too.
    let both = trusting(&[&root])
        .with_list(&list(vec![entry(&root, Service::Timestamp, &granted)]))
        .unwrap();
    assert_eq!(Ask::new(&both, &signer).codes(), [Code::Untrusted]);
}

#[test]
fn a_weak_algorithm_counts_for_what_is_proven_to_be_from_when_it_was_strong() {
    let (root, signer) = scene();
    let trust = trusting(&[&root]);
    let material = Material::new(&trust, time("2026-06-15"));
    let mut question = Question {
        certificate: arc(&signer),
        purpose: Purpose::Sign,
        existed: time("2026-06-15"),
        made_after: None,
        weak: vec![Weak {
            name: "SHA-1".to_owned(),
            until: time("2021-01-01"),
        }],
    };
    let codes = |question: &Question| {
        let found = question.judge(material.sources()).findings;
        found.into_iter().map(|(code, _)| code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&question), [Code::AlgorithmNoLongerStrong]);
    question.existed = time("2020-06-15");
    assert_eq!(codes(&question), [Code::RevocationUnchecked]);
}
