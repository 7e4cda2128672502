use const_oid::{ObjectIdentifier, db::rfc5912};
use der::{
    Any, Decode, Encode, Sequence, Tag, Tagged,
    asn1::{Int, Null, OctetString},
};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::Offset};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::{Extensions, pkix::name::GeneralName};

use super::TimestampError;
use crate::formats::cms::Digest;

/// What a token says (RFC 3161 2.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TstInfo {
    pub policy: ObjectIdentifier,
    pub imprint: Imprint,
    /// Two's complement, most significant byte first, as are nonces.
    pub serial: Vec<u8>,
    /// When it was made, by the authority's clock.
    pub time: Timestamp,
    /// How far that clock may be off, either way.
    pub accuracy: Option<SignedDuration>,
    pub ordering: bool,
    pub nonce: Option<Vec<u8>>,
    /// The authority's name as it gives it.
    pub authority: Option<GeneralName>,
}

/// The digest of what is stamped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imprint {
    pub algorithm: ObjectIdentifier,
    pub digest: Vec<u8>,
}

impl Imprint {
    /// SHA-256 of the pieces, one after the other.
    pub fn sha256(pieces: &[&[u8]]) -> Self {
        Self {
            algorithm: rfc5912::ID_SHA_256,
            digest: Digest::Sha256.of(pieces),
        }
    }
}

impl TstInfo {
    /// Reads DER of a TSTInfo.
    pub fn parse(der: &[u8]) -> Result<Self, TimestampError> {
        let form = TimestampError::Form("TSTInfo");
        let stored = Stored::from_der(der).map_err(|_| form)?;
        if stored.version != 1 {
            return Err(form);
        }
        // RFC 3161 2.4.2 names none that a reader must know.
        if stored.extensions.iter().flatten().any(|extension| extension.critical) {
            return Err(TimestampError::CriticalExtension);
        }
        Ok(Self {
            policy: stored.policy,
            imprint: stored.message_imprint.read().ok_or(form)?,
            serial: stored.serial_number.as_bytes().to_vec(),
            time: time_of(&stored.gen_time).ok_or(form)?,
            accuracy: match stored.accuracy {
                Some(accuracy) => Some(accuracy.duration().ok_or(form)?),
                None => None,
            },
            ordering: stored.ordering,
            nonce: stored.nonce.map(|nonce| nonce.as_bytes().to_vec()),
            authority: stored.tsa,
        })
    }

    /// DER, with whole seconds where the time has nothing below.
    pub fn to_der(&self) -> Result<Vec<u8>, TimestampError> {
        let encode = |_| TimestampError::Encode;
        let stored = Stored {
            version: 1,
            policy: self.policy,
            message_imprint: StoredImprint::write(&self.imprint).ok_or(TimestampError::Encode)?,
            serial_number: Int::new(&self.serial).map_err(encode)?,
            gen_time: written(self.time).map_err(encode)?,
            accuracy: self.accuracy.map(Accuracy::of),
            ordering: self.ordering,
            nonce: self.nonce.as_deref().map(Int::new).transpose().map_err(encode)?,
            tsa: self.authority.clone(),
            extensions: None,
        };
        stored.to_der().map_err(encode)
    }
}

#[derive(Sequence)]
struct Stored {
    version: u8,
    policy: ObjectIdentifier,
    message_imprint: StoredImprint,
    serial_number: Int,
    /// GeneralizedTime; not read as one, because it may have fractions of a second (RFC 3161 2.4.2).
    gen_time: Any,
    #[asn1(optional = "true")]
    accuracy: Option<Accuracy>,
    #[asn1(default = "Default::default")]
    ordering: bool,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    tsa: Option<GeneralName>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
pub(super) struct StoredImprint {
    hash_algorithm: AlgorithmIdentifierOwned,
    hashed_message: OctetString,
}

impl StoredImprint {
    /// None where the algorithm comes with parameters: no digest has any (RFC 5754 2).
    pub(super) fn read(&self) -> Option<Imprint> {
        let parameters = self.hash_algorithm.parameters.as_ref();
        parameters.is_none_or(Any::is_null).then(|| Imprint {
            algorithm: self.hash_algorithm.oid,
            digest: self.hashed_message.as_bytes().to_vec(),
        })
    }

    pub(super) fn write(imprint: &Imprint) -> Option<Self> {
        Some(Self {
            hash_algorithm: AlgorithmIdentifierOwned {
                oid: imprint.algorithm,
                // Authorities that compare bytes expect what most requests have.
                parameters: Some(Any::from(Null)),
            },
            hashed_message: OctetString::new(imprint.digest.as_slice()).ok()?,
        })
    }
}

#[derive(Sequence)]
struct Accuracy {
    #[asn1(optional = "true")]
    seconds: Option<u32>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    millis: Option<u16>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    micros: Option<u16>,
}

impl Accuracy {
    /// None where a part is not from 1 to 999, as RFC 3161 2.4.2 asks; 0 is borne, which some write.
    fn duration(&self) -> Option<SignedDuration> {
        let part = |value: Option<u16>| Some(i64::from(value.unwrap_or(0))).filter(|value| *value <= 999);
        Some(
            SignedDuration::from_secs(i64::from(self.seconds.unwrap_or(0)))
                + SignedDuration::from_millis(part(self.millis)?)
                + SignedDuration::from_micros(part(self.micros)?),
        )
    }

    fn of(duration: SignedDuration) -> Self {
        let part = |value: i32| u16::try_from(value).ok().filter(|value| *value > 0);
        Self {
            seconds: u32::try_from(duration.as_secs()).ok().filter(|seconds| *seconds > 0),
            millis: part(duration.subsec_millis()),
            micros: part(duration.subsec_micros() % 1_000),
        }
    }
}

/// `YYYYMMDDhhmmss[.f…]Z`
fn time_of(value: &Any) -> Option<Timestamp> {
    if value.tag() != Tag::GeneralizedTime {
        return None;
    }
    let text = std::str::from_utf8(value.value()).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let number = |from: usize, to: usize| whole.get(from..to)?.parse::<i8>().ok();
    // What is finer than a nanosecond is cut off.
    let nanoseconds: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let time = DateTime::new(
        whole.get(0..4)?.parse().ok()?,
        number(4, 6)?,
        number(6, 8)?,
        number(8, 10)?,
        number(10, 12)?,
        number(12, 14)?,
        nanoseconds.parse().ok()?,
    );
    Offset::UTC.to_timestamp(time.ok()?).ok()
}

fn written(time: Timestamp) -> Result<Any, der::Error> {
    let mut text = Offset::UTC.to_datetime(time).strftime("%Y%m%d%H%M%S").to_string();
    let fraction = format!("{:09}", time.subsec_nanosecond());
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        text = format!("{text}.{fraction}");
    }
    text.push('Z');
    Any::new(Tag::GeneralizedTime, text.into_bytes())
}
