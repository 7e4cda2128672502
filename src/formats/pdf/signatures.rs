//! Signature dictionaries (ISO 32000-2 12.8.1): where they are, and what they say.

use std::{collections::HashSet, ops::Range, rc::Rc};

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

use super::{
    Document, ReadError,
    lexer::Lexer,
    object::{Dictionary, Object},
    xref::Location,
};

/// The most signatures of one document that are looked at.
pub const MAX_SIGNATURES: usize = 64;

/// The most fields of a form that are looked at.
const MAX_FIELDS: usize = 10_000;

/// The longest text of a signature dictionary that is kept, and the longest full name of a field, in bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// The most bytes that are read to find signature dictionaries without cross-references.
const MAX_SALVAGE_BYTES: usize = 32 * 1024 * 1024;

/// How far before its `/ByteRange` a signature dictionary may begin, in bytes, to be found without cross-references.
const SALVAGE_BYTES: usize = 256 * 1024;

/// A signature dictionary.
#[derive(Clone, Debug)]
pub struct SignatureDictionary {
    /// The full name of its field, where a form leads to it.
    pub field: Option<String>,
    pub sub_filter: Option<Vec<u8>>,
    /// Exactly four numbers: offset and length before the gap, offset and length after it.
    pub byte_range: Option<[usize; 4]>,
    /// When it says it was made (`/M`).
    pub time: Option<Timestamp>,
    /// Who it says has signed (`/Name`).
    pub name: Option<String>,
    /// It certifies the document and permits no change at all (DocMDP with P 1, ISO 32000-2 12.8.2.2).
    pub permits_no_change: bool,
    /// Where the value of `/Contents` stands in the file; none where it does not stand there itself.
    pub contents: Option<Range<usize>>,
}

impl SignatureDictionary {
    fn new(field: Option<String>, entries: &Dictionary, in_file: bool) -> Self {
        let contents = entries
            .entry(b"Contents")
            .filter(|entry| in_file && entry.value.as_string().is_some());
        let contents = contents.map(|entry| entry.span.clone());
        let text = |key| entries.get(key).and_then(Object::as_string);
        Self {
            field,
            sub_filter: entries.name(b"SubFilter").map(<[u8]>::to_vec),
            byte_range: byte_range(entries),
            time: text(b"M").and_then(date),
            name: text(b"Name").map(|name| text_string(name.get(..MAX_TEXT_BYTES).unwrap_or(name))),
            permits_no_change: permits_no_change(entries),
            contents,
        }
    }
}

fn byte_range(entries: &Dictionary) -> Option<[usize; 4]> {
    let [one, two, three, four] = entries.get(b"ByteRange")?.as_array()? else {
        return None;
    };
    let number = |object: &Object| usize::try_from(object.as_integer()?).ok();
    Some([number(one)?, number(two)?, number(three)?, number(four)?])
}

fn permits_no_change(entries: &Dictionary) -> bool {
    let references = entries.get(b"Reference").and_then(Object::as_array).unwrap_or_default();
    references.iter().filter_map(Object::as_dictionary).any(|reference| {
        let parameters = reference.get(b"TransformParams").and_then(Object::as_dictionary);
        reference.name(b"TransformMethod") == Some(b"DocMDP")
            && parameters.and_then(|parameters| parameters.integer(b"P")) == Some(1)
    })
}

impl Document<'_> {
    /// The signatures that the form of the newest revision shows.
    pub fn form_signatures(&self) -> Result<Vec<SignatureDictionary>, ReadError> {
        let (_, catalog) = self.catalog()?;
        let Some(form) = self.dictionary(&catalog, b"AcroForm")? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let fields = self.array(&form, b"Fields")?;
        let mut count = fields.len();
        let top: Rc<str> = Rc::from("");
        let mut open: Vec<_> = fields
            .into_iter()
            .rev()
            .take(MAX_FIELDS)
            .map(|field| (field, Rc::clone(&top), false))
            .collect();
        while let Some((field, parent, inherited)) = open.pop() {
            if count > MAX_FIELDS {
                return Err(ReadError::Limit("MAX_FIELDS"));
            }
            if field.as_reference().is_some_and(|reference| !seen.insert(reference)) {
                return Err(ReadError::Unsupported("a form field that is its own parent"));
            }
            let (field, in_file) = self.located(&field)?;
            let Object::Dictionary(field) = field else { continue };
            let own = field.get(b"T").and_then(Object::as_string);
            if own.map_or(0, <[u8]>::len) + parent.len() > MAX_TEXT_BYTES {
                return Err(ReadError::Limit("MAX_TEXT_BYTES"));
            }
            let name = match own.map(text_string) {
                Some(own) if parent.is_empty() => Rc::from(own),
                Some(own) => Rc::from(format!("{parent}.{own}")),
                None => parent,
            };
            let is_signature = field.name(b"FT").map_or(inherited, |kind| kind == b"Sig");
            let kids = self.array(&field, b"Kids")?;
            count += kids.len();
            let kids = kids.into_iter().rev().take(MAX_FIELDS);
            open.extend(kids.map(|kid| (kid, Rc::clone(&name), is_signature)));
            if !is_signature {
                continue;
            }
            if let Some(value) = field.get(b"V") {
                let (value, value_in_file) = self.located(value)?;
                let direct = field.reference(b"V").is_none();
                if let Object::Dictionary(entries) = value {
                    let in_file = if direct { in_file } else { value_in_file };
                    found.push(SignatureDictionary::new(Some(name.to_string()), &entries, in_file));
                    if found.len() > MAX_SIGNATURES {
                        return Err(ReadError::Limit("MAX_SIGNATURES"));
                    }
                }
            }
        }
        Ok(found)
    }

    /// The value, and whether it stands in the file itself rather than in an object stream.
    fn located(&self, object: &Object) -> Result<(Object, bool), ReadError> {
        match object {
            Object::Reference(reference) => {
                let object = self.object(*reference)?;
                let in_file = object.span.is_some();
                Ok((object.value, in_file))
            }
            direct => Ok((direct.clone(), true)),
        }
    }

    /// Every dictionary with a `/ByteRange` in any object of any revision, shown or not, and how many entries of the
    /// cross-references lead to no sound object.
    pub fn all_signatures(&self) -> Result<(Vec<SignatureDictionary>, usize), ReadError> {
        let (mut found, mut wrong) = (Vec::new(), 0);
        let mut seen = HashSet::new();
        for (number, location) in self.revisions().iter().flat_map(|revision| &revision.entries) {
            let place = match location {
                Location::Free => continue,
                Location::Offset { offset, .. } => (*offset, u32::MAX),
                Location::InStream { stream, index } => (usize::try_from(*stream).unwrap_or(usize::MAX), *index),
            };
            if !seen.insert(place) {
                continue;
            }
            match self.object_at(*number, *location) {
                Ok(object) => collect(&object.value, object.span.is_some(), &mut found),
                Err(error @ ReadError::Limit(_)) => return Err(error),
                Err(_) => wrong += 1,
            }
            if found.len() > MAX_SIGNATURES {
                return Err(ReadError::Limit("MAX_SIGNATURES"));
            }
        }
        Ok((found, wrong))
    }
}

