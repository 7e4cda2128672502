//! Each layer catches what the others do not: it is broken alone, and found alone.

use yinxin::verification::{Format, Indication, SignatureKind, SubIndication};

use super::{
    at,
    book::Book,
    errors, found,
    people::{Person, Says},
    refused, report,
    seals::{Cast, MakeSeal, Sign, sealed},
};

#[test]
fn a_seal_by_the_rules_passes_and_says_who_sealed_what() {
    let cast = Cast::new();
    let report = report(&cast, &sealed(&cast).zip());
    assert_eq!(report.indication, Indication::TotalPassed, "{:#?}", report.findings);
    assert_eq!(report.format, Format::Ofd);
    assert_eq!(report.modified_after_signing, Some(false));
    let [signature] = report.signatures.as_slice() else {
        panic!("{:?}", report.signatures)
    };
    assert!(signature.intact && signature.trusted && signature.covers_whole_document);
    assert_eq!(signature.kind, SignatureKind::Seal);
    assert_eq!(signature.signer.as_deref(), Some("示例县人社局"));
    assert_eq!(signature.seal_name.as_deref(), Some("示例县人社局"));
    assert_eq!(signature.chain, ["示例县人社局", "示例根"]);
    assert_eq!(signature.signing_time, Some(at("2026-11-02T04:00:00Z")));
    let picture = signature.seal_picture.as_ref().unwrap();
    assert_eq!((picture.media_type.as_str(), picture.width_mm), ("image/png", 40));
    let stated: Vec<_> = report
        .stated
        .iter()
        .map(|said| (said.name.as_str(), said.value.as_str()))
        .collect();
    assert_eq!(stated, [("ZZMC", "示例证明"), ("CZZT", "示例人甲")]);
}

#[test]
fn every_version_list_and_form_of_the_value_passes() {
    let cast = Cast::new();
    for version in [1, 4, 5] {
        for digests in [false, true] {
            for raw_value in [false, true] {
                if digests && version == 1 {
                    continue;
                }
                let mut book = Book::new();
                let mut seal = MakeSeal::new(version, &cast.signer);
                seal.digests = digests;
                let sign = Sign {
                    version,
                    raw_value,
                    ..Sign::default()
                };
                sign.seal(&mut book, &seal.make(&cast.maker), &cast.signer);
                let report = report(&cast, &book.zip());
                assert_eq!(
                    report.indication,
                    Indication::TotalPassed,
                    "{version}: {:#?}",
                    report.findings
                );
            }
        }
    }
}

#[test]
fn a_seals_picture_is_shown_by_its_bytes_an_ofd_among_them_as_svg() {
    let cast = Cast::new();
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec();
    let mut drawn = Book::new();
    let path = "<ofd:PathObject ID=\"14\" Boundary=\"1 2 30 30\" Fill=\"true\"><ofd:FillColor Value=\"220 20 20\"/>\
                <ofd:AbbreviatedData>M 0 0 L 30 0 L 30 30 C</ofd:AbbreviatedData></ofd:PathObject>";
    let area = "<ofd:Area><ofd:PhysicalBox>0 0 40 40</ofd:PhysicalBox></ofd:Area><ofd:Content>";
    drawn.replace("Doc_0/Pages/Page_0/Content.xml", "<ofd:Content>", area);
    drawn.replace(
        "Doc_0/Pages/Page_0/Content.xml",
        "</ofd:Layer>",
        &format!("{path}</ofd:Layer>"),
    );
    let cases = [
        (svg, Some("image/svg+xml"), "<svg"),
        (drawn.zip(), Some("image/svg+xml"), "d=\"M 0 0L 30 0L 30 30Z\""),
        (b"<script>alert(1)</script>".to_vec(), None, ""),
        (vec![0x89; 2_000_000], None, ""),
    ];
    for (picture, kind, inside) in cases {
        let mut seal = MakeSeal::new(4, &cast.signer);
        seal.picture = picture;
        let mut book = Book::new();
        Sign::default().seal(&mut book, &seal.make(&cast.maker), &cast.signer);
        let report = report(&cast, &book.zip());
        assert_eq!(report.indication, Indication::TotalPassed);
        let shown = report.signatures[0].seal_picture.as_ref();
        assert_eq!(shown.map(|shown| shown.media_type.as_str()), kind);
        if let Some(shown) = shown {
            let text = data_encoding::BASE64.decode(shown.base64.as_bytes()).unwrap();
            assert!(String::from_utf8(text).unwrap().contains(inside));
        }
    }
}

