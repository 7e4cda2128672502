//! Objects of ISO 32000-2 7.3: their values, how they are read and how they are written.

use std::{collections::HashSet, io::Write, ops::Range};

use super::{SyntaxError, lexer::Lexer, lexer::is_regular};

/// The deepest that arrays and dictionaries may nest, in levels.
pub const MAX_DEPTH: usize = 64;

/// The longest reference, in bytes: whether a number begins one is looked up ahead.
const MAX_REFERENCE_BYTES: usize = 256;

/// The most entries of a dictionary whose keys are compared pair by pair; beyond, a set is quicker.
const FEW_ENTRIES: usize = 16;

/// The most values that one indirect object may hold.
pub const MAX_VALUES: usize = 500_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    pub number: u32,
    pub generation: u16,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    Null,
    Boolean(bool),
    Integer(i64),
    /// As it is written.
    Real(Vec<u8>),
    Name(Vec<u8>),
    String(Vec<u8>),
    Array(Vec<Object>),
    Dictionary(Dictionary),
    Reference(Reference),
}

/// A dictionary whose keys differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dictionary(Vec<Entry>);

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: Vec<u8>,
    pub value: Object,
    /// Where the value stands in the bytes it was read from; empty for one that was not read.
    pub span: Range<usize>,
}

impl Dictionary {
    pub fn get(&self, key: &[u8]) -> Option<&Object> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub fn entry(&self, key: &[u8]) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    pub fn name(&self, key: &[u8]) -> Option<&[u8]> {
        self.get(key)?.as_name()
    }

    pub fn integer(&self, key: &[u8]) -> Option<i64> {
        self.get(key)?.as_integer()
    }

    pub fn reference(&self, key: &[u8]) -> Option<Reference> {
        self.get(key)?.as_reference()
    }

    pub fn remove(&mut self, key: &[u8]) {
        self.0.retain(|entry| entry.key != key);
    }

    pub fn set(&mut self, key: &[u8], value: Object) {
        match self.0.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => self.0.push(Entry {
                key: key.to_vec(),
                value,
                span: 0..0,
            }),
        }
    }
}

impl Object {
    pub fn name_of(name: &str) -> Self {
        Self::Name(name.as_bytes().to_vec())
    }

