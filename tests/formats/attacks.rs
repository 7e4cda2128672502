//! What is done to a sealed document, and that it never passes.

mod active;
mod annotations;
pub mod cases;
mod copied;
mod forgery;
mod forms;
mod incremental;
mod messages;
mod pages;
mod permitted;
mod references;
mod revocation;
pub mod scene;
mod sealed;
mod shadow;
mod spoofing;
mod wrapping;
pub mod writer;

use jiff::Timestamp;
use yinxin::{
    keys::Identity,
    verification::{Indication, Report, SubIndication, Verifier},
};

use crate::{
    pki::{Leaf, Root},
    sample::{sealed, tiny},
};

pub fn noon() -> Timestamp {
    "2026-11-05T04:00:00Z".parse().unwrap()
}

pub struct Scene {
    pub identity: Identity,
    pub verifier: Verifier,
    pub sealed: Vec<u8>,
}

impl Scene {
    pub fn new() -> Self {
        let root = Root::new("示例根");
        let identity = root.seal(&Leaf::default());
        let sealed = sealed(&tiny("one"), &identity);
        Self {
            verifier: root.verifier(),
            identity,
            sealed,
        }
    }

    pub fn verify(&self, bytes: &[u8]) -> Report {
        self.verifier.verify(bytes, None, noon())
    }
}

/// The verdict must be this, by this finding.
#[track_caller]
pub fn assert_finds(report: &Report, code: &str, indication: Indication, sub: SubIndication) {
    let codes: Vec<_> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert!(codes.contains(&code), "{code} is not among {codes:?}");
    assert_eq!(
        (report.indication, report.sub_indication),
        (indication, Some(sub)),
        "{codes:?}"
    );
}

pub fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|window| window == what).unwrap()
}

/// Replaces, at the same length, the last occurrence.
fn replace(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    assert_eq!(what.len(), with.len());
    let at = bytes.windows(what.len()).rposition(|window| window == what).unwrap();
    let mut changed = bytes.to_vec();
    changed[at..at + with.len()].copy_from_slice(with);
    changed
}

/// The gap: the places of `<` and behind `>`.
pub fn gap(bytes: &[u8]) -> (usize, usize) {
    let start = find(bytes, b"/Contents <") + 10;
    (start, start + 2 * 16 * 1024 + 2)
}

#[test]
fn what_we_sealed_passes_and_says_so_in_every_field() {
    let scene = Scene::new();
    let report = scene.verify(&scene.sealed);
    let codes: Vec<_> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(report.indication, Indication::TotalPassed, "{codes:?}");
    assert_eq!(
        (report.sub_indication, report.modified_after_signing),
        (None, Some(false))
    );
    let [signature] = report.signatures.as_slice() else {
        panic!()
    };
    assert!(signature.intact && signature.trusted && signature.covers_whole_document);
    assert_eq!(signature.name, "Seal");
    assert_eq!(signature.signer.as_deref(), Some("示例县人社局 电子印章"));
    assert_eq!(signature.seal_name.as_deref(), Some("示例县人社局"));
    assert_eq!(signature.signing_time, Some("2026-11-02T04:00:00Z".parse().unwrap()));
    assert_eq!(signature.chain, ["示例县人社局 电子印章", "示例根"]);
    assert_eq!(signature.algorithm.as_deref(), Some("ECDSA SHA-256"));
}

#[test]
fn a_byte_flipped_anywhere_never_passes() {
    let scene = Scene::new();
    let (start, end) = gap(&scene.sealed);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap()
    };
    let strided = (0..scene.sealed.len()).step_by(31).map(|at| (at, 0x01_u8));
    let drawn: Vec<_> = (0..2_000)
        .map(|_| (random() % scene.sealed.len(), 1_u8 << (random() % 8)))
        .collect();
    for (at, bit) in strided.chain(drawn) {
        let mut changed = scene.sealed.clone();
        changed[at] ^= bit;
        let report = scene.verify(&changed);
        assert_ne!(report.indication, Indication::TotalPassed, "byte {at}, bit {bit:#04x}");
        // The signature itself is not part of what is signed.
        if !(start..end).contains(&at) {
            assert_ne!(report.modified_after_signing, Some(false), "byte {at}, bit {bit:#04x}");
        }
    }
}

