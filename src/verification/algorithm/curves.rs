//! Curves that ring does not have.

use ed448_goldilocks::{Signature as Ed448Signature, VerifyingKey as Ed448Key};
use p256::ecdsa::signature::{Verifier as _, hazmat::PrehashVerifier as _};
use sm2::dsa::{Signature as Sm2Signature, VerifyingKey as Sm2Key};

use crate::formats::ses::SM2_VALUE_BYTES;

use super::brainpool::{BrainpoolP512r1, BrainpoolP512t1};

/// The curve of SM2 (GM/T 0006).
pub const SM2: &str = "1.2.156.10197.1.301";

/// The identity that SM2 signs with where none was agreed (GM/T 0009 10).
pub const SM2_DEFAULT_IDENTITY: &str = "1234567812345678";

/// Whether an ECDSA value (DER) is right over a digest; none where the curve is not known.
pub fn verify_ecdsa(curve: &str, point: &[u8], digest: &[u8], value: &[u8]) -> Option<bool> {
    macro_rules! by {
        ($key:ty, $signature:ty) => {
            match (<$key>::from_sec1_bytes(point), <$signature>::from_der(value)) {
                (Ok(key), Ok(value)) => key.verify_prehash(digest, &value).is_ok(),
                _ => false,
            }
        };
    }
    Some(match curve {
        "1.2.840.10045.3.1.7" => by!(p256::ecdsa::VerifyingKey, p256::ecdsa::Signature),
        "1.3.132.0.34" => by!(p384::ecdsa::VerifyingKey, p384::ecdsa::Signature),
        "1.3.132.0.35" => by!(p521::ecdsa::VerifyingKey, p521::ecdsa::Signature),
        "1.3.36.3.3.2.8.1.1.7" => by!(
            ecdsa::VerifyingKey<bp256::BrainpoolP256r1>,
            ecdsa::Signature<bp256::BrainpoolP256r1>
        ),
        "1.3.36.3.3.2.8.1.1.8" => by!(
            ecdsa::VerifyingKey<bp256::BrainpoolP256t1>,
            ecdsa::Signature<bp256::BrainpoolP256t1>
        ),
        "1.3.36.3.3.2.8.1.1.11" => by!(
            ecdsa::VerifyingKey<bp384::BrainpoolP384r1>,
            ecdsa::Signature<bp384::BrainpoolP384r1>
        ),
        "1.3.36.3.3.2.8.1.1.12" => by!(
            ecdsa::VerifyingKey<bp384::BrainpoolP384t1>,
            ecdsa::Signature<bp384::BrainpoolP384t1>
        ),
        "1.3.36.3.3.2.8.1.1.13" => by!(ecdsa::VerifyingKey<BrainpoolP512r1>, ecdsa::Signature<BrainpoolP512r1>),
        "1.3.36.3.3.2.8.1.1.14" => by!(ecdsa::VerifyingKey<BrainpoolP512t1>, ecdsa::Signature<BrainpoolP512t1>),
        _ => return None,
    })
}

/// Whether an SM2 value (r and s) is right over a message, under the default identity.
pub fn verify_sm2(point: &[u8], message: &[u8], value: &[u8; SM2_VALUE_BYTES]) -> bool {
    match (
        Sm2Key::from_sec1_bytes(SM2_DEFAULT_IDENTITY, point),
        Sm2Signature::from_slice(value),
    ) {
        (Ok(key), Ok(value)) => key.verify(message, &value).is_ok(),
        _ => false,
    }
}

pub fn verify_ed448(key: &[u8], message: &[u8], value: &[u8]) -> bool {
    let key = <[u8; 57]>::try_from(key).ok();
    let key = key.and_then(|key| Ed448Key::from_bytes(&key).ok());
    match (key, Ed448Signature::try_from(value)) {
        (Some(key), Ok(value)) => key.verify_raw(&value, message).is_ok(),
        _ => false,
    }
}
