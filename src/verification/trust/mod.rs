//! Whom to trust: roots, the chains that lead to them, revocation, and the time that counts.
//!
//! Chains are built and validated here as RFC 5280 6.1 asks, and not by rustls-webpki: of a signature it would refuse
//! algorithms that documents are signed with (SM2, P-521, Brainpool), and it knows no time but one, where a signature is
//! judged as of when it is proven to have existed.

mod evidence;
mod material;
mod path;
mod policies;
mod revocation;
mod roots;
mod sealing;
mod value;
mod verdict;

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use serde::Deserialize;

pub use self::{
    evidence::{Evidence, Source},
    material::Material,
    path::Purpose,
    roots::{MAX_ROOTS, TrustError, TrustPlaces},
    value::{Check, strong_until},
    verdict::{Question, Verdict},
};
use super::{TrustSnapshot, known::Known};
use crate::formats::{
    crl::Crl,
    ocsp::Response,
    trust_list::{Service, State, TrustList},
    x509::{Certificate, Name},
};

/// What it takes to pass where nothing is known of revocation (EN 319 102-1 5.2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationPolicy {
    /// Every X.509 certificate below the root must be known not to have been revoked.
    Required,
    /// What is at hand counts; that there is none is said, and does not keep from passing.
    #[default]
    IfAvailable,
}

/// Roots, what is known of revocation, and the rules, as they were at one moment.
pub struct Trust {
    roots: Vec<Root>,
    by_der: HashMap<Vec<u8>, usize>,
    by_subject: HashMap<Name, Vec<usize>>,
    snapshot: TrustSnapshot,
    policy: RevocationPolicy,
    crls: Vec<Arc<Crl>>,
    responses: Vec<Arc<Response>>,
    known: Arc<Known>,
}

struct Root {
    certificate: Arc<Certificate>,
    /// What a trust list says of it; none for a root of a folder, which is trusted always and for all.
    services: Option<Vec<(Service, Vec<Period>)>>,
}

/// From a time on, until before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: Timestamp,
    pub until: Option<Timestamp>,
}

impl Trust {
    /// Trusts these roots.
    pub fn new(roots: Vec<CertificateDer<'static>>, date: Timestamp) -> Result<Self, TrustError> {
        let mut parsed = Vec::with_capacity(roots.len());
        for der in &roots {
            let certificate = Certificate::parse(der).map_err(|_| TrustError::NotRoot("a root".to_owned()))?;
            parsed.push(Root {
                certificate: Arc::new(certificate),
                services: None,
            });
        }
        Self::from_roots(parsed, date)
    }

    fn from_roots(mut roots: Vec<Root>, date: Timestamp) -> Result<Self, TrustError> {
        // What a list says of a root counts before what a folder does.
        roots.sort_by(|one, other| {
            let key = |root: &Root| (root.certificate.der().to_vec(), root.services.is_none());
            key(one).cmp(&key(other))
        });
        roots.dedup_by(|later, first| later.certificate.der() == first.certificate.der());
        if roots.len() > MAX_ROOTS {
            return Err(TrustError::TooLarge);
        }
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        let (mut by_der, mut by_subject) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        for (place, root) in roots.iter().enumerate() {
            let certificate = &root.certificate;
            context.update(ring::digest::digest(&ring::digest::SHA256, certificate.der()).as_ref());
            by_der.insert(certificate.der().to_vec(), place);
            by_subject.entry(certificate.subject.clone()).or_default().push(place);
        }
        let mut id = data_encoding::HEXLOWER.encode(context.finish().as_ref());
        id.truncate(16);
        Ok(Self {
            roots,
            by_der,
            by_subject,
            snapshot: TrustSnapshot {
                id,
                date,
                name: None,
                sequence: None,
                next_update: None,
            },
            policy: RevocationPolicy::default(),
            crls: Vec::new(),
            responses: Vec::new(),
            known: Arc::default(),
        })
    }

