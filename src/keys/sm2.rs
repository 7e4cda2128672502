//! SM2 keys with their X.509 certificates: those that electronic seals are made and signed with (GB/T 38540).

use std::{fs, path::Path};

use data_encoding::BASE64;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject};
use sm2::{
    SecretKey,
    dsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::{DecodePrivateKey, EncodePrivateKey},
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};
use zeroize::Zeroizing;

use super::{
    KeyError, MAX_FILE_BYTES,
    authority::{AuthorityError, Issued, Validity},
    software::read_private,
};
use crate::formats::{
    der::{self as write, BuildError, bits, integer, octets, oid, sequence, tlv, utf8, x509_time},
    ofd,
    ses::{self, NewSeal, SM2_WITH_SM3},
};

/// The identity that signs where none was agreed (GB/T 35276 10).
const IDENTITY: &str = "1234567812345678";

/// The longest common name, in characters (RFC 5280 appendix A, ub-common-name).
const MAX_NAME_CHARS: usize = 64;

/// The side of a seal, in millimetres (国发〔1999〕25号).
const SEAL_MM: u8 = 42;

/// The most times that a random number is drawn which is no key: one in 2³² is not.
const DRAWS: usize = 8;

/// An SM2 key in this process's memory, with the X.509 certificate that speaks for it.
pub struct Sm2Identity {
    key: SigningKey,
    certificate: CertificateDer<'static>,
}

impl Sm2Identity {
    /// Reads an X.509 certificate (PEM) and its key (PKCS#8, PEM or DER, mode 0600).
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, KeyError> {
        let certificate = read_certificate(certificate)?;
        let key = read_private(key)?;
        if key.starts_with(b"-----BEGIN") {
            let key = PrivatePkcs8KeyDer::from_pem_slice(&key).map_err(|_| KeyError::Form)?;
            Self::new(key.secret_pkcs8_der(), certificate)
        } else {
            Self::new(&key, certificate)
        }
    }

    /// Joins a key (PKCS#8) and its X.509 certificate.
    pub fn new(pkcs8: &[u8], certificate: CertificateDer<'static>) -> Result<Self, KeyError> {
        let secret = SecretKey::from_pkcs8_der(pkcs8).map_err(|_| KeyError::Form)?;
        let key = SigningKey::new(IDENTITY, &secret).map_err(|_| KeyError::Form)?;
        let (_, parsed) = X509Certificate::from_der(&certificate).map_err(|_| KeyError::Chain)?;
        let point = parsed.public_key().subject_public_key.data.as_ref();
        if point != key.verifying_key().to_sec1_bytes().as_ref() {
            return Err(KeyError::OtherKey);
        }
        Ok(Self { key, certificate })
    }

    /// DER of the X.509 certificate.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Signs the message (not its digest) with SM3; DER.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        sign(&self.key, message).map_err(|_| KeyError::Sign)
    }
}

impl Sm2Identity {
    /// Makes an electronic seal (SESeal) of 42 mm for these signers, as the seal maker.
    pub fn make_seal(
        &self,
        id: &str,
        name: &str,
        signers: &[CertificateDer<'_>],
        picture: &[u8],
        validity: Validity,
    ) -> Result<Vec<u8>, KeyError> {
        let signers: Vec<&[u8]> = signers.iter().map(AsRef::as_ref).collect();
        let seal = NewSeal {
            id,
            vendor: "Yinxin",
            name,
            signers: &signers,
            created: validity.not_before,
            valid_from: validity.not_before,
            valid_until: validity.not_after,
            picture_kind: picture_kind(picture).ok_or(KeyError::Form)?,
            picture,
            width_mm: SEAL_MM,
            height_mm: SEAL_MM,
        };
        let signed = seal.to_sign().map_err(|_| KeyError::Form)?;
        let value = self.sign(&signed)?;
        ses::seal(&signed, &self.certificate, &value).map_err(|_| KeyError::Form)
    }
}

/// What GB/T 38540 calls a picture, by its bytes.
fn picture_kind(picture: &[u8]) -> Option<&'static str> {
    match picture {
        _ if picture.starts_with(b"\x89PNG") => Some("png"),
        _ if picture.starts_with(b"\xFF\xD8\xFF") => Some("jpg"),
        _ if ofd::is_package(picture) => Some("ofd"),
        _ if picture.trim_ascii_start().starts_with(b"<svg") => Some("svg"),
        _ => None,
    }
}

