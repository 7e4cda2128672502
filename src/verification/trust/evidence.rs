//! What is at hand about revocation, where it stands, and when it is proven to have existed.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::path::Pool;
use crate::formats::{
    crl::{Crl, CrlError},
    ocsp::{OcspError, Response},
};

/// The most CRLs and OCSP responses of one document that are looked at.
pub const MAX_EVIDENCE: usize = 1_000;

/// The most bytes of CRLs and OCSP responses of one document that are read.
pub const MAX_EVIDENCE_BYTES: usize = 32 * 1024 * 1024;

/// Where something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the signature itself.
    Signature,
    /// In the document's security store (DSS).
    Document,
    /// On this machine.
    Configured,
}

impl Source {
    pub fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Document => "document",
            Self::Configured => "configured",
        }
    }
}

/// Something, and where it stands.
#[derive(Clone, Debug)]
pub struct Held<T> {
    pub item: Arc<T>,
    pub source: Source,
    /// Where in the file it ends; none where it stands elsewhere.
    pub end: Option<usize>,
}

/// CRLs and OCSP responses.
#[derive(Debug, Default)]
pub struct Evidence {
    pub crls: Vec<Held<Crl>>,
    pub responses: Vec<Held<Response>>,
    /// By digest, so that the same again costs nothing: the place, and whether it is a CRL.
    seen: HashMap<[u8; 32], Option<(bool, usize)>>,
    bytes: usize,
    /// How many cannot be read.
    pub unreadable: usize,
    /// A limit that was met.
    pub limit: Option<&'static str>,
}

impl Evidence {
    /// Adds a CRL, and says whether it can be read.
    pub fn add_crl(&mut self, der: &[u8], source: Source, end: Option<usize>) {
        let Some(digest) = self.admit(der, end) else { return };
        let place = match Crl::parse(der) {
            Ok(crl) => {
                self.crls.push(Held {
                    item: Arc::new(crl),
                    source,
                    end,
                });
                Some((true, self.crls.len() - 1))
            }
            Err(CrlError::Limit(limit)) => {
                self.limit = Some(limit);
                None
            }
            Err(CrlError::Form) => {
                self.unreadable += 1;
                None
            }
        };
        self.seen.insert(digest, place);
    }

    /// Adds an OCSP response, and the X.509 certificates that came with it to those at hand.
    pub fn add_response(&mut self, pool: &mut Pool<'_>, der: &[u8], source: Source, end: Option<usize>) {
        let Some(digest) = self.admit(der, end) else { return };
        let place = match Response::parse(der) {
            Ok(response) => {
                for certificate in &response.certificates {
                    pool.add(certificate);
                }
                self.responses.push(Held {
                    item: Arc::new(response),
                    source,
                    end,
                });
                Some((false, self.responses.len() - 1))
            }
            Err(OcspError::Limit(limit)) => {
                self.limit = Some(limit);
                None
            }
            Err(OcspError::Form | OcspError::NotSuccessful) => {
                self.unreadable += 1;
                None
            }
        };
        self.seen.insert(digest, place);
    }

    /// Adds what was read when the trust list was.
    pub fn add_configured(&mut self, crls: &[Arc<Crl>], responses: &[Arc<Response>]) {
        let held = |item: &Arc<Crl>| Held {
            item: item.clone(),
            source: Source::Configured,
            end: None,
        };
        self.crls.extend(crls.iter().map(held));
        self.responses.extend(responses.iter().map(|item| Held {
            item: item.clone(),
            source: Source::Configured,
            end: None,
        }));
    }

    /// Its digest, where it is new and there is room. What is known counts from where it stands first.
    fn admit(&mut self, der: &[u8], end: Option<usize>) -> Option<[u8; 32]> {
        let mut digest = [0; 32];
        digest.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, der).as_ref());
        if let Some(known) = self.seen.get(&digest) {
            let held = match known {
                Some((true, place)) => self.crls.get_mut(*place).map(|held| &mut held.end),
                Some((false, place)) => self.responses.get_mut(*place).map(|held| &mut held.end),
                None => None,
            };
            if let (Some(held), Some(end)) = (held, end) {
                *held = Some(held.map_or(end, |known| known.min(end)));
            }
            return None;
        }
        self.bytes = self.bytes.saturating_add(der.len());
        if self.bytes > MAX_EVIDENCE_BYTES {
            self.limit = Some("MAX_EVIDENCE_BYTES");
            return None;
        }
        if self.seen.len() >= MAX_EVIDENCE {
            self.limit = Some("MAX_EVIDENCE");
            return None;
        }
        Some(digest)
    }
}

/// Since when bytes of the file are proven to exist (EN 319 102-1 5.6.2.3): by document timestamps that cover them.
#[derive(Clone, Debug)]
pub struct Existence {
    at: Timestamp,
    /// Each covers the file up to a byte, and is from a time.
    proofs: Vec<(usize, Timestamp)>,
}

impl Existence {
    /// Everything exists at the time of verification.
    pub fn at(at: Timestamp) -> Self {
        Self { at, proofs: Vec::new() }
    }

    /// A timestamp proves the file up to a byte.
    pub fn prove(&mut self, end: usize, time: Timestamp) {
        self.proofs.push((end, time));
    }

    /// The earliest time at which what ends there is proven to exist.
    pub fn of(&self, end: Option<usize>) -> Timestamp {
        let Some(end) = end else { return self.at };
        let covering = self.proofs.iter().filter(|(covered, _)| end <= *covered);
        covering.map(|(_, time)| *time).min().unwrap_or(self.at).min(self.at)
    }
}
