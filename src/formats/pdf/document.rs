//! A document: its revisions, and the objects that the last one shows.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    ops::Range,
    rc::Rc,
};

use super::{
    Doubt, MAX_DOCUMENT_BYTES, ReadError, filter,
    lexer::{Lexer, is_whitespace},
    object::{Dictionary, Object, Reference},
    work::Work,
    xref::{self, Location, Revision},
};

/// The most nodes of the page tree that are looked at.
pub const MAX_PAGES: usize = 100_000;

/// The most references that are followed from one to the next.
const MAX_HOPS: usize = 8;

/// A document over its bytes as stored.
pub struct Document<'a> {
    data: &'a [u8],
    /// The newest first.
    revisions: Vec<Revision>,
    latest: HashMap<u32, Location>,
    doubts: Vec<Doubt>,
    streams: RefCell<HashMap<u32, Result<Rc<ObjectStream>, ReadError>>>,
    work: Work,
}

/// An indirect object.
#[derive(Clone, Debug)]
pub struct Indirect {
    pub id: Reference,
    pub value: Object,
    /// Where its stream's bytes stand in the file, if it is one.
    pub stream: Option<Range<usize>>,
    /// Where it stands in the file; none in an object stream.
    pub span: Option<Range<usize>>,
}

struct ObjectStream {
    data: Vec<u8>,
    /// Object numbers and where their values begin in `data`.
    index: Vec<(u32, usize)>,
}

impl<'a> Document<'a> {
    /// Reads the cross-references of all revisions; objects are read when they are asked for.
    pub fn read(data: &'a [u8]) -> Result<Self, ReadError> {
        if data.len() > MAX_DOCUMENT_BYTES {
            return Err(ReadError::Limit("MAX_DOCUMENT_BYTES"));
        }
        let work = Work::new();
        let mut doubts = Vec::new();
        if !data.starts_with(b"%PDF-") {
            doubts.push(Doubt::Header);
        }
        let (start, exact) = start_xref(data)?;
        if !exact {
            doubts.push(Doubt::End);
        }
        let revisions = xref::read_all(data, start, &work, &mut doubts)?;
        let mut latest = HashMap::new();
        for (number, location) in revisions.iter().flat_map(|revision| &revision.entries) {
            latest.entry(*number).or_insert(*location);
        }
        if revisions
            .iter()
            .any(|revision| revision.trailer.get(b"Encrypt").is_some())
        {
            doubts.push(Doubt::Encrypted);
        }
        doubts.sort_unstable();
        doubts.dedup();
        Ok(Self {
            data,
            revisions,
            latest,
            doubts,
            streams: RefCell::default(),
            work,
        })
    }

    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// The revisions, the newest first.
    pub fn revisions(&self) -> &[Revision] {
        &self.revisions
    }

    /// The trailer of the newest revision.
    pub fn trailer(&self) -> Result<&Dictionary, ReadError> {
        self.revisions
            .first()
            .map(|revision| &revision.trailer)
            .ok_or(ReadError::NoStartXref)
    }

    /// The highest object number that any revision names.
    pub fn highest_number(&self) -> u32 {
        self.latest.keys().copied().max().unwrap_or(0)
    }

    /// The object as the newest revision shows it.
    pub fn object(&self, reference: Reference) -> Result<Indirect, ReadError> {
        self.load(reference, 0)
    }

    /// The object as an entry of a revision has it, be it shown or replaced since.
    pub fn object_at(&self, number: u32, location: Location) -> Result<Indirect, ReadError> {
        self.load_at(number, location, 0)
    }

    /// Follows references until there is a value.
    pub fn resolve(&self, object: &Object) -> Result<Object, ReadError> {
        let mut object = object.clone();
        for _ in 0..MAX_HOPS {
            match object {
                Object::Reference(reference) => object = self.object(reference)?.value,
                value => return Ok(value),
            }
        }
        Err(ReadError::Limit("MAX_HOPS"))
    }

    /// The dictionary that stands under a key, directly or by reference.
    pub fn dictionary(&self, parent: &Dictionary, key: &[u8]) -> Result<Option<Dictionary>, ReadError> {
        match parent.get(key).map(|object| self.resolve(object)).transpose()? {
            None | Some(Object::Null) => Ok(None),
            Some(Object::Dictionary(dictionary)) => Ok(Some(dictionary)),
            Some(_) => Err(ReadError::Unsupported("an entry that should be a dictionary")),
        }
    }

