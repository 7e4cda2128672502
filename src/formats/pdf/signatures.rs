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
    view::View,
    xref::Location,
};

/// How a seal of ours names the program that made it.
pub(super) const PROGRAM: &str = "Yinxin";

/// The most signatures of one document that are looked at.
pub const MAX_SIGNATURES: usize = 500;

/// The most transform methods of one signature that are looked at.
const MAX_REFERENCES: usize = 64;

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
    /// It certifies the document: what it permits (DocMDP, ISO 32000-2 12.8.2.2), where that can be read.
    pub certifies: Option<Permission>,
    /// Its transform methods cannot be read to their end: what it permits is not known, and taken for
    /// nothing.
    pub is_unclear: bool,
    /// What the lock of its field permits from then on (ISO 32000-2 table 236).
    pub lock_permission: Option<Permission>,
    /// The fields that nobody may change any more (FieldMDP, ISO 32000-2 12.8.2.4, and its field's lock).
    pub locks: Vec<FieldLock>,
    /// What it signed says that this program wrote it: then there is one way to write what it does not sign.
    pub is_ours: bool,
    /// Where the value of `/Contents` stands in the file; none where it does not stand there itself.
    pub contents: Option<Range<usize>>,
}

/// What may be done to a document after it was signed (ISO 32000-2 table 257).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// P 1: nothing but validation data and document timestamps.
    Nothing,
    /// P 2: forms may be filled in, and signed.
    Forms,
    /// P 3: and annotations made, changed and removed.
    Annotations,
}

/// Fields that are locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldLock {
    All,
    /// These and what is below them.
    Include(Vec<String>),
    Exclude(Vec<String>),
}

