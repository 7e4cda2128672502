use cms::{
    cert::CertificateChoices,
    content_info::{CmsVersion, ContentInfo},
    revocation::{RevocationInfoChoice, RevocationInfoChoices},
    signed_data::{SignedData, SignerIdentifier, SignerInfo},
};
use const_oid::{
    ObjectIdentifier,
    db::{rfc5911, rfc5912},
};
use der::{Any, Decode, Encode, Header, Reader, SliceReader, Tag, Tagged, asn1::OctetString};
use rustls_pki_types::alg_id;
use spki::AlgorithmIdentifierOwned;
use x509_cert::{
    Certificate,
    attr::{Attribute, Attributes},
    ext::pkix::SubjectKeyIdentifier,
    ext::pkix::name::GeneralName,
};

use super::{
    Digest,
    ess::{EssCertIdV2, SIGNING_CERTIFICATE_V2, SigningCertificateV2},
};

/// The largest message that is read, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// The most elements of one SET OF. They are sorted when they are read, which takes time with their square.
pub const MAX_SET_ELEMENTS: usize = 200;

/// The deepest that values may nest, in levels.
const MAX_DEPTH: usize = 32;

/// Why a message is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("the message is not DER")]
    NotDer,
    #[error("the message is BER, or DER that is not in its one order")]
    Ber,
    #[error("the limit {0} is exceeded")]
    Limit(&'static str),
    #[error("the message is not SignedData")]
    NotSignedData,
}

/// How a signature was made, as far as it can be checked here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Ecdsa(Digest),
    Ed25519,
    RsaPkcs1(Digest),
    /// With a salt as long as the digest.
    RsaPss(Digest),
}

/// An algorithm identifier that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<T> {
    Known(T),
    /// Broken, or too near to it: SHA-1, MD5.
    Weak,
    Unknown,
}

/// SignedData as it is stored.
#[derive(Clone, Debug)]
pub struct Message {
    /// The content is elsewhere and is `id-data`, and all certificates are X.509.
    pub sound: bool,
    /// DER of the X.509 certificates, in the order of the message.
    pub certificates: Vec<Vec<u8>>,
    /// Of its `crls` field, which no signature covers.
    pub revocations: Revocations,
    /// The eContentType.
    pub content_type: ObjectIdentifier,
    /// The octets of the eContent, where the content stands inside.
    pub content: Option<Vec<u8>>,
    pub signers: Vec<Signer>,
}

/// Revocation data as they stand in a message: each as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    /// CertificateList (RFC 5280).
    pub crls: Vec<Vec<u8>>,
    /// OCSPResponse (RFC 6960), as `id-ri-ocsp-response` (RFC 5940) and revocationInfoArchival hold it.
    pub ocsp_responses: Vec<Vec<u8>>,
    /// BasicOCSPResponse (RFC 6960), as CAdES holds it under `id-pkix-ocsp-basic`.
    pub basic_ocsp_responses: Vec<Vec<u8>>,
    /// How many there are of other kinds.
    pub others: usize,
}

impl Revocations {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An attribute that no signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsignedAttribute {
    pub oid: ObjectIdentifier,
    /// Each value as stored.
    pub values: Vec<Vec<u8>>,
}

/// One SignerInfo.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The signer's X.509 certificate, by its place in [`Message::certificates`]; none where it is not there.
    pub certificate: Option<usize>,
    pub digest: Known<Digest>,
    pub scheme: Known<Scheme>,
    /// The name of scheme and digest, for people.
    pub algorithm: String,
    pub attributes: Option<SignedParts>,
    /// The octets of the signature value: what a signature timestamp is over.
    pub signature: Vec<u8>,
    pub unsigned_attributes: Vec<UnsignedAttribute>,
    /// Its version, and the digest that SignedData names, fit what else it says.
    pub consistent: bool,
}

