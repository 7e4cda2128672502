//! Signers that may not sign, and signatures that are not made as they should be: each with its finding.

use cms::{
    content_info::ContentInfo,
    signed_data::{SignedData, SignerInfo, SignerInfos},
};
use der::{
    Any, Decode, Encode,
    asn1::{OctetString, SetOfVec},
};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose, PKCS_ED25519};
use x509_cert::attr::Attributes;
use yinxin::{
    formats::pdf::{Prepared, prepare},
    keys::Identity,
    verification::{Indication, Report, SubIndication},
};

use crate::{
    attacks::{assert_finds, noon},
    pki::{Leaf, Root},
    sample::{seal_of, sealed, tiny},
};

fn verdict(leaf: &Leaf) -> Report {
    let root = Root::new("示例根");
    let identity = root.seal(leaf);
    root.verifier().verify(&sealed(&tiny("one"), &identity), None, noon())
}

#[test]
fn an_ed25519_seal_passes() {
    let report = verdict(&Leaf {
        algorithm: &PKCS_ED25519,
        ..Leaf::default()
    });
    assert_eq!(report.indication, Indication::TotalPassed, "{:?}", report.findings);
    assert_eq!(report.signatures[0].algorithm.as_deref(), Some("Ed25519"));
}

#[test]
fn a_signer_under_another_root_is_not_trusted_but_intact() {
    let identity = Root::new("另一示例根").seal(&Leaf::default());
    let report = Root::new("示例根")
        .verifier()
        .verify(&sealed(&tiny("one"), &identity), None, noon());
    assert_finds(
        &report,
        "signer_untrusted",
        Indication::Indeterminate,
        SubIndication::NoCertificateChainFound,
    );
    assert!(report.signatures[0].intact && !report.signatures[0].trusted);
    assert_eq!(report.modified_after_signing, Some(false));
}

#[test]
fn a_root_of_the_same_name_is_not_the_root() {
    let identity = Root::new("示例根").seal(&Leaf::default());
    let report = Root::new("示例根")
        .verifier()
        .verify(&sealed(&tiny("one"), &identity), None, noon());
    assert_eq!(report.indication, Indication::Indeterminate);
    assert!(!report.signatures[0].trusted);
}

#[test]
fn a_signer_that_is_not_yet_valid_is_indeterminate() {
    let report = verdict(&Leaf {
        years: (2030, 2040),
        ..Leaf::default()
    });
    assert_finds(
        &report,
        "signer_not_yet_valid",
        Indication::Indeterminate,
        SubIndication::SigConstraintsFailure,
    );
}

#[test]
fn an_expired_signer_is_indeterminate_and_passes_as_of_a_time_when_it_was_valid() {
    let root = Root::new("示例根");
    let identity = root.seal(&Leaf {
        years: (2020, 2027),
        ..Leaf::default()
    });
    let sealed = sealed(&tiny("one"), &identity);
    let verify = |at: &str| root.verifier().verify(&sealed, None, at.parse().unwrap());
    assert_eq!(verify("2026-12-31T00:00:00Z").indication, Indication::TotalPassed);
    let report = verify("2027-01-02T00:00:00Z");
    assert_finds(
        &report,
        "signer_expired",
        Indication::Indeterminate,
        SubIndication::OutOfBoundsNoPoe,
    );
    assert!(report.signatures[0].intact);
}

#[test]
fn a_root_that_expired_no_longer_leads_to_trust() {
    let root = Root::new("示例根");
    let leaf = Leaf {
        years: (2020, 2050),
        ..Leaf::default()
    };
    let pdf = sealed(&tiny("one"), &root.seal(&leaf));
    let report = root
        .verifier()
        .verify(&pdf, None, "2046-01-01T00:00:00Z".parse().unwrap());
    assert_finds(
        &report,
        "signer_expired",
        Indication::Indeterminate,
        SubIndication::OutOfBoundsNoPoe,
    );
    assert!(!report.signatures[0].trusted);
}

