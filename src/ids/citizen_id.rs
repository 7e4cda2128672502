use std::fmt;

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::IdError;

/// A citizen identification number (公民身份号码, GB 11643-1999): six digits of division, eight of birth date, three
/// of sequence, one check character. Never printed: `Debug` hides it, there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct CitizenId(Zeroizing<[u8; 18]>);

impl CitizenId {
    /// Parses 18 characters; the check character may be `x` or `X`.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let mut digits: [u8; 18] = text.as_bytes().try_into().map_err(|_| IdError::Length { max: 18 })?;
        digits[17] = digits[17].to_ascii_uppercase();
        let (body, check) = digits.split_at(17);
        if !body.iter().all(u8::is_ascii_digit) || digits[0] == b'0' {
            return Err(IdError::Character);
        }
        birth_date(body)?;
        if check != [Self::check_character(body)] {
            return Err(IdError::CheckCharacter);
        }
        Ok(Self(Zeroizing::new(digits)))
    }

    /// Whether a text holds a number that could be a person's.
    pub fn is_within(text: &str) -> bool {
        // Seventeen digits in a row are rare: most texts need no closer look.
        let mut digits = 0;
        let mut windows = text.as_bytes().windows(18);
        text.bytes().any(|byte| {
            digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
            digits == 17
        }) && windows.any(|window| std::str::from_utf8(window).is_ok_and(|window| Self::parse(window).is_ok()))
    }

    /// GB 11643-1999 4.1, ISO 7064 MOD 11-2, over the first 17 digits.
    pub fn check_character(body: &[u8]) -> u8 {
        const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        const CHECKS: &[u8; 11] = b"10X98765432";
        let sum: u32 = body
            .iter()
            .zip(WEIGHTS)
            .map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight)
            .sum();
        CHECKS.get((sum % 11) as usize).copied().unwrap_or(b'?')
    }

    /// The number in clear: for a provider, a mask or a certificate, never for a log.
    pub fn expose(&self) -> &str {
        std::str::from_utf8(self.0.as_slice()).unwrap_or_default()
    }
}

impl fmt::Debug for CitizenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CitizenId(…)")
    }
}

fn birth_date(body: &[u8]) -> Result<Date, IdError> {
    let number = |range: std::ops::Range<usize>| -> Result<i16, IdError> {
        body.get(range)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse().ok())
            .ok_or(IdError::Date)
    };
    let small = |value: i16| i8::try_from(value).map_err(|_| IdError::Date);
    let year = number(6..10)?;
    if year < 1800 {
        return Err(IdError::Date);
    }
    Date::new(year, small(number(10..12)?)?, small(number(12..14)?)?).map_err(|_| IdError::Date)
}

#[cfg(test)]
mod tests {
    use super::*;

    // 653199 is not an assigned division: a number that is right in form and nobody's.
    const MADE_UP: &str = "653199199003070013";

    #[test]
    fn the_right_check_character_is_accepted_and_every_other_refused() {
        let body = &MADE_UP.as_bytes()[..17];
        let right = CitizenId::check_character(body);
        for check in b"0123456789X" {
            let text = format!("{}{}", &MADE_UP[..17], char::from(*check));
            assert_eq!(CitizenId::parse(&text).is_ok(), *check == right, "{text}");
        }
    }

    #[test]
    fn a_date_that_does_not_exist_is_refused() {
        let body = "65319919900230001";
        let check = char::from(CitizenId::check_character(body.as_bytes()));
        assert_eq!(CitizenId::parse(&format!("{body}{check}")), Err(IdError::Date));
    }

    #[test]
    fn debug_hides_the_number() {
        let body = "65319919900307001";
        let check = char::from(CitizenId::check_character(body.as_bytes()));
        let id = CitizenId::parse(&format!("{body}{check}")).unwrap();
        assert!(!format!("{id:?}").contains("1990"));
    }
}
