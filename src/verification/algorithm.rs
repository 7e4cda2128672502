//! Whether a signature value is right under a key, for every algorithm that is read: ring where it has it, RustCrypto
//! for the other curves, and [`rsa`] for what ring's RSA leaves out. What is too weak to count is computed all the same,
//! and said by [`weakness`]: a document signed with SHA-1 is intact, not unreadable.

mod brainpool;
mod curves;
mod rsa;

use der::Encode;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use spki::SubjectPublicKeyInfoRef;
use x509_parser::{
    oid_registry::{OID_EC_P256, OID_NIST_EC_P384, Oid},
    prelude::FromDer,
    x509::SubjectPublicKeyInfo,
};

use crate::formats::{
    cms::{Digest, Scheme},
    ses::{SM2_VALUE_BYTES, sm2_value},
};

/// The smallest RSA modulus that counts, in bits.
const MIN_RSA_BITS: u64 = 2048;

/// Whether the signature value is right over the message. `spki` is DER of a SubjectPublicKeyInfo, `algorithm` an
/// AlgorithmIdentifier as it stands in an X.509 certificate, a CRL or an OCSP response. None where either is not known
/// here, or they do not go together.
pub fn verify(spki: &[u8], algorithm: &[u8], message: &[u8], value: &[u8]) -> Option<bool> {
    verify_scheme(spki, Scheme::read(algorithm, None)?, message, value)
}

/// As [`verify`], of a scheme that was read.
pub fn verify_scheme(spki: &[u8], scheme: Scheme, message: &[u8], value: &[u8]) -> Option<bool> {
    let (_, key) = SubjectPublicKeyInfo::from_der(spki).ok()?;
    let bits = key.subject_public_key.data.as_ref();
    let by_ring = |algorithm: &'static dyn VerificationAlgorithm| {
        Some(UnparsedPublicKey::new(algorithm, bits).verify(message, value).is_ok())
    };
    match scheme {
        Scheme::RsaPkcs1(_) | Scheme::RsaPss { .. } => {
            if !permits(&key, scheme) {
                return None;
            }
            let parsed = rsa::Key::read(bits)?;
            match ring_rsa(scheme).filter(|_| parsed.fits_ring()) {
                Some(algorithm) => by_ring(algorithm),
                None => rsa::verify(&parsed, scheme, message, value),
            }
        }
        Scheme::Ecdsa(digest) => {
            let curve = curve(&key)?;
            match (ring_curve(&curve), digest) {
                (Some(Curve::P256), Digest::Sha256) => by_ring(&signature::ECDSA_P256_SHA256_ASN1),
                (Some(Curve::P256), Digest::Sha384) => by_ring(&signature::ECDSA_P256_SHA384_ASN1),
                (Some(Curve::P384), Digest::Sha256) => by_ring(&signature::ECDSA_P384_SHA256_ASN1),
                (Some(Curve::P384), Digest::Sha384) => by_ring(&signature::ECDSA_P384_SHA384_ASN1),
                _ => curves::verify_ecdsa(&curve.to_id_string(), bits, &digest.of(&[message]), value),
            }
        }
        // Only in a seal is a value r and s alone.
        Scheme::Sm2 => verify_sm2(spki, message, value).map(|right| right && value.len() != SM2_VALUE_BYTES),
        Scheme::Ed25519 => (key.algorithm.algorithm.to_id_string() == "1.3.101.112")
            .then(|| by_ring(&signature::ED25519))
            .flatten(),
        Scheme::Ed448 => (key.algorithm.algorithm.to_id_string() == "1.3.101.113")
            .then(|| curves::verify_ed448(bits, message, value)),
        Scheme::Dsa(digest) => {
            let parameters = key.algorithm.parameters.as_ref()?;
            rsa::verify_dsa(parameters.data, bits, &digest.of(&[message]), value)
        }
    }
}

/// Whether an SM2 value (DER, or r and s) is right over the message under the default identity; none where the key is not
/// one of SM2.
pub fn verify_sm2(spki: &[u8], message: &[u8], value: &[u8]) -> Option<bool> {
    let (_, key) = SubjectPublicKeyInfo::from_der(spki).ok()?;
    let point = key.subject_public_key.data.as_ref();
    (curve(&key)?.to_id_string() == curves::SM2)
        .then(|| sm2_value(value).is_some_and(|value| curves::verify_sm2(point, message, &value)))
}

