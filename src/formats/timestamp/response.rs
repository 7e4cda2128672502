use const_oid::db::rfc5911;
use der::{
    Any, AnyRef, Decode, Encode, Reader, Sequence, SliceReader, Tag, Tagged,
    asn1::{BitString, ObjectIdentifier, Utf8StringRef},
};

use super::{MAX_TOKEN_BYTES, TST_INFO, TimestampError, TstInfo};

/// A token as it is stored: a CMS message, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The whole ContentInfo.
    pub der: Vec<u8>,
    /// What its message-digest is of: the content of the OCTET STRING, DER of a TSTInfo.
    pub content: Vec<u8>,
    pub info: TstInfo,
}

impl Token {
    /// Reads a ContentInfo of SignedData with a TSTInfo. Of the message around it only the way to the content is read:
    /// whether it is sound, and whose it is, is judged where signatures are.
    pub fn parse(der: &[u8]) -> Result<Self, TimestampError> {
        if der.len() > MAX_TOKEN_BYTES {
            return Err(TimestampError::Limit("MAX_TOKEN_BYTES"));
        }
        let form = TimestampError::Form("a CMS message in DER");
        let content = content_of(der).ok_or(form)?.ok_or(TimestampError::OtherContent)?;
        Ok(Self {
            der: der.to_vec(),
            content: content.to_vec(),
            info: TstInfo::parse(content)?,
        })
    }
}

/// An answer of an authority (RFC 3161 2.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    Granted(Box<Token>),
    Refused {
        /// PKIStatus: 2 rejection, 3 waiting, 4 and 5 revocation.
        status: u32,
        failure: Option<Failure>,
        /// The authority's own words.
        text: String,
    },
}

/// PKIFailureInfo of RFC 3161.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Failure {
    BadAlgorithm = 0,
    BadRequest = 2,
    BadDataFormat = 5,
    TimeNotAvailable = 14,
    UnacceptedPolicy = 15,
    UnacceptedExtension = 16,
    AddInfoNotAvailable = 17,
    SystemFailure = 25,
}

const FAILURES: [Failure; 8] = [
    Failure::BadAlgorithm,
    Failure::BadRequest,
    Failure::BadDataFormat,
    Failure::TimeNotAvailable,
    Failure::UnacceptedPolicy,
    Failure::UnacceptedExtension,
    Failure::AddInfoNotAvailable,
    Failure::SystemFailure,
];

/// The most of an authority's own words that is kept, in characters.
const MAX_TEXT_CHARS: usize = 200;

impl Response {
    pub fn parse(der: &[u8]) -> Result<Self, TimestampError> {
        if der.len() > MAX_TOKEN_BYTES {
            return Err(TimestampError::Limit("MAX_TOKEN_BYTES"));
        }
        let form = TimestampError::Form("a TimeStampResp");
        let stored = Stored::from_der(der).map_err(|_| form)?;
        match (stored.status.status, stored.token) {
            // granted, grantedWithMods
            (0 | 1, Some(token)) => {
                let token = token.to_der().map_err(|_| form)?;
                Ok(Self::Granted(Box::new(Token::parse(&token)?)))
            }
            (0 | 1, None) | (_, Some(_)) => Err(form),
            (status, None) => Ok(Self::Refused {
                status,
                failure: stored.status.fail_info.as_ref().and_then(failure),
                text: words(&stored.status.status_string.unwrap_or_default()),
            }),
        }
    }

    /// DER of a granted answer with a token.
    pub fn granted(token: &[u8]) -> Result<Vec<u8>, TimestampError> {
        let stored = Stored {
            status: Status {
                status: 0,
                status_string: None,
                fail_info: None,
            },
            token: Some(Any::from_der(token).map_err(|_| TimestampError::Encode)?),
        };
        stored.to_der().map_err(|_| TimestampError::Encode)
    }
}

/// The token of an answer that grants one, unread.
pub fn granted_token(answer: &[u8]) -> Option<Vec<u8>> {
    if answer.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let stored = Stored::from_der(answer).ok()?;
    let is_granted = matches!(stored.status.status, 0 | 1);
    stored.token.filter(|_| is_granted)?.to_der().ok()
}

/// DER of a refusal.
pub fn refusal(failure: Failure, text: &str) -> Result<Vec<u8>, TimestampError> {
    let encode = |_| TimestampError::Encode;
    let place = failure as u8;
    let mut bits = vec![0; usize::from(place / 8) + 1];
    if let Some(last) = bits.last_mut() {
        *last = 0x80 >> (place % 8);
    }
    let text = Utf8StringRef::new(text).map_err(encode)?;
    let stored = Stored {
        status: Status {
            status: 2,
            status_string: Some(vec![Any::encode_from(&text).map_err(encode)?]),
            // DER asks for a named bit list without the zeros at its end (X.690 11.2.2).
            fail_info: Some(BitString::new(7 - place % 8, bits).map_err(encode)?),
        },
        token: None,
    };
    stored.to_der().map_err(encode)
}

#[derive(Sequence)]
struct Stored {
    status: Status,
    #[asn1(optional = "true")]
    token: Option<Any>,
}

#[derive(Sequence)]
struct Status {
    status: u32,
    #[asn1(optional = "true")]
    status_string: Option<Vec<Any>>,
    #[asn1(optional = "true")]
    fail_info: Option<BitString>,
}

fn failure(bits: &BitString) -> Option<Failure> {
    let set = |place: usize| bits.bits().nth(place).unwrap_or(false);
    FAILURES.into_iter().find(|failure| set(*failure as usize))
}

fn words(texts: &[Any]) -> String {
    let texts: Vec<_> = texts
        .iter()
        .map(|text| String::from_utf8_lossy(text.value()).into_owned())
        .collect();
    let words = texts.join("; ");
    words
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_TEXT_CHARS)
        .collect()
}

/// The content of the message; `Some(None)` where the message is another's, such as a signature over data.
fn content_of(der: &[u8]) -> Option<Option<&[u8]>> {
    let (message, rest) = value(der, Tag::Sequence)?;
    if !rest.is_empty() {
        return None;
    }
    let (kind, rest) = value(message, Tag::ObjectIdentifier)?;
    if ObjectIdentifier::from_bytes(kind).ok()? != rfc5911::ID_SIGNED_DATA {
        return Some(None);
    }
    let explicit = |number: u8| {
        let number = der::TagNumber(u32::from(number));
        Tag::ContextSpecific {
            constructed: true,
            number,
        }
    };
    let (signed_data, _) = value(value(rest, explicit(0))?.0, Tag::Sequence)?;
    let (_, rest) = value(signed_data, Tag::Integer)?;
    let (_, rest) = value(rest, Tag::Set)?;
    let (encapsulated, _) = value(rest, Tag::Sequence)?;
    let (kind, rest) = value(encapsulated, Tag::ObjectIdentifier)?;
    if ObjectIdentifier::from_bytes(kind).ok()? != TST_INFO {
        return Some(None);
    }
    let (content, _) = value(value(rest, explicit(0))?.0, Tag::OctetString)?;
    Some(Some(content))
}

/// The content of the first value, which must have this tag, and what follows it.
fn value(bytes: &[u8], tag: Tag) -> Option<(&[u8], &[u8])> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let value = AnyRef::decode(&mut reader).ok()?;
    let length = usize::try_from(reader.position()).ok()?;
    (value.tag() == tag).then_some((value.value(), bytes.get(length..)?))
}
