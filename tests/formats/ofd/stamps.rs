//! Timestamps in seals and signatures: what they are of, who made them, and what they prove.

use std::{fs, rc::Rc};

use ring::digest::{SHA256, digest};
use sm3::{Digest as _, Sm3};
use yinxin::{
    formats::{cms, timestamp::Response},
    verification::{Indication, Report, Trust, Verifier},
};

use super::{
    at,
    book::Book,
    der::{bits, generalized, integer, octets, oid, sequence, set, tlv, utc},
    errors,
    people::{Person, SM2_SM3, Says},
    seals::{Cast, MakeSeal, Sign, Stamping, sealed},
};
use crate::{command::Folder, pki::Root, proofs::token_of};

mod messages;

/// Before what expires or is revoked at five past, and after.
const BEFORE: &str = "2026-11-02T04:01:00Z";
const FIVE_PAST: &str = "2026-11-02T04:05:00Z";
const AFTER: &str = "2026-11-02T04:07:00Z";

const SM3_OID: &str = "1.2.156.10197.1.401";
const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";

/// `signedData` by RFC 5652 and by GB/T 35275.
const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const SIGNED_DATA_35275: &str = "1.2.156.10197.6.1.4.2.2";

/// A token by an authority with an SM2 key: SM3 throughout.
fn token(authority: &Person, issuer: &Person, time: &str, content: &[u8]) -> Vec<u8> {
    token_as((SIGNED_DATA, 3), authority, issuer, time, content)
}

/// One likewise, as a message under an identifier and of a version.
fn token_as(form: (&str, u8), authority: &Person, issuer: &Person, time: &str, content: &[u8]) -> Vec<u8> {
    token_with(form, authority, issuer, &[], (time, content))
}

/// One likewise, with more X.509 certificates.
fn token_with(
    (kind, version): (&str, u8),
    authority: &Person,
    issuer: &Person,
    others: &[Vec<u8>],
    (time, content): (&str, &[u8]),
) -> Vec<u8> {
    let sm3 = sequence(&[&oid(SM3_OID)]);
    let info = sequence(&[
        &integer(1),
        &oid("1.2.3.4"),
        &sequence(&[&sm3, &octets(&Sm3::digest(content))]),
        &integer(7),
        &generalized(time),
    ]);
    let attribute = |kind: &str, value: &[u8]| sequence(&[&oid(kind), &set(&[value])]);
    let own = octets(digest(&SHA256, &authority.certificate).as_ref());
    let mut attributes = [
        attribute("1.2.840.113549.1.9.3", &oid(TST_INFO)),
        attribute("1.2.840.113549.1.9.4", &octets(&Sm3::digest(&info))),
        attribute(
            "1.2.840.113549.1.9.16.2.47",
            &sequence(&[&sequence(&[&sequence(&[&own])])]),
        ),
    ];
    attributes.sort();
    let attributes = attributes.concat();
    let signer = sequence(&[
        &integer(1),
        &sequence(&[&issuer.name, &integer(authority.serial)]),
        &sm3,
        &tlv(0xA0, &attributes),
        &sequence(&[&oid(SM2_SM3)]),
        &octets(&authority.sign(&tlv(0x31, &attributes))),
    ]);
    let signed = sequence(&[
        &integer(version),
        &set(&[&sm3]),
        &sequence(&[&oid(TST_INFO), &tlv(0xA0, &octets(&info))]),
        &tlv(0xA0, &[&authority.certificate, &others.concat()[..]].concat()),
        &set(&[&signer]),
    ]);
    sequence(&[&oid(kind), &tlv(0xA0, &signed)])
}

fn authority(root: &Person) -> Person {
    let says = Says {
        name: "示例时间戳",
        stamps: true,
        ..Says::default()
    };
    Person::new(21, &says, Some(root))
}

/// One whom the cast's root vouches for, of what it is asked to stamp.
fn stamping(time: &'static str) -> Stamping {
    let root = Cast::new().root;
    Rc::new(move |content| token(&authority(&root), &root, time, content))
}

/// One who stamps something else.
fn stamping_other(time: &'static str) -> Stamping {
    let right = stamping(time);
    Rc::new(move |_| right(b"something else"))
}

fn stranger(time: &'static str) -> Stamping {
    let root = Person::root(22, "他处的根");
    Rc::new(move |content| token(&authority(&root), &root, time, content))
}

/// The cast with a signer or maker who says otherwise.
fn cast(signer: Says, maker: Says) -> Cast {
    let root = Cast::new().root;
    Cast {
        signer: Person::new(3, &signer, Some(&root)),
        maker: Person::new(2, &maker, Some(&root)),
        root,
    }
}

