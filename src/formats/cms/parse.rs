use const_oid::{ObjectIdentifier, db::rfc5911};

use super::{
    Digest, MAX_MESSAGE_BYTES, MAX_SET_ELEMENTS, ParseError, Scheme, SigningCertificate,
    algorithm::{self, object_identifier},
    ber::{self, INTEGER, OCTET_STRING, SEQUENCE, SET, Value, context},
    ess,
    name::{Named, named},
    revocations::{self, Revocations},
};

/// SignedData as it is stored.
#[derive(Clone, Debug)]
pub struct Message {
    /// Tags and lengths are DER, up to the values of unsigned attributes.
    pub der: bool,
    /// The X.509 certificates as stored, in the order of the message.
    pub certificates: Vec<Vec<u8>>,
    /// How many stand beside them that are of another kind, such as attribute certificates.
    pub other_certificates: usize,
    /// Of its `crls` field, which no signature covers.
    pub revocations: Revocations,
    /// The eContentType.
    pub content_type: ObjectIdentifier,
    /// The octets of the eContent, where the content stands inside.
    pub content: Option<Vec<u8>>,
    pub signers: Vec<Signer>,
}

/// One SignerInfo.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The signer's X.509 certificate, by its place in [`Message::certificates`]; none where it is not there.
    pub certificate: Option<usize>,
    /// It names that certificate byte for byte; else in another kind of string, in other letters or spaces.
    pub named_exactly: bool,
    /// None where it is not known here.
    pub digest: Option<Digest>,
    /// None where it is not known here.
    pub scheme: Option<Scheme>,
    /// The AlgorithmIdentifier of the signature, as stored.
    pub signature_algorithm: Vec<u8>,
    /// The name of scheme and digest, for people.
    pub algorithm: String,
    pub attributes: Option<SignedParts>,
    /// The octets of the signature value: what a signature timestamp is over.
    pub signature: Vec<u8>,
    pub unsigned_attributes: Vec<UnsignedAttribute>,
    /// Versions, and the digests that SignedData names, fit what else it says (RFC 5652 5.1 and 5.3).
    pub consistent: bool,
}

/// An attribute that no signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsignedAttribute {
    pub oid: ObjectIdentifier,
    /// Each value as stored.
    pub values: Vec<Vec<u8>>,
}

/// The signed attributes.
#[derive(Clone, Debug)]
pub struct SignedParts {
    /// What the signature is over: DER of the SET OF (RFC 5652 5.4).
    pub der: Vec<u8>,
    /// What is stored, as a SET OF, where it is not DER: signers that do not sort sign it.
    pub stored: Option<Vec<u8>>,
    /// No attribute that must be there once is there twice, and none is without a value.
    pub sound: bool,
    pub content_type: Option<ObjectIdentifier>,
    pub message_digest: Option<Vec<u8>>,
    pub signing_certificate: SigningCertificate,
    /// A signing-time stands in it, which PAdES forbids.
    pub has_signing_time: bool,
    /// Whether CMSAlgorithmProtection (RFC 6211) names the algorithms that are used, where it is there.
    pub algorithms_match: Option<bool>,
    /// Of the attribute `adbe-revocationInfoArchival` (ISO 32000-2 12.8.3.3.2), which the signature covers.
    pub revocations: Revocations,
}

const MESSAGE_DIGEST: ObjectIdentifier = rfc5911::ID_MESSAGE_DIGEST;
const CONTENT_TYPE: ObjectIdentifier = rfc5911::ID_CONTENT_TYPE;
const SIGNING_TIME: ObjectIdentifier = rfc5911::ID_SIGNING_TIME;

/// The first value of the bytes, and what follows it.
pub fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), ParseError> {
    let (value, rest) = ber::read(bytes)?;
    Ok((value.raw, rest))
}

/// `signedData` by GB/T 35275, whose messages are those of RFC 5652 but for such identifiers.
const SIGNED_DATA_OF_GBT_35275: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.6.1.4.2.2");

/// Reads one ContentInfo that holds SignedData, in BER as in DER.
pub fn parse(message: &[u8]) -> Result<Message, ParseError> {
    read(message, &[rfc5911::ID_SIGNED_DATA])
}