#[test]
fn messages_by_gbt_35275_pass_and_a_value_alone_names_no_signer() {
    let cast = Cast::new();
    for attributes in [true, false] {
        let mut book = Book::new();
        Sign::default().message(&mut book, &cast.signer, &cast.root, attributes);
        let report = report(&cast, &book.zip());
        assert!(
            report.signatures[0].intact && report.signatures[0].trusted,
            "{:#?}",
            report.findings
        );
        assert_eq!(report.modified_after_signing, Some(false));
        // Without attributes nothing says when.
        let expected = if attributes {
            Indication::TotalPassed
        } else {
            Indication::Indeterminate
        };
        assert_eq!(report.indication, expected, "{:#?}", report.findings);
        book.replace("Doc_0/Signs/Sign_0/Signature.xml", "Example", "Another");
        let report = super::report(&cast, &book.zip());
        assert!(
            errors(&report).contains("signature_file_changed"),
            "{:#?}",
            report.findings
        );
        assert_eq!(report.modified_after_signing, Some(true));
    }
    let mut book = Book::new();
    Sign::default().bare(&mut book, &cast.signer);
    let report = refused(&cast, &book.zip(), &["signer_certificate_missing"]);
    assert_eq!(report.sub_indication, Some(SubIndication::NoSigningCertificateFound));
    assert_eq!(report.modified_after_signing, None);
}

#[test]
fn a_wrong_value_is_found_alone() {
    let report = signed(|_, sign| sign.flip_value = true, &["signature_wrong"]);
    assert_eq!(report.indication, Indication::TotalFailed);
    assert_eq!(report.sub_indication, Some(SubIndication::SigCryptoFailure));
    assert_eq!(report.modified_after_signing, None);
}

#[test]
fn a_digest_of_another_description_is_found_alone() {
    let report = signed(|_, sign| sign.other_hash = true, &["signature_file_changed"]);
    assert_eq!(report.sub_indication, Some(SubIndication::HashFailure));
    assert_eq!(report.modified_after_signing, Some(true));
}

#[test]
fn a_changed_part_is_found_alone_though_the_value_is_right() {
    let report = found(
        |book| book.replace("Doc_0/Pages/Page_0/Content.xml", "示例人甲", "示例人乙"),
        &["part_changed"],
    );
    assert_eq!(report.sub_indication, Some(SubIndication::HashFailure));
    assert_eq!(report.modified_after_signing, Some(true));
    assert!(!report.signatures[0].intact);
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.message.en.contains("Pages/Page_0/Content.xml"))
    );
}

#[test]
fn another_seal_beside_the_signature_is_found_alone() {
    let cast = Cast::new();
    let mut book = Book::new();
    let seal = MakeSeal::new(4, &cast.signer);
    let sign = Sign {
        leaves_open: &["Seal.esl"],
        ..Sign::default()
    };
    sign.seal(&mut book, &seal.make(&cast.maker), &cast.signer);
    assert_eq!(report(&cast, &book.zip()).indication, Indication::TotalPassed);
    let mut other = seal.clone();
    other.until = "2031-01-01T00:00:00Z";
    book.put("Doc_0/Signs/Sign_0/Seal.esl", other.make(&cast.maker));
    let report = refused(&cast, &book.zip(), &["seal_file_differs"]);
    assert_eq!(report.indication, Indication::TotalFailed);
    assert_eq!(report.modified_after_signing, Some(true));
    // A seal that stands in the signature only is no fault.
    book.take("Doc_0/Signs/Sign_0/Seal.esl");
    assert_eq!(super::report(&cast, &book.zip()).indication, Indication::TotalPassed);
}

