//! What a later revision may do: were all of this refused too, that no attack passes would say nothing.

use yinxin::verification::Indication;

use super::{
    scene::{ALL, APPEARANCE, FIRST_PAGE, FORM, Permits, Stage, catalog, field, ranged, shown, signature},
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

#[test]
fn another_may_sign_where_that_is_permitted() {
    let stage = Stage::new();
    for permits in [Permits::Filling, Permits::Annotations, Permits::Unsaid] {
        let mut w = Writer::update(stage.base(permits));
        w.object(6, &FORM.replace("11 0 R]", "11 0 R 40 0 R]"))
            .object(3, &FIRST_PAGE.replace("12 0 R]", "12 0 R 40 0 R]"))
            .object(
                40,
                "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Second) /Rect [0 0 0 0] /F 132 /P 3 0 R /V 41 0 R >>",
            )
            .object(41, &signature(""));
        let (mut pdf, gap) = ranged(&w.finish());
        let message = stage
            .identity
            .sign_detached(&[&pdf[..gap.start], &pdf[gap.end..]])
            .unwrap();
        let digits = data_encoding::HEXLOWER.encode(&message);
        pdf[gap.start + 1..gap.start + 1 + digits.len()].copy_from_slice(digits.as_bytes());
        assert_unmodified(&stage, &format!("{permits:?}"), &pdf);
    }
}
