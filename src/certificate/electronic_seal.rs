//! Electronic seals (SESeal, GB/T 38540): made by a seal maker, and held by a department with the key of one who signs with
//! it.

use std::{fs, io, path::Path};

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use crate::{
    formats::{
        ofd,
        ses::{self, NewSeal},
    },
    keys::{Algorithm, Identity, KeyError},
};

/// The side of a seal, in millimetres (国发〔1999〕25号).
const SEAL_MM: u8 = 42;

/// A department's electronic seal: an SESeal, and the key of one who may sign with it.
pub struct ElectronicSeal {
    der: Vec<u8>,
    signer: Identity,
}

/// Why an electronic seal cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum ElectronicSealError {
    #[error("the electronic seal cannot be read")]
    Io(#[source] io::Error),
    #[error(
        "the file holds no electronic seal (SESeal, GB/T 38540) of up to {} bytes",
        ses::MAX_SEAL_BYTES
    )]
    Form,
    #[error("an electronic seal takes SM2 keys (GB/T 38540), and this is a key for {0:?}")]
    Algorithm(Algorithm),
    #[error("the signer's X.509 certificate is not on the seal's list of signers")]
    NotListed,
    #[error("the picture is neither PNG, JPEG, SVG nor OFD")]
    Picture,
    #[error(
        "the seal cannot be written: its name, identifier, picture or list of signers is not one that a seal can have"
    )]
    Write,
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl ElectronicSeal {
    /// Reads an SESeal file.
    pub fn load(seal: &Path, signer: Identity) -> Result<Self, ElectronicSealError> {
        let limit = u64::try_from(ses::MAX_SEAL_BYTES).unwrap_or(u64::MAX);
        if fs::metadata(seal).map_err(ElectronicSealError::Io)?.len() > limit {
            return Err(ElectronicSealError::Form);
        }
        Self::new(fs::read(seal).map_err(ElectronicSealError::Io)?, signer)
    }

    /// Joins the two; the signer must stand on the seal's list.
    pub fn new(der: Vec<u8>, signer: Identity) -> Result<Self, ElectronicSealError> {
        let certificate = sm2_certificate(&signer)?;
        let read = ses::Seal::read(&der).map_err(|_| ElectronicSealError::Form)?;
        match &read.signers {
            ses::Signers::Certificates(all) if all.contains(&certificate) => Ok(Self { der, signer }),
            _ => Err(ElectronicSealError::NotListed),
        }
    }

    /// DER of the SESeal.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The SM2 value over the message, and the X.509 certificate of who signed.
    pub fn sign(&self, message: &[u8]) -> Result<(Vec<u8>, &[u8]), KeyError> {
        let certificate = self.signer.chain.first().ok_or(KeyError::Chain)?;
        Ok((self.signer.key.sign(message)?, certificate))
    }
}

/// What a seal maker puts into an electronic seal.
pub struct SealOrder<'a> {
    /// In ASCII.
    pub id: &'a str,
    pub name: &'a str,
    /// Who may sign with it.
    pub signers: &'a [CertificateDer<'a>],
    pub picture: &'a [u8],
    pub valid_from: Timestamp,
    pub valid_until: Timestamp,
}

impl SealOrder<'_> {
    /// DER of an SESeal of 42 mm, signed by the seal maker.
    pub fn make(&self, maker: &Identity) -> Result<Vec<u8>, ElectronicSealError> {
        let certificate = sm2_certificate(maker)?;
        let signers: Vec<&[u8]> = self.signers.iter().map(AsRef::as_ref).collect();
        let seal = NewSeal {
            id: self.id,
            vendor: "Yinxin",
            name: self.name,
            signers: &signers,
            created: self.valid_from,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            picture_kind: picture_kind(self.picture).ok_or(ElectronicSealError::Picture)?,
            picture: self.picture,
            width_mm: SEAL_MM,
            height_mm: SEAL_MM,
        };
        let signed = seal.to_sign().map_err(|_| ElectronicSealError::Write)?;
        let value = maker.key.sign(&signed)?;
        ses::seal(&signed, certificate, &value).map_err(|_| ElectronicSealError::Write)
    }
}

/// The X.509 certificate of an SM2 key.
fn sm2_certificate(identity: &Identity) -> Result<&[u8], ElectronicSealError> {
    match identity.key.algorithm() {
        Algorithm::Sm2Sm3 => Ok(identity.chain.first().ok_or(KeyError::Chain)?),
        other => Err(ElectronicSealError::Algorithm(other)),
    }
}

/// What GB/T 38540 calls a picture, by its bytes.
fn picture_kind(picture: &[u8]) -> Option<&'static str> {
    match picture {
        _ if picture.starts_with(b"\x89PNG") => Some("png"),
        _ if picture.starts_with(b"\xFF\xD8\xFF") => Some("jpg"),
        _ if ofd::is_package(picture) => Some("ofd"),
        _ if picture.trim_ascii_start().starts_with(b"<svg") => Some("svg"),
        _ => None,
    }
}
