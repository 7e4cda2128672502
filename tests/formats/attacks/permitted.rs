//! What a later revision may do: were all of this refused too, that no attack passes would say nothing.

use yinxin::verification::{Indication, SignatureKind, words::Tone};

use super::{
    scene::{
        ALL, APPEARANCE, FIRST_PAGE, FORM, NOTE, Permits, Stage, appearance_in, catalog, composite, descendant, field,
        shown, shown_codes, signature, signed,
    },
    writer::Writer,
};

#[track_caller]
fn assert_unmodified(stage: &Stage, name: &str, pdf: &[u8]) {
    let report = stage.verify(pdf);
    let codes = super::cases::codes(&report);
    assert_eq!(report.modified_after_signing, Some(false), "{name}: {codes:?}");
    assert_eq!(report.indication, Indication::TotalPassed, "{name}: {codes:?}");
    assert!(report.signatures.iter().all(|signature| signature.intact), "{name}");
}

#[test]
fn validation_data_may_come_after_any_signature() {
    let stage = Stage::new();
    for permits in ALL {
        let pdf = {
            let mut w = Writer::update(stage.base(permits));
            w.object(1, &catalog(permits, "/DSS << /Certs [40 0 R] >>"));
            let certificate = stage.root();
            w.object(40, "");
            w.bytes.truncate(w.bytes.len() - b"\nendobj\n".len());
            w.raw(&format!("<< /Length {} >>\nstream\n", certificate.len()));
            w.bytes.extend_from_slice(certificate);
            w.raw("\nendstream\nendobj\n");
            w.finish()
        };
        assert_unmodified(&stage, &format!("{permits:?}"), &pdf);
    }
}

#[test]
fn a_form_may_be_filled_in_where_that_is_permitted() {
    let stage = Stage::new();
    for permits in [Permits::Filling, Permits::Annotations, Permits::Unsaid] {
        let pdf = stage.update(permits, |w| {
            w.object(10, &field("200", 40)).stream(40, APPEARANCE, &shown("200"));
        });
        assert_unmodified(&stage, &format!("{permits:?}"), &pdf);
    }
}

/// Another's signature on the first page, at a place.
fn countersigned(stage: &Stage, permits: Permits, place: &str) -> Vec<u8> {
    let mut w = Writer::update(stage.base(permits));
    let widget = format!(
        "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Second) /Rect {place} /F 132 /P 3 0 R /V 41 0 R \
         /AP << /N 42 0 R >> >>"
    );
    w.object(6, &FORM.replace("11 0 R]", "11 0 R 40 0 R]"))
        .object(3, &FIRST_PAGE.replace("12 0 R]", "12 0 R 40 0 R]"))
        .object(40, &widget)
        .object(41, &signature(""))
        .stream(42, APPEARANCE, "0 0 1 RG 1 1 98 48 re S");
    signed(&w.finish(), &stage.identity)
}

#[test]
fn another_may_sign_where_that_is_permitted() {
    let stage = Stage::new();
    for permits in [Permits::Filling, Permits::Annotations, Permits::Unsaid] {
        for place in ["[0 0 0 0]", "[250 100 350 150]"] {
            let pdf = countersigned(&stage, permits, place);
            assert_unmodified(&stage, &format!("{permits:?} {place}"), &pdf);
        }
    }
}

/// 张三.
const NAME: &str = "<FEFF5F204E09>";

#[test]
fn a_form_may_be_filled_in_in_chinese() {
    let stage = Stage::new();
    let filled = |w: &mut Writer, font: u32, codes: &str| {
        w.object(10, &field("", 40).replace("()", NAME))
            .stream(40, &appearance_in(font), &shown_codes(codes));
    };
    for permits in [Permits::Filling, Permits::Annotations, Permits::Unsaid] {
        // In the form's own font, by its table.
        let pdf = stage.update(permits, |w| filled(w, 25, "00010004"));
        assert_unmodified(&stage, &format!("the form's font, {permits:?}"), &pdf);
        // In a font that every reader brings itself, in Unicode.
        for (encoding, ordering) in [
            ("/UniGB-UCS2-H", "GB1"),
            ("/UniGB-UTF16-H", "GB1"),
            ("/UniJIS-UTF16-H", "Japan1"),
        ] {
            let pdf = stage.update(permits, |w| {
                filled(w, 41, "5F204E09");
                w.object(41, &composite(encoding, 42))
                    .object(42, &descendant(ordering, ""));
            });
            assert_unmodified(&stage, &format!("{encoding}, {permits:?}"), &pdf);
        }
    }
}

#[test]
fn a_field_may_get_another_ground_under_the_same_text_where_annotations_are_permitted() {
    let stage = Stage::new();
    for permits in [Permits::Annotations, Permits::Unsaid] {
        let pdf = stage.update(permits, |w| {
            w.object(10, &field("100", 40))
                .stream(40, APPEARANCE, &shown("100").replace("0.9 g", "0.6 g"));
        });
        assert_unmodified(&stage, &format!("{permits:?}"), &pdf);
    }
}

