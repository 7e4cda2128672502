//! Trailer, catalog, pages, annotations and what a document says of itself.

use std::collections::HashSet;

use super::{Code, Covered, Kind, Needs, Pair, Place, Step};
use crate::formats::pdf::{Dictionary, Indirect, Object, ReadError, View, number};

/// Entries of a trailer that belong to its section of the cross-references or to the saving alone.
const SECTION_KEYS: [&[u8]; 9] = [
    b"Size",
    b"Prev",
    b"XRefStm",
    b"Type",
    b"W",
    b"Index",
    b"Length",
    b"Filter",
    b"DecodeParms",
];

/// What a program may enter of its own saving.
const OWN_INFORMATION: [&[u8]; 2] = [b"ModDate", b"Producer"];

/// What of a document-level metadata stream (XMP) a viewer shows: the title.
const TITLE: (&[u8], &[u8]) = (b"<dc:title", b"</dc:title>");

/// The largest metadata that are looked into, in bytes.
const MAX_METADATA_BYTES: usize = 4 * 1024 * 1024;

/// Annotations that show nothing of their own on the page.
const UNSEEN: [&[u8]; 2] = [b"Link", b"Popup"];

/// Bits of `/F` that keep an annotation from being seen: Invisible is for unknown kinds alone, so it does not.
const HIDDEN: i64 = 0b10_0010;

pub(super) fn text(key: &[u8]) -> String {
    let shown: String = String::from_utf8_lossy(key).chars().take(64).collect();
    format!("/{shown}")
}

