//! What a key signs to get or give X.509 certificates: requests (PKCS#10, RFC 2986), and the certificates and revocation
//! lists of an SM2 authority (RFC 5280 with the algorithms of GB/T 20518), which the library that makes the others does
//! not know.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use const_oid::{
    AssociatedOid, ObjectIdentifier,
    db::{rfc4519, rfc5280},
};
use der::{
    Any, Decode, Encode, Sequence,
    asn1::{BitString, OctetString, SetOfVec, Uint, Utf8StringRef},
    pem::LineEnding,
};
use jiff::Timestamp;
use ring::{digest, rand::SecureRandom};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::{
    Version,
    attr::AttributeTypeAndValue,
    crl::{RevokedCert, TbsCertList},
    ext::{
        Extension,
        pkix::{
            AuthorityKeyIdentifier, BasicConstraints, CrlNumber, ExtendedKeyUsage, KeyUsage, KeyUsages,
            SubjectKeyIdentifier,
        },
    },
    name::Name,
    serial_number::SerialNumber,
    time::{Time, Validity as Between},
};
use zeroize::Zeroizing;

use super::{
    Algorithm, KeyError, SigningKey, SoftwareKey,
    authority::{Authority, AuthorityError, Issued, ROOT_CERTIFICATE, ROOT_KEY, Validity, check_name, read},
    encrypted, speaks_for,
};
use crate::formats::cms::Scheme;

/// id-kp-documentSigning (RFC 9336).
const DOCUMENT_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36");

/// CertificationRequestInfo (RFC 2986 4.1).
#[derive(Sequence)]
struct RequestInfo {
    version: u8,
    subject: Name,
    public_key: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true")]
    attributes: SetOfVec<Any>,
}

/// TBSCertificate (RFC 5280 4.1).
#[derive(Sequence)]
struct Content {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: u8,
    serial: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Between,
    subject: Name,
    public_key: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

/// What is signed, how, and the value.
#[derive(Sequence)]
struct Signed {
    content: Any,
    algorithm: AlgorithmIdentifierOwned,
    value: BitString,
}

/// A request for an X.509 certificate in PEM: CN is the seal's name, O the department.
pub fn request(key: &dyn SigningKey, name: &str, department: &str) -> Result<String, AuthorityError> {
    let info = RequestInfo {
        version: 0,
        subject: name_of(name, Some(department))?,
        public_key: SubjectPublicKeyInfoOwned::from_der(key.public_key()).map_err(form)?,
        attributes: SetOfVec::new(),
    };
    pem("CERTIFICATE REQUEST", &sign(&info, key)?)
}

/// A root with an SM2 key: what it issues is SM2 with SM3.
pub struct Sm2Authority {
    certificate: Vec<u8>,
    pkcs8: Zeroizing<Vec<u8>>,
    key: SoftwareKey,
}

impl Sm2Authority {
    /// Makes a new root that may sign X.509 certificates and revocation lists.
    pub fn create(name: &str, validity: Validity, random: &dyn SecureRandom) -> Result<Self, AuthorityError> {
        let pkcs8 = SoftwareKey::generate_sm2(random)?;
        let key = SoftwareKey::from_pkcs8(&pkcs8)?;
        let subject = name_of(name, None)?;
        let own = key_identifier(&key)?;
        let extensions = vec![
            extension(
                true,
                &BasicConstraints {
                    ca: true,
                    path_len_constraint: Some(0),
                },
            )?,
            extension(true, &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign))?,
            extension(false, &own)?,
        ];
        let certificate = content(&subject, &subject, &key, (validity, extensions), random)?;
        Ok(Self {
            certificate: sign(&certificate, &key)?,
            pkcs8,
            key,
        })
    }

    /// Opens what [`Sm2Authority::save`] wrote.
    pub fn open(folder: &Path) -> Result<Self, AuthorityError> {
        let key_pem = Zeroizing::new(read(&folder.join(ROOT_KEY))?);
        let pkcs8 = encrypted::open(key_pem.as_bytes(), None)?;
        let certificate = CertificateDer::from_pem_slice(read(&folder.join(ROOT_CERTIFICATE))?.as_bytes())
            .map_err(|_| AuthorityError::Form)?;
        let key = SoftwareKey::from_pkcs8(&pkcs8)?;
        if key.algorithm() != Algorithm::Sm2Sm3 || !speaks_for(&certificate, &key)? {
            return Err(AuthorityError::Form);
        }
        Ok(Self {
            certificate: certificate.to_vec(),
            key,
            pkcs8,
        })
    }

