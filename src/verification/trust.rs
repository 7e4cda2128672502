//! Roots that are trusted, and the chains that lead to them.
//!
//! Chains are built by rustls-webpki: path building with bounds, name constraints and critical extensions are what a
//! home-made one gets wrong. It knows nothing of key usage, which is looked at in `signer.rs`.

use std::{fs, path::Path, time::Duration};

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime, pem::PemObject};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};
use x509_parser::{certificate::X509Certificate, prelude::FromDer, time::ASN1Time};

use super::TrustSnapshot;

/// The most roots of one trust list.
pub const MAX_ROOTS: usize = 1_000;

/// The largest file of a trust list, in bytes.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The most X.509 certificates that a chain may be built from.
pub const MAX_INTERMEDIATES: usize = 16;

/// Why a trust list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("the trust list `{0}` cannot be read")]
    Io(String, #[source] std::io::Error),
    #[error("`{0}` holds no X.509 certificate that can be a root")]
    NotRoot(String),
    #[error("the trust list has more than {MAX_ROOTS} roots or a file of more than {MAX_FILE_BYTES} bytes")]
    TooLarge,
}

/// A set of roots, as it was at one moment.
pub struct Trust {
    roots: Vec<CertificateDer<'static>>,
    anchors: Vec<TrustAnchor<'static>>,
    snapshot: TrustSnapshot,
}

/// A chain that holds: its X.509 certificates from the signer's up to the root.
pub struct Chain {
    pub certificates: Vec<CertificateDer<'static>>,
}

/// Why there is no chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainFault {
    /// It leads to no root.
    Unknown,
    /// It had held until then.
    Expired,
    /// It will hold.
    NotYetValid,
    /// It may not be used to sign documents.
    Purpose,
    Invalid(String),
}

/// `id-kp-documentSigning` (RFC 9336), `id-kp-emailProtection`, Microsoft's and Adobe's document signing.
const PURPOSES: [&[u8]; 4] = [
    &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x24],
    &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x04],
    &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0A, 0x03, 0x0C],
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x2F, 0x01, 0x01, 0x05],
];

impl Trust {
    /// Trusts these roots.
    pub fn new(mut roots: Vec<CertificateDer<'static>>, date: Timestamp) -> Result<Self, TrustError> {
        if roots.len() > MAX_ROOTS {
            return Err(TrustError::TooLarge);
        }
        roots.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
        roots.dedup();
        let mut anchors = Vec::with_capacity(roots.len());
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        for root in &roots {
            let anchor = anchor_from_trusted_cert(root).map_err(|_| TrustError::NotRoot("a root".to_owned()))?;
            anchors.push(anchor.to_owned());
            context.update(ring::digest::digest(&ring::digest::SHA256, root).as_ref());
        }
        let mut id = data_encoding::HEXLOWER.encode(context.finish().as_ref());
        id.truncate(16);
        Ok(Self {
            roots,
            anchors,
            snapshot: TrustSnapshot { id, date },
        })
    }

    /// Trusts the roots in a folder: each `.pem`, `.crt`, `.cer` and `.der` in it.
    pub fn load(folder: &Path, date: Timestamp) -> Result<Self, TrustError> {
        let fault = |path: &Path| {
            let path = path.display().to_string();
            move |error| TrustError::Io(path, error)
        };
        let mut roots = Vec::new();
        for entry in fs::read_dir(folder).map_err(fault(folder))? {
            let path = entry.map_err(fault(folder))?.path();
            let extension = path
                .extension()
                .and_then(|extension| extension.to_str())
                .unwrap_or_default();
            if !["pem", "crt", "cer", "der"].contains(&extension.to_ascii_lowercase().as_str()) {
                continue;
            }
            if fs::metadata(&path).map_err(fault(&path))?.len() > MAX_FILE_BYTES {
                return Err(TrustError::TooLarge);
            }
            let bytes = fs::read(&path).map_err(fault(&path))?;
            let not_root = || TrustError::NotRoot(path.display().to_string());
            let found = if bytes.starts_with(&[0x30]) {
                vec![CertificateDer::from(bytes)]
            } else {
                CertificateDer::pem_slice_iter(&bytes)
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(|_| not_root())?
            };
            if found.is_empty() || found.iter().any(|root| anchor_from_trusted_cert(root).is_err()) {
                return Err(not_root());
            }
            roots.extend(found);
        }
        Self::new(roots, date)
    }

    pub fn snapshot(&self) -> &TrustSnapshot {
        &self.snapshot
    }

