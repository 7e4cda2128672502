//! What CRLs (RFC 5280 6.3) and OCSP responses (RFC 6960) say of one X.509 certificate.

use std::sync::Arc;

use const_oid::db::rfc5912;
use jiff::Timestamp;
use ring::digest;

use super::{
    evidence::{Evidence, Existence, Held, Source},
    path::{Pool, Purpose},
    value::Check,
};
use crate::formats::{
    crl::{Crl, Reason},
    ocsp::{Answer, Responder, Response, Status},
    x509::{Certificate, GeneralName, Signed},
};

/// What one CRL or response says. Who says it was checked.
#[derive(Clone, Debug)]
pub struct Statement {
    pub status: Standing,
    pub this_update: Timestamp,
    pub next_update: Option<Timestamp>,
    pub source: Source,
    pub is_response: bool,
    /// Since when it is proven to exist.
    pub exists: Timestamp,
    /// Who said it could still be believed then: neither expired nor by a weak algorithm.
    pub sound: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Good,
    Revoked {
        /// When it was revoked, or since when it is known not to be valid, if that is earlier.
        since: Timestamp,
        reason: Option<Reason>,
    },
    Hold {
        since: Timestamp,
    },
}

/// What is at hand to tell it by.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    pub pool: &'a Pool<'a>,
    pub evidence: &'a Evidence,
    pub existence: &'a Existence,
    pub at: Timestamp,
}

/// An X.509 certificate in its chain.
#[derive(Clone, Copy)]
pub struct Link<'a> {
    pub certificate: &'a Arc<Certificate>,
    pub issuer: &'a Arc<Certificate>,
    /// The root of its chain, which a CRL by another key must lead to as well (RFC 5280 6.3.3 f).
    pub anchor: usize,
}

impl Sources<'_> {
    /// Everything that is said of an X.509 certificate by those who may.
    pub fn statements(&self, link: Link<'_>) -> Vec<Statement> {
        let mut found = self.of_lists(link);
        for held in &self.evidence.responses {
            found.extend(self.of_response(held, link));
        }
        found
    }

    fn of_lists(&self, link: Link<'_>) -> Vec<Statement> {
        let lists = self.evidence.crls.iter();
        lists.filter_map(|held| self.of_list(held, link)).collect()
    }

    fn of_list(&self, held: &Held<Crl>, link: Link<'_>) -> Option<Statement> {
        let (crl, certificate) = (&held.item, link.certificate);
        if crl.is_delta || crl.unknown_critical || !is_about(crl, certificate) {
            return None;
        }
        let (signer, weak_until) = self.signer_of_list(crl, link)?;
        let mut status = Standing::Good;
        for entry in crl.entries_of(&certificate.serial, &certificate.issuer) {
            let since = entry
                .invalid_since
                .map_or(entry.revoked_at, |since| since.min(entry.revoked_at));
            status = match entry.reason {
                Some(Reason::RemoveFromCrl) => continue,
                Some(Reason::Hold) => Standing::Hold {
                    since: entry.revoked_at,
                },
                reason => Standing::Revoked { since, reason },
            };
        }
        let keeps = crl.keeps_expired_since;
        if status == Standing::Good && (crl.scope.some_reasons || is_dropped(certificate, crl.this_update, keeps)) {
            return None;
        }
        let exists = self.existence.of(held.end);
        Some(Statement {
            status,
            this_update: crl.this_update,
            next_update: crl.next_update,
            source: held.source,
            is_response: false,
            exists,
            sound: signer.is_within(exists) && weak_until.is_none_or(|until| exists <= until),
        })
    }

    /// Who signed a CRL: the issuer, or another authority of the name it gives under the same root.
    fn signer_of_list(&self, crl: &Crl, link: Link<'_>) -> Option<(Arc<Certificate>, Option<Timestamp>)> {
        let mut signers = self.pool.of_subject(&crl.issuer);
        let named = crl.authority_key.as_ref();
        let is_issuer = |signer: &Arc<Certificate>| signer.der() == link.issuer.der();
        signers.sort_by_key(|signer| {
            (
                !is_issuer(signer),
                named.is_some() && signer.extensions.subject_key.as_ref() != named,
            )
        });
        for signer in signers {
            if signer.extensions.key_usage.is_some_and(|usage| !usage.revocation_lists) {
                continue;
            }
            let Some(weak) = self.signed(&crl.signed, &signer) else {
                continue;
            };
            let leads = is_issuer(&signer)
                || self
                    .pool
                    .path(&signer, Purpose::Crl, self.at)
                    .is_ok_and(|path| path.anchor == link.anchor);
            if leads {
                return Some((signer, weak));
            }
        }
        None
    }

    /// Whether a key has signed; if so, until when its algorithm was strong, where it is not any more.
    fn signed(&self, signed: &Signed, signer: &Arc<Certificate>) -> Option<Option<Timestamp>> {
        match self.pool.check(signed, signer) {
            Check::Right(weak) => Some(weak.map(|weak| weak.until)),
            _ => None,
        }
    }

    fn of_response(&self, held: &Held<Response>, link: Link<'_>) -> Option<Statement> {
        let response = &held.item;
        let answer = response.answers.iter().find(|answer| is_of(answer, link))?;
        if response.unknown_critical {
            return None;
        }
        let (signer, weak_until) = self.signer_of_response(response, link)?;
        let status = match answer.status {
            Status::Unknown => return None,
            Status::Good => Standing::Good,
            Status::Revoked {
                reason: Some(Reason::RemoveFromCrl),
                ..
            } => Standing::Good,
            Status::Revoked {
                at,
                reason: Some(Reason::Hold),
            } => Standing::Hold { since: at },
            Status::Revoked { at, reason } => Standing::Revoked { since: at, reason },
        };
        if status == Standing::Good && is_dropped(link.certificate, answer.this_update, answer.archive_cutoff) {
            return None;
        }
        let exists = self.existence.of(held.end);
        Some(Statement {
            status,
            this_update: answer.this_update,
            next_update: answer.next_update,
            source: held.source,
            is_response: true,
            exists,
            sound: signer.is_within(exists) && weak_until.is_none_or(|until| exists <= until),
        })
    }

    /// RFC 6960 4.2.2.2: the issuer itself, one whom it has authorised directly, or one whom the trust list names.
    fn signer_of_response(&self, response: &Response, link: Link<'_>) -> Option<(Arc<Certificate>, Option<Timestamp>)> {
        let candidates: Vec<_> = match &response.responder {
            Responder::Name(name) => self.pool.of_subject(name),
            Responder::Key(hash) => {
                let all = self.pool.certificates().iter().chain([link.issuer]);
                all.filter(|known| sha1(known.key_octets()) == *hash).cloned().collect()
            }
        };
        for candidate in candidates {
            let is_issuer = candidate.subject == link.issuer.subject && candidate.public_key == link.issuer.public_key;
            if !is_issuer && !self.may_respond(&candidate, response, link) {
                continue;
            }
            if let Some(weak) = self.signed(&response.signed, &candidate) {
                return Some((candidate, weak));
            }
        }
        None
    }

    fn may_respond(&self, responder: &Arc<Certificate>, response: &Response, link: Link<'_>) -> bool {
        if self.pool.trust.is_responder(responder.der()) {
            return true;
        }
        let extensions = &responder.extensions;
        let is_responder = extensions.purposes.is_some_and(|purposes| purposes.ocsp)
            && extensions.unknown_critical.is_none()
            && extensions
                .key_usage
                .is_none_or(|usage| usage.digital_signature || usage.non_repudiation);
        if !is_responder
            || !responder.is_within(response.produced_at)
            || !matches!(self.pool.check(&responder.signed, link.issuer), Check::Right(_))
        {
            return false;
        }
        // Only CRLs are asked about a responder: a response about it would have to be vouched for in its turn.
        let own = Link {
            certificate: responder,
            ..link
        };
        let revoked = |statement: &Statement| statement.status != Standing::Good;
        extensions.ocsp_no_check || !self.of_lists(own).iter().any(revoked)
    }
}