/// The signed attributes.
#[derive(Clone, Debug)]
pub struct SignedParts {
    /// What the signature is over: DER of the SET OF.
    pub der: Vec<u8>,
    /// No attribute twice, none without exactly one value, content-type `id-data`.
    pub sound: bool,
    pub message_digest: Option<Vec<u8>>,
    pub signing_certificate: SigningCertificate,
    /// A signing-time stands in it, which PAdES forbids.
    pub has_signing_time: bool,
    /// Of the attribute `adbe-revocationInfoArchival` (ISO 32000-2 12.8.3.3.2), which the signature covers.
    pub revocations: Revocations,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningCertificate {
    Missing,
    /// It names another X.509 certificate than the signer's, or none that can be told.
    Other,
    Matches,
}

/// The first value of the bytes, and what follows it.
pub fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), ParseError> {
    let mut reader = SliceReader::new(bytes).map_err(|_| ParseError::NotDer)?;
    if bytes.get(1) == Some(&0x80) {
        return Err(ParseError::Ber);
    }
    let value = reader.tlv_bytes().map_err(|_| ParseError::NotDer)?;
    Ok((value, bytes.get(value.len()..).unwrap_or_default()))
}

/// Reads DER of one ContentInfo that holds SignedData.
pub fn parse(message: &[u8]) -> Result<Message, ParseError> {
    if message.len() > MAX_MESSAGE_BYTES {
        return Err(ParseError::Limit("MAX_MESSAGE_BYTES"));
    }
    check_shape(message, 0)?;
    let info = ContentInfo::from_der(message).map_err(|_| ParseError::NotDer)?;
    if info.content_type != rfc5911::ID_SIGNED_DATA {
        return Err(ParseError::NotSignedData);
    }
    let data: SignedData = info.content.decode_as().map_err(|_| ParseError::NotSignedData)?;
    // Reading sorts each SET OF. Where writing gives other bytes, the stored ones were not DER, and what follows
    // would be about bytes that nobody signed.
    let content = Any::encode_from(&data).map_err(|_| ParseError::Ber)?;
    let again = ContentInfo {
        content_type: info.content_type,
        content,
    }
    .to_der();
    if again.map_err(|_| ParseError::Ber)? != message {
        return Err(ParseError::Ber);
    }
    let mut certificates = Vec::new();
    let mut parsed = Vec::new();
    let mut only_certificates = true;
    for choice in data.certificates.iter().flat_map(|set| set.0.iter()) {
        match choice {
            CertificateChoices::Certificate(certificate) => {
                certificates.push(certificate.to_der().map_err(|_| ParseError::NotDer)?);
                parsed.push(certificate);
            }
            CertificateChoices::Other(_) => only_certificates = false,
        }
    }
    let content = &data.encap_content_info;
    Ok(Message {
        sound: only_certificates && content.econtent_type == rfc5911::ID_DATA && content.econtent.is_none(),
        revocations: revocations(data.crls.as_ref())?,
        content_type: content.econtent_type,
        content: match &content.econtent {
            None => None,
            Some(octets) => Some(
                octets
                    .decode_as::<OctetString>()
                    .map_err(|_| ParseError::NotDer)?
                    .into_bytes()
                    .into(),
            ),
        },
        signers: data
            .signer_infos
            .0
            .iter()
            .map(|info| signer(info, &data, &parsed, &certificates))
            .collect::<Result<_, _>>()?,
        certificates,
    })
}

/// Bounds depth and sets before anything is decoded; returns how many values stand side by side.
fn check_shape(bytes: &[u8], depth: usize) -> Result<usize, ParseError> {
    if depth > MAX_DEPTH {
        return Err(ParseError::Limit("MAX_DEPTH"));
    }
    let mut reader = SliceReader::new(bytes).map_err(|_| ParseError::NotDer)?;
    let mut values = 0;
    while !reader.is_finished() {
        let header = Header::peek(&reader).map_err(|_| ParseError::NotDer)?;
        let value = reader.tlv_bytes().map_err(|_| ParseError::NotDer)?;
        values += 1;
        if header.tag().is_constructed() {
            let length = usize::try_from(header.length()).map_err(|_| ParseError::NotDer)?;
            let start = value.len().checked_sub(length).ok_or(ParseError::NotDer)?;
            let inside = check_shape(value.get(start..).unwrap_or_default(), depth + 1)?;
            let may_be_set = header.tag() == Tag::Set || header.tag().is_context_specific();
            if may_be_set && inside > MAX_SET_ELEMENTS {
                return Err(ParseError::Limit("MAX_SET_ELEMENTS"));
            }
        }
    }
    Ok(values)
}

