use std::sync::Arc;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use super::lists::RevocationList;
use crate::formats::cms::Scheme;

/// What an X.509 certificate is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Sealing,
    Timestamps,
}

/// Roots that the seals of this node, or its timestamp authority, must lead to. What verifies documents implements it, so
/// that nothing is sealed which would not be found right.
pub trait Anchors: Send + Sync {
    /// The chain from a certificate to one of the roots, both included, as it holds at a time: for its purpose and,
    /// where lists are given, with each link below the root known not to be revoked by a list in force.
    fn chain(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        purpose: Purpose,
        lists: Option<&[Arc<RevocationList>]>,
        at: Timestamp,
    ) -> Result<Vec<CertificateDer<'static>>, ChainFault>;

    /// Whether the key of an X.509 certificate has signed the message, by an algorithm that is strong.
    fn has_signed(&self, certificate: &[u8], scheme: Scheme, message: &[u8], value: &[u8]) -> bool;
}

/// Roots that are handed around.
pub type SharedAnchors = Arc<dyn Anchors>;

/// Why there is no chain.
#[derive(Debug, thiserror::Error)]
pub enum ChainFault {
    #[error("a list says that it is revoked, or an authority above it")]
    Revoked,
    #[error("the X.509 certificate cannot be read")]
    Form,
    #[error("the X.509 certificate is a root itself, of which no list speaks")]
    Root,
    /// The verifier's finding.
    #[error("{0}")]
    Unproven(String),
}
