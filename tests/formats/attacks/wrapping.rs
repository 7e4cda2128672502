//! Signature wrapping: the signed bytes stand where the range says, and something else is read.

use super::{
    cases::{Case, Modified, case},
    find,
    scene::{FORGED_CONTENT, Permits, Stage},
    writer::{Writer, last, start_xref, stream},
};

/// Where the gap begins and ends, and where the digits in it end that are not padding.
fn gap(pdf: &[u8]) -> (usize, usize, usize) {
    let start = last(pdf, b"/Contents <") + 10;
    let end = start + find(&pdf[start..], b">") + 1;
    let padding = pdf[start..end - 1]
        .iter()
        .rev()
        .take_while(|byte| **byte == b'0')
        .count();
    (start, end, end - 1 - padding / 2 * 2)
}

/// Puts something into the gap instead of the padding; the file keeps its length.
fn in_gap(pdf: &[u8], what: &str, last: &[u8]) -> Vec<u8> {
    let (_, end, digits) = gap(pdf);
    let mut pdf = pdf.to_vec();
    let room = end - digits;
    let text = format!(">{what}");
    assert!(text.len() + last.len() <= room, "the gap is too small");
    pdf[digits..end].fill(b' ');
    pdf[digits..digits + text.len()].copy_from_slice(text.as_bytes());
    pdf[end - last.len()..end].copy_from_slice(last);
    pdf
}

fn forged(number: u32) -> String {
    format!("{number} 0 obj\n{}\nendobj\n", stream("", FORGED_CONTENT))
}

pub fn cases(stage: &Stage) -> Vec<Case> {
    let class = "signature wrapping";
    let base = stage.base(Permits::Unsaid);
    let (start, end, digits) = gap(base);
    let tail = base.len() - end;
    let old = start_xref(base);

    // The forged object in the gap, found by cross-references behind the end.
    let packed = in_gap(base, &format!(" >>\nendobj\n{}", forged(5)), b"");
    let at = last(&packed, b"5 0 obj");
    let mut outside = Writer::update(&packed);
    outside.entries.insert(5, super::writer::Entry::At(at, 0));
    let outside = outside.finish();

    // Cross-references in the gap too, and only `startxref` behind the end.
    let at = digits + 1 + " >>\nendobj\n".len();
    let section = format!(" >>\nendobj\n{}", forged(5));
    let xref = digits + 1 + section.len();
    let section = format!("{section}xref\n5 1\n{at:010} 00000 n \ntrailer\n<< /Size 29 /Root 1 0 R /Prev {old} >>\n");
    let mut inside = in_gap(base, &section, b"");
    inside.extend(format!("startxref\n{xref}\n%%EOF\n").bytes());

    // A second range in the gap, of which many readers take the last.
    let range = format!(" /ByteRange [0 {start} {end} {tail}] /Type /Sig ");
    let second_range = in_gap(base, &range, b"");

    // The second part of what is signed moves behind forged objects; the range that says so is the second one.
    let forged_part = format!("\nendobj\n{}", forged(5));
    let moved_to = end + forged_part.len();
    let range = format!(" /ByteRange [0 {start} {moved_to} {tail}] ");
    let first_part = in_gap(base, &range, b"");
    let moved = [&first_part[..end], forged_part.as_bytes(), &base[end..]].concat();

    // The range that counts is indirect, and may be changed later.
    let indirect = stage.update(Permits::Unsaid, |w| {
        let dictionary = format!(
            "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /ByteRange 38 0 R /Contents <{}> >>",
            String::from_utf8_lossy(&base[start + 1..end - 1])
        );
        w.object(20, &dictionary)
            .object(38, &format!("[0 {start} {end} {tail}]"))
            .stream(5, "", FORGED_CONTENT);
    });

    let gapped = &[
        "byte_range_gap",
        "contents_malformed",
        "contents_padding",
        "document_unreadable",
    ][..];
    vec![
        case(
            class,
            "an object in the gap that a later section names",
            outside,
            gapped,
        ),
        case(class, "an object and its section in the gap", inside, gapped),
        case(class, "a second range in the gap", second_range, gapped).headline(Modified::NotUnchanged),
        case(
            class,
            "the second part moved behind a forged object",
            moved,
            &[
                "byte_range_gap",
                "document_truncated",
                "document_unreadable",
                "digest_differs",
                "contents_malformed",
            ],
        )
        .headline(Modified::NotUnchanged),
        case(
            class,
            "a range by reference",
            indirect,
            &[
                "byte_range_malformed",
                "signature_changed",
                "byte_range_elsewhere",
                "signature_stray",
            ],
        ),
        case(class, "white space in the gap", in_gap(base, "", b""), gapped).headline(Modified::NotUnchanged),
        case(class, "a comment in the gap", in_gap(base, "%", b"\n"), gapped).headline(Modified::NotUnchanged),
        case(
            class,
            "a second value in the gap",
            in_gap(base, "/Contents <00", b">"),
            gapped,
        )
        .headline(Modified::NotUnchanged),
    ]
}
