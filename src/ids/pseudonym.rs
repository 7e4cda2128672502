use std::fmt;

use ring::hmac;

use super::{IdError, SubjectId, serde_as_text};

/// A keyed pseudonym of a subject: what stands in cases, logs and audit entries in place of the person's number.
/// 32 lower-case hexadecimal digits (the first 128 bits of HMAC-SHA-256).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pseudonym(String);

serde_as_text!(Pseudonym);

impl Pseudonym {
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.len() != 32 {
            return Err(IdError::Length { max: 32 });
        }
        if !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(IdError::Character);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Pseudonym {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

/// The node's key for pseudonyms.
#[derive(Clone)]
pub struct PseudonymKey(hmac::Key);

impl PseudonymKey {
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The pseudonym of a subject: the same for the same number, whatever name came with it.
    pub fn pseudonym(&self, subject: &SubjectId) -> Pseudonym {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(subject.id_type().as_bytes());
        context.update(b"\0");
        context.update(subject.expose().as_bytes());
        let tag = context.sign();
        let (head, _) = tag.as_ref().split_at(16);
        Pseudonym(data_encoding::HEXLOWER.encode(head))
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymKey(…)")
    }
}