fn signer(
    info: &SignerInfo,
    data: &SignedData,
    parsed: &[&Certificate],
    certificates: &[Vec<u8>],
) -> Result<Signer, ParseError> {
    let (place, version) = match &info.sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => (
            parsed.iter().position(|certificate| {
                let certificate = certificate.tbs_certificate();
                *certificate.issuer() == id.issuer && *certificate.serial_number() == id.serial_number
            }),
            CmsVersion::V1,
        ),
        SignerIdentifier::SubjectKeyIdentifier(id) => (
            parsed.iter().position(|certificate| {
                let extension = certificate.tbs_certificate().get_extension::<SubjectKeyIdentifier>();
                matches!(extension, Ok(Some((_, found))) if found == *id)
            }),
            CmsVersion::V3,
        ),
    };
    let own = place.and_then(|place| Some((*parsed.get(place)?, certificates.get(place)?.as_slice())));
    let digest = digest_of(&info.digest_alg);
    let scheme = scheme_of(&info.signature_algorithm, digest);
    let attributes = info
        .signed_attrs
        .as_ref()
        .map(|attributes| signed_parts(attributes, own))
        .transpose()?;
    let named = data.digest_algorithms.as_slice();
    Ok(Signer {
        certificate: place,
        digest,
        scheme,
        algorithm: algorithm_name(digest, scheme, info),
        attributes,
        signature: info.signature.as_bytes().to_vec(),
        unsigned_attributes: info
            .unsigned_attrs
            .iter()
            .flat_map(|all| all.iter())
            .map(unsigned_attribute)
            .collect::<Result<_, _>>()?,
        consistent: info.version == version && data.version == version && *named == [info.digest_alg.clone()],
    })
}

fn algorithm_name(digest: Known<Digest>, scheme: Known<Scheme>, info: &SignerInfo) -> String {
    match scheme {
        Known::Known(Scheme::Ecdsa(digest)) => format!("ECDSA {}", digest.name()),
        Known::Known(Scheme::Ed25519) => "Ed25519".to_owned(),
        Known::Known(Scheme::RsaPkcs1(digest)) => format!("RSA PKCS#1 {}", digest.name()),
        Known::Known(Scheme::RsaPss(digest)) => format!("RSA-PSS {}", digest.name()),
        Known::Weak | Known::Unknown => match digest {
            Known::Known(digest) => format!("{} {}", info.signature_algorithm.oid, digest.name()),
            _ => format!("{} {}", info.signature_algorithm.oid, info.digest_alg.oid),
        },
    }
}

fn digest_of(algorithm: &AlgorithmIdentifierOwned) -> Known<Digest> {
    // RFC 5754 2: parameters are absent, or NULL as older software writes them.
    if algorithm
        .parameters
        .as_ref()
        .is_some_and(|parameters| !parameters.is_null())
    {
        return Known::Unknown;
    }
    match algorithm.oid {
        rfc5912::ID_SHA_256 => Known::Known(Digest::Sha256),
        rfc5912::ID_SHA_384 => Known::Known(Digest::Sha384),
        rfc5912::ID_SHA_512 => Known::Known(Digest::Sha512),
        rfc5912::ID_SHA_1 | rfc5912::ID_MD_5 => Known::Weak,
        _ => Known::Unknown,
    }
}