#[test]
fn a_seal_that_its_maker_did_not_make_is_found_alone() {
    for version in [1, 4, 5] {
        let report = signed(
            |seal, sign| {
                (
                    seal.version,
                    seal.number,
                    seal.early_list,
                    seal.flip_value,
                    sign.version,
                ) = (version, version, version == 1, true, version)
            },
            &["seal_signature_wrong"],
        );
        assert_eq!(report.indication, Indication::TotalFailed);
    }
}

#[test]
fn a_signer_who_is_not_in_the_seals_list_is_found_alone() {
    let report = signed(
        |seal, _| seal.listed = vec![Cast::new().maker.certificate],
        &["signer_not_in_seal"],
    );
    assert_eq!(report.indication, Indication::TotalFailed);
    signed(
        |seal, _| (seal.digests, seal.listed) = (true, vec![Cast::new().root.certificate]),
        &["signer_not_in_seal"],
    );
}

#[test]
fn the_validity_of_the_seal_is_looked_at_when_it_signed_and_now() {
    signed(
        |seal, _| seal.from = "2026-11-02T04:05:00Z",
        &["seal_not_valid_when_signed"],
    );
    signed(|seal, _| seal.until = "2026-11-02T04:05:00Z", &["seal_expired"]);
    signed(
        |seal, _| seal.until = "2026-11-01T00:00:00Z",
        &["seal_expired", "seal_not_valid_when_signed"],
    );
}

#[test]
fn what_is_wrong_with_the_maker_is_found_alone() {
    let cast = Cast::new();
    let stranger = Person::root(9, "他处的根");
    let maker = |says: Says, root: &Person| Person::new(8, &says, Some(root));
    let cases: [(Person, &str); 4] = [
        (maker(Says::default(), &stranger), "seal_maker_untrusted"),
        (
            maker(
                Says {
                    usage: Some(0x20),
                    ..Says::default()
                },
                &cast.root,
            ),
            "seal_maker_key_usage",
        ),
        (
            maker(
                Says {
                    from: "2025-06-01T00:00:00Z",
                    ..Says::default()
                },
                &cast.root,
            ),
            "seal_maker_not_valid_then",
        ),
        (
            maker(
                Says {
                    until: "2026-11-01T00:00:00Z",
                    ..Says::default()
                },
                &cast.root,
            ),
            "seal_maker_expired",
        ),
    ];
    for (maker, expected) in cases {
        let mut book = Book::new();
        Sign::default().seal(&mut book, &MakeSeal::new(4, &cast.signer).make(&maker), &cast.signer);
        let report = refused(&cast, &book.zip(), &[expected]);
        assert_eq!(report.indication, Indication::Indeterminate, "{expected}");
        assert!(report.signatures[0].intact);
    }
    // GM/T 0031-2025: a notice where the maker was good when it made the seal.
    let expired = maker(
        Says {
            until: "2026-11-01T00:00:00Z",
            ..Says::default()
        },
        &cast.root,
    );
    let mut book = Book::new();
    let sign = Sign {
        version: 5,
        ..Sign::default()
    };
    sign.seal(&mut book, &MakeSeal::new(5, &cast.signer).make(&expired), &cast.signer);
    assert_eq!(report(&cast, &book.zip()).indication, Indication::TotalPassed);
}

