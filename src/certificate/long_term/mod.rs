//! What makes a seal last (EN 319 142-1): a timestamp of its signature, validation data, a timestamp of the document.

mod anchors;
mod fetch;
mod lists;
mod timestamps;

use std::sync::Arc;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use serde::Deserialize;

pub use self::{
    anchors::{Anchors, ChainFault, Purpose, SharedAnchors},
    fetch::{Fetch, FetchError, SharedFetch},
    lists::{MAX_LIST_BYTES, MAX_LISTS, Place, RevocationList, RevocationLists},
    timestamps::{Stamped, TimestampFault, TimestampSource, Timestamps},
};
use super::CertificateError;
use crate::{
    clock::SharedClock,
    formats::{
        cms::Signed,
        pdf::{self, Prepared, ValidationData},
        timestamp::SIGNATURE_TIMESTAMP,
    },
    keys::Identity,
};

/// The name of a document timestamp's field.
const TIMESTAMP_FIELD: &str = "Timestamp";

/// Room beside the chain and the timestamp, in bytes: the signature value (RSA with 4096 bits takes 512), the attributes,
/// and what holds them.
const REST_BYTES: usize = 2 * 1024;

/// What a fault comes from.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The baseline level of a seal (EN 319 142-1 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Level {
    /// A signature; its time is the signer's own claim.
    #[default]
    #[serde(rename = "B-B")]
    B,
    /// And a timestamp of the signature.
    #[serde(rename = "B-T")]
    T,
    /// And the certificates and revocation lists that a verifier needs.
    #[serde(rename = "B-LT")]
    Lt,
    /// And a timestamp of the document with all of them.
    #[serde(rename = "B-LTA")]
    Lta,
}

impl Level {
    /// As EN 319 142-1 and `type.toml` write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::B => "B-B",
            Self::T => "B-T",
            Self::Lt => "B-LT",
            Self::Lta => "B-LTA",
        }
    }
}

