use std::{sync::Arc, time::Duration};

use const_oid::ObjectIdentifier;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SecureRandom;
use rustls_pki_types::CertificateDer;

use super::{
    anchors::{ChainFault, Purpose, SharedAnchors},
    fetch::{Fetch, FetchError, SharedFetch},
};
use crate::{
    clock::SharedClock,
    formats::{
        cms::{self, Digest, SigningCertificate},
        timestamp::{Imprint, MAX_TOKEN_BYTES, Request, Response, TST_INFO, TimestampError, Token},
    },
    keys::{TimestampAuthority, TimestampAuthorityError, is_for_timestamps},
};

/// Room for a token of another authority, in bytes: some ten X.509 certificates.
pub const TOKEN_ROOM_BYTES: usize = 16 * 1024;

/// How far an authority's clock may be from the node's, in seconds.
pub const MAX_SKEW_S: i64 = 300;

/// How long before a second try, in milliseconds.
const PAUSE_MS: u64 = 500;

/// How often an authority is asked for one timestamp.
const TRIES: u32 = 2;

/// Digests that a token may be signed with.
const STRONG: [Digest; 3] = [Digest::Sha256, Digest::Sha384, Digest::Sha512];

/// Who makes timestamps for this node.
pub enum TimestampSource {
    /// The node's own authority, in this process.
    Own(Arc<TimestampAuthority>),
    Remote {
        fetch: SharedFetch,
        /// Such as `http://tsa.example/rfc3161`.
        address: String,
        /// Only tokens under this policy.
        policy: Option<ObjectIdentifier>,
    },
}

/// Gets timestamps, and believes none unchecked.
pub struct Timestamps {
    pub source: TimestampSource,
    /// What the authority's X.509 certificate must lead to.
    pub roots: SharedAnchors,
    pub clock: SharedClock,
    pub random: Arc<dyn SecureRandom + Send + Sync>,
}

/// A timestamp that holds, and the chain of its authority, root included.
pub struct Stamped {
    pub token: Vec<u8>,
    pub chain: Vec<CertificateDer<'static>>,
}

/// Why there is no timestamp.
#[derive(Debug, thiserror::Error)]
pub enum TimestampFault {
    #[error("the timestamp authority cannot be reached")]
    Fetch(#[from] FetchError),
    #[error("the timestamp authority refuses: status {status}, {text}")]
    Refused { status: u32, text: String },
    #[error("the timestamp authority's answer cannot be read")]
    Form(#[from] TimestampError),
    #[error("the timestamp does not hold: {0}")]
    Wrong(&'static str),
    #[error("the timestamp authority is not trusted")]
    Untrusted(#[source] ChainFault),
    #[error("the node's own timestamp authority cannot answer")]
    Own(#[from] TimestampAuthorityError),
    #[error("no random numbers can be had")]
    Random,
}

impl Timestamps {
    /// The most bytes that a token takes.
    pub fn token_bytes(&self) -> usize {
        match &self.source {
            TimestampSource::Own(authority) => authority.token_bytes(),
            TimestampSource::Remote { .. } => TOKEN_ROOM_BYTES,
        }
    }

    /// A timestamp over the pieces, one after the other: one call, and a second where the first got no answer.
    pub async fn stamp(&self, pieces: &[&[u8]]) -> Result<Stamped, TimestampFault> {
        let mut nonce = [0; 8];
        self.random.fill(&mut nonce).map_err(|_| TimestampFault::Random)?;
        let mut request = Request::new(Imprint::sha256(pieces), nonce);
        let answer = match &self.source {
            TimestampSource::Own(authority) => authority.respond(&request.to_der()?)?,
            TimestampSource::Remote { fetch, address, policy } => {
                request.policy = *policy;
                ask(&**fetch, address, request.to_der()?).await?
            }
        };
        match Response::parse(&answer)? {
            Response::Granted(token) => self.check(*token, &request),
            Response::Refused { status, text, .. } => Err(TimestampFault::Refused { status, text }),
        }
    }

    fn check(&self, token: Token, request: &Request) -> Result<Stamped, TimestampFault> {
        let wrong = TimestampFault::Wrong;
        let now = self.clock.now();
        if token.info.imprint != request.imprint {
            return Err(wrong("it is of other bytes"));
        }
        if token.info.nonce != request.nonce {
            return Err(wrong("it does not bring back the nonce"));
        }
        if request.policy.is_some_and(|policy| policy != token.info.policy) {
            return Err(wrong("it is under another policy"));
        }
        if !is_near(token.info.time, now) {
            return Err(wrong("its time is not the node's"));
        }
        let message = cms::parse(&token.der).map_err(|_| wrong("its message cannot be read"))?;
        let ([signer], Some(content)) = (message.signers.as_slice(), &message.content) else {
            return Err(wrong("its message has not one signer"));
        };
        let place = signer
            .certificate
            .ok_or(wrong("the authority's certificate is missing"))?;
        let leaf = message
            .certificates
            .get(place)
            .ok_or(wrong("the authority's certificate is missing"))?;
        let attributes = signer.attributes.as_ref().ok_or(wrong("it signs no attributes"))?;
        let digest = signer.digest.filter(|digest| STRONG.contains(digest));
        let digest = digest.ok_or(wrong("its digest is weak or unknown"))?;
        let digests_right =
            *content == token.content && attributes.message_digest.as_ref() == Some(&digest.of(&[content]));
        // Without the attribute, a signature over data could pass for one over a TSTInfo.
        let types_right = message.content_type == TST_INFO && attributes.content_type == Some(TST_INFO);
        if !types_right || !digests_right || !signer.consistent || !attributes.sound {
            return Err(wrong("it does not sign what it says"));
        }
        if attributes.signing_certificate != SigningCertificate::Matches {
            return Err(wrong("it does not name its authority's certificate"));
        }
        let leaf = CertificateDer::from(leaf.as_slice());
        let scheme = signer.scheme.ok_or(wrong("its signature algorithm is not known"))?;
        if !self.roots.has_signed(&leaf, scheme, &attributes.der, &signer.signature) {
            return Err(wrong("its signature is wrong"));
        }
        if !is_for_timestamps(&leaf) {
            return Err(wrong("the authority's certificate is not for timestamps alone"));
        }
        let others: Vec<_> = message
            .certificates
            .iter()
            .map(|der| CertificateDer::from(der.as_slice()))
            .collect();
        let chain = self
            .roots
            .chain(&leaf, &others, Purpose::Timestamps, None, now)
            .map_err(TimestampFault::Untrusted)?;
        Ok(Stamped {
            token: token.der,
            chain,
        })
    }
}

async fn ask(fetch: &dyn Fetch, address: &str, request: Vec<u8>) -> Result<Vec<u8>, FetchError> {
    let mut tries = 1;
    loop {
        let answer = fetch.post(address, "application/timestamp-query", request.clone(), MAX_TOKEN_BYTES);
        match answer.await {
            Err(error) if error.is_passing() && tries < TRIES => {
                tracing::warn!(%error, "the timestamp authority is asked again");
                tokio::time::sleep(Duration::from_millis(PAUSE_MS)).await;
                tries += 1;
            }
            other => return other,
        }
    }
}

fn is_near(time: Timestamp, now: Timestamp) -> bool {
    now.duration_since(time).abs() <= SignedDuration::from_secs(MAX_SKEW_S)
}
