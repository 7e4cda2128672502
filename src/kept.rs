//! What is looked up on every request and hardly ever changes: one of each system or resource.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{PoisonError, RwLock},
};

/// A map that many threads read at once. It knows nothing of age or use: when it is full it forgets all, and whoever asks
/// makes again what they need.
pub struct Kept<K, V> {
    all: RwLock<HashMap<K, V>>,
    most: usize,
}

impl<K: Hash + Eq + Clone, V: Clone> Kept<K, V> {
    /// Keeps this many at most.
    pub fn new(most: usize) -> Self {
        Self {
            all: RwLock::default(),
            most,
        }
    }

    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        // A map holds together after every change: what a panicking thread left behind can be read.
        self.all
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    /// Keeps a value, in place of one that was kept before.
    pub fn put(&self, key: K, value: V) {
        self.change(&key.clone(), |all| all.insert(key, value));
    }

    /// The value that is kept, or else this one, which is kept from now on: everybody gets the same.
    pub fn get_or_put(&self, key: &K, make: impl FnOnce() -> V) -> V {
        if let Some(known) = self.get(key) {
            return known;
        }
        self.change(key, |all| all.entry(key.clone()).or_insert_with(make).clone())
    }

    fn change<T>(&self, key: &K, change: impl FnOnce(&mut HashMap<K, V>) -> T) -> T {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let is_full = all.len() >= self.most && !all.contains_key(key);
        let forgotten = is_full.then(|| std::mem::take(&mut *all));
        let changed = change(&mut all);
        // Nobody waits until all that is forgotten is gone.
        drop(all);
        drop(forgotten);
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_and_a_full_map_begins_anew() {
        let kept = Kept::new(2);
        assert_eq!(kept.get("a"), None);
        kept.put("a", 1);
        kept.put("b", 2);
        kept.put("b", 3);
        assert_eq!((kept.get("a"), kept.get("b")), (Some(1), Some(3)));
        assert_eq!(kept.get_or_put(&"a", || 9), 1);
        assert_eq!(kept.get_or_put(&"c", || 4), 4);
        assert_eq!((kept.get("a"), kept.get("c")), (None, Some(4)));
    }
}
