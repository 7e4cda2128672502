//! Cross-references (ISO 32000-2 7.5.4 and 7.5.8): where each object of each revision stands.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use super::{
    Doubt, MAX_DOCUMENT_BYTES, ReadError,
    document::read_indirect,
    filter,
    lexer::Lexer,
    object::{Dictionary, Object},
    work::Work,
};

/// The most cross-reference sections of one document.
pub const MAX_REVISIONS: usize = 1_000;

/// The most cross-reference entries of one document, over all its sections.
pub const MAX_OBJECTS: usize = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    Free,
    Offset { offset: usize, generation: u16 },
    InStream { stream: u32, index: u32 },
}

/// What one saving of the file wrote: its section of the cross-references, with its trailer.
#[derive(Clone, Debug)]
pub struct Revision {
    /// Where the section begins.
    pub offset: usize,
    pub entries: Vec<(u32, Location)>,
    pub trailer: Dictionary,
    /// A cross-reference stream rather than a table.
    pub is_stream: bool,
    /// Where the objects of the revision end: the section itself, or in a linearised file its second one.
    pub body_end: usize,
    /// None where nothing ends it.
    pub end: Option<End>,
    /// Cross-references beside a table (ISO 32000-2 7.5.8.4): where they begin.
    pub beside: Option<usize>,
}

/// `startxref`, a number and `%%EOF` behind a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The section that the number names.
    pub names: usize,
    /// From behind `%%EOF` to behind the one end of line that may follow.
    pub range: Range<usize>,
}

/// Reads all sections, the newest first, from the one at `start` on.
pub fn read_all(data: &[u8], start: usize, work: &Work, doubts: &mut Vec<Doubt>) -> Result<Vec<Revision>, ReadError> {
    let mut revisions = Vec::new();
    let mut limits = Limits {
        work,
        entries: MAX_OBJECTS,
    };
    let mut next = Some(start);
    let mut seen = HashSet::new();
    while let Some(offset) = next {
        if revisions.len() >= MAX_REVISIONS {
            return Err(ReadError::Limit("MAX_REVISIONS"));
        }
        if !seen.insert(offset) {
            return Err(ReadError::XrefOrder);
        }
        let mut revision = read_section(data, offset, &mut limits, doubts)?;
        if let Some(beside) = revision.trailer.get(b"XRefStm") {
            doubts.push(Doubt::Hybrid);
            let beside = to_offset(beside)?;
            let stream = read_section(data, beside, &mut limits, doubts)?;
            join_hybrid(&mut revision, stream, doubts);
        }
        next = revision.trailer.get(b"Prev").map(to_offset).transpose()?;
        if let Some(second) = next.filter(|second| *second > offset) {
            // Only the two parts of a linearised file stand in this order (ISO 32000-2 annex F.3).
            let rest = read_section(data, second, &mut limits, doubts)?;
            if !is_linearized(data) || rest.trailer.get(b"Prev").is_some() {
                return Err(ReadError::XrefOrder);
            }
            join_linearized(&mut revision, rest, doubts);
            next = None;
        }
        if revision.entries.is_empty() {
            doubts.push(Doubt::Empty);
        }
        revisions.push(revision);
    }
    for revision in &mut revisions {
        // What an older revision's end names decides what its prefix of the file shows.
        revision.end = revision.end.take().filter(|end| end.names == revision.offset);
    }
    // A revision follows the one before it: what stands between two ends belongs to the later one.
    let ordered = |pair: &[Revision]| match pair {
        [newer, older] => match (&newer.end, &older.end) {
            (Some(newer_end), Some(older_end)) => {
                older_end.range.end <= newer.body_end && newer.body_end < newer_end.range.start
            }
            _ => false,
        },
        _ => false,
    };
    if !revisions.windows(2).all(ordered) {
        doubts.push(Doubt::RevisionEnd);
    }
    Ok(revisions)
}

/// Adds the entries that a table hides from older readers. What is free in the table is what it hides; where it has
/// another place for an object, two readers see two objects.
fn join_hybrid(table: &mut Revision, stream: Revision, doubts: &mut Vec<Doubt>) {
    let named: HashMap<u32, Location> = table.entries.iter().copied().collect();
    let hidden: HashMap<u32, Location> = stream.entries.iter().copied().collect();
    let contradicts = |(number, location): (&u32, &Location)| {
        named
            .get(number)
            .is_some_and(|named| *named != Location::Free && named != location)
    };
    if hidden.iter().any(contradicts) {
        doubts.push(Doubt::EntryTwice);
    }
    table
        .entries
        .retain(|(number, location)| *location != Location::Free || !hidden.contains_key(number));
    table.entries.extend(
        stream
            .entries
            .into_iter()
            .filter(|(number, _)| named.get(number).is_none_or(|named| *named == Location::Free)),
    );
    table.beside = Some(stream.offset);
}