    pub fn as_name(&self) -> Option<&[u8]> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_reference(&self) -> Option<Reference> {
        match self {
            Self::Reference(reference) => Some(*reference),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&[Object]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_dictionary(&self) -> Option<&Dictionary> {
        match self {
            Self::Dictionary(dictionary) => Some(dictionary),
            _ => None,
        }
    }

    pub fn as_string(&self) -> Option<&[u8]> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Reads the value that comes next.
    pub fn read(lexer: &mut Lexer<'_>) -> Result<Self, SyntaxError> {
        let mut left = MAX_VALUES;
        Self::read_within(lexer, &mut left)
    }

    /// Reads the value that comes next, and takes how many values it holds from what is left.
    pub fn read_within(lexer: &mut Lexer<'_>, left: &mut usize) -> Result<Self, SyntaxError> {
        read(lexer, 0, left)
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend(b"null"),
            Self::Boolean(value) => out.extend(if *value { b"true".as_slice() } else { b"false" }),
            Self::Integer(value) => out.extend(value.to_string().bytes()),
            Self::Real(text) => out.extend(text),
            Self::Name(name) => write_name(name, out),
            Self::String(text) => {
                out.push(b'<');
                out.extend(data_encoding::HEXUPPER.encode(text).bytes());
                out.push(b'>');
            }
            Self::Array(items) => {
                out.push(b'[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.push(b' ');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Dictionary(dictionary) => dictionary.write(out),
            Self::Reference(reference) => {
                // Writing to a Vec does not fail.
                let _ = write!(out, "{} {} R", reference.number, reference.generation);
            }
        }
    }
}

impl Dictionary {
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(b"<<");
        for entry in &self.0 {
            out.push(b'\n');
            write_name(&entry.key, out);
            out.push(b' ');
            entry.value.write(out);
        }
        out.extend(b"\n>>");
    }
}

fn write_name(name: &[u8], out: &mut Vec<u8>) {
    out.push(b'/');
    for byte in name {
        if is_regular(*byte) && byte.is_ascii_graphic() && *byte != b'#' {
            out.push(*byte);
        } else {
            let _ = write!(out, "#{byte:02X}");
        }
    }
}

fn read(lexer: &mut Lexer<'_>, depth: usize, left: &mut usize) -> Result<Object, SyntaxError> {
    if depth > MAX_DEPTH {
        return Err(lexer.error("objects nest too deeply"));
    }
    *left = left
        .checked_sub(1)
        .ok_or_else(|| lexer.error("an object holds too many values"))?;
    lexer.skip_space();
    match lexer.peek() {
        Some(b'/') => lexer.name().map(Object::Name),
        Some(b'(') => lexer.literal_string().map(Object::String),
        Some(b'<') if lexer.rest().starts_with(b"<<") => read_dictionary(lexer, depth, left).map(Object::Dictionary),
        Some(b'<') => lexer.hex_string().map(Object::String),
        Some(b'[') => {
            lexer.take(b"[");
            let mut items = Vec::new();
            loop {
                lexer.skip_space();
                if lexer.take(b"]") {
                    return Ok(Object::Array(items));
                }
                items.push(read(lexer, depth + 1, left)?);
            }
        }
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => read_number(lexer),
        _ => {
            let at = lexer.error("not an object");
            match lexer.word() {
                b"null" => Ok(Object::Null),
                b"true" => Ok(Object::Boolean(true)),
                b"false" => Ok(Object::Boolean(false)),
                _ => Err(at),
            }
        }
    }
}

fn read_dictionary(lexer: &mut Lexer<'_>, depth: usize, left: &mut usize) -> Result<Dictionary, SyntaxError> {
    lexer.take(b"<<");
    let mut entries: Vec<Entry> = Vec::new();
    let mut keys = HashSet::new();
    loop {
        lexer.skip_space();
        if lexer.take(b">>") {
            return Ok(Dictionary(entries));
        }
        let at = lexer.error("a key stands twice in a dictionary");
        let key = lexer.name()?;
        if entries.len() == FEW_ENTRIES {
            keys.extend(entries.iter().map(|entry| entry.key.clone()));
        }
        let twice = match entries.len() {
            ..FEW_ENTRIES => entries.iter().any(|entry| entry.key == key),
            _ => !keys.insert(key.clone()),
        };
        if twice {
            return Err(at);
        }
        lexer.skip_space();
        let start = lexer.position();
        let value = read(lexer, depth + 1, left)?;
        entries.push(Entry {
            key,
            value,
            span: start..lexer.position(),
        });
    }
}

fn read_number(lexer: &mut Lexer<'_>) -> Result<Object, SyntaxError> {
    if let Some(reference) = read_reference(lexer) {
        return Ok(Object::Reference(reference));
    }
    let at = lexer.error("not a number");
    let word = lexer.word();
    let text = std::str::from_utf8(word).map_err(|_| at.clone())?;
    if let Ok(value) = text.parse::<i64>() {
        return Ok(Object::Integer(value));
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').ok_or_else(|| at.clone())?;
    let sound = whole.len() + fraction.len() > 0
        && whole.bytes().all(|b| b.is_ascii_digit())
        && fraction.bytes().all(|b| b.is_ascii_digit());
    if sound {
        Ok(Object::Real(word.to_vec()))
    } else {
        Err(at)
    }
}

/// `12 0 R`, if that is what comes next; otherwise the lexer stays where it is.
fn read_reference(lexer: &mut Lexer<'_>) -> Option<Reference> {
    let mut ahead = lexer.ahead(MAX_REFERENCE_BYTES);
    let number = u32::try_from(ahead.unsigned().ok()?).ok()?;
    let space = ahead.position();
    ahead.skip_space();
    if ahead.position() == space {
        return None;
    }
    let generation = u16::try_from(ahead.unsigned().ok()?).ok()?;
    let space = ahead.position();
    ahead.skip_space();
    if ahead.position() == space || !ahead.take_keyword(b"R") {
        return None;
    }
    lexer.advance_to(ahead.position());
    Some(Reference { number, generation })
}
