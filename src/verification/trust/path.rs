//! Chains of X.509 certificates: built from what is at hand, validated as RFC 5280 6.1 asks. Time and revocation are
//! judged by those who know the time that counts.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    Trust,
    policies::Policies,
    value::{self, Check, Weak},
};
use crate::formats::x509::{Certificate, GeneralName, Name, Signed};

/// The longest chain, in X.509 certificates, the root included.
pub const MAX_CHAIN: usize = 10;

/// The most X.509 certificates of one document that are looked at.
pub const MAX_CERTIFICATES: usize = 1_000;

/// The most signatures of X.509 certificates that are computed to find one chain, and those of one document.
pub const MAX_CHECKS_OF_CHAIN: usize = 64;
pub const MAX_CHECKS: usize = 512;

/// What the X.509 certificate at the end of a chain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    Sign,
    Timestamp,
    Crl,
    Ocsp,
}

/// Why there is no chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// None leads to a root that is trusted for this.
    Unknown,
    /// Its key may not be used so (key usage).
    Usage,
    /// Its key may not be used for this (extended key usage).
    Purpose,
    Limit(&'static str),
    Invalid(String),
}

/// A chain, from the signer's X.509 certificate up to the root.
#[derive(Clone, Debug)]
pub struct Path {
    pub certificates: Vec<Arc<Certificate>>,
    /// The root, by its place in the trust list.
    pub anchor: usize,
    /// Algorithms that certificates of it are signed with and that are no longer strong.
    pub weak: Vec<Weak>,
}

impl Path {
    /// Whether each X.509 certificate of it is within its validity.
    pub fn is_within(&self, at: Timestamp) -> bool {
        self.certificates.iter().all(|certificate| certificate.is_within(at))
    }

    /// Each X.509 certificate with its issuer, from the signer up.
    pub fn links(&self) -> impl DoubleEndedIterator<Item = (&Arc<Certificate>, &Arc<Certificate>)> {
        self.certificates.iter().zip(self.certificates.iter().skip(1))
    }
}

type Found = Result<Path, PathFault>;

/// The X.509 certificates at hand for one document. What was computed once is remembered.
pub struct Pool<'a> {
    pub trust: &'a Trust,
    certificates: Vec<Arc<Certificate>>,
    by_der: HashMap<Vec<u8>, usize>,
    by_subject: HashMap<Name, Vec<usize>>,
    /// More than [`MAX_CERTIFICATES`] were brought.
    overfull: bool,
    checks: RefCell<HashMap<(usize, usize), Check>>,
    found: RefCell<HashMap<(usize, Purpose, Timestamp), Found>>,
    left: Cell<usize>,
    /// A limit that kept a signature from being computed: who asked takes it for wrong.
    limit: Cell<Option<&'static str>>,
}

impl<'a> Pool<'a> {
    pub fn new(trust: &'a Trust) -> Self {
        Self {
            trust,
            certificates: Vec::new(),
            by_der: HashMap::new(),
            by_subject: HashMap::new(),
            overfull: false,
            checks: RefCell::default(),
            found: RefCell::default(),
            left: Cell::new(MAX_CHECKS),
            limit: Cell::new(None),
        }
    }

    /// Adds an X.509 certificate; none where it cannot be read or there is no room.
    pub fn add(&mut self, der: &[u8]) -> Option<Arc<Certificate>> {
        if let Some(known) = self.by_der.get(der).and_then(|place| self.certificates.get(*place)) {
            return Some(known.clone());
        }
        if self.certificates.len() >= MAX_CERTIFICATES {
            self.overfull = true;
            return None;
        }
        let certificate = match self.trust.root(der) {
            Some(root) => root.clone(),
            None => self.trust.known().certificate(der)?,
        };
        let place = self.certificates.len();
        self.by_der.insert(der.to_vec(), place);
        self.by_subject
            .entry(certificate.subject.clone())
            .or_default()
            .push(place);
        self.certificates.push(certificate.clone());
        self.found.get_mut().clear();
        Some(certificate)
    }

    /// One that was added.
    pub fn known(&self, der: &[u8]) -> Option<&Arc<Certificate>> {
        self.certificates.get(*self.by_der.get(der)?)
    }

