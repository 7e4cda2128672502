use std::fmt;

use data_encoding::HEXLOWER;

use super::{IdError, serde_as_text};

/// Names one verification: 128 random bits, in 32 hexadecimal digits. Whoever has it may read the report, so it must
/// not be guessed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerificationId(Box<str>);

serde_as_text!(VerificationId);

impl VerificationId {
    pub const RANDOM_BYTES: usize = 16;
    /// How many characters it has.
    pub const LENGTH: usize = 2 * Self::RANDOM_BYTES;

    pub fn from_random(random: &[u8; Self::RANDOM_BYTES]) -> Self {
        Self(HEXLOWER.encode(random).into())
    }

    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.len() != Self::LENGTH {
            return Err(IdError::Length { max: Self::LENGTH });
        }
        if !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(IdError::Character);
        }
        Ok(Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VerificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_read_and_nothing_else_is() {
        let id = VerificationId::from_random(&[0xA7; VerificationId::RANDOM_BYTES]);
        assert_eq!(VerificationId::parse(id.as_str()), Ok(id.clone()));
        for text in [
            "",
            "a7",
            &id.as_str().to_uppercase(),
            &format!("{id}0"),
            &"../".repeat(11)[..32],
        ] {
            assert!(VerificationId::parse(text).is_err(), "{text}");
        }
    }
}
