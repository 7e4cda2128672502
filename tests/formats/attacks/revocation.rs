//! Validation data (DSS) as a cover for something else.

use super::{
    cases::{Case, case},
    scene::{FONT, FORGED_CONTENT, Permits, Stage, catalog},
    writer::Writer,
};

pub fn cases(stage: &Stage) -> Vec<Case> {
    let class = "abuse of validation data";
    let codes: &[&str] = &[
        "page_content_changed",
        "page_changed",
        "catalog_changed",
        "pages_changed",
        "appearance_swapped",
        "object_replaced",
    ];
    let dss = "/DSS << /Type /DSS /Certs [40 0 R] >>";
    let mut cases = Vec::new();
    for permits in [Permits::Nothing, Permits::Filling, Permits::Unsaid] {
        let mut add = |name: &str, dss: &str, write: &dyn Fn(&mut Writer)| {
            let pdf = stage.update(permits, |w| {
                w.object(1, &catalog(permits, dss)).stream(40, "", "not a certificate");
                write(w);
            });
            cases.push(case(class, format!("{name}, {permits:?}"), pdf, codes));
        };
        add("another content beside it", dss, &|w| {
            w.stream(5, "", FORGED_CONTENT);
        });
        add(
            "the page's content as a certificate",
            "/DSS << /Certs [5 0 R] >>",
            &|w| {
                w.stream(5, "", FORGED_CONTENT);
            },
        );
        add("the font as a list", "/DSS << /CRLs [8 0 R] >>", &|w| {
            w.object(8, &FONT.replace("Helvetica", "Symbol"));
        });
        add("the whole dictionary is a page's resource", "/DSS 14 0 R", &|w| {
            w.stream(
                14,
                "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Certs [40 0 R]",
                "0 0 595 842 re f",
            );
        });
        add(
            "the pages as information on a signature",
            "/DSS << /VRI << /AB 2 0 R >> >>",
            &|w| {
                w.object(2, "<< /Type /Pages /Kids [4 0 R] /Count 1 >>");
            },
        );
        add("a field's picture as an answer", "/DSS << /OCSPs [9 0 R] >>", &|w| {
            w.stream(9, super::scene::APPEARANCE, &super::scene::shown("900"));
        });
        add(
            "a script beside it",
            &format!("{dss} /OpenAction << /S /JavaScript /JS (1) >>"),
            &|_| {},
        );
        add("another key in it", "/DSS << /Certs [40 0 R] /Pages 2 0 R >>", &|w| {
            w.object(2, "<< /Type /Pages /Kids [4 0 R] /Count 1 >>");
        });
    }
    cases
}