    /// Writes `root.pem` and, with mode 0600, `root.key` into a folder that is there.
    pub fn save(&self, folder: &Path) -> Result<(), AuthorityError> {
        issued(&self.certificate, &self.pkcs8)?.save(&folder.join(ROOT_CERTIFICATE), &folder.join(ROOT_KEY))
    }

    /// The root's own certificate.
    pub fn root_pem(&self) -> Result<String, AuthorityError> {
        pem("CERTIFICATE", &self.certificate)
    }

    /// A department's seal certificate with a new SM2 key: CN is the seal's name, O the department.
    pub fn seal(
        &self,
        name: &str,
        department: &str,
        validity: Validity,
        random: &dyn SecureRandom,
    ) -> Result<Issued, AuthorityError> {
        let pkcs8 = SoftwareKey::generate_sm2(random)?;
        let key = SoftwareKey::from_pkcs8(&pkcs8)?;
        let extensions = vec![
            extension(
                true,
                &BasicConstraints {
                    ca: false,
                    path_len_constraint: None,
                },
            )?,
            extension(true, &KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation))?,
            extension(
                false,
                &ExtendedKeyUsage(vec![DOCUMENT_SIGNING, rfc5280::ID_KP_EMAIL_PROTECTION]),
            )?,
            extension(false, &key_identifier(&key)?)?,
            self.authority_key()?,
        ];
        let issuer = self.name()?;
        let certificate = content(
            &issuer,
            &name_of(name, Some(department))?,
            &key,
            (validity, extensions),
            random,
        )?;
        issued(&sign(&certificate, &self.key)?, &pkcs8)
    }

    /// As [`Authority::revocation_list`].
    pub fn revocation_list(
        &self,
        revoked: &[(Vec<u8>, Timestamp)],
        validity: Validity,
    ) -> Result<String, AuthorityError> {
        let number = u64::try_from(validity.not_before.as_millisecond()).map_err(|_| AuthorityError::Validity)?;
        let entries: Vec<RevokedCert> = revoked
            .iter()
            .map(|(serial, since)| {
                Ok(RevokedCert {
                    serial_number: SerialNumber::new(serial).map_err(form)?,
                    revocation_date: time(*since)?,
                    crl_entry_extensions: None,
                })
            })
            .collect::<Result<_, AuthorityError>>()?;
        let list = TbsCertList {
            version: Version::V2,
            signature: Scheme::Sm2.identifier().map_err(form)?,
            issuer: self.name()?,
            this_update: time(validity.not_before)?,
            next_update: Some(time(validity.not_after)?),
            // RFC 5280 5.1.2.6: absent where nothing is revoked.
            revoked_certificates: (!entries.is_empty()).then_some(entries),
            crl_extensions: Some(vec![
                self.authority_key()?,
                extension(false, &CrlNumber(Uint::new(&number.to_be_bytes()).map_err(form)?))?,
            ]),
        };
        pem("X509 CRL", &sign(&list, &self.key)?)
    }

    fn name(&self) -> Result<Name, AuthorityError> {
        let root = x509_cert::Certificate::from_der(&self.certificate).map_err(form)?;
        Ok(root.tbs_certificate().subject().clone())
    }

    fn authority_key(&self) -> Result<Extension, AuthorityError> {
        extension(
            false,
            &AuthorityKeyIdentifier {
                key_identifier: Some(key_identifier(&self.key)?.0),
                authority_cert_issuer: None,
                authority_cert_serial_number: None,
            },
        )
    }
}

/// An authority with a key of either kind.
pub enum AnyAuthority {
    P256(Authority),
    Sm2(Sm2Authority),
}

impl AnyAuthority {
    /// Opens what either wrote.
    pub fn open(folder: &Path) -> Result<Self, AuthorityError> {
        match Authority::open(folder) {
            Err(AuthorityError::Sm2) => Ok(Self::Sm2(Sm2Authority::open(folder)?)),
            opened => Ok(Self::P256(opened?)),
        }
    }

    /// A seal certificate with a new key of the authority's own kind: CN is the seal's name, O the department.
    pub fn seal(
        &self,
        name: &str,
        department: &str,
        validity: Validity,
        random: &dyn SecureRandom,
    ) -> Result<Issued, AuthorityError> {
        match self {
            Self::P256(authority) => authority.seal(name, department, validity),
            Self::Sm2(authority) => authority.seal(name, department, validity, random),
        }
    }

