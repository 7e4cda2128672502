//! Signing keys behind one trait.

pub mod authority;

use rustls_pki_types::CertificateDer;

/// Signature algorithms that keys of this node can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256; the signature is DER.
    EcdsaP256Sha256,
    Ed25519,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
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
    #[error("the key file cannot be read")]
    Io(#[source] std::io::Error),
    #[error("the key file must be readable by its owner only (mode 0600)")]
    Permissions,
    #[error("the file holds no PKCS#8 key of a known algorithm")]
    Form,
    #[error("the X.509 certificate does not belong to the key")]
    OtherKey,
    #[error("the key did not sign")]
    Sign,
}

/// A key with the X.509 certificates that speak for it, its own first.
pub struct Identity {
    pub key: Box<dyn SigningKey>,
    pub chain: Vec<CertificateDer<'static>>,
}
