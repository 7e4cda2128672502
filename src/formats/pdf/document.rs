//! A document: its revisions, and the objects that each of them shows.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    ops::Range,
    rc::Rc,
    time::Instant,
};

use super::{
    Doubt, ReadError, filter,
    lexer::{Lexer, is_whitespace},
    object::{Dictionary, Object, Reference},
    view::{MAX_HOPS, View},
    work::{Limits, Work},
    xref::{self, Location, Revision},
};

/// A document over its bytes as stored.
pub struct Document<'a> {
    data: &'a [u8],
    /// The newest first.
    revisions: Vec<Revision>,
    /// Every entry of every revision, by object and then by revision.
    places: Vec<Placed>,
    doubts: Vec<Doubt>,
    /// By where they begin in the file.
    streams: RefCell<HashMap<usize, Result<Rc<ObjectStream>, ReadError>>>,
    work: Work,
}

/// Where a revision, counted from 1, has an object.
#[derive(Clone, Copy)]
struct Placed {
    number: u32,
    revision: u32,
    location: Location,
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
        Self::read_within(data, &Limits::default(), Instant::now())
    }

    /// The same within limits of the caller's, from a time on.
    pub fn read_within(data: &'a [u8], limits: &Limits, started: Instant) -> Result<Self, ReadError> {
        if data.len() > limits.document_bytes {
            return Err(ReadError::Limit("document_bytes"));
        }
        let work = Work::new(limits, started, data.len());
        let mut doubts = Vec::new();
        if !data.starts_with(b"%PDF-") {
            doubts.push(Doubt::Header);
        }
        let (start, exact) = start_xref(data)?;
        if !exact {
            doubts.push(Doubt::End);
        }
        let revisions = xref::read_all(data, start, &work, &mut doubts)?;
        let count: usize = revisions.iter().map(|revision| revision.entries.len()).sum();
        work.keep(count.saturating_mul(2 * size_of::<Placed>()))?;
        let mut places = Vec::with_capacity(count);
        for (revision, of_revision) in (1..).zip(revisions.iter().rev()) {
            places.extend(of_revision.entries.iter().map(|(number, location)| Placed {
                number: *number,
                revision,
                location: *location,
            }));
        }
        // Stable: of an object that one revision names twice, the first counts, as it does for other readers.
        places.sort_by_key(|placed| (placed.number, placed.revision));
        places.dedup_by_key(|placed| (placed.number, placed.revision));
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
            places,
            doubts,
            streams: RefCell::default(),
            work,
        })
    }

    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// The bytes as stored.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    pub fn work(&self) -> &Work {
        &self.work
    }

    /// The revisions, the newest first.
    pub fn revisions(&self) -> &[Revision] {
        &self.revisions
    }

    /// The revision of a number, from 1.
    pub fn revision(&self, number: u32) -> Option<&Revision> {
        let place = self.revisions.len().checked_sub(usize::try_from(number).ok()?)?;
        self.revisions.get(place)
    }

    /// The number of the newest revision.
    pub fn newest(&self) -> u32 {
        // At most MAX_REVISIONS.
        u32::try_from(self.revisions.len()).unwrap_or(u32::MAX)
    }

    /// The document as a revision shows it: those after it are as if they were not there.
    pub fn at(&self, revision: u32) -> View<'_, 'a> {
        View::new(self, revision)
    }

    /// The document as its newest revision shows it.
    pub fn latest(&self) -> View<'_, 'a> {
        self.at(self.newest())
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
        self.places.last().map_or(0, |placed| placed.number)
    }

    /// The object as the newest revision shows it.
    pub fn object(&self, reference: Reference) -> Result<Indirect, ReadError> {
        self.latest().object(reference)
    }

    /// The object as an entry of the newest revision has it.
    pub fn object_at(&self, number: u32, location: Location) -> Result<Indirect, ReadError> {
        self.load_at(self.newest(), number, location, 0)
    }

    /// Follows references, in the newest revision, until there is a value.
    pub fn resolve(&self, object: &Object) -> Result<Object, ReadError> {
        self.latest().resolve(object)
    }

    /// The dictionary that stands under a key in the newest revision, directly or by reference.
    pub fn dictionary(&self, parent: &Dictionary, key: &[u8]) -> Result<Option<Dictionary>, ReadError> {
        self.latest().dictionary(parent, key)
    }

    /// The array that stands under a key in the newest revision, directly or by reference; empty where there is none.
    pub fn array(&self, parent: &Dictionary, key: &[u8]) -> Result<Vec<Object>, ReadError> {
        self.latest().array(parent, key)
    }

    /// The catalog of the newest revision, with its place.
    pub fn catalog(&self) -> Result<(Reference, Dictionary), ReadError> {
        self.latest().catalog()
    }

    /// The pages of the newest revision, in their order.
    pub fn pages(&self) -> Result<Vec<Reference>, ReadError> {
        self.latest().pages()
    }

    /// Where an object is as of a revision, and which revision put it there.
    pub(super) fn place(&self, number: u32, revision: u32) -> Option<(u32, Location)> {
        let after = self
            .places
            .partition_point(|placed| (placed.number, placed.revision) <= (number, revision));
        let placed = self.places.get(after.checked_sub(1)?)?;
        (placed.number == number).then_some((placed.revision, placed.location))
    }

    /// The objects that stand in object streams of these numbers, as of a revision.
    pub fn inside(&self, streams: &HashSet<u32>, revision: u32) -> Vec<u32> {
        if streams.is_empty() {
            return Vec::new();
        }
        let inside = |placed: &Placed| match placed.location {
            Location::InStream { stream, .. } => streams.contains(&stream) && placed.revision <= revision,
            _ => false,
        };
        let inside = self.places.iter().filter(|placed| inside(placed));
        inside.map(|placed| placed.number).collect()
    }

    /// Whether nothing but white space and comments stands there.
    pub fn is_blank(&self, range: Range<usize>) -> bool {
        let Some(data) = self.data.get(..range.end) else {
            return false;
        };
        let mut lexer = Lexer::new(data, range.start);
        lexer.skip_space();
        lexer.rest().is_empty()
    }

    /// How far the object that begins at a place goes.
    pub fn span_at(&self, offset: usize) -> Option<Range<usize>> {
        read_indirect(self.data, offset, &self.work, &|_| None).ok()?.span
    }

    pub(super) fn load(&self, revision: u32, reference: Reference, depth: usize) -> Result<Indirect, ReadError> {
        let missing = ReadError::Missing(reference.number);
        let (_, location) = self.place(reference.number, revision).ok_or_else(|| missing.clone())?;
        let object = self.load_at(revision, reference.number, location, depth)?;
        if object.id != reference {
            return Err(missing);
        }
        Ok(object)
    }

    pub(super) fn load_at(
        &self,
        revision: u32,
        number: u32,
        location: Location,
        depth: usize,
    ) -> Result<Indirect, ReadError> {
        if depth > MAX_HOPS {
            return Err(ReadError::Limit("MAX_HOPS"));
        }
        match location {
            Location::Free => Err(ReadError::Missing(number)),
            Location::Offset { offset, generation } => {
                let length = |reference| self.load(revision, reference, depth + 1).ok()?.value.as_integer();
                let object = read_indirect(self.data, offset, &self.work, &length)?;
                if object.id != (Reference { number, generation }) {
                    return Err(ReadError::Missing(number));
                }
                Ok(object)
            }
            Location::InStream { stream, index } => {
                let stream = self.object_stream(revision, stream, depth + 1)?;
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

    fn object_stream(&self, revision: u32, number: u32, depth: usize) -> Result<Rc<ObjectStream>, ReadError> {
        let (_, location) = self.place(number, revision).ok_or(ReadError::Missing(number))?;
        let Location::Offset { offset, .. } = location else {
            return Err(ReadError::Kind(number));
        };
        if let Some(stream) = self.streams.borrow().get(&offset) {
            return stream.clone();
        }
        // A failure is kept too: a bomb is opened once, not once for each object in it.
        let object = self.load_at(revision, number, location, depth);
        let stream = object.and_then(|object| self.read_object_stream(object)).map(Rc::new);
        self.streams.borrow_mut().insert(offset, stream.clone());
        stream
    }

    fn read_object_stream(&self, object: Indirect) -> Result<ObjectStream, ReadError> {
        let number = object.id.number;
        let wrong = || ReadError::Kind(number);
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
        self.work
            .keep(data.capacity() + index.capacity() * size_of::<(u32, usize)>())?;
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
