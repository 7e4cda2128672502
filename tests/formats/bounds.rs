//! Bad input: a report, never an error, a panic or a hang.

use yinxin::verification::{Indication, MAX_DOCUMENT_BYTES, Report, SubIndication};

use crate::{
    attacks::{Scene, find, noon},
    pki::Root,
    sample::tiny,
};

#[track_caller]
fn report_on(bytes: &[u8]) -> Report {
    let report = Root::new("示例根").verifier().verify(bytes, None, noon());
    assert_eq!(report.indication, Indication::Indeterminate, "{:?}", report.findings);
    assert_eq!(report.size_bytes, bytes.len() as u64);
    assert!(!report.findings.is_empty());
    report
}

fn has(report: &Report, code: &str) -> bool {
    report.findings.iter().any(|finding| finding.code == code)
}

#[test]
fn what_is_no_pdf_is_of_an_unknown_format() {
    for bytes in [b"".as_slice(), b"%", b"PK\x03\x04", &[0xFF; 64], "一份文件".as_bytes()] {
        let report = report_on(bytes);
        assert!(has(&report, "format_unknown"));
        assert_eq!(report.sub_indication, Some(SubIndication::SignedDataNotFound));
    }
}

#[test]
fn a_document_without_a_signature_says_that_it_has_none() {
    let report = report_on(&tiny("one"));
    assert!(has(&report, "signature_missing"));
    assert_eq!(
        (report.sub_indication, report.modified_after_signing),
        (Some(SubIndication::SignedDataNotFound), None)
    );
}

#[test]
fn fifty_megabytes_of_nothing_and_one_byte_more_are_reported() {
    assert!(has(&report_on(&vec![0; MAX_DOCUMENT_BYTES + 1]), "document_too_large"));
    let mut zeros = b"%PDF-1.7\n".to_vec();
    zeros.resize(MAX_DOCUMENT_BYTES, 0);
    assert!(has(&report_on(&zeros), "document_unreadable"));
}

#[test]
fn every_prefix_of_a_sealed_document_is_reported_and_never_passes() {
    let scene = Scene::new();
    for length in (0..scene.sealed.len()).step_by(97) {
        let report = scene.verify(&scene.sealed[..length]);
        assert_ne!(report.indication, Indication::TotalPassed, "{length}");
    }
}

/// A document whose catalog is this, with sound cross-references.
fn with_catalog(catalog: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let at = out.len();
    out.extend(format!("1 0 obj\n{catalog}\nendobj\n").bytes());
    let xref = out.len();
    out.extend(format!("xref\n0 2\n0000000000 65535 f \n{at:010} 00000 n \n").bytes());
    out.extend(format!("trailer\n<< /Size 2 /Root 1 0 R >>\nstartxref\n{xref}\n%%EOF").bytes());
    out
}

#[test]
fn deep_nesting_is_bounded() {
    for depth in [65, 100_000, 1_000_000] {
        let arrays = format!("<< /A {}{} >>", "[".repeat(depth), "]".repeat(depth));
        assert!(
            has(&report_on(&with_catalog(&arrays)), "xref_dangling")
                || has(&report_on(&with_catalog(&arrays)), "document_unreadable")
        );
    }
}

#[test]
fn cross_references_in_a_circle_are_reported() {
    let pdf = tiny("one");
    let at = find(&pdf, b"\nxref\n") + 1;
    let text = format!("/Size 6 /Prev {at} ");
    let place = find(&pdf, b"/Size 6 ");
    let looped = [&pdf[..place], text.as_bytes(), &pdf[place + 8..]].concat();
    assert!(has(&report_on(&looped), "document_unreadable"));
}

#[test]
fn a_form_that_is_its_own_child_is_reported() {
    let form = "<< /Type /Catalog /AcroForm << /Fields [1 0 R] >> /Kids [1 0 R] >>";
    assert!(has(&report_on(&with_catalog(form)), "document_unreadable"));
}

#[test]
fn a_cross_reference_stream_that_expands_without_end_is_bounded() {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..200 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let mut out = b"%PDF-1.7\n".to_vec();
    let at = out.len();
    out.extend(
        format!(
            "1 0 obj\n<< /Type /XRef /Size 2 /W [1 4 2] /Root 1 0 R /Filter /FlateDecode /Length {} >>\nstream\n",
            bomb.len()
        )
        .bytes(),
    );
    out.extend(&bomb);
    out.extend(format!("\nendstream\nendobj\nstartxref\n{at}\n%%EOF").bytes());
    assert!(has(&report_on(&out), "limit_exceeded"));
}
