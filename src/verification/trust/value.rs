//! Whether a key has signed an X.509 certificate, a CRL or an OCSP response.

use der::{Decode, Encode};
use jiff::Timestamp;
use rustls_pki_types::SignatureVerificationAlgorithm;
use webpki::ALL_VERIFICATION_ALGS;

use crate::{
    formats::x509::{Certificate, Signed},
    verification::sm2::{SM2_SM3, SM2_SM3_NULL},
};

/// What ring has not.
static SM2: &[&dyn SignatureVerificationAlgorithm] = &[&SM2_SM3, &SM2_SM3_NULL];

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// It has; with an algorithm that is no longer strong, where that is so.
    Right(Option<Weak>),
    Wrong,
    /// The algorithm is not known.
    Unknown(String),
    Limit(&'static str),
}

/// An algorithm that is not strong any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weak {
    pub name: String,
    /// What is proven to have existed before was made when it was strong.
    pub until: Timestamp,
}

/// Whether the key of an X.509 certificate has signed.
pub fn check(signed: &Signed, key: &Certificate) -> Check {
    let content = |der: &[u8]| der::AnyRef::from_der(der).map(|any| any.value().to_vec());
    let unknown = || Check::Unknown("an algorithm that is not known".to_owned());
    let Ok(algorithm) = content(signed.algorithm()) else {
        return unknown();
    };
    let Ok(spki) = spki::SubjectPublicKeyInfoRef::from_der(&key.public_key) else {
        return unknown();
    };
    let Ok(of_key) = spki.algorithm.to_der().and_then(|der| content(&der)) else {
        return unknown();
    };
    let fits = |known: &&&dyn SignatureVerificationAlgorithm| {
        known.signature_alg_id().as_ref() == algorithm && known.public_key_alg_id().as_ref() == of_key
    };
    let mut all = ALL_VERIFICATION_ALGS.iter().chain(SM2);
    let Some(known) = all.find(fits) else {
        return unknown();
    };
    match known.verify_signature(key.key_octets(), signed.body(), signed.value()) {
        Ok(()) => Check::Right(None),
        Err(_) => Check::Wrong,
    }
}
