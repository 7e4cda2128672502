//! Files made to cost a reader time or memory: each is given up by a named limit. A file that were not would keep the
//! test from ending or take all memory.

use std::time::Duration;

use yinxin::verification::{Indication, Limits, Report};

use crate::{attacks::noon, pki::Root};

const LONG: usize = 20 * 1024 * 1024;

#[track_caller]
fn report_on(bytes: &[u8]) -> Report {
    // Time is the last of the limits: each of the others must hold without it.
    let limits = Limits {
        time: Duration::from_secs(3_600),
        ..Limits::default()
    };
    let verifier = Root::new("示例根").verifier().within(limits);
    let report = verifier.verify(bytes, None, noon());
    assert_ne!(report.indication, Indication::TotalPassed);
    report
}

#[track_caller]
fn assert_limited(bytes: &[u8], limit: &str) {
    let findings = report_on(bytes).findings;
    let limited = |text: &str| text.ends_with(&format!("limit {limit}."));
    assert!(
        findings.iter().any(|finding| limited(&finding.message.en)),
        "{findings:?}"
    );
}

/// A document of these objects, numbered from 1 on; the first is the catalog.
fn document(objects: &[String]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (place, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", out.len()));
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", place + 1).bytes());
    }
    finish(out, &table, objects.len() + 1, 1)
}

fn finish(mut out: Vec<u8>, table: &str, size: usize, root: usize) -> Vec<u8> {
    let at = out.len();
    out.extend(table.bytes());
    out.extend(format!("trailer\n<< /Size {size} /Root {root} 0 R >>\nstartxref\n{at}\n%%EOF").bytes());
    out
}

/// Many objects that begin in one comment and share what follows it.
fn overlapping(shared: &[u8]) -> Vec<u8> {
    let count = 100_000;
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", count + 2);
    for number in 1..=count {
        table.push_str(&format!("{:010} 00000 n \n", out.len()));
        out.extend(format!("{number} 0 obj%").bytes());
    }
    out.push(b'\n');
    out.extend(shared);
    table.push_str(&format!("{:010} 00000 n \n", out.len() + 1));
    out.extend(format!("\n{} 0 obj\n<< /Type /Catalog >>\nendobj\n", count + 1).bytes());
    finish(out, &table, count + 2, count + 1)
}

#[test]
fn objects_that_share_a_long_word_are_not_read_without_end() {
    for byte in *b"a1" {
        assert_limited(&overlapping(&vec![byte; LONG]), "MAX_READ_BYTES");
    }
}

#[test]
fn objects_that_share_many_values_are_not_read_without_end() {
    let shared = format!("[{}] endobj", "<</A 0>>".repeat(200_000));
    assert_limited(&overlapping(shared.as_bytes()), "MAX_READ_VALUES");
}

#[test]
fn tables_that_share_one_long_cross_reference_stream_are_not_read_without_end() {
    let mut out = b"%PDF-1.7\n1 0 obj<< /Type /XRef /Size 0 /Index [] /W [1 1 1] /Length 0 /X (".to_vec();
    out.resize(out.len() + LONG, b'a');
    out.extend(b") >>stream\n\nendstream endobj\n");
    let mut previous = String::new();
    for _ in 0..998 {
        let at = out.len();
        let trailer = format!("<< /Root 1 0 R /Size 1 /XRefStm 9 {previous}>>");
        out.extend(format!("xref\n0 0\ntrailer\n{trailer}\n").bytes());
        previous = format!("/Prev {at} ");
    }
    let last = previous.replace("/Prev ", "");
    out.extend(format!("startxref\n{}\n%%EOF", last.trim()).bytes());
    assert_limited(&out, "MAX_READ_BYTES");
}

fn form(field: &str) -> Vec<u8> {
    let catalog = "<< /Type /Catalog /AcroForm << /Fields [2 0 R] >> >>";
    document(&[catalog.to_owned(), field.to_owned()])
}

#[test]
fn a_long_field_name_is_not_copied_to_every_child() {
    let name = "a".repeat(1024 * 1024);
    assert_limited(
        &form(&format!("<< /T ({name}) /Kids [{}] >>", "0 ".repeat(9000))),
        "MAX_TEXT_BYTES",
    );
}

#[test]
fn more_children_than_fields_are_allowed_are_not_taken_up() {
    assert_limited(&form(&format!("<< /Kids [{}] >>", "0 ".repeat(400_000))), "MAX_FIELDS");
}

#[test]
fn field_names_do_not_grow_with_each_level() {
    let mut objects = vec!["<< /Type /Catalog /AcroForm << /Fields [2 0 R] >> >>".to_owned()];
    let part = "a".repeat(1000);
    objects.extend((2..9000).map(|number| format!("<< /T ({part}) /Kids [{} 0 R] >>", number + 1)));
    objects.push("<< >>".to_owned());
    assert_limited(&document(&objects), "MAX_TEXT_BYTES");
}

#[test]
fn signature_dictionaries_within_each_other_are_not_copied() {
    let nested = format!(
        "{}[{}]{}",
        "<< /ByteRange 1 /A ".repeat(60),
        "0 ".repeat(400_000),
        ">>".repeat(60)
    );
    let mut objects = vec!["<< /Type /Catalog >>".to_owned()];
    objects.extend(std::iter::repeat_n(nested, 10));
    assert_limited(&document(&objects), "MAX_SIGNATURES");
}

#[test]
fn a_long_name_of_the_signer_is_cut_in_the_report() {
    let signature = format!("<< /ByteRange [0 1 2 3] /Contents <00> /Name ({}) >>", "a".repeat(LONG));
    let report = report_on(&form(&format!("<< /FT /Sig /T (x) /V {signature} >>")));
    let name = report.signatures[0].seal_name.as_deref().unwrap_or_default();
    assert!(!name.is_empty() && name.len() <= 4096, "{}", name.len());
}

#[test]
fn broken_documents_are_not_searched_for_signatures_without_end() {
    let mut out = b"%PDF-1.7\n1 0 obj(".to_vec();
    out.extend(b"/ByteRange ".repeat(66));
    out.resize(out.len() + 2 * LONG, b'a');
    let report = report_on(&out);
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.code == "document_unreadable")
    );
}

#[test]
fn each_limit_of_a_document_is_named_where_it_is_passed() {
    let root = Root::new("示例根");
    let pdf = crate::sample::tiny("one");
    let defaults = Limits::default();
    for (limits, name) in [
        (
            Limits {
                document_bytes: pdf.len() - 1,
                ..defaults
            },
            "document_bytes",
        ),
        (
            Limits {
                time: Duration::ZERO,
                ..defaults
            },
            "time_ms",
        ),
        (
            Limits {
                memory_bytes: pdf.len() + 100,
                ..defaults
            },
            "memory_bytes",
        ),
    ] {
        let report = root.verifier().within(limits).verify(&pdf, None, noon());
        let named = |text: &str| text.contains(&format!("limit {name}"));
        assert!(
            report.findings.iter().any(|finding| named(&finding.message.en)),
            "{name}: {:?}",
            report.findings
        );
        assert_eq!(report.indication, Indication::Indeterminate, "{name}");
    }
}
