//! A revision that is appended to a document (ISO 32000-2 7.5.6): what stands there does not move.

use std::{collections::BTreeMap, fmt, io::Write, ops::Range};

use super::{
    Document, ReadError,
    object::{Dictionary, Object, Reference},
    seal::SealError,
};

/// Room for the three numbers of `/ByteRange` that are known last, in digits each.
const RANGE_DIGITS: usize = 10;

/// A revision under way.
pub(super) struct Update<'a> {
    original: &'a [u8],
    document: Document<'a>,
    out: Vec<u8>,
    offsets: BTreeMap<u32, (usize, u16)>,
    next: u32,
}

impl<'a> Update<'a> {
    /// Begins a revision of a document that no two readers see differently.
    pub fn of(original: &'a [u8]) -> Result<Self, SealError> {
        let document = Document::read(original)?;
        if !document.doubts().is_empty() {
            return Err(SealError::Doubtful);
        }
        let size = document
            .trailer()?
            .integer(b"Size")
            .and_then(|size| u32::try_from(size).ok())
            .unwrap_or(0);
        let next = document.highest_number().checked_add(1).ok_or(SealError::TooLarge)?;
        let mut out = original.to_vec();
        if !out.ends_with(b"\n") {
            out.push(b'\n');
        }
        Ok(Self {
            original,
            document,
            out,
            offsets: BTreeMap::new(),
            next: next.max(size),
        })
    }

