//! DER for the structures of which the crates in use have no types.

use der::{Encode, Tag, asn1::AnyRef, asn1::ObjectIdentifier};
use jiff::{Timestamp, tz::TimeZone};

/// Why something is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the structure cannot be encoded")]
pub struct BuildError;

pub fn tlv(tag: Tag, content: &[u8]) -> Result<Vec<u8>, BuildError> {
    AnyRef::new(tag, content)
        .and_then(|any| any.to_der())
        .map_err(|_| BuildError)
}

pub fn sequence(parts: &[Vec<u8>]) -> Result<Vec<u8>, BuildError> {
    tlv(Tag::Sequence, &parts.concat())
}

pub fn integer(number: u8) -> Result<Vec<u8>, BuildError> {
    number.to_der().map_err(|_| BuildError)
}

pub fn oid(dotted: &str) -> Result<Vec<u8>, BuildError> {
    let oid: ObjectIdentifier = ObjectIdentifier::new(dotted).map_err(|_| BuildError)?;
    oid.to_der().map_err(|_| BuildError)
}

pub fn utf8(text: &str) -> Result<Vec<u8>, BuildError> {
    tlv(Tag::Utf8String, text.as_bytes())
}

pub fn ia5(text: &str) -> Result<Vec<u8>, BuildError> {
    if text.is_ascii() {
        tlv(Tag::Ia5String, text.as_bytes())
    } else {
        Err(BuildError)
    }
}

pub fn octets(content: &[u8]) -> Result<Vec<u8>, BuildError> {
    tlv(Tag::OctetString, content)
}

/// A BIT STRING of whole bytes.
pub fn bits(content: &[u8]) -> Result<Vec<u8>, BuildError> {
    tlv(Tag::BitString, &[&[0], content].concat())
}

/// GeneralizedTime in UTC, to the second.
pub fn generalized_time(at: Timestamp) -> Result<Vec<u8>, BuildError> {
    let text = at.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%SZ").to_string();
    tlv(Tag::GeneralizedTime, text.as_bytes())
}
