/// Crockford's base 32: no I, L, O, U, so that a code can be read aloud and typed.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many characters a verification code has: 100 bits.
pub const CODE_LENGTH: usize = 20;

/// A verification code from 20 random bytes, five bits of each.
pub fn from_random(random: &[u8; CODE_LENGTH]) -> String {
    random
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte & 31)))
        .map(|c| char::from(*c))
        .collect()
}

/// The code as it is typed by a person: capitals, without what separates groups, with the letters that are mistaken
/// for digits put right; none when it is no code.
pub fn normalize(typed: &str) -> Option<String> {
    if typed.len() > 4 * CODE_LENGTH {
        return None;
    }
    let code: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .collect();
    let right = code.len() == CODE_LENGTH && code.bytes().all(|b| ALPHABET.contains(&b));
    right.then_some(code)
}

/// In groups of five, as printed.
pub fn grouped(code: &str) -> String {
    let mut text = String::with_capacity(code.len() + 3);
    for (place, character) in code.chars().enumerate() {
        if place > 0 && place % 5 == 0 {
            text.push('-');
        }
        text.push(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_was_typed_as_printed_or_misread_is_the_same_code() {
        let random: [u8; CODE_LENGTH] = std::array::from_fn(|i| u8::try_from(i * 13).unwrap_or(u8::MAX));
        let code = from_random(&random);
        assert_eq!(code.len(), CODE_LENGTH);
        assert_eq!(normalize(&grouped(&code)).as_deref(), Some(code.as_str()));
        let misread = code.to_lowercase().replace('0', "o").replace('1', "l");
        assert_eq!(normalize(&misread).as_deref(), Some(code.as_str()));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in [
            "",
            "ABCDE",
            "UUUUU-UUUUU-UUUUU-UUUUU",
            &"0".repeat(21),
            &"０".repeat(20),
        ] {
            assert_eq!(normalize(text), None, "{text}");
        }
    }
}
