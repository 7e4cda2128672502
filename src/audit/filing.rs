use std::{hash::Hasher as _, num::NonZeroI64};

use siphasher::sip::SipHasher13;

use super::Entry;

/// What an entry is found by: far less than the entry, and of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filing {
    pub sequence: u64,
    /// Microseconds since 1970.
    pub at_us: i64,
    pub action: Key,
    pub outcome: Key,
    pub department: Option<Key>,
    pub system: Option<Key>,
    pub resource: Option<Key>,
    pub case: Option<Key>,
    pub subject: Option<Key>,
}

/// What stands for a text: its SipHash-1-3 without a key, the same in every build and on every machine. Two texts may
/// have one key, so that whoever searches looks at the entries that are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(NonZeroI64);

impl Filing {
    pub fn of(sequence: u64, entry: &Entry) -> Self {
        Self {
            sequence,
            at_us: entry.at.as_microsecond(),
            action: Key::of(entry.action.as_str()),
            outcome: Key::of(entry.outcome.as_str()),
            department: entry.department.as_ref().map(|v| Key::of(v.as_str())),
            system: entry.system.as_ref().map(|v| Key::of(v.as_str())),
            resource: entry.resource.as_ref().map(|v| Key::of(v.as_str())),
            case: entry.case.as_ref().map(|v| Key::of(v.as_str())),
            subject: entry.subject.as_ref().map(|v| Key::of(v.as_str())),
        }
    }
}

impl Key {
    pub fn of(text: &str) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write(text.as_bytes());
        Self(NonZeroI64::new(hasher.finish().cast_signed()).unwrap_or(NonZeroI64::MIN))
    }

    /// As it is stored; never 0.
    pub fn number(self) -> i64 {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files hold them: another hash is another version of the search file. These were computed by another program.
    #[test]
    fn a_key_is_the_same_in_every_build() {
        assert_eq!(Key::of("shache-window").number(), 7_690_659_020_397_130_872);
        assert_eq!(Key::of("示例").number(), -6_623_293_783_624_244_275);
    }
}