#[test]
fn every_digit_of_the_signature_itself_matters() {
    let scene = Scene::new();
    let (start, _) = gap(&scene.sealed);
    for at in start..start + 2_000 {
        let mut changed = scene.sealed.clone();
        changed[at] ^= 1 << (at % 8);
        assert_ne!(scene.verify(&changed).indication, Indication::TotalPassed, "byte {at}");
    }
}

#[test]
fn a_changed_word_on_the_page_is_a_wrong_digest() {
    let scene = Scene::new();
    let report = scene.verify(&replace(&scene.sealed, b"(one)", b"(two)"));
    assert_finds(
        &report,
        "digest_differs",
        Indication::TotalFailed,
        SubIndication::HashFailure,
    );
    assert_eq!(report.modified_after_signing, Some(true));
    assert!(!report.signatures[0].intact);
}

#[test]
fn a_change_that_breaks_the_cross_references_is_still_told_as_a_change() {
    let scene = Scene::new();
    let report = scene.verify(&replace(&scene.sealed, b"startxref", b"startXref"));
    assert_finds(
        &report,
        "digest_differs",
        Indication::TotalFailed,
        SubIndication::HashFailure,
    );
    assert_eq!(report.modified_after_signing, Some(true));
}

/// Appends a revision that shows another word.
fn append_revision(pdf: &[u8], object: &str, number: u32) -> Vec<u8> {
    let mut out = pdf.to_vec();
    let prev = {
        let at = pdf.windows(9).rposition(|window| window == b"startxref").unwrap() + 10;
        let digits: String = pdf[at..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .map(|b| char::from(*b))
            .collect();
        digits
    };
    let at = out.len();
    out.extend(format!("{number} 0 obj\n{object}\nendobj\n").bytes());
    let xref = out.len();
    out.extend(
        format!(
            "xref\n{number} 1\n{at:010} 00000 n \ntrailer\n<< /Size 9 /Root 1 0 R /Prev {prev} >>\nstartxref\n{xref}\n%%EOF\n"
        )
        .bytes(),
    );
    out
}

#[test]
fn a_revision_appended_to_a_seal_fails_though_the_seal_itself_is_intact() {
    let scene = Scene::new();
    let content = "BT /F1 24 Tf 72 700 Td (two) Tj ET";
    let stream = format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len());
    let report = scene.verify(&append_revision(&scene.sealed, &stream, 4));
    assert_finds(
        &report,
        "changed_after_signing",
        Indication::TotalFailed,
        SubIndication::FormatFailure,
    );
    assert_eq!(report.modified_after_signing, Some(true));
    assert!(report.signatures[0].intact && !report.signatures[0].covers_whole_document);
}

#[test]
fn a_revision_that_hides_the_seal_does_not_hide_that_there_was_one() {
    let scene = Scene::new();
    let report = scene.verify(&append_revision(&scene.sealed, "<< /Type /Catalog /Pages 2 0 R >>", 1));
    assert_finds(
        &report,
        "signature_stray",
        Indication::TotalFailed,
        SubIndication::FormatFailure,
    );
    assert_eq!(report.modified_after_signing, Some(true));
}

#[test]
fn bytes_after_the_end_fail() {
    let scene = Scene::new();
    for tail in [b"\n".as_slice(), b" ", b"%\n", b"%%EOF\n", &[0]] {
        let report = scene.verify(&[scene.sealed.as_slice(), tail].concat());
        assert_finds(
            &report,
            "appended_not_a_revision",
            Indication::TotalFailed,
            SubIndication::FormatFailure,
        );
    }
}

#[test]
fn a_document_cut_short_fails() {
    let scene = Scene::new();
    let report = scene.verify(&scene.sealed[..scene.sealed.len() - 1]);
    assert_finds(
        &report,
        "document_truncated",
        Indication::TotalFailed,
        SubIndication::FormatFailure,
    );
    assert_eq!(report.modified_after_signing, Some(true));
}

#[test]
fn anything_but_zeros_behind_the_signature_fails() {
    let scene = Scene::new();
    let (_, end) = gap(&scene.sealed);
    let mut changed = scene.sealed.clone();
    changed[end - 2] = b'1';
    let report = scene.verify(&changed);
    assert_finds(
        &report,
        "contents_padding",
        Indication::TotalFailed,
        SubIndication::FormatFailure,
    );
    assert_eq!(report.modified_after_signing, None);
}

