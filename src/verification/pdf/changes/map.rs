//! What each object of a document is for: found by walking from the trailer, and on from what a revision adds.
//!
//! An object may have several places; a change of it must be permitted in each of them.

use std::{
    collections::{HashMap, VecDeque},
    rc::Rc,
};

use crate::formats::pdf::{Area, Dictionary, Indirect, Location, Object, ReadError, Reference, View, text_string};

/// The most owners whose parts one object may be; beyond, it is anybody's.
const MAX_OWNERS: usize = 4;

/// What an object in the map takes, in bytes.
const PLACE_BYTES: usize = 96;

/// The longest full name of a field, in bytes.
const MAX_NAME_BYTES: usize = 4096;

/// What an object is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Catalog,
    Pages,
    /// From 1.
    Page(u32),
    /// What a page shows or is set up with.
    PageContent(u32),
    /// The list of a page's annotations.
    Annotations(u32),
    Annotation(u32),
    /// What belongs to an annotation, by its object number.
    AnnotationPart(u32),
    Form,
    /// A list of fields.
    Fields,
    Field,
    /// What a field shows, by the field's object number.
    Appearance(u32),
    /// A field's value, by the field's object number.
    Value(u32),
    FormResources,
    Signature,
    Validation,
    Extensions,
    Permissions,
    Metadata,
    Information,
    Structure,
    StructureElement,
    ParentTree,
    /// Anything else.
    Other,
}

impl Place {
    /// Objects that others may point at without using them: what points there has no say in their changes.
    fn is_pointed_at(self) -> bool {
        matches!(
            self,
            Self::Catalog
                | Self::Pages
                | Self::Page(_)
                | Self::Annotation(_)
                | Self::Form
                | Self::Field
                | Self::Signature
                | Self::Structure
                | Self::StructureElement
        )
    }

    fn queue(self) -> usize {
        match self {
            Self::Form | Self::Fields | Self::Field => 0,
            place if place.is_pointed_at() || matches!(place, Self::Annotations(_) | Self::Permissions) => 1,
            _ => 2,
        }
    }

    fn is_part(self) -> bool {
        matches!(self, Self::Appearance(_) | Self::Value(_) | Self::AnnotationPart(_))
    }
}

/// What is known of a form field or one of its widgets.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its full name.
    pub name: Rc<str>,
    pub parent: u32,
    /// Where it is shown, from 1.
    pub page: Option<u32>,
}

struct Step {
    reference: Reference,
    place: Place,
    /// The object that leads there.
    from: u32,
}

/// The places of all objects that a document uses.
#[derive(Default)]
pub struct Map {
    places: HashMap<u32, Vec<Place>>,
    fields: HashMap<u32, Field>,
    pages: HashMap<u32, u32>,
    /// Where pages are drawn upon, as far as that was asked.
    pub drawn: HashMap<u32, Vec<Area>>,
    /// The field whose list of fields an object is.
    lists: HashMap<u32, u32>,
    /// Forms first, then what may be pointed at, then what merely belongs to something.
    open: [VecDeque<Step>; 3],
}

impl Map {
    /// Walks a whole document.
    pub fn of(view: View<'_, '_>) -> Result<Self, ReadError> {
        let mut map = Self::default();
        // A document whose pages cannot be listed has none that could be named.
        let pages = match view.pages() {
            Err(error @ ReadError::Limit(_)) => return Err(error),
            pages => pages.unwrap_or_default(),
        };
        map.pages = pages.iter().map(|page| page.number).zip(1..).collect();
        for entry in view.trailer()?.entries() {
            map.enter_trailer(&entry.key, &entry.value);
        }
        map.walk(view)?;
        Ok(map)
    }

    pub fn places(&self, number: u32) -> &[Place] {
        self.places.get(&number).map(Vec::as_slice).unwrap_or_default()
    }

    /// The object of a page, by its number from 1.
    pub fn page_object(&self, page: u32) -> Option<u32> {
        let (object, _) = self.pages.iter().find(|(_, number)| **number == page)?;
        Some(*object)
    }

    pub fn field(&self, number: u32) -> Option<&Field> {
        self.fields.get(&number)
    }

    pub fn enter_trailer(&mut self, key: &[u8], value: &Object) {
        match key {
            b"Root" => self.enter(value, Place::Catalog, 0),
            b"Info" => self.enter(value, Place::Information, 0),
            _ => self.enter(value, Place::Other, 0),
        }
    }

    /// Goes on from an object whose value is new, in each of its places.
    pub fn enter_changed(&mut self, object: &Indirect) {
        for place in self.places(object.id.number).to_vec() {
            self.expand(&object.value, place, object.id.number);
        }
    }