/// Reads one X.509 certificate in PEM.
pub fn read_certificate(path: &Path) -> Result<CertificateDer<'static>, KeyError> {
    if fs::metadata(path).map_err(KeyError::Io)?.len() > MAX_FILE_BYTES {
        return Err(KeyError::Chain);
    }
    let pem = fs::read(path).map_err(KeyError::Io)?;
    CertificateDer::from_pem_slice(&pem).map_err(|_| KeyError::Chain)
}

fn sign(key: &SigningKey, message: &[u8]) -> Result<Vec<u8>, BuildError> {
    let value: Signature = key.try_sign(message).map_err(|_| BuildError)?;
    let value = value.to_bytes();
    let (r, s) = value.split_at(value.len() / 2);
    sequence(&[unsigned(r)?, unsigned(s)?])
}

fn unsigned(bytes: &[u8]) -> Result<Vec<u8>, BuildError> {
    let number = ::der::asn1::UintRef::new(bytes).map_err(|_| BuildError)?;
    ::der::Encode::to_der(&number).map_err(|_| BuildError)
}

/// What an X.509 certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sm2Use {
    /// A root, which signs for itself.
    Root,
    /// To make seals, or to sign with one.
    Sign,
}

/// A small authority for SM2: enough for a node without another one, and for its tests.
pub struct Sm2Authority {
    key: SigningKey,
    name: Vec<u8>,
}

impl Sm2Authority {
    /// Makes a new root.
    pub fn create(
        name: &str,
        validity: Validity,
        random: &dyn ring::rand::SecureRandom,
    ) -> Result<(Self, Issued), AuthorityError> {
        let secret = generate(random)?;
        let key = SigningKey::new(IDENTITY, &secret).map_err(|_| AuthorityError::Form)?;
        let authority = Self {
            key,
            name: encode_name(name, None)?,
        };
        let subject = authority.name.clone();
        let issued = authority.issue_to(&secret, &subject, Sm2Use::Root, validity, random)?;
        Ok((authority, issued))
    }

