//! A small timestamp authority (RFC 3161): for a demo, a test and a closed net. A county has one of the national
//! authorities' instead; nothing that verifies asks who answered.

use std::sync::Arc;

use const_oid::{ObjectIdentifier, db::rfc5912};
use jiff::SignedDuration;
use ring::rand::SecureRandom;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{Identity, KeyError};
use crate::{
    clock::SharedClock,
    formats::timestamp::{Failure, Request, Response, TST_INFO, TimestampError, TstInfo, refusal},
};

/// The policy that its tokens name: of the arc that RFC 5612 keeps for documentation.
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1");

/// How far its clock may be off, as its tokens say.
const ACCURACY: SignedDuration = SignedDuration::from_secs(1);

/// The length of a serial number, in random bytes.
const SERIAL_BYTES: usize = 16;

/// Digests that it stamps, with their lengths in bytes (RFC 5754).
const DIGESTS: [(ObjectIdentifier, usize); 3] = [
    (rfc5912::ID_SHA_256, 32),
    (rfc5912::ID_SHA_384, 48),
    (rfc5912::ID_SHA_512, 64),
];

/// An authority with its key.
pub struct TimestampAuthority {
    identity: Identity,
    clock: SharedClock,
    random: Arc<dyn SecureRandom + Send + Sync>,
}

/// Why there is no authority, or no answer of one.
#[derive(Debug, thiserror::Error)]
pub enum TimestampAuthorityError {
    #[error(
        "the X.509 certificate is not for timestamps: it needs timeStamping as its one extended key usage, critical"
    )]
    Purpose,
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the token cannot be written")]
    Write(#[from] TimestampError),
    #[error("no random numbers can be had")]
    Random,
}

impl TimestampAuthority {
    /// With a key whose X.509 certificate is for this purpose and no other (RFC 3161 2.3).
    pub fn new(
        identity: Identity,
        clock: SharedClock,
        random: Arc<dyn SecureRandom + Send + Sync>,
    ) -> Result<Self, TimestampAuthorityError> {
        let leaf = identity.chain.first().ok_or(KeyError::Chain)?;
        if !is_for_timestamps(leaf) {
            return Err(TimestampAuthorityError::Purpose);
        }
        Ok(Self {
            identity,
            clock,
            random,
        })
    }

    /// The most bytes that a token of it takes: its chain, twice the names in it, one signature.
    pub fn token_bytes(&self) -> usize {
        2 * self.identity.chain.iter().map(|link| link.len()).sum::<usize>() + 2 * 1024
    }

    /// Answers a request (DER of a TimeStampReq) with DER of a TimeStampResp, which may be a refusal.
    pub fn respond(&self, request: &[u8]) -> Result<Vec<u8>, TimestampAuthorityError> {
        let refused = |failure, why| Ok(refusal(failure, why)?);
        let request = match Request::parse(request) {
            Ok(request) => request,
            Err(TimestampError::CriticalExtension) => {
                return refused(Failure::UnacceptedExtension, "no extension is known here");
            }
            Err(_) => return refused(Failure::BadDataFormat, "the request is not a TimeStampReq"),
        };
        let Some((_, bytes)) = DIGESTS.iter().find(|(oid, _)| *oid == request.imprint.algorithm) else {
            return refused(Failure::BadAlgorithm, "SHA-256, SHA-384 and SHA-512 are stamped");
        };
        if request.imprint.digest.len() != *bytes {
            return refused(
                Failure::BadDataFormat,
                "the digest is not as long as its algorithm says",
            );
        }
        if request.policy.is_some_and(|policy| policy != POLICY) {
            return refused(Failure::UnacceptedPolicy, "another policy is in force here");
        }
        let info = TstInfo {
            policy: POLICY,
            imprint: request.imprint,
            serial: self.serial()?,
            time: self.clock.now(),
            accuracy: Some(ACCURACY),
            ordering: false,
            nonce: request.nonce,
            authority: None,
        };
        let mut signed = self.identity.sign_content(TST_INFO, &info.to_der()?)?;
        if !request.certificates {
            signed = signed.without_certificates();
        }
        let token = signed.to_der().map_err(super::cms_error)?;
        Ok(Response::granted(&token)?)
    }

    /// Positive, and in its shortest form, as DER asks.
    fn serial(&self) -> Result<Vec<u8>, TimestampAuthorityError> {
        let mut serial = vec![0; SERIAL_BYTES];
        self.random
            .fill(&mut serial)
            .map_err(|_| TimestampAuthorityError::Random)?;
        if let Some(first) = serial.first_mut() {
            *first = *first & 0x7F | 0x40;
        }
        Ok(serial)
    }
}

/// RFC 3161 2.3: one purpose, and critical.
pub fn is_for_timestamps(certificate: &[u8]) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    let Ok(Some(usage)) = parsed.extended_key_usage() else {
        return false;
    };
    let purposes = usage.value;
    let others = purposes.any
        || purposes.server_auth
        || purposes.client_auth
        || purposes.code_signing
        || purposes.email_protection
        || purposes.ocsp_signing
        || !purposes.other.is_empty();
    usage.critical && purposes.time_stamping && !others
}
