//! The structure tree of tagged documents (ISO 32000-2 14.7). It follows the annotations: what is new in it may name
//! nothing but these, and what goes must have named one that went.

use std::collections::{HashMap, HashSet};

use super::{Kind, Needs, Pair, Place, Step, rules::dictionaries};
use crate::formats::pdf::{Dictionary, Object, ReadError, View};

/// The most entries of a number tree that are compared.
const MAX_TREE: usize = 100_000;

/// The deepest that new elements may nest.
const MAX_ELEMENTS_DEPTH: usize = 8;

impl<'d, 'a> Step<'_, 'd, 'a> {
    pub(super) fn compare_structure(&mut self, place: Place, pair: &Pair) -> Result<(), ReadError> {
        let sound = match (place, dictionaries(pair)) {
            (Place::Structure, Some((old, new))) => return self.compare_structure_roots(old, new),
            (Place::StructureElement, Some((old, new))) => {
                let differing = self.differing(old, new)?;
                let only_kids = differing.iter().all(|key| key.as_slice() == b"K");
                only_kids && self.kids_follow(old.get(b"K"), new.get(b"K"))?
            }
            // A list of elements in an object of its own.
            (Place::StructureElement, None) => match (&pair.old, &pair.new) {
                (Some(old), Some(new)) => self.kids_follow(Some(&old.value), Some(&new.value))?,
                _ => false,
            },
            // The root compares the whole tree, whichever of its nodes changed.
            (Place::ParentTree, _) => self.parent_trees_follow()?,
            _ => false,
        };
        self.structure(sound);
        Ok(())
    }

    fn structure(&mut self, sound: bool) {
        if sound {
            self.find_once(Kind::StructureExtended, Needs::Nothing, None, "");
        } else {
            self.find_once(Kind::StructureChanged, Needs::Never, None, "");
        }
    }

    pub(super) fn compare_structure_roots(&mut self, old: &Dictionary, new: &Dictionary) -> Result<(), ReadError> {
        let mut sound = true;
        for key in self.differing(old, new)? {
            sound &= match key.as_slice() {
                b"K" => self.kids_follow(old.get(&key), new.get(&key))?,
                b"ParentTree" => self.trees_follow(old.get(&key), new.get(&key))?,
                b"ParentTreeNextKey" => true,
                _ => false,
            };
        }
        self.structure(sound);
        Ok(())
    }

    /// What an element holds: what was there stays in its order but for annotations that went, and what came names
    /// annotations alone.
    fn kids_follow(&self, old: Option<&Object>, new: Option<&Object>) -> Result<bool, ReadError> {
        let (old, new) = (self.kids(self.old, old)?, self.kids(self.new, new)?);
        let mut rest = new.iter().peekable();
        for kid in &old {
            let mut kept = false;
            let mut ahead = rest.clone();
            let mut came = Vec::new();
            for candidate in ahead.by_ref() {
                if self.same(Some(kid), Some(candidate))? {
                    kept = true;
                    break;
                }
                came.push(candidate);
            }
            if kept {
                for candidate in came {
                    if !self.names_annotations(candidate, 0)? {
                        return Ok(false);
                    }
                }
                rest = ahead;
            } else if !self.named_gone(kid)? {
                return Ok(false);
            }
        }
        for candidate in rest {
            if !self.names_annotations(candidate, 0)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn kids(&self, view: View<'d, 'a>, object: Option<&Object>) -> Result<Vec<Object>, ReadError> {
        Ok(match object {
            None | Some(Object::Null) => Vec::new(),
            Some(Object::Array(items)) => items.clone(),
            Some(reference @ Object::Reference(_)) => match self.value(view, Some(reference))? {
                Object::Array(items) => items,
                _ => vec![reference.clone()],
            },
            Some(other) => vec![other.clone()],
        })
    }

    /// An element, or a reference to an object, that leads to annotations alone.
    fn names_annotations(&self, object: &Object, depth: usize) -> Result<bool, ReadError> {
        if depth > MAX_ELEMENTS_DEPTH {
            return Ok(false);
        }
        let Some(element) = self.dictionary(self.new, Some(object))? else {
            return Ok(false);
        };
        if element.name(b"Type") == Some(b"OBJR") {
            let named = self.dictionary(self.new, element.get(b"Obj"))?;
            return Ok(named.is_some_and(|named| named.get(b"Rect").is_some()));
        }
        if element.get(b"S").is_none() {
            return Ok(false);
        }
        for kid in self.kids(self.new, element.get(b"K"))? {
            if !self.names_annotations(&kid, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What named an annotation that the page does not list any more.
    fn named_gone(&self, object: &Object) -> Result<bool, ReadError> {
        let Some(element) = self.dictionary(self.old, Some(object))? else {
            return Ok(false);
        };
        if element.name(b"Type") == Some(b"OBJR") {
            let named = element.reference(b"Obj");
            return Ok(named.is_some_and(|named| self.unlisted.contains_key(&named.number)));
        }
        let kids = self.kids(self.old, element.get(b"K"))?;
        let mut all = !kids.is_empty();
        for kid in kids {
            let reference = self
                .dictionary(self.old, Some(&kid))?
                .filter(|kid| kid.name(b"Type") == Some(b"OBJR"));
            let named = reference.and_then(|reference| reference.reference(b"Obj"));
            all &= named.is_some_and(|named| self.unlisted.contains_key(&named.number));
        }
        Ok(all)
    }

    fn parent_trees_follow(&self) -> Result<bool, ReadError> {
        let root = |view: View<'d, 'a>| -> Result<Option<Object>, ReadError> {
            let catalog = match view.catalog() {
                Err(error @ ReadError::Limit(_)) => return Err(error),
                catalog => catalog.map(|(_, catalog)| catalog).unwrap_or_default(),
            };
            let root = self.dictionary(view, catalog.get(b"StructTreeRoot"))?;
            Ok(root.and_then(|root| root.get(b"ParentTree").cloned()))
        };
        self.trees_follow(root(self.old)?.as_ref(), root(self.new)?.as_ref())
    }

    /// The tree that leads from content to its elements: entries come with annotations and go with them.
    fn trees_follow(&self, old: Option<&Object>, new: Option<&Object>) -> Result<bool, ReadError> {
        let (Some(old), Some(new)) = (self.tree(self.old, old)?, self.tree(self.new, new)?) else {
            return Ok(false);
        };
        let gone: HashSet<i64> = self.unlisted.values().copied().flatten().collect();
        for (key, value) in &old {
            match new.get(key) {
                Some(now) if self.same(Some(value), Some(now))? || self.kids_follow(Some(value), Some(now))? => {}
                None if gone.contains(key) || self.is_nobodys(*key, value)? => {}
                _ => return Ok(false),
            }
        }
        for (key, value) in &new {
            let element = self.dictionary(self.new, Some(value))?;
            let is_element = element.is_some_and(|element| element.get(b"S").is_some());
            if !old.contains_key(key) && !is_element {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// An entry that led to an element of annotations alone, all of which went before.
    fn is_nobodys(&self, _key: i64, value: &Object) -> Result<bool, ReadError> {
        Ok(self.dictionary(self.old, Some(value))?.is_none() && self.kids(self.old, Some(value))?.is_empty())
    }

    /// A number tree (ISO 32000-2 7.9.7), flat; none where it is not one.
    fn tree(&self, view: View<'d, 'a>, root: Option<&Object>) -> Result<Option<HashMap<i64, Object>>, ReadError> {
        let mut found = HashMap::new();
        let mut open: Vec<(Object, usize)> = root.cloned().map(|root| (root, 0)).into_iter().collect();
        while let Some((node, depth)) = open.pop() {
            let Some(node) = self.dictionary(view, Some(&node))? else {
                return Ok(None);
            };
            let numbers = self.list(view, node.get(b"Nums"))?;
            for pair in numbers.chunks(2) {
                let [Object::Integer(key), value] = pair else {
                    return Ok(None);
                };
                if found.insert(*key, value.clone()).is_some() {
                    return Ok(None);
                }
            }
            let kids = self.list(view, node.get(b"Kids"))?;
            if found.len() > MAX_TREE || open.len() + kids.len() > MAX_TREE || depth > MAX_ELEMENTS_DEPTH * 4 {
                return Err(ReadError::Limit("MAX_TREE"));
            }
            open.extend(kids.into_iter().map(|kid| (kid, depth + 1)));
        }
        Ok(Some(found))
    }
}
