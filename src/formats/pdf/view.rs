//! A document as one of its revisions shows it.

use std::collections::HashSet;

use super::{
    Document, ReadError,
    document::Indirect,
    filter,
    object::{Dictionary, Object, Reference},
    xref::Location,
};

/// The most nodes of the page tree that are looked at.
pub const MAX_PAGES: usize = 100_000;

/// The most references that are followed from one to the next.
pub(super) const MAX_HOPS: usize = 8;

/// The objects as a revision has them.
#[derive(Clone, Copy)]
pub struct View<'d, 'a> {
    document: &'d Document<'a>,
    revision: u32,
}

impl<'d, 'a> View<'d, 'a> {
    pub(super) fn new(document: &'d Document<'a>, revision: u32) -> Self {
        Self { document, revision }
    }

    pub fn document(&self) -> &'d Document<'a> {
        self.document
    }

    /// The number of the revision, from 1.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Where an object stands, if it is there at all.
    pub fn location(&self, number: u32) -> Option<Location> {
        let (_, location) = self.document.place(number, self.revision)?;
        (location != Location::Free).then_some(location)
    }

    pub fn object(&self, reference: Reference) -> Result<Indirect, ReadError> {
        self.document.load(self.revision, reference, 0)
    }

    /// The object of a number, whatever its generation; none where it is free or was never there.
    pub fn numbered(&self, number: u32) -> Result<Option<Indirect>, ReadError> {
        let Some(location) = self.location(number) else {
            return Ok(None);
        };
        self.document.load_at(self.revision, number, location, 0).map(Some)
    }

    /// A stream's bytes as they are stored.
    pub fn raw(&self, object: &Indirect) -> &'a [u8] {
        let range = object.stream.clone().unwrap_or_default();
        self.document.data().get(range).unwrap_or_default()
    }

    /// A stream's bytes without its filters.
    pub fn decoded(&self, object: &Indirect) -> Result<Vec<u8>, ReadError> {
        match &object.value {
            Object::Dictionary(dictionary) => filter::decode(dictionary, self.raw(object), self.document.work()),
            _ => Err(ReadError::Kind(object.id.number)),
        }
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

    pub fn trailer(&self) -> Result<&'d Dictionary, ReadError> {
        let revision = self.document.revision(self.revision);
        revision.map(|revision| &revision.trailer).ok_or(ReadError::NoStartXref)
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
}