impl FieldLock {
    /// Whether a field, by its full name, is locked.
    pub fn holds(&self, field: &str) -> bool {
        let named = |names: &[String]| {
            names.iter().any(|name| {
                field
                    .strip_prefix(name.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        match self {
            Self::All => true,
            Self::Include(names) => named(names),
            Self::Exclude(names) => !named(names),
        }
    }

    /// `/Action` and `/Fields`. What cannot be understood locks all.
    fn read(view: &View<'_, '_>, entries: &Dictionary) -> Self {
        let names = || -> Option<Vec<String>> {
            let fields = view.array(entries, b"Fields").ok()?;
            let names = fields.iter().map(|name| match view.resolve(name).ok()? {
                Object::String(name) => Some(text_string(&name)),
                _ => None,
            });
            names.collect()
        };
        match entries.name(b"Action") {
            Some(b"Include") => names().map_or(Self::All, Self::Include),
            Some(b"Exclude") => names().map_or(Self::All, Self::Exclude),
            _ => Self::All,
        }
    }
}

impl SignatureDictionary {
    fn new(entries: &Dictionary, in_file: bool, view: Option<&View<'_, '_>>) -> Self {
        let contents = entries
            .entry(b"Contents")
            .filter(|entry| in_file && entry.value.as_string().is_some());
        let contents = contents.map(|entry| entry.span.clone());
        let text = |key| entries.get(key).and_then(Object::as_string);
        let mut signature = Self {
            field: None,
            sub_filter: entries.name(b"SubFilter").map(<[u8]>::to_vec),
            byte_range: byte_range(entries),
            time: text(b"M").and_then(date),
            name: text(b"Name").map(|name| text_string(name.get(..MAX_TEXT_BYTES).unwrap_or(name))),
            certifies: None,
            is_unclear: false,
            lock_permission: None,
            locks: Vec::new(),
            is_ours: is_ours(entries),
            contents,
        };
        if let Some(view) = view {
            signature.read_references(entries, view);
        }
        signature
    }

    /// What its transform methods say (ISO 32000-2 12.8.2).
    fn read_references(&mut self, entries: &Dictionary, view: &View<'_, '_>) {
        let references = match view.array(entries, b"Reference") {
            Ok(references) => references,
            Err(_) => {
                self.is_unclear = true;
                return;
            }
        };
        if references.len() > MAX_REFERENCES {
            self.is_unclear = true;
        }
        for reference in references.iter().take(MAX_REFERENCES) {
            let Ok(Object::Dictionary(reference)) = view.resolve(reference) else {
                self.is_unclear = true;
                continue;
            };
            let parameters = view.dictionary(&reference, b"TransformParams").ok().flatten();
            let parameters = parameters.unwrap_or_default();
            match reference.name(b"TransformMethod") {
                Some(b"DocMDP") => {
                    // 2 is the default (ISO 32000-2 table 257).
                    let permission = permission(view, &parameters).unwrap_or(Permission::Forms);
                    self.certifies = Some(self.certifies.map_or(permission, |other| other.min(permission)));
                }
                Some(b"FieldMDP") => self.locks.push(FieldLock::read(view, &parameters)),
                _ => {}
            }
        }
    }

    fn read_lock(&mut self, field: &Dictionary, view: &View<'_, '_>) {
        match view.dictionary(field, b"Lock") {
            Ok(Some(lock)) => {
                self.lock_permission = permission(view, &lock);
                if lock.get(b"Action").is_some() {
                    self.locks.push(FieldLock::read(view, &lock));
                }
            }
            Ok(None) => {}
            Err(_) => self.lock_permission = Some(Permission::Nothing),
        }
    }
}

fn permission(view: &View<'_, '_>, entries: &Dictionary) -> Option<Permission> {
    match view.resolve(entries.get(b"P")?) {
        Ok(Object::Integer(2)) => Some(Permission::Forms),
        Ok(Object::Integer(3)) => Some(Permission::Annotations),
        Ok(Object::Null) => None,
        _ => Some(Permission::Nothing),
    }
}

/// The build properties (`/Prop_Build`) name the program.
fn is_ours(entries: &Dictionary) -> bool {
    let build = entries.get(b"Prop_Build").and_then(Object::as_dictionary);
    let program = build.and_then(|build| build.get(b"App")?.as_dictionary());
    program.and_then(|program| program.name(b"Name")) == Some(PROGRAM.as_bytes())
}

fn byte_range(entries: &Dictionary) -> Option<[usize; 4]> {
    let [one, two, three, four] = entries.get(b"ByteRange")?.as_array()? else {
        return None;
    };
    let number = |object: &Object| usize::try_from(object.as_integer()?).ok();
    Some([number(one)?, number(two)?, number(three)?, number(four)?])
}

impl View<'_, '_> {
    /// The signatures that the form shows.
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
                    let mut signature = SignatureDictionary::new(&entries, in_file, Some(self));
                    signature.field = Some(name.to_string());
                    signature.read_lock(&field, self);
                    found.push(signature);
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
}

impl Document<'_> {
    /// The signatures that the form of the newest revision shows.
    pub fn form_signatures(&self) -> Result<Vec<SignatureDictionary>, ReadError> {
        self.latest().form_signatures()
    }

    /// Every dictionary with a `/ByteRange` in any object of any revision, shown or not, and how many entries of the
    /// cross-references lead to no sound object.
    pub fn all_signatures(&self) -> Result<(Vec<SignatureDictionary>, usize), ReadError> {
        let (mut found, mut wrong) = (Vec::new(), 0);
        let mut seen = HashSet::new();
        let revisions = (1..=self.newest()).filter_map(|number| Some((number, self.revision(number)?)));
        let entries = revisions.flat_map(|(revision, of_it)| of_it.entries.iter().map(move |entry| (revision, *entry)));
        for (revision, (number, location)) in entries {
            let place = match location {
                Location::Free => continue,
                Location::Offset { offset, .. } => (offset, u32::MAX, 0),
                // Which stream it is in may change with each revision.
                Location::InStream { stream, index } => {
                    (usize::try_from(stream).unwrap_or(usize::MAX), index, revision)
                }
            };
            if !seen.insert(place) {
                continue;
            }
            match self.load_at(revision, number, location, 0) {
                Ok(object) => collect(
                    &object.value,
                    object.span.is_some(),
                    Some(&self.at(revision)),
                    &mut found,
                ),
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
            collect(&value, true, None, &mut found);
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
fn collect(object: &Object, in_file: bool, view: Option<&View<'_, '_>>, found: &mut Vec<SignatureDictionary>) {
    if found.len() > MAX_SIGNATURES {
        return;
    }
    match object {
        Object::Array(items) => items.iter().for_each(|item| collect(item, in_file, view, found)),
        Object::Dictionary(dictionary) => {
            if dictionary.get(b"ByteRange").is_some() {
                found.push(SignatureDictionary::new(dictionary, in_file, view));
            }
            for entry in dictionary.entries() {
                collect(&entry.value, in_file, view, found);
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