/// Why a seal cannot be made to last.
#[derive(Debug, thiserror::Error)]
pub enum LongTermError {
    #[error("the node is not set up for level {}", .0.as_str())]
    Level(Level),
    #[error("no timestamp")]
    Timestamp(#[from] TimestampFault),
    #[error("the revocation list from `{place}` cannot be had")]
    List {
        place: String,
        #[source]
        source: Fault,
    },
    #[error("no revocation list in force vouches for the {whose} X.509 certificate")]
    Unvouched {
        whose: &'static str,
        #[source]
        source: ChainFault,
    },
    #[error("the {whose} X.509 certificate is revoked")]
    Revoked { whose: &'static str },
}

/// What a node has for seals above B-B.
pub struct LongTerm {
    /// From B-T on.
    pub timestamps: Option<Timestamps>,
    /// From B-LT on.
    pub lists: Option<RevocationLists>,
    /// What the seals' X.509 certificates must lead to, from B-LT on.
    pub roots: SharedAnchors,
    pub clock: SharedClock,
}

/// What was found before a key signs.
pub struct Ready {
    lists: Vec<Arc<RevocationList>>,
    /// The seal's chain, root included.
    chain: Vec<CertificateDer<'static>>,
}

impl LongTerm {
    /// The highest level that it gives.
    pub fn highest(&self) -> Level {
        match (&self.timestamps, &self.lists) {
            (None, _) => Level::B,
            (Some(_), None) => Level::T,
            (Some(_), Some(_)) => Level::Lta,
        }
    }

    /// Room for a seal's CMS at a level, in bytes: its chain whole, the issuer's name twice more, one signature and, from
    /// B-T on, the largest timestamp.
    pub fn contents_bytes(&self, seal: &Identity, level: Level) -> usize {
        let chain: usize = seal.chain.iter().map(|link| link.len()).sum();
        let leaf = seal.chain.first().map_or(0, |leaf| leaf.len());
        let token = match (&self.timestamps, level) {
            (_, Level::B) | (None, _) => 0,
            (Some(timestamps), _) => timestamps.token_bytes(),
        };
        (chain + 2 * leaf + REST_BYTES + token).max(pdf::DEFAULT_CONTENTS_BYTES)
    }

    /// Gathers what a level needs before the key signs: where a list is missing or does not vouch for the seal, nothing
    /// is signed.
    pub async fn ready(&self, seal: &Identity, level: Level) -> Result<Ready, LongTermError> {
        if level > self.highest() {
            return Err(LongTermError::Level(level));
        }
        let mut ready = Ready {
            lists: Vec::new(),
            chain: Vec::new(),
        };
        if let (Some(lists), true) = (&self.lists, level >= Level::Lt) {
            let now = self.clock.now();
            ready.lists = lists.current(now).await?;
            let (leaf, others) = seal.chain.split_first().ok_or(LongTermError::Level(level))?;
            ready.chain = vouched(
                &*self.roots,
                leaf,
                others,
                (Purpose::Sealing, "seal's"),
                &ready.lists,
                now,
            )?;
        }
        Ok(ready)
    }

    /// Puts the signature into its gap, with all that the level asks for.
    pub async fn complete(
        &self,
        prepared: Prepared,
        signed: Signed,
        level: Level,
        ready: Ready,
    ) -> Result<Vec<u8>, CertificateError> {
        let written = |error: crate::formats::cms::BuildError| CertificateError::Seal(error.to_string());
        let sealed = |error: pdf::SealError| CertificateError::Seal(error.to_string());
        if level == Level::B {
            return prepared.finish(&signed.to_der().map_err(written)?).map_err(sealed);
        }
        let timestamps = self.timestamps.as_ref().ok_or(LongTermError::Level(level))?;
        let stamped = timestamps.stamp(&[signed.value()]).await.map_err(LongTermError::from)?;
        let signed = signed
            .with_unsigned(SIGNATURE_TIMESTAMP, &stamped.token)
            .map_err(written)?;
        let cms = signed.to_der().map_err(written)?;
        let contents_bytes = prepared.contents_bytes();
        let document = prepared.finish(&cms).map_err(sealed)?;
        if level == Level::T {
            return Ok(document);
        }
        let data = self.validation_data(ready, timestamps, &stamped)?;
        let mut contents = cms;
        contents.resize(contents_bytes, 0);
        let document = pdf::add_validation_data(&document, &data, &[&contents]).map_err(sealed)?;
        if level == Level::Lt {
            return Ok(document);
        }
        let prepared = pdf::prepare_timestamp(&document, TIMESTAMP_FIELD, timestamps.token_bytes()).map_err(sealed)?;
        let stamped = timestamps
            .stamp(&prepared.bytes_to_sign())
            .await
            .map_err(LongTermError::from)?;
        prepared.finish(&stamped.token).map_err(sealed)
    }

    /// Both chains, and the lists that speak of them.
    fn validation_data(
        &self,
        ready: Ready,
        timestamps: &Timestamps,
        stamped: &Stamped,
    ) -> Result<ValidationData, LongTermError> {
        let (leaf, others) = stamped
            .chain
            .split_first()
            .ok_or(TimestampFault::Wrong("it has no chain"))?;
        let authority = vouched(
            &*timestamps.roots,
            leaf,
            others,
            (Purpose::Timestamps, "timestamp authority's"),
            &ready.lists,
            self.clock.now(),
        )?;
        let mut certificates: Vec<Vec<u8>> = Vec::new();
        let mut crls: Vec<Vec<u8>> = Vec::new();
        for certificate in ready.chain.iter().chain(&authority) {
            if !certificates.iter().any(|known| known == certificate.as_ref()) {
                certificates.push(certificate.as_ref().to_vec());
            }
            for list in ready.lists.iter().filter(|list| list.speaks_of(certificate)) {
                if !crls.iter().any(|known| known == list.der()) {
                    crls.push(list.der().to_vec());
                }
            }
        }
        Ok(ValidationData {
            certificates,
            crls,
            ocsp_responses: Vec::new(),
        })
    }
}

/// A chain of which no link is revoked, each by a list in force.
fn vouched(
    roots: &dyn Anchors,
    leaf: &CertificateDer<'static>,
    others: &[CertificateDer<'static>],
    (purpose, whose): (Purpose, &'static str),
    lists: &[Arc<RevocationList>],
    now: Timestamp,
) -> Result<Vec<CertificateDer<'static>>, LongTermError> {
    roots
        .chain(leaf, others, purpose, Some(lists), now)
        .map_err(|fault| match fault {
            ChainFault::Revoked => LongTermError::Revoked { whose },
            source => LongTermError::Unvouched { whose, source },
        })
}
