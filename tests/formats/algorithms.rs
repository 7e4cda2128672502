//! Signature algorithms, as OpenSSL makes them: certificates that it signed, and CMS messages in documents.

use std::process::Command;

use jiff::Timestamp;
use x509_parser::prelude::{FromDer, X509Certificate};
use yinxin::{
    formats::pdf::{Seal, prepare},
    verification::{
        Indication, Report, SubIndication, Trust, Verifier,
        algorithm::{verify, weakness_of},
    },
};

use crate::{
    attacks::assert_finds,
    sample::{seal_of, tiny},
};

/// A folder in which OpenSSL works.
struct OpenSsl(std::path::PathBuf);

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl OpenSsl {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("yinxin-algorithms-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn run(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(&self.0)
            .output()
            .expect("openssl is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {said}");
    }

    fn file(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }

    /// A key, and an X.509 certificate that it signed itself.
    fn identity(&self, key: &str, sign: &str) -> Vec<u8> {
        self.run(&format!("genpkey {key} -out key.pem"));
        self.run(&format!(
            "req -x509 -new -key key.pem -subj /CN=Sample -days 3650 -set_serial 7 -addext keyUsage=critical,digitalSignature \
             -outform DER -out cert.der {sign}"
        ));
        self.run("x509 -inform DER -in cert.der -out cert.pem");
        self.file("cert.der")
    }
}

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";

fn curve(name: &str) -> String {
    format!("-algorithm EC -pkeyopt ec_paramgen_curve:{name}")
}

/// What we say of the signature that an X.509 certificate has of its own key, and what is too weak in it.
fn judge(certificate: &[u8]) -> (Option<bool>, Option<String>) {
    let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
    let spki = parsed.public_key().raw;
    let signed = parsed.tbs_certificate.as_ref();
    let value = parsed.signature_value.data.as_ref();
    // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }
    let after = &certificate[certificate
        .windows(signed.len())
        .position(|window| window == signed)
        .unwrap()..];
    let algorithm = &after[signed.len()..signed.len() + 2 + usize::from(after[signed.len() + 1])];

    let right = verify(spki, algorithm, signed, value);
    for place in [0, signed.len() / 2, signed.len() - 1] {
        let mut other = signed.to_vec();
        other[place] ^= 1;
        assert_ne!(
            verify(spki, algorithm, &other, value),
            Some(true),
            "other bytes verify as well"
        );
    }
    for place in [value.len() / 2, value.len() - 1] {
        let mut other = value.to_vec();
        other[place] ^= 1;
        assert_ne!(
            verify(spki, algorithm, signed, &other),
            Some(true),
            "another value verifies as well"
        );
    }
    (right, weakness_of(spki, algorithm))
}

#[track_caller]
fn assert_right(key: &str, sign: &str) {
    let openssl = OpenSsl::new();
    assert_eq!(judge(&openssl.identity(key, sign)), (Some(true), None), "{key} {sign}");
}

#[test]
fn rsa_is_verified_with_every_digest() {
    for digest in [
        "sha224", "sha256", "sha384", "sha512", "sha3-224", "sha3-256", "sha3-384", "sha3-512",
    ] {
        assert_right(RSA, &format!("-{digest}"));
    }
    assert_right("-algorithm RSA -pkeyopt rsa_keygen_bits:2056", "-sha256");
    assert_right(
        "-algorithm RSA -pkeyopt rsa_keygen_bits:2051 -pkeyopt rsa_keygen_pubexp:3",
        "-sha256",
    );
}

#[test]
fn rsa_pss_is_verified_with_every_parameter() {
    for (digest, mask, salt) in [
        ("sha256", "sha256", 32),
        ("sha256", "sha256", 20),
        ("sha256", "sha256", 0),
        ("sha512", "sha512", 64),
        ("sha256", "sha1", 20),
        ("sha384", "sha256", 48),
    ] {
        assert_right(
            RSA,
            &format!(
                "-{digest} -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:{salt} -sigopt rsa_mgf1_md:{mask}"
            ),
        );
    }
    // A modulus of 8n + 1 bits makes the encoded message one octet shorter than the modulus.
    assert_right(
        "-algorithm RSA -pkeyopt rsa_keygen_bits:2049",
        "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32",
    );
}

#[test]
fn elliptic_curves_are_verified_with_every_digest() {
    for name in [
        "P-256",
        "P-384",
        "P-521",
        "brainpoolP256r1",
        "brainpoolP256t1",
        "brainpoolP384r1",
        "brainpoolP384t1",
        "brainpoolP512r1",
        "brainpoolP512t1",
    ] {
        for digest in ["sha224", "sha256", "sha384", "sha512", "sha3-256", "sha3-512"] {
            assert_right(&curve(name), &format!("-{digest}"));
        }
    }
}

