//! XML while it is written. Pages are thousands of short texts and numbers, which are put together here without the
//! detours of formatting.

use std::fmt::{self, Display, Write};

/// Bytes of UTF-8.
pub(super) struct Out(Vec<u8>);

/// A number to three digits after the point: of a length, to a micrometre.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Number {
    thousandths: i64,
}

#[inline(always)]
pub fn number(number: f64) -> Number {
    Number {
        // Halves away from zero, as `round` has it; that is a call each time.
        thousandths: (number * 1000.0 + 0.5_f64.copysign(number)) as i64,
    }
}

/// At most four bytes of ASCII, and how many they are. Four are copied at once, and what is too many is taken back: a copy
/// of unknown length is a call.
#[derive(Clone, Copy)]
struct Short([u8; 4], u8);

/// `0` to `999`: nearly all numbers on a page are made of these, and of what follows.
static WHOLES: [Short; 1000] = shorts(false);
/// What stands after the whole: nothing, `.001` to `.999`, without zeros at the end.
static FRACTIONS: [Short; 1000] = shorts(true);

#[allow(clippy::indexing_slicing, reason = "when it is compiled")]
const fn shorts(fractions: bool) -> [Short; 1000] {
    let mut all = [Short([b' '; 4], 0); 1000];
    let mut value = 0;
    while value < 1000 {
        let digits = [value / 100, value / 10 % 10, value % 10];
        let (mut bytes, mut length) = ([b' '; 4], 0);
        let (mut from, mut to) = (0, 3);
        if fractions {
            while to > 0 && digits[to - 1] == 0 {
                to -= 1;
            }
            if to > 0 {
                bytes[0] = b'.';
                length = 1;
            }
        } else {
            while from < 2 && digits[from] == 0 {
                from += 1;
            }
        }
        while from < to {
            bytes[length] = b'0' + digits[from] as u8;
            length += 1;
            from += 1;
        }
        all[value] = Short(bytes, length as u8);
        value += 1;
    }
    all
}

/// The value as a place in a table.
#[inline(always)]
fn find(table: &'static [Short; 1000], value: impl TryInto<usize>) -> Option<&'static Short> {
    table.get(value.try_into().ok()?)
}

// Inlined: where numbers are written by calls, pages take a fifth longer.
impl Out {
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    #[inline(always)]
    pub fn push(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    #[inline(always)]
    fn short(&mut self, Short(bytes, length): &Short) {
        self.0.extend_from_slice(bytes);
        self.0.truncate(self.0.len() - bytes.len() + usize::from(*length));
    }

    #[inline(always)]
    pub fn integer(&mut self, value: impl itoa::Integer + TryInto<usize> + Copy) {
        match find(&WHOLES, value) {
            Some(digits) => self.short(digits),
            None => self.push(itoa::Buffer::new().format(value)),
        }
    }

    #[inline(always)]
    pub fn number(&mut self, Number { thousandths }: Number) {
        let size = thousandths.unsigned_abs();
        if thousandths < 0 {
            self.push("-");
        }
        self.integer(size / 1000);
        if let Some(fraction) = find(&FRACTIONS, size % 1000) {
            self.short(fraction);
        }
    }

    /// With a space between them.
    #[inline(always)]
    pub fn numbers(&mut self, all: &[f64]) {
        for (place, one) in all.iter().enumerate() {
            if place > 0 {
                self.push(" ");
            }
            self.number(number(*one));
        }
    }

    /// Text as XML has it. Control characters, which XML cannot have, are left out.
    pub fn escape(&mut self, text: &str) {
        // U+0080 to U+009F begin with 0xC2.
        let is_plain = |byte: u8| byte >= b' ' && !matches!(byte, b'&' | b'<' | b'>' | b'"' | 0x7F | 0xC2);
        if text.bytes().all(is_plain) {
            return self.push(text);
        }
        for c in text.chars().filter(|c| !c.is_control()) {
            match c {
                '&' => self.push("&amp;"),
                '<' => self.push("&lt;"),
                '>' => self.push("&gt;"),
                '"' => self.push("&quot;"),
                c => self.push(c.encode_utf8(&mut [0; 4])),
            }
        }
    }
}

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Out::with_capacity(24);
        out.number(*self);
        f.write_str(&String::from_utf8_lossy(&out.0))
    }
}

/// Text as XML has it: see [`Out::escape`].
pub(super) fn escaped(text: &str) -> String {
    let mut out = Out::with_capacity(text.len());
    out.escape(text);
    String::from_utf8_lossy(&out.0).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_a_micrometre_allows() {
        let numbers = |all: &[f64]| {
            all.iter()
                .map(|one| number(*one).to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let all = [0.0, -0.0001, 1.0, -2.5, 0.01, 7.1416, 210.0, 0.0996, 1e18, f64::NAN];
        let expected = "0 0 1 -2.5 0.01 7.142 210 0.1 9223372036854775.807 0";
        assert_eq!(numbers(&all), expected);
        let all = [9.0, 10.0, 99.009, 100.1, 999.99, 1000.0, -1000.001, 0.0005, -0.0005];
        assert_eq!(numbers(&all), "9 10 99.009 100.1 999.99 1000 -1000.001 0.001 -0.001");
        for thousandths in 0..1_001_000 {
            let expected = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
            let expected = expected.trim_end_matches('0').trim_end_matches('.');
            assert_eq!(Number { thousandths }.to_string(), expected);
        }
    }

    #[test]
    fn text_is_written_as_xml_has_it_without_control_characters() {
        assert_eq!(escaped("示例 A-1 «é»\u{A0}£"), "示例 A-1 «é»\u{A0}£");
        assert_eq!(escaped("a\tb\u{7F}c\u{85}d\u{0}é"), "abcdé");
        assert_eq!(escaped("<a b=\"&'\">"), "&lt;a b=&quot;&amp;'&quot;&gt;");
        for c in (0..=0x10FFFF).filter_map(char::from_u32).filter(|c| c.is_control()) {
            assert_eq!(escaped(&c.to_string()), "", "{c:?}");
        }
    }
}