#[test]
fn a_signer_whose_key_is_for_something_else_is_indeterminate() {
    for usages in [vec![KeyUsagePurpose::KeyEncipherment], Vec::new()] {
        let report = verdict(&Leaf {
            usages,
            ..Leaf::default()
        });
        assert_finds(
            &report,
            "key_usage",
            Indication::Indeterminate,
            SubIndication::ChainConstraintsFailure,
        );
        assert!(!report.signatures[0].trusted);
    }
    let report = verdict(&Leaf {
        purposes: vec![ExtendedKeyUsagePurpose::ServerAuth],
        ..Leaf::default()
    });
    assert_finds(
        &report,
        "key_purpose",
        Indication::Indeterminate,
        SubIndication::ChainConstraintsFailure,
    );
}

#[test]
fn a_signer_for_mail_or_documents_passes() {
    for oid in [&[1, 3, 6, 1, 5, 5, 7, 3, 36][..], &[1, 3, 6, 1, 5, 5, 7, 3, 4]] {
        let purposes = vec![ExtendedKeyUsagePurpose::Other(oid.to_vec())];
        assert_eq!(
            verdict(&Leaf {
                purposes,
                ..Leaf::default()
            })
            .indication,
            Indication::TotalPassed
        );
    }
}

/// Seals, then lets a test change the message before it goes into its gap.
fn tampered(change: impl Fn(&Identity, &mut SignedData)) -> Report {
    let root = Root::new("示例根");
    let identity = root.seal(&Leaf::default());
    let prepared: Prepared = prepare(&tiny("one"), &seal_of()).unwrap();
    let message = identity.sign_detached(&prepared.bytes_to_sign()).unwrap();
    let info = ContentInfo::from_der(&message).unwrap();
    let mut data: SignedData = info.content.decode_as().unwrap();
    change(&identity, &mut data);
    let content = Any::encode_from(&data).unwrap();
    let message = ContentInfo {
        content_type: info.content_type,
        content,
    }
    .to_der()
    .unwrap();
    root.verifier()
        .verify(&prepared.finish(&message).unwrap(), None, noon())
}

fn change_signer(data: &mut SignedData, change: impl Fn(&mut SignerInfo)) {
    let mut signer = data.signer_infos.0.as_slice()[0].clone();
    change(&mut signer);
    data.signer_infos = SignerInfos::try_from(vec![signer]).unwrap();
}

/// Changes the signed attributes and signs them again: the value is right, what it says is not.
fn resigned(change: impl Fn(&mut Vec<x509_cert::attr::Attribute>)) -> Report {
    tampered(|identity, data| {
        change_signer(data, |signer| {
            let mut attributes = signer.signed_attrs.as_ref().unwrap().as_slice().to_vec();
            change(&mut attributes);
            let attributes: Attributes = SetOfVec::try_from(attributes).unwrap();
            let value = identity.key.sign(&attributes.to_der().unwrap()).unwrap();
            signer.signed_attrs = Some(attributes);
            signer.signature = OctetString::new(value).unwrap();
        });
    })
}

const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_CERTIFICATE: &str = "1.2.840.113549.1.9.16.2.47";

#[test]
fn a_message_that_is_read_and_written_again_passes() {
    assert_eq!(tampered(|_, _| {}).indication, Indication::TotalPassed);
    assert_eq!(resigned(|_| {}).indication, Indication::TotalPassed);
}

#[test]
fn a_second_signer_fails() {
    let report = tampered(|_, data| {
        let first = data.signer_infos.0.as_slice()[0].clone();
        let mut second = first.clone();
        second.signature = OctetString::new(vec![1, 2, 3]).unwrap();
        data.signer_infos = SignerInfos::try_from(vec![first, second]).unwrap();
    });
    assert_finds(
        &report,
        "signer_count",
        Indication::TotalFailed,
        SubIndication::FormatFailure,
    );
}

#[test]
fn no_signer_fails() {
    let report = tampered(|_, data| data.signer_infos = SignerInfos::try_from(vec![]).unwrap());
    assert_finds(
        &report,
        "signer_count",
        Indication::TotalFailed,
        SubIndication::FormatFailure,
    );
}

#[test]
fn a_missing_message_digest_fails() {
    let report = resigned(|attributes| attributes.retain(|attribute| attribute.oid.to_string() != MESSAGE_DIGEST));
    assert_finds(
        &report,
        "message_digest_missing",
        Indication::TotalFailed,
        SubIndication::FormatFailure,
    );
    assert!(!report.signatures[0].intact);
}