    pub fn document(&self) -> &Document<'a> {
        &self.document
    }

    /// A number that no object has.
    pub fn reserve(&mut self) -> Reference {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        Reference { number, generation: 0 }
    }

    /// Writes an object, new or in the place of an older one.
    pub fn put(&mut self, reference: Reference, value: &Object) {
        self.begin(reference);
        value.write(&mut self.out);
        self.end();
    }

    /// Writes a stream; `dictionary` is without its length.
    pub fn put_stream(&mut self, reference: Reference, mut dictionary: Dictionary, content: &[u8]) {
        let length = i64::try_from(content.len()).unwrap_or(i64::MAX);
        dictionary.set(b"Length", Object::Integer(length));
        self.begin(reference);
        Object::Dictionary(dictionary).write(&mut self.out);
        self.out.extend(b"\nstream\n");
        self.out.extend(content);
        self.out.extend(b"\nendstream");
        self.end();
    }

    /// Writes a signature dictionary with the two entries whose places must be known: room for `/ByteRange`, and
    /// `/Contents` with room for so many bytes.
    pub fn put_signature(&mut self, reference: Reference, entries: &Object, contents_bytes: usize) -> Room {
        self.begin(reference);
        entries.write(&mut self.out);
        // The dictionary is open again for the two.
        self.out.truncate(self.out.len() - b"\n>>".len());
        self.out.extend(b"\n/ByteRange ");
        let range_at = self.out.len();
        self.out.resize(range_at + 5 + 3 * RANGE_DIGITS, b' ');
        self.out.extend(b"\n/Contents ");
        let start = self.out.len();
        self.out.push(b'<');
        self.out.resize(start + 1 + 2 * contents_bytes, b'0');
        self.out.push(b'>');
        let gap = start..self.out.len();
        self.out.extend(b"\n>>");
        self.end();
        Room { range_at, gap }
    }

    /// Ends the revision; nothing is signed in it.
    pub fn finish(mut self) -> Result<Vec<u8>, SealError> {
        self.write_xref()?;
        Ok(self.out)
    }

    /// Ends the revision around the gap of its signature.
    pub fn finish_around(mut self, room: Room) -> Result<Prepared, SealError> {
        self.write_xref()?;
        let Room { range_at, gap } = room;
        let range = format!("[0 {} {} {}", gap.start, gap.end, self.out.len() - gap.end);
        let width = 4 + 3 * RANGE_DIGITS;
        let range = format!("{range:<width$}]");
        if range.len() != width + 1 {
            return Err(SealError::TooLarge);
        }
        self.out
            .get_mut(range_at..range_at + range.len())
            .ok_or(SealError::TooLarge)?
            .copy_from_slice(range.as_bytes());
        Ok(Prepared { bytes: self.out, gap })
    }

    fn begin(&mut self, reference: Reference) {
        self.offsets
            .insert(reference.number, (self.out.len(), reference.generation));
        write(
            &mut self.out,
            format_args!("{} {} obj\n", reference.number, reference.generation),
        );
    }

    fn end(&mut self) {
        self.out.extend(b"\nendobj\n");
    }

    /// Writes the cross-references in the form that the document has: a stream may not follow a table (ISO 32000-2
    /// 7.5.8).
    fn write_xref(&mut self) -> Result<(), SealError> {
        let last = self.document.revisions().first().ok_or(ReadError::NoStartXref)?;
        let is_stream = last.is_stream;
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
            let digest = ring::digest::digest(&ring::digest::SHA256, self.original);
            let second = digest.as_ref().iter().take(16).copied().collect();
            let id = Object::Array(vec![first.clone(), Object::String(second)]);
            trailer.set(b"ID", id);
        }
        let prev = i64::try_from(last.offset).map_err(|_| SealError::TooLarge)?;
        trailer.set(b"Prev", Object::Integer(prev));
        let stream = is_stream.then(|| self.reserve());
        trailer.set(b"Size", Object::Integer(i64::from(self.next)));
        let at = self.out.len();
        match stream {
            Some(stream) => self.write_xref_stream(trailer, stream)?,
            None => {
                self.out.extend(b"xref\n");
                for (number, (offset, generation)) in &self.offsets {
                    write(
                        &mut self.out,
                        format_args!("{number} 1\n{offset:010} {generation:05} n \n"),
                    );
                }
                self.out.extend(b"trailer\n");
                Object::Dictionary(trailer).write(&mut self.out);
                self.out.push(b'\n');
            }
        }
        write(&mut self.out, format_args!("startxref\n{at}\n%%EOF\n"));
        Ok(())
    }

    fn write_xref_stream(&mut self, mut trailer: Dictionary, stream: Reference) -> Result<(), SealError> {
        self.offsets.insert(stream.number, (self.out.len(), stream.generation));
        let mut index = Vec::new();
        let mut rows = Vec::new();
        for (number, (offset, generation)) in &self.offsets {
            index.extend([Object::Integer(i64::from(*number)), Object::Integer(1)]);
            rows.push(1);
            rows.extend(u32::try_from(*offset).map_err(|_| SealError::TooLarge)?.to_be_bytes());
            rows.extend(generation.to_be_bytes());
        }
        trailer.set(b"Type", Object::name_of("XRef"));
        trailer.set(b"W", Object::Array([1, 4, 2].map(Object::Integer).to_vec()));
        trailer.set(b"Index", Object::Array(index));
        self.put_stream(stream, trailer, &rows);
        Ok(())
    }
}

/// Where the two late entries of a signature dictionary stand.
pub(super) struct Room {
    range_at: usize,
    gap: Range<usize>,
}

/// A document that lacks only its signature, or its timestamp.
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

    /// How many bytes the gap takes.
    pub fn contents_bytes(&self) -> usize {
        (self.gap.len() - 2) / 2
    }

    /// Puts the signature (DER of a CMS ContentInfo) into its gap. The rest of the gap stays zeros: nothing moves.
    pub fn finish(mut self, cms: &[u8]) -> Result<Vec<u8>, SealError> {
        let reserved = self.contents_bytes();
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

pub(super) fn dictionary<const N: usize>(entries: [(&str, Object); N]) -> Dictionary {
    let mut dictionary = Dictionary::default();
    for (key, value) in entries {
        dictionary.set(key.as_bytes(), value);
    }
    dictionary
}

/// A text string (ISO 32000-2 7.9.2.2): ASCII as it is, anything else as UTF-16 with its mark.
pub(super) fn text(value: &str) -> Object {
    if value.is_ascii() {
        return Object::String(value.as_bytes().to_vec());
    }
    let units = value.encode_utf16().flat_map(u16::to_be_bytes);
    Object::String([0xFE, 0xFF].into_iter().chain(units).collect())
}

fn write(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    // Writing to a Vec does not fail.
    let _ = out.write_fmt(text);
}