/// Whether a CRL is about an X.509 certificate (RFC 5280 6.3.3 b).
fn is_about(crl: &Crl, certificate: &Certificate) -> bool {
    let scope = &crl.scope;
    let authority = certificate.is_authority();
    if scope.only_attributes || (scope.only_users && authority) || (scope.only_authorities && !authority) {
        return false;
    }
    let issuer = GeneralName::Directory(crl.issuer.clone());
    let points = &certificate.extensions.distribution_points;
    let of_other = points
        .iter()
        .any(|point| scope.indirect && point.issuers.contains(&issuer));
    if crl.issuer != certificate.issuer && !of_other {
        return false;
    }
    let shares = |names: &[GeneralName]| names.iter().any(|name| scope.points.contains(name));
    scope.points.is_empty()
        || points
            .iter()
            .any(|point| shares(&point.names) || shares(&point.issuers))
}

/// Whether it may have been left out because it had expired when it was asked about.
fn is_dropped(certificate: &Certificate, asked: Timestamp, keeps_since: Option<Timestamp>) -> bool {
    asked > certificate.not_after && keeps_since.is_none_or(|since| since > certificate.not_after)
}

/// Whether an answer is about an X.509 certificate: by its serial number and its issuer's name and key.
fn is_of(answer: &Answer, link: Link<'_>) -> bool {
    if answer.serial != link.certificate.serial {
        return false;
    }
    let algorithm = match answer.hash {
        rfc5912::ID_SHA_1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        rfc5912::ID_SHA_256 => &digest::SHA256,
        rfc5912::ID_SHA_384 => &digest::SHA384,
        rfc5912::ID_SHA_512 => &digest::SHA512,
        _ => return false,
    };
    let hash = |bytes: &[u8]| digest::digest(algorithm, bytes);
    hash(&link.certificate.issuer_der).as_ref() == answer.issuer_name_hash
        && hash(link.issuer.key_octets()).as_ref() == answer.issuer_key_hash
}

fn sha1(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes)
        .as_ref()
        .to_vec()
}