/// `sha1WithRSAEncryption`, `md5WithRSAEncryption`, `ecdsa-with-SHA1`, `dsa-with-sha1`.
const WEAK_SCHEMES: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4"),
    ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"),
    ObjectIdentifier::new_unwrap("1.2.840.10040.4.3"),
];

/// Goes by the whole identifier, parameters included, as RFC 5758, 4055, 8410 and 5756 write it.
fn scheme_of(algorithm: &AlgorithmIdentifierOwned, digest: Known<Digest>) -> Known<Scheme> {
    if WEAK_SCHEMES.contains(&algorithm.oid) || digest == Known::Weak {
        return Known::Weak;
    }
    let Ok(der) = algorithm.to_der() else {
        return Known::Unknown;
    };
    // The library's constants leave out the tag and length of the SEQUENCE.
    let Ok(content) = Any::from_der(&der) else {
        return Known::Unknown;
    };
    let content = content.value();
    let is = |known: rustls_pki_types::AlgorithmIdentifier| content == known.as_ref();
    let scheme = if is(alg_id::ECDSA_SHA256) {
        Scheme::Ecdsa(Digest::Sha256)
    } else if is(alg_id::ECDSA_SHA384) {
        Scheme::Ecdsa(Digest::Sha384)
    } else if is(alg_id::ED25519) {
        Scheme::Ed25519
    } else if is(alg_id::RSA_PKCS1_SHA256) {
        Scheme::RsaPkcs1(Digest::Sha256)
    } else if is(alg_id::RSA_PKCS1_SHA384) {
        Scheme::RsaPkcs1(Digest::Sha384)
    } else if is(alg_id::RSA_PKCS1_SHA512) {
        Scheme::RsaPkcs1(Digest::Sha512)
    } else if is(alg_id::RSA_PSS_SHA256) {
        Scheme::RsaPss(Digest::Sha256)
    } else if is(alg_id::RSA_PSS_SHA384) {
        Scheme::RsaPss(Digest::Sha384)
    } else if is(alg_id::RSA_PSS_SHA512) {
        Scheme::RsaPss(Digest::Sha512)
    } else if is(alg_id::RSA_ENCRYPTION)
        && let Known::Known(digest) = digest
    {
        // RFC 3370 3.2: the digest is then the one of digestAlgorithm.
        Scheme::RsaPkcs1(digest)
    } else {
        return Known::Unknown;
    };
    // RFC 8933: one digest for content and attributes; RFC 8419 3.1: SHA-512 beside Ed25519.
    let of_scheme = match scheme {
        Scheme::Ecdsa(digest) | Scheme::RsaPkcs1(digest) | Scheme::RsaPss(digest) => digest,
        Scheme::Ed25519 => Digest::Sha512,
    };
    if digest == Known::Known(of_scheme) {
        Known::Known(scheme)
    } else {
        Known::Unknown
    }
}

fn signed_parts(attributes: &Attributes, own: Option<(&Certificate, &[u8])>) -> Result<SignedParts, ParseError> {
    let all = attributes.as_slice();
    let value = |oid: ObjectIdentifier| {
        let attribute = all.iter().find(|attribute| attribute.oid == oid)?;
        attribute.values.as_slice().first()
    };
    let mut oids: Vec<_> = all.iter().map(|attribute| attribute.oid).collect();
    oids.sort_unstable();
    oids.dedup();
    let content_type = value(rfc5911::ID_CONTENT_TYPE).and_then(|value| value.decode_as::<ObjectIdentifier>().ok());
    let message_digest = value(rfc5911::ID_MESSAGE_DIGEST).and_then(|value| value.decode_as::<OctetString>().ok());
    Ok(SignedParts {
        der: attributes.to_der().map_err(|_| ParseError::NotDer)?,
        sound: oids.len() == all.len()
            && all.iter().all(|attribute| attribute.values.as_slice().len() == 1)
            && content_type == Some(rfc5911::ID_DATA),
        message_digest: message_digest.map(|digest| digest.as_bytes().to_vec()),
        signing_certificate: match value(SIGNING_CERTIFICATE_V2) {
            None => SigningCertificate::Missing,
            Some(value) => signing_certificate(value, own),
        },
        has_signing_time: value(rfc5911::ID_SIGNING_TIME).is_some(),
        revocations: value(REVOCATION_INFO_ARCHIVAL)
            .map(archival)
            .transpose()?
            .unwrap_or_default(),
    })
}

