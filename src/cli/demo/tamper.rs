//! What a forger would try on a sealed document. Each gives a file that opens as before.

use std::io::Write as _;

use crate::{
    cli::CommandError,
    formats::{
        ofd::{Package, ROOT, pack},
        pdf::{Dictionary, Document, Object, ReadError, Reference},
    },
};

/// The document with one bit of one byte changed, well inside what is signed.
pub fn flip_a_byte(pdf: &[u8]) -> Vec<u8> {
    let mut altered = pdf.to_vec();
    let middle = altered.len() / 3;
    if let Some(byte) = altered.get_mut(middle) {
        *byte ^= 1;
    }
    altered
}

/// The OFD without one of the lines of text of its first page: everything else is as it was.
pub fn take_a_line_off(ofd: &[u8]) -> Result<Vec<u8>, CommandError> {
    const PAGE: &str = "Doc_0/Pages/Page_0/Content.xml";
    const END: &str = "</ofd:TextObject>";
    let package = Package::read(ofd)?;
    let files = package.paths().map(|path| {
        let content = package.file(path).unwrap_or_default();
        let text = std::str::from_utf8(content).ok().filter(|_| path == PAGE);
        let line = text.and_then(|text| Some(text.rfind("<ofd:TextObject")?..text.rfind(END)? + END.len()));
        let content = match (text, line) {
            (Some(text), Some(line)) => {
                let mut text = text.to_owned();
                text.replace_range(line, "");
                text.into_bytes()
            }
            _ => content.to_vec(),
        };
        (path.to_owned(), content)
    });
    // The root first: by it a package is known.
    let mut files: Vec<_> = files.collect();
    files.sort_by_key(|(path, _)| path != ROOT);
    Ok(pack(&files)?)
}

/// The document with a revision behind it that adds an empty page: the seal's bytes stay as they are.
pub fn append_a_page(pdf: &[u8]) -> Result<Vec<u8>, ReadError> {
    let document = Document::read(pdf)?;
    let (root, catalog) = document.catalog()?;
    let tree = catalog.reference(b"Pages").ok_or(ReadError::Kind(root.number))?;
    let Object::Dictionary(mut node) = document.object(tree)?.value else {
        return Err(ReadError::Kind(tree.number));
    };
    let page = Reference {
        number: document.highest_number() + 1,
        generation: 0,
    };
    let mut kids = document.array(&node, b"Kids")?;
    kids.push(Object::Reference(page));
    node.set(b"Kids", Object::Array(kids));
    node.set(b"Count", Object::Integer(node.integer(b"Count").unwrap_or(0) + 1));
    let mut added = Dictionary::default();
    added.set(b"Type", Object::name_of("Page"));
    added.set(b"Parent", Object::Reference(tree));
    added.set(
        b"MediaBox",
        Object::Array([0, 0, 595, 842].map(Object::Integer).to_vec()),
    );
    added.set(b"Resources", Object::Dictionary(Dictionary::default()));

    let mut out = pdf.to_vec();
    if !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    let mut places = Vec::new();
    for (reference, value) in [(tree, node), (page, added)] {
        places.push((reference, out.len()));
        begin(&mut out, reference);
        value.write(&mut out);
        out.extend(b"\nendobj\n");
    }
    let last = document.revisions().first().ok_or(ReadError::NoStartXref)?;
    let mut trailer = Dictionary::default();
    for key in [b"Root".as_slice(), b"Info", b"ID"] {
        if let Some(value) = last.trailer.get(key) {
            trailer.set(key, value.clone());
        }
    }
    trailer.set(b"Prev", integer(last.offset));
    write_xref(&mut out, places, trailer, page.number + 1, last.is_stream);
    Ok(out)
}

/// Cross-references in the form that the document has (ISO 32000-2 7.5.4 and 7.5.8).
fn write_xref(
    out: &mut Vec<u8>,
    mut places: Vec<(Reference, usize)>,
    mut trailer: Dictionary,
    next: u32,
    is_stream: bool,
) {
    let start = out.len();
    let own = Reference {
        number: next,
        generation: 0,
    };
    if is_stream {
        places.push((own, start));
        let (mut index, mut rows) = (Vec::new(), Vec::new());
        for (reference, offset) in &places {
            index.extend([Object::Integer(i64::from(reference.number)), Object::Integer(1)]);
            rows.push(1);
            rows.extend(u32::try_from(*offset).unwrap_or(u32::MAX).to_be_bytes());
            rows.extend(reference.generation.to_be_bytes());
        }
        trailer.set(b"Type", Object::name_of("XRef"));
        trailer.set(b"W", Object::Array([1, 4, 2].map(Object::Integer).to_vec()));
        trailer.set(b"Index", Object::Array(index));
        trailer.set(b"Size", Object::Integer(i64::from(next) + 1));
        trailer.set(b"Length", integer(rows.len()));
        begin(out, own);
        trailer.write(out);
        out.extend(b"\nstream\n");
        out.extend(rows);
        out.extend(b"\nendstream\nendobj\n");
    } else {
        out.extend(b"xref\n");
        for (reference, offset) in &places {
            // Writing to a Vec does not fail.
            let _ = write!(
                out,
                "{} 1\n{offset:010} {:05} n \n",
                reference.number, reference.generation
            );
        }
        trailer.set(b"Size", Object::Integer(i64::from(next)));
        out.extend(b"trailer\n");
        trailer.write(out);
        out.push(b'\n');
    }
    let _ = write!(out, "startxref\n{start}\n%%EOF\n");
}

fn begin(out: &mut Vec<u8>, reference: Reference) {
    let _ = writeln!(out, "{} {} obj", reference.number, reference.generation);
}

fn integer(value: usize) -> Object {
    Object::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}
