//! Everything at hand for the verdict on one document: X.509 certificates, revocation data, proofs of existence.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Trust,
    evidence::{Evidence, Existence, Source},
    path::Pool,
    revocation::Sources,
    value::Check,
};
use crate::formats::{
    cms::{Message, Revocations},
    x509::Certificate,
};

pub struct Material<'a> {
    pub pool: Pool<'a>,
    pub evidence: Evidence,
    pub existence: Existence,
    pub at: Timestamp,
}

impl<'a> Material<'a> {
    pub fn new(trust: &'a Trust, at: Timestamp) -> Self {
        let mut pool = Pool::new(trust);
        for responder in trust.responders() {
            pool.add(responder);
        }
        Self {
            pool,
            evidence: trust.evidence(),
            existence: Existence::at(at),
            at,
        }
    }

    pub fn sources(&self) -> Sources<'_> {
        Sources {
            pool: &self.pool,
            evidence: &self.evidence,
            existence: &self.existence,
            at: self.at,
        }
    }

    /// Adds what a message carries, which stands in the file up to `end`.
    pub fn add_message(&mut self, message: &Message, end: Option<usize>) {
        for certificate in &message.certificates {
            self.pool.add(certificate);
        }
        self.add_revocations(&message.revocations, end);
        for signer in &message.signers {
            if let Some(attributes) = &signer.attributes {
                self.add_revocations(&attributes.revocations, end);
            }
        }
    }

    fn add_revocations(&mut self, revocations: &Revocations, end: Option<usize>) {
        for crl in &revocations.crls {
            self.evidence.add_crl(crl, Source::Signature, end);
        }
        for response in revocations
            .ocsp_responses
            .iter()
            .chain(&revocations.basic_ocsp_responses)
        {
            self.evidence
                .add_response(&mut self.pool, response, Source::Signature, end);
        }
    }

    /// A limit that kept something from being looked at.
    pub fn limit(&self) -> Option<&'static str> {
        self.evidence.limit.or(self.pool.limit())
    }

    /// How many X.509 certificates nobody vouches for: neither used in a chain, nor roots, nor signed by another one that
    /// is at hand, nor above the chain. Nothing signed covers them, so that they could be changed without a trace.
    pub fn unvouched(&self, certificates: &[Vec<u8>], chain: &[Arc<Certificate>]) -> usize {
        let vouched = |der: &Vec<u8>| {
            self.pool.trust.is_root(der)
                || chain.iter().any(|link| link.der() == der.as_slice())
                || self.pool.known(der).is_some_and(|certificate| {
                    let signed = |one: &Arc<Certificate>, by: &Arc<Certificate>| {
                        one.issuer == by.subject && matches!(self.pool.check(&one.signed, by), Check::Right(_))
                    };
                    // That it signed itself says nothing, unless it signed a link of the chain too.
                    let issuers = self.pool.of_subject(&certificate.issuer);
                    let mut others = issuers.iter().filter(|issuer| issuer.der() != certificate.der());
                    others.any(|issuer| signed(certificate, issuer))
                        || (signed(certificate, certificate) && chain.iter().any(|link| signed(link, certificate)))
                })
        };
        certificates.iter().filter(|der| !vouched(der)).count()
    }
}
