//! X.509 certificates (RFC 5280) as facts: owned, read once, with what path validation asks of them.

mod name;

use std::{fmt, ops::Range};

use const_oid::ObjectIdentifier;
use der::{Decode, Reader, SliceReader};
use jiff::Timestamp;
use spki::SubjectPublicKeyInfoRef;
use x509_parser::{
    certificate::X509Certificate,
    der_parser::Oid,
    extensions::{DistributionPointName, GeneralName as ParsedName, ParsedExtension},
    prelude::FromDer,
    time::ASN1Time,
    x509::X509Name,
};

pub use self::name::{GeneralName, Name};

/// The largest X.509 certificate that is read, in bytes.
pub const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;

/// The most names, purposes, policies or subtrees of one extension that are looked at.
pub const MAX_EXTENSION_VALUES: usize = 200;

/// Why an X.509 certificate is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    #[error("the limit {0} is exceeded")]
    Limit(&'static str),
    #[error("the bytes are not an X.509 certificate")]
    Form,
    #[error("an extension of the X.509 certificate is malformed or stands twice")]
    Extension,
}

/// What signs and is signed: the shape that certificates, CRLs and OCSP responses share.
#[derive(Clone, Debug)]
pub struct Signed {
    pub der: Vec<u8>,
    digest: [u8; 32],
    body: Range<usize>,
    algorithm: Range<usize>,
    value: Range<usize>,
}

impl Signed {
    /// Splits `SEQUENCE { body, AlgorithmIdentifier, BIT STRING, … }`.
    pub fn split(der: &[u8]) -> Option<Self> {
        let mut outer = SliceReader::new(der).ok()?;
        let header = der::Header::peek(&outer).ok()?;
        let whole = outer.tlv_bytes().ok()?;
        let start = whole.len().checked_sub(usize::try_from(header.length()).ok()?)?;
        let mut inner = SliceReader::new(whole.get(start..)?).ok()?;
        let mut at = start;
        let mut next = || {
            let length = inner.tlv_bytes().ok()?.len();
            at += length;
            Some(at - length..at)
        };
        let (body, algorithm, bits) = (next()?, next()?, next()?);
        let value = match der.get(bits.clone())? {
            [0x03, rest @ ..] => {
                let head = match rest.first()? {
                    length if *length < 0x80 => 1,
                    length => 1 + usize::from(*length & 0x7F),
                };
                // No unused bits: a signature is whole octets.
                (rest.get(head) == Some(&0)).then_some(bits.start + 1 + head + 1..bits.end)?
            }
            _ => return None,
        };
        let mut digest = [0; 32];
        digest.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, der).as_ref());
        Some(Self {
            der: der.to_vec(),
            digest,
            body,
            algorithm,
            value,
        })
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }

    /// SHA-256 of all of it.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// DER of what is signed.
    pub fn body(&self) -> &[u8] {
        self.part(&self.body)
    }

    /// DER of the AlgorithmIdentifier.
    pub fn algorithm(&self) -> &[u8] {
        self.part(&self.algorithm)
    }

    /// The octets of the signature.
    pub fn value(&self) -> &[u8] {
        self.part(&self.value)
    }
}

/// What an X.509 certificate says.
#[derive(Clone)]
pub struct Certificate {
    pub signed: Signed,
    pub subject: Name,
    pub issuer: Name,
    /// For people: the subject's common name, or all of it.
    pub shown: String,
    /// Without leading zeros.
    pub serial: Vec<u8>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// DER of SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// DER of the issuer's name.
    pub issuer_der: Vec<u8>,
    /// DER of the subject's name.
    pub subject_der: Vec<u8>,
    pub version: u32,
    pub extensions: Extensions,
}