/// Joins the two sections of a linearised file: the one of its first page, which its end names, and the other.
fn join_linearized(first: &mut Revision, rest: Revision, doubts: &mut Vec<Doubt>) {
    let named: HashMap<u32, Location> = first.entries.iter().copied().collect();
    let again = |(number, location): &(u32, Location)| named.get(number).is_some_and(|named| named != location);
    if rest.entries.iter().any(again) {
        doubts.push(Doubt::EntryTwice);
    }
    let others = rest
        .entries
        .into_iter()
        .filter(|(number, _)| !named.contains_key(number));
    first.entries.extend(others);
    first.body_end = rest.body_end.max(first.body_end);
    first.end = rest.end;
    first.trailer.remove(b"Prev");
}

/// Whether the file begins with a linearisation dictionary (ISO 32000-2 annex F.3.3).
fn is_linearized(data: &[u8]) -> bool {
    let head = data.get(..data.len().min(LINEARIZATION_BYTES)).unwrap_or(data);
    memchr::memmem::find(head, b"/Linearized").is_some()
}

/// What ends the revision of a section: it names the section itself, and behind the second one of a linearised file the
/// first.
fn end_of(data: &[u8], from: usize) -> Option<End> {
    let mut lexer = Lexer::new(data, from);
    lexer.skip_space();
    if !lexer.take_keyword(b"startxref") {
        return None;
    }
    lexer.skip_space();
    let names = usize::try_from(lexer.unsigned().ok()?).ok()?;
    lexer.skip_blank();
    if !lexer.take(b"%%EOF") {
        return None;
    }
    let start = lexer.position();
    lexer.take_end_of_line();
    Some(End {
        names,
        range: start..lexer.position(),
    })
}

/// How far a linearisation dictionary is looked for, in bytes (ISO 32000-2 F.3.3: within the first 1024).
const LINEARIZATION_BYTES: usize = 1024;

/// What is left to read.
struct Limits<'a> {
    work: &'a Work,
    entries: usize,
}

impl Limits<'_> {
    fn take_entry(&mut self) -> Result<(), ReadError> {
        self.entries = self.entries.checked_sub(1).ok_or(ReadError::Limit("MAX_OBJECTS"))?;
        Ok(())
    }
}

fn to_offset(object: &Object) -> Result<usize, ReadError> {
    let offset = object.as_integer().and_then(|offset| usize::try_from(offset).ok());
    offset
        .filter(|offset| *offset < MAX_DOCUMENT_BYTES)
        .ok_or(ReadError::XrefOrder)
}

fn read_section(
    data: &[u8],
    offset: usize,
    limits: &mut Limits<'_>,
    doubts: &mut Vec<Doubt>,
) -> Result<Revision, ReadError> {
    let mut lexer = Lexer::new(data, offset);
    let revision = if lexer.take_keyword(b"xref") {
        read_table(&mut lexer, offset, limits)?
    } else {
        read_stream(data, offset, limits)?
    };
    let mut seen = HashSet::with_capacity(revision.entries.len());
    if !revision.entries.iter().all(|(number, _)| seen.insert(*number)) {
        doubts.push(Doubt::EntryTwice);
    }
    let zero = |(number, location): &(u32, Location)| *number == 0 && *location != Location::Free;
    if revision.entries.iter().any(zero) {
        doubts.push(Doubt::EntryTwice);
    }
    Ok(revision)
}

fn read_table(lexer: &mut Lexer<'_>, offset: usize, limits: &mut Limits<'_>) -> Result<Revision, ReadError> {
    let mut entries = Vec::new();
    lexer.skip_space();
    while !lexer.take_keyword(b"trailer") {
        let first = lexer.unsigned()?;
        if !lexer.take(b" ") {
            return Err(lexer.error("a cross-reference subsection was expected").into());
        }
        let count = lexer.unsigned()?;
        lexer.skip_space();
        for number in first..first.saturating_add(count) {
            limits.take_entry()?;
            entries.push((to_number(number)?, read_entry(lexer)?));
        }
        lexer.skip_space();
    }
    let trailer = limits.work.object(lexer)?;
    limits.work.spend(lexer.position().saturating_sub(offset))?;
    match trailer {
        Object::Dictionary(trailer) => Ok(Revision {
            offset,
            entries,
            trailer,
            is_stream: false,
            body_end: offset,
            end: end_of(lexer.data(), lexer.position()),
            beside: None,
        }),
        _ => Err(lexer.error("a trailer was expected").into()),
    }
}