/// Another's signature that is not shown, with what else its revision holds.
fn with_second(stage: &Stage, reference: &str, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let widget = "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Second) /Rect [0 0 0 0] /F 132 /P 3 0 R /V 41 0 R >>";
    let mut w = Writer::update(stage.base(Permits::Unsaid));
    w.object(6, &FORM.replace("11 0 R]", "11 0 R 40 0 R]"))
        .object(3, &FIRST_PAGE.replace("12 0 R]", "12 0 R 40 0 R]"))
        .object(40, widget)
        .object(41, &signature(reference));
    write(&mut w);
    signed(&w.finish(), &stage.identity)
}

/// A document in which the field's text stands on another ground.
fn another_ground(pdf: &[u8]) -> Vec<u8> {
    let mut w = Writer::update(pdf);
    w.object(10, &field("100", 50))
        .stream(50, APPEARANCE, &shown("100").replace("0.9 g", "0.6 g"));
    w.finish()
}

#[test]
fn a_field_that_is_locked_gets_no_other_ground() {
    let stage = Stage::new();
    let lock = "<< /Type /SigRef /TransformMethod /FieldMDP \
                /TransformParams << /Type /TransformParams /Action /All /V /1.2 >> >>";
    let other = "<< /Type /SigRef /TransformMethod /Identity >> ";
    let most = with_second(&stage, &format!("/Reference [{}]", other.repeat(64)), |_| ());
    assert_unmodified(&stage, "not locked", &another_ground(&most));
    // Behind more than are looked at as well.
    for (name, before) in [("locked", 0), ("locked last", 64)] {
        let locked = with_second(&stage, &format!("/Reference [{}{lock}]", other.repeat(before)), |_| ());
        assert_unmodified(&stage, name, &locked);
        let report = stage.verify(&another_ground(&locked));
        // It certifies nothing by that.
        assert_eq!(report.signatures[1].kind, SignatureKind::Signature);
        assert_eq!(
            report.modified_after_signing,
            Some(true),
            "{name}: {:?}",
            report.findings
        );
    }
}

#[test]
fn what_is_no_ground_does_not_come_to_be_seen_by_its_colour() {
    let stage = Stage::new();
    // A bar before the number, white on white where it was signed.
    for (shape, passes) in [
        ("4 4 2 12 re", false),
        ("0 0 1 9000 re", false),
        ("0 0 200 20 re 4 4 2 12 re", false),
        ("0 0 m 200 0 l 200 20 l h", false),
        ("1 1 198 18 re", true),
    ] {
        let drawn = |gray: &str| format!("/Tx BMC q {gray} g {shape} f BT 0 g /F1 12 Tf 9 5 Td (200) Tj ET Q EMC");
        let before = with_second(&stage, "", |w| {
            w.object(10, &field("200", 42)).stream(42, APPEARANCE, &drawn("1"));
        });
        assert_unmodified(&stage, shape, &before);
        let mut w = Writer::update(&before);
        w.object(10, &field("200", 50)).stream(50, APPEARANCE, &drawn("0.5"));
        let report = stage.verify(&w.finish());
        let passed = report.indication == Indication::TotalPassed;
        assert_eq!(passed, passes, "{shape}: {:?}", report.findings);
    }
}

/// The headline where something that may come lies over what was there: it never passes.
#[track_caller]
fn assert_covers(stage: &Stage, name: &str, pdf: &[u8], code: &str, modified: Option<bool>) {
    let report = stage.verify(pdf);
    assert!(
        super::cases::codes(&report).contains(code),
        "{name}: {:?}",
        report.findings
    );
    assert_eq!(report.modified_after_signing, modified, "{name}");
    assert_eq!(report.indication, Indication::Indeterminate, "{name}");
    assert_ne!(report.headline().tone, Tone::Good, "{name}");
    let [integrity, ..] = report.assessments();
    assert_ne!(integrity.tone, Tone::Good, "{name}");
}

#[test]
fn what_lies_over_annotations_alone_is_told_apart_from_what_may_cover_the_content() {
    let stage = Stage::new();
    let annotation = "change_covers_annotation";
    let content = "change_covers_content";
    for permits in [Permits::Annotations, Permits::Unsaid] {
        for (place, code, modified) in [
            // Over the seal's picture, a note, a field, and text.
            ("[400 100 500 150]", annotation, Some(false)),
            ("[300 600 400 620]", annotation, Some(false)),
            ("[80 602 90 610]", content, None),
            ("[80 700 90 710]", content, None),
        ] {
            let pdf = countersigned(&stage, permits, place);
            let name = format!("a signature at {place}, {permits:?}");
            assert_covers(&stage, &name, &pdf, code, modified);
        }
        for (place, code, modified) in [
            // A signature's picture may not be removed, so that no annotation may hide it.
            ("[400 100 500 150]", content, None),
            ("[300 600 400 620]", annotation, Some(false)),
            ("[200 600 400 720]", content, None),
        ] {
            let pdf = stage.update(permits, |w| {
                w.object(3, &FIRST_PAGE.replace("12 0 R]", "12 0 R 40 0 R]"))
                    .object(40, &NOTE.replace("[300 600 400 620]", place));
            });
            assert_covers(&stage, &format!("a note at {place}, {permits:?}"), &pdf, code, modified);
        }
    }
    // Where annotations are not permitted, the note was to stay.
    let pdf = countersigned(&stage, Permits::Filling, "[300 600 400 620]");
    assert_covers(&stage, "filling only", &pdf, annotation, None);
}
