//! Timestamps of signatures, by `openssl ts`: what they prove, and those that prove nothing.

use std::{fs, process::Command, sync::Arc};

use cms::{
    content_info::ContentInfo,
    signed_data::{SignedData, SignerInfos},
};
use der::{Any, Decode, Encode, asn1::SetOfVec};
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, CustomExtension, DnType, KeyPair, KeyUsagePurpose, date_time_ymd};
use ring::rand::SystemRandom;
use x509_cert::attr::Attribute;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};
use yinxin::{
    clock::ManualClock,
    formats::{
        pdf::{Seal, ValidationData, add_validation_data, prepare, prepare_timestamp},
        timestamp::{Imprint, Request, Response, SIGNATURE_TIMESTAMP},
    },
    keys::{Identity, TimestampAuthority},
    verification::{Indication, Report, SubIndication, Trust, Verifier},
};

use crate::{
    attacks::assert_finds,
    command::Folder,
    levels::signatures,
    pki::{Leaf, Root},
    sample::{self, seal_of, tiny},
};

/// A timestamp authority in a folder, as `openssl ts` wants it.
struct Authority(Folder);

impl Authority {
    fn new(root: &Root) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "示例时间戳");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2044, 1, 1));
        // id-kp-timeStamping alone.
        let purpose = vec![0x30, 0x0A, 0x06, 0x08, 0x2B, 6, 1, 5, 5, 7, 3, 8];
        let mut purpose = CustomExtension::from_oid_content(&[2, 5, 29, 37], purpose);
        purpose.set_criticality(true);
        params.custom_extensions.push(purpose);
        let key = KeyPair::generate().unwrap();
        let folder = Folder::new();
        folder.write("tsa.pem", root.issue(&params, &key).as_bytes());
        folder.write("tsa.key", key.serialize_pem().as_bytes());
        let config = "[tsa]\ndefault_tsa=own\n[own]\nserial=serial\nsigner_cert=tsa.pem\ncerts=tsa.pem\n\
            signer_key=tsa.key\nsigner_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256\naccuracy=secs:1\n\
            ess_cert_id_alg=sha256\n";
        folder.write("ts.cnf", config.as_bytes());
        Self(folder)
    }

    /// The token over some bytes.
    fn stamp(&self, value: &[u8]) -> Vec<u8> {
        let folder = &self.0;
        folder.write("value", value);
        for arguments in [
            &["-query", "-data", "value", "-sha256", "-cert", "-out", "query"][..],
            &[
                "-reply",
                "-config",
                "ts.cnf",
                "-queryfile",
                "query",
                "-token_out",
                "-out",
                "token",
            ],
        ] {
            let made = Command::new("openssl")
                .arg("ts")
                .args(arguments)
                .current_dir(&folder.0)
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        fs::read(folder.0.join("token")).unwrap()
    }
}

/// A sealed document whose signature carries what is made of its value.
fn stamped(identity: &Identity, text: &str, token: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let prepared = prepare(&tiny(text), &seal_of()).unwrap();
    let message = identity.sign_detached(&prepared.bytes_to_sign()).unwrap();
    let message = with_timestamps(&message, |value| vec![token(value)]);
    prepared.finish(&message).unwrap()
}

/// A message with these timestamps, of its signature value, and no other unsigned attributes.
pub fn with_timestamps(message: &[u8], tokens: impl FnOnce(&[u8]) -> Vec<Vec<u8>>) -> Vec<u8> {
    let info = ContentInfo::from_der(message).unwrap();
    let mut data: SignedData = info.content.decode_as().unwrap();
    let mut signer = data.signer_infos.0.as_slice()[0].clone();
    let tokens = tokens(signer.signature.as_bytes());
    let tokens: Vec<_> = tokens.iter().map(|token| Any::from_der(token).unwrap()).collect();
    let attribute = Attribute {
        oid: SIGNATURE_TIMESTAMP,
        values: SetOfVec::try_from(tokens).unwrap(),
    };
    signer.unsigned_attrs = Some(SetOfVec::try_from(vec![attribute]).unwrap());
    data.signer_infos = SignerInfos::try_from(vec![signer]).unwrap();
    let content = Any::encode_from(&data).unwrap();
    let info = ContentInfo {
        content_type: info.content_type,
        content,
    };
    info.to_der().unwrap()
}