/// Reads one likewise, also under the identifier of GB/T 35275, as timestamp authorities in China write it.
pub fn parse_also_gbt_35275(message: &[u8]) -> Result<Message, ParseError> {
    read(message, &[rfc5911::ID_SIGNED_DATA, SIGNED_DATA_OF_GBT_35275])
}

fn read(message: &[u8], kinds: &[ObjectIdentifier]) -> Result<Message, ParseError> {
    if message.len() > MAX_MESSAGE_BYTES {
        return Err(ParseError::Limit("MAX_MESSAGE_BYTES"));
    }
    let whole = Value::only(message)?;
    let mut info = whole.expect(SEQUENCE)?.children();
    let kind = object_identifier(info.required()?)?;
    if !kinds.contains(&kind) {
        return Err(ParseError::NotSignedData);
    }
    let outer = info.required()?.expect(context(0))?;
    info.finish()?;
    let signed_data = Value::only(outer.contents)?.expect(SEQUENCE)?;
    let mut parts = signed_data.children();
    let version = parts.required()?.expect(INTEGER)?;
    let digests = elements(parts.required()?.expect(SET)?)?;
    let mut content = parts.required()?.expect(SEQUENCE)?.children();
    let content_type = object_identifier(content.required()?)?;
    let octets = match content.optional(context(0))? {
        None => None,
        Some(inside) => Some(Value::only(inside.contents)?.octets(OCTET_STRING)?),
    };
    content.finish()?;
    let choices = parts
        .optional(context(0))?
        .map(elements)
        .transpose()?
        .unwrap_or_default();
    let revocations = parts
        .optional(context(1))?
        .map(elements)
        .transpose()?
        .unwrap_or_default();
    let infos = elements(parts.required()?.expect(SET)?)?;
    parts.finish()?;

    let certificates: Vec<Value<'_>> = choices
        .iter()
        .filter(|choice| choice.tag == SEQUENCE)
        .copied()
        .collect();
    let named: Vec<Option<Named<'_>>> = certificates
        .iter()
        .map(|certificate| named(*certificate).ok())
        .collect();
    let around = Around {
        certificates: &certificates,
        named: &named,
        digests: &digests,
    };
    let mut signers = Vec::with_capacity(infos.len());
    let mut highest = u8::from(content_type != rfc5911::ID_DATA) * 3;
    for info in &infos {
        let (signer, by_key) = signer(*info, &around)?;
        highest = highest.max(u8::from(by_key) * 3);
        signers.push(signer);
    }
    // RFC 5652 5.1
    for other in choices.iter().map(|choice| choice.tag) {
        highest = highest.max(match other {
            SEQUENCE | 0xA0 => 1,
            0xA1 => 3,
            0xA2 => 4,
            _ => 5,
        });
    }
    if revocations.iter().any(|choice| choice.tag != SEQUENCE) {
        highest = 5;
    }
    // GB/T 35275 has one version for all, 1; some write RFC 5652's.
    let is_known = |version: u8| version == highest.max(1) || (version == 1 && kind == SIGNED_DATA_OF_GBT_35275);
    for signer in &mut signers {
        signer.consistent &= matches!(version.contents, [version] if is_known(*version));
    }
    Ok(Message {
        der: is_der(whole, &infos),
        other_certificates: choices.len() - certificates.len(),
        certificates: certificates
            .iter()
            .map(|certificate| certificate.raw.to_vec())
            .collect(),
        revocations: revocations::of_choices(&revocations)?,
        content_type,
        content: octets,
        signers,
    })
}

