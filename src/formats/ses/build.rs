//! Seals and signatures of version 4 (GB/T 38540-2020), to be written. Values are made elsewhere, over what is given here.

use jiff::Timestamp;

use super::SM2_WITH_SM3;
pub use crate::formats::der::BuildError;
use crate::formats::der::{bits, generalized_time as time, ia5, integer, octets, oid, sequence, utf8};

/// The number of the version in seals and signatures.
const VERSION: u8 = 4;
/// A seal of a body; 2 is one of a person.
const KIND_OF_A_BODY: u8 = 1;

/// What a seal is made of.
pub struct NewSeal<'a> {
    pub id: &'a str,
    /// Who makes the software, in ASCII.
    pub vendor: &'a str,
    pub name: &'a str,
    /// DER of the X.509 certificates of those who may sign with it.
    pub signers: &'a [&'a [u8]],
    pub created: Timestamp,
    pub valid_from: Timestamp,
    pub valid_until: Timestamp,
    /// `png`, `svg`, `ofd`.
    pub picture_kind: &'a str,
    pub picture: &'a [u8],
    pub width_mm: u8,
    pub height_mm: u8,
}

impl NewSeal<'_> {
    /// What the maker signs: SES_SealInfo.
    pub fn to_sign(&self) -> Result<Vec<u8>, BuildError> {
        let header = sequence(&[ia5("ES")?, integer(VERSION)?, ia5(self.vendor)?])?;
        let signers = self.signers.iter().map(|certificate| octets(certificate));
        let property = sequence(&[
            integer(KIND_OF_A_BODY)?,
            utf8(self.name)?,
            // The signers are listed by their X.509 certificates, not by digests.
            integer(1)?,
            sequence(&signers.collect::<Result<Vec<_>, _>>()?)?,
            time(self.created)?,
            time(self.valid_from)?,
            time(self.valid_until)?,
        ])?;
        let picture = sequence(&[
            ia5(self.picture_kind)?,
            octets(self.picture)?,
            integer(self.width_mm)?,
            integer(self.height_mm)?,
        ])?;
        sequence(&[header, ia5(self.id)?, property, picture])
    }
}

/// SESeal: what the maker signed, with its X.509 certificate and value.
pub fn seal(signed: &[u8], maker: &[u8], value: &[u8]) -> Result<Vec<u8>, BuildError> {
    sequence(&[signed.to_vec(), octets(maker)?, oid(SM2_WITH_SM3)?, bits(value)?])
}

/// What a signer signs: TBS_Sign, over the digest of `Signature.xml` at `path`.
pub fn to_sign(seal: &[u8], at: Timestamp, data_hash: &[u8], path: &str) -> Result<Vec<u8>, BuildError> {
    sequence(&[
        integer(VERSION)?,
        seal.to_vec(),
        time(at)?,
        bits(data_hash)?,
        ia5(path)?,
    ])
}

/// SES_Signature: what the signer signed, with its X.509 certificate and value.
pub fn signature(signed: &[u8], signer: &[u8], value: &[u8]) -> Result<Vec<u8>, BuildError> {
    sequence(&[signed.to_vec(), octets(signer)?, oid(SM2_WITH_SM3)?, bits(value)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::ses::{Seal, Signature, Signers, TimeInfo, Version};

    #[test]
    fn what_is_written_is_read_again() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let new = NewSeal {
            id: "65312500000001",
            vendor: "Yinxin",
            name: "示例局",
            signers: &[b"\x30\x00"],
            created: at("2026-01-01T00:00:00Z"),
            valid_from: at("2026-01-01T00:00:00Z"),
            valid_until: at("2031-01-01T00:00:00Z"),
            picture_kind: "png",
            picture: b"picture",
            width_mm: 42,
            height_mm: 200,
        };
        let signed = new.to_sign().unwrap();
        let made = seal(&signed, b"\x30\x01\x00", b"value").unwrap();
        let read = Seal::read(&made).unwrap();
        assert_eq!(
            (read.version, read.mixed, read.name.as_str()),
            (Version::V4, false, "示例局")
        );
        assert_eq!(
            (read.signed.as_slice(), read.value),
            (signed.as_slice(), b"value".as_slice())
        );
        assert_eq!(
            (read.picture.data, read.picture.height_mm),
            (b"picture".as_slice(), 200)
        );
        assert_eq!(read.valid_until, new.valid_until);
        assert!(matches!(&read.signers, Signers::Certificates(all) if *all == [b"\x30\x00"]));
        let signed = to_sign(
            &made,
            at("2026-02-01T00:00:00Z"),
            &[7; 32],
            "/Doc_0/Signs/Sign_0/Signature.xml",
        )
        .unwrap();
        let whole = signature(&signed, b"\x30\x00", b"other").unwrap();
        let read = Signature::read(&whole).unwrap();
        assert_eq!(
            (read.to_sign, read.data_hash, read.value),
            (signed.as_slice(), [7; 32].as_slice(), b"other".as_slice())
        );
        assert!(matches!(read.time, TimeInfo::Time(time) if time == at("2026-02-01T00:00:00Z")));
        assert!(!read.mixed && read.seal.raw == made);
    }
}