#[test]
fn edwards_curves_and_sm2_are_verified() {
    assert_right("-algorithm ED25519", "");
    assert_right("-algorithm ED448", "");
    assert_right("-algorithm SM2", "-sm3 -sigopt distid:1234567812345678");
    let openssl = OpenSsl::new();
    let other = openssl.identity("-algorithm SM2", "-sm3 -sigopt distid:another");
    assert_eq!(judge(&other).0, Some(false), "SM2 under another identity");
}

#[test]
fn what_is_weak_is_computed_and_named() {
    for (key, sign, weak) in [
        (RSA, "-sha1", "SHA-1"),
        (RSA, "-md5", "MD5"),
        (P256, "-sha1", "SHA-1"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:1024", "-sha256", "RSA 1024"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:1023", "-sha256", "RSA 1023"),
    ] {
        let openssl = OpenSsl::new();
        assert_eq!(
            judge(&openssl.identity(key, sign)),
            (Some(true), Some(weak.to_owned())),
            "{key} {sign}"
        );
    }
    let openssl = OpenSsl::new();
    openssl.run("genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 -out dsa.pem");
    let dsa = openssl.identity("-paramfile dsa.pem", "-sha256");
    assert_eq!(judge(&dsa), (Some(true), Some("DSA".to_owned())));
}

#[test]
fn a_curve_or_algorithm_that_is_not_known_is_not_verified() {
    let openssl = OpenSsl::new();
    assert_eq!(judge(&openssl.identity(&curve("secp256k1"), "-sha256")).0, None);
    assert_eq!(judge(&openssl.identity(&curve("brainpoolP320r1"), "-sha512")).0, None);
}

/// A document in which OpenSSL signs, under a certificate that is its own root.
fn signed(key: &str, cms: &str, sub_filter: &str) -> Report {
    signed_as(key, cms, sub_filter, |message| message)
}

fn signed_as(key: &str, cms: &str, sub_filter: &str, write: impl Fn(Vec<u8>) -> Vec<u8>) -> Report {
    let openssl = OpenSsl::new();
    let certificate = openssl.identity(key, "");
    // OpenSSL makes certificates that count from now on.
    let now = Timestamp::now();
    let seal = Seal { time: now, ..seal_of() };
    let prepared = prepare(&tiny("one"), &seal).unwrap();
    // The same length, so that every place stays.
    let own = b"/ETSI.CAdES.detached";
    let other = format!("{:<20}", format!("/{sub_filter}"));
    let exchange = |bytes: &[u8]| {
        let place = bytes.windows(own.len()).position(|window| window == own);
        let mut bytes = bytes.to_vec();
        if let Some(place) = place {
            bytes[place..place + own.len()].copy_from_slice(other.as_bytes());
        }
        bytes
    };
    let content = exchange(&prepared.bytes_to_sign().concat());
    let content = match sub_filter {
        "adbe.pkcs7.sha1" => ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &content)
            .as_ref()
            .to_vec(),
        _ => content,
    };
    std::fs::write(openssl.0.join("content"), &content).unwrap();
    openssl.run(&format!(
        "cms -sign -binary -in content -signer cert.pem -inkey key.pem -outform DER -out message {cms}"
    ));
    let document = exchange(&prepared.finish(&write(openssl.file("message"))).unwrap());
    let trust = Trust::new(vec![certificate.into()], "2026-11-02T00:00:00Z".parse().unwrap()).unwrap();
    Verifier::new(trust).verify(&document, None, now)
}

#[track_caller]
fn assert_intact(report: &Report) {
    assert!(report.signatures[0].intact, "{:#?}", report.findings);
    assert_eq!(report.modified_after_signing, Some(false), "{:#?}", report.findings);
    let errors = report.findings.iter().filter(|finding| {
        finding.severity == yinxin::verification::Severity::Error
            && !finding.code.starts_with("signer_")
            && !finding.code.starts_with("chain_")
    });
    let codes: Vec<_> = errors.map(|finding| finding.code.as_str()).collect();
    assert!(codes.is_empty(), "{codes:?}");
}

fn has(report: &Report, code: &str) -> bool {
    report.findings.iter().any(|finding| finding.code == code)
}

#[test]
fn messages_of_openssl_are_intact() {
    for cms in ["-cades", "-cades -keyid", "-cades -md sha384", "-cades -md sha512"] {
        let report = signed(P256, cms, "ETSI.CAdES.detached");
        assert_intact(&report);
        assert!(!has(&report, "cms_not_der") && !has(&report, "cms_ber"), "{cms}");
    }
    for cms in ["", "-keyopt rsa_padding_mode:pss"] {
        assert_intact(&signed(RSA, cms, "adbe.pkcs7.detached"));
    }
}

