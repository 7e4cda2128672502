//! The revision that seals a document: a signature field with its appearance, and a certification signature that
//! permits no later change (ISO 32000-2 12.8, EN 319 142-1 for what stands in it).

use std::{collections::BTreeMap, io::Write, ops::Range};

use jiff::{Timestamp, tz::Offset};

use super::{
    Document, ReadError,
    object::{Dictionary, Object, Reference},
    signatures::PROGRAM,
};

/// Room for the signature by default, in bytes of CMS.
pub const DEFAULT_CONTENTS_BYTES: usize = 16 * 1024;

/// Room for the three numbers of `/ByteRange` that are known last, in digits each.
const RANGE_DIGITS: usize = 10;

/// What is sealed, and how it looks.
pub struct Seal<'a> {
    /// The page it stands on, from 0.
    pub page: usize,
    /// Left, bottom, right, top, in points from the page's lower left corner.
    pub rectangle: [f32; 4],
    pub appearance: Appearance<'a>,
    /// The field's name, unique in the document.
    pub field: &'a str,
    /// What a screen reader says of it.
    pub description: &'a str,
    /// Who seals (`/Name`).
    pub name: &'a str,
    pub reason: Option<&'a str>,
    pub location: Option<&'a str>,
    /// When it is sealed, as the dictionary claims it (`/M`).
    pub time: Timestamp,
    /// Room for the signature, in bytes of CMS: [`DEFAULT_CONTENTS_BYTES`] unless the chain is long.
    pub contents_bytes: usize,
}

/// The picture of the seal: a content stream in its own coordinates. It has one graphics state to use, `/Multiply gs`,
/// so that the paper's text stays readable under the ink; colours are DeviceRGB, as the document's output intent.
pub struct Appearance<'a> {
    pub content: &'a [u8],
    /// Left, bottom, right, top.
    pub bbox: [f32; 4],
}

/// Why a document cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the document cannot be read: {0}")]
    Read(#[from] ReadError),
    #[error("the document has no page {0}")]
    NoPage(usize),
    #[error("the document has a form or a signature already")]
    HasForm,
    #[error("the document is not sound: another reader could see it differently")]
    Doubtful,
    #[error("the document is too large")]
    TooLarge,
    #[error("the signature takes {needed} bytes where {reserved} were reserved")]
    TooLong { needed: usize, reserved: usize },
}

/// A sealed document that lacks only its signature.
#[derive(Clone, Debug)]
pub struct Prepared {
    bytes: Vec<u8>,
    /// The `/Contents` string with its `<` and `>`.
    gap: Range<usize>,
}

impl Prepared {
    /// What is signed: all bytes before and after the gap, in this order.
    pub fn bytes_to_sign(&self) -> [&[u8]; 2] {
        let before = self.bytes.get(..self.gap.start).unwrap_or_default();
        [before, self.bytes.get(self.gap.end..).unwrap_or_default()]
    }

    /// Puts the signature (DER of a CMS ContentInfo) into its gap. The rest of the gap stays zeros: nothing moves.
    pub fn finish(mut self, cms: &[u8]) -> Result<Vec<u8>, SealError> {
        let reserved = (self.gap.len() - 2) / 2;
        let too_long = SealError::TooLong {
            needed: cms.len(),
            reserved,
        };
        let digits = data_encoding::HEXLOWER.encode(cms);
        let start = self.gap.start + 1;
        if cms.len() > reserved {
            return Err(too_long);
        }
        match self.bytes.get_mut(start..start + digits.len()) {
            Some(place) => place.copy_from_slice(digits.as_bytes()),
            None => return Err(too_long),
        }
        Ok(self.bytes)
    }
}