impl Step<'_, '_, '_> {
    /// A changed object, in one of its places.
    pub(super) fn compare(&mut self, number: u32, place: Place, pair: &Pair) -> Result<(), ReadError> {
        match place {
            Place::Catalog => match dictionaries(pair) {
                Some((old, new)) => self.compare_catalogs(old, new)?,
                None => {
                    self.find_once(Kind::CatalogChanged, Needs::Never, None, "/Root");
                }
            },
            Place::Pages => {
                let differing = match dictionaries(pair) {
                    Some((old, new)) => self.differing(old, new)?,
                    None => Vec::new(),
                };
                let of_tree: [&[u8]; 4] = [b"Kids", b"Count", b"Parent", b"Type"];
                if differing.is_empty() || differing.iter().any(|key| of_tree.contains(&key.as_slice())) {
                    self.find_once(Kind::PagesChanged, Needs::Never, None, "");
                }
                // What all pages below inherit.
                for key in differing.iter().filter(|key| !of_tree.contains(&key.as_slice())) {
                    self.find_once(Kind::PageChanged, Needs::Never, None, &text(key));
                }
            }
            Place::Page(page) => match dictionaries(pair) {
                Some((old, new)) => self.compare_pages(page, old, new)?,
                None => {
                    self.find_once(Kind::PagesChanged, Needs::Never, Some(page), "");
                }
            },
            Place::PageContent(page) => {
                self.find_once(Kind::PageContent, Needs::Never, Some(page).filter(|page| *page > 0), "");
            }
            Place::Annotations(page) => {
                let [old, new] = [&pair.old, &pair.new].map(|object| object.as_ref().map(|object| &object.value));
                self.compare_annotations(page, old, new)?;
            }
            Place::Annotation(page) => self.compare_annotation(number, page, pair)?,
            Place::AnnotationPart(owner) => self.compare_annotation_part(owner),
            Place::Validation => self.compare_validation(pair),
            Place::Extensions => {
                self.find_once(Kind::Bookkeeping, Needs::Nothing, None, "");
            }
            Place::Permissions => {
                self.find_once(Kind::PermissionsChanged, Needs::Never, None, "");
            }
            Place::Information => {
                let [old, new] = [&pair.old, &pair.new].map(|object| {
                    let value = object.as_ref().and_then(|object| object.value.as_dictionary());
                    value.cloned().unwrap_or_default()
                });
                self.compare_information(&old, &new)?;
            }
            Place::Metadata => self.compare_metadata(pair.old.as_ref(), pair.new.as_ref())?,
            Place::Form => match dictionaries(pair) {
                Some((old, new)) => self.compare_forms(old, new)?,
                None => {
                    self.find_once(Kind::FormRemoved, Needs::Never, None, "");
                }
            },
            Place::Fields => {
                let [old, new] = [&pair.old, &pair.new].map(|object| object.as_ref().map(|object| &object.value));
                self.compare_field_lists(old, new)?;
            }
            Place::Field => self.compare_fields(number, pair)?,
            Place::Value(field) => self.compare_value(field)?,
            Place::Appearance(field) => self.compare_appearance(number, field, pair)?,
            Place::FormResources => match dictionaries(pair) {
                Some((old, new)) if self.only_adds(old, new)? => {
                    self.find_once(Kind::FormResources, Needs::Forms, None, "");
                }
                _ => {
                    self.find_once(Kind::FormChanged, Needs::Never, None, "/DR");
                }
            },
            Place::Signature => {
                let name = self
                    .map
                    .field(number)
                    .map(|field| field.name.to_string())
                    .unwrap_or_default();
                self.find_once(Kind::SignatureChanged, Needs::Never, None, &name);
            }
            Place::Structure | Place::StructureElement | Place::ParentTree => self.compare_structure(place, pair)?,
            Place::Other => {
                self.find_once(Kind::ObjectReplaced, Needs::Never, None, &format!("{number} 0"));
            }
        }
        Ok(())
    }

    pub(super) fn compare_trailers(&mut self) -> Result<(), ReadError> {
        let (old, new) = (self.old.trailer()?, self.new.trailer()?);
        for key in self.differing(old, new)? {
            let value = new.get(&key);
            match key.as_slice() {
                key if SECTION_KEYS.contains(&key) => {}
                b"ID" => {
                    let first = |trailer: &Dictionary| {
                        let id = trailer.get(b"ID").and_then(Object::as_array);
                        id.and_then(|id| id.first()).cloned()
                    };
                    // The first half stays for good (ISO 32000-2 14.4); a file that had none may get one.
                    if first(old).is_some() && first(old) != first(new) {
                        self.find_once(Kind::TrailerChanged, Needs::Never, None, "/ID");
                    }
                }
                b"Info" => {
                    let before = self.dictionary(self.old, old.get(b"Info"))?.unwrap_or_default();
                    let after = self.dictionary(self.new, value)?.unwrap_or_default();
                    self.compare_information(&before, &after)?;
                }
                // What no other program knows may be left out.
                key if value.is_none() && !matches!(key, b"Root" | b"Encrypt") => {}
                key => {
                    self.find_once(Kind::TrailerChanged, Needs::Never, None, &text(key));
                }
            }
            if let Some(value) = value {
                self.map.enter_trailer(&key, value);
            }
        }
        Ok(())
    }

    fn compare_catalogs(&mut self, old: &Dictionary, new: &Dictionary) -> Result<(), ReadError> {
        for key in self.differing(old, new)? {
            let (before, after) = (old.get(&key), new.get(&key));
            match key.as_slice() {
                b"AcroForm" => {
                    let before = self.dictionary(self.old, before)?.unwrap_or_default();
                    match self.dictionary(self.new, after)? {
                        Some(after) => self.compare_forms(&before, &after)?,
                        None => {
                            self.find_once(Kind::FormRemoved, Needs::Never, None, "");
                        }
                    }
                }
                b"DSS" => match self.dictionary(self.new, after)? {
                    Some(_) => {
                        self.find_once(Kind::ValidationData, Needs::Nothing, None, "");
                    }
                    None => {
                        self.find_once(Kind::CatalogChanged, Needs::Never, None, "/DSS");
                    }
                },
                b"Extensions" | b"Version" => {
                    self.find_once(Kind::Bookkeeping, Needs::Nothing, None, "");
                }
                b"Perms" => {
                    self.find_once(Kind::PermissionsChanged, Needs::Never, None, "");
                }
                b"Metadata" => {
                    let before = self.stream(self.old, before)?;
                    let after = self.stream(self.new, after)?;
                    self.compare_metadata(before.as_ref(), after.as_ref())?;
                }
                b"StructTreeRoot" => {
                    let before = self.dictionary(self.old, before)?;
                    let after = self.dictionary(self.new, after)?;
                    match (before, after) {
                        (Some(before), Some(after)) => self.compare_structure_roots(&before, &after)?,
                        _ => {
                            self.find_once(Kind::StructureChanged, Needs::Never, None, "");
                        }
                    }
                }
                b"Pages" => {
                    self.find_once(Kind::PagesChanged, Needs::Never, None, "");
                }
                key => {
                    self.find_once(Kind::CatalogChanged, Needs::Never, None, &text(key));
                }
            }
        }
        Ok(())
    }

    fn stream(&self, view: View<'_, '_>, object: Option<&Object>) -> Result<Option<Indirect>, ReadError> {
        let Some(reference) = object.and_then(Object::as_reference) else {
            return Ok(None);
        };
        match view.object(reference) {
            Err(error @ ReadError::Limit(_)) => Err(error),
            object => Ok(object.ok()),
        }
    }

    /// Validation data are added to; what is no part of them has no business there.
    fn compare_validation(&mut self, pair: &Pair) {
        match (&pair.old, &pair.new) {
            (_, Some(_)) => {
                self.find_once(Kind::ValidationData, Needs::Nothing, None, "");
            }
            // Nothing uses it any more, or a reader finds nothing there, which proves nothing.
            _ => {
                self.find_once(Kind::Bookkeeping, Needs::Nothing, None, "");
            }
        }
    }

    fn compare_information(&mut self, old: &Dictionary, new: &Dictionary) -> Result<(), ReadError> {
        let mut own = false;
        for key in self.differing(old, new)? {
            if OWN_INFORMATION.contains(&key.as_slice()) {
                own = true;
            } else {
                self.find_once(Kind::InformationChanged, Needs::Never, None, &text(&key));
            }
        }
        if own {
            self.find_once(Kind::Bookkeeping, Needs::Nothing, None, "");
        }
        Ok(())
    }

    fn compare_metadata(&mut self, old: Option<&Indirect>, new: Option<&Indirect>) -> Result<(), ReadError> {
        let title = |step: &Self, object: Option<&Indirect>, old: bool| -> Result<Option<Vec<u8>>, ReadError> {
            let Some(object) = object else { return Ok(None) };
            let view = if old { step.old } else { step.new };
            match view.decoded(object) {
                Ok(decoded) if decoded.len() <= MAX_METADATA_BYTES => Ok(between(&decoded, TITLE).map(<[u8]>::to_vec)),
                Err(error @ ReadError::Limit(_)) => Err(error),
                _ => Ok(Some(b"?".to_vec())),
            }
        };
        let (before, after) = (title(self, old, true)?, title(self, new, false)?);
        if new.is_some() && old.is_some() && before == after {
            self.find_once(Kind::Bookkeeping, Needs::Nothing, None, "");
        } else if old.is_none() && after.is_none() {
            // Programs that sign or fill in forms describe what they did, without a title that viewers would show.
            self.find_once(Kind::InformationChanged, Needs::Forms, None, "/Metadata");
        } else {
            self.find_once(Kind::InformationChanged, Needs::Never, None, "/Metadata");
        }
        Ok(())
    }

    fn compare_pages(&mut self, page: u32, old: &Dictionary, new: &Dictionary) -> Result<(), ReadError> {
        for key in self.differing(old, new)? {
            match key.as_slice() {
                b"Annots" => self.compare_annotations(page, old.get(&key), new.get(&key))?,
                b"LastModified" => {
                    self.find_once(Kind::Bookkeeping, Needs::Nothing, None, "");
                }
                b"Contents" | b"Resources" => {
                    self.find_once(Kind::PageContent, Needs::Never, Some(page), "");
                }
                b"Parent" | b"Type" => {
                    self.find_once(Kind::PagesChanged, Needs::Never, Some(page), "");
                }
                // Its place in a structure tree that follows its annotations; it says nothing of the page.
                b"StructParents" if old.get(&key).is_none() => {
                    self.find_once(Kind::StructureExtended, Needs::Nothing, None, "");
                }
                key => {
                    self.find_once(Kind::PageChanged, Needs::Never, Some(page), &text(key));
                }
            }
        }
        Ok(())
    }

    /// What a page lists as its annotations, before and after.
    fn compare_annotations(&mut self, page: u32, old: Option<&Object>, new: Option<&Object>) -> Result<(), ReadError> {
        let (old, new) = (self.list(self.old, old)?, self.list(self.new, new)?);
        let numbers = |items: &[Object]| -> Vec<u32> {
            let references = items.iter().filter_map(Object::as_reference);
            references.map(|reference| reference.number).collect()
        };
        let (before, after) = (numbers(&old), numbers(&new));
        let (had, has): (HashSet<u32>, HashSet<u32>) =
            (before.iter().copied().collect(), after.iter().copied().collect());
        for number in before.iter().filter(|number| !has.contains(number)) {
            let annotation = self.object(self.old, *number)?;
            let annotation = annotation
                .and_then(|object| object.value.as_dictionary().cloned())
                .unwrap_or_default();
            self.unlisted.insert(*number, annotation.integer(b"StructParent"));
            if annotation.name(b"Subtype") == Some(b"Widget") {
                let name = self
                    .map
                    .field(*number)
                    .map(|field| field.name.to_string())
                    .unwrap_or_default();
                self.find_once(Kind::FieldRemoved, Needs::Never, Some(page), &name);
            } else {
                self.find_once(
                    Kind::AnnotationRemoved,
                    Needs::Annotations,
                    Some(page),
                    &subtype(&annotation),
                );
            }
        }
        for number in after.iter().filter(|number| !had.contains(number)) {
            self.listed.insert(*number);
            let annotation = self.object(self.new, *number)?;
            let annotation = annotation
                .and_then(|object| object.value.as_dictionary().cloned())
                .unwrap_or_default();
            if annotation.name(b"Subtype") == Some(b"Widget") {
                // A new field says what it is; its picture alone says nothing.
                if !self.is_in_form(*number)? {
                    self.find_once(Kind::WidgetStray, Needs::Never, Some(page), "");
                }
            } else {
                let kind = subtype(&annotation);
                let covers = self.covers(*number, &annotation, Some(page))?;
                let found = self.find_once(Kind::AnnotationAdded, Needs::Annotations, Some(page), &kind);
                found.doubted(covers.doubt());
            }
        }
        let kept = |items: &[u32], others: &HashSet<u32>| -> Vec<u32> {
            items.iter().copied().filter(|number| others.contains(number)).collect()
        };
        if kept(&before, &has) != kept(&after, &had) {
            let found = self.find_once(Kind::AnnotationChanged, Needs::Annotations, Some(page), "/Annots");
            found.doubt = Some(Code::ChangeCovers);
        }
        let direct = |items: &[Object]| -> Vec<Object> {
            let direct = items.iter().filter(|item| item.as_reference().is_none());
            direct.cloned().collect()
        };
        let (before, after) = (Object::Array(direct(&old)), Object::Array(direct(&new)));
        if !self.same(Some(&before), Some(&after))? {
            let holds_widget = [&before, &after].iter().any(|items| {
                let items = items
                    .as_array()
                    .unwrap_or_default()
                    .iter()
                    .filter_map(Object::as_dictionary);
                items.into_iter().any(|item| item.name(b"Subtype") == Some(b"Widget"))
            });
            let needs = if holds_widget { Needs::Never } else { Needs::Annotations };
            let found = self.find_once(Kind::AnnotationChanged, needs, Some(page), "/Annots/direct");
            found.doubt = Some(Code::ChangeCovers);
        }
        Ok(())
    }

    fn compare_annotation(&mut self, number: u32, page: u32, pair: &Pair) -> Result<(), ReadError> {
        let Some((old, new)) = dictionaries(pair) else {
            if pair.new.is_none() && self.unlisted.contains_key(&number) {
                return Ok(());
            }
            self.find_once(Kind::AnnotationRemoved, Needs::Annotations, Some(page), "");
            return Ok(());
        };
        if old.name(b"Subtype") != new.name(b"Subtype") {
            self.find_once(Kind::ObjectReplaced, Needs::Never, Some(page), &format!("{number} 0"));
            return Ok(());
        }
        let seen = [b"Rect".as_slice(), b"AP", b"F"];
        let moved = self
            .differing(old, new)?
            .iter()
            .any(|key| seen.contains(&key.as_slice()));
        let covers = match moved {
            true => self.covers(number, new, Some(page))?,
            false => Covered::Nothing,
        };
        let found = self.find_once(Kind::AnnotationChanged, Needs::Annotations, Some(page), &subtype(new));
        found.doubted(covers.doubt());
        Ok(())
    }

    fn compare_annotation_part(&mut self, owner: u32) {
        let gone = self.unlisted.contains_key(&owner);
        let found = self.find_once(Kind::AnnotationChanged, Needs::Annotations, None, &format!("{owner} 0"));
        if !gone {
            found.doubt = Some(Code::ChangeCovers);
        }
    }
}

