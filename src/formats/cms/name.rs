//! What of an X.509 certificate a CMS message refers to, read as stored.

use super::{
    ParseError,
    algorithm::object_identifier,
    ber::{INTEGER, OCTET_STRING, SEQUENCE, Value, context},
};
use const_oid::{ObjectIdentifier, db::rfc5280};

/// How an X.509 certificate is named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a> {
    issuer: Value<'a>,
    serial: Value<'a>,
    extensions: Option<Value<'a>>,
}

/// Reads the names of a Certificate (RFC 5280 4.1).
pub(super) fn named(certificate: Value<'_>) -> Result<Named<'_>, ParseError> {
    let mut parts = certificate
        .expect(SEQUENCE)?
        .children()
        .required()?
        .expect(SEQUENCE)?
        .children();
    parts.optional(context(0))?;
    let serial = parts.required()?.expect(INTEGER)?;
    parts.required()?;
    let issuer = parts.required()?.expect(SEQUENCE)?;
    let extensions = parts.flatten().find(|part| part.tag == context(3));
    Ok(Named {
        issuer,
        serial,
        extensions,
    })
}

impl Named<'_> {
    pub fn is_exactly(&self, issuer: Value<'_>, serial: Value<'_>) -> bool {
        self.serial.raw == serial.raw && self.issuer.raw == issuer.raw
    }

    pub fn is(&self, issuer: Value<'_>, serial: Value<'_>) -> bool {
        same_number(self.serial, serial) && same_name(self.issuer, issuer, 0)
    }

    /// Whether its extension SubjectKeyIdentifier is this one.
    pub fn has_key_identifier(&self, key: &[u8]) -> bool {
        self.key_identifier().is_some_and(|own| own == key)
    }

    fn key_identifier(&self) -> Option<Vec<u8>> {
        const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER;
        let all = Value::only(self.extensions?.contents).ok()?.expect(SEQUENCE).ok()?;
        for extension in all.children().flatten() {
            let mut parts = extension.children();
            if object_identifier(parts.required().ok()?).ok()? == SUBJECT_KEY_IDENTIFIER {
                let value = parts.flatten().last()?.octets(OCTET_STRING).ok()?;
                return Value::only(&value).ok()?.octets(OCTET_STRING).ok();
            }
        }
        None
    }
}

pub(super) fn same_number(one: Value<'_>, other: Value<'_>) -> bool {
    fn shortest(contents: &[u8]) -> &[u8] {
        match contents {
            [0, rest @ ..] if !rest.is_empty() => shortest(rest),
            _ => contents,
        }
    }
    shortest(one.contents) == shortest(other.contents)
}

/// RFC 5280 7.1, as far as it makes a difference here: the kind of string, case and outer spaces do not count.
pub(super) fn same_name(one: Value<'_>, other: Value<'_>, depth: usize) -> bool {
    if one.raw == other.raw {
        return true;
    }
    if depth > 4 {
        return false;
    }
    if one.tag == other.tag && one.tag & super::ber::CONSTRUCTED != 0 {
        let (mut one, mut other) = (one.children().flatten(), other.children().flatten());
        return loop {
            match (one.next(), other.next()) {
                (Some(one), Some(other)) if same_name(one, other, depth + 1) => {}
                (None, None) => break true,
                _ => break false,
            }
        };
    }
    match (text(one), text(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// A DirectoryString or IA5String, folded.
fn text(value: Value<'_>) -> Option<String> {
    let units = || {
        value
            .contents
            .chunks_exact(2)
            .map(|unit| unit.iter().fold(0, |all, octet| all << 8 | u16::from(*octet)))
    };
    let text = match value.tag {
        // UTF8String, PrintableString, IA5String
        0x0C | 0x13 | 0x16 => String::from_utf8(value.contents.to_vec()).ok()?,
        // TeletexString is written as Latin-1
        0x14 => value.contents.iter().map(|octet| char::from(*octet)).collect(),
        // BMPString
        0x1E => char::decode_utf16(units()).collect::<Result<_, _>>().ok()?,
        _ => return None,
    };
    Some(text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase())
}
