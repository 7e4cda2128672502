use const_oid::ObjectIdentifier;
use der::{Decode, Encode, Sequence, asn1::Int};
use x509_cert::ext::Extensions;

use super::{Imprint, MAX_REQUEST_BYTES, TimestampError, info::StoredImprint};

/// What is asked of an authority (RFC 3161 2.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub imprint: Imprint,
    pub policy: Option<ObjectIdentifier>,
    /// Two's complement, most significant byte first. The token must bring it back.
    pub nonce: Option<Vec<u8>>,
    /// The authority's X.509 certificates shall stand in the token.
    pub certificates: bool,
}

impl Request {
    /// For an imprint, with the certificates; the nonce is 64 random bits.
    pub fn new(imprint: Imprint, nonce: [u8; 8]) -> Self {
        Self {
            imprint,
            policy: None,
            nonce: Some(positive(&nonce)),
            certificates: true,
        }
    }

    pub fn parse(der: &[u8]) -> Result<Self, TimestampError> {
        if der.len() > MAX_REQUEST_BYTES {
            return Err(TimestampError::Limit("MAX_REQUEST_BYTES"));
        }
        let form = TimestampError::Form("a TimeStampReq");
        let stored = Stored::from_der(der).map_err(|_| form)?;
        if stored.version != 1 {
            return Err(form);
        }
        if stored.extensions.iter().flatten().any(|extension| extension.critical) {
            return Err(TimestampError::CriticalExtension);
        }
        Ok(Self {
            imprint: stored.message_imprint.read().ok_or(form)?,
            policy: stored.req_policy,
            nonce: stored.nonce.map(|nonce| nonce.as_bytes().to_vec()),
            certificates: stored.cert_req,
        })
    }

    pub fn to_der(&self) -> Result<Vec<u8>, TimestampError> {
        let stored = Stored {
            version: 1,
            message_imprint: StoredImprint::write(&self.imprint).ok_or(TimestampError::Encode)?,
            req_policy: self.policy,
            nonce: self
                .nonce
                .as_deref()
                .map(Int::new)
                .transpose()
                .map_err(|_| TimestampError::Encode)?,
            cert_req: self.certificates,
            extensions: None,
        };
        stored.to_der().map_err(|_| TimestampError::Encode)
    }
}

/// The shortest two's complement of an unsigned number, as DER asks.
fn positive(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let rest = bytes.get(zeros..).unwrap_or_default();
    let sign = rest.first().is_none_or(|first| *first >= 0x80);
    let padding: &[u8] = if sign { &[0] } else { &[] };
    [padding, rest].concat()
}

#[derive(Sequence)]
struct Stored {
    version: u8,
    message_imprint: StoredImprint,
    #[asn1(optional = "true")]
    req_policy: Option<ObjectIdentifier>,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(default = "Default::default")]
    cert_req: bool,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}