pub(super) fn dictionaries(pair: &Pair) -> Option<(&Dictionary, &Dictionary)> {
    let (old, new) = (pair.old.as_ref()?, pair.new.as_ref()?);
    if old.stream.is_some() || new.stream.is_some() || old.id != new.id {
        return None;
    }
    Some((old.value.as_dictionary()?, new.value.as_dictionary()?))
}

fn subtype(annotation: &Dictionary) -> String {
    text(annotation.name(b"Subtype").unwrap_or(b"?"))
}

/// Whether an annotation draws anything on its page.
pub(super) fn is_seen(annotation: &Dictionary) -> bool {
    let hidden = annotation.integer(b"F").unwrap_or(0) & HIDDEN != 0;
    let draws =
        annotation.get(b"AP").is_some() || !annotation.name(b"Subtype").is_some_and(|kind| UNSEEN.contains(&kind));
    !hidden && draws && !has_no_area(annotation)
}

/// A rectangle without an area shows nothing (ISO 32000-2 12.5.2).
fn has_no_area(annotation: &Dictionary) -> bool {
    let Some([left, bottom, right, top]) = annotation.get(b"Rect").and_then(Object::as_array) else {
        return false;
    };
    let same = |one, other| {
        number(one)
            .zip(number(other))
            .is_some_and(|(a, b)| (a - b).abs() < 0.01)
    };
    same(left, right) || same(bottom, top)
}

/// The first stretch of bytes from one mark to another, both included.
fn between<'b>(bytes: &'b [u8], (from, to): (&[u8], &[u8])) -> Option<&'b [u8]> {
    let start = memchr::memmem::find(bytes, from)?;
    let rest = bytes.get(start..)?;
    let length = memchr::memmem::find(rest, to)?;
    rest.get(..length + to.len())
}
