//! A made-up hierarchy of authorities, and what is judged of it.

mod chains;
mod past;
mod places;
mod revocation;

use std::sync::Arc;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlIssuingDistributionPoint,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

use super::{
    evidence::Source,
    path::{MAX_CHAIN, MAX_CHECKS, MAX_CHECKS_OF_CHAIN},
    value::Weak,
    verdict::Verdict,
    *,
};
use crate::verification::findings::Code;

/// An X.509 certificate with its key.
pub struct Holder {
    pub der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

pub fn time(text: &str) -> Timestamp {
    format!("{text}T00:00:00Z").parse().unwrap()
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "CN");
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2040, 1, 1));
    params.use_authority_key_identifier_extension = true;
    params
}

pub fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub fn signer_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.serial_number = Some(SerialNumber::from(4711_u64));
    params
}

impl Holder {
    pub fn root(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self {
            der,
            issuer: Issuer::new(params, key),
        }
    }

    /// One that this one signs.
    pub fn issue(&self, params: CertificateParams) -> Self {
        self.issue_for(params, KeyPair::generate().unwrap())
    }

    pub fn issue_for(&self, params: CertificateParams, key: KeyPair) -> Self {
        let der = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        Self {
            der,
            issuer: Issuer::new(params, key),
        }
    }

    /// Its key under another name.
    pub fn key(&self) -> KeyPair {
        KeyPair::try_from(self.issuer.key().serialize_der()).unwrap()
    }

    pub fn crl(&self, list: List) -> Vec<u8> {
        let (from, until) = list.times;
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(from.0, from.1, from.2),
            next_update: date_time_ymd(until.0, until.1, until.2),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: list.point,
            revoked_certs: list.revoked,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }

    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }
}

pub fn pem(label: &str, der: &[u8]) -> String {
    let body = data_encoding::BASE64_MIME.encode(der).replace("\r\n", "\n");
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", body.trim_end())
}

type Day = (i32, u8, u8);

/// A CRL to be made.
pub struct List {
    pub times: (Day, Day),
    pub revoked: Vec<RevokedCertParams>,
    pub point: Option<CrlIssuingDistributionPoint>,
}

impl List {
    pub fn empty() -> Self {
        Self {
            times: ((2026, 6, 1), (2026, 7, 1)),
            revoked: Vec::new(),
            point: None,
        }
    }

    /// Number 4711 is revoked.
    pub fn revoking(day: Day, reason: RevocationReason) -> Self {
        Self {
            revoked: vec![RevokedCertParams {
                serial_number: SerialNumber::from(4711_u64),
                revocation_time: date_time_ymd(day.0, day.1, day.2),
                reason_code: Some(reason),
                invalidity_date: None,
            }],
            ..Self::empty()
        }
    }
}

pub fn trusting(roots: &[&Holder]) -> Trust {
    let roots = roots
        .iter()
        .map(|root| CertificateDer::from(root.der.clone()))
        .collect();
    Trust::new(roots, time("2026-01-01")).unwrap()
}

/// What is asked: who signed, with what at hand, as of when.
pub struct Ask<'a> {
    pub trust: &'a Trust,
    pub purpose: Purpose,
    pub signer: &'a Holder,
    pub others: Vec<&'a Holder>,
    pub crls: Vec<Vec<u8>>,
    pub responses: Vec<Vec<u8>>,
    pub at: Timestamp,
    /// A timestamp proves the signature, and all that is at hand, to be from before.
    pub proven: Option<Timestamp>,
    pub made_after: Option<Timestamp>,
}

impl<'a> Ask<'a> {
    pub fn new(trust: &'a Trust, signer: &'a Holder) -> Self {
        Self {
            trust,
            purpose: Purpose::Sign,
            signer,
            others: Vec::new(),
            crls: Vec::new(),
            responses: Vec::new(),
            at: time("2026-06-15"),
            proven: None,
            made_after: None,
        }
    }

    pub fn verdict(&self) -> Verdict {
        let mut material = Material::new(self.trust, self.at);
        for other in &self.others {
            material.pool.add(&other.der);
        }
        if let Some(time) = self.proven {
            material.existence.prove(100, time);
        }
        for crl in &self.crls {
            material.evidence.add_crl(crl, Source::Document, Some(50));
        }
        for response in &self.responses {
            material
                .evidence
                .add_response(&mut material.pool, response, Source::Document, Some(50));
        }
        let question = Question {
            certificate: material.pool.add(&self.signer.der).unwrap(),
            purpose: self.purpose,
            existed: material.existence.of(Some(50)),
            made_after: self.made_after,
            weak: Vec::new(),
        };
        question.judge(material.sources())
    }

    /// The codes that were found, without the one that nothing is known of revocation.
    pub fn codes(&self) -> Vec<Code> {
        let verdict = self.verdict();
        let codes: Vec<_> = verdict
            .findings
            .iter()
            .map(|(code, _)| *code)
            .filter(|code| *code != Code::RevocationUnchecked)
            .collect();
        let fails = codes.iter().any(|code| code.outcome().is_some());
        assert_eq!(verdict.trusted, !fails, "{:?}", verdict.findings);
        codes
    }
}

pub fn arc(holder: &Holder) -> Arc<Certificate> {
    Arc::new(Certificate::parse(&holder.der).unwrap())
}

/// A purpose by its identifier.
pub fn purpose(parts: &[u64]) -> ExtendedKeyUsagePurpose {
    ExtendedKeyUsagePurpose::Other(parts.to_vec())
}
