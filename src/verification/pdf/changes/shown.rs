//! What later revisions show: whether it is the value it stands for, and whether it covers what was there.

use super::{Place, Step, rules::is_seen};
use crate::formats::pdf::{Area, Dictionary, Object, ReadError, drawn, plain_text, text_string};

/// A page whose content cannot be read is drawn upon everywhere.
const EVERYWHERE: Area = Area([f64::MIN, f64::MIN, f64::MAX, f64::MAX]);

impl Step<'_, '_, '_> {
    /// Whether an annotation or a signature's picture that came later may cover what was there: the page's own content,
    /// or other annotations.
    pub(super) fn covers(
        &mut self,
        number: u32,
        annotation: &Dictionary,
        page: Option<u32>,
    ) -> Result<bool, ReadError> {
        if !is_seen(annotation) {
            return Ok(false);
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
            [page] if *page > 0 => self.is_drawn_upon(*page, number, &area),
            _ => Ok(true),
        }
    }

    fn is_drawn_upon(&mut self, page: u32, but: u32, area: &Area) -> Result<bool, ReadError> {
        let Some(number) = self.map.page_object(page) else {
            return Ok(true);
        };
        let object = self.object(self.old, number)?;
        let Some(node) = object.and_then(|object| object.value.as_dictionary().cloned()) else {
            return Ok(true);
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
            return Ok(true);
        }
        for item in self.list(self.old, node.get(b"Annots"))? {
            if item.as_reference().is_some_and(|reference| reference.number == but) {
                continue;
            }
            let other = self.dictionary(self.old, Some(&item))?.unwrap_or_default();
            let place = self.value(self.old, other.get(b"Rect"))?;
            if is_seen(&other) && Area::read(&place).is_none_or(|place| place.meets(area)) {
                return Ok(true);
            }
        }
        Ok(false)
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
            Ok(picture) => plain_text(self.new, &picture),
            Err(error) => Err(error),
        };
        let shown = match shown {
            Err(error @ ReadError::Limit("time_ms" | "memory_bytes")) => return Err(error),
            shown => shown.ok().flatten(),
        };
        let Some(shown) = shown else { return Ok(false) };
        let shown = letters(&text_string(&shown));
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