/// The values of a SET OF or SEQUENCE OF, not too many.
pub(super) fn elements(set: Value<'_>) -> Result<Vec<Value<'_>>, ParseError> {
    let mut found = Vec::new();
    for value in set.children() {
        if found.len() == MAX_SET_ELEMENTS {
            return Err(ParseError::Limit("MAX_SET_ELEMENTS"));
        }
        found.push(value?);
    }
    Ok(found)
}

/// Sets in their order, lengths definite: all but the values of unsigned attributes, which others may have written.
fn is_der(whole: Value<'_>, infos: &[Value<'_>]) -> bool {
    let sorted = |set: Value<'_>| {
        let all: Vec<_> = set.children().flatten().map(|value| value.raw).collect();
        all.is_sorted()
    };
    let unsigned = |info: &Value<'_>| info.children().flatten().any(|part| part.tag == context(1));
    if !infos.iter().any(unsigned) && !ber::is_definite(whole, 0) {
        return false;
    }
    // ContentInfo, [0], SignedData
    let mut layer = vec![whole];
    for _ in 0..2 {
        if !layer.iter().all(|value| value.definite) {
            return false;
        }
        layer = layer.iter().flat_map(|value| value.children().flatten()).collect();
    }
    let data = layer.last().copied();
    data.is_some_and(|data| {
        data.definite
            && data.children().flatten().all(|part| {
                let set = part.tag == SET || part.tag & 0xC0 == 0x80;
                (!set || sorted(part)) && part.definite
            })
            && infos.iter().all(|info| {
                info.definite
                    && info.children().flatten().all(|part| {
                        let attributes = part.tag & 0xC0 == 0x80 && part.tag & ber::CONSTRUCTED != 0;
                        part.definite
                            && if part.tag == context(1) {
                                sorted(part)
                            } else {
                                ber::is_definite(part, 0) && (!attributes || sorted(part))
                            }
                    })
            })
    })
}

/// What of SignedData a SignerInfo refers to.
struct Around<'a> {
    certificates: &'a [Value<'a>],
    named: &'a [Option<Named<'a>>],
    digests: &'a [Value<'a>],
}

