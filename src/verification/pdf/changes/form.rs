//! Forms, their fields and what these show (ISO 32000-2 12.7).

use std::collections::HashSet;

use super::{
    Code, Covered, Kind, Needs, Pair, Place, Step,
    rules::{dictionaries, is_seen, text},
};
use crate::formats::pdf::{Dictionary, Object, ReadError, Reference, View, text_string};

/// How many parents of a field are asked for what it inherits.
const MAX_PARENTS: usize = 32;

/// Bits of an annotation's `/F` that decide whether it is seen: Invisible, Hidden, NoView, ToggleNoView.
const VISIBILITY: i64 = 0b1_0010_0011;

/// Bits of a field's `/Ff` that filling in may change: ReadOnly.
const READ_ONLY: i64 = 1;

/// What a new signature field and its picture may have.
const SIGNATURE_FIELD_KEYS: [&[u8]; 24] = [
    b"Type",
    b"Subtype",
    b"FT",
    b"T",
    b"TU",
    b"TM",
    b"V",
    b"Rect",
    b"P",
    b"F",
    b"Ff",
    b"AP",
    b"AS",
    b"MK",
    b"BS",
    b"Border",
    b"H",
    b"DA",
    b"Q",
    b"Lock",
    b"SV",
    b"StructParent",
    b"M",
    b"NM",
];

