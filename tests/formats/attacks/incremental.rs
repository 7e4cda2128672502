//! Incremental saving: something is appended that changes what is shown, with or without a proper section.

use super::{
    cases::{Case, Modified, case},
    scene::{ALL, FORGED_CONTENT, Permits, SECOND_PAGE, Stage, catalog},
    writer::{start_xref, stream},
};

pub fn cases(stage: &Stage) -> Vec<Case> {
    let class = "incremental saving";
    let base = stage.base(Permits::Unsaid);
    let forged = format!("5 0 obj\n{}\nendobj\n", stream("", FORGED_CONTENT));
    let append = |text: &str| [base, text.as_bytes()].concat();
    let old = start_xref(base);
    let at = base.len();
    let xref = at + forged.len();

    let shown: &[&str] = &["page_content_changed"];
    let tail: &[&str] = &[
        "end_not_exact",
        "appended_after_signature",
        "appended_not_a_revision",
        "revision_malformed",
    ];
    let mut cases: Vec<_> = ALL
        .iter()
        .map(|permits| {
            let pdf = stage.update(*permits, |w| {
                w.stream(5, "", FORGED_CONTENT);
            });
            case(class, format!("another content, {permits:?}"), pdf, shown)
        })
        .collect();
    let as_stream = {
        let mut w = super::writer::Writer::update(base);
        w.stream(5, "", FORGED_CONTENT);
        w.finish_as_stream(38)
    };
    cases.extend([
        case(class, "another content by a cross-reference stream", as_stream, shown),
        case(class, "an object without a section", append(&forged), tail),
        case(
            class,
            "an object and an end without cross-references",
            append(&format!(
                "{forged}trailer\n<< /Root 1 0 R /Size 29 /Prev {old} >>\nstartxref\n{old}\n%%EOF\n"
            )),
            &[
                "appended_after_signature",
                "appended_not_a_revision",
                "revision_malformed",
            ],
        ),
        case(
            class,
            "a table without a trailer",
            append(&format!(
                "{forged}xref\n5 1\n{at:010} 00000 n \nstartxref\n{xref}\n%%EOF\n"
            )),
            &["document_unreadable", "appended_after_signature"],
        ),
        case(
            class,
            "a section that names what was signed already, and a forged object beside it",
            append(&format!(
                "{forged}xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R /Size 29 /Prev {old} >>\n\
                 startxref\n{xref}\n%%EOF\n"
            )),
            &[
                "appended_after_signature",
                "appended_not_a_revision",
                "revision_malformed",
            ],
        ),
        case(
            class,
            "a new catalog with other pages",
            stage.update(Permits::Unsaid, |w| {
                w.object(
                    1,
                    &catalog(Permits::Unsaid, "").replace("/Pages 2 0 R", "/Pages 40 0 R"),
                )
                .object(40, "<< /Type /Pages /Kids [41 0 R] /Count 1 >>")
                .object(41, &SECOND_PAGE.replace("2 0 R", "40 0 R").replace("7 0 R", "42 0 R"))
                .stream(42, "", FORGED_CONTENT);
            }),
            &["pages_changed", "catalog_changed"],
        ),
        case(
            class,
            "a new root",
            stage.update(Permits::Unsaid, |w| {
                w.object(
                    40,
                    &catalog(Permits::Unsaid, "").replace("/Pages 2 0 R", "/Pages 41 0 R"),
                )
                .object(41, "<< /Type /Pages /Kids [42 0 R] /Count 1 >>")
                .object(42, &SECOND_PAGE.replace("2 0 R", "41 0 R").replace("7 0 R", "43 0 R"))
                .stream(43, "", FORGED_CONTENT)
                .trailer("/Root 40 0 R");
            }),
            &["catalog_changed", "trailer_changed", "pages_changed"],
        ),
        case(
            class,
            "a root without the form, so that no signature is shown",
            stage.update(Permits::Unsaid, |w| {
                w.object(1, "<< /Type /Catalog /Pages 2 0 R >>");
            }),
            &["signature_stray", "form_removed", "catalog_changed"],
        ),
    ]);
    for (name, text) in [
        ("zeros", "\0\0\0\0\0\0\0\0"),
        ("a zero", "\0"),
        ("white space", " \n"),
        ("a line end", "\n"),
        ("a comment", "% nothing\n"),
        ("a second end", "%%EOF\n"),
        ("words", "Pay 900 yuan"),
        ("a second startxref", "startxref\n0\n%%EOF\n"),
    ] {
        cases.push(
            case(class, format!("appended: {name}"), append(text), tail).headline(match name {
                "a second startxref" => Modified::NotUnchanged,
                _ => Modified::Yes,
            }),
        );
    }
    cases
}
