//! Whether two values are the same, however they are written.

use std::collections::HashSet;

use super::{Pair, Step};
use crate::formats::pdf::{Dictionary, Indirect, Object, ReadError, Reference, number};

/// The deepest that values are compared through references.
const MAX_COMPARED_DEPTH: usize = 64;

impl<'a> Step<'_, '_, 'a> {
    /// Whether an object is as it was: its value, and the bytes of its stream.
    pub(super) fn is_same(&self, pair: &Pair) -> Result<bool, ReadError> {
        match (&pair.old, &pair.new) {
            (None, None) => Ok(true),
            (Some(old), Some(new)) if old.id == new.id => self.same_objects(old, new, &mut HashSet::new(), 0),
            _ => Ok(false),
        }
    }

    /// Whether two values are the same. References to one object are: a change of that object is a difference of its
    /// own. References to two objects are the same if these are.
    pub(super) fn same(&self, old: Option<&Object>, new: Option<&Object>) -> Result<bool, ReadError> {
        let null = Object::Null;
        self.same_values(old.unwrap_or(&null), new.unwrap_or(&null), &mut HashSet::new(), 0)
    }

    fn same_objects(
        &self,
        old: &Indirect,
        new: &Indirect,
        seen: &mut HashSet<(Reference, Reference)>,
        depth: usize,
    ) -> Result<bool, ReadError> {
        if old.stream.is_some() != new.stream.is_some() || self.raw(old) != self.raw(new) {
            return Ok(false);
        }
        self.same_values(&old.value, &new.value, seen, depth)
    }

    fn raw(&self, object: &Indirect) -> &'a [u8] {
        self.new.raw(object)
    }

    fn same_values(
        &self,
        old: &Object,
        new: &Object,
        seen: &mut HashSet<(Reference, Reference)>,
        depth: usize,
    ) -> Result<bool, ReadError> {
        if depth > MAX_COMPARED_DEPTH {
            return Ok(false);
        }
        match (old, new) {
            (Object::Reference(old), Object::Reference(new)) if old == new => Ok(true),
            (Object::Reference(old), Object::Reference(new)) => {
                if !seen.insert((*old, *new)) {
                    return Ok(true);
                }
                match (self.old.object(*old), self.new.object(*new)) {
                    (Err(error @ ReadError::Limit(_)), _) | (_, Err(error @ ReadError::Limit(_))) => Err(error),
                    (Ok(old), Ok(new)) => self.same_objects(&old, &new, seen, depth + 1),
                    _ => Ok(false),
                }
            }
            // A value that stood in its place and now stands elsewhere, or the reverse.
            (Object::Reference(reference), new) => match self.old.object(*reference) {
                Err(error @ ReadError::Limit(_)) => Err(error),
                Ok(old) if old.stream.is_none() => self.same_values(&old.value, new, seen, depth + 1),
                Ok(_) => Ok(false),
                Err(_) => Ok(*new == Object::Null),
            },
            (old, Object::Reference(reference)) => match self.new.object(*reference) {
                Err(error @ ReadError::Limit(_)) => Err(error),
                Ok(new) if new.stream.is_none() => self.same_values(old, &new.value, seen, depth + 1),
                Ok(_) => Ok(false),
                Err(_) => Ok(*old == Object::Null),
            },
            (Object::Array(old), Object::Array(new)) => {
                if old.len() != new.len() {
                    return Ok(false);
                }
                for (old, new) in old.iter().zip(new) {
                    if !self.same_values(old, new, seen, depth + 1)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Object::Dictionary(old), Object::Dictionary(new)) => self.same_dictionaries(old, new, seen, depth),
            (old, new) => Ok(same_plain(old, new)),
        }
    }

    fn same_dictionaries(
        &self,
        old: &Dictionary,
        new: &Dictionary,
        seen: &mut HashSet<(Reference, Reference)>,
        depth: usize,
    ) -> Result<bool, ReadError> {
        let null = Object::Null;
        for key in keys(old, new) {
            let (old, new) = (old.get(&key).unwrap_or(&null), new.get(&key).unwrap_or(&null));
            if !self.same_values(old, new, seen, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The keys whose values differ.
    pub(super) fn differing(&self, old: &Dictionary, new: &Dictionary) -> Result<Vec<Vec<u8>>, ReadError> {
        let mut differing = Vec::new();
        for key in keys(old, new) {
            if !self.same(old.get(&key), new.get(&key))? {
                differing.push(key);
            }
        }
        Ok(differing)
    }
}

/// All keys of both, once.
fn keys(old: &Dictionary, new: &Dictionary) -> Vec<Vec<u8>> {
    let only_new = new.entries().iter().filter(|entry| old.get(&entry.key).is_none());
    let both = old.entries().iter().chain(only_new);
    both.map(|entry| entry.key.clone()).collect()
}

/// Values that hold no others. Numbers are compared as numbers: 1 is 1.0.
fn same_plain(old: &Object, new: &Object) -> bool {
    match (old, new) {
        (Object::Integer(_) | Object::Real(_), Object::Integer(_) | Object::Real(_)) => match (old, new) {
            (Object::Integer(old), Object::Integer(new)) => old == new,
            _ => number(old)
                .zip(number(new))
                .is_some_and(|(old, new)| (old - new).abs() < 1e-9),
        },
        (old, new) => old == new,
    }
}
