//! Cryptographic Message Syntax (RFC 5652): what others sign with it is read as stored, BER as well as DER; what this
//! node signs is written as PAdES baseline signatures are (EN 319 142-1, EN 319 122-1).

mod algorithm;
mod ber;
mod build;
mod digest;
mod ess;
mod name;
mod parse;
mod revocations;

pub use self::{
    algorithm::Scheme,
    build::{BuildError, Signed, SignedAttributes},
    digest::Digest,
    ess::SigningCertificate,
    parse::{Message, SignedParts, Signer, UnsignedAttribute, parse, parse_also_gbt_35275, split},
    revocations::Revocations,
};

/// The eContentType of documents.
pub const ID_DATA: const_oid::ObjectIdentifier = const_oid::db::rfc5911::ID_DATA;

/// The largest message that is read, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// The most elements of one SET OF.
pub const MAX_SET_ELEMENTS: usize = 200;

/// The deepest that values may nest, in levels.
const MAX_DEPTH: usize = 32;

/// Why a message is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("the message is not BER, or not as RFC 5652 has it")]
    Form,
    #[error("the limit {0} is exceeded")]
    Limit(&'static str),
    #[error("the message is not SignedData")]
    NotSignedData,
}