/// The extensions that are understood.
#[derive(Clone, Debug, Default)]
pub struct Extensions {
    /// A critical one is not understood, by its dotted identifier.
    pub unknown_critical: Option<String>,
    pub basic_constraints: Option<BasicConstraints>,
    pub key_usage: Option<KeyUsage>,
    pub purposes: Option<Purposes>,
    pub subject_key: Option<Vec<u8>>,
    pub authority_key: Option<Vec<u8>>,
    pub alternative_names: Vec<GeneralName>,
    /// E-mail addresses that stand in the subject's name.
    pub subject_emails: Vec<GeneralName>,
    pub permitted: Vec<GeneralName>,
    pub excluded: Vec<GeneralName>,
    /// Identifiers of its policies, content octets; none where the extension is missing.
    pub policies: Option<Vec<Vec<u8>>>,
    /// From the issuer's policy to the subject's.
    pub policy_mappings: Vec<(Vec<u8>, Vec<u8>)>,
    pub require_explicit_policy: Option<u32>,
    pub inhibit_policy_mapping: Option<u32>,
    pub inhibit_any_policy: Option<u32>,
    pub distribution_points: Vec<DistributionPoint>,
    /// `id-pkix-ocsp-nocheck` (RFC 6960 4.2.2.2.1).
    pub ocsp_no_check: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    pub authority: bool,
    pub path_length: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    pub digital_signature: bool,
    pub non_repudiation: bool,
    pub certificates: bool,
    pub revocation_lists: bool,
}

/// Extended key usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purposes {
    pub critical: bool,
    pub any: bool,
    /// `id-kp-documentSigning` (RFC 9336), `id-kp-emailProtection`, Microsoft's and Adobe's document signing.
    pub documents: bool,
    pub timestamping: bool,
    pub ocsp: bool,
    /// How many there are of all kinds.
    pub count: usize,
}

/// Where CRLs about it are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistributionPoint {
    pub names: Vec<GeneralName>,
    /// It is about some reasons only.
    pub some_reasons: bool,
    pub issuers: Vec<GeneralName>,
}

/// `id-kp-documentSigning`, Microsoft's and Adobe's.
const DOCUMENT_PURPOSES: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.12"),
    ObjectIdentifier::new_unwrap("1.2.840.113583.1.1.5"),
];
const OCSP_NO_CHECK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.5");
/// qcStatements (RFC 3739), which say what a certificate is for and take nothing from it.
const QC_STATEMENTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.3");

impl Certificate {
    /// Reads DER; nothing may follow it.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(CertificateError::Limit("MAX_CERTIFICATE_BYTES"));
        }
        let form = CertificateError::Form;
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| form)?;
        let signed = Signed::split(der).ok_or(form)?;
        // RFC 5280 4.1.1.2: the two must be the same, and only one of them is signed.
        if !rest.is_empty() || parsed.signature_algorithm != parsed.tbs_certificate.signature {
            return Err(form);
        }
        Ok(Self {
            signed,
            subject: Name::new(parsed.subject()),
            issuer: Name::new(parsed.issuer()),
            shown: name::shown(parsed.subject()),
            serial: serial(parsed.raw_serial()),
            not_before: timestamp(parsed.validity().not_before),
            not_after: timestamp(parsed.validity().not_after),
            public_key: parsed.public_key().raw.to_vec(),
            issuer_der: parsed.issuer().as_raw().to_vec(),
            subject_der: parsed.subject().as_raw().to_vec(),
            version: parsed.version().0,
            extensions: Extensions::read(&parsed)?,
        })
    }

    pub fn der(&self) -> &[u8] {
        &self.signed.der
    }

    /// The octets of the public key, without its algorithm: what OCSP hashes (RFC 6960 4.1.1).
    pub fn key_octets(&self) -> &[u8] {
        let parsed = SubjectPublicKeyInfoRef::from_der(&self.public_key);
        parsed
            .map(|parsed| parsed.subject_public_key.raw_bytes())
            .unwrap_or_default()
    }

    pub fn is_within(&self, at: Timestamp) -> bool {
        self.not_before <= at && at <= self.not_after
    }

    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// An authority by its basic constraints.
    pub fn is_authority(&self) -> bool {
        self.extensions
            .basic_constraints
            .is_some_and(|constraints| constraints.authority)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.shown)
    }
}

