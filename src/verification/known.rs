//! What was computed before and is always the same: X.509 certificates as read, whether a key has signed, pictures of
//! seals. Everything is kept by the digest of the exact bytes that it follows from, and by nothing else: whom to trust,
//! what time it is and what was revoked are asked anew for every document.

use std::sync::Arc;

use moka::sync::Cache;
use ring::digest::{Context, SHA256};

use super::{algorithm, trust::Check};
use crate::formats::x509::{Certificate, Signed};

/// The most X.509 certificates that are kept, in bytes.
const MAX_CERTIFICATE_BYTES: u64 = 16 * 1024 * 1024;

/// The most answers that are kept of each kind.
const MAX_ANSWERS: u64 = 100_000;

/// The most pictures that are kept, in bytes.
const MAX_PICTURE_BYTES: u64 = 16 * 1024 * 1024;

type Key = [u8; 32];

/// The media type of a picture, and the picture in Base64.
type Drawn = (&'static str, String);

pub struct Known {
    certificates: Cache<Key, Arc<Certificate>>,
    checks: Cache<(Key, Key), Check>,
    values: Cache<Key, Option<bool>>,
    pictures: Cache<Key, Option<Arc<Drawn>>>,
}

impl Default for Known {
    fn default() -> Self {
        let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        Self {
            certificates: Cache::builder()
                .max_capacity(MAX_CERTIFICATE_BYTES)
                // What is read of it takes about as much again.
                .weigher(move |_, known: &Arc<Certificate>| size(2 * known.der().len()))
                .build(),
            checks: Cache::new(MAX_ANSWERS),
            values: Cache::new(MAX_ANSWERS),
            pictures: Cache::builder()
                .max_capacity(MAX_PICTURE_BYTES)
                .weigher(move |_, known: &Option<Arc<Drawn>>| {
                    size(64 + known.as_ref().map_or(0, |picture| picture.1.len()))
                })
                .build(),
        }
    }
}

impl Known {
    /// An X.509 certificate; none where it cannot be read.
    pub fn certificate(&self, der: &[u8]) -> Option<Arc<Certificate>> {
        let key = key(&[der]);
        if let Some(known) = self.certificates.get(&key) {
            return Some(known);
        }
        let read = Arc::new(Certificate::parse(der).ok()?);
        self.certificates.insert(key, read.clone());
        Some(read)
    }

    /// Whether the key of an X.509 certificate has signed.
    pub fn check(&self, signed: &Signed, by: &Certificate, compute: impl FnOnce() -> Check) -> Check {
        let key = (*signed.digest(), *by.signed.digest());
        self.checks.get_with(key, compute)
    }

    /// Whether an SM2 value is right over a message, by a key (DER of a SubjectPublicKeyInfo): for what comes again with
    /// every document, such as a seal.
    pub fn sm2(&self, spki: &[u8], message: &[u8], value: &[u8]) -> Option<bool> {
        let key = key(&[spki, message, value]);
        self.values
            .get_with(key, || algorithm::verify_sm2(spki, message, value))
    }

    /// What is shown of a picture.
    pub fn picture(&self, data: &[u8], draw: impl FnOnce() -> Option<Drawn>) -> Option<Arc<Drawn>> {
        self.pictures.get_with(key(&[data]), || draw().map(Arc::new))
    }
}

/// The digest of the pieces, each with its length.
fn key(pieces: &[&[u8]]) -> Key {
    let mut context = Context::new(&SHA256);
    for piece in pieces {
        context.update(&u64::try_from(piece.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(piece);
    }
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}
