//! Algorithm identifiers (RFC 4055, 5754, 5758, 8410, 8702, GM/T 0006), read as stored.

use const_oid::ObjectIdentifier;
use der::{Any, Tag, asn1::Null};
use spki::AlgorithmIdentifierOwned;

use super::{
    Digest, ParseError,
    ber::{INTEGER, OBJECT_IDENTIFIER, SEQUENCE, Value, context},
};

/// How a signature was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    RsaPkcs1(Digest),
    RsaPss {
        digest: Digest,
        /// Of the mask generation function MGF1.
        mask: Digest,
        salt_bytes: usize,
    },
    Ecdsa(Digest),
    Dsa(Digest),
    Ed25519,
    Ed448,
    /// With SM3 and the default identity (GB/T 32918.2, GM/T 0009 10).
    Sm2,
}

impl Scheme {
    /// The digest of what is signed, where the scheme takes one from outside.
    pub fn digest(self) -> Option<Digest> {
        match self {
            Self::RsaPkcs1(digest) | Self::RsaPss { digest, .. } | Self::Ecdsa(digest) | Self::Dsa(digest) => {
                Some(digest)
            }
            Self::Sm2 => Some(Digest::Sm3),
            Self::Ed25519 | Self::Ed448 => None,
        }
    }

    /// The digest of the content that goes with it: its own; SHA-512 beside Ed25519, SHAKE256 beside Ed448
    /// (RFC 8419 2.3).
    pub fn content_digest(self) -> Digest {
        match self {
            Self::Ed25519 => Digest::Sha512,
            Self::Ed448 => Digest::Shake256,
            _ => self.digest().unwrap_or(Digest::Sha256),
        }
    }

    /// Its AlgorithmIdentifier, with parameters as its RFC writes them.
    pub fn identifier(self) -> Result<AlgorithmIdentifierOwned, der::Error> {
        let (oid, parameters) = match self {
            Self::Ed25519 => (ED25519, None),
            Self::Ed448 => (ED448, None),
            Self::Sm2 => (SM2_WITH_SM3, None),
            Self::RsaPss { .. } => return Err(Tag::Sequence.value_error().into()),
            Self::RsaPkcs1(_) | Self::Ecdsa(_) | Self::Dsa(_) => {
                let found = SCHEMES.into_iter().find(|(_, scheme)| *scheme == self);
                let (oid, _) = found.ok_or(Tag::ObjectIdentifier.value_error())?;
                (oid, matches!(self, Self::RsaPkcs1(_)).then(|| Any::from(Null)))
            }
        };
        Ok(AlgorithmIdentifierOwned { oid, parameters })
    }

    /// For people.
    pub fn name(self) -> String {
        match self {
            Self::RsaPkcs1(digest) => format!("RSA PKCS#1 {}", digest.name()),
            Self::RsaPss { digest, .. } => format!("RSA-PSS {}", digest.name()),
            Self::Ecdsa(digest) => format!("ECDSA {}", digest.name()),
            Self::Dsa(digest) => format!("DSA {}", digest.name()),
            Self::Ed25519 => "Ed25519".to_owned(),
            Self::Ed448 => "Ed448".to_owned(),
            Self::Sm2 => "SM2 SM3".to_owned(),
        }
    }