/// Finds signature dictionaries by their `/ByteRange` alone: for a document whose cross-references are broken, so that
/// it can still be said that it was changed.
pub fn salvage(data: &[u8]) -> Vec<SignatureDictionary> {
    let mut found: Vec<SignatureDictionary> = Vec::new();
    let mut left = MAX_SALVAGE_BYTES;
    for at in byte_range_places(data) {
        let from = at.saturating_sub(SALVAGE_BYTES);
        let before = data.get(from..at).unwrap_or_default();
        let Some(object) = memchr::memmem::rfind(before, b" obj") else {
            continue;
        };
        let start = from + object + 4;
        let mut lexer = Lexer::new(data.get(..start.saturating_add(left)).unwrap_or(data), start);
        if let Ok(value) = Object::read(&mut lexer) {
            collect(&value, true, &mut found);
        }
        left = left.saturating_sub(lexer.position().saturating_sub(start));
        if left == 0 || found.len() > MAX_SIGNATURES {
            break;
        }
    }
    found.dedup_by(|one, other| one.contents == other.contents);
    found
}

/// Where the bytes `/ByteRange` stand, be it in an object or not; at most one more than [`MAX_SIGNATURES`].
pub fn byte_range_places(data: &[u8]) -> Vec<usize> {
    memchr::memmem::find_iter(data, b"/ByteRange")
        .take(MAX_SIGNATURES + 1)
        .collect()
}

/// Collects the dictionaries with a `/ByteRange`, at any depth, up to one more than [`MAX_SIGNATURES`]; the reader has
/// bounded the depth.
fn collect(object: &Object, in_file: bool, found: &mut Vec<SignatureDictionary>) {
    if found.len() > MAX_SIGNATURES {
        return;
    }
    match object {
        Object::Array(items) => items.iter().for_each(|item| collect(item, in_file, found)),
        Object::Dictionary(dictionary) => {
            if dictionary.get(b"ByteRange").is_some() {
                found.push(SignatureDictionary::new(None, dictionary, in_file));
            }
            for entry in dictionary.entries() {
                collect(&entry.value, in_file, found);
            }
        }
        _ => {}
    }
}

/// A text string (ISO 32000-2 7.9.2.2). PDFDocEncoding is taken as Latin-1, which it is for letters.
pub fn text_string(bytes: &[u8]) -> String {
    match bytes {
        [0xFE, 0xFF, rest @ ..] => {
            let units = rest.chunks_exact(2).map(|pair| match pair {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => 0,
            });
            char::decode_utf16(units)
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// A date (ISO 32000-2 7.9.4) down to the second; without a zone it says too little.
fn date(bytes: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(bytes).ok()?.strip_prefix("D:")?;
    let (digits, zone) = text.split_at_checked(14)?;
    let local = DateTime::strptime("%Y%m%d%H%M%S", digits).ok()?;
    let offset = match zone.split_at_checked(1)? {
        ("Z", _) => 0,
        (sign, rest) => {
            let (hours, minutes) = rest.split_once('\'')?;
            let minutes = minutes.trim_end_matches('\'');
            let minutes: i32 = if minutes.is_empty() { 0 } else { minutes.parse().ok()? };
            let seconds = hours
                .parse::<i32>()
                .ok()?
                .checked_mul(3600)?
                .checked_add(minutes.checked_mul(60)?)?;
            match sign {
                "+" => seconds,
                "-" => -seconds,
                _ => return None,
            }
        }
    };
    let zone = TimeZone::fixed(Offset::from_seconds(offset).ok()?);
    local.to_zoned(zone).ok().map(|zoned| zoned.timestamp())
}
