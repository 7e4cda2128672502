//! Electronic seals and the signatures made with them: GM/T 0031-2014 (version 1), GB/T 38540-2020 (version 4) and
//! GM/T 0031-2025 (version 5); signatures in GB/T 35275 messages; bare SM2 values.
//!
//! Everything is kept as it is stored: what was signed is a slice of the file, never written anew.

mod build;
mod seal;
mod signature;
mod signed_data;
mod tlv;
mod value;

use jiff::Timestamp;

pub use self::{
    build::{BuildError, NewSeal, seal, signature, to_sign},
    seal::{MAX_LISTED_SIGNERS, MAX_PICTURE_BYTES, MAX_SEAL_BYTES, Picture, Seal, Signers},
    signature::{MAX_SIGNATURE_BYTES, Signature, TimeInfo},
    signed_data::{Content, MessageSigner, SignedMessage},
    value::{SM2_VALUE_BYTES, sm2_value},
};

/// SM2 with SM3, the algorithm of all versions (GB/T 33560).
pub const SM2_WITH_SM3: &str = "1.2.156.10197.1.501";

/// SM3 (GB/T 33560).
pub const SM3: &str = "1.2.156.10197.1.401";

/// Which standard a structure follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// GM/T 0031-2014.
    V1,
    /// GB/T 38540-2020.
    V4,
    /// GM/T 0031-2025.
    V5,
}

impl Version {
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "GM/T 0031-2014",
            Self::V4 => "GB/T 38540-2020",
            Self::V5 => "GM/T 0031-2025",
        }
    }
}

/// Why a structure is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SesError {
    #[error("it is not DER")]
    NotDer,
    #[error("`{0}` is not as the standard has it")]
    Field(&'static str),
    #[error("bytes follow it")]
    Trailing,
    #[error("the limit {0} is exceeded")]
    Limit(&'static str),
}

/// What the bytes of a signature value are.
#[derive(Debug)]
pub enum Value<'a> {
    /// An SES_Signature.
    Seal(Box<Signature<'a>>),
    /// A GB/T 35275 (or RFC 5652) message.
    Message(Box<SignedMessage<'a>>),
    /// An SM2 value alone, as r and s.
    Bare([u8; SM2_VALUE_BYTES]),
}

/// Reads a signature value, whatever its kind.
pub fn read(bytes: &[u8]) -> Result<Value<'_>, SesError> {
    if let Some(value) = sm2_value(bytes) {
        return Ok(Value::Bare(value));
    }
    if bytes.len() > MAX_SIGNATURE_BYTES {
        return Err(SesError::Limit("MAX_SIGNATURE_BYTES"));
    }
    let fields = tlv::only(bytes, tlv::SEQUENCE)?.fields()?;
    if fields.first().is_some_and(|first| first.tag == tlv::OID) {
        return SignedMessage::read(bytes).map(|message| Value::Message(Box::new(message)));
    }
    Signature::read(bytes).map(|signature| Value::Seal(Box::new(signature)))
}

/// A GeneralizedTime or UTCTime, as a signer writes it: with a `Z`, an offset, or neither (then in China's time).
fn time(field: &tlv::Tlv<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(field.value).ok()?;
    match field.tag {
        tlv::GENERALIZED_TIME => time_of(text),
        tlv::UTC_TIME => {
            // RFC 5280 4.1.2.5.1: two digits of the year, from 1950 on.
            let year: u32 = text.get(..2)?.parse().ok()?;
            time_of(&format!("{}{text}", if year < 50 { "20" } else { "19" }))
        }
        _ => None,
    }
}

fn time_of(text: &str) -> Option<Timestamp> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (date, rest) = text.split_at_checked(digits)?;
    let date = match date.len() {
        12 => format!("{date}00"),
        14 => date.to_owned(),
        _ => return None,
    };
    // Fractions of a second say nothing here.
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let zone = match zone {
        "Z" => "+0000",
        "" => "+0800",
        other => other,
    };
    Timestamp::strptime("%Y%m%d%H%M%S%z", format!("{date}{zone}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        let at = |text: &str| time_of(text).map(|time| time.to_string());
        assert_eq!(at("20260804020809Z").as_deref(), Some("2026-08-04T02:08:09Z"));
        assert_eq!(at("20260804100809").as_deref(), Some("2026-08-04T02:08:09Z"));
        assert_eq!(at("20260804100809.123+0800").as_deref(), Some("2026-08-04T02:08:09Z"));
        assert_eq!(at("202608040208Z").as_deref(), Some("2026-08-04T02:08:00Z"));
        for wrong in ["", "2026", "20261304020809Z", "20260804020809X", "二〇二六"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }
}
