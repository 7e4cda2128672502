//! SignedData by GB/T 35275-2017: RFC 5652 with other object identifiers, over the digest of `Signature.xml`.

use der::Encode;
use jiff::Timestamp;

use super::{SesError, time, tlv, tlv::Tlv};
use crate::formats::{cms, timestamp::SIGNATURE_TIMESTAMP};

/// `signedData` and `data` by GB/T 35275, then by RFC 5652.
const SIGNED_DATA: [&str; 2] = ["1.2.156.10197.6.1.4.2.2", "1.2.840.113549.1.7.2"];
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";

/// The most X.509 certificates or signers of a message.
const MAX_MEMBERS: usize = 100;

/// A SignedData message.
#[derive(Clone, Debug)]
pub struct SignedMessage<'a> {
    /// The content, where it stands in the message.
    pub content: Option<Content<'a>>,
    /// DER of the X.509 certificates.
    pub certificates: Vec<&'a [u8]>,
    pub signers: Vec<MessageSigner<'a>>,
}

/// What a message holds.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    pub octets: &'a [u8],
}

/// A SignerInfo.
#[derive(Clone, Debug)]
pub struct MessageSigner<'a> {
    /// The names of issuer and serial number, as they are stored, in one piece.
    pub issuer_and_serial: &'a [u8],
    pub digest_algorithm: String,
    pub signature_algorithm: String,
    /// What the value is over where there are signed attributes: the SET OF them.
    pub attributes: Option<Vec<u8>>,
    pub message_digest: Option<&'a [u8]>,
    pub signing_time: Option<Timestamp>,
    pub value: &'a [u8],
    /// The timestamps of the value that stand beside it, which nothing signs.
    pub timestamps: Vec<&'a [u8]>,
    /// Other attributes stand there, too.
    pub has_other_unsigned_attributes: bool,
}

impl<'a> SignedMessage<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, SesError> {
        let fields = tlv::only(bytes, tlv::SEQUENCE)?.fields()?;
        let [kind, content] = fields.as_slice() else {
            return Err(SesError::Field("ContentInfo"));
        };
        let kind = kind.oid().unwrap_or_default();
        if !SIGNED_DATA.contains(&kind.as_str()) || content.tag != tlv::CONTEXT_0 {
            return Err(SesError::Field("ContentInfo"));
        }
        let data = tlv::only(content.value, tlv::SEQUENCE)?.fields()?;
        let [_version, _digests, content, rest @ ..] = data.as_slice() else {
            return Err(SesError::Field("SignedData"));
        };
        let mut certificates = Vec::new();
        let mut signers = None;
        for field in rest {
            match field.tag {
                tlv::CONTEXT_0 if certificates.is_empty() => {
                    certificates = field.fields()?.iter().map(|certificate| certificate.raw).collect();
                }
                tlv::CONTEXT_1 => {}
                tlv::SET if signers.is_none() => {
                    signers = Some(field.fields()?.iter().map(signer).collect::<Result<Vec<_>, _>>()?);
                }
                _ => return Err(SesError::Field("SignedData")),
            }
        }
        let signers = signers.ok_or(SesError::Field("signerInfos"))?;
        if certificates.len() > MAX_MEMBERS || signers.len() > MAX_MEMBERS {
            return Err(SesError::Limit("MAX_MEMBERS"));
        }
        Ok(Self {
            content: encapsulated(content)?,
            certificates,
            signers,
        })
    }
}

fn encapsulated<'a>(info: &Tlv<'a>) -> Result<Option<Content<'a>>, SesError> {
    let fields = info.fields()?;
    match fields.as_slice() {
        [_kind] => Ok(None),
        [_kind, content] if content.tag == tlv::CONTEXT_0 => {
            let octets = tlv::only(content.value, tlv::OCTET_STRING)?.value;
            Ok(Some(Content { octets }))
        }
        _ => Err(SesError::Field("contentInfo")),
    }
}