/// Down to the second; times beyond what is counted here are its last.
pub(super) fn timestamp(time: ASN1Time) -> Timestamp {
    Timestamp::from_second(time.timestamp()).unwrap_or(if time.timestamp() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// A serial number, however it is padded.
pub(super) fn serial(octets: &[u8]) -> Vec<u8> {
    octets.iter().copied().skip_while(|octet| *octet == 0).collect()
}

/// A bounded list of names.
pub(super) fn names(names: &[ParsedName<'_>]) -> Result<Vec<GeneralName>, CertificateError> {
    if names.len() > MAX_EXTENSION_VALUES {
        return Err(CertificateError::Limit("MAX_EXTENSION_VALUES"));
    }
    Ok(names.iter().map(GeneralName::new).collect())
}

/// The names of a distribution point; a name that is relative to the issuer's is not compared.
pub(super) fn point_names(point: Option<&DistributionPointName<'_>>) -> Result<Vec<GeneralName>, CertificateError> {
    match point {
        None => Ok(Vec::new()),
        Some(DistributionPointName::FullName(full)) => names(full),
        Some(DistributionPointName::NameRelativeToCRLIssuer(_)) => {
            Ok(vec![GeneralName::Other(u8::MAX, b"relative".to_vec())])
        }
    }
}

pub(super) fn name_of(name: &X509Name<'_>) -> Name {
    Name::new(name)
}

fn is(oid: &Oid<'_>, known: &ObjectIdentifier) -> bool {
    oid.as_bytes() == known.as_bytes()
}

impl Extensions {
    fn read(certificate: &X509Certificate<'_>) -> Result<Self, CertificateError> {
        let mut found = Self::default();
        let mut seen: Vec<&[u8]> = Vec::new();
        for extension in certificate.extensions() {
            // RFC 5280 4.2: none stands twice.
            if seen.contains(&extension.oid.as_bytes()) {
                return Err(CertificateError::Extension);
            }
            seen.push(extension.oid.as_bytes());
            if seen.len() > MAX_EXTENSION_VALUES {
                return Err(CertificateError::Limit("MAX_EXTENSION_VALUES"));
            }
            let understood = found.take(&extension.oid, extension.critical, extension.parsed_extension())?;
            if extension.critical && !understood {
                found.unknown_critical = Some(extension.oid.to_id_string());
            }
        }
        for email in certificate.subject().iter_email() {
            if let Ok(email) = email.as_str() {
                found.subject_emails.push(GeneralName::Email(email.to_owned()));
            }
        }
        Ok(found)
    }

    /// Takes one in; returns whether it is understood.
    fn take(&mut self, oid: &Oid<'_>, critical: bool, parsed: &ParsedExtension<'_>) -> Result<bool, CertificateError> {
        match parsed {
            ParsedExtension::ParseError { .. } => return Err(CertificateError::Extension),
            ParsedExtension::BasicConstraints(value) => {
                self.basic_constraints = Some(BasicConstraints {
                    authority: value.ca,
                    path_length: value.path_len_constraint,
                });
            }
            ParsedExtension::KeyUsage(usage) => {
                self.key_usage = Some(KeyUsage {
                    digital_signature: usage.digital_signature(),
                    non_repudiation: usage.non_repudiation(),
                    certificates: usage.key_cert_sign(),
                    revocation_lists: usage.crl_sign(),
                });
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                let known = [
                    usage.any,
                    usage.server_auth,
                    usage.client_auth,
                    usage.code_signing,
                    usage.email_protection,
                    usage.time_stamping,
                    usage.ocsp_signing,
                ];
                let other = |known: &ObjectIdentifier| usage.other.iter().any(|oid| is(oid, known));
                self.purposes = Some(Purposes {
                    critical,
                    any: usage.any,
                    documents: usage.email_protection || DOCUMENT_PURPOSES.iter().any(other),
                    timestamping: usage.time_stamping,
                    ocsp: usage.ocsp_signing,
                    count: known.into_iter().filter(|known| *known).count() + usage.other.len(),
                });
            }
            ParsedExtension::SubjectKeyIdentifier(id) => self.subject_key = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                self.authority_key = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            ParsedExtension::SubjectAlternativeName(value) => self.alternative_names = names(&value.general_names)?,
            ParsedExtension::NameConstraints(value) => {
                let bases = |trees: Option<&Vec<x509_parser::extensions::GeneralSubtree<'_>>>| {
                    let trees: Vec<_> = trees.into_iter().flatten().map(|tree| tree.base.clone()).collect();
                    names(&trees)
                };
                self.permitted = bases(value.permitted_subtrees.as_ref())?;
                self.excluded = bases(value.excluded_subtrees.as_ref())?;
            }
            ParsedExtension::CertificatePolicies(policies) => {
                if policies.len() > MAX_EXTENSION_VALUES {
                    return Err(CertificateError::Limit("MAX_EXTENSION_VALUES"));
                }
                let ids = policies.iter().map(|policy| policy.policy_id.as_bytes().to_vec());
                self.policies = Some(ids.collect());
            }
            ParsedExtension::PolicyMappings(value) => {
                if value.mappings.len() > MAX_EXTENSION_VALUES {
                    return Err(CertificateError::Limit("MAX_EXTENSION_VALUES"));
                }
                let pairs = value.mappings.iter().map(|mapping| {
                    let [from, to] = [&mapping.issuer_domain_policy, &mapping.subject_domain_policy];
                    (from.as_bytes().to_vec(), to.as_bytes().to_vec())
                });
                self.policy_mappings = pairs.collect();
            }
            ParsedExtension::PolicyConstraints(value) => {
                self.require_explicit_policy = value.require_explicit_policy;
                self.inhibit_policy_mapping = value.inhibit_policy_mapping;
            }
            ParsedExtension::InhibitAnyPolicy(value) => self.inhibit_any_policy = Some(value.skip_certs),
            ParsedExtension::CRLDistributionPoints(value) => {
                if value.points.len() > MAX_EXTENSION_VALUES {
                    return Err(CertificateError::Limit("MAX_EXTENSION_VALUES"));
                }
                for point in &value.points {
                    self.distribution_points.push(DistributionPoint {
                        names: point_names(point.distribution_point.as_ref())?,
                        some_reasons: point.reasons.is_some(),
                        issuers: names(point.crl_issuer.as_deref().unwrap_or_default())?,
                    });
                }
            }
            ParsedExtension::IssuerAlternativeName(_)
            | ParsedExtension::AuthorityInfoAccess(_)
            | ParsedExtension::SubjectInfoAccess(_) => {}
            _ if is(oid, &OCSP_NO_CHECK) => self.ocsp_no_check = true,
            _ if is(oid, &QC_STATEMENTS) => {}
            _ => return Ok(false),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints as Constraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose};

    use super::*;

    fn sample() -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(Constraints::Constrained(2));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .der()
            .to_vec()
    }

    #[test]
    fn a_certificate_is_split_into_what_is_signed_and_its_signature() {
        let der = sample();
        let certificate = Certificate::parse(&der).unwrap();
        assert!(certificate.is_authority() && certificate.is_self_issued());
        assert_eq!(certificate.extensions.basic_constraints.unwrap().path_length, Some(2));
        let key = ring::signature::UnparsedPublicKey::new(
            &ring::signature::ECDSA_P256_SHA256_ASN1,
            certificate.key_octets().to_vec(),
        );
        key.verify(certificate.signed.body(), certificate.signed.value())
            .unwrap();
    }

    #[test]
    fn what_is_cut_short_or_followed_by_more_is_no_certificate() {
        let der = sample();
        for end in 0..der.len() {
            assert!(Certificate::parse(&der[..end]).is_err());
        }
        assert!(Certificate::parse(&[der.as_slice(), &[0]].concat()).is_err());
    }
}
