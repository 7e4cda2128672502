use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject};
use tokio::sync::Mutex;

use super::{
    Fault, LongTermError,
    fetch::{FetchError, SharedFetch},
};
use crate::formats::{crl::Crl, x509::Certificate};

/// The largest revocation list that is put into documents, in bytes.
pub const MAX_LIST_BYTES: usize = 1024 * 1024;

/// The most revocation lists that are configured.
pub const MAX_LISTS: usize = 20;

/// A revocation list as it came (DER), read once.
pub struct RevocationList {
    crl: Arc<Crl>,
    next_update: Timestamp,
}

impl RevocationList {
    /// Reads DER or PEM. Its signature is checked with each chain that it speaks of.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let der = if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
            CertificateRevocationListDer::from_pem_slice(bytes)?.as_ref().to_vec()
        } else {
            bytes.to_vec()
        };
        let crl = Crl::parse(&der)?;
        let next_update = crl.next_update.ok_or("the list has no nextUpdate")?;
        Ok(Self {
            crl: Arc::new(crl),
            next_update,
        })
    }

    pub fn der(&self) -> &[u8] {
        &self.crl.signed.der
    }

    /// What it says.
    pub fn crl(&self) -> &Arc<Crl> {
        &self.crl
    }

    /// Whether it comes from the issuer of this X.509 certificate.
    pub fn speaks_of(&self, certificate: &CertificateDer<'_>) -> bool {
        Certificate::parse(certificate).is_ok_and(|parsed| parsed.issuer == self.crl.issuer)
    }
}

/// The revocation lists that are configured, each kept while it is in force.
pub struct RevocationLists {
    sources: Vec<Source>,
    fetch: SharedFetch,
    refresh: SignedDuration,
}

struct Source {
    place: Place,
    held: Mutex<Option<Held>>,
}

/// Where a list comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    File(PathBuf),
    Address(String),
}

#[derive(Clone)]
struct Held {
    list: Arc<RevocationList>,
    /// When it was fetched.
    at: Timestamp,
    /// Of a file, when it was written and how long it is.
    version: Option<(SystemTime, u64)>,
}

impl RevocationLists {
    /// Lists from URLs are asked for again after `refresh`.
    pub fn new(places: Vec<Place>, fetch: SharedFetch, refresh: Duration) -> Self {
        let source = |place| Source {
            place,
            held: Mutex::new(None),
        };
        Self {
            sources: places.into_iter().map(source).collect(),
            fetch,
            refresh: SignedDuration::try_from(refresh).unwrap_or(SignedDuration::MAX),
        }
    }

    /// All of them, as they are now.
    pub async fn current(&self, now: Timestamp) -> Result<Vec<Arc<RevocationList>>, LongTermError> {
        let mut lists = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            let mut held = source.held.lock().await;
            let fresh = match &source.place {
                Place::File(path) => read_file(path, held.as_ref(), now).await,
                Place::Address(address) => self.fetched(address, held.as_ref(), now).await,
            };
            match fresh {
                Ok(fresh) => {
                    lists.push(Arc::clone(&fresh.list));
                    *held = Some(fresh);
                }
                Err(source_error) => {
                    // What is still in force says what its authority wants it to say until then.
                    match held.as_ref().filter(|held| held.list.next_update > now) {
                        Some(held) => {
                            tracing::warn!(list = %source.place, error = %source_error, "revocation list not renewed");
                            lists.push(Arc::clone(&held.list));
                        }
                        None => {
                            return Err(LongTermError::List {
                                place: source.place.to_string(),
                                source: source_error,
                            });
                        }
                    }
                }
            }
        }
        Ok(lists)
    }

    async fn fetched(&self, address: &str, held: Option<&Held>, now: Timestamp) -> Result<Held, Fault> {
        if let Some(held) = held
            && now.duration_since(held.at) < self.refresh
            && now < held.list.next_update
        {
            return Ok(held.clone());
        }
        let bytes = self.fetch.read(address, MAX_LIST_BYTES).await?;
        Ok(Held {
            list: Arc::new(RevocationList::parse(&bytes)?),
            at: now,
            version: None,
        })
    }
}

async fn read_file(path: &PathBuf, held: Option<&Held>, now: Timestamp) -> Result<Held, Fault> {
    let metadata = tokio::fs::metadata(path).await?;
    let version = Some((metadata.modified()?, metadata.len()));
    if let Some(held) = held.filter(|held| held.version == version) {
        return Ok(held.clone());
    }
    if metadata.len() > MAX_LIST_BYTES as u64 {
        return Err(FetchError::TooMuch(MAX_LIST_BYTES).into());
    }
    let bytes = tokio::fs::read(path).await?;
    Ok(Held {
        list: Arc::new(RevocationList::parse(&bytes)?),
        at: now,
        version,
    })
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            // Without its path, in which a secret might stand.
            Self::Address(address) => {
                let host = address.split('/').nth(2).unwrap_or_default();
                write!(f, "{}", host.rsplit('@').next().unwrap_or_default())
            }
        }
    }
}