fn expiring() -> Says {
    Says {
        until: FIVE_PAST,
        ..Says::default()
    }
}

fn book(cast: &Cast, seal: &MakeSeal, sign: &Sign<'_>) -> Book {
    let mut book = Book::new();
    sign.seal(&mut book, &seal.make(&cast.maker), &cast.signer);
    book
}

fn report(cast: &Cast, seal: &MakeSeal, sign: &Sign<'_>) -> Report {
    super::report(cast, &book(cast, seal, sign).zip())
}

fn stamped(cast: &Cast, stamp: Option<Stamping>) -> Report {
    let sign = Sign {
        stamp,
        ..Sign::default()
    };
    report(cast, &MakeSeal::new(4, &cast.signer), &sign)
}

fn has(report: &Report, code: &str) -> bool {
    report.findings.iter().any(|finding| finding.code == code)
}

#[track_caller]
fn passes_with(report: &Report, code: &str) {
    assert_eq!(report.indication, Indication::TotalPassed, "{:#?}", report.findings);
    assert!(has(report, code), "{:#?}", report.findings);
}

#[track_caller]
fn refused_by(report: &Report, codes: &[&str]) {
    assert_eq!(
        errors(report),
        codes.iter().copied().collect(),
        "{:#?}",
        report.findings
    );
    assert_ne!(report.indication, Indication::TotalPassed);
}

#[test]
fn a_timestamp_with_sm2_proves_when_a_seal_was_used() {
    let cast = Cast::new();
    for version in [4, 5] {
        let right = stamping(BEFORE);
        let of_bits: Stamping = Rc::new({
            let right = right.clone();
            move |value| right(&bits(value))
        });
        let answer: Stamping = Rc::new({
            let right = right.clone();
            move |value| Response::granted(&right(value)).unwrap()
        });
        for stamp in [right, of_bits, answer] {
            let sign = Sign {
                version,
                stamp: Some(stamp),
                ..Sign::default()
            };
            let report = report(&cast, &MakeSeal::new(version, &cast.signer), &sign);
            passes_with(&report, "signing_time_proven");
            assert!(!has(&report, "signing_time_claimed"));
            let signature = &report.signatures[0];
            assert_eq!(signature.signing_time, Some(at("2026-11-02T04:00:00Z")));
            assert_eq!(signature.best_signature_time, Some(at(BEFORE)));
            assert_eq!(signature.signing_time_proof.as_deref(), Some("timestamp"));
            let [stamp] = signature.timestamps.as_slice() else {
                panic!("{:?}", signature.timestamps)
            };
            assert!(stamp.intact && stamp.trusted);
            assert_eq!(
                (stamp.time, stamp.authority.as_deref()),
                (at(BEFORE), Some("示例时间戳"))
            );
        }
    }
}

#[test]
fn a_timestamp_with_another_algorithm_proves_as_much() {
    let cast = cast(expiring(), Says::default());
    let root = Root::new("示例时间戳根");
    let der = root.der.clone();
    let stamp: Stamping = Rc::new(move |value| token_of(&root, at(BEFORE), value));
    let sign = Sign {
        stamp: Some(stamp),
        ..Sign::default()
    };
    let bytes = book(&cast, &MakeSeal::new(4, &cast.signer), &sign).zip();
    let roots = vec![cast.root.certificate.clone().into(), der];
    let verifier = Verifier::new(Trust::new(roots, at(BEFORE)).unwrap());
    let report = verifier.verify(&bytes, None, at("2026-11-02T04:10:00Z"));
    passes_with(&report, "signer_expired_since");
    assert_eq!(report.signatures[0].best_signature_time, Some(at(BEFORE)));
}

#[test]
fn a_timestamp_that_is_a_message_by_gbt_35275_proves_as_much() {
    let signer = cast(expiring(), Says::default());
    let stamp_of = |kind, version, time| -> Stamping {
        let root = Cast::new().root;
        Rc::new(move |content| token_as((kind, version), &authority(&root), &root, time, content))
    };
    // That standard has one version for all; some write the other's.
    for version in [1, 3] {
        let right = stamp_of(SIGNED_DATA_35275, version, BEFORE);
        passes_with(&stamped(&signer, Some(right.clone())), "signing_time_proven");
        let answer: Stamping = Rc::new(move |value| Response::granted(&right(value)).unwrap());
        passes_with(&stamped(&signer, Some(answer)), "signing_time_proven");
    }
    refused_by(
        &stamped(&signer, Some(stamp_of(SIGNED_DATA_35275, 1, AFTER))),
        &["signer_expired"],
    );
    // Version 1 is not RFC 5652's, and neither standard has a second.
    for (kind, version) in [(SIGNED_DATA, 1), (SIGNED_DATA_35275, 2), ("1.2.156.10197.6.1.4.2.3", 1)] {
        let report = stamped(&Cast::new(), Some(stamp_of(kind, version, BEFORE)));
        refused_by(&report, &["timestamp_wrong"]);
    }
    // A PDF's messages are those of RFC 5652.
    let token = stamp_of(SIGNED_DATA_35275, 1, BEFORE)(b"content");
    assert_eq!(cms::parse(&token).unwrap_err(), cms::ParseError::NotSignedData);
}