fn short() -> Leaf {
    Leaf {
        years: (2020, 2030),
        ..Leaf::default()
    }
}

fn judge(root: &Root, document: &[u8], at: &str) -> Report {
    root.verifier().verify(document, None, at.parse().unwrap())
}

fn has(report: &Report, code: &str) -> bool {
    report.findings.iter().any(|finding| finding.code == code)
}

const SOON: &str = "2029-01-01T00:00:00Z";
const LATER: &str = "2035-01-01T00:00:00Z";

#[test]
fn a_document_that_nobody_signed_does_not_pass_by_a_timestamp() {
    let root = Root::new("示例根");
    // A form takes the place of an entry of its length.
    let mut document = tiny("one");
    let at = document
        .windows(13)
        .position(|bytes| bytes == b"/Lang (zh-CN)")
        .unwrap();
    document[at..at + 13].copy_from_slice(b"/AcroForm<<>>");
    let prepared = prepare_timestamp(&document, "Stamp", 16 * 1024).unwrap();
    let token = Authority::new(&root).stamp(&prepared.bytes_to_sign().concat());
    let report = judge(&root, &prepared.finish(&token).unwrap(), SOON);
    let stamp = &report.signatures[0];
    assert!(stamp.intact && stamp.trusted, "{:?}", report.findings);
    assert_eq!(report.modified_after_signing, Some(false));
    assert_finds(
        &report,
        "timestamps_only",
        Indication::Indeterminate,
        SubIndication::SignedDataNotFound,
    );
}

#[test]
fn a_timestamp_proves_that_it_was_signed_before_its_signer_expired() {
    let root = Root::new("示例根");
    let authority = Authority::new(&root);
    let document = stamped(&root.seal(&short()), "one", |value| authority.stamp(value));
    for at in [SOON, LATER] {
        let report = judge(&root, &document, at);
        assert_eq!(
            report.indication,
            Indication::TotalPassed,
            "{at}: {:?}",
            report.findings
        );
        let signature = &report.signatures[0];
        assert!(signature.timestamps[0].intact && signature.timestamps[0].trusted);
        assert_eq!(signature.timestamps[0].authority.as_deref(), Some("示例时间戳"));
        let age = Timestamp::now().duration_since(signature.best_signature_time.unwrap());
        assert!(age.abs() < SignedDuration::from_mins(10), "{age}");
        assert_eq!(signature.signing_time_proof.as_deref(), Some("timestamp"));
        assert!(has(&report, "signing_time_proven") && !has(&report, "signing_time_claimed"));
        assert_eq!(has(&report, "signer_expired_since"), at == LATER);
    }
    // The authority has expired too, and nothing proves that its timestamp is older.
    let report = judge(&root, &document, "2044-06-01T00:00:00Z");
    assert_finds(
        &report,
        "timestamp_untrusted",
        Indication::Indeterminate,
        SubIndication::OutOfBoundsNoPoe,
    );
}

#[test]
fn a_timestamp_copied_from_another_signature_never_passes() {
    let root = Root::new("示例根");
    let authority = Authority::new(&root);
    let identity = root.seal(&short());
    let mut kept = Vec::new();
    stamped(&identity, "one", |value| {
        kept = authority.stamp(value);
        kept.clone()
    });
    let report = judge(&root, &stamped(&identity, "two", |_| kept), SOON);
    assert_finds(
        &report,
        "timestamp_of_another_signature",
        Indication::Indeterminate,
        SubIndication::SigConstraintsFailure,
    );
    assert!(report.signatures[0].intact && report.signatures[0].best_signature_time.is_none());
}

#[test]
fn a_byte_changed_anywhere_in_a_timestamp_never_passes() {
    let root = Root::new("示例根");
    let authority = Authority::new(&root);
    let identity = root.seal(&short());
    let mut length = 0;
    stamped(&identity, "one", |value| {
        let token = authority.stamp(value);
        length = token.len();
        token
    });
    for at in (0..length).step_by(17) {
        let document = stamped(&identity, "one", |value| {
            let mut token = authority.stamp(value);
            // Content only: the length of a value is what makes it one.
            token[at] ^= 1;
            Any::from_der(&token).map_or_else(|_| vec![5, 0], |_| token)
        });
        let report = judge(&root, &document, SOON);
        assert_ne!(report.indication, Indication::TotalPassed, "byte {at}");
    }
}