#[test]
fn missing_signed_attributes_never_pass() {
    let report = tampered(|_, data| change_signer(data, |signer| signer.signed_attrs = None));
    assert_finds(
        &report,
        "signed_attributes_missing",
        Indication::TotalFailed,
        SubIndication::SigCryptoFailure,
    );
}

#[test]
fn a_missing_signing_certificate_attribute_never_passes() {
    let report = resigned(|attributes| attributes.retain(|attribute| attribute.oid.to_string() != SIGNING_CERTIFICATE));
    assert_finds(
        &report,
        "signing_certificate_missing",
        Indication::Indeterminate,
        SubIndication::SigConstraintsFailure,
    );
}

#[test]
fn a_signing_certificate_attribute_that_names_another_never_passes() {
    let report = resigned(|attributes| {
        let own = attributes
            .iter_mut()
            .find(|attribute| attribute.oid.to_string() == SIGNING_CERTIFICATE)
            .unwrap();
        let mut der = own.values.as_slice()[0].to_der().unwrap();
        // The hash comes first: SEQUENCE, SEQUENCE OF, ESSCertIDv2, OCTET STRING of 32.
        let at = der.windows(2).position(|window| window == [0x04, 0x20]).unwrap() + 2;
        der[at] ^= 1;
        own.values = SetOfVec::try_from(vec![Any::from_der(&der).unwrap()]).unwrap();
    });
    assert_finds(
        &report,
        "signing_certificate_differs",
        Indication::Indeterminate,
        SubIndication::NoSigningCertificateFound,
    );
}

#[test]
fn a_wrong_signature_value_fails() {
    let report = tampered(|identity, data| {
        change_signer(data, |signer| {
            signer.signature = OctetString::new(identity.key.sign(b"something else").unwrap()).unwrap();
        });
    });
    assert_finds(
        &report,
        "signature_wrong",
        Indication::TotalFailed,
        SubIndication::SigCryptoFailure,
    );
}

#[test]
fn a_message_without_the_signers_certificate_never_passes() {
    let report = tampered(|_, data| data.certificates = None);
    assert_finds(
        &report,
        "signer_certificate_missing",
        Indication::Indeterminate,
        SubIndication::NoSigningCertificateFound,
    );
}

#[test]
fn parts_that_the_signature_does_not_cover_never_pass() {
    let report = tampered(|_, data| {
        change_signer(data, |signer| signer.unsigned_attrs = signer.signed_attrs.clone());
    });
    assert_finds(
        &report,
        "cms_unsigned_parts",
        Indication::Indeterminate,
        SubIndication::Generic,
    );
    let with = |certificate: &[u8]| {
        let certificate = x509_cert::Certificate::from_der(certificate).unwrap();
        tampered(move |_, data| {
            let mut all = data.certificates.as_ref().unwrap().0.as_slice().to_vec();
            all.push(cms::cert::CertificateChoices::Certificate(certificate.clone()));
            data.certificates = Some(all.try_into().unwrap());
        })
    };
    // No signature covers that it is there: whole, or changed since.
    let whole = Root::new("路人示例根").der.to_vec();
    let mut changed = whole.clone();
    let at = changed.len() - 1;
    changed[at] ^= 1;
    for stranger in [whole, changed] {
        assert_finds(
            &with(&stranger),
            "cms_unused_certificate",
            Indication::Indeterminate,
            SubIndication::Generic,
        );
    }
}

#[test]
fn a_weak_digest_never_passes() {
    let sha1 = "1.3.14.3.2.26".parse().unwrap();
    let report = tampered(|_, data| {
        let weak = spki::AlgorithmIdentifierOwned {
            oid: sha1,
            parameters: None,
        };
        data.digest_algorithms = SetOfVec::try_from(vec![weak.clone()]).unwrap();
        change_signer(data, |signer| signer.digest_alg = weak.clone());
    });
    assert_finds(
        &report,
        "algorithm_weak",
        Indication::TotalFailed,
        SubIndication::SigCryptoFailure,
    );
}

