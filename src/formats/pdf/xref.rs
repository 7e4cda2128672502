//! Cross-references (ISO 32000-2 7.5.4 and 7.5.8): where each object of each revision stands.

use std::collections::HashSet;

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

/// One section of the cross-references with its trailer: what one saving of the file wrote.
#[derive(Clone, Debug)]
pub struct Revision {
    /// Where the section begins.
    pub offset: usize,
    pub entries: Vec<(u32, Location)>,
    pub trailer: Dictionary,
    /// A cross-reference stream rather than a table.
    pub is_stream: bool,
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
            let named: HashSet<u32> = revision.entries.iter().map(|(number, _)| *number).collect();
            let hidden = stream.entries.into_iter().filter(|(number, _)| !named.contains(number));
            revision.entries.extend(hidden);
        }
        next = revision.trailer.get(b"Prev").map(to_offset).transpose()?;
        revisions.push(revision);
    }
    Ok(revisions)
}

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