#[test]
fn a_timestamp_of_an_authority_that_is_not_trusted_proves_nothing_and_does_no_harm() {
    let (root, stranger) = (Root::new("示例根"), Root::new("路人示例根"));
    let authority = Authority::new(&stranger);
    let document = stamped(&root.seal(&short()), "one", |value| authority.stamp(value));
    let report = judge(&root, &document, SOON);
    assert_eq!(report.indication, Indication::TotalPassed, "{:?}", report.findings);
    assert!(has(&report, "timestamp_untrusted") && has(&report, "signing_time_claimed"));
    assert!(!report.signatures[0].timestamps[0].trusted);
    let report = judge(&root, &document, LATER);
    assert_finds(
        &report,
        "signer_expired",
        Indication::Indeterminate,
        SubIndication::OutOfBoundsNoPoe,
    );
}

/// EN 319 102-1 takes time-stamps that do not pass from what is looked at, and nothing from the signature.
#[test]
fn a_document_timestamp_that_is_not_trusted_takes_nothing_from_a_trusted_seal_and_gives_it_nothing() {
    let (root, stranger) = (Root::new("示例根"), Root::new("路人示例根"));
    let sealed = sample::sealed(&tiny("one"), &root.seal(&short()));
    let prepared = prepare_timestamp(&sealed, "Stamp", 16 * 1024).unwrap();
    let token = Authority::new(&stranger).stamp(&prepared.bytes_to_sign().concat());
    let document = prepared.finish(&token).unwrap();
    let report = judge(&root, &document, SOON);
    assert_eq!(report.indication, Indication::TotalPassed, "{:?}", report.findings);
    assert_eq!(report.modified_after_signing, Some(false));
    assert!(has(&report, "timestamp_untrusted") && has(&report, "signing_time_claimed"));
    let [seal, stamp] = report.signatures.as_slice() else {
        panic!()
    };
    assert_eq!(
        (seal.indication, stamp.indication),
        (Indication::TotalPassed, Indication::Indeterminate)
    );
    assert!(stamp.intact && !stamp.trusted);
    assert_eq!(seal.best_signature_time, None);
    let report = judge(&root, &document, LATER);
    assert_finds(
        &report,
        "signer_expired",
        Indication::Indeterminate,
        SubIndication::OutOfBoundsNoPoe,
    );
    // One that is of something else is a wrong signature of this document, whoever made it.
    let token = Authority::new(&stranger).stamp(b"something else");
    let prepared = prepare_timestamp(&sealed, "Stamp", 16 * 1024).unwrap();
    let report = judge(&root, &prepared.finish(&token).unwrap(), SOON);
    assert_finds(
        &report,
        "digest_differs",
        Indication::TotalFailed,
        SubIndication::HashFailure,
    );
}

/// The token that an authority of somebody's makes.
pub fn token_of(issuer: &Root, at: Timestamp, value: &[u8]) -> Vec<u8> {
    let clock = ManualClock::at(at);
    let authority = TimestampAuthority::new(issuer.timestamps(true), clock, Arc::new(SystemRandom::new())).unwrap();
    let request = Request {
        imprint: Imprint::sha256(&[value]),
        policy: None,
        nonce: None,
        certificates: true,
    };
    let answer = authority.respond(&request.to_der().unwrap()).unwrap();
    match Response::parse(&answer).unwrap() {
        Response::Granted(token) => token.der,
        refused => panic!("{refused:?}"),
    }
}

/// That strangers, so many of whom signed for the last, hide no revocation: it is found, or that not all was computed.
#[track_caller]
pub fn assert_hides_nothing(report: &Report, last: usize) {
    let is_limited = has(report, "limit_exceeded");
    assert_ne!(report.indication, Indication::TotalPassed, "{last}: {report:#?}");
    assert!(is_limited || has(report, "signer_revoked"), "{last}: {report:#?}");
    assert!(is_limited || last < 64, "{report:#?}");
}