    /// Of an AlgorithmIdentifier as stored. `digest` is the one named beside it, which the identifiers that name none
    /// of their own go by: `rsaEncryption` (RFC 3370 3.2), `id-dsa`, `id-ecPublicKey`.
    pub fn read(identifier: &[u8], digest: Option<Digest>) -> Option<Self> {
        let (oid, parameters) = split(Value::only(identifier).ok()?).ok()?;
        let without = parameters.is_none_or(is_null);
        let scheme = match oid {
            RSA_ENCRYPTION => Self::RsaPkcs1(digest?),
            RSA_PSS => return pss(parameters?),
            EC_PUBLIC_KEY => return Some(Self::Ecdsa(digest?)),
            DSA => return Some(Self::Dsa(digest?)),
            ED25519 => Self::Ed25519,
            ED448 => Self::Ed448,
            // Without a digest of its own, SM2's is SM3 and no other.
            SM2 | SM2_SIGN => return (digest? == Digest::Sm3).then_some(Self::Sm2),
            SM2_WITH_SM3 => Self::Sm2,
            _ => {
                let (_, scheme) = SCHEMES.into_iter().find(|(known, _)| *known == oid)?;
                scheme
            }
        };
        without.then_some(scheme)
    }
}

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const RSA_ENCRYPTION: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = oid("1.2.840.113549.1.1.10");
const MGF1: ObjectIdentifier = oid("1.2.840.113549.1.1.8");
const EC_PUBLIC_KEY: ObjectIdentifier = oid("1.2.840.10045.2.1");
const DSA: ObjectIdentifier = oid("1.2.840.10040.4.1");
const ED25519: ObjectIdentifier = oid("1.3.101.112");
const ED448: ObjectIdentifier = oid("1.3.101.113");
const SM2: ObjectIdentifier = oid("1.2.156.10197.1.301");
const SM2_SIGN: ObjectIdentifier = oid("1.2.156.10197.1.301.1");
const SM2_WITH_SM3: ObjectIdentifier = oid("1.2.156.10197.1.501");

/// Identifiers that name scheme and digest.
const SCHEMES: [(ObjectIdentifier, Scheme); 30] = [
    (oid("1.2.840.113549.1.1.4"), Scheme::RsaPkcs1(Digest::Md5)),
    (oid("1.2.840.113549.1.1.5"), Scheme::RsaPkcs1(Digest::Sha1)),
    (oid("1.3.14.3.2.29"), Scheme::RsaPkcs1(Digest::Sha1)),
    (oid("1.3.36.3.3.1.2"), Scheme::RsaPkcs1(Digest::Ripemd160)),
    (oid("1.2.840.113549.1.1.14"), Scheme::RsaPkcs1(Digest::Sha224)),
    (oid("1.2.840.113549.1.1.11"), Scheme::RsaPkcs1(Digest::Sha256)),
    (oid("1.2.840.113549.1.1.12"), Scheme::RsaPkcs1(Digest::Sha384)),
    (oid("1.2.840.113549.1.1.13"), Scheme::RsaPkcs1(Digest::Sha512)),
    (oid("2.16.840.1.101.3.4.3.13"), Scheme::RsaPkcs1(Digest::Sha3_224)),
    (oid("2.16.840.1.101.3.4.3.14"), Scheme::RsaPkcs1(Digest::Sha3_256)),
    (oid("2.16.840.1.101.3.4.3.15"), Scheme::RsaPkcs1(Digest::Sha3_384)),
    (oid("2.16.840.1.101.3.4.3.16"), Scheme::RsaPkcs1(Digest::Sha3_512)),
    (oid("1.2.840.10045.4.1"), Scheme::Ecdsa(Digest::Sha1)),
    (oid("1.2.840.10045.4.3.1"), Scheme::Ecdsa(Digest::Sha224)),
    (oid("1.2.840.10045.4.3.2"), Scheme::Ecdsa(Digest::Sha256)),
    (oid("1.2.840.10045.4.3.3"), Scheme::Ecdsa(Digest::Sha384)),
    (oid("1.2.840.10045.4.3.4"), Scheme::Ecdsa(Digest::Sha512)),
    (oid("2.16.840.1.101.3.4.3.9"), Scheme::Ecdsa(Digest::Sha3_224)),
    (oid("2.16.840.1.101.3.4.3.10"), Scheme::Ecdsa(Digest::Sha3_256)),
    (oid("2.16.840.1.101.3.4.3.11"), Scheme::Ecdsa(Digest::Sha3_384)),
    (oid("2.16.840.1.101.3.4.3.12"), Scheme::Ecdsa(Digest::Sha3_512)),
    (oid("1.2.840.10040.4.3"), Scheme::Dsa(Digest::Sha1)),
    (oid("2.16.840.1.101.3.4.3.1"), Scheme::Dsa(Digest::Sha224)),
    (oid("2.16.840.1.101.3.4.3.2"), Scheme::Dsa(Digest::Sha256)),
    (oid("2.16.840.1.101.3.4.3.3"), Scheme::Dsa(Digest::Sha384)),
    (oid("2.16.840.1.101.3.4.3.4"), Scheme::Dsa(Digest::Sha512)),
    (oid("2.16.840.1.101.3.4.3.5"), Scheme::Dsa(Digest::Sha3_224)),
    (oid("2.16.840.1.101.3.4.3.6"), Scheme::Dsa(Digest::Sha3_256)),
    (oid("2.16.840.1.101.3.4.3.7"), Scheme::Dsa(Digest::Sha3_384)),
    (oid("2.16.840.1.101.3.4.3.8"), Scheme::Dsa(Digest::Sha3_512)),
];