    /// A limit that kept something from being looked at.
    pub fn limit(&self) -> Option<&'static str> {
        let overfull = self.overfull.then_some("MAX_CERTIFICATES");
        overfull.or(self.limit.get())
    }

    pub fn certificates(&self) -> &[Arc<Certificate>] {
        &self.certificates
    }

    /// Those of a subject, trusted roots first.
    pub fn of_subject(&self, subject: &Name) -> Vec<Arc<Certificate>> {
        let roots: Vec<_> = self.trust.roots_of(subject).collect();
        let places = self.by_subject.get(subject).into_iter().flatten();
        // Each was added once.
        let others = places
            .filter_map(|place| self.certificates.get(*place))
            .filter(|certificate| !roots.iter().any(|root| Arc::ptr_eq(root, certificate)));
        roots.iter().copied().chain(others).cloned().collect()
    }

    /// Whether `key` has signed. What is signed must live as long as the pool: it is remembered by where it stands.
    pub fn check(&self, signed: &Signed, key: &Arc<Certificate>) -> Check {
        let pair = (signed.der.as_ptr() as usize, Arc::as_ptr(key) as usize);
        if let Some(known) = self.checks.borrow().get(&pair) {
            return known.clone();
        }
        let Some(left) = self.left.get().checked_sub(1) else {
            self.limit.set(Some("MAX_CHECKS"));
            return Check::Limit("MAX_CHECKS");
        };
        self.left.set(left);
        let known = self.trust.known();
        let check = known.check(signed, key, || value::check(signed, key));
        self.checks.borrow_mut().insert(pair, check.clone());
        check
    }

    /// The chain of an X.509 certificate, one that holds at the time where there are several.
    pub fn path(&self, leaf: &Arc<Certificate>, purpose: Purpose, at: Timestamp) -> Found {
        let key = (Arc::as_ptr(leaf) as usize, purpose, at);
        if let Some(known) = self.found.borrow().get(&key) {
            return known.clone();
        }
        let mut search = Search {
            pool: self,
            purpose,
            at,
            left: MAX_CHECKS_OF_CHAIN,
            outside: None,
            fault: PathFault::Unknown,
        };
        let found = match search.extend(&mut vec![leaf.clone()], &mut Vec::new()) {
            Some(path) => Ok(path),
            None => search.outside.ok_or(search.fault),
        };
        self.found.borrow_mut().insert(key, found.clone());
        found
    }
}

struct Search<'s, 'a> {
    pool: &'s Pool<'a>,
    purpose: Purpose,
    at: Timestamp,
    left: usize,
    /// A chain that is valid but not at the time.
    outside: Option<Path>,
    /// Why the last one that was complete is not valid.
    fault: PathFault,
}

