//! What is read from this machine: roots, CRLs and OCSP responses, each a folder of files.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject};

use super::{RevocationPolicy, Trust};
use crate::formats::{
    checkpoint::{CheckpointError, VerifierKey},
    crl::{Crl, MAX_CRL_BYTES},
    ocsp::{MAX_RESPONSE_BYTES, Response},
    trust_list::{MAX_LIST_BYTES, TrustList, TrustListError},
    x509::Certificate,
};

/// The most roots of one trust list.
pub const MAX_ROOTS: usize = 1_000;

/// The largest file of roots, in bytes.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The most CRLs and OCSP responses that are configured, and the largest file of them, in bytes.
const MAX_REVOCATION_FILES: usize = 1_000;
const MAX_REVOCATION_BYTES: u64 = MAX_CRL_BYTES as u64;

/// Where it is read from.
#[derive(Clone, Debug, Default)]
pub struct TrustPlaces {
    /// A folder of roots.
    pub roots: Option<PathBuf>,
    /// A signed list, and the file with the key to check it with.
    pub list: Option<(PathBuf, PathBuf)>,
    /// A folder of CRLs and OCSP responses.
    pub revocations: Option<PathBuf>,
    /// Where the newest list that was used is kept, so that an older one is refused.
    pub seen: Option<PathBuf>,
    pub policy: RevocationPolicy,
}

/// Why a trust list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("the trust list `{0}` cannot be read")]
    Io(String, #[source] std::io::Error),
    #[error("`{0}` holds no X.509 certificate that can be a root")]
    NotRoot(String),
    #[error("`{0}` is neither a CRL nor an OCSP response")]
    NotRevocation(String),
    #[error("the trust list `{0}` cannot be used")]
    List(String, #[source] TrustListError),
    #[error("`{0}` holds no key to check a trust list with")]
    Key(String, #[source] CheckpointError),
    #[error("the trust list has more than {MAX_ROOTS} roots or a file of more than {MAX_FILE_BYTES} bytes")]
    TooLarge,
    #[error(
        "the folder has more than {MAX_REVOCATION_FILES} CRLs and OCSP responses or one of more than {MAX_CRL_BYTES} bytes"
    )]
    TooMuchRevocation,
}

impl TrustPlaces {
    /// Reads all of it.
    pub fn open(&self, date: Timestamp) -> Result<Trust, TrustError> {
        let mut trust = match &self.roots {
            Some(folder) => Trust::load(folder, date)?,
            None => Trust::new(Vec::new(), date)?,
        };
        if let Some((list, key)) = &self.list {
            trust = trust.with_list(&self.open_list(list, key)?)?;
        }
        if let Some(folder) = &self.revocations {
            trust = trust.with_revocation(folder)?;
        }
        Ok(trust.with_policy(self.policy))
    }

    fn open_list(&self, path: &Path, key: &Path) -> Result<TrustList, TrustError> {
        let most = u64::try_from(MAX_LIST_BYTES).unwrap_or(u64::MAX);
        let text = |path: &Path| {
            let bytes = read(path, most, TrustError::TooLarge)?;
            Ok::<_, TrustError>(String::from_utf8_lossy(&bytes).into_owned())
        };
        let wrong_key = |error| TrustError::Key(key.display().to_string(), error);
        let wrong_list = |error| TrustError::List(path.display().to_string(), error);
        let key = VerifierKey::parse(&text(key)?).map_err(wrong_key)?;
        let note = text(path)?;
        let list = TrustList::open(&note, &key).map_err(wrong_list)?;
        if let Some(seen) = &self.seen {
            let known = seen.exists().then(|| text(seen)).transpose()?;
            if known.as_ref() == Some(&note) {
                return Ok(list);
            }
            // Under another key it is another list, and starts anew.
            if let Some(known) = known.and_then(|known| TrustList::open(&known, &key).ok()) {
                list.check_follows(&known).map_err(wrong_list)?;
            }
            let fault = |error| TrustError::Io(seen.display().to_string(), error);
            let beside = seen.with_extension("new");
            fs::write(&beside, note)
                .and_then(|()| fs::rename(&beside, seen))
                .map_err(fault)?;
        }
        Ok(list)
    }
}

impl Trust {
    /// Trusts the roots in a folder: each `.pem`, `.crt`, `.cer` and `.der` in it.
    pub fn load(folder: &Path, date: Timestamp) -> Result<Self, TrustError> {
        let mut roots = Vec::new();
        for (path, _) in files(folder, &["pem", "crt", "cer", "der"])? {
            let bytes = read(&path, MAX_FILE_BYTES, TrustError::TooLarge)?;
            let not_root = || TrustError::NotRoot(path.display().to_string());
            let found = if bytes.starts_with(&[0x30]) {
                vec![CertificateDer::from(bytes)]
            } else {
                CertificateDer::pem_slice_iter(&bytes)
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(|_| not_root())?
            };
            if found.is_empty() || found.iter().any(|root| Certificate::parse(root).is_err()) {
                return Err(not_root());
            }
            roots.extend(found);
        }
        Self::new(roots, date)
    }

    /// Adds what is known of revocation: each `.crl` (DER or PEM) and each `.ors` and `.ocsp` (an OCSP response in DER)
    /// of a folder.
    pub fn with_revocation(mut self, folder: &Path) -> Result<Self, TrustError> {
        for (path, extension) in files(folder, &["crl", "ors", "ocsp"])? {
            if self.crls.len() + self.responses.len() >= MAX_REVOCATION_FILES {
                return Err(TrustError::TooMuchRevocation);
            }
            let bytes = read(&path, MAX_REVOCATION_BYTES, TrustError::TooMuchRevocation)?;
            let wrong = || TrustError::NotRevocation(path.display().to_string());
            if extension == "crl" {
                let der = if bytes.starts_with(&[0x30]) {
                    bytes
                } else {
                    let pem = CertificateRevocationListDer::from_pem_slice(&bytes).map_err(|_| wrong())?;
                    pem.to_vec()
                };
                self.crls.push(Arc::new(Crl::parse(&der).map_err(|_| wrong())?));
            } else if bytes.len() <= MAX_RESPONSE_BYTES {
                self.responses
                    .push(Arc::new(Response::parse(&bytes).map_err(|_| wrong())?));
            } else {
                return Err(TrustError::TooMuchRevocation);
            }
        }
        Ok(self)
    }
}

/// The files of a folder with one of these extensions, by name.
fn files(folder: &Path, wanted: &[&str]) -> Result<Vec<(PathBuf, String)>, TrustError> {
    let fault = |error| TrustError::Io(folder.display().to_string(), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let extension = extension.unwrap_or_default().to_ascii_lowercase();
        if wanted.contains(&extension.as_str()) {
            found.push((path, extension));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn read(path: &Path, most: u64, too_large: TrustError) -> Result<Vec<u8>, TrustError> {
    let fault = |error| TrustError::Io(path.display().to_string(), error);
    if fs::metadata(path).map_err(fault)?.len() > most {
        return Err(too_large);
    }
    fs::read(path).map_err(fault)
}