/// `id-ri-ocsp-response` (RFC 5940), `id-pkix-ocsp-basic` (RFC 6960), `adbe-revocationInfoArchival`.
const OCSP_RESPONSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.16.2");
const OCSP_BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
const REVOCATION_INFO_ARCHIVAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113583.1.1.8");

fn revocations(choices: Option<&RevocationInfoChoices>) -> Result<Revocations, ParseError> {
    let not_der = |_| ParseError::NotDer;
    let mut found = Revocations::default();
    for choice in choices.iter().flat_map(|choices| choices.0.iter()) {
        match choice {
            RevocationInfoChoice::Crl(crl) => found.crls.push(crl.to_der().map_err(not_der)?),
            RevocationInfoChoice::Other(other) => match other.other_format.oid {
                OCSP_RESPONSE => found.ocsp_responses.push(other.other.to_der().map_err(not_der)?),
                OCSP_BASIC => found.basic_ocsp_responses.push(other.other.to_der().map_err(not_der)?),
                _ => found.others += 1,
            },
        }
    }
    Ok(found)
}

/// `RevocationInfoArchival ::= SEQUENCE { crl [0] SEQUENCE OF CRL, ocsp [1] SEQUENCE OF OCSPResponse, otherRevInfo [2] }`
fn archival(value: &Any) -> Result<Revocations, ParseError> {
    let not_der = |_| ParseError::NotDer;
    let mut found = Revocations::default();
    for part in value.decode_as::<Vec<Any>>().map_err(not_der)? {
        let inside = Vec::<Any>::from_der(part.value()).map_err(not_der)?;
        let inside = inside.iter().map(|one| one.to_der().map_err(not_der));
        match Tagged::tag(&part).number().0 {
            0 => found.crls = inside.collect::<Result<_, _>>()?,
            1 => found.ocsp_responses = inside.collect::<Result<_, _>>()?,
            _ => found.others += inside.len(),
        }
    }
    Ok(found)
}

fn unsigned_attribute(attribute: &Attribute) -> Result<UnsignedAttribute, ParseError> {
    Ok(UnsignedAttribute {
        oid: attribute.oid,
        values: attribute
            .values
            .iter()
            .map(|value| value.to_der().map_err(|_| ParseError::NotDer))
            .collect::<Result<_, _>>()?,
    })
}

fn signing_certificate(value: &Any, own: Option<(&Certificate, &[u8])>) -> SigningCertificate {
    let attribute = value.decode_as::<SigningCertificateV2>().ok();
    let first = attribute.as_ref().and_then(|attribute| attribute.certs.first());
    match (first, own) {
        (Some(id), Some((certificate, der))) if names(id, certificate, der) => SigningCertificate::Matches,
        _ => SigningCertificate::Other,
    }
}

/// RFC 5035 4: the hash must be of the signer's X.509 certificate, and issuer and serial number, if given, its own.
fn names(id: &EssCertIdV2, certificate: &Certificate, der: &[u8]) -> bool {
    let digest = match &id.hash_algorithm {
        None => Known::Known(Digest::Sha256),
        Some(algorithm) => digest_of(algorithm),
    };
    let Known::Known(digest) = digest else { return false };
    let same_issuer = id.issuer_serial.as_ref().is_none_or(|named| {
        let issuer = GeneralName::DirectoryName(certificate.tbs_certificate().issuer().clone());
        named.issuer == [issuer] && named.serial_number == *certificate.tbs_certificate().serial_number()
    });
    same_issuer && digest.of(&[der]) == id.cert_hash.as_bytes()
}