impl Search<'_, '_> {
    /// Depth first; returns a chain that holds at the time.
    fn extend(&mut self, chain: &mut Vec<Arc<Certificate>>, weak: &mut Vec<Weak>) -> Option<Path> {
        let last = chain.last()?.clone();
        if let Some(anchor) = self.pool.trust.anchor(last.der(), self.purpose)
            && let Some(path) = self.complete(chain, weak, anchor)
        {
            return Some(path);
        }
        if chain.len() >= MAX_CHAIN {
            return None;
        }
        for issuer in self.issuers(&last, chain) {
            if self.left == 0 {
                self.pool.limit.set(Some("MAX_CHECKS_OF_CHAIN"));
                self.fault = PathFault::Limit("MAX_CHECKS_OF_CHAIN");
                return None;
            }
            self.left -= 1;
            let added = match self.pool.check(&last.signed, &issuer) {
                Check::Right(found) => found,
                Check::Wrong => continue,
                Check::Unknown(name) => {
                    self.fault = PathFault::Invalid(name);
                    continue;
                }
                Check::Limit(limit) => {
                    self.fault = PathFault::Limit(limit);
                    return None;
                }
            };
            let before = weak.len();
            weak.extend(added);
            chain.push(issuer);
            let found = self.extend(chain, weak);
            chain.pop();
            weak.truncate(before);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Those of the issuer's name that the chain does not hold yet: first those whose key identifier fits.
    fn issuers(&self, last: &Certificate, chain: &[Arc<Certificate>]) -> Vec<Arc<Certificate>> {
        let mut issuers = self.pool.of_subject(&last.issuer);
        let named = last.extensions.authority_key.as_ref();
        issuers.retain(|issuer| {
            // The same name and key again would only be a way around (RFC 4158 2.4.2).
            let twice =
                |known: &Arc<Certificate>| known.subject == issuer.subject && known.public_key == issuer.public_key;
            !chain.iter().any(twice)
        });
        issuers.sort_by_key(|issuer| named.is_some() && issuer.extensions.subject_key.as_ref() != named);
        issuers
    }

    fn complete(&mut self, chain: &[Arc<Certificate>], weak: &[Weak], anchor: usize) -> Option<Path> {
        match validate(chain, self.purpose) {
            Ok(()) => {
                let path = Path {
                    certificates: chain.to_vec(),
                    anchor,
                    weak: weak.to_vec(),
                };
                if path.is_within(self.at) {
                    return Some(path);
                }
                self.outside.get_or_insert(path);
            }
            Err(fault) => self.fault = fault,
        }
        None
    }
}

/// RFC 5280 6.1, without time and revocation. The root's own constraints count as those of any authority.
fn validate(chain: &[Arc<Certificate>], purpose: Purpose) -> Result<(), PathFault> {
    let below = chain.len().saturating_sub(1);
    let mut policies = Policies::new(below);
    let mut names = Constraints::default();
    let mut room = usize::MAX;
    for (height, certificate) in chain.iter().enumerate().rev() {
        let (is_root, is_last) = (height == below, height == 0);
        let extensions = &certificate.extensions;
        if !is_root {
            if let Some(oid) = &extensions.unknown_critical {
                return Err(PathFault::Invalid(format!("critical extension {oid}")));
            }
            if is_last || !certificate.is_self_issued() {
                names.check(certificate)?;
            }
            policies.process(certificate, is_last)?;
        }
        if is_last {
            continue;
        }
        // 6.1.4 (k) to (n); a root is an authority by being trusted, unless it says that it is none.
        let authority = extensions
            .basic_constraints
            .map_or(is_root, |constraints| constraints.authority);
        if !authority {
            return Err(PathFault::Invalid(format!("`{}` is no authority", certificate.shown)));
        }
        if !is_root && !certificate.is_self_issued() {
            room = room
                .checked_sub(1)
                .ok_or_else(|| PathFault::Invalid("it is longer than an authority allows".to_owned()))?;
        }
        let allowed = extensions
            .basic_constraints
            .and_then(|constraints| constraints.path_length);
        room = room.min(allowed.map_or(usize::MAX, |allowed| usize::try_from(allowed).unwrap_or(usize::MAX)));
        if extensions.key_usage.is_some_and(|usage| !usage.certificates) {
            return Err(PathFault::Invalid(format!(
                "`{}` may not sign X.509 certificates",
                certificate.shown
            )));
        }
        if !purpose.passes_through(certificate) {
            return Err(PathFault::Purpose);
        }
        if !is_root {
            policies.prepare_next(certificate)?;
        }
        names.add(certificate);
    }
    match chain.first() {
        Some(last) if below > 0 => policies.finish(last)?,
        _ => {}
    }
    chain
        .first()
        .map_or(Err(PathFault::Unknown), |last| purpose.check(last))
}

impl Purpose {
    /// Whether an authority's own extended key usage, if it has one, lets it vouch for this. RFC 5280 leaves it open;
    /// every large validator reads it so.
    fn passes_through(self, authority: &Certificate) -> bool {
        authority.extensions.purposes.is_none_or(|purposes| {
            purposes.any
                || match self {
                    Self::Sign => purposes.documents,
                    Self::Timestamp => purposes.timestamping,
                    Self::Crl | Self::Ocsp => true,
                }
        })
    }

    /// What the certificate at the end must be allowed.
    fn check(self, last: &Certificate) -> Result<(), PathFault> {
        let (usage, purposes) = (last.extensions.key_usage, last.extensions.purposes);
        let signs = usage.map(|usage| usage.digital_signature || usage.non_repudiation);
        let (usage, purpose) = match self {
            // PAdES asks for one of the two bits; without the extension it says nothing of its use.
            Self::Sign => (
                signs == Some(true),
                purposes.is_none_or(|purposes| purposes.any || purposes.documents),
            ),
            // RFC 3161 2.3: this purpose alone, critical.
            Self::Timestamp => (
                signs != Some(false),
                purposes.is_some_and(|purposes| purposes.critical && purposes.timestamping && purposes.count == 1),
            ),
            Self::Crl => (usage.is_none_or(|usage| usage.revocation_lists), true),
            Self::Ocsp => (signs != Some(false), purposes.is_some_and(|purposes| purposes.ocsp)),
        };
        match (usage, purpose) {
            (false, _) => Err(PathFault::Usage),
            (_, false) => Err(PathFault::Purpose),
            _ => Ok(()),
        }
    }
}

/// Name constraints that hold below an authority (RFC 5280 4.2.1.10).
#[derive(Default)]
struct Constraints<'a> {
    permitted: Vec<&'a [GeneralName]>,
    excluded: Vec<&'a [GeneralName]>,
}

impl<'a> Constraints<'a> {
    fn add(&mut self, authority: &'a Certificate) {
        self.permitted.push(&authority.extensions.permitted);
        self.excluded.push(&authority.extensions.excluded);
    }

    fn check(&self, certificate: &Certificate) -> Result<(), PathFault> {
        if self
            .permitted
            .iter()
            .chain(&self.excluded)
            .all(|names| names.is_empty())
        {
            return Ok(());
        }
        let extensions = &certificate.extensions;
        let subject = (!certificate.subject.is_empty()).then(|| GeneralName::Directory(certificate.subject.clone()));
        let mails_named = extensions
            .alternative_names
            .iter()
            .any(|name| matches!(name, GeneralName::Email(_)));
        let emails = extensions.subject_emails.iter().filter(|_| !mails_named);
        for name in subject.iter().chain(&extensions.alternative_names).chain(emails) {
            self.check_name(name)?;
        }
        Ok(())
    }

    /// A constraint that cannot be applied to a name of its kind refuses it.
    fn check_name(&self, name: &GeneralName) -> Result<(), PathFault> {
        let refused = || PathFault::Invalid("an authority's name constraints exclude a name".to_owned());
        for bases in &self.excluded {
            if bases
                .iter()
                .any(|base| name.is_like(base) && name.is_within(base) != Some(false))
            {
                return Err(refused());
            }
        }
        for bases in &self.permitted {
            let mut alike = bases.iter().filter(|base| name.is_like(base)).peekable();
            if alike.peek().is_some() && !alike.any(|base| name.is_within(base) == Some(true)) {
                return Err(refused());
            }
        }
        Ok(())
    }
}