#[test]
fn a_signature_value_cut_or_lengthened_in_the_file_fails() {
    let scene = Scene::new();
    let (_, end) = gap(&scene.sealed);
    let mut shorter = scene.sealed.clone();
    shorter.drain(end - 3..end - 1);
    let mut longer = scene.sealed.clone();
    longer.splice(end - 1..end - 1, *b"00");
    for changed in [shorter, longer] {
        let report = scene.verify(&changed);
        assert_eq!(report.indication, Indication::TotalFailed);
        assert_eq!(report.sub_indication, Some(SubIndication::FormatFailure));
    }
}

#[test]
fn a_signature_value_cut_together_with_its_range_fails() {
    let scene = Scene::new();
    let (start, end) = gap(&scene.sealed);
    let mut shorter = scene.sealed.clone();
    shorter.drain(end - 3..end - 1);
    let tail = shorter.len() - (end - 2);
    let range = format!("/ByteRange [0 {start} {} {tail}", end - 2);
    let at = find(&shorter, b"/ByteRange");
    let room = shorter[at..].iter().position(|byte| *byte == b']').unwrap();
    shorter[at..at + room].copy_from_slice(format!("{range:<room$}").as_bytes());
    let report = scene.verify(&shorter);
    assert_finds(
        &report,
        "digest_differs",
        Indication::TotalFailed,
        SubIndication::HashFailure,
    );
}

#[test]
fn white_space_or_mixed_case_in_the_signature_value_fails() {
    let scene = Scene::new();
    let (start, end) = gap(&scene.sealed);
    let letter = (start..end).find(|at| scene.sealed[*at].is_ascii_alphabetic()).unwrap();
    for (at, byte) in [(letter, scene.sealed[letter].to_ascii_uppercase()), (end - 2, b' ')] {
        let mut changed = scene.sealed.clone();
        changed[at] = byte;
        let report = scene.verify(&changed);
        assert_finds(
            &report,
            "contents_malformed",
            Indication::TotalFailed,
            SubIndication::FormatFailure,
        );
    }
}

#[test]
fn a_signature_taken_from_another_document_of_the_same_signer_fails() {
    let scene = Scene::new();
    let other = sealed(&tiny("two"), &scene.identity);
    let (start, end) = gap(&scene.sealed);
    let (other_start, other_end) = gap(&other);
    let mut changed = scene.sealed.clone();
    changed[start..end].copy_from_slice(&other[other_start..other_end]);
    let report = scene.verify(&changed);
    assert_finds(
        &report,
        "digest_differs",
        Indication::TotalFailed,
        SubIndication::HashFailure,
    );
    assert!(report.signatures[0].trusted);
}

#[test]
fn a_range_that_leaves_out_more_than_the_signature_fails() {
    let scene = Scene::new();
    let (start, end) = gap(&scene.sealed);
    let length = scene.sealed.len();
    for range in [
        format!("/ByteRange [0 {} {end} {}", start - 1, length - end),
        format!("/ByteRange [0 {start} {} {}", end + 1, length - end - 1),
        format!("/ByteRange [0 {} {} {}", start + 1, end - 1, length - end + 1),
        format!("/ByteRange [1 {} {end} {}", start - 1, length - end),
        format!("/ByteRange [0 {start} {end} {} 0", length - end),
        format!("/ByteRange [0 {start}"),
        format!("/ByteRange [0 {start} {end} -1"),
        format!("/ByteRange [0 {start} {end} 9223372036854775807"),
    ] {
        let mut changed = scene.sealed.clone();
        let at = find(&changed, b"/ByteRange");
        let old_end = at + changed[at..].iter().position(|byte| *byte == b']').unwrap() + 1;
        let padded = format!("{range:<width$}]", width = old_end - at - 1);
        assert_eq!(padded.len(), old_end - at);
        changed.splice(at..old_end, padded.bytes());
        let report = scene.verify(&changed);
        assert_eq!(report.indication, Indication::TotalFailed, "{range}");
        assert_eq!(report.sub_indication, Some(SubIndication::FormatFailure), "{range}");
    }
}

#[test]
fn a_second_signature_dictionary_in_what_is_signed_is_not_overlooked() {
    let root = Root::new("示例根");
    let identity = root.seal(&Leaf::default());
    let spoof = tiny("one");
    let spoof = append_revision(&spoof, "<< /Type /Sig /ByteRange [0 1 2 3] /Contents <00> >>", 6);
    let report = root.verifier().verify(&sealed(&spoof, &identity), None, noon());
    assert_ne!(report.indication, Indication::TotalPassed);
    assert!(report.findings.iter().any(|finding| finding.code == "signature_stray"));
}