    /// Follows what was entered until all that it leads to has a place.
    pub fn walk(&mut self, view: View<'_, '_>) -> Result<(), ReadError> {
        loop {
            let [forms, pointed, parts] = &mut self.open;
            let Some(step) = forms
                .pop_front()
                .or_else(|| pointed.pop_front())
                .or_else(|| parts.pop_front())
            else {
                return Ok(());
            };
            self.visit(step, view)?;
        }
    }

    fn visit(&mut self, step: Step, view: View<'_, '_>) -> Result<(), ReadError> {
        let number = step.reference.number;
        let mut place = step.place;
        let known = self.places(number);
        if place.queue() == 2 && known.iter().any(|known| known.is_pointed_at()) {
            return Ok(());
        }
        if self.is_settled(&step, view) {
            return Ok(());
        }
        let object = match view.object(step.reference) {
            Ok(object) => object,
            Err(error @ ReadError::Limit(_)) => return Err(error),
            // A reference to nothing is null (ISO 32000-2 7.3.10).
            Err(_) => return Ok(()),
        };
        let dictionary = object.value.as_dictionary();
        match place {
            Place::Pages if dictionary.is_some_and(|node| node.get(b"Kids").is_none()) => {
                place = Place::Page(self.pages.get(&number).copied().unwrap_or(0));
            }
            Place::Annotation(page) if is_widget(dictionary) => {
                if let Some(field) = self.fields.get_mut(&number) {
                    field.page = Some(page);
                    return Ok(());
                }
                place = Place::Other;
            }
            Place::Value(_) if dictionary.is_some_and(|value| value.get(b"ByteRange").is_some()) => {
                place = Place::Signature;
            }
            Place::Field => self.enter_field(number, dictionary, step.from),
            Place::Fields => {
                self.lists.insert(number, step.from);
            }
            _ => {}
        }
        if !self.add(number, place) {
            return Ok(());
        }
        view.document().work().keep(PLACE_BYTES)?;
        self.expand(&object.value, place, number);
        Ok(())
    }

    /// Whether the revision has the object as the one before it had, with this place and all that follows from it
    /// known: a list that grows by one in each revision is not read again each time.
    fn is_settled(&self, step: &Step, view: View<'_, '_>) -> bool {
        let before = view.document().at(view.revision().saturating_sub(1));
        let as_before = |number| {
            let location = view.location(number);
            matches!(location, Some(Location::Offset { .. })) && location == before.location(number)
        };
        let number = step.reference.number;
        let known = self.places(number).contains(&step.place);
        let settled = match step.place {
            Place::Annotation(page) => known || self.fields.get(&number).is_some_and(|field| field.page == Some(page)),
            Place::Field => {
                let parent = self.fields.get(&number).map(|field| field.parent);
                known && parent == Some(step.from) && (step.from == 0 || as_before(step.from))
            }
            Place::Fields => known && self.lists.get(&number) == Some(&step.from),
            _ => known,
        };
        settled && as_before(number)
    }

    /// Whether the place is new for the object.
    fn add(&mut self, number: u32, place: Place) -> bool {
        let known = self.places.entry(number).or_default();
        let same = |known: &Place| match (known, place) {
            (Place::PageContent(_), Place::PageContent(_)) => true,
            (known, place) => *known == place,
        };
        if known.iter().any(same) || (place.is_part() && known.contains(&Place::Other)) {
            return false;
        }
        if place.is_part() && known.iter().filter(|known| known.is_part()).count() >= MAX_OWNERS {
            known.push(Place::Other);
            return true;
        }
        known.push(place);
        true
    }

    fn enter_field(&mut self, number: u32, dictionary: Option<&Dictionary>, from: u32) {
        let parent = self.fields.get(&from).map(|parent| Rc::clone(&parent.name));
        let own = dictionary.and_then(|field| field.get(b"T")).and_then(Object::as_string);
        let own = own.map(|own| text_string(own.get(..MAX_NAME_BYTES).unwrap_or(own)));
        let name: Rc<str> = match (parent, own) {
            (Some(parent), None) => parent,
            (Some(parent), Some(own)) if !parent.is_empty() && parent.len() < MAX_NAME_BYTES => {
                Rc::from(format!("{parent}.{own}"))
            }
            (_, own) => Rc::from(own.unwrap_or_default()),
        };
        let page = self.fields.get(&number).and_then(|known| known.page);
        let parent = from;
        self.fields.insert(number, Field { name, parent, page });
    }