fn signer<'a>(info: &Tlv<'a>) -> Result<MessageSigner<'a>, SesError> {
    let fields = info.fields()?;
    let [_version, name, digest, rest @ ..] = fields.as_slice() else {
        return Err(SesError::Field("SignerInfo"));
    };
    let (attributes, rest) = match rest {
        [attributes, rest @ ..] if attributes.tag == tlv::CONTEXT_0 => (Some(attributes), rest),
        rest => (None, rest),
    };
    let [algorithm, value, unsigned @ ..] = rest else {
        return Err(SesError::Field("SignerInfo"));
    };
    let algorithm_of = |field: &Tlv<'a>| -> Result<String, SesError> {
        let fields = field.fields()?;
        let oid = fields.first().and_then(Tlv::oid);
        oid.ok_or(SesError::Field("algorithm"))
    };
    let mut signer = MessageSigner {
        issuer_and_serial: name.value,
        digest_algorithm: algorithm_of(digest)?,
        signature_algorithm: algorithm_of(algorithm)?,
        attributes: None,
        message_digest: None,
        signing_time: None,
        value: value.octets().ok_or(SesError::Field("encryptedDigest"))?,
        timestamps: Vec::new(),
        has_other_unsigned_attributes: false,
    };
    if let Some(attributes) = attributes {
        read_attributes(&mut signer, attributes)?;
    }
    read_unsigned(&mut signer, unsigned);
    Ok(signer)
}

/// Nothing signs these: what cannot be read of them takes nothing from what is signed.
fn read_unsigned<'a>(signer: &mut MessageSigner<'a>, unsigned: &[Tlv<'a>]) {
    let attributes = match unsigned {
        [] => return,
        [attributes] if attributes.tag == tlv::CONTEXT_1 => attributes.fields().unwrap_or_default(),
        _ => Vec::new(),
    };
    let tokens: Vec<_> = attributes.iter().map(tokens_of).collect();
    signer.has_other_unsigned_attributes = tokens.is_empty() || tokens.iter().any(Option::is_none);
    signer.timestamps = tokens.into_iter().flatten().flatten().collect();
}

/// The tokens that an attribute holds, which may be BER; none where it is another, or not as it should be.
fn tokens_of<'a>(attribute: &Tlv<'a>) -> Option<Vec<&'a [u8]>> {
    let fields = attribute.fields().ok()?;
    let [kind, values] = fields.as_slice() else {
        return None;
    };
    if kind.tag != tlv::OID || kind.value != SIGNATURE_TIMESTAMP.as_bytes() || values.tag != tlv::SET {
        return None;
    }
    let (mut tokens, mut rest) = (Vec::new(), values.value);
    while !rest.is_empty() && tokens.len() < MAX_MEMBERS {
        let (token, after) = cms::split(rest).ok()?;
        tokens.push(token);
        rest = after;
    }
    (!tokens.is_empty() && rest.is_empty()).then_some(tokens)
}

fn read_attributes<'a>(signer: &mut MessageSigner<'a>, attributes: &Tlv<'a>) -> Result<(), SesError> {
    let wrong = SesError::Field("authenticatedAttributes");
    let set = der::asn1::AnyRef::new(der::Tag::Set, attributes.value).and_then(|set| set.to_der());
    signer.attributes = Some(set.map_err(|_| wrong)?);
    let mut has_content_type = false;
    for attribute in attributes.fields()? {
        let fields = attribute.fields()?;
        let [kind, values] = fields.as_slice() else {
            return Err(wrong);
        };
        let values = values.fields()?;
        let value = values.first().filter(|_| values.len() == 1);
        match kind.oid().as_deref() {
            Some(CONTENT_TYPE) if !has_content_type => has_content_type = true,
            Some(MESSAGE_DIGEST) if signer.message_digest.is_none() => {
                signer.message_digest = Some(value.and_then(Tlv::octets).ok_or(wrong)?);
            }
            Some(SIGNING_TIME) if signer.signing_time.is_none() => signer.signing_time = value.and_then(time),
            Some(CONTENT_TYPE | MESSAGE_DIGEST | SIGNING_TIME) => return Err(wrong),
            _ => {}
        }
    }
    Ok(())
}