    /// Trusts what a signed list says too; the list dates and names the snapshot.
    pub fn with_list(self, list: &TrustList) -> Result<Self, TrustError> {
        let mut roots: Vec<Root> = Vec::new();
        for entry in &list.services {
            let der = entry
                .certificate_der()
                .map_err(|_| TrustError::NotRoot(entry.name.clone()))?;
            let periods = periods(entry.history.iter().map(|change| (change.status, change.since)));
            let known = roots.iter_mut().find(|root| root.certificate.der() == der);
            match known.and_then(|root| root.services.as_mut()) {
                Some(services) => services.push((entry.service, periods)),
                None => roots.push(Root {
                    certificate: Arc::new(
                        Certificate::parse(&der).map_err(|_| TrustError::NotRoot(entry.name.clone()))?,
                    ),
                    services: Some(vec![(entry.service, periods)]),
                }),
            }
        }
        roots.extend(self.roots);
        let mut trust = Self::from_roots(roots, list.issued)?;
        let both = format!("{}{}", trust.snapshot.id, list.digest());
        let id = ring::digest::digest(&ring::digest::SHA256, both.as_bytes());
        trust.snapshot.id = data_encoding::HEXLOWER.encode(id.as_ref());
        trust.snapshot.id.truncate(16);
        trust.snapshot.name = Some(list.name.clone());
        trust.snapshot.sequence = Some(list.sequence);
        trust.snapshot.next_update = Some(list.next_update);
        Ok(Self {
            policy: self.policy,
            crls: self.crls,
            responses: self.responses,
            ..trust
        })
    }

    pub fn with_policy(self, policy: RevocationPolicy) -> Self {
        Self { policy, ..self }
    }

    pub fn dated(mut self, date: Timestamp) -> Self {
        self.snapshot.date = date;
        self
    }

    /// Keeps what was computed for another list: it does not follow from whom that trusts.
    pub fn knowing(self, other: &Self) -> Self {
        Self {
            known: Arc::clone(&other.known),
            ..self
        }
    }

    pub fn snapshot(&self) -> &TrustSnapshot {
        &self.snapshot
    }

    pub fn policy(&self) -> RevocationPolicy {
        self.policy
    }

    pub fn known(&self) -> &Known {
        &self.known
    }

    /// The CRLs and OCSP responses that are configured.
    pub fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::default();
        evidence.add_configured(&self.crls, &self.responses);
        evidence
    }

    /// The X.509 certificates that came with configured OCSP responses.
    fn responders(&self) -> impl Iterator<Item = &[u8]> {
        let all = self.responses.iter().flat_map(|response| &response.certificates);
        all.map(Vec::as_slice)
    }

    /// Whether it is, byte for byte, one of the roots.
    pub fn is_root(&self, der: &[u8]) -> bool {
        self.by_der.contains_key(der)
    }

    fn root(&self, der: &[u8]) -> Option<&Arc<Certificate>> {
        Some(&self.roots.get(*self.by_der.get(der)?)?.certificate)
    }

    fn roots_of(&self, subject: &Name) -> impl Iterator<Item = &Arc<Certificate>> {
        let places = self.by_subject.get(subject).into_iter().flatten();
        places.filter_map(|place| Some(&self.roots.get(*place)?.certificate))
    }

    /// The place of a root that is trusted, now or once, for a purpose. What CRLs and responses need is that they lead to
    /// the root of whom they are about.
    fn anchor(&self, der: &[u8], purpose: Purpose) -> Option<usize> {
        let place = *self.by_der.get(der)?;
        let services = &self.roots.get(place)?.services;
        let is_for = services.as_ref().is_none_or(|services| {
            purpose
                .service()
                .is_none_or(|service| services.iter().any(|(known, _)| *known == service))
        });
        is_for.then_some(place)
    }

    /// When a root is trusted for a purpose; none where always.
    fn periods(&self, anchor: usize, purpose: Purpose) -> Option<Vec<Period>> {
        let services = self.roots.get(anchor)?.services.as_ref()?;
        let service = purpose.service()?;
        let own = services.iter().filter(|(known, _)| *known == service);
        Some(own.flat_map(|(_, periods)| periods.iter().copied()).collect())
    }

    /// Whether a trust list names it as a responder.
    fn is_responder(&self, der: &[u8]) -> bool {
        let root = self.by_der.get(der).and_then(|place| self.roots.get(*place));
        let services = root.and_then(|root| root.services.as_ref());
        services.is_some_and(|services| services.iter().any(|(service, _)| *service == Service::Ocsp))
    }
}

impl Purpose {
    fn service(self) -> Option<Service> {
        match self {
            Self::Sign => Some(Service::Seal),
            Self::Timestamp => Some(Service::Timestamp),
            Self::Crl | Self::Ocsp => None,
        }
    }
}

/// The times in which it is granted, of changes in the order of time.
fn periods(changes: impl Iterator<Item = (State, Timestamp)>) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    for (state, since) in changes {
        let open = periods.last_mut().filter(|period| period.until.is_none());
        match (state, open) {
            (State::Withdrawn, Some(open)) => open.until = Some(since),
            (State::Granted, None) => periods.push(Period {
                from: since,
                until: None,
            }),
            _ => {}
        }
    }
    periods
}

#[cfg(test)]
mod tests;