/// Appends the one revision that seals a finished document.
pub fn prepare(pdf: &[u8], seal: &Seal<'_>) -> Result<Prepared, SealError> {
    let document = Document::read(pdf)?;
    if !document.doubts().is_empty() {
        return Err(SealError::Doubtful);
    }
    let (root, mut catalog) = document.catalog()?;
    if catalog.get(b"AcroForm").is_some() || catalog.get(b"Perms").is_some() {
        return Err(SealError::HasForm);
    }
    let page = *document.pages()?.get(seal.page).ok_or(SealError::NoPage(seal.page))?;
    let Object::Dictionary(mut page_dictionary) = document.object(page)?.value else {
        return Err(SealError::NoPage(seal.page));
    };

    let size = document
        .trailer()?
        .integer(b"Size")
        .and_then(|size| u32::try_from(size).ok())
        .unwrap_or(0);
    let next = document
        .highest_number()
        .checked_add(1)
        .ok_or(SealError::TooLarge)?
        .max(size);
    let new = |place: u32| Reference {
        number: next.saturating_add(place),
        generation: 0,
    };
    let (signature, widget, form) = (new(0), new(1), new(2));

    let mut annotations = document.array(&page_dictionary, b"Annots")?;
    annotations.push(Object::Reference(widget));
    page_dictionary.set(b"Annots", Object::Array(annotations));
    catalog.set(
        b"AcroForm",
        dictionary([
            ("Fields", Object::Array(vec![Object::Reference(widget)])),
            ("SigFlags", Object::Integer(3)),
        ]),
    );
    catalog.set(b"Perms", dictionary([("DocMDP", Object::Reference(signature))]));

    let mut out = pdf.to_vec();
    if !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    let mut offsets = BTreeMap::new();
    for (reference, value) in [(root, catalog), (page, page_dictionary)] {
        begin(&mut out, &mut offsets, reference);
        value.write(&mut out);
        out.extend(b"\nendobj\n");
    }
    begin(&mut out, &mut offsets, form);
    write_form(&mut out, &seal.appearance);
    begin(&mut out, &mut offsets, widget);
    write_widget(&mut out, seal, page, signature, form);
    begin(&mut out, &mut offsets, signature);
    let (range_at, gap) = write_signature(&mut out, seal);
    write_xref(&mut out, &document, pdf, offsets, new(3))?;

    let range = format!("[0 {} {} {}", gap.start, gap.end, out.len() - gap.end);
    let room = 4 + 3 * RANGE_DIGITS;
    let range = format!("{range:<room$}]");
    if range.len() != room + 1 {
        return Err(SealError::TooLarge);
    }
    out.get_mut(range_at..range_at + range.len())
        .ok_or(SealError::TooLarge)?
        .copy_from_slice(range.as_bytes());
    Ok(Prepared { bytes: out, gap })
}

fn dictionary<const N: usize>(entries: [(&str, Object); N]) -> Object {
    let mut dictionary = Dictionary::default();
    for (key, value) in entries {
        dictionary.set(key.as_bytes(), value);
    }
    Object::Dictionary(dictionary)
}

fn begin(out: &mut Vec<u8>, offsets: &mut BTreeMap<u32, (usize, u16)>, reference: Reference) {
    offsets.insert(reference.number, (out.len(), reference.generation));
    put(out, format_args!("{} {} obj\n", reference.number, reference.generation));
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec does not fail.
    let _ = out.write_fmt(text);
}

fn numbers(values: [f32; 4]) -> Object {
    Object::Array(
        values
            .iter()
            .map(|value| Object::Real(format!("{value:.2}").into_bytes()))
            .collect(),
    )
}

/// A text string (ISO 32000-2 7.9.2.2): ASCII as it is, anything else as UTF-16 with its mark.
fn text(value: &str) -> Object {
    if value.is_ascii() {
        return Object::String(value.as_bytes().to_vec());
    }
    let units = value.encode_utf16().flat_map(u16::to_be_bytes);
    Object::String([0xFE, 0xFF].into_iter().chain(units).collect())
}

fn write_form(out: &mut Vec<u8>, appearance: &Appearance<'_>) {
    let multiply = dictionary([
        ("Type", Object::name_of("ExtGState")),
        ("BM", Object::name_of("Multiply")),
    ]);
    let states = dictionary([("Multiply", multiply)]);
    let length = i64::try_from(appearance.content.len()).unwrap_or(i64::MAX);
    dictionary([
        ("Type", Object::name_of("XObject")),
        ("Subtype", Object::name_of("Form")),
        ("BBox", numbers(appearance.bbox)),
        ("Resources", dictionary([("ExtGState", states)])),
        ("Length", Object::Integer(length)),
    ])
    .write(out);
    out.extend(b"\nstream\n");
    out.extend(appearance.content);
    out.extend(b"\nendstream\nendobj\n");
}

fn write_widget(out: &mut Vec<u8>, seal: &Seal<'_>, page: Reference, signature: Reference, form: Reference) {
    dictionary([
        ("Type", Object::name_of("Annot")),
        ("Subtype", Object::name_of("Widget")),
        ("FT", Object::name_of("Sig")),
        ("T", text(seal.field)),
        ("TU", text(seal.description)),
        ("Rect", numbers(seal.rectangle)),
        // Print and Locked: PDF/A asks for the first (ISO 19005-3 6.3.2), and nobody shall move a seal.
        ("F", Object::Integer(132)),
        ("P", Object::Reference(page)),
        ("V", Object::Reference(signature)),
        ("AP", dictionary([("N", Object::Reference(form))])),
    ])
    .write(out);
    out.extend(b"\nendobj\n");
}

