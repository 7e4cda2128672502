//! Cross-references that two readers follow to different objects, or that lead past what was signed.

use super::{
    cases::{Case, Modified, case},
    scene::{FORGED_CONTENT, Permits, Stage, catalog, signed, unsigned},
    writer::{Writer, exchange, start_xref, stream},
};

const PERMITS: Permits = Permits::Unsaid;

const CODES: &[&str] = &[
    "byte_range_not_revision",
    "appended_not_a_revision",
    "xref_empty",
    "revision_end_malformed",
    "xref_hybrid",
    "xref_contradicts",
    "xref_dangling",
    "document_unreadable",
    "limit_exceeded",
    "appended_after_signature",
    "revision_malformed",
    "page_content_changed",
    "end_not_exact",
    "trailer_changed",
    "digest_differs",
    "pages_changed",
];

/// A document that was ambiguous before it was signed: the signature is right, and what it shows is not certain.
fn born(stage: &Stage, write: impl FnOnce(&mut Writer) -> Vec<u8>) -> Vec<u8> {
    let mut pdf = unsigned(PERMITS);
    signed(&write(&mut pdf), &stage.identity)
}

fn forged(w: &mut Writer, number: u32) -> usize {
    let at = w.bytes.len();
    w.raw(&format!("{number} 0 obj\n{}\nendobj\n", stream("", FORGED_CONTENT)));
    at
}

pub fn cases(stage: &Stage) -> Vec<Case> {
    let mut cases = later(stage);
    cases.extend(before(stage));
    cases
}

/// Put into the file after it was signed.
fn later(stage: &Stage) -> Vec<Case> {
    let class = "cross-references, later";
    let base = stage.base(PERMITS);
    let old = start_xref(base);
    let custom = |write: &dyn Fn(&mut Writer)| {
        let mut w = Writer::update(base);
        write(&mut w);
        w.bytes
    };
    let end = |w: &mut Writer, at: usize| {
        w.raw(&format!("startxref\n{at}\n%%EOF\n"));
    };
    let hybrid = custom(&|w| {
        let at = forged(w, 5);
        let rows = w.bytes.len();
        w.raw(&format!(
            "40 0 obj\n<< /Type /XRef /Size 41 /W [0 4 1] /Index [5 1] /Filter /ASCIIHexDecode /Length 11 >>\nstream\n\
             {at:08x}00>\nendstream\nendobj\n"
        ));
        let table = w.bytes.len();
        w.raw(&format!(
            "xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 41 /Root 1 0 R /Prev {old} /XRefStm {rows} >>\n"
        ));
        end(w, table);
    });
    let twice = custom(&|w| {
        let at = forged(w, 5);
        let table = w.bytes.len();
        let first = super::find(base, b"5 0 obj");
        w.raw(&format!(
            "xref\n5 1\n{first:010} 00000 n \n5 1\n{at:010} 00000 n \ntrailer\n<< /Size 29 /Root 1 0 R /Prev {old} >>\n"
        ));
        end(w, table);
    });
    let looped = custom(&|w| {
        forged(w, 5);
        let table = w.bytes.len();
        w.raw(&format!(
            "xref\n0 0\ntrailer\n<< /Size 29 /Root 1 0 R /Prev {table} >>\n"
        ));
        end(w, table);
    });
    let forward = custom(&|w| {
        let table = w.bytes.len();
        let text = format!(
            "xref\n0 0\ntrailer\n<< /Size 29 /Root 1 0 R /Prev {:010} >>\n",
            table + 100
        );
        w.raw(&text);
        end(w, table);
    });
    let no_previous = {
        let mut w = unsigned(PERMITS);
        let all = std::mem::take(&mut w.entries);
        let mut w = Writer::update(base);
        for (number, entry) in all {
            w.entries.insert(number, entry);
        }
        let at = forged(&mut w, 5);
        w.entries.insert(5, super::writer::Entry::At(at, 0));
        w.previous = None;
        w.finish()
    };
    let wrong_previous = {
        let mut w = Writer::update(base);
        w.stream(5, "", FORGED_CONTENT);
        w.previous = Some(old + 5);
        w.finish()
    };
    let generation = stage.update(PERMITS, |w| {
        w.generation(5, 1, &stream("", FORGED_CONTENT));
    });
    let stale_generation = stage.update(PERMITS, |w| {
        w.stream(5, "", FORGED_CONTENT);
        let super::writer::Entry::At(at, _) = w.entries[&5] else {
            unreachable!()
        };
        w.entries.insert(5, super::writer::Entry::At(at, 1));
    });
    let other_number = stage.update(PERMITS, |w| {
        let at = forged(w, 5);
        w.entries.insert(7, super::writer::Entry::At(at, 0));
    });
    let small = {
        let mut w = Writer::update(base);
        w.stream(5, "", FORGED_CONTENT);
        exchange(&w.finish(), "/Size 29", "/Size 5")
    };
    let into_stream = {
        let inner = format!("5 0 obj\n{}\nendobj\n", stream("", FORGED_CONTENT));
        let mut w = Writer::update(base);
        w.stream(40, "", &inner);
        let at = super::writer::last(&w.bytes, b"5 0 obj");
        w.entries.insert(5, super::writer::Entry::At(at, 0));
        w.finish()
    };
    let packed = {
        let mut w = Writer::update(base);
        let content = format!("6 0 {}", super::scene::FORM.replace("10 0 R ", ""));
        w.stream(40, "/Type /ObjStm /N 1 /First 4", &content);
        let at = w.bytes.len();
        let super::writer::Entry::At(packed, _) = w.entries[&40] else {
            unreachable!()
        };
        let rows = format!("0200000028 00 01{packed:08x}00 01{at:08x}00>").replace(' ', "");
        w.raw(&format!(
            "41 0 obj\n<< /Type /XRef /Size 42 /Root 1 0 R /Prev {old} /W [1 4 1] /Index [6 1 40 2] \
             /Filter /ASCIIHexDecode /Length {} >>\nstream\n{rows}\nendstream\nendobj\n",
            rows.len()
        ));
        end(&mut w, at);
        w.bytes
    };
    let two_ends = [
        base,
        format!("startxref\n{old}\n%%EOF\nstartxref\n{}\n%%EOF\n", base.len()).as_bytes(),
    ]
    .concat();
    let shown: &[&str] = CODES;
    vec![
        case(class, "a table with a stream beside it", hybrid, shown),
        case(class, "an entry twice", twice, shown),
        case(class, "a section before itself", looped, shown),
        case(class, "a section before a later one", forward, shown),
        case(class, "a section without the ones before", no_previous, shown),
        case(class, "a section before something else", wrong_previous, shown),
        case(class, "an object of a later generation", generation, shown),
        case(class, "an entry of another generation", stale_generation, shown),
        case(class, "an entry that leads to another number", other_number, shown),
        case(class, "a size that leaves objects out", small, shown),
        case(class, "an object inside a stream", into_stream, shown),
        case(
            class,
            "an object in an object stream, beside tables",
            packed,
            &[
                "form_changed",
                "field_removed",
                "xref_contradicts",
                "document_unreadable",
                "appended_after_signature",
                "xref_dangling",
            ],
        ),
        case(class, "two ends that differ", two_ends, shown),
    ]
}