/// An entry of exactly 20 bytes (ISO 32000-2 7.5.4).
fn read_entry(lexer: &mut Lexer<'_>) -> Result<Location, ReadError> {
    let wrong = lexer.error("a cross-reference entry was expected");
    let start = lexer.position();
    let place = lexer.unsigned()?;
    let spaced = lexer.position() == start + 10 && lexer.take(b" ");
    let generation = lexer.unsigned()?;
    let spaced = spaced && lexer.position() == start + 16 && lexer.take(b" ");
    let in_use = lexer.take(b"n");
    let ends = (in_use || lexer.take(b"f")) && (lexer.take(b"\r\n") || lexer.take(b" \n") || lexer.take(b" \r"));
    if !spaced || !ends {
        return Err(wrong.into());
    }
    if !in_use {
        return Ok(Location::Free);
    }
    let offset = usize::try_from(place).map_err(|_| wrong.clone())?;
    let generation = u16::try_from(generation).map_err(|_| wrong)?;
    Ok(Location::Offset { offset, generation })
}

fn to_number(number: u64) -> Result<u32, ReadError> {
    u32::try_from(number).map_err(|_| ReadError::Limit("MAX_OBJECTS"))
}

fn read_stream(data: &[u8], offset: usize, limits: &mut Limits<'_>) -> Result<Revision, ReadError> {
    let object = read_indirect(data, offset, limits.work, &|_| None)?;
    let behind = object.span.as_ref().map_or(offset, |span| span.end);
    let number = object.id.number;
    let wrong = ReadError::Kind(number);
    let (Object::Dictionary(trailer), Some(raw)) = (object.value, object.stream) else {
        return Err(wrong);
    };
    if trailer.name(b"Type") != Some(b"XRef") {
        return Err(wrong);
    }
    let size = trailer
        .integer(b"Size")
        .and_then(|size| u64::try_from(size).ok())
        .ok_or_else(|| wrong.clone())?;
    let widths = integers(trailer.get(b"W")).filter(|widths| widths.len() == 3 && widths.iter().all(|w| *w <= 8));
    let widths: [usize; 3] = widths
        .and_then(|widths| {
            widths
                .into_iter()
                .map(|w| usize::try_from(w).ok())
                .collect::<Option<Vec<_>>>()
        })
        .and_then(|widths| widths.try_into().ok())
        .ok_or_else(|| wrong.clone())?;
    let index = match trailer.get(b"Index") {
        None => vec![0, size],
        index => integers(index)
            .filter(|index| index.len() % 2 == 0)
            .ok_or_else(|| wrong.clone())?,
    };
    let row: usize = widths.iter().sum();
    if row == 0 {
        return Err(wrong);
    }
    let decoded = filter::decode(&trailer, data.get(raw).unwrap_or_default(), limits.work)?;
    let mut rows = decoded.chunks_exact(row);
    let mut entries = Vec::new();
    for pair in index.chunks_exact(2) {
        let [first, count] = pair else { continue };
        for number in *first..first.saturating_add(*count) {
            limits.take_entry()?;
            let fields = rows.next().ok_or_else(|| wrong.clone())?;
            entries.push((
                to_number(number)?,
                stream_entry(fields, widths).ok_or_else(|| wrong.clone())?,
            ));
        }
    }
    if rows.next().is_some() || !rows.remainder().is_empty() {
        return Err(wrong);
    }
    Ok(Revision {
        offset,
        entries,
        trailer,
        is_stream: true,
        body_end: offset,
        end: end_of(data, behind),
        beside: None,
    })
}

fn integers(object: Option<&Object>) -> Option<Vec<u64>> {
    let items = object?.as_array()?;
    items
        .iter()
        .map(|item| item.as_integer().and_then(|value| u64::try_from(value).ok()))
        .collect()
}

fn stream_entry(fields: &[u8], widths: [usize; 3]) -> Option<Location> {
    let [first, second, _] = widths;
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let (kind, rest) = fields.split_at_checked(first)?;
    let (place, last) = rest.split_at_checked(second)?;
    // The type is 1 where its field has no width (ISO 32000-2 table 17).
    match if first == 0 { 1 } else { number(kind) } {
        0 => Some(Location::Free),
        1 => Some(Location::Offset {
            offset: usize::try_from(number(place)).ok()?,
            generation: u16::try_from(number(last)).ok()?,
        }),
        2 => Some(Location::InStream {
            stream: u32::try_from(number(place)).ok()?,
            index: u32::try_from(number(last)).ok()?,
        }),
        _ => None,
    }
}
