//! Signing keys behind one trait.

pub mod authority;
pub mod encrypted;
mod pkcs11;
mod software;
mod timestamp_authority;
pub mod x509;

use std::{
    fs,
    path::{Path, PathBuf},
};

use const_oid::ObjectIdentifier;
use der::{Decode, Encode};
use rustls_pki_types::{CertificateDer, pem::PemObject};

pub use self::{
    pkcs11::{Modules, Pkcs11Key},
    software::SoftwareKey,
    timestamp_authority::{TimestampAuthority, TimestampAuthorityError, is_for_timestamps},
};
use crate::formats::cms::{BuildError, Digest, ID_DATA, Scheme, Signed, SignedAttributes};

/// Signature algorithms that keys of this node can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256; the signature is DER.
    EcdsaP256Sha256,
    Ed25519,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// SM2 with SM3, under the default identity (GM/T 0009); the signature is DER.
    Sm2Sm3,
}

impl From<Algorithm> for Scheme {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::EcdsaP256Sha256 => Self::Ecdsa(Digest::Sha256),
            Algorithm::Ed25519 => Self::Ed25519,
            Algorithm::RsaPkcs1Sha256 => Self::RsaPkcs1(Digest::Sha256),
            Algorithm::Sm2Sm3 => Self::Sm2,
        }
    }
}

/// A key that signs and does not leave its place.
pub trait SigningKey: Send + Sync {
    fn algorithm(&self) -> Algorithm;
    /// DER of the SubjectPublicKeyInfo.
    fn public_key(&self) -> &[u8];
    /// Signs the message (not its digest).
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// Why a key cannot be used. Never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key or X.509 certificate file cannot be read")]
    Io(#[source] std::io::Error),
    #[error("the key file must be readable by its owner only (mode 0600)")]
    Permissions,
    #[error("the file holds no PKCS#8 key of a known algorithm in PEM")]
    Form,
    #[error("`{0}` is not under a password: `yinxin keys encrypt --key {0} --password file:PATH` puts it under one")]
    NotEncrypted(PathBuf),
    #[error("the key is under a password, and none is configured: set `password` beside `key`")]
    NoPassword,
    #[error("the password does not open the key")]
    Password,
    #[error("no random numbers can be had")]
    Random,
    #[error("the token does not give its key: {0}")]
    Token(String),
    #[error("the file holds no chain of X.509 certificates in PEM")]
    Chain,
    #[error("the X.509 certificate does not belong to the key")]
    OtherKey,
    #[error("the key did not sign")]
    Sign,
    #[error("the key did not sign in time")]
    Late,
    #[error("the signature cannot be written as CMS: {0}")]
    Cms(String),
}

/// The most X.509 certificates that stand in one chain file.
pub const MAX_CHAIN: usize = 10;

/// The longest key or chain file, in bytes.
pub const MAX_FILE_BYTES: u64 = 256 * 1024;

/// A key with the X.509 certificates that speak for it, its own first.
pub struct Identity {
    pub key: Box<dyn SigningKey>,
    pub chain: Vec<CertificateDer<'static>>,
}

impl Identity {
    /// Reads a chain (PEM, leaf first) and its key (PKCS#8 in PEM under a password, mode 0600).
    pub fn load(chain_pem: &Path, key: &Path, password: Option<&str>) -> Result<Self, KeyError> {
        Self::new(Box::new(SoftwareKey::load(key, password)?), load_chain(chain_pem)?)
    }

    /// Likewise, with a key that is under no password.
    pub fn load_plain(chain_pem: &Path, key: &Path) -> Result<Self, KeyError> {
        Self::new(Box::new(SoftwareKey::load_plain(key)?), load_chain(chain_pem)?)
    }

    /// Joins a key and its chain; the leaf's SubjectPublicKeyInfo must be the key's.
    pub fn new(key: Box<dyn SigningKey>, chain: Vec<CertificateDer<'static>>) -> Result<Self, KeyError> {
        if chain.len() > MAX_CHAIN {
            return Err(KeyError::Chain);
        }
        if !speaks_for(chain.first().ok_or(KeyError::Chain)?, &*key)? {
            return Err(KeyError::OtherKey);
        }
        Ok(Self { key, chain })
    }

    /// A detached CMS signature (PAdES baseline B) over the pieces, in their order.
    pub fn sign_detached(&self, pieces: &[&[u8]]) -> Result<Vec<u8>, KeyError> {
        self.sign(pieces)?.to_der().map_err(cms_error)
    }

    /// Likewise, before it is written: to bring a timestamp of its value.
    pub fn sign(&self, pieces: &[&[u8]]) -> Result<Signed, KeyError> {
        self.sign_as(ID_DATA, pieces, None)
    }

    /// A CMS signature over content that stands in the message.
    pub fn sign_content(&self, content_type: ObjectIdentifier, content: &[u8]) -> Result<Signed, KeyError> {
        self.sign_as(content_type, &[content], Some(content))
    }

    fn sign_as(
        &self,
        content_type: ObjectIdentifier,
        pieces: &[&[u8]],
        content: Option<&[u8]>,
    ) -> Result<Signed, KeyError> {
        let chain: Vec<&[u8]> = self.chain.iter().map(AsRef::as_ref).collect();
        let scheme = self.key.algorithm().into();
        let attributes = SignedAttributes::new(content_type, pieces, scheme, &chain).map_err(cms_error)?;
        let value = self.key.sign(attributes.to_sign())?;
        attributes.finish(&chain, &value, content).map_err(cms_error)
    }
}

/// Whether an X.509 certificate is about this key.
fn speaks_for(certificate: &[u8], key: &dyn SigningKey) -> Result<bool, KeyError> {
    let parsed = x509_cert::Certificate::from_der(certificate).map_err(|_| KeyError::Chain)?;
    let spki = parsed.tbs_certificate().subject_public_key_info().to_der();
    Ok(spki.map_err(|_| KeyError::Chain)? == key.public_key())
}

/// Reads X.509 certificates in PEM, leaf first.
pub fn load_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, KeyError> {
    let length = fs::metadata(path).map_err(KeyError::Io)?.len();
    if length > MAX_FILE_BYTES {
        return Err(KeyError::Chain);
    }
    let pem = fs::read(path).map_err(KeyError::Io)?;
    CertificateDer::pem_slice_iter(&pem)
        .take(MAX_CHAIN + 1)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| KeyError::Chain)
}

fn cms_error(error: BuildError) -> KeyError {
    KeyError::Cms(error.to_string())
}