    /// The array that stands under a key, directly or by reference; empty where there is none.
    pub fn array(&self, parent: &Dictionary, key: &[u8]) -> Result<Vec<Object>, ReadError> {
        match parent.get(key).map(|object| self.resolve(object)).transpose()? {
            None | Some(Object::Null) => Ok(Vec::new()),
            Some(Object::Array(items)) => Ok(items),
            Some(_) => Err(ReadError::Unsupported("an entry that should be an array")),
        }
    }

    /// The catalog, with its place.
    pub fn catalog(&self) -> Result<(Reference, Dictionary), ReadError> {
        let root = self
            .trailer()?
            .reference(b"Root")
            .ok_or(ReadError::Unsupported("a trailer without a root"))?;
        match self.object(root)?.value {
            Object::Dictionary(catalog) => Ok((root, catalog)),
            _ => Err(ReadError::Kind(root.number)),
        }
    }

    /// The pages, in their order.
    pub fn pages(&self) -> Result<Vec<Reference>, ReadError> {
        let (_, catalog) = self.catalog()?;
        let root = catalog
            .reference(b"Pages")
            .ok_or(ReadError::Unsupported("a catalog without pages"))?;
        let (mut pages, mut open, mut seen) = (Vec::new(), vec![root], HashSet::new());
        while let Some(reference) = open.pop() {
            if !seen.insert(reference) || seen.len() > MAX_PAGES {
                return Err(ReadError::Limit("MAX_PAGES"));
            }
            let Object::Dictionary(node) = self.object(reference)?.value else {
                return Err(ReadError::Kind(reference.number));
            };
            if node.get(b"Kids").is_none() {
                pages.push(reference);
                continue;
            }
            for kid in self.array(&node, b"Kids")?.iter().rev() {
                open.push(kid.as_reference().ok_or(ReadError::Kind(reference.number))?);
            }
        }
        Ok(pages)
    }

    fn load(&self, reference: Reference, depth: usize) -> Result<Indirect, ReadError> {
        let missing = ReadError::Missing(reference.number);
        let location = *self.latest.get(&reference.number).ok_or_else(|| missing.clone())?;
        let object = self.load_at(reference.number, location, depth)?;
        if object.id != reference {
            return Err(missing);
        }
        Ok(object)
    }

    fn load_at(&self, number: u32, location: Location, depth: usize) -> Result<Indirect, ReadError> {
        if depth > MAX_HOPS {
            return Err(ReadError::Limit("MAX_HOPS"));
        }
        match location {
            Location::Free => Err(ReadError::Missing(number)),
            Location::Offset { offset, generation } => {
                let length = |reference| self.load(reference, depth + 1).ok()?.value.as_integer();
                let object = read_indirect(self.data, offset, &self.work, &length)?;
                if object.id != (Reference { number, generation }) {
                    return Err(ReadError::Missing(number));
                }
                Ok(object)
            }
            Location::InStream { stream, index } => {
                let stream = self.object_stream(stream, depth + 1)?;
                let place = usize::try_from(index).ok().and_then(|index| stream.index.get(index));
                let (found, start) = *place.ok_or(ReadError::Missing(number))?;
                if found != number {
                    return Err(ReadError::Missing(number));
                }
                let mut lexer = Lexer::new(&stream.data, start);
                let value = self.work.object(&mut lexer);
                self.work.spend(lexer.position().saturating_sub(start))?;
                let value = value?;
                Ok(Indirect {
                    id: Reference { number, generation: 0 },
                    value,
                    stream: None,
                    span: None,
                })
            }
        }
    }

    fn object_stream(&self, number: u32, depth: usize) -> Result<Rc<ObjectStream>, ReadError> {
        if let Some(stream) = self.streams.borrow().get(&number) {
            return stream.clone();
        }
        // A failure is kept too: a bomb is opened once, not once for each object in it.
        let stream = self.read_object_stream(number, depth).map(Rc::new);
        self.streams.borrow_mut().insert(number, stream.clone());
        stream
    }