#[test]
fn what_is_wrong_with_the_signer_is_found_alone() {
    let cast = Cast::new();
    let stranger = Person::root(9, "他处的根");
    let signer = |says: Says, root: &Person| Person::new(8, &says, Some(root));
    let cases: [(Person, &str); 4] = [
        (signer(Says::default(), &stranger), "signer_untrusted"),
        (
            signer(
                Says {
                    usage: Some(0x20),
                    ..Says::default()
                },
                &cast.root,
            ),
            "key_usage",
        ),
        (
            signer(
                Says {
                    usage: None,
                    ..Says::default()
                },
                &cast.root,
            ),
            "key_usage",
        ),
        (
            signer(
                Says {
                    until: "2026-11-02T04:05:00Z",
                    ..Says::default()
                },
                &cast.root,
            ),
            "signer_expired",
        ),
    ];
    for (signer, expected) in cases {
        let mut book = Book::new();
        Sign::default().seal(&mut book, &MakeSeal::new(4, &signer).make(&cast.maker), &signer);
        let report = refused(&cast, &book.zip(), &[expected]);
        assert_eq!(report.indication, Indication::Indeterminate, "{expected}");
        assert!(report.signatures[0].intact && !report.signatures[0].trusted || expected == "key_usage");
        assert_eq!(report.modified_after_signing, Some(false));
    }
}

#[test]
fn whatever_is_left_open_and_can_change_what_is_shown_is_found_by_its_kind() {
    let cases = [
        ("OFD.xml", "document_not_covered"),
        ("Document.xml", "document_not_covered"),
        ("Pages/", "page_not_covered"),
        ("Tpls/", "template_not_covered"),
        ("Res/image.png", "resource_not_covered"),
        ("DocumentRes.xml", "resource_not_covered"),
        ("Annots/", "annotation_not_covered"),
        ("data.json", "attachment_not_covered"),
        ("CustomTag.xml", "tag_not_covered"),
    ];
    for (open, expected) in cases {
        let open = [open];
        let cast = Cast::new();
        let mut book = Book::new();
        let sign = Sign {
            leaves_open: &open,
            ..Sign::default()
        };
        sign.seal(
            &mut book,
            &MakeSeal::new(4, &cast.signer).make(&cast.maker),
            &cast.signer,
        );
        let report = refused(&cast, &book.zip(), &[expected]);
        assert!(report.signatures[0].intact && !report.signatures[0].covers_whole_document);
        assert_eq!(report.modified_after_signing, None);
    }
}

#[test]
fn a_second_signature_stands_beside_the_first_and_each_is_judged() {
    let cast = Cast::new();
    let mut book = sealed(&cast);
    let second = Sign {
        folder: "Doc_0/Signs/Sign_1",
        ..Sign::default()
    };
    second.seal(
        &mut book,
        &MakeSeal::new(4, &cast.signer).make(&cast.maker),
        &cast.signer,
    );
    let report = report(&cast, &book.zip());
    assert_eq!(report.indication, Indication::TotalPassed, "{:#?}", report.findings);
    assert_eq!(report.signatures.len(), 2);
    book.put("Doc_0/Signs/Sign_1/SignedValue.dat", b"\x30\x00");
    let report = refused(&cast, &book.zip(), &["seal_unreadable"]);
    assert!(report.signatures[0].intact && !report.signatures[1].intact);
    assert_eq!(report.signatures[0].indication, Indication::TotalPassed);
}

#[test]
fn weak_and_unnamed_digests_are_refused() {
    signed(|_, sign| sign.check_method = "", &["algorithm_weak"]);
    signed(
        |_, sign| sign.check_method = " CheckMethod=\"SHA1\"",
        &["algorithm_weak"],
    );
    signed(
        |_, sign| sign.check_method = " CheckMethod=\"1.2.3\"",
        &["algorithm_unknown"],
    );
}

/// One sealed with something done to seal or signature.
#[track_caller]
fn signed(change: impl FnOnce(&mut MakeSeal, &mut Sign<'_>), expected: &[&str]) -> yinxin::verification::Report {
    let cast = Cast::new();
    let (mut seal, mut sign) = (MakeSeal::new(4, &cast.signer), Sign::default());
    change(&mut seal, &mut sign);
    let mut book = Book::new();
    sign.seal(&mut book, &seal.make(&cast.maker), &cast.signer);
    refused(&cast, &book.zip(), expected)
}
