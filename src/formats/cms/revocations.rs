//! Revocation data in a message (RFC 5652 10.2.1, RFC 5940, ISO 32000-2 12.8.3.3.2), each as stored.

use const_oid::ObjectIdentifier;

use super::{
    ParseError,
    algorithm::object_identifier,
    ber::{SEQUENCE, Value, context},
    parse::elements,
};

/// Revocation data as they stand in a message: each as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    /// CertificateList (RFC 5280).
    pub crls: Vec<Vec<u8>>,
    /// OCSPResponse (RFC 6960), as `id-ri-ocsp-response` (RFC 5940) and revocationInfoArchival hold it.
    pub ocsp_responses: Vec<Vec<u8>>,
    /// BasicOCSPResponse (RFC 6960), as CAdES holds it under `id-pkix-ocsp-basic`.
    pub basic_ocsp_responses: Vec<Vec<u8>>,
    /// How many there are of other kinds.
    pub others: usize,
}

impl Revocations {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `id-ri-ocsp-response` (RFC 5940), `id-pkix-ocsp-basic` (RFC 6960), `adbe-revocationInfoArchival`.
const OCSP_RESPONSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.16.2");
const OCSP_BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
pub(super) const ARCHIVAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113583.1.1.8");

/// RevocationInfoChoices.
pub(super) fn of_choices(choices: &[Value<'_>]) -> Result<Revocations, ParseError> {
    let mut found = Revocations::default();
    for choice in choices {
        if choice.tag == SEQUENCE {
            found.crls.push(choice.raw.to_vec());
            continue;
        }
        let mut parts = choice.expect(context(1))?.children();
        let format = object_identifier(parts.required()?)?;
        let value = parts.required()?;
        parts.finish()?;
        match format {
            OCSP_RESPONSE => found.ocsp_responses.push(value.raw.to_vec()),
            OCSP_BASIC => found.basic_ocsp_responses.push(value.raw.to_vec()),
            _ => found.others += 1,
        }
    }
    Ok(found)
}

/// `RevocationInfoArchival ::= SEQUENCE { crl [0] SEQUENCE OF CRL, ocsp [1] SEQUENCE OF OCSPResponse, otherRevInfo [2] }`
pub(super) fn of_archival(value: Value<'_>) -> Result<Revocations, ParseError> {
    let mut found = Revocations::default();
    for part in value.expect(SEQUENCE)?.children() {
        let part = part?;
        let inside = elements(Value::only(part.contents)?.expect(SEQUENCE)?)?;
        let raw = || inside.iter().map(|value| value.raw.to_vec());
        match part.tag {
            0xA0 => found.crls.extend(raw()),
            0xA1 => found.ocsp_responses.extend(raw()),
            _ => found.others += inside.len(),
        }
    }
    Ok(found)
}