/// A SignerInfo, and whether it names its certificate by key identifier.
fn signer(info: Value<'_>, around: &Around<'_>) -> Result<(Signer, bool), ParseError> {
    let mut parts = info.expect(SEQUENCE)?.children();
    let version = parts.required()?.expect(INTEGER)?;
    let id = parts.required()?;
    let by_key = id.tag != SEQUENCE;
    let place_of =
        |is: &dyn Fn(&Named<'_>) -> bool| around.named.iter().position(|named| named.as_ref().is_some_and(is));
    let (place, named_exactly) = if by_key {
        let key = id.octets(0x80)?;
        (place_of(&|named| named.has_key_identifier(&key)), true)
    } else {
        let mut id = id.children();
        let (issuer, serial) = (id.required()?, id.required()?.expect(INTEGER)?);
        id.finish()?;
        match place_of(&|named| named.is_exactly(issuer, serial)) {
            Some(place) => (Some(place), true),
            None => (place_of(&|named| named.is(issuer, serial)), false),
        }
    };
    let digest_identifier = parts.required()?;
    let (digest, digest_oid) = algorithm::digest(digest_identifier)?;
    let signed = parts.optional(context(0))?;
    let identifier = parts.required()?.expect(SEQUENCE)?;
    let value = parts.required()?.octets(OCTET_STRING)?;
    let unsigned = parts.optional(context(1))?;
    parts.finish()?;

    let scheme = Scheme::read(identifier.raw, digest);
    let own = place.and_then(|place| Some((around.certificates.get(place)?.raw, around.named.get(place)?.as_ref()?)));
    let attributes = match signed {
        None => None,
        Some(signed) => Some(signed_parts(signed, own, (digest_identifier, identifier))?),
    };
    let named = |listed: &Value<'_>| algorithm::split(*listed).is_ok_and(|(oid, _)| oid == digest_oid);
    let (signature_oid, _) = algorithm::split(identifier)?;
    let signer = Signer {
        certificate: place,
        named_exactly,
        digest,
        scheme,
        signature_algorithm: identifier.raw.to_vec(),
        algorithm: match (scheme, digest) {
            (Some(scheme), _) => scheme.name(),
            (None, Some(digest)) => format!("{signature_oid} {}", digest.name()),
            (None, None) => format!("{signature_oid} {digest_oid}"),
        },
        attributes,
        signature: value,
        unsigned_attributes: unsigned.map(unsigned_attributes).transpose()?.unwrap_or_default(),
        consistent: version.contents == [if by_key { 3 } else { 1 }] && around.digests.iter().any(named),
    };
    Ok((signer, by_key))
}

/// Object identifier and values of each attribute.
fn attributes(set: Value<'_>) -> Result<Vec<(ObjectIdentifier, Vec<Value<'_>>)>, ParseError> {
    elements(set)?.into_iter().map(attribute).collect()
}

fn attribute(attribute: Value<'_>) -> Result<(ObjectIdentifier, Vec<Value<'_>>), ParseError> {
    let mut parts = attribute.expect(SEQUENCE)?.children();
    let oid = object_identifier(parts.required()?)?;
    let values = elements(parts.required()?.expect(SET)?)?;
    parts.finish()?;
    Ok((oid, values))
}

fn unsigned_attributes(set: Value<'_>) -> Result<Vec<UnsignedAttribute>, ParseError> {
    let own = |(oid, values): (ObjectIdentifier, Vec<Value<'_>>)| UnsignedAttribute {
        oid,
        values: values.iter().map(|value| value.raw.to_vec()).collect(),
    };
    Ok(attributes(set)?.into_iter().map(own).collect())
}

fn signed_parts(
    set: Value<'_>,
    own: Option<(&[u8], &Named<'_>)>,
    (digest, scheme): (Value<'_>, Value<'_>),
) -> Result<SignedParts, ParseError> {
    let all = attributes(set)?;
    let once = [
        CONTENT_TYPE,
        MESSAGE_DIGEST,
        SIGNING_TIME,
        ess::SIGNING_CERTIFICATE,
        ess::SIGNING_CERTIFICATE_V2,
        ALGORITHM_PROTECTION,
    ];
    let sound = all.iter().all(|(_, values)| !values.is_empty())
        && once.iter().all(|oid| {
            let mut found = all.iter().filter(|(known, _)| known == oid);
            found.next().is_none_or(|(_, values)| values.len() == 1) && found.next().is_none()
        });
    let value = |oid: ObjectIdentifier| {
        let (_, values) = all.iter().find(|(known, _)| *known == oid)?;
        values.first().copied()
    };
    let der = ber::to_der(set, SET)?;
    let mut stored = set.raw.to_vec();
    if let Some(tag) = stored.first_mut() {
        *tag = SET;
    }
    Ok(SignedParts {
        stored: (stored != der).then_some(stored),
        der,
        sound,
        content_type: value(CONTENT_TYPE).and_then(|value| object_identifier(value).ok()),
        message_digest: value(MESSAGE_DIGEST).and_then(|value| value.octets(OCTET_STRING).ok()),
        signing_certificate: ess::judge(value(ess::SIGNING_CERTIFICATE), value(ess::SIGNING_CERTIFICATE_V2), own),
        has_signing_time: value(SIGNING_TIME).is_some(),
        algorithms_match: value(ALGORITHM_PROTECTION).map(|value| protects(value, digest, scheme).unwrap_or(false)),
        revocations: value(revocations::ARCHIVAL)
            .map(revocations::of_archival)
            .transpose()?
            .unwrap_or_default(),
    })
}

/// `id-aa-CMSAlgorithmProtection` (RFC 6211).
pub(super) const ALGORITHM_PROTECTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.52");

/// `CMSAlgorithmProtection ::= SEQUENCE { digestAlgorithm, signatureAlgorithm [1], macAlgorithm [2] }`; absent parameters
/// and NULL say the same.
fn protects(value: Value<'_>, digest: Value<'_>, scheme: Value<'_>) -> Result<bool, ParseError> {
    let same = |named: Value<'_>, used: Value<'_>| -> Result<bool, ParseError> {
        let ((named_oid, named), (used_oid, used)) = (algorithm::split(named)?, algorithm::split(used)?);
        let raw =
            |parameters: Option<Value<'_>>| parameters.map(|value| value.raw.to_vec()).filter(|raw| raw != &[5, 0]);
        Ok(named_oid == used_oid && raw(named) == raw(used))
    };
    let mut parts = value.expect(SEQUENCE)?.children();
    let named_digest = parts.required()?;
    let named_scheme = parts.required()?.expect(context(1))?;
    parts.finish()?;
    let named_scheme = Value {
        tag: SEQUENCE,
        ..named_scheme
    };
    Ok(same(named_digest, digest)? && same(named_scheme, scheme)?)
}
