//! Time-Stamp Protocol (RFC 3161): requests, responses, and what a token says.
//!
//! A token is a CMS message like any other, so its signature is judged where signatures are; here stands what is
//! particular to it: the `TSTInfo` that it signs.

mod info;
mod request;
mod response;

use const_oid::ObjectIdentifier;

pub use self::{
    info::{Imprint, TstInfo},
    request::Request,
    response::{Failure, Response, Token, granted_token, refusal},
};

/// `id-ct-TSTInfo`, the content type of a token (RFC 3161 2.4.2).
pub const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// `id-aa-timeStampToken`, the unsigned attribute that holds the timestamp of a signature (RFC 3161 appendix A).
pub const SIGNATURE_TIMESTAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");

/// `id-kp-timeStamping`, the one purpose that an authority's X.509 certificate has, critical (RFC 3161 2.3).
pub const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// The largest token or response that is read, in bytes: some ten X.509 certificates.
pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// The largest request that is read, in bytes.
pub const MAX_REQUEST_BYTES: usize = 1024;

/// Why a request, a response or a token is not read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    #[error("the limit {0} is exceeded")]
    Limit(&'static str),
    #[error("the bytes are not {0}")]
    Form(&'static str),
    #[error("the token's content is not TSTInfo")]
    OtherContent,
    #[error("the token has an extension that is critical and not known")]
    CriticalExtension,
    #[error("the structure cannot be encoded")]
    Encode,
}

#[cfg(test)]
mod tests;
