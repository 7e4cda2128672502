//! The attributes signing-certificate (RFC 2634 5.4) and signing-certificate-v2 (RFC 5035 3).

use const_oid::ObjectIdentifier;
use der::{Any, Sequence, asn1::OctetString};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{ext::pkix::name::GeneralNames, serial_number::SerialNumber};

use super::{
    Digest, ParseError, algorithm,
    ber::{INTEGER, OCTET_STRING, SEQUENCE, Value, context},
    name::Named,
};

/// `id-aa-signingCertificate` and `id-aa-signingCertificateV2`.
pub(super) const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
pub(super) const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct SigningCertificateV2 {
    pub certs: Vec<EssCertIdV2>,
    #[asn1(optional = "true")]
    pub policies: Option<Vec<Any>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct EssCertIdV2 {
    /// DEFAULT SHA-256, which DER leaves out.
    #[asn1(optional = "true")]
    pub hash_algorithm: Option<AlgorithmIdentifierOwned>,
    pub cert_hash: OctetString,
    #[asn1(optional = "true")]
    pub issuer_serial: Option<IssuerSerial>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct IssuerSerial {
    pub issuer: GeneralNames,
    pub serial_number: SerialNumber,
}

/// What the attributes say of the signer's X.509 certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningCertificate {
    Missing,
    /// It names another X.509 certificate than the signer's, or none that can be told.
    Other,
    Matches,
}

/// Judges both attributes, where they are there, by the signer's X.509 certificate (its bytes and its names).
pub(super) fn judge(
    first: Option<Value<'_>>,
    second: Option<Value<'_>>,
    own: Option<(&[u8], &Named<'_>)>,
) -> SigningCertificate {
    let attributes = [(first, Digest::Sha1), (second, Digest::Sha256)];
    let there = attributes
        .into_iter()
        .filter_map(|(value, digest)| Some((value?, digest)));
    let mut judged = SigningCertificate::Missing;
    for (value, digest) in there {
        let matches = own.is_some_and(|(der, named)| matches(value, digest, der, named).unwrap_or(false));
        if !matches {
            return SigningCertificate::Other;
        }
        judged = SigningCertificate::Matches;
    }
    judged
}

/// RFC 5035 4: the first hash must be of the signer's X.509 certificate, and issuer and serial number, if given, its own.
fn matches(value: Value<'_>, default: Digest, der: &[u8], named: &Named<'_>) -> Result<bool, ParseError> {
    let ids = value.expect(SEQUENCE)?.children().required()?.expect(SEQUENCE)?;
    let mut id = ids.children().required()?.expect(SEQUENCE)?.children();
    let digest = match id.optional(SEQUENCE)? {
        None => Some(default),
        Some(identifier) => algorithm::digest(identifier)?.0,
    };
    let hash = id.required()?.octets(OCTET_STRING)?;
    let issuer_serial = id.optional(SEQUENCE)?;
    id.finish()?;
    if let Some(issuer_serial) = issuer_serial {
        let mut parts = issuer_serial.children();
        let names = parts.required()?.expect(SEQUENCE)?;
        let serial = parts.required()?.expect(INTEGER)?;
        let directory = Value::only(names.contents)?.expect(context(4))?;
        if !named.is(Value::only(directory.contents)?, serial) {
            return Ok(false);
        }
    }
    Ok(digest.is_some_and(|digest| digest.of(&[der]) == hash))
}
