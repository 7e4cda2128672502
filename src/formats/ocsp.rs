//! Responses of the Online Certificate Status Protocol (RFC 6960), as stored.

use const_oid::ObjectIdentifier;
use der::{
    Any, Choice, Decode, Encode, Enumerated, Sequence,
    asn1::{BitString, GeneralizedTime, Int, OctetString},
};
use jiff::Timestamp;
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extensions;
use x509_parser::{prelude::FromDer, x509::X509Name};

use super::{
    crl::Reason,
    x509::{Name, Signed, name_of, serial},
};

/// The largest response that is read, in bytes.
pub const MAX_RESPONSE_BYTES: usize = 256 * 1024;

/// The most X.509 certificates that one response may be about.
pub const MAX_SINGLE_RESPONSES: usize = 200;

/// Why a response is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OcspError {
    #[error("the limit {0} is exceeded")]
    Limit(&'static str),
    #[error("the bytes are not an OCSP response")]
    Form,
    #[error("the responder gave no answer")]
    NotSuccessful,
}

/// What a responder said.
#[derive(Clone, Debug)]
pub struct Response {
    pub signed: Signed,
    pub responder: Responder,
    pub produced_at: Timestamp,
    pub answers: Vec<Answer>,
    /// DER of the X.509 certificates that came with it.
    pub certificates: Vec<Vec<u8>>,
    /// An extension is critical and not understood.
    pub unknown_critical: bool,
}

/// Who says that it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Responder {
    Name(Name),
    /// SHA-1 of its key's octets.
    Key(Vec<u8>),
}

/// About one X.509 certificate.
#[derive(Clone, Debug)]
pub struct Answer {
    pub hash: ObjectIdentifier,
    pub issuer_name_hash: Vec<u8>,
    pub issuer_key_hash: Vec<u8>,
    /// Without leading zeros.
    pub serial: Vec<u8>,
    pub status: Status,
    pub this_update: Timestamp,
    pub next_update: Option<Timestamp>,
    /// It also knows of X.509 certificates that had expired since then (RFC 6960 4.4.4).
    pub archive_cutoff: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Good,
    Revoked { at: Timestamp, reason: Option<Reason> },
    Unknown,
}

/// `id-pkix-ocsp-basic`, `id-pkix-ocsp-archive-cutoff`, `id-pkix-ocsp-nonce`, `id-pkix-ocsp-extended-revoke`.
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
const ARCHIVE_CUTOFF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.6");
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
const EXTENDED_REVOKE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.9");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[asn1(type = "ENUMERATED")]
#[repr(u8)]
enum ResponseStatus {
    Successful = 0,
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    SigRequired = 5,
    Unauthorized = 6,
}

#[derive(Sequence)]
struct Outer {
    status: ResponseStatus,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    bytes: Option<ResponseBytes>,
}

#[derive(Sequence)]
struct ResponseBytes {
    kind: ObjectIdentifier,
    response: OctetString,
}

#[derive(Sequence)]
struct Basic {
    data: Data,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    certificates: Option<Vec<Any>>,
}

#[derive(Sequence)]
struct Data {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "Default::default")]
    version: u8,
    responder: StoredResponder,
    produced_at: GeneralizedTime,
    responses: Vec<Single>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Choice)]
enum StoredResponder {
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", constructed = "true")]
    Name(Any),
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    Key(OctetString),
}

#[derive(Sequence)]
struct Single {
    id: CertId,
    status: StoredStatus,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
struct CertId {
    hash: AlgorithmIdentifierOwned,
    issuer_name_hash: OctetString,
    issuer_key_hash: OctetString,
    serial: Int,
}

#[derive(Choice)]
enum StoredStatus {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(der::asn1::Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(der::asn1::Null),
}

#[derive(Sequence)]
struct RevokedInfo {
    at: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    reason: Option<StoredReason>,
}

/// Any ENUMERATED: a reason that is not known is still a revocation.
struct StoredReason(u8);

impl<'a> der::DecodeValue<'a> for StoredReason {
    type Error = der::Error;

    fn decode_value<R: der::Reader<'a>>(reader: &mut R, header: der::Header) -> der::Result<Self> {
        let bytes = reader.read_slice(header.length())?;
        match bytes {
            [code] => Ok(Self(*code)),
            _ => Err(der::Tag::Enumerated.value_error().into()),
        }
    }
}

impl der::EncodeValue for StoredReason {
    fn value_len(&self) -> der::Result<der::Length> {
        Ok(der::Length::ONE)
    }