/// Writes the signature dictionary and returns where `/ByteRange` goes and where the gap is.
fn write_signature(out: &mut Vec<u8>, seal: &Seal<'_>) -> (usize, Range<usize>) {
    let time = Offset::constant(8).to_datetime(seal.time);
    let time = format!("D:{}+08'00'", time.strftime("%Y%m%d%H%M%S"));
    let parameters = dictionary([
        ("Type", Object::name_of("TransformParams")),
        ("P", Object::Integer(1)),
        ("V", Object::name_of("1.2")),
    ]);
    let certification = dictionary([
        ("Type", Object::name_of("SigRef")),
        ("TransformMethod", Object::name_of("DocMDP")),
        ("TransformParams", parameters),
    ]);
    let mut entries = Dictionary::default();
    entries.set(b"Type", Object::name_of("Sig"));
    entries.set(b"Filter", Object::name_of("Adobe.PPKLite"));
    entries.set(b"SubFilter", Object::name_of("ETSI.CAdES.detached"));
    entries.set(b"Name", text(seal.name));
    entries.set(b"M", text(&time));
    if let Some(reason) = seal.reason {
        entries.set(b"Reason", text(reason));
    }
    if let Some(location) = seal.location {
        entries.set(b"Location", text(location));
    }
    entries.set(b"Reference", Object::Array(vec![certification]));
    let program = dictionary([("Name", Object::name_of(PROGRAM))]);
    entries.set(b"Prop_Build", dictionary([("App", program)]));
    entries.write(out);
    // The dictionary is open again for the two entries whose places must be known.
    out.truncate(out.len() - b"\n>>".len());
    out.extend(b"\n/ByteRange ");
    let range_at = out.len();
    out.resize(range_at + 5 + 3 * RANGE_DIGITS, b' ');
    out.extend(b"\n/Contents ");
    let start = out.len();
    out.push(b'<');
    out.resize(start + 1 + 2 * seal.contents_bytes, b'0');
    out.push(b'>');
    let gap = start..out.len();
    out.extend(b"\n>>\nendobj\n");
    (range_at, gap)
}

/// Writes the cross-references in the form that the document has: a stream may not follow a table (ISO 32000-2 7.5.8).
fn write_xref(
    out: &mut Vec<u8>,
    document: &Document<'_>,
    original: &[u8],
    mut offsets: BTreeMap<u32, (usize, u16)>,
    stream_reference: Reference,
) -> Result<(), SealError> {
    let last = document.revisions().first().ok_or(ReadError::NoStartXref)?;
    let mut trailer = Dictionary::default();
    for entry in last.trailer.entries() {
        let of_the_section = [
            b"Prev".as_slice(),
            b"Length",
            b"Filter",
            b"DecodeParms",
            b"W",
            b"Index",
            b"Type",
        ];
        if !of_the_section.contains(&entry.key.as_slice()) {
            trailer.set(&entry.key, entry.value.clone());
        }
    }
    if let Some([first, _]) = trailer.get(b"ID").and_then(Object::as_array) {
        // The second half names this revision (ISO 32000-2 14.4).
        let digest = ring::digest::digest(&ring::digest::SHA256, original);
        let second = digest.as_ref().iter().take(16).copied().collect();
        let id = Object::Array(vec![first.clone(), Object::String(second)]);
        trailer.set(b"ID", id);
    }
    let at = out.len();
    let prev = i64::try_from(last.offset).map_err(|_| SealError::TooLarge)?;
    trailer.set(b"Prev", Object::Integer(prev));
    let highest = stream_reference.number - u32::from(!last.is_stream);
    trailer.set(b"Size", Object::Integer(i64::from(highest) + 1));
    if last.is_stream {
        begin(out, &mut offsets, stream_reference);
        let mut index = Vec::new();
        let mut rows = Vec::new();
        for (number, (offset, generation)) in &offsets {
            index.extend([Object::Integer(i64::from(*number)), Object::Integer(1)]);
            rows.push(1);
            rows.extend(u32::try_from(*offset).map_err(|_| SealError::TooLarge)?.to_be_bytes());
            rows.extend(generation.to_be_bytes());
        }
        trailer.set(b"Type", Object::name_of("XRef"));
        trailer.set(b"W", Object::Array([1, 4, 2].map(Object::Integer).to_vec()));
        trailer.set(b"Index", Object::Array(index));
        trailer.set(
            b"Length",
            Object::Integer(i64::try_from(rows.len()).map_err(|_| SealError::TooLarge)?),
        );
        trailer.write(out);
        out.extend(b"\nstream\n");
        out.extend(rows);
        out.extend(b"\nendstream\nendobj\n");
    } else {
        out.extend(b"xref\n");
        for (number, (offset, generation)) in &offsets {
            put(out, format_args!("{number} 1\n{offset:010} {generation:05} n \n"));
        }
        out.extend(b"trailer\n");
        trailer.write(out);
        out.push(b'\n');
    }
    put(out, format_args!("startxref\n{at}\n%%EOF\n"));
    Ok(())
}
