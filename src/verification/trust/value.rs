//! Whether a key has signed an X.509 certificate, a CRL or an OCSP response.

use jiff::Timestamp;

use crate::{
    formats::x509::{Certificate, Signed},
    verification::algorithm::{verify, weakness_of},
};

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// It has; with an algorithm that is no longer strong, where that is so.
    Right(Option<Weak>),
    Wrong,
    /// The algorithm is not known, or not the key's.
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
    let (spki, algorithm) = (key.public_key.as_slice(), signed.algorithm());
    match verify(spki, algorithm, signed.body(), signed.value()) {
        Some(true) => Check::Right(weakness_of(spki, algorithm).map(|name| Weak {
            until: strong_until(&name),
            name,
        })),
        Some(false) => Check::Wrong,
        None => Check::Unknown("an algorithm that is not known".to_owned()),
    }
}

/// Until when an algorithm that is weak now was strong enough to sign with: SP 800-131A for SHA-1 and RSA below 2,048
/// bits, FIPS 186-5 for DSA. Of anything else nothing is forgiven.
pub fn strong_until(name: &str) -> Timestamp {
    let bits = name.strip_prefix("RSA ").and_then(|bits| bits.parse::<u32>().ok());
    let until = match name {
        "SHA-1" => END_OF_2013,
        "DSA" => FEBRUARY_2023,
        _ if bits.is_some_and(|bits| bits >= 1024) => END_OF_2013,
        _ => return Timestamp::MIN,
    };
    Timestamp::from_second(until).unwrap_or(Timestamp::MIN)
}

/// 2013-12-31T23:59:59Z and 2023-02-03T00:00:00Z.
const END_OF_2013: i64 = 1_388_534_399;
const FEBRUARY_2023: i64 = 1_675_382_400;
