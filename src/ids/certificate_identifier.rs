use std::fmt;

use super::{CreditCode, IdError, serde_as_text};

/// The identifier of an e-certificate (电子证照标识, GB/T 36904-2018):
/// `1.2.156.3005.2.<type>.<issuer>.<serial>.<version>.<check>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertificateIdentifier(String);

serde_as_text!(CertificateIdentifier);

const ROOT: &str = "1.2.156.3005.2.";
const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

impl CertificateIdentifier {
    /// Builds the identifier from the type code (the credit code of the body that defines the type, and three
    /// digits), the issuer, a serial of 1 to 32 digits and capitals, and a version from 1 to 999.
    pub fn new(type_code: &str, issuer: &CreditCode, serial: &str, version: u16) -> Result<Self, IdError> {
        if version == 0 || version > 999 {
            return Err(IdError::Form);
        }
        let body = format!("{type_code}.{issuer}.{serial}.{version:03}");
        let check = check_character(&body)?;
        Self::parse(&format!("{ROOT}{body}.{check}"))
    }

    /// Parses and checks every part.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.len() > 120 {
            return Err(IdError::Length { max: 120 });
        }
        let rest = text.strip_prefix(ROOT).ok_or(IdError::Form)?;
        let parts: Vec<&str> = rest.split('.').collect();
        let [type_code, issuer, serial, version, check] = parts.as_slice() else {
            return Err(IdError::Form);
        };
        let (definer, number) = type_code.split_at_checked(18).ok_or(IdError::Form)?;
        CreditCode::parse(definer)?;
        CreditCode::parse(issuer)?;
        let digits = |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(number) || !digits(version) || serial.is_empty() || serial.len() > 32 {
            return Err(IdError::Form);
        }
        let (body, _) = rest.rsplit_once('.').ok_or(IdError::Form)?;
        let mut check_chars = check.chars();
        if check_chars.next() != Some(check_character(body)?) || check_chars.next().is_some() {
            return Err(IdError::CheckCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code of the type (证照类型代码).
    pub fn type_code(&self) -> &str {
        self.0.rsplit('.').nth(4).unwrap_or_default()
    }

    /// The credit code of the issuer (证照颁发机构代码).
    pub fn issuer_code(&self) -> &str {
        self.0.rsplit('.').nth(3).unwrap_or_default()
    }

    /// The serial within issuer and type (证照编号).
    pub fn serial(&self) -> &str {
        self.0.rsplit('.').nth(2).unwrap_or_default()
    }
}

/// ISO 7064 MOD 37,36 over the parts without their dots (GB/T 36904-2018 5.6).
fn check_character(body: &str) -> Result<char, IdError> {
    let mut product = 36;
    for byte in body.bytes().filter(|b| *b != b'.') {
        let value = ALPHABET.iter().position(|c| *c == byte).ok_or(IdError::Character)?;
        let sum = (product + value) % 36;
        product = if sum == 0 { 36 } else { sum } * 2 % 37;
    }
    ALPHABET
        .get((37 - product) % 36)
        .copied()
        .map(char::from)
        .ok_or(IdError::Form)
}

impl fmt::Display for CertificateIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for CertificateIdentifier {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_seen_on_real_certificates_pass() {
        for text in [
            "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
            "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F",
        ] {
            assert!(CertificateIdentifier::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_altered_identifier_is_refused() {
        let altered = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000404.001.U";
        assert_eq!(CertificateIdentifier::parse(altered), Err(IdError::CheckCharacter));
    }

    #[test]
    fn a_built_identifier_parses_again() {
        let issuer = CreditCode::parse("11430000006122244L").unwrap();
        let id = CertificateIdentifier::new("11100000000013338W011", &issuer, "20230000403", 1).unwrap();
        assert!(id.as_str().ends_with(".001.U"), "{id}");
        assert_eq!(id.serial(), "20230000403");
    }
}