    /// As [`Authority::revocation_list`].
    pub fn revocation_list(
        &self,
        revoked: &[(Vec<u8>, Timestamp)],
        validity: Validity,
    ) -> Result<String, AuthorityError> {
        match self {
            Self::P256(authority) => authority.revocation_list(revoked, validity),
            Self::Sm2(authority) => authority.revocation_list(revoked, validity),
        }
    }
}

fn content(
    issuer: &Name,
    subject: &Name,
    key: &SoftwareKey,
    (validity, extensions): (Validity, Vec<Extension>),
    random: &dyn SecureRandom,
) -> Result<Content, AuthorityError> {
    let mut serial = [0; 16];
    random.fill(&mut serial).map_err(|_| KeyError::Random)?;
    // Positive, and of the same length each time (RFC 5280 4.1.2.2).
    serial[0] = serial[0] & 0x7F | 0x40;
    if validity.not_after <= validity.not_before {
        return Err(AuthorityError::Validity);
    }
    Ok(Content {
        version: 2,
        serial: SerialNumber::new(&serial).map_err(form)?,
        signature: Scheme::Sm2.identifier().map_err(form)?,
        issuer: issuer.clone(),
        validity: Between::new(time(validity.not_before)?, time(validity.not_after)?),
        subject: subject.clone(),
        public_key: SubjectPublicKeyInfoOwned::from_der(key.public_key()).map_err(form)?,
        extensions,
    })
}

/// UTCTime until 2049, then GeneralizedTime (RFC 5280 4.1.2.5).
fn time(time: Timestamp) -> Result<Time, AuthorityError> {
    let seconds = u64::try_from(time.as_second()).map_err(|_| AuthorityError::Validity)?;
    Time::try_from(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).map_err(|_| AuthorityError::Validity)
}

fn sign(content: &impl Encode, key: &dyn SigningKey) -> Result<Vec<u8>, AuthorityError> {
    let content = content.to_der().map_err(form)?;
    let value = key.sign(&content)?;
    let signed = Signed {
        content: Any::from_der(&content).map_err(form)?,
        algorithm: Scheme::from(key.algorithm()).identifier().map_err(form)?,
        value: BitString::from_bytes(&value).map_err(form)?,
    };
    signed.to_der().map_err(form)
}

fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> Result<Extension, AuthorityError> {
    Ok(Extension {
        extn_id: T::OID,
        critical,
        extn_value: OctetString::new(value.to_der().map_err(form)?).map_err(form)?,
    })
}

/// The first 160 bits of SHA-256 over the key (RFC 7093 2).
fn key_identifier(key: &SoftwareKey) -> Result<SubjectKeyIdentifier, AuthorityError> {
    let public = SubjectPublicKeyInfoOwned::from_der(key.public_key()).map_err(form)?;
    let hash = digest::digest(&digest::SHA256, public.subject_public_key.raw_bytes());
    let first = hash.as_ref().get(..20).unwrap_or_default();
    Ok(SubjectKeyIdentifier(OctetString::new(first).map_err(form)?))
}

/// O, if there is one, and CN, both UTF-8.
fn name_of(common: &str, organisation: Option<&str>) -> Result<Name, AuthorityError> {
    check_name(common, organisation)?;
    let part = |oid, text: &str| -> Result<SetOfVec<AttributeTypeAndValue>, AuthorityError> {
        let value = Utf8StringRef::new(text)
            .and_then(|text| Any::encode_from(&text))
            .map_err(form)?;
        SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }]).map_err(form)
    };
    let mut parts = Vec::new();
    if let Some(organisation) = organisation {
        parts.push(part(rfc4519::O, organisation)?);
    }
    parts.push(part(rfc4519::CN, common)?);
    Name::from_der(&parts.to_der().map_err(form)?).map_err(form)
}

fn issued(certificate: &[u8], pkcs8: &[u8]) -> Result<Issued, AuthorityError> {
    Ok(Issued {
        certificate_pem: pem("CERTIFICATE", certificate)?,
        key_pem: Zeroizing::new(pem("PRIVATE KEY", pkcs8)?),
    })
}

fn pem(label: &str, der: &[u8]) -> Result<String, AuthorityError> {
    der::pem::encode_string(label, LineEnding::LF, der).map_err(|_| AuthorityError::Form)
}

fn form<E>(_: E) -> AuthorityError {
    AuthorityError::Form
}