#[test]
fn what_has_expired_since_a_timestamp_does_no_harm() {
    let signer = cast(expiring(), Says::default());
    refused_by(&stamped(&signer, None), &["signer_expired"]);
    refused_by(&stamped(&signer, Some(stamping(AFTER))), &["signer_expired"]);
    passes_with(&stamped(&signer, Some(stamping(BEFORE))), "signer_expired_since");

    let maker = cast(Says::default(), expiring());
    refused_by(&stamped(&maker, None), &["seal_maker_expired"]);
    refused_by(&stamped(&maker, Some(stamping(AFTER))), &["seal_maker_expired"]);
    passes_with(&stamped(&maker, Some(stamping(BEFORE))), "seal_maker_expired_since");

    let cast = Cast::new();
    let with = |stamp| {
        let seal = MakeSeal {
            until: FIVE_PAST,
            ..MakeSeal::new(4, &cast.signer)
        };
        let sign = Sign {
            stamp,
            ..Sign::default()
        };
        report(&cast, &seal, &sign)
    };
    refused_by(&with(None), &["seal_expired"]);
    refused_by(&with(Some(stamping(AFTER))), &["seal_expired"]);
    passes_with(&with(Some(stamping(BEFORE))), "seal_expired_since");
}

/// A CRL of the root that revokes a person at five past.
fn list(root: &Person, revoked: &Person) -> Vec<u8> {
    let algorithm = sequence(&[&oid(SM2_SM3)]);
    let entry = sequence(&[&integer(revoked.serial), &utc(FIVE_PAST)]);
    let body = sequence(&[
        &integer(1),
        &algorithm,
        &root.name,
        &utc("2026-11-02T04:06:00Z"),
        &utc("2026-12-02T04:06:00Z"),
        &sequence(&[&entry]),
    ]);
    sequence(&[&body, &algorithm, &bits(&root.sign(&body))])
}

/// The report of one who has that list.
fn revoking(cast: &Cast, revoked: &Person, seal: &MakeSeal, sign: &Sign<'_>) -> Report {
    revoking_of(cast, revoked, &book(cast, seal, sign))
}

/// The same of any document.
fn revoking_of(cast: &Cast, revoked: &Person, book: &Book) -> Report {
    let folder = Folder::new();
    fs::write(folder.0.join("list.crl"), list(&cast.root, revoked)).unwrap();
    let trust = Trust::new(vec![cast.root.certificate.clone().into()], at(BEFORE)).unwrap();
    let verifier = Verifier::new(trust.with_revocation(&folder.0).unwrap());
    verifier.verify(&book.zip(), None, at("2026-11-02T04:10:00Z"))
}

#[test]
fn what_was_revoked_since_a_timestamp_does_no_harm() {
    let cast = Cast::new();
    let report = |revoked, stamp| {
        let sign = Sign {
            stamp,
            ..Sign::default()
        };
        revoking(&cast, revoked, &MakeSeal::new(4, &cast.signer), &sign)
    };
    refused_by(&report(&cast.signer, None), &["signer_revoked"]);
    refused_by(&report(&cast.signer, Some(stamping(AFTER))), &["signer_revoked"]);
    passes_with(&report(&cast.signer, Some(stamping(BEFORE))), "signer_revoked_since");
    refused_by(&report(&cast.maker, None), &["seal_maker_revoked"]);
    passes_with(&report(&cast.maker, Some(stamping(BEFORE))), "seal_maker_revoked_since");
}

