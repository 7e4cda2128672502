use der::{Decode, Header, Reader, SliceReader};

use super::SesError;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const CONTEXT_0: u8 = 0xA0;
pub(super) const CONTEXT_1: u8 = 0xA1;

/// The most elements of one structure.
const MAX_FIELDS: usize = 4_096;

/// One value as it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tlv<'a> {
    pub tag: u8,
    /// With its header.
    pub raw: &'a [u8],
    pub value: &'a [u8],
}

/// The one value that the bytes are.
pub(super) fn only(bytes: &[u8], tag: u8) -> Result<Tlv<'_>, SesError> {
    let mut all = all(bytes, 1)?;
    match all.pop() {
        Some(one) if one.tag == tag => Ok(one),
        _ => Err(SesError::NotDer),
    }
}

fn all(bytes: &[u8], limit: usize) -> Result<Vec<Tlv<'_>>, SesError> {
    let mut reader = SliceReader::new(bytes).map_err(|_| SesError::NotDer)?;
    let mut all = Vec::new();
    while !reader.is_finished() {
        if all.len() >= limit {
            return Err(if limit == 1 {
                SesError::Trailing
            } else {
                SesError::Limit("MAX_FIELDS")
            });
        }
        let raw = reader.tlv_bytes().map_err(|_| SesError::NotDer)?;
        let mut inside = SliceReader::new(raw).map_err(|_| SesError::NotDer)?;
        let header = Header::decode(&mut inside).map_err(|_| SesError::NotDer)?;
        let length = usize::try_from(header.length()).map_err(|_| SesError::NotDer)?;
        let value = raw.len().checked_sub(length).and_then(|start| raw.get(start..));
        all.push(Tlv {
            tag: raw.first().copied().unwrap_or_default(),
            raw,
            value: value.ok_or(SesError::NotDer)?,
        });
    }
    Ok(all)
}

impl<'a> Tlv<'a> {
    /// The values inside.
    pub fn fields(&self) -> Result<Vec<Tlv<'a>>, SesError> {
        all(self.value, MAX_FIELDS)
    }

    /// A small number that is not negative.
    pub fn number(&self) -> Option<u64> {
        let small = self.tag == INTEGER && (1..=8).contains(&self.value.len()) && self.value.first()? < &0x80;
        small.then(|| self.value.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// The bytes of a BIT STRING that are whole.
    pub fn bits(&self) -> Option<&'a [u8]> {
        match self.value.split_first() {
            Some((0, bits)) if self.tag == BIT_STRING => Some(bits),
            _ => None,
        }
    }

    pub fn octets(&self) -> Option<&'a [u8]> {
        (self.tag == OCTET_STRING).then_some(self.value)
    }

    /// DER of an X.509 certificate: in an OCTET STRING, or as it is.
    pub fn certificate(&self) -> Option<&'a [u8]> {
        match self.tag {
            SEQUENCE => Some(self.raw),
            _ => self.octets(),
        }
    }

    pub fn oid(&self) -> Option<String> {
        let oid: der::asn1::ObjectIdentifier = der::asn1::ObjectIdentifier::from_der(self.raw).ok()?;
        Some(oid.to_string())
    }

    /// Text in any of the types that are written: UTF8String, PrintableString, IA5String and others.
    pub fn text(&self) -> Option<String> {
        match self.tag {
            0x0C | 0x13 | 0x14 | 0x16 | 0x1A => Some(String::from_utf8_lossy(self.value).into_owned()),
            _ => None,
        }
    }
}