    fn read_object_stream(&self, number: u32, depth: usize) -> Result<ObjectStream, ReadError> {
        let wrong = || ReadError::Kind(number);
        let location = *self.latest.get(&number).ok_or(ReadError::Missing(number))?;
        if !matches!(location, Location::Offset { .. }) {
            return Err(wrong());
        }
        let object = self.load_at(number, location, depth)?;
        let (Object::Dictionary(dictionary), Some(raw)) = (object.value, object.stream) else {
            return Err(wrong());
        };
        if dictionary.name(b"Type") != Some(b"ObjStm") {
            return Err(wrong());
        }
        let data = filter::decode(&dictionary, self.data.get(raw).unwrap_or_default(), &self.work)?;
        let count = dictionary
            .integer(b"N")
            .and_then(|n| usize::try_from(n).ok())
            .ok_or_else(wrong)?;
        let first = dictionary
            .integer(b"First")
            .and_then(|n| usize::try_from(n).ok())
            .ok_or_else(wrong)?;
        if count > xref::MAX_OBJECTS || first > data.len() {
            return Err(wrong());
        }
        let mut index = Vec::new();
        let mut lexer = Lexer::new(data.get(..first).unwrap_or_default(), 0);
        for _ in 0..count {
            lexer.skip_space();
            let number = u32::try_from(lexer.unsigned()?).map_err(|_| wrong())?;
            lexer.skip_space();
            let offset = usize::try_from(lexer.unsigned()?).map_err(|_| wrong())?;
            index.push((number, first.checked_add(offset).ok_or_else(wrong)?));
        }
        Ok(ObjectStream { data, index })
    }
}

/// Where the newest cross-references begin, and whether the file ends exactly as it should.
fn start_xref(data: &[u8]) -> Result<(usize, bool), ReadError> {
    let word = b"startxref";
    let at = memchr::memmem::rfind(data, word).ok_or(ReadError::NoStartXref)?;
    let mut lexer = Lexer::new(data, at);
    lexer.take(word);
    let spaced = lexer.take_end_of_line();
    lexer.skip_space();
    let start = usize::try_from(lexer.unsigned()?).map_err(|_| ReadError::NoStartXref)?;
    let ends = lexer.take_end_of_line() && lexer.take(b"%%EOF");
    lexer.take_end_of_line();
    Ok((start, spaced && ends && lexer.rest().is_empty()))
}

/// Reads `N G obj … endobj` at an offset. `length` tells a stream's length where it stands in another object.
pub(super) fn read_indirect(
    data: &[u8],
    offset: usize,
    work: &Work,
    length: &dyn Fn(Reference) -> Option<i64>,
) -> Result<Indirect, ReadError> {
    let mut lexer = Lexer::new(data, offset);
    let mut skipped = 0;
    let object = read_at(&mut lexer, data, offset, work, length, &mut skipped);
    work.spend(lexer.position().saturating_sub(offset).saturating_sub(skipped))?;
    object
}

/// `skipped` becomes the length of the stream, which is stepped over unread.
fn read_at(
    lexer: &mut Lexer<'_>,
    data: &[u8],
    offset: usize,
    work: &Work,
    length: &dyn Fn(Reference) -> Option<i64>,
    skipped: &mut usize,
) -> Result<Indirect, ReadError> {
    let number = u32::try_from(lexer.unsigned()?).map_err(|_| lexer.error("an object was expected"))?;
    lexer.skip_space();
    let generation = u16::try_from(lexer.unsigned()?).map_err(|_| lexer.error("an object was expected"))?;
    lexer.skip_space();
    if !lexer.take(b"obj") {
        return Err(lexer.error("an object was expected").into());
    }
    let value = work.object(lexer)?;
    lexer.skip_space();
    let mut stream = None;
    if let (Object::Dictionary(dictionary), true) = (&value, lexer.take(b"stream")) {
        if !lexer.take(b"\r\n") && !lexer.take(b"\n") {
            return Err(lexer.error("an end of line was expected after `stream`").into());
        }
        let length = match dictionary.get(b"Length") {
            Some(Object::Integer(length)) => Some(*length),
            Some(Object::Reference(reference)) => length(*reference),
            _ => None,
        };
        let length = length.and_then(|length| usize::try_from(length).ok());
        let start = lexer.position();
        let end = length
            .and_then(|length| start.checked_add(length))
            .filter(|end| *end <= data.len());
        let end = end.ok_or_else(|| lexer.error("a stream without its length"))?;
        *skipped = end - start;
        lexer.advance_to(end);
        lexer.take_end_of_line();
        if !lexer.take_keyword(b"endstream") {
            return Err(lexer.error("a stream that does not end where its length says").into());
        }
        stream = Some(start..end);
        lexer.skip_space();
    }
    if !lexer.take(b"endobj") || lexer.peek().is_some_and(|byte| !is_whitespace(byte)) {
        return Err(lexer.error("`endobj` was expected").into());
    }
    Ok(Indirect {
        id: Reference { number, generation },
        value,
        stream,
        span: Some(offset..lexer.position()),
    })
}
