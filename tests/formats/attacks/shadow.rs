//! Shadow attacks: what will be shown was prepared before the victim signed, and a harmless-looking later revision
//! brings it out.

use super::{
    cases::{Case, case},
    find,
    scene::{ALL, CONTENT, FIRST_PAGE, FONT, FORGED_CONTENT, Permits, Stage, catalog, shown, signed, unsigned},
    writer::{Entry, Writer, last, stream},
};

pub fn cases(stage: &Stage) -> Vec<Case> {
    let hide = "shadow: hide";
    let replace = "shadow: replace";
    let both = "shadow: hide and replace";
    let shows: &[&str] = &["page_content_changed", "page_changed"];
    let mut cases = Vec::new();
    for permits in ALL {
        let update = |write: &dyn Fn(&mut Writer)| stage.update(permits, write);
        let free = update(&|w| {
            w.free(14);
        });
        let empty = update(&|w| {
            w.stream(14, "/Type /XObject /Subtype /Form /BBox [0 0 595 842]", "");
        });
        let font = update(&|w| {
            w.object(8, &FONT.replace("Helvetica", "ZapfDingbats"));
        });
        let encoding = update(&|w| {
            w.object(
                8,
                &FONT.replace(">>", "/Encoding << /Type /Encoding /Differences [49 /nine] >> >>"),
            );
        });
        let catalog = update(&|w| {
            w.object(1, &catalog(permits, "").replace("/Pages 2 0 R", "/Pages 21 0 R"))
                .object(21, "<< /Type /Pages /Kids [19 0 R] /Count 1 >>");
        });
        let kids = update(&|w| {
            w.object(2, "<< /Type /Pages /Kids [19 0 R 4 0 R] /Count 2 >>");
        });
        let usage = update(&|w| {
            w.object(3, &FIRST_PAGE.replace("/Contents 5 0 R", "/Contents 15 0 R"));
        });
        cases.extend([
            case(hide, format!("what covers the text is freed, {permits:?}"), free, shows),
            case(
                hide,
                format!("what covers the text is emptied, {permits:?}"),
                empty,
                shows,
            ),
            case(replace, format!("another font, {permits:?}"), font, shows),
            case(
                replace,
                format!("another encoding of the font, {permits:?}"),
                encoding,
                shows,
            ),
            case(
                both,
                format!("a prepared page is shown, {permits:?}"),
                kids,
                &["pages_changed"],
            ),
            case(
                both,
                format!("other pages by a new catalog, {permits:?}"),
                catalog,
                &["pages_changed", "catalog_changed"],
            ),
            case(both, format!("a prepared content is used, {permits:?}"), usage, shows),
        ]);
    }
    cases.push(prepared_twin(stage, both, shows));
    cases.push(prepared_table(stage, both));
    cases.push(prepared_field(stage, replace));
    cases
}

/// A second object of the same number was hidden in the file; only a line of the cross-references brings it out.
fn prepared_twin(stage: &Stage, class: &'static str, codes: &'static [&'static str]) -> Case {
    let mut pdf = unsigned(Permits::Unsaid);
    pdf.raw(&format!("5 0 obj\n{}\nendobj\n", stream("", FORGED_CONTENT)));
    let pdf = signed(&pdf.finish(), &stage.identity);
    let twin = last(&pdf, b"5 0 obj");
    assert_ne!(twin, find(&pdf, b"5 0 obj"));
    let mut w = Writer::update(&pdf);
    w.entries.insert(5, Entry::At(twin, 0));
    case(class, "a hidden twin of the content is named", w.finish(), codes)
}

/// Two sections were there when it was signed, one of them unused; a later `startxref` chooses the other.
fn prepared_table(stage: &Stage, class: &'static str) -> Case {
    let mut pdf = unsigned(Permits::Unsaid);
    let twin = pdf.bytes.len();
    pdf.raw(&format!("5 0 obj\n{}\nendobj\n", stream("", FORGED_CONTENT)));
    let other = pdf.bytes.len();
    let entries = std::mem::take(&mut pdf.entries);
    pdf.entries = entries.clone();
    pdf.entries.insert(5, Entry::At(twin, 0));
    let table = format!("{}trailer\n<< /Size {} {} >>\n", pdf.table(), pdf.size(), pdf.trailer);
    pdf.raw(&table);
    pdf.entries = entries;
    let mut pdf = signed(&pdf.finish(), &stage.identity);
    pdf.extend(format!("startxref\n{other}\n%%EOF\n").bytes());
    case(
        class,
        "a hidden section is chosen",
        pdf,
        &[
            "digest_differs",
            "appended_after_signature",
            "appended_not_a_revision",
            "revision_malformed",
            "xref_contradicts",
        ],
    )
}

/// A field that showed something else than it held when it was signed is made to show what it holds.
fn prepared_field(stage: &Stage, class: &'static str) -> Case {
    let mut pdf = unsigned(Permits::Unsaid);
    pdf.object(10, &super::scene::field("900", 9));
    let pdf = signed(&pdf.finish(), &stage.identity);
    let mut w = Writer::update(&pdf);
    w.object(5, &stream("", &CONTENT.replace("100", "")))
        .stream(9, super::scene::APPEARANCE, &shown("900"));
    case(
        class,
        "a field whose prepared value is shown, over emptied text",
        w.finish(),
        &["page_content_changed"],
    )
}