#[test]
fn a_timestamp_of_something_else_or_one_that_was_changed_is_found_alone() {
    let cast = Cast::new();
    let report = stamped(&cast, Some(stamping_other(BEFORE)));
    refused_by(&report, &["timestamp_of_another_signature"]);
    assert!(report.signatures[0].intact && report.signatures[0].timestamps.is_empty());
    let right = stamping(BEFORE);
    let changed: Stamping = Rc::new(move |value| {
        let mut token = right(value);
        *token.last_mut().unwrap() ^= 1;
        token
    });
    refused_by(&stamped(&cast, Some(changed)), &["timestamp_wrong"]);
    let empty: Stamping = Rc::new(|_| sequence(&[]));
    refused_by(&stamped(&cast, Some(empty)), &["timestamp_wrong"]);
    // Later than the verification itself.
    let report = stamped(&cast, Some(stamping("2026-11-02T05:00:00Z")));
    refused_by(&report, &["timestamp_order"]);
}

#[test]
fn an_authority_that_is_not_trusted_proves_nothing_and_harms_nothing() {
    let report = stamped(&Cast::new(), Some(stranger(BEFORE)));
    passes_with(&report, "timestamp_untrusted");
    assert!(has(&report, "signing_time_claimed"));
    assert_eq!(report.signatures[0].best_signature_time, None);
    assert!(!report.signatures[0].timestamps[0].trusted);
    let signer = cast(expiring(), Says::default());
    refused_by(&stamped(&signer, Some(stranger(BEFORE))), &["signer_expired"]);
    // One that is trusted, but not for timestamps.
    let other: Stamping = Rc::new(|value| {
        let cast = Cast::new();
        token(&cast.maker, &cast.root, BEFORE, value)
    });
    refused_by(&stamped(&signer, Some(other)), &["signer_expired"]);
}

#[test]
fn a_timestamp_for_the_time_of_version_1_proves_only_that_it_was_signed_later() {
    let early = |cast: &Cast, stamped_time| {
        let sign = Sign {
            version: 1,
            stamped_time: Some(stamped_time),
            ..Sign::default()
        };
        report(cast, &MakeSeal::new(1, &cast.signer), &sign)
    };
    let report = early(&Cast::new(), stamping(BEFORE));
    passes_with(&report, "signed_after_timestamp");
    let signature = &report.signatures[0];
    assert_eq!(
        (signature.signing_time, signature.best_signature_time),
        (Some(at(BEFORE)), None)
    );
    let signer = cast(expiring(), Says::default());
    refused_by(&early(&signer, stamping(BEFORE)), &["signer_expired"]);
    let report = early(&signer, stamping(AFTER));
    refused_by(&report, &["claimed_time_outside_validity", "signed_after_expiry"]);
    assert_eq!(report.indication, Indication::TotalFailed);
    let report = early(&Cast::new(), stamping_other(BEFORE));
    refused_by(&report, &["timestamp_of_another_signature"]);
}

#[test]
fn a_timestamp_in_a_seal_proves_when_it_was_made() {
    let cast = Cast::new();
    let with = |stamp| {
        let seal = MakeSeal {
            stamp,
            ..MakeSeal::new(5, &cast.signer)
        };
        let sign = Sign {
            version: 5,
            ..Sign::default()
        };
        revoking(&cast, &cast.maker, &seal, &sign)
    };
    let report = with(Some(stamping(BEFORE)));
    passes_with(&report, "seal_maker_revoked_since");
    // It proves nothing of the signature.
    assert_eq!(report.signatures[0].best_signature_time, None);
    refused_by(&with(None), &["seal_maker_revoked"]);
    refused_by(&with(Some(stamping(AFTER))), &["seal_maker_revoked"]);
    let report = with(Some(stamping_other(BEFORE)));
    refused_by(&report, &["seal_maker_revoked", "seal_timestamp_wrong"]);
}

#[test]
fn an_expired_maker_who_was_revoked_is_not_believed_when_the_seal_was_made() {
    let cast = cast(Says::default(), expiring());
    let sign = Sign {
        version: 5,
        ..Sign::default()
    };
    let seal = MakeSeal::new(5, &cast.signer);
    passes_with(&report(&cast, &seal, &sign), "seal_maker_expired_since");
    refused_by(&revoking(&cast, &cast.maker, &seal, &sign), &["seal_maker_expired"]);
}

#[test]
fn a_plain_time_stays_a_claim() {
    let cast = Cast::new();
    let report = super::report(&cast, &sealed(&cast).zip());
    passes_with(&report, "signing_time_claimed");
    assert_eq!(report.signatures[0].best_signature_time, None);
    let sign = Sign {
        time: "2026-11-02T06:00:00Z",
        ..Sign::default()
    };
    let report = self::report(&cast, &MakeSeal::new(4, &cast.signer), &sign);
    refused_by(&report, &["claimed_time_in_future"]);
}
