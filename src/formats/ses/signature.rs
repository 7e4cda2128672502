use jiff::Timestamp;

use super::{Seal, SesError, Version, seal::critical_extension, time, time_of, tlv, tlv::Tlv};

/// The largest signature that is read, in bytes: a seal, and a little more.
pub const MAX_SIGNATURE_BYTES: usize = super::MAX_SEAL_BYTES + 1024 * 1024;

/// A signature made with a seal (SES_Signature).
#[derive(Clone, Debug)]
pub struct Signature<'a> {
    /// By its structure.
    pub version: Version,
    /// Its version number, its seal, or a part of either is another version's.
    pub mixed: bool,
    /// What the signer signed: TBS_Sign as it is stored.
    pub to_sign: &'a [u8],
    pub seal: Seal<'a>,
    pub time: TimeInfo<'a>,
    /// The digest of `Signature.xml`.
    pub data_hash: &'a [u8],
    /// The path of `Signature.xml`, as it is written.
    pub property: String,
    /// DER of the signer's X.509 certificate.
    pub certificate: &'a [u8],
    pub algorithm: String,
    pub value: &'a [u8],
    /// A timestamp over the value.
    pub timestamp: Option<&'a [u8]>,
    /// An extension that must be understood (none is).
    pub critical: Option<String>,
}

/// When the signer says that it signed.
#[derive(Clone, Copy, Debug)]
pub enum TimeInfo<'a> {
    Time(Timestamp),
    /// GM/T 0031-2014 allows a timestamp here.
    Token(&'a [u8]),
    Unknown,
}

impl<'a> Signature<'a> {
    /// Reads an SES_Signature.
    pub fn read(bytes: &'a [u8]) -> Result<Self, SesError> {
        if bytes.len() > MAX_SIGNATURE_BYTES {
            return Err(SesError::Limit("MAX_SIGNATURE_BYTES"));
        }
        let fields = tlv::only(bytes, tlv::SEQUENCE)?.fields()?;
        let signature = match fields.as_slice() {
            [signed, value] => Self::early(signed, value)?,
            [signed, certificate, algorithm, value] => Self::late(signed, [certificate, algorithm, value], None)?,
            [signed, certificate, algorithm, value, timestamp] if timestamp.tag == tlv::CONTEXT_0 => {
                let timestamp = tlv::only(timestamp.value, tlv::BIT_STRING)?;
                let timestamp = timestamp.bits().ok_or(SesError::Field("timeStamp"))?;
                Self::late(signed, [certificate, algorithm, value], Some(timestamp))?
            }
            _ => return Err(SesError::Field("SES_Signature")),
        };
        Ok(signature)
    }

    fn early(signed: &Tlv<'a>, value: &Tlv<'a>) -> Result<Self, SesError> {
        let fields = signed.fields()?;
        let [version, seal, at, hash, property, certificate, algorithm] = fields.as_slice() else {
            return Err(SesError::Field("TBS_Sign"));
        };
        let seal = Seal::read(seal.raw)?;
        let number = version.number().ok_or(SesError::Field("version"))?;
        Ok(Self {
            version: Version::V1,
            mixed: seal.mixed || seal.version != Version::V1 || !(1..4).contains(&number),
            to_sign: signed.raw,
            seal,
            time: early_time(at),
            data_hash: hash.bits().ok_or(SesError::Field("dataHash"))?,
            property: property.text().ok_or(SesError::Field("propertyInfo"))?,
            certificate: certificate.certificate().ok_or(SesError::Field("cert"))?,
            algorithm: algorithm.oid().ok_or(SesError::Field("signatureAlgorithm"))?,
            value: value.bits().ok_or(SesError::Field("signature"))?,
            timestamp: None,
            critical: None,
        })
    }

    fn late(
        signed: &Tlv<'a>,
        [certificate, algorithm, value]: [&Tlv<'a>; 3],
        timestamp: Option<&'a [u8]>,
    ) -> Result<Self, SesError> {
        let fields = signed.fields()?;
        let (fields, extensions) = match fields.as_slice() {
            [fields @ .., last] if last.tag == tlv::CONTEXT_0 => (fields, Some(last)),
            fields => (fields, None),
        };
        let [number, seal, at, hash, property] = fields else {
            return Err(SesError::Field("TBS_Sign"));
        };
        let seal = Seal::read(seal.raw)?;
        let number = number.number().ok_or(SesError::Field("version"))?;
        let version = if number == 5 { Version::V5 } else { Version::V4 };
        // A seal of version 4 goes on being used with version 5, but nothing goes back.
        let mixed = !matches!(number, 4 | 5) || seal.mixed || seal.version == Version::V1 || seal.version > version;
        Ok(Self {
            version,
            mixed,
            to_sign: signed.raw,
            seal,
            time: time(at).map_or(TimeInfo::Unknown, TimeInfo::Time),
            data_hash: hash.bits().ok_or(SesError::Field("dataHash"))?,
            property: property.text().ok_or(SesError::Field("propertyInfo"))?,
            certificate: certificate.certificate().ok_or(SesError::Field("cert"))?,
            algorithm: algorithm.oid().ok_or(SesError::Field("signatureAlgID"))?,
            value: value.bits().ok_or(SesError::Field("signature"))?,
            timestamp,
            critical: extensions.map(critical_extension).transpose()?.flatten(),
        })
    }
}

/// GM/T 0031-2014 leaves open what stands in the bits: a time in DER, its digits alone, or a timestamp.
fn early_time<'a>(field: &Tlv<'a>) -> TimeInfo<'a> {
    if let Some(found) = time(field) {
        return TimeInfo::Time(found);
    }
    let Some(bits) = field.bits() else {
        return TimeInfo::Unknown;
    };
    let der = [tlv::GENERALIZED_TIME, tlv::UTC_TIME]
        .iter()
        .find_map(|tag| tlv::only(bits, *tag).ok());
    let digits = std::str::from_utf8(bits).ok().and_then(time_of);
    match der.as_ref().and_then(time).or(digits) {
        Some(found) => TimeInfo::Time(found),
        None if tlv::only(bits, tlv::SEQUENCE).is_ok() => TimeInfo::Token(bits),
        None => TimeInfo::Unknown,
    }
}