/// Object identifier and parameters of an AlgorithmIdentifier.
pub(super) fn split(identifier: Value<'_>) -> Result<(ObjectIdentifier, Option<Value<'_>>), ParseError> {
    let mut parts = identifier.expect(SEQUENCE)?.children();
    let oid = object_identifier(parts.required()?)?;
    let parameters = parts.next().transpose()?;
    parts.finish()?;
    Ok((oid, parameters))
}

pub(super) fn object_identifier(value: Value<'_>) -> Result<ObjectIdentifier, ParseError> {
    ObjectIdentifier::from_bytes(value.expect(OBJECT_IDENTIFIER)?.contents).map_err(|_| ParseError::Form)
}

/// The digest that an AlgorithmIdentifier names, and its object identifier. RFC 5754 2: parameters are absent, or NULL
/// as older software writes them; SHAKE256 may have its length as one (RFC 8419 2.3).
pub(super) fn digest(identifier: Value<'_>) -> Result<(Option<Digest>, ObjectIdentifier), ParseError> {
    let (oid, parameters) = split(identifier)?;
    // `id-shake256-len`
    let found = if oid == ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.18") {
        let of_64 = parameters.is_some_and(|bits| bits.tag == INTEGER && bits.contents == [0x02, 0x00]);
        return Ok((of_64.then_some(Digest::Shake256), oid));
    } else {
        Digest::of_oid(oid)
    };
    Ok((found.filter(|_| parameters.is_none_or(is_null)), oid))
}

fn is_null(value: Value<'_>) -> bool {
    value.raw == [0x05, 0x00]
}

/// RSASSA-PSS-params (RFC 4055 3.1).
fn pss(parameters: Value<'_>) -> Option<Scheme> {
    let mut parts = parameters.expect(SEQUENCE).ok()?.children();
    let inside = |value: Option<Value<'_>>| -> Option<Option<Vec<u8>>> {
        value.map_or(Some(None), |value| {
            Value::only(value.contents).ok().map(|inner| Some(inner.raw.to_vec()))
        })
    };
    let hash = inside(parts.optional(context(0)).ok()?)?;
    let mask = inside(parts.optional(context(1)).ok()?)?;
    let salt = inside(parts.optional(context(2)).ok()?)?;
    let trailer = inside(parts.optional(context(3)).ok()?)?;
    parts.finish().ok()?;
    let digest_of = |raw: &[u8]| digest(Value::only(raw).ok()?).ok()?.0;
    let mask = match mask {
        None => Digest::Sha1,
        Some(raw) => match split(Value::only(&raw).ok()?).ok()? {
            (MGF1, Some(of)) => digest_of(of.raw)?,
            _ => return None,
        },
    };
    let number = |raw: Vec<u8>| {
        let value = Value::only(&raw).ok()?.expect(INTEGER).ok()?;
        match value.contents {
            [one @ 0..0x80] => Some(usize::from(*one)),
            [high @ 0..0x80, low] => Some(usize::from(*high) << 8 | usize::from(*low)),
            _ => None,
        }
    };
    if trailer.map_or(Some(1), number)? != 1 {
        return None;
    }
    Some(Scheme::RsaPss {
        digest: hash.map_or(Some(Digest::Sha1), |raw| digest_of(&raw))?,
        mask,
        salt_bytes: salt.map_or(Some(20), number)?,
    })
}