#[test]
fn strangers_whose_signatures_use_up_what_may_be_computed_hide_no_revocation() {
    let (root, at) = (Root::new("示例根"), "2026-11-10T00:00:00Z".parse().unwrap());
    let identity = root.seal(&Leaf::default());
    let (_, leaf) = X509Certificate::from_der(&identity.chain[0]).unwrap();
    let folder = Folder::new();
    folder.write("list.crl", &root.list(&[leaf.raw_serial()], (2026, 12, 1)));
    let judge = |document: &[u8]| {
        let trust = Trust::new(vec![root.der.clone()], at).unwrap();
        let trust = trust.with_revocation(&folder.0).unwrap();
        Verifier::new(trust).verify(document, None, at)
    };
    assert!(has(&judge(&sample::sealed(&tiny("one"), &identity)), "signer_revoked"));
    // Nobody of these names has signed for who stamps, and each has to be tried.
    let crowd = |name: &str| -> Vec<_> { (0..64).map(|_| Root::new(name).der.to_vec()).collect() };
    let (first, second) = (crowd("路人甲示例根"), crowd("路人乙示例根"));
    let seal = Seal {
        contents_bytes: 32 * 1024,
        ..seal_of()
    };
    let prepared = prepare(&tiny("one"), &seal).unwrap();
    let message = identity.sign_detached(&prepared.bytes_to_sign()).unwrap();
    let message = with_timestamps(&message, |value| {
        let names = [&["路人甲示例根"; 7][..], &["路人乙示例根"]].concat();
        let issuers = names.into_iter().map(Root::new);
        issuers.map(|issuer| token_of(&issuer, at, value)).collect()
    });
    let document = prepared.finish(&message).unwrap();
    let [(_, contents)] = <[_; 1]>::try_from(signatures(&document)).unwrap();
    for last in 58..=64 {
        let data = ValidationData {
            certificates: first.iter().chain(&second[..last]).cloned().collect(),
            crls: Vec::new(),
            ocsp_responses: Vec::new(),
        };
        let report = judge(&add_validation_data(&document, &data, &[&contents]).unwrap());
        assert_eq!(report.signatures[0].timestamps.len(), 8);
        assert_hides_nothing(&report, last);
    }
}

#[test]
fn the_security_store_of_another_document_proves_nothing() {
    let root = Root::new("示例根");
    let sealed = sample::sealed(&tiny("one"), &root.seal(&short()));
    let [(_, mut contents)] =
        <[_; 1]>::try_from(signatures(&sample::sealed(&tiny("two"), &root.seal(&short())))).unwrap();
    let authority = Authority::new(&root);
    contents.truncate(2_000);
    let data = ValidationData {
        certificates: vec![root.der.to_vec()],
        crls: vec![root.list(&[], (2034, 1, 1))],
        ocsp_responses: Vec::new(),
    };
    let document = add_validation_data(&sealed, &data, &[&contents]).unwrap();
    let report = judge(&root, &document, SOON);
    assert_eq!(report.indication, Indication::TotalPassed, "{:?}", report.findings);
    assert_eq!(report.signatures[0].best_signature_time, None);
    assert!(has(&report, "signing_time_claimed"));
    let expired = |document: &[u8]| {
        assert_finds(
            &judge(&root, document, LATER),
            "signer_expired",
            Indication::Indeterminate,
            SubIndication::OutOfBoundsNoPoe,
        );
    };
    expired(&document);
    // Nor does a timestamp of the other document, put in as a certificate.
    let token = authority.stamp(b"another document");
    let data = ValidationData {
        certificates: vec![root.der.to_vec(), token],
        ..data
    };
    expired(&add_validation_data(&sealed, &data, &[&contents]).unwrap());
}

#[test]
fn what_is_no_timestamp_at_all_is_found() {
    let root = Root::new("示例根");
    let document = stamped(&root.seal(&short()), "one", |_| vec![5, 0]);
    assert_finds(
        &judge(&root, &document, SOON),
        "timestamp_wrong",
        Indication::Indeterminate,
        SubIndication::Generic,
    );
}