    fn encode_value(&self, writer: &mut impl der::Writer) -> der::Result<()> {
        writer.write_byte(self.0)
    }
}

impl der::FixedTag for StoredReason {
    const TAG: der::Tag = der::Tag::Enumerated;
}

impl Response {
    /// Reads DER of an OCSPResponse, or of the BasicOCSPResponse in it; nothing may follow it.
    pub fn parse(der: &[u8]) -> Result<Self, OcspError> {
        if der.len() > MAX_RESPONSE_BYTES {
            return Err(OcspError::Limit("MAX_RESPONSE_BYTES"));
        }
        match Outer::from_der(der) {
            Ok(outer) if outer.status != ResponseStatus::Successful => Err(OcspError::NotSuccessful),
            Ok(outer) => match outer.bytes {
                Some(bytes) if bytes.kind == BASIC => Self::parse_basic(bytes.response.as_bytes()),
                _ => Err(OcspError::Form),
            },
            Err(_) => Self::parse_basic(der),
        }
    }

    fn parse_basic(der: &[u8]) -> Result<Self, OcspError> {
        let form = |_| OcspError::Form;
        let basic = Basic::from_der(der).map_err(form)?;
        let signed = Signed::split(der).ok_or(OcspError::Form)?;
        let data = basic.data;
        if data.version != 0 || basic.signature.unused_bits() != 0 {
            return Err(OcspError::Form);
        }
        if data.responses.len() > MAX_SINGLE_RESPONSES {
            return Err(OcspError::Limit("MAX_SINGLE_RESPONSES"));
        }
        let mut unknown_critical = unknown_critical(data.extensions.as_ref());
        let mut answers = Vec::with_capacity(data.responses.len());
        for single in data.responses {
            unknown_critical |= self::unknown_critical(single.extensions.as_ref());
            answers.push(answer(single)?);
        }
        let certificates = basic.certificates.unwrap_or_default();
        let certificates = certificates.iter().map(Encode::to_der).collect::<Result<_, _>>();
        Ok(Self {
            signed,
            responder: match data.responder {
                StoredResponder::Key(hash) => Responder::Key(hash.as_bytes().to_vec()),
                StoredResponder::Name(name) => {
                    let name = name.to_der().map_err(form)?;
                    let (_, name) = X509Name::from_der(&name).map_err(|_| OcspError::Form)?;
                    Responder::Name(name_of(&name))
                }
            },
            produced_at: time(&data.produced_at),
            answers,
            certificates: certificates.map_err(form)?,
            unknown_critical,
        })
    }
}

fn answer(single: Single) -> Result<Answer, OcspError> {
    let cutoff = single
        .extensions
        .iter()
        .flatten()
        .find(|extension| extension.extn_id == ARCHIVE_CUTOFF);
    let cutoff = cutoff.map(|extension| GeneralizedTime::from_der(extension.extn_value.as_bytes()));
    Ok(Answer {
        hash: single.id.hash.oid,
        issuer_name_hash: single.id.issuer_name_hash.as_bytes().to_vec(),
        issuer_key_hash: single.id.issuer_key_hash.as_bytes().to_vec(),
        serial: serial(single.id.serial.as_bytes()),
        status: match single.status {
            StoredStatus::Good(_) => Status::Good,
            StoredStatus::Unknown(_) => Status::Unknown,
            StoredStatus::Revoked(info) => Status::Revoked {
                at: time(&info.at),
                reason: info.reason.map(|reason| Reason::new(reason.0)),
            },
        },
        this_update: time(&single.this_update),
        next_update: single.next_update.as_ref().map(time),
        archive_cutoff: cutoff
            .transpose()
            .map_err(|_| OcspError::Form)?
            .map(|cutoff| time(&cutoff)),
    })
}

fn unknown_critical(extensions: Option<&Extensions>) -> bool {
    let known = [ARCHIVE_CUTOFF, NONCE, EXTENDED_REVOKE];
    let mut all = extensions.into_iter().flatten();
    all.any(|extension| extension.critical && !known.contains(&extension.extn_id))
}

fn time(time: &GeneralizedTime) -> Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}
