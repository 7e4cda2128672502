//! What the seals of this node must lead to: the chains that documents are verified by.

use std::sync::Arc;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use super::{
    RevocationPolicy, Trust,
    evidence::{Evidence, Existence},
    path::{Pool, Purpose},
    revocation::Sources,
    verdict::Question,
};
use crate::{
    certificate::{Anchors, ChainFault, Purpose as Use, RevocationList},
    formats::{cms::Scheme, x509::Certificate},
    verification::{
        RevocationStatus,
        algorithm::{verify_scheme, weakness},
    },
};

impl Anchors for Trust {
    fn chain(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        purpose: Use,
        lists: Option<&[Arc<RevocationList>]>,
        at: Timestamp,
    ) -> Result<Vec<CertificateDer<'static>>, ChainFault> {
        let mut pool = Pool::new(self);
        let certificate = pool.add(leaf).ok_or(ChainFault::Form)?;
        for other in others {
            pool.add(other);
        }
        let mut evidence = Evidence::default();
        for list in lists.unwrap_or_default() {
            evidence.add_configured(&[Arc::clone(list.crl())], &[]);
        }
        let question = Question {
            certificate,
            purpose: match purpose {
                Use::Sealing => Purpose::Sign,
                Use::Timestamps => Purpose::Timestamp,
            },
            existed: at,
            made_after: None,
            weak: Vec::new(),
        };
        let policy = match lists {
            Some(_) => RevocationPolicy::Required,
            None => RevocationPolicy::IfAvailable,
        };
        let sources = Sources {
            pool: &pool,
            evidence: &evidence,
            existence: &Existence::at(at),
            at,
        };
        let verdict = question.judge_by(policy, sources);
        // Whatever a list says against it counts, also from a time that is to come.
        let against = [RevocationStatus::Revoked, RevocationStatus::OnHold];
        if verdict.revocations.iter().any(|said| against.contains(&said.status)) {
            return Err(ChainFault::Revoked);
        }
        if !verdict.trusted {
            let found = verdict.findings.first();
            let why = found.map(|(code, detail)| format!("{}: {detail}", code.as_str()));
            return Err(ChainFault::Unproven(why.unwrap_or_default()));
        }
        if lists.is_some() && verdict.chain.len() < 2 {
            return Err(ChainFault::Root);
        }
        let chain = verdict.chain.iter();
        Ok(chain.map(|link| CertificateDer::from(link.der().to_vec())).collect())
    }

    fn has_signed(&self, certificate: &[u8], scheme: Scheme, message: &[u8], value: &[u8]) -> bool {
        Certificate::parse(certificate).is_ok_and(|certificate| {
            let key = &certificate.public_key;
            weakness(key, scheme).is_none() && verify_scheme(key, scheme, message, value) == Some(true)
        })
    }
}