#[test]
fn an_algorithm_that_the_signed_attributes_do_not_name_fails() {
    // `rsaEncryption` for `ecdsa-with-SHA256` would be another scheme; `id-ecPublicKey` means the same.
    let report = tampered(|_, data| {
        change_signer(data, |signer| {
            signer.signature_algorithm.oid = "1.2.840.10045.2.1".parse().unwrap();
        });
    });
    assert_finds(
        &report,
        "algorithm_protection_differs",
        Indication::TotalFailed,
        SubIndication::SigCryptoFailure,
    );
}

#[test]
fn versions_and_digests_that_do_not_fit_fail() {
    for change in [
        (|data: &mut SignedData| data.version = cms::content_info::CmsVersion::V3) as fn(&mut SignedData),
        |data| change_signer(data, |signer| signer.version = cms::content_info::CmsVersion::V3),
        |data| data.digest_algorithms = SetOfVec::new(),
    ] {
        let report = tampered(|_, data| change(data));
        assert_finds(
            &report,
            "cms_versions",
            Indication::TotalFailed,
            SubIndication::FormatFailure,
        );
    }
}

#[test]
fn a_signer_named_in_other_letters_is_found_but_never_passes() {
    let report = tampered(|_, data| {
        change_signer(data, |signer| {
            let mut der = signer.sid.to_der().unwrap();
            let at = der.windows(2).position(|window| window == b"CN").unwrap();
            der[at..at + 2].copy_from_slice(b"cn");
            signer.sid = cms::signed_data::SignerIdentifier::from_der(&der).unwrap();
        });
    });
    assert_finds(
        &report,
        "signer_named_otherwise",
        Indication::Indeterminate,
        SubIndication::NoSigningCertificateFound,
    );
    assert!(report.signatures[0].intact);
}

/// Stores the signed attributes in the wrong order; `sign` makes the value over what is sorted or over what is stored.
fn unsorted(sign: impl Fn(&Identity, &[u8], &[u8]) -> Vec<u8>) -> Report {
    let root = Root::new("示例根");
    // Its values are all of one length, so that nothing moves.
    let identity = root.seal(&Leaf {
        algorithm: &PKCS_ED25519,
        ..Leaf::default()
    });
    let prepared: Prepared = prepare(&tiny("one"), &seal_of()).unwrap();
    let mut message = identity.sign_detached(&prepared.bytes_to_sign()).unwrap();
    let info = ContentInfo::from_der(&message).unwrap();
    let data: SignedData = info.content.decode_as().unwrap();
    let signer = &data.signer_infos.0.as_slice()[0];
    let attributes = signer.signed_attrs.as_ref().unwrap();
    let sorted: Vec<Vec<u8>> = attributes.iter().map(|attribute| attribute.to_der().unwrap()).collect();
    let stored: Vec<u8> = sorted.iter().rev().flatten().copied().collect();
    let sorted = sorted.concat();
    let set = attributes.to_der().unwrap();
    let of_stored = [&set[..set.len() - stored.len()], &stored].concat();
    let value = sign(&identity, &set, &of_stored);
    for (old, new) in [(sorted.as_slice(), &stored), (signer.signature.as_bytes(), &value)] {
        let at = message.windows(old.len()).position(|window| window == old).unwrap();
        message[at..at + old.len()].copy_from_slice(new);
    }
    root.verifier()
        .verify(&prepared.finish(&message).unwrap(), None, noon())
}

#[test]
fn signed_attributes_out_of_order_are_verified_as_der_and_as_stored_and_never_pass() {
    let has = |report: &Report, code: &str| report.findings.iter().any(|finding| finding.code == code);
    let as_der = unsorted(|identity, sorted, _| identity.key.sign(sorted).unwrap());
    assert!(as_der.signatures[0].intact, "{:?}", as_der.findings);
    assert!(!has(&as_der, "signed_attributes_not_sorted"));
    let as_stored = unsorted(|identity, _, stored| identity.key.sign(stored).unwrap());
    assert!(as_stored.signatures[0].intact, "{:?}", as_stored.findings);
    assert!(has(&as_stored, "signed_attributes_not_sorted"));
    for report in [as_der, as_stored] {
        assert!(has(&report, "cms_not_der"), "{:?}", report.findings);
        assert_eq!(report.indication, Indication::Indeterminate);
    }
    let neither = unsorted(|identity, _, _| identity.key.sign(b"something else").unwrap());
    assert!(!neither.signatures[0].intact && has(&neither, "signature_wrong"));
}
