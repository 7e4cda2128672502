//! What is done to the documents that this product seals itself.

use super::{
    cases::{Case, Modified, case},
    copied::gap,
    scene::{COVER, COVER_FORM, FORGED_CONTENT, Stage},
    writer::{TRAILER, Writer, exchange},
};
use crate::sample;

const CLASS: &str = "our own seal";

const PAGE: &str = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
    /Resources << /Font << /F1 5 0 R >> >> /Annots [7 0 R 40 0 R] >>";

pub fn cases(stage: &Stage) -> Vec<Case> {
    let elevated = stage.elevated();
    let documents = elevated
        .iter()
        .flat_map(|(level, [one, two])| of(level.as_str(), one, two));
    let stranger = sample::sealed(&sample::tiny("two"), &stage.stranger);
    let stranger = case(CLASS, "a stranger's seal", stranger, &["signer_untrusted"]);
    documents.chain([stranger.headline(Modified::MessageOnly)]).collect()
}

/// What is done to a sealed document of a level, with another of the same key.
fn of(level: &str, sealed: &[u8], other: &[u8]) -> Vec<Case> {
    let codes: &[&str] = &[
        "appended_after_seal",
        "page_content_changed",
        "pages_changed",
        "annotation_added",
        "catalog_changed",
        "annotation_changed",
        "signature_stray",
        "signature_changed",
        "trailer_changed",
        "page_changed",
    ];
    let mut cases = Vec::new();
    let mut add = |name: &str, write: &dyn Fn(&mut Writer)| {
        let mut w = Writer::update(sealed);
        w.trailer(&TRAILER.replace("/Info 13 0 R ", ""));
        write(&mut w);
        cases.push(case(CLASS, format!("{name}, {level}"), w.finish(), codes));
    };
    let page_only = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 40 0 R >>";
    add("another content", &|w| {
        w.stream(4, "", FORGED_CONTENT);
    });
    add("a page added", &|w| {
        w.object(2, "<< /Type /Pages /Kids [3 0 R 41 0 R] /Count 2 >>")
            .object(41, page_only)
            .stream(40, "", COVER);
    });
    add("the page replaced", &|w| {
        w.object(2, "<< /Type /Pages /Kids [41 0 R] /Count 1 >>")
            .object(41, page_only)
            .stream(40, "", COVER);
    });
    add("an annotation over the page", &|w| {
        let annotation = "<< /Type /Annot /Subtype /Stamp /Rect [0 0 595 842] /F 4 /AP << /N 41 0 R >> >>";
        w.object(3, PAGE).object(40, annotation).stream(41, COVER_FORM, COVER);
    });
    add("another font", &|w| {
        w.object(5, "<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>");
    });
    add("another catalog without a form", &|w| {
        w.object(1, "<< /Type /Catalog /Pages 2 0 R >>");
    });
    add("another form picture of the seal", &|w| {
        w.stream(6, COVER_FORM, COVER);
    });
    add("information", &|w| {
        w.trailer("/Root 1 0 R /Info 40 0 R")
            .object(40, "<< /Title (Another) >>");
    });
    let bytes = |name: &str, pdf: Vec<u8>| case(CLASS, format!("{name}, {level}"), pdf, &["digest_differs"]);
    cases.extend([
        bytes("a word in place", exchange(sealed, "(one)", "(two)")),
        bytes(
            "the filter in place",
            exchange(sealed, "/Adobe.PPKLite", "/Adobe.PPKMS  "),
        ),
        bytes("the font in place", exchange(sealed, "Helvetica", "ZapfDings")),
        bytes("the page's size in place", exchange(sealed, "595 842", "595 042")),
    ]);
    let mut transplanted = sealed.to_vec();
    transplanted[gap(sealed, 0)].copy_from_slice(&other[gap(other, 0)]);
    cases.push(bytes("the value of another document", transplanted));
    cases
}
