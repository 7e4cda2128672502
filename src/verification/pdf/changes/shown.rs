//! What later revisions show: whether it is the value it stands for, and whether it covers what was there.

use std::collections::HashSet;

use super::{Covered, Place, Step, rules::is_seen};
use crate::formats::pdf::{
    Area, Dictionary, Object, ReadError, differ_in_ground_alone, drawn, plain_text, text_string,
};

/// The most objects of one font that are compared.
const MAX_FONT_OBJECTS: usize = 64;

/// A page whose content cannot be read is drawn upon everywhere.
const EVERYWHERE: Area = Area([f64::MIN, f64::MIN, f64::MAX, f64::MAX]);

impl Step<'_, '_, '_> {
    /// What an annotation or a signature's picture that came later may cover: the page's own content, or annotations.
    pub(super) fn covers(
        &mut self,
        number: u32,
        annotation: &Dictionary,
        page: Option<u32>,
    ) -> Result<Covered, ReadError> {
        if !is_seen(annotation) {
            return Ok(Covered::Nothing);
        }
        let area = match annotation
            .get(b"Rect")
            .map(|area| self.value(self.new, Some(area)))
            .transpose()?
        {
            Some(area) => Area::read(&area).unwrap_or(EVERYWHERE),
            None => EVERYWHERE,
        };
        // A picture stands on the pages that list it, whatever it says.
        let mut pages: Vec<u32> = self.listed_on.get(&number).cloned().unwrap_or_default();
        pages.extend(page.filter(|page| !pages.contains(page)));
        match pages.as_slice() {
            [page] if *page > 0 => {
                let is_signature = self.signed.contains(&number);
                self.lies_under(*page, (number, is_signature), &area)
            }
            _ => Ok(Covered::Content),
        }
    }

    fn lies_under(&mut self, page: u32, (but, is_signature): (u32, bool), area: &Area) -> Result<Covered, ReadError> {
        let Some(number) = self.map.page_object(page) else {
            return Ok(Covered::Content);
        };
        let object = self.object(self.old, number)?;
        let Some(node) = object.and_then(|object| object.value.as_dictionary().cloned()) else {
            return Ok(Covered::Content);
        };
        if !self.map.drawn.contains_key(&page) {
            let areas = match drawn(self.old, &node) {
                Err(error @ ReadError::Limit("time_ms" | "memory_bytes")) => return Err(error),
                areas => areas.unwrap_or_else(|_| vec![EVERYWHERE]),
            };
            self.map.drawn.insert(page, areas);
        }
        if self
            .map
            .drawn
            .get(&page)
            .is_some_and(|drawn| drawn.iter().any(|drawn| drawn.meets(area)))
        {
            return Ok(Covered::Content);
        }
        let mut covered = Covered::Nothing;
        for item in self.list(self.old, node.get(b"Annots"))? {
            if item.as_reference().is_some_and(|reference| reference.number == but) {
                continue;
            }
            let other = self.dictionary(self.old, Some(&item))?.unwrap_or_default();
            let place = self.value(self.old, other.get(b"Rect"))?;
            if !is_seen(&other) || Area::read(&place).is_some_and(|place| !place.meets(area)) {
                continue;
            }
            let is_another_signature = match item.as_reference() {
                Some(reference) if is_signature => self.is_signed(self.old, reference.number)?,
                _ => false,
            };
            let is_field = other.name(b"Subtype") == Some(b"Widget") && !is_another_signature;
            covered = covered.max(if is_field {
                Covered::Content
            } else {
                Covered::Annotations
            });
        }
        Ok(covered)
    }

    /// Whether the text that a field shows is its value. A field without a picture shows what viewers make of its value.
    pub(super) fn shows_value(&self, number: u32, field: &Dictionary) -> Result<bool, ReadError> {
        let Some(pictures) = self.dictionary(self.new, field.get(b"AP"))? else {
            return Ok(true);
        };
        let Some(picture) = pictures.reference(b"N") else {
            return Ok(pictures.get(b"N").is_none());
        };
        let shown = match self.new.object(picture) {
            Ok(picture) => plain_text(self.new, &picture, (&|font| self.was_signed(font), &self.fonts)),
            Err(error) => Err(error),
        };
        let shown = match shown {
            Err(error @ ReadError::Limit("time_ms" | "memory_bytes")) => return Err(error),
            shown => shown.ok().flatten(),
        };
        let Some(shown) = shown else { return Ok(false) };
        let shown = letters(&shown);
        let value = self.inherited(self.new, number, b"V")?;
        let value = self.value(self.new, Some(&value))?;
        let value = match &value {
            Object::Null => String::new(),
            Object::String(value) => text_string(value),
            Object::Name(value) => text_string(value),
            _ => return Ok(false),
        };
        if letters(&value) == shown {
            return Ok(true);
        }
        // A choice shows the name of what was chosen (ISO 32000-2 12.7.5.4).
        let options = self.inherited(self.new, number, b"Opt")?;
        for option in self.list(self.new, Some(&options))? {
            let Object::Array(pair) = self.value(self.new, Some(&option))? else {
                continue;
            };
            let [Object::String(export), Object::String(name)] = pair.as_slice() else {
                continue;
            };
            if text_string(export) == value && letters(&text_string(name)) == shown {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an object, with all that it leads to, is as it was in the oldest revision that was signed.
    fn was_signed(&self, object: &Object) -> Result<bool, ReadError> {
        let Some(first) = object.as_reference() else {
            return Ok(false);
        };
        let mut open = vec![Object::Reference(first)];
        let mut seen = HashSet::new();
        while let Some(value) = open.pop() {
            match value {
                Object::Reference(reference) if seen.insert(reference) => {
                    if seen.len() > MAX_FONT_OBJECTS {
                        return Ok(false);
                    }
                    let signed = self.object(self.signed_first, reference.number)?;
                    match (signed, self.object(self.new, reference.number)?) {
                        (Some(signed), Some(new))
                            if signed.id == new.id
                                && signed.value == new.value
                                && (signed.stream == new.stream
                                    || self.signed_first.raw(&signed) == self.new.raw(&new)) =>
                        {
                            open.push(new.value);
                        }
                        (None, None) => {}
                        _ => return Ok(false),
                    }
                }
                Object::Array(items) => open.extend(items),
                Object::Dictionary(entries) => open.extend(entries.entries().iter().map(|entry| entry.value.clone())),
                _ => {}
            }
        }
        Ok(true)
    }

    /// Whether a field differs in the colour of its ground alone, so that the same text is readable on it as before.
    pub(super) fn has_another_ground(&self, old: &Dictionary, new: &Dictionary) -> Result<bool, ReadError> {
        let differs_in = |old: &Dictionary, new: &Dictionary, keys: &[&[u8]]| -> Result<bool, ReadError> {
            let differing = self.differing(old, new)?;
            Ok(differing.iter().all(|key| keys.contains(&key.as_slice())))
        };
        let both = |key: &[u8]| -> Result<[Dictionary; 2], ReadError> {
            let old = self.dictionary(self.old, old.get(key))?.unwrap_or_default();
            Ok([old, self.dictionary(self.new, new.get(key))?.unwrap_or_default()])
        };
        let [old_look, new_look] = both(b"MK")?;
        let [old_pictures, new_pictures] = both(b"AP")?;
        let (Some(old_picture), Some(new_picture)) = (old_pictures.reference(b"N"), new_pictures.reference(b"N"))
        else {
            return Ok(false);
        };
        if !differs_in(old, new, &[b"AP", b"MK", b"M"])?
            || !differs_in(&old_look, &new_look, &[b"BG"])?
            || !differs_in(&old_pictures, &new_pictures, &[b"N"])?
        {
            return Ok(false);
        }
        let (Some(old), Some(new)) = (
            self.object(self.old, old_picture.number)?,
            self.object(self.new, new_picture.number)?,
        ) else {
            return Ok(false);
        };
        let (Some(old_form), Some(new_form)) = (old.value.as_dictionary(), new.value.as_dictionary()) else {
            return Ok(false);
        };
        if !differs_in(old_form, new_form, &[b"Length", b"Filter", b"DecodeParms"])? {
            return Ok(false);
        }
        let space = self.value(self.new, new_form.get(b"BBox"))?;
        let Some(space) = Area::read(&space) else {
            return Ok(false);
        };
        let compared = self.old.decoded(&old).and_then(|old| {
            let new = self.new.decoded(&new)?;
            let ground = self.value(self.new, new_look.get(b"BG"))?;
            differ_in_ground_alone(self.new, (&old, &new), (&space, ground.as_array()))
        });
        match compared {
            Err(error @ ReadError::Limit("time_ms" | "memory_bytes")) => Err(error),
            compared => Ok(compared.unwrap_or(false)),
        }
    }

    /// Enters on which pages annotations stand, as the revision has it.
    pub(super) fn enter_listed(&mut self) -> Result<(), ReadError> {
        for number in self.changed.clone() {
            for place in self.map.places(number).to_vec() {
                let (page, list) = match place {
                    Place::Page(page) => {
                        let object = self.object(self.new, number)?;
                        (
                            page,
                            object.and_then(|object| object.value.as_dictionary()?.get(b"Annots").cloned()),
                        )
                    }
                    Place::Annotations(page) => (page, self.object(self.new, number)?.map(|object| object.value)),
                    _ => continue,
                };
                for item in self.list(self.new, list.as_ref())? {
                    if let Some(reference) = item.as_reference() {
                        let pages = self.listed_on.entry(reference.number).or_default();
                        if !pages.contains(&page) {
                            pages.push(page);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Text without white space: where lines break is up to whoever draws it.
fn letters(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '\0')
        .collect()
}