/// The same values with indefinite lengths, and long strings in segments.
fn ber(der: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = der;
    while let [tag, first, ..] = *rest {
        let count = if first < 0x80 { 0 } else { usize::from(first & 0x7F) };
        let length = match count {
            0 => usize::from(first),
            _ => rest[2..2 + count]
                .iter()
                .fold(0, |length, octet| length << 8 | usize::from(*octet)),
        };
        let (value, after) = rest.split_at(2 + count + length);
        let contents = &value[2 + count..];
        match tag {
            // ContentInfo, SignedData and what stands in them, but not within X.509 certificates.
            0x30 | 0x31 | 0xA0 if !contents.starts_with(&[0x30, 0x82]) || tag == 0xA0 => {
                out.extend([tag, 0x80]);
                out.extend(ber(contents));
                out.extend([0, 0]);
            }
            0x04 if length > 20 => {
                let (one, other) = contents.split_at(20);
                out.extend([0x24, 0x80, 0x04, 20]);
                out.extend(one);
                out.extend([0x04, 0x82, 0x00, u8::try_from(other.len()).unwrap()]);
                out.extend(other);
                out.extend([0, 0]);
            }
            _ => out.extend(value),
        }
        rest = after;
    }
    out
}

#[test]
fn ber_is_read_where_the_standard_asks_for_der_and_a_pades_signature_in_it_never_passes() {
    let report = signed_as(RSA, "", "adbe.pkcs7.detached", |message| ber(&message));
    assert_intact(&report);
    assert!(has(&report, "cms_ber"), "{:?}", report.findings);
    // The same X.509 certificate twice in the SET OF, which others write now and then.
    let twice = |message: Vec<u8>| {
        let mut message = ber(&message);
        let start = message.windows(2).position(|window| window == [0x30, 0x82]).unwrap();
        let length = usize::from(message[start + 2]) << 8 | usize::from(message[start + 3]);
        let certificate = message[start..start + 4 + length].to_vec();
        message.splice(start..start, certificate);
        message
    };
    assert_intact(&signed_as(RSA, "", "adbe.pkcs7.detached", twice));
    let report = signed_as(RSA, "-cades", "ETSI.CAdES.detached", |message| ber(&message));
    assert!(
        report.signatures[0].intact && has(&report, "cms_not_der"),
        "{:?}",
        report.findings
    );
    assert_eq!(report.indication, Indication::Indeterminate);
}

#[test]
fn a_pkcs7_signature_need_not_name_its_certificate_but_a_pades_one_must() {
    assert_intact(&signed(RSA, "", "adbe.pkcs7.detached"));
    let report = signed(RSA, "", "ETSI.CAdES.detached");
    assert!(has(&report, "signing_certificate_missing"), "{:?}", report.findings);
    assert!(report.signatures[0].intact);
}

#[test]
fn a_sha1_signature_is_intact_and_too_weak() {
    let report = signed(RSA, "-md sha1", "adbe.pkcs7.detached");
    assert!(report.signatures[0].intact, "{:?}", report.findings);
    assert_eq!(report.modified_after_signing, Some(false));
    assert_finds(
        &report,
        "algorithm_weak",
        Indication::Indeterminate,
        SubIndication::CryptoConstraintsFailure,
    );
}

#[test]
fn a_pkcs7_signature_over_a_sha1_is_intact_and_too_weak() {
    for cms in ["-nodetach", "-nodetach -stream"] {
        let report = signed(RSA, cms, "adbe.pkcs7.sha1");
        assert!(report.signatures[0].intact, "{:?}", report.findings);
        assert!(has(&report, "algorithm_weak") && report.indication == Indication::Indeterminate);
    }
    // Its content is not the digest of the bytes, or is not there.
    let report = signed(RSA, "-nodetach", "adbe.pkcs7.detached");
    assert!(has(&report, "cms_malformed") && report.indication == Indication::TotalFailed);
    let report = signed(RSA, "", "adbe.pkcs7.sha1");
    assert!(
        !report.signatures[0].intact && has(&report, "cms_malformed"),
        "{:?}",
        report.findings
    );
}

#[test]
fn a_signature_without_signed_attributes_is_over_the_content_and_never_passes() {
    let report = signed(RSA, "-noattr", "adbe.pkcs7.detached");
    assert!(report.signatures[0].intact, "{:?}", report.findings);
    assert!(has(&report, "signed_attributes_missing"));
    assert_eq!(report.indication, Indication::Indeterminate);
}