impl<'d, 'a> Step<'_, 'd, 'a> {
    pub(super) fn compare_forms(&mut self, old: &Dictionary, new: &Dictionary) -> Result<(), ReadError> {
        for key in self.differing(old, new)? {
            let (before, after) = (old.get(&key), new.get(&key));
            match key.as_slice() {
                b"Fields" => self.compare_field_lists(before, after)?,
                b"SigFlags" => {}
                b"DR" => {
                    let before = self.dictionary(self.old, before)?.unwrap_or_default();
                    match self.dictionary(self.new, after)? {
                        Some(after) if self.only_adds(&before, &after)? => {
                            self.find_once(Kind::FormResources, Needs::Forms, None, "");
                        }
                        _ => {
                            self.find_once(Kind::FormChanged, Needs::Never, None, "/DR");
                        }
                    }
                }
                // What viewers make of a value follows from the value.
                b"NeedAppearances" => {
                    self.find_once(Kind::FormResources, Needs::Forms, None, "");
                }
                b"DA" if before.is_none() => {
                    self.find_once(Kind::FormResources, Needs::Forms, None, "");
                }
                key => {
                    self.find_once(Kind::FormChanged, Needs::Never, None, &text(key));
                }
            }
        }
        Ok(())
    }

    /// Whether everything that was there still is, and more may be.
    pub(super) fn only_adds(&self, old: &Dictionary, new: &Dictionary) -> Result<bool, ReadError> {
        for key in self.differing(old, new)? {
            let Some(before) = old.get(&key) else { continue };
            let (Some(before), Some(after)) = (
                self.dictionary(self.old, Some(before))?,
                self.dictionary(self.new, new.get(&key))?,
            ) else {
                return Ok(false);
            };
            // One level down: the fonts of the resources.
            for key in self.differing(&before, &after)? {
                if before.get(&key).is_some() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Lists of fields: those that were there stay, and new ones are signatures.
    pub(super) fn compare_field_lists(&mut self, old: Option<&Object>, new: Option<&Object>) -> Result<(), ReadError> {
        let (old, new) = (self.list(self.old, old)?, self.list(self.new, new)?);
        let has: HashSet<Reference> = new.iter().filter_map(Object::as_reference).collect();
        let had: HashSet<Reference> = old.iter().filter_map(Object::as_reference).collect();
        for item in &old {
            let Some(reference) = item.as_reference() else {
                if !new.contains(item) {
                    self.find_once(Kind::FieldChanged, Needs::Never, None, "");
                }
                continue;
            };
            if !has.contains(&reference) {
                let name = self
                    .map
                    .field(reference.number)
                    .map(|field| field.name.to_string())
                    .unwrap_or_default();
                let is_signature = self.is_signed(self.old, reference.number)?;
                let kind = if is_signature {
                    Kind::SignatureChanged
                } else {
                    Kind::FieldRemoved
                };
                self.find_once(kind, Needs::Never, None, &name);
            }
        }
        for item in &new {
            match item.as_reference() {
                Some(reference) if !had.contains(&reference) => self.judge_new_field(reference, 0)?,
                None if !old.contains(item) => {
                    self.find_once(Kind::FieldAdded, Needs::Never, None, "");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A field that the form did not have: a signature, with its picture, and nothing else.
    fn judge_new_field(&mut self, reference: Reference, depth: usize) -> Result<(), ReadError> {
        let object = self.object(self.new, reference.number)?;
        let field = object.filter(|object| object.stream.is_none() && object.id == reference);
        let field = field
            .and_then(|object| object.value.as_dictionary().cloned())
            .unwrap_or_default();
        let own = field
            .get(b"T")
            .and_then(Object::as_string)
            .map(text_string)
            .unwrap_or_default();
        let known = field
            .entries()
            .iter()
            .all(|entry| SIGNATURE_FIELD_KEYS.contains(&entry.key.as_slice()));
        let is_parent = field.name(b"FT").is_none() && field.get(b"Kids").is_some();
        if is_parent && depth < MAX_PARENTS {
            for kid in self.list(self.new, field.get(b"Kids"))? {
                match kid {
                    Object::Reference(kid) => self.judge_new_field(kid, depth + 1)?,
                    _ => {
                        self.find_once(Kind::FieldAdded, Needs::Never, None, &own);
                    }
                }
            }
            return Ok(());
        }
        let mut known_or_parent = known;
        if depth > 0 {
            let known = |key: &[u8]| SIGNATURE_FIELD_KEYS.contains(&key) || key == b"Parent";
            known_or_parent = field.entries().iter().all(|entry| known(&entry.key));
        }
        let value = self.dictionary(self.new, field.get(b"V"))?;
        let Some(value) = value.filter(|_| field.name(b"FT") == Some(b"Sig") && known_or_parent) else {
            self.find_once(Kind::FieldAdded, Needs::Never, None, &own);
            return Ok(());
        };
        self.signed.insert(reference.number);
        let page = self.page_of(&field)?;
        if value.name(b"SubFilter") == Some(b"ETSI.RFC3161") && !is_seen(&field) {
            self.find_once(Kind::TimestampAdded, Needs::Nothing, page, &own);
        } else {
            let covers = self.covers(reference.number, &field, page)?;
            let found = self.find_once(Kind::SignatureAdded, Needs::Forms, page, &own);
            found.doubted(covers.doubt());
        }
        Ok(())
    }

    fn page_of(&self, field: &Dictionary) -> Result<Option<u32>, ReadError> {
        let Some(page) = field.reference(b"P") else {
            return Ok(None);
        };
        let places = self.map.places(page.number).iter().find_map(|place| match place {
            Place::Page(page) => Some(*page),
            _ => None,
        });
        Ok(places.filter(|page| *page > 0))
    }

    pub(super) fn is_signed(&self, view: View<'d, 'a>, number: u32) -> Result<bool, ReadError> {
        let object = self.object(view, number)?;
        let field = object
            .and_then(|object| object.value.as_dictionary().cloned())
            .unwrap_or_default();
        let value = self.dictionary(view, field.get(b"V"))?;
        Ok(value.is_some_and(|value| value.get(b"ByteRange").is_some()))
    }

    /// Whether a widget belongs to a field of the form, as it is now.
    pub(super) fn is_in_form(&self, number: u32) -> Result<bool, ReadError> {
        let catalog = match self.new.catalog() {
            Err(error @ ReadError::Limit(_)) => return Err(error),
            catalog => catalog.map(|(_, catalog)| catalog).unwrap_or_default(),
        };
        let form = self.dictionary(self.new, catalog.get(b"AcroForm"))?.unwrap_or_default();
        let top = self.list(self.new, form.get(b"Fields"))?;
        let mut number = number;
        for _ in 0..MAX_PARENTS {
            let listed = |items: &[Object]| {
                let references = items.iter().filter_map(Object::as_reference);
                references.into_iter().any(|reference| reference.number == number)
            };
            if listed(&top) {
                return Ok(true);
            }
            let object = self.object(self.new, number)?;
            let parent = object.and_then(|object| object.value.as_dictionary()?.reference(b"Parent"));
            let Some(parent) = parent else { return Ok(false) };
            let kids = self.object(self.new, parent.number)?;
            let kids = kids.and_then(|parent| parent.value.as_dictionary()?.get(b"Kids").cloned());
            if !listed(&self.list(self.new, kids.as_ref())?) {
                return Ok(false);
            }
            number = parent.number;
        }
        Ok(false)
    }

    /// What a field has, or inherits from those above it.
    pub(super) fn inherited(&self, view: View<'d, 'a>, number: u32, key: &[u8]) -> Result<Object, ReadError> {
        let mut number = number;
        for _ in 0..MAX_PARENTS {
            let object = self.object(view, number)?;
            let Some(field) = object.and_then(|object| object.value.as_dictionary().cloned()) else {
                break;
            };
            if let Some(value) = field.get(key) {
                return Ok(value.clone());
            }
            match field.reference(b"Parent") {
                Some(parent) => number = parent.number,
                None => match self.map.field(number) {
                    Some(known) if known.parent != 0 => number = known.parent,
                    _ => break,
                },
            }
        }
        Ok(Object::Null)
    }

    /// Whether the field has another value than it had, its own or inherited. A value in another object counts by that
    /// object.
    fn has_new_value(&self, number: u32) -> Result<bool, ReadError> {
        let (old, new) = (
            self.inherited(self.old, number, b"V")?,
            self.inherited(self.new, number, b"V")?,
        );
        let changed = |reference: &Object| {
            let reference = reference.as_reference();
            reference.is_some_and(|reference| self.changed.binary_search(&reference.number).is_ok())
        };
        Ok(changed(&old) || changed(&new) || !self.same(Some(&old), Some(&new))?)
    }

    pub(super) fn compare_fields(&mut self, number: u32, pair: &Pair) -> Result<(), ReadError> {
        let name = self
            .map
            .field(number)
            .map(|field| field.name.to_string())
            .unwrap_or_default();
        let page = self.map.field(number).and_then(|field| field.page);
        let Some((old, new)) = dictionaries(pair) else {
            // Its list says whether it was removed from the form.
            self.find_once(Kind::FieldRemoved, Needs::Never, page, &name);
            return Ok(());
        };
        let differing = self.differing(old, new)?;
        let kind = self.inherited(self.new, number, b"FT")?;
        let kind = kind.as_name().unwrap_or_default().to_vec();
        let filled = self.has_new_value(number)?;
        let mut signed = false;
        if filled && kind == b"Sig" {
            let had = self.dictionary(self.old, old.get(b"V"))?;
            let has = self.dictionary(self.new, new.get(b"V"))?;
            if had.is_some() || has.is_none_or(|value| value.get(b"ByteRange").is_none()) {
                self.find_once(Kind::SignatureChanged, Needs::Never, page, &name);
                return Ok(());
            }
            signed = true;
            self.signed.insert(number);
        } else if filled {
            self.filled.insert(number);
        }
        let mut forbidden = false;
        let mut shows = false;
        for key in &differing {
            let (before, after) = (old.get(key), new.get(key));
            let bits = |value: Option<&Object>| value.and_then(Object::as_integer).unwrap_or(0);
            let flipped = bits(before) ^ bits(after);
            let permitted = match key.as_slice() {
                b"V" => true,
                b"AP" | b"AS" => {
                    shows = true;
                    true
                }
                b"RV" | b"I" | b"TI" => filled,
                b"MK" | b"DA" | b"Q" | b"BS" | b"Border" | b"C" | b"M" => {
                    shows = true;
                    true
                }
                b"F" => flipped & VISIBILITY == 0 && (filled || signed),
                b"Ff" => flipped & !READ_ONLY == 0,
                b"Kids" => {
                    self.compare_field_lists(before, after)?;
                    true
                }
                // An empty signature field may be given what a signature has.
                b"Type" | b"H" | b"P" | b"StructParent" => signed && before.is_none(),
                _ => false,
            };
            if !permitted {
                forbidden = true;
                self.find_once(Kind::FieldChanged, Needs::Never, page, &format!("{name} {}", text(key)));
            }
        }
        if forbidden {
            return Ok(());
        }
        if signed {
            let covers = match shows {
                true => self.covers(number, new, page)?,
                false => Covered::Nothing,
            };
            let found = self.find_of_field(Kind::SignatureAdded, Needs::Forms, page, &name);
            found.doubted(covers.doubt());
        } else if shows && !filled {
            self.judge_unfilled(number, &kind, (old, new), (page, &name))?;
        } else if filled || differing.iter().any(|key| key.as_slice() != b"Kids") {
            let follows = !filled || self.follows(number, &kind, new)?;
            let found = self.find_of_field(Kind::FieldFilled, Needs::Forms, page, &name);
            found.doubted((!follows).then_some(Code::AppearanceUnproven));
        }
        if signed || filled {
            self.judge_exchanged(old, (page, &name))?;
        }
        Ok(())
    }

    /// What a field shows changed, its value did not: a button that shows the state its value asks for is what it was
    /// filled in with; all else was swapped.
    fn judge_unfilled(
        &mut self,
        number: u32,
        kind: &[u8],
        (old, new): (&Dictionary, &Dictionary),
        (page, name): (Option<u32>, &str),
    ) -> Result<(), ReadError> {
        let differing = self.differing(old, new)?;
        let only_state = differing.iter().all(|key| key.as_slice() == b"AS");
        if kind == b"Btn" && only_state && self.state_follows(number, new)? {
            self.find_of_field(Kind::FieldFilled, Needs::Forms, page, name);
        } else if matches!(kind, b"Tx" | b"Ch") && new.get(b"AP").is_some() && self.shows_value(number, new)? {
            // A widget is an annotation too; colours and borders are an annotation's.
            let follows = self.has_another_ground(old, new)?;
            let found = self.find_of_field(Kind::AnnotationChanged, Needs::Annotations, page, name);
            found.doubted((!follows).then_some(Code::AppearanceUnproven));
        } else {
            self.find_once(Kind::AppearanceSwapped, Needs::Never, page, name);
        }
        Ok(())
    }

    /// A check box or radio button shows its value's state, or none (ISO 32000-2 12.7.5.2.3).
    fn state_follows(&self, number: u32, new: &Dictionary) -> Result<bool, ReadError> {
        let value = self.inherited(self.new, number, b"V")?;
        let value = self.value(self.new, Some(&value))?;
        Ok(match (new.name(b"AS"), value.as_name()) {
            (None | Some(b"Off"), _) => true,
            (Some(state), Some(value)) => state == value,
            (Some(_), None) => false,
        })
    }

    /// What a filled or signed field showed before must have been its own alone: what else it was used for cannot be
    /// told to be unchanged.
    fn judge_exchanged(&mut self, old: &Dictionary, (page, name): (Option<u32>, &str)) -> Result<(), ReadError> {
        let mut parts: Vec<Reference> = old.reference(b"AP").into_iter().collect();
        if let Some(states) = self.dictionary(self.old, old.get(b"AP"))? {
            parts.extend(states.entries().iter().filter_map(|entry| entry.value.as_reference()));
        }
        let elsewhere = |part: &Reference| self.map.places(part.number).contains(&Place::Other);
        if parts.iter().any(elsewhere) {
            self.find_once(Kind::AppearanceShared, Needs::Never, page, name);
        }
        Ok(())
    }

    /// Whether what a filled field shows is its value.
    fn follows(&self, number: u32, kind: &[u8], new: &Dictionary) -> Result<bool, ReadError> {
        match kind {
            b"Btn" => self.state_follows(number, new),
            _ => self.shows_value(number, new),
        }
    }

    pub(super) fn compare_value(&mut self, field: u32) -> Result<(), ReadError> {
        let known = self.map.field(field).cloned();
        let name = known.as_ref().map(|field| field.name.to_string()).unwrap_or_default();
        let page = known.and_then(|field| field.page);
        self.filled.insert(field);
        let object = self.object(self.new, field)?;
        let new = object
            .and_then(|object| object.value.as_dictionary().cloned())
            .unwrap_or_default();
        let kind = self.inherited(self.new, field, b"FT")?;
        let follows = self.follows(field, kind.as_name().unwrap_or_default(), &new)?;
        let found = self.find_of_field(Kind::FieldFilled, Needs::Forms, page, &name);
        found.doubted((!follows).then_some(Code::AppearanceUnproven));
        Ok(())
    }

    /// A part of what a field shows was replaced where it stands.
    pub(super) fn compare_appearance(&mut self, number: u32, field: u32, pair: &Pair) -> Result<(), ReadError> {
        let known = self.map.field(field).cloned();
        let name = known.as_ref().map(|field| field.name.to_string()).unwrap_or_default();
        let page = known.and_then(|field| field.page);
        if self.signed.contains(&field) || self.filled.contains(&field) || self.has_new_value(field)? {
            let object = self.object(self.new, field)?;
            let new = object
                .and_then(|object| object.value.as_dictionary().cloned())
                .unwrap_or_default();
            let kind = self.inherited(self.new, field, b"FT")?;
            let kind = kind.as_name().unwrap_or_default();
            let follows = kind == b"Sig" || self.follows(field, kind, &new)?;
            let found = self.find_of_field(Kind::FieldFilled, Needs::Forms, page, &name);
            found.doubted((!follows).then_some(Code::AppearanceUnproven));
            return Ok(());
        }
        // What it showed once and shows no more may go.
        if pair.new.is_none() && !self.still_shows(field, number)? {
            return Ok(());
        }
        self.find_once(Kind::AppearanceSwapped, Needs::Never, page, &name);
        Ok(())
    }

    /// Whether a field's appearance leads to an object, as far as four steps.
    fn still_shows(&self, field: u32, number: u32) -> Result<bool, ReadError> {
        let object = self.object(self.new, field)?;
        let appearance = object.and_then(|object| object.value.as_dictionary()?.get(b"AP").cloned());
        let mut open: Vec<(Object, usize)> = appearance.into_iter().map(|value| (value, 0)).collect();
        while let Some((value, depth)) = open.pop() {
            match value {
                Object::Reference(reference) if reference.number == number || depth > 4 => return Ok(true),
                Object::Reference(reference) => {
                    let object = self.object(self.new, reference.number)?;
                    open.extend(object.map(|object| (object.value, depth + 1)));
                }
                Object::Array(items) => open.extend(items.into_iter().map(|item| (item, depth))),
                Object::Dictionary(entries) => {
                    open.extend(entries.entries().iter().map(|entry| (entry.value.clone(), depth)));
                }
                _ => {}
            }
        }
        Ok(false)
    }
}
