//! What each revision changed of the one before it, object by object, and what a signature must permit for it.
//!
//! Only what is known to be harmless has a rule; every other difference is never permitted. A revision is compared with
//! the one before it, by the objects that it names: the cost of all comparisons is that of the revisions, not that of
//! the document for each of them.

mod codes;
mod equal;
mod form;
mod map;
mod rules;
mod shown;
mod structure;

use std::collections::{HashMap, HashSet};

pub use self::codes::{Difference, Kind, Needs};
use self::{
    codes::Covered,
    map::{Map, Place},
};
use super::super::findings::Code;
use crate::formats::pdf::{Dictionary, Document, Fonts, Indirect, Location, Object, ReadError, View};

/// The most differences of one document that are kept.
const MAX_DIFFERENCES: usize = 20_000;

/// Everything that the revisions after one changed, the oldest first.
pub fn since(document: &Document<'_>, revision: u32) -> Result<Vec<Difference>, ReadError> {
    let mut map = Map::of(document.at(revision))?;
    let mut all = Vec::new();
    for number in revision.saturating_add(1)..=document.newest() {
        let mut step = Step::new(document, (revision, number), &mut map);
        step.run()?;
        all.append(&mut step.found);
        if all.len() > MAX_DIFFERENCES {
            return Err(ReadError::Limit("MAX_DIFFERENCES"));
        }
    }
    Ok(all)
}

/// An object before and after a revision; none where it was not there or is not any more.
struct Pair {
    old: Option<Indirect>,
    new: Option<Indirect>,
}

/// The comparison of one revision with the one before it.
struct Step<'s, 'd, 'a> {
    document: &'d Document<'a>,
    revision: u32,
    /// The oldest revision that was signed.
    signed_first: View<'d, 'a>,
    old: View<'d, 'a>,
    new: View<'d, 'a>,
    map: &'s mut Map,
    /// Objects whose values differ.
    changed: Vec<u32>,
    /// Fields that got another value, and those that were signed.
    filled: HashSet<u32>,
    signed: HashSet<u32>,
    /// Annotations, widgets among them, that pages list now and did not, and the reverse.
    listed: HashSet<u32>,
    unlisted: HashMap<u32, Option<i64>>,
    /// The pages that list an annotation, of those that changed.
    listed_on: HashMap<u32, Vec<u32>>,
    fonts: Fonts,
    found: Vec<Difference>,
}

impl<'s, 'd, 'a> Step<'s, 'd, 'a> {
    fn new(document: &'d Document<'a>, (first, revision): (u32, u32), map: &'s mut Map) -> Self {
        Self {
            document,
            revision,
            signed_first: document.at(first),
            old: document.at(revision.saturating_sub(1)),
            new: document.at(revision),
            map,
            changed: Vec::new(),
            filled: HashSet::new(),
            signed: HashSet::new(),
            listed: HashSet::new(),
            unlisted: HashMap::new(),
            listed_on: HashMap::new(),
            fonts: Fonts::default(),
            found: Vec::new(),
        }
    }

    fn run(&mut self) -> Result<(), ReadError> {
        self.check_body()?;
        self.changed = self.changed_objects()?;
        self.enter_listed()?;
        self.compare_trailers()?;
        // Pages and forms first: they decide what the changes of their parts are.
        let mut order: Vec<(u8, u32, Place)> = Vec::new();
        for number in &self.changed {
            order.extend(
                self.map
                    .places(*number)
                    .iter()
                    .map(|place| (rank(*place), *number, *place)),
            );
        }
        order.sort_by_key(|(rank, number, _)| (*rank, *number));
        for (_, number, place) in order {
            let pair = self.pair(number)?;
            self.compare(number, place, &pair)?;
        }
        // What is new gets its places from what leads to it.
        for number in self.changed.clone() {
            if let Some(object) = self.object(self.new, number)? {
                self.map.enter_changed(&object);
            }
        }
        self.map.walk(self.new)?;
        self.find_unused()
    }

    /// The objects that the revision shows with another value. An object stream that is replaced changes what is in it.
    fn changed_objects(&self) -> Result<Vec<u32>, ReadError> {
        let Some(revision) = self.document.revision(self.revision) else {
            return Ok(Vec::new());
        };
        let mut named: Vec<u32> = revision
            .entries
            .iter()
            .filter(|(number, location)| *number != 0 && self.old.location(*number) != Some(*location))
            .map(|(number, _)| *number)
            .collect();
        let again: HashSet<u32> = named
            .iter()
            .copied()
            .filter(|number| self.old.location(*number).is_some())
            .collect();
        named.extend(self.document.inside(&again, self.revision.saturating_sub(1)));
        named.sort_unstable();
        named.dedup();
        let mut changed = Vec::new();
        for number in named {
            let pair = self.pair(number)?;
            if !self.is_same(&pair)? {
                changed.push(number);
            }
        }
        Ok(changed)
    }

    fn pair(&self, number: u32) -> Result<Pair, ReadError> {
        let (old, new) = (self.object(self.old, number)?, self.object(self.new, number)?);
        Ok(Pair { old, new })
    }