/// In the file when it was signed.
fn before(stage: &Stage) -> Vec<Case> {
    let class = "cross-references, signed so";
    let add = |name: &str, bytes: Vec<u8>| case(class, name, bytes, CODES).headline(Modified::MessageOnly);
    let twice = born(stage, |w| {
        let at = forged(w, 5);
        exchange(
            &w.finish(),
            "xref\n0 1\n",
            &format!("xref\n5 1\n{at:010} 00000 n \n0 1\n"),
        )
    });
    let dangling = born(stage, |w| {
        let at = w.bytes.len();
        w.entries.insert(30, super::writer::Entry::At(at + 3, 0));
        w.finish()
    });
    let hybrid = born(stage, |w| {
        let at = forged(w, 5);
        let rows = w.bytes.len();
        w.raw(&format!(
            "40 0 obj\n<< /Type /XRef /Size 41 /W [0 4 1] /Index [5 1] /Filter /ASCIIHexDecode /Length 11 >>\nstream\n\
             {at:08x}00>\nendstream\nendobj\n"
        ));
        w.trailer.push_str(&format!(" /XRefStm {rows}"));
        w.finish()
    });
    let late = born(stage, |w| [b"junk\n".as_slice(), &w.finish()].concat());
    let early_end = born(stage, |w| exchange(&w.finish(), "%%EOF\n", "%%EOF\nmore words\n"));
    let key_twice = born(stage, |w| {
        w.object(1, &catalog(PERMITS, "/Pages 22 0 R"))
            .object(22, "<< /Type /Pages /Kids [19 0 R] /Count 1 >>");
        w.finish()
    });
    vec![
        add("an entry twice", twice),
        add("an entry that leads nowhere", dangling),
        add("a table with a stream beside it", hybrid),
        add("bytes before the header", late),
        add("words after the end", early_end),
        case(
            class,
            "a key twice in a dictionary",
            key_twice,
            &["document_unreadable", "xref_dangling", "xref_contradicts"],
        )
        .headline(Modified::MessageOnly),
    ]
}