/// What is too weak to count, by name: the digest, the length of an RSA key, DSA. ETSI TS 119 312 and FIPS 186-5 no
/// longer recommend them.
pub fn weakness(spki: &[u8], scheme: Scheme) -> Option<String> {
    let mask = match scheme {
        Scheme::RsaPss { mask, .. } => Some(mask),
        _ => None,
    };
    // MGF1 asks no resistance to collisions of its digest (RFC 8017 8.1): SHA-1, the default, does no harm there.
    if let Some(digest) = scheme
        .digest()
        .into_iter()
        .chain(mask.filter(|mask| *mask != Digest::Sha1))
        .find(|digest| digest.is_weak())
    {
        return Some(digest.name().to_owned());
    }
    if let Scheme::Dsa(_) = scheme {
        return Some("DSA".to_owned());
    }
    if !matches!(scheme, Scheme::RsaPkcs1(_) | Scheme::RsaPss { .. }) {
        return None;
    }
    let (_, key) = SubjectPublicKeyInfo::from_der(spki).ok()?;
    let bits = rsa::Key::read(key.subject_public_key.data.as_ref())?.bits();
    (bits < MIN_RSA_BITS).then(|| format!("RSA {bits}"))
}

/// As [`weakness`], of an AlgorithmIdentifier; none where it is not known.
pub fn weakness_of(spki: &[u8], algorithm: &[u8]) -> Option<String> {
    weakness(spki, Scheme::read(algorithm, None)?)
}

/// RFC 4055 1.2: a key of `id-RSASSA-PSS` signs with PSS only and, where it has parameters, with those and no shorter salt.
fn permits(key: &SubjectPublicKeyInfo<'_>, scheme: Scheme) -> bool {
    match key.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" => true,
        "1.2.840.113549.1.1.10" => match (scheme, &key.algorithm.parameters) {
            (Scheme::RsaPss { .. }, None) => true,
            (
                Scheme::RsaPss {
                    digest,
                    mask,
                    salt_bytes,
                },
                Some(_),
            ) => {
                let own = SubjectPublicKeyInfoRef::try_from(key.raw).and_then(|own| Ok(own.algorithm.to_der()?));
                let own = own.ok().and_then(|own| Scheme::read(&own, None));
                matches!(own, Some(Scheme::RsaPss { digest: of, mask: by, salt_bytes: least })
                    if of == digest && by == mask && least <= salt_bytes)
            }
            _ => false,
        },
        _ => false,
    }
}

enum Curve {
    P256,
    P384,
}

fn ring_curve(curve: &Oid<'_>) -> Option<Curve> {
    if *curve == OID_EC_P256 {
        Some(Curve::P256)
    } else if *curve == OID_NIST_EC_P384 {
        Some(Curve::P384)
    } else {
        None
    }
}

/// The named curve of an `id-ecPublicKey`.
fn curve<'a>(key: &SubjectPublicKeyInfo<'a>) -> Option<Oid<'a>> {
    // Some write SM2's identifier for key and curve alike.
    let of_key = key.algorithm.algorithm.to_id_string();
    if of_key != "1.2.840.10045.2.1" && of_key != curves::SM2 {
        return None;
    }
    key.algorithm.parameters.clone()?.oid().ok()
}

fn ring_rsa(scheme: Scheme) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match scheme {
        Scheme::RsaPkcs1(Digest::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        Scheme::RsaPkcs1(Digest::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        Scheme::RsaPkcs1(Digest::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        // ring takes a salt as long as the digest, and one digest for both.
        Scheme::RsaPss {
            digest: Digest::Sha256,
            mask: Digest::Sha256,
            salt_bytes: 32,
        } => &signature::RSA_PSS_2048_8192_SHA256,
        Scheme::RsaPss {
            digest: Digest::Sha384,
            mask: Digest::Sha384,
            salt_bytes: 48,
        } => &signature::RSA_PSS_2048_8192_SHA384,
        Scheme::RsaPss {
            digest: Digest::Sha512,
            mask: Digest::Sha512,
            salt_bytes: 64,
        } => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}
