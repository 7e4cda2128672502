use std::fmt;

use super::{IdError, serde_as_text};

/// A unified social credit code (统一社会信用代码, GB 32100-2015): 17 characters and a check character.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreditCode(String);

serde_as_text!(CreditCode);

const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

impl CreditCode {
    /// Parses 18 characters of the code's alphabet (no `I O S V Z`), in capitals.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.len() != 18 {
            return Err(IdError::Length { max: 18 });
        }
        let (body, check) = text.split_at_checked(17).ok_or(IdError::Character)?;
        if Self::check_character(body)? != check.chars().next().ok_or(IdError::Form)? {
            return Err(IdError::CheckCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    /// GB 32100-2015 5.2: the check character over the first 17.
    pub fn check_character(body: &str) -> Result<char, IdError> {
        let mut sum = 0;
        for (byte, weight) in body.bytes().zip(WEIGHTS) {
            let value = ALPHABET.iter().position(|c| *c == byte).ok_or(IdError::Character)?;
            sum += value * weight;
        }
        let check = (31 - sum % 31) % 31;
        ALPHABET.get(check).copied().map(char::from).ok_or(IdError::Form)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_real_government_bodies_pass_and_an_altered_one_fails() {
        for code in ["11100000000013338W", "11430000006122244L", "11220000013544541J"] {
            assert!(CreditCode::parse(code).is_ok(), "{code}");
        }
        assert_eq!(CreditCode::parse("11100000000013339W"), Err(IdError::CheckCharacter));
        assert_eq!(CreditCode::parse("1110000000001333IW"), Err(IdError::Character));
    }
}