    /// Whether it is, byte for byte, one of the roots.
    pub fn is_root(&self, certificate: &[u8]) -> bool {
        self.roots.iter().any(|root| root.as_ref() == certificate)
    }

    /// The chain from a signer's X.509 certificate to a root, as it holds at a time.
    pub fn chain(&self, leaf: &[u8], others: &[Vec<u8>], at: Timestamp) -> Result<Chain, ChainFault> {
        if others.len() > MAX_INTERMEDIATES {
            return Err(ChainFault::Invalid("MAX_INTERMEDIATES".to_owned()));
        }
        let leaf = CertificateDer::from(leaf);
        let others: Vec<_> = others
            .iter()
            .map(|other| CertificateDer::from(other.as_slice()))
            .collect();
        let seconds = u64::try_from(at.as_second()).unwrap_or(0);
        match self.path(&leaf, &others, UnixTime::since_unix_epoch(Duration::from_secs(seconds))) {
            Ok(chain) => Ok(chain),
            // A chain that does not hold now says nothing of trust, unless it held at its own edge.
            Err(Error::CertExpired { not_after, .. }) => self
                .path(&leaf, &others, not_after)
                .map_or_else(|error| Err(fault(&error)), |_| Err(ChainFault::Expired)),
            Err(Error::CertNotValidYet { not_before, .. }) => self
                .path(&leaf, &others, not_before)
                .map_or_else(|error| Err(fault(&error)), |_| Err(ChainFault::NotYetValid)),
            Err(error) => Err(fault(&error)),
        }
    }

    fn path(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>], at: UnixTime) -> Result<Chain, Error> {
        let end_entity = EndEntityCert::try_from(leaf)?;
        let mut last = Error::UnknownIssuer;
        for purpose in PURPOSES {
            let usage = KeyUsage::required_if_present(purpose);
            let path = end_entity.verify_for_usage(ALL_VERIFICATION_ALGS, &self.anchors, others, at, usage, None, None);
            match path {
                Ok(path) => {
                    let mut certificates = vec![leaf.clone().into_owned()];
                    certificates.extend(
                        path.intermediate_certificates()
                            .map(|between| between.der().into_owned()),
                    );
                    let anchor = path.anchor();
                    let root = self.anchors.iter().position(|known| known == anchor);
                    let root = root.and_then(|root| self.roots.get(root)).ok_or(Error::UnknownIssuer)?;
                    judge_authorities(root, certificates.get(1..).unwrap_or_default(), at)?;
                    certificates.push(root.clone());
                    return Ok(Chain { certificates });
                }
                Err(error @ Error::RequiredEkuNotFoundContext(_)) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}

/// What rustls-webpki leaves to others: of a root it keeps name and key alone, so that its validity and path length would
/// not count, and of no authority does it ask the key usage (RFC 5280 6.1.4 n).
fn judge_authorities(root: &[u8], between: &[CertificateDer<'_>], at: UnixTime) -> Result<(), Error> {
    let (_, parsed) = X509Certificate::from_der(root).map_err(|_| Error::BadDer)?;
    let edge = |time: ASN1Time| UnixTime::since_unix_epoch(Duration::from_secs(time.timestamp().unsigned_abs()));
    let (not_before, not_after) = (edge(parsed.validity().not_before), edge(parsed.validity().not_after));
    if at > not_after {
        return Err(Error::CertExpired { time: at, not_after });
    }
    if at < not_before {
        return Err(Error::CertNotValidYet { time: at, not_before });
    }
    let constraints = parsed.basic_constraints().map_err(|_| Error::BadDer)?;
    let allowed = constraints.and_then(|constraints| constraints.value.path_len_constraint);
    if allowed.is_some_and(|allowed| u64::try_from(between.len()).unwrap_or(u64::MAX) > u64::from(allowed)) {
        return Err(Error::PathLenConstraintViolated);
    }
    for authority in between.iter().map(AsRef::as_ref).chain([root]) {
        let (_, parsed) = X509Certificate::from_der(authority).map_err(|_| Error::BadDer)?;
        let usage = parsed.key_usage().map_err(|_| Error::BadDer)?;
        if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
            return Err(Error::EndEntityUsedAsCa);
        }
    }
    Ok(())
}

fn fault(error: &Error) -> ChainFault {
    match error {
        Error::UnknownIssuer | Error::CaUsedAsEndEntity => ChainFault::Unknown,
        Error::CertExpired { .. } => ChainFault::Expired,
        Error::CertNotValidYet { .. } => ChainFault::NotYetValid,
        Error::RequiredEkuNotFoundContext(_) => ChainFault::Purpose,
        other => ChainFault::Invalid(other.to_string()),
    }
}