    /// Opens a root by its X.509 certificate and key.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, KeyError> {
        let identity = Sm2Identity::load(certificate, key)?;
        let (_, parsed) = X509Certificate::from_der(&identity.certificate).map_err(|_| KeyError::Chain)?;
        Ok(Self {
            name: parsed.subject().as_raw().to_vec(),
            key: identity.key,
        })
    }

    /// A new key with an X.509 certificate that may sign.
    pub fn issue(
        &self,
        name: &str,
        organisation: &str,
        validity: Validity,
        random: &dyn ring::rand::SecureRandom,
    ) -> Result<Issued, AuthorityError> {
        let secret = generate(random)?;
        let subject = encode_name(name, Some(organisation))?;
        self.issue_to(&secret, &subject, Sm2Use::Sign, validity, random)
    }

    fn issue_to(
        &self,
        secret: &SecretKey,
        subject: &[u8],
        purpose: Sm2Use,
        validity: Validity,
        random: &dyn ring::rand::SecureRandom,
    ) -> Result<Issued, AuthorityError> {
        if validity.not_after <= validity.not_before {
            return Err(AuthorityError::Validity);
        }
        let mut serial = [0; 16];
        random.fill(&mut serial).map_err(|_| AuthorityError::Form)?;
        let own = SigningKey::new(IDENTITY, secret).map_err(|_| AuthorityError::Form)?;
        let point = own.verifying_key().to_sec1_bytes();
        let certificate = self
            .encode(&serial, subject, &point, purpose, validity)
            .map_err(|_| AuthorityError::Form)?;
        let key = secret.to_pkcs8_der().map_err(|_| AuthorityError::Form)?;
        Ok(Issued {
            certificate_pem: pem("CERTIFICATE", &certificate),
            key_pem: Zeroizing::new(pem("PRIVATE KEY", key.as_bytes())),
        })
    }

    /// GB/T 20518: as RFC 5280, with the algorithms of GB/T 33560.
    fn encode(
        &self,
        serial: &[u8],
        subject: &[u8],
        point: &[u8],
        purpose: Sm2Use,
        validity: Validity,
    ) -> Result<Vec<u8>, BuildError> {
        let algorithm = sequence(&[oid(SM2_WITH_SM3)?])?;
        let curve = sequence(&[oid("1.2.840.10045.2.1")?, oid("1.2.156.10197.1.301")?])?;
        let critical = tlv(::der::Tag::Boolean, &[0xFF])?;
        // keyCertSign and cRLSign; digitalSignature and nonRepudiation.
        let usage: &[u8] = match purpose {
            Sm2Use::Root => &[1, 0x06],
            Sm2Use::Sign => &[6, 0xC0],
        };
        let usage = octets(&tlv(::der::Tag::BitString, usage)?)?;
        let constraints = match purpose {
            Sm2Use::Root => sequence(&[critical.clone(), integer(0)?])?,
            Sm2Use::Sign => sequence(&[])?,
        };
        let extensions = sequence(&[
            sequence(&[oid("2.5.29.19")?, critical.clone(), octets(&constraints)?])?,
            sequence(&[oid("2.5.29.15")?, critical, usage])?,
        ])?;
        let context = |number, content: &[u8]| {
            let tag = ::der::Tag::ContextSpecific {
                constructed: true,
                number: ::der::TagNumber(number),
            };
            tlv(tag, content)
        };
        let body = sequence(&[
            context(0, &integer(2)?)?,
            unsigned(serial)?,
            algorithm.clone(),
            self.name.clone(),
            sequence(&[x509_time(validity.not_before)?, x509_time(validity.not_after)?])?,
            subject.to_vec(),
            sequence(&[curve, bits(point)?])?,
            context(3, &extensions)?,
        ])?;
        let value = sign(&self.key, &body)?;
        write::sequence(&[body, algorithm, bits(&value)?])
    }
}

fn generate(random: &dyn ring::rand::SecureRandom) -> Result<SecretKey, AuthorityError> {
    let mut bytes = Zeroizing::new([0; 32]);
    for _ in 0..DRAWS {
        random.fill(&mut *bytes).map_err(|_| AuthorityError::Form)?;
        if let Ok(key) = SecretKey::from_slice(&*bytes) {
            return Ok(key);
        }
    }
    Err(AuthorityError::Form)
}

fn encode_name(common: &str, organisation: Option<&str>) -> Result<Vec<u8>, AuthorityError> {
    for name in [Some(common), organisation].into_iter().flatten() {
        if name.is_empty() || name.chars().count() > MAX_NAME_CHARS {
            return Err(AuthorityError::Name);
        }
    }
    let part = |kind: &str, value: Vec<u8>| -> Result<Vec<u8>, BuildError> {
        tlv(::der::Tag::Set, &sequence(&[oid(kind)?, value])?)
    };
    let encode = || -> Result<Vec<u8>, BuildError> {
        let mut parts = vec![part("2.5.4.6", tlv(::der::Tag::PrintableString, b"CN")?)?];
        if let Some(organisation) = organisation {
            parts.push(part("2.5.4.10", utf8(organisation)?)?);
        }
        parts.push(part("2.5.4.3", utf8(common)?)?);
        sequence(&parts)
    };
    encode().map_err(|_| AuthorityError::Name)
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = Zeroizing::new(BASE64.encode(der));
    let mut out = format!("-----BEGIN {label}-----\n");
    for (place, letter) in text.chars().enumerate() {
        if place > 0 && place % 64 == 0 {
            out.push('\n');
        }
        out.push(letter);
    }
    out.push_str(&format!("\n-----END {label}-----\n"));
    out
}