    /// An object; one that cannot be read is none.
    fn object(&self, view: View<'d, 'a>, number: u32) -> Result<Option<Indirect>, ReadError> {
        match view.numbered(number) {
            Err(error @ ReadError::Limit(_)) => Err(error),
            object => Ok(object.ok().flatten()),
        }
    }

    /// A value without references around it; what cannot be read is null.
    fn value(&self, view: View<'d, 'a>, object: Option<&Object>) -> Result<Object, ReadError> {
        let Some(object) = object else {
            return Ok(Object::Null);
        };
        match view.resolve(object) {
            Err(error @ ReadError::Limit(_)) => Err(error),
            value => Ok(value.unwrap_or(Object::Null)),
        }
    }

    fn dictionary(&self, view: View<'d, 'a>, object: Option<&Object>) -> Result<Option<Dictionary>, ReadError> {
        match self.value(view, object)? {
            Object::Dictionary(dictionary) => Ok(Some(dictionary)),
            _ => Ok(None),
        }
    }

    fn list(&self, view: View<'d, 'a>, object: Option<&Object>) -> Result<Vec<Object>, ReadError> {
        match self.value(view, object)? {
            Object::Array(items) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }

    fn find(&mut self, kind: Kind, needs: Needs) -> &mut Difference {
        self.found.push(Difference {
            revision: self.revision,
            kind,
            needs,
            page: None,
            field: None,
            detail: String::new(),
            doubt: None,
        });
        let last = self.found.len() - 1;
        // Just pushed.
        #[allow(clippy::indexing_slicing)]
        &mut self.found[last]
    }

    /// The same difference is told once.
    fn find_once(&mut self, kind: Kind, needs: Needs, page: Option<u32>, detail: &str) -> &mut Difference {
        let known = |found: &Difference| found.kind == kind && found.page == page && found.detail == detail;
        let place = self.found.iter().rposition(known).unwrap_or(self.found.len());
        if place == self.found.len() {
            let found = self.find(kind, needs);
            found.page = page;
            found.detail = detail.to_owned();
        }
        // Found, or just pushed.
        #[allow(clippy::indexing_slicing)]
        &mut self.found[place]
    }

    /// A difference that is about a field, which may be locked.
    fn find_of_field(&mut self, kind: Kind, needs: Needs, page: Option<u32>, name: &str) -> &mut Difference {
        let found = self.find_once(kind, needs, page, name);
        found.field = Some(name.to_owned());
        found
    }

    /// Between the end of the revision before and the cross-references stands nothing but objects that they name: a
    /// program that searches the file for objects must find what others find (ISO 32000-2 7.5.6).
    fn check_body(&mut self) -> Result<(), ReadError> {
        let before = self.document.revision(self.revision.saturating_sub(1));
        let start = before.and_then(|before| before.end.as_ref()).map(|end| end.range.start);
        let (Some(start), Some(revision)) = (start, self.document.revision(self.revision)) else {
            self.find(Kind::RevisionMalformed, Needs::Never);
            return Ok(());
        };
        let mut spans = Vec::new();
        let offsets = revision.entries.iter().filter_map(|(number, location)| match location {
            Location::Offset { offset, .. } if (start..revision.body_end).contains(offset) => Some(*number),
            _ => None,
        });
        for number in offsets {
            match self.object(self.new, number)? {
                Some(object) => spans.extend(object.span),
                None => {
                    self.find(Kind::RevisionMalformed, Needs::Never);
                    return Ok(());
                }
            }
        }
        if let Some(beside) = revision.beside.filter(|beside| *beside >= start) {
            spans.extend(self.document.span_at(beside));
        }
        spans.sort_by_key(|span| span.start);
        let mut at = start;
        let mut whole = true;
        for span in &spans {
            whole &= at <= span.start && self.document.is_blank(at..span.start);
            at = span.end;
        }
        whole &= at <= revision.body_end && self.document.is_blank(at..revision.body_end);
        if !whole {
            self.find(Kind::RevisionMalformed, Needs::Never);
        }
        Ok(())
    }

    /// Objects that came and that nothing leads to.
    fn find_unused(&mut self) -> Result<(), ReadError> {
        for number in self.changed.clone() {
            if !self.map.places(number).is_empty() {
                continue;
            }
            let Some(object) = self.object(self.new, number)? else {
                continue;
            };
            let kind = object
                .value
                .as_dictionary()
                .and_then(|dictionary| dictionary.name(b"Type"));
            if !matches!(kind, Some(b"XRef" | b"ObjStm")) {
                self.find_once(
                    Kind::UnusedObject,
                    Needs::Forms,
                    None,
                    &format!("{number} {}", object.id.generation),
                );
            }
        }
        Ok(())
    }
}

/// The order in which places are compared.
fn rank(place: Place) -> u8 {
    match place {
        Place::Page(_) => 0,
        Place::Annotations(_) => 1,
        Place::Catalog | Place::Form | Place::Fields => 2,
        Place::Field => 3,
        Place::Value(_) => 4,
        _ => 5,
    }
}