    fn enter(&mut self, value: &Object, place: Place, from: u32) {
        match value {
            Object::Reference(reference) => {
                if let Some(open) = self.open.get_mut(place.queue()) {
                    open.push_back(Step {
                        reference: *reference,
                        place,
                        from,
                    });
                }
            }
            value => self.expand(value, place, from),
        }
    }

    fn enter_each(&mut self, value: &Object, place: Place, list: Place, from: u32) {
        match value {
            Object::Array(items) => items.iter().for_each(|item| self.enter(item, place, from)),
            reference => self.enter(reference, list, from),
        }
    }

    /// Enters what a value in a place leads to.
    fn expand(&mut self, value: &Object, place: Place, number: u32) {
        match (place, value) {
            (Place::Annotations(page), Object::Array(items)) => {
                items
                    .iter()
                    .for_each(|item| self.enter(item, Place::Annotation(page), number));
            }
            (Place::Fields, Object::Array(items)) => {
                let number = self.lists.get(&number).copied().unwrap_or(0);
                items.iter().for_each(|item| self.enter(item, Place::Field, number));
            }
            (_, Object::Array(items)) => items.iter().for_each(|item| self.enter(item, place, number)),
            (_, Object::Dictionary(dictionary)) => {
                for entry in dictionary.entries() {
                    self.expand_entry(dictionary, (&entry.key, &entry.value), place, number);
                }
            }
            _ => {}
        }
    }

    fn expand_entry(&mut self, of: &Dictionary, (key, value): (&[u8], &Object), place: Place, number: u32) {
        match (place, key) {
            (Place::Catalog, b"Pages") => self.enter(value, Place::Pages, number),
            (Place::Catalog, b"AcroForm") => self.enter(value, Place::Form, number),
            (Place::Catalog, b"DSS") => self.enter(value, Place::Validation, number),
            (Place::Catalog, b"Extensions") => self.enter(value, Place::Extensions, number),
            (Place::Catalog, b"Perms") => self.enter(value, Place::Permissions, number),
            (Place::Catalog, b"Metadata") => self.enter(value, Place::Metadata, number),
            (Place::Catalog, b"StructTreeRoot") => self.enter(value, Place::Structure, number),
            (Place::Pages, b"Kids") => self.enter_each(value, Place::Pages, Place::Pages, number),
            (Place::Pages | Place::Page(_), b"Parent") => {}
            (Place::Pages, _) => self.enter(value, Place::PageContent(0), number),
            (Place::Page(page), b"Annots") => self.enter(value, Place::Annotations(page), number),
            (Place::Page(page), _) => self.enter(value, Place::PageContent(page), number),
            (Place::Annotation(_), b"P" | b"Parent" | b"IRT") => {}
            (Place::Annotation(page), b"Popup") => self.enter(value, Place::Annotation(page), number),
            (Place::Annotation(_), _) => self.enter(value, Place::AnnotationPart(number), number),
            (Place::Form, b"Fields") => self.enter(value, Place::Fields, 0),
            (Place::Form, b"DR") => self.enter(value, Place::FormResources, number),
            (Place::Field, b"Kids") => self.enter_each(value, Place::Field, Place::Fields, number),
            (Place::Field, b"P" | b"Parent") => {}
            (Place::Field, b"V") if is_signature(value, of) => self.enter(value, Place::Signature, number),
            (Place::Field, b"V" | b"RV") => self.enter(value, Place::Value(number), number),
            (Place::Field, b"AP") => self.enter(value, Place::Appearance(number), number),
            (Place::Permissions, _) => self.enter(value, Place::Signature, number),
            (Place::Structure, b"K") => self.enter(value, Place::StructureElement, number),
            (Place::Structure, b"ParentTree") => self.enter(value, Place::ParentTree, number),
            (Place::StructureElement, b"K") => self.enter(value, Place::StructureElement, number),
            (Place::StructureElement, b"P" | b"Pg" | b"Obj" | b"Stm") => {}
            (
                Place::Catalog
                | Place::Form
                | Place::Field
                | Place::Signature
                | Place::Structure
                | Place::StructureElement,
                _,
            ) => self.enter(value, Place::Other, number),
            _ => self.enter(value, place, number),
        }
    }
}

/// A field's value that is a signature, by the kind of the field; a widget apart from its field has no value.
fn is_signature(value: &Object, field: &Dictionary) -> bool {
    let says = value
        .as_dictionary()
        .is_some_and(|value| value.get(b"ByteRange").is_some());
    says || field.name(b"FT") == Some(b"Sig")
}

fn is_widget(dictionary: Option<&Dictionary>) -> bool {
    dictionary.is_some_and(|dictionary| dictionary.name(b"Subtype") == Some(b"Widget"))
}
