//! Certificate policies along a path (RFC 5280 6.1), for a user who accepts any policy: what counts is only whether
//! some policy holds all the way down where an authority demands one. The set of policies that a level expects says as
//! much as the tree of RFC 5280, and cannot grow as the tree can (RFC 9618).

use std::collections::HashSet;

use super::path::PathFault;
use crate::formats::x509::Certificate;

/// `anyPolicy`, content octets.
const ANY: &[u8] = &[0x55, 0x1D, 0x20, 0x00];

pub(super) struct Policies {
    /// What the next certificate may name; `any` where all may be named.
    expected: HashSet<Vec<u8>>,
    any: bool,
    explicit: u32,
    inhibit_any: u32,
    mapping: u32,
}

impl Policies {
    /// For a path of so many certificates below its anchor.
    pub fn new(length: usize) -> Self {
        let beyond = u32::try_from(length).unwrap_or(u32::MAX).saturating_add(1);
        Self {
            expected: HashSet::new(),
            any: true,
            explicit: beyond,
            inhibit_any: beyond,
            mapping: beyond,
        }
    }

    fn is_null(&self) -> bool {
        !self.any && self.expected.is_empty()
    }

    /// RFC 5280 6.1.3 (d) to (f).
    pub fn process(&mut self, certificate: &Certificate, is_last: bool) -> Result<(), PathFault> {
        match &certificate.extensions.policies {
            None => (self.expected, self.any) = (HashSet::new(), false),
            Some(named) => {
                let any_counts = self.inhibit_any > 0 || (!is_last && certificate.is_self_issued());
                let keeps_all = any_counts && named.iter().any(|policy| policy == ANY);
                let mut next: HashSet<_> = named
                    .iter()
                    .filter(|policy| *policy != ANY && (self.any || self.expected.contains(*policy)))
                    .cloned()
                    .collect();
                if keeps_all {
                    next.extend(std::mem::take(&mut self.expected));
                }
                (self.expected, self.any) = (next, self.any && keeps_all);
            }
        }
        if self.explicit == 0 && self.is_null() {
            return Err(PathFault::Invalid(
                "no certificate policy holds along the chain".to_owned(),
            ));
        }
        Ok(())
    }

    /// RFC 5280 6.1.4 (a), (b), (h) to (j).
    pub fn prepare_next(&mut self, certificate: &Certificate) -> Result<(), PathFault> {
        let extensions = &certificate.extensions;
        let mappings = &extensions.policy_mappings;
        if mappings.iter().any(|(from, to)| from == ANY || to == ANY) {
            return Err(PathFault::Invalid("anyPolicy is mapped".to_owned()));
        }
        let held: HashSet<_> = mappings
            .iter()
            .map(|(from, _)| from)
            .filter(|from| self.any || self.expected.contains(*from))
            .cloned()
            .collect();
        for from in &held {
            self.expected.remove(from);
        }
        if self.mapping > 0 {
            let mapped = mappings.iter().filter(|(from, _)| held.contains(from));
            self.expected.extend(mapped.map(|(_, to)| to.clone()));
        }
        if !certificate.is_self_issued() {
            for counter in [&mut self.explicit, &mut self.mapping, &mut self.inhibit_any] {
                *counter = counter.saturating_sub(1);
            }
        }
        let lower = |counter: &mut u32, limit: Option<u32>| *counter = (*counter).min(limit.unwrap_or(u32::MAX));
        lower(&mut self.explicit, extensions.require_explicit_policy);
        lower(&mut self.mapping, extensions.inhibit_policy_mapping);
        lower(&mut self.inhibit_any, extensions.inhibit_any_policy);
        Ok(())
    }

    /// RFC 5280 6.1.5 (a), (b), (g).
    pub fn finish(mut self, last: &Certificate) -> Result<(), PathFault> {
        self.explicit = self.explicit.saturating_sub(1);
        if last.extensions.require_explicit_policy == Some(0) {
            self.explicit = 0;
        }
        if self.explicit == 0 && self.is_null() {
            return Err(PathFault::Invalid(
                "no certificate policy holds along the chain".to_owned(),
            ));
        }
        Ok(())
    }
}
