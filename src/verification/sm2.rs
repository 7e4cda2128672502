//! SM2 with SM3 (GB/T 32918.2), which ring does not have.

use sm2::dsa::{Signature, VerifyingKey, signature::Verifier as _};
use sm3::{Digest as _, Sm3};
use x509_parser::certificate::X509Certificate;

use crate::formats::ses::sm2_value;

/// The identity that signs where none was agreed (GB/T 35276 10).
const IDENTITY: &str = "1234567812345678";

/// `id-ecPublicKey` and the curve of SM2 (GB/T 33560).
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const CURVE: &str = "1.2.156.10197.1.301";

/// Names under which SM2 with SM3 is written: by GB/T 33560, and as older software does.
const NAMES: [&str; 3] = [
    crate::formats::ses::SM2_WITH_SM3,
    "1.2.156.10197.1.301.1",
    "1.2.156.10197.1.301",
];

/// Whether an algorithm's object identifier means SM2 with SM3.
pub fn is_sm2_with_sm3(oid: &str) -> bool {
    NAMES.contains(&oid)
}

/// The SM3 digest of the bytes.
pub fn sm3(bytes: &[u8]) -> [u8; 32] {
    Sm3::digest(bytes).into()
}

/// Whether a value (DER, or r and s) is right over the message, by a key that is a point of the curve.
pub fn is_right(point: &[u8], message: &[u8], value: &[u8]) -> bool {
    let value = sm2_value(value).and_then(|value| Signature::from_bytes(&value.into()).ok());
    let key = VerifyingKey::from_sec1_bytes(IDENTITY, point).ok();
    match (key, value) {
        (Some(key), Some(value)) => key.verify(message, &value).is_ok(),
        _ => false,
    }
}

/// The point that is the SM2 public key of an X.509 certificate; none where it is another kind of key.
pub fn key_of<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    let key = certificate.public_key();
    let curve = key.algorithm.parameters.as_ref()?.as_oid().ok()?;
    let is_sm2 = key.algorithm.algorithm.to_id_string() == EC_PUBLIC_KEY && curve.to_id_string() == CURVE;
    is_sm2.then_some(key.subject_public_key.data.as_ref())
}
