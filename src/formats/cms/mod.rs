//! Cryptographic Message Syntax (RFC 5652) as PAdES baseline signatures use it (EN 319 142-1, EN 319 122-1).

mod build;
mod ess;
mod parse;

pub use self::{
    build::{BuildError, SignedAttributes},
    parse::{
        Known, MAX_MESSAGE_BYTES, MAX_SET_ELEMENTS, Message, ParseError, Revocations, Scheme, SignedParts, Signer,
        SigningCertificate, UnsignedAttribute, parse, split,
    },
};

/// Digests that a signature may be made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The digest of the pieces, one after the other.
    pub fn of(self, pieces: &[&[u8]]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &ring::digest::SHA256,
            Self::Sha384 => &ring::digest::SHA384,
            Self::Sha512 => &ring::digest::SHA512,
        };
        let mut context = ring::digest::Context::new(algorithm);
        for piece in pieces {
            context.update(piece);
        }
        context.finish().as_ref().to_vec()
    }
}

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    EcdsaSha256,
    Ed25519,
    RsaPkcs1Sha256,
}

impl SignatureAlgorithm {
    /// The digest of content and signed attributes. RFC 8419 2.3: Ed25519 goes with SHA-512.
    pub fn digest(self) -> Digest {
        match self {
            Self::EcdsaSha256 | Self::RsaPkcs1Sha256 => Digest::Sha256,
            Self::Ed25519 => Digest::Sha512,
        }
    }
}
