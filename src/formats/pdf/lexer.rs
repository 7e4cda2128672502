//! Tokens of ISO 32000-2 7.2 and 7.3, strictly: what two readers could take differently is an error here.

use super::SyntaxError;

/// The longest name, in bytes, `#xx` counted once (ISO 32000-1 annex C: 127).
pub const MAX_NAME_BYTES: usize = 127;

/// The most digits of a number without sign, which then fits 64 bits.
const MAX_DIGITS: usize = 19;

/// Reads tokens of a byte string, from a place on.
pub struct Lexer<'a> {
    data: &'a [u8],
    position: usize,
}

pub fn is_whitespace(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0C | b'\r' | b' ')
}

pub fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
    )
}

pub fn is_regular(byte: u8) -> bool {
    !is_whitespace(byte) && !is_delimiter(byte)
}

fn hex_value(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

impl<'a> Lexer<'a> {
    pub fn new(data: &'a [u8], position: usize) -> Self {
        Self { data, position }
    }

    pub fn position(&self) -> usize {
        self.position
    }

    pub fn peek(&self) -> Option<u8> {
        self.data.get(self.position).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.position += 1;
        Some(byte)
    }

    /// A lexer at the same place that sees only so many bytes more.
    pub fn ahead(&self, bytes: usize) -> Self {
        let end = self.position.saturating_add(bytes).min(self.data.len());
        Self {
            data: self.data.get(..end).unwrap_or_default(),
            position: self.position,
        }
    }

    pub fn error(&self, what: &'static str) -> SyntaxError {
        SyntaxError {
            offset: self.position,
            what,
        }
    }

    pub fn rest(&self) -> &'a [u8] {
        self.data.get(self.position..).unwrap_or_default()
    }

    /// Steps over white space and comments.
    pub fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                while self.peek().is_some_and(|byte| byte != b'\r' && byte != b'\n') {
                    self.position += 1;
                }
            } else if is_whitespace(byte) {
                self.position += 1;
            } else {
                break;
            }
        }
    }

    /// Steps over white space alone.
    pub fn skip_blank(&mut self) {
        while self.peek().is_some_and(is_whitespace) {
            self.position += 1;
        }
    }

    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    pub fn advance_to(&mut self, position: usize) {
        self.position = position;
    }

    /// Takes these bytes if they come next.
    pub fn take(&mut self, bytes: &[u8]) -> bool {
        let found = self.rest().starts_with(bytes);
        if found {
            self.position += bytes.len();
        }
        found
    }

    /// Takes a keyword if it comes next and ends there.
    pub fn take_keyword(&mut self, word: &[u8]) -> bool {
        let rest = self.rest();
        let found = rest.starts_with(word) && !rest.get(word.len()).is_some_and(|byte| is_regular(*byte));
        if found {
            self.position += word.len();
        }
        found
    }

    /// Takes one end of line: CR LF, LF, or CR.
    pub fn take_end_of_line(&mut self) -> bool {
        self.take(b"\r\n") || self.take(b"\n") || self.take(b"\r")
    }

    /// The run of regular characters that comes next.
    pub fn word(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !is_regular(*byte)).unwrap_or(rest.len());
        self.position += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Digits only, without sign: object numbers, offsets.
    pub fn unsigned(&mut self) -> Result<u64, SyntaxError> {
        let start = self.position;
        let digits = self.rest().iter().take(MAX_DIGITS + 1);
        let digits = digits.take_while(|byte| byte.is_ascii_digit()).count();
        let text = self.rest().get(..digits).unwrap_or_default();
        let value = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        match value {
            Some(value) if digits <= MAX_DIGITS => {
                self.position += digits;
                Ok(value)
            }
            _ => Err(SyntaxError {
                offset: start,
                what: "a number was expected",
            }),
        }
    }

    /// A name; the `/` comes next.
    pub fn name(&mut self) -> Result<Vec<u8>, SyntaxError> {
        if !self.take(b"/") {
            return Err(self.error("a name was expected"));
        }
        let mut name = Vec::new();
        while let Some(byte) = self.peek().filter(|byte| is_regular(*byte)) {
            self.position += 1;
            if byte == b'#' {
                let high = self.next().and_then(hex_value);
                let low = self.next().and_then(hex_value);
                match (high, low) {
                    (Some(high), Some(low)) if high | low != 0 => name.push(high << 4 | low),
                    _ => return Err(self.error("a wrong escape in a name")),
                }
            } else {
                name.push(byte);
            }
            if name.len() > MAX_NAME_BYTES {
                return Err(self.error("a name is too long"));
            }
        }
        Ok(name)
    }

    /// A literal string; the `(` comes next.
    pub fn literal_string(&mut self) -> Result<Vec<u8>, SyntaxError> {
        if !self.take(b"(") {
            return Err(self.error("a string was expected"));
        }
        let mut text = Vec::new();
        let mut open = 1_usize;
        loop {
            let byte = self.next().ok_or_else(|| self.error("a string does not end"))?;
            match byte {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        return Ok(text);
                    }
                }
                b'\\' => {
                    self.escape(&mut text)?;
                    continue;
                }
                b'\r' => {
                    self.take(b"\n");
                    text.push(b'\n');
                    continue;
                }
                _ => {}
            }
            text.push(byte);
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), SyntaxError> {
        let byte = self.next().ok_or_else(|| self.error("a string does not end"))?;
        match byte {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' => text.push(8),
            b'f' => text.push(0x0C),
            b'\n' => {}
            b'\r' => {
                self.take(b"\n");
            }
            b'0'..=b'7' => {
                let mut value = u32::from(byte - b'0');
                for _ in 0..2 {
                    match self.peek() {
                        Some(digit @ b'0'..=b'7') => {
                            self.position += 1;
                            value = value * 8 + u32::from(digit - b'0');
                        }
                        _ => break,
                    }
                }
                // High-order overflow is ignored (ISO 32000-2 table 3).
                text.push((value & 0xFF) as u8);
            }
            other => text.push(other),
        }
        Ok(())
    }

    /// A hexadecimal string; the `<` comes next.
    pub fn hex_string(&mut self) -> Result<Vec<u8>, SyntaxError> {
        if !self.take(b"<") {
            return Err(self.error("a string was expected"));
        }
        // A signature's room is tens of thousands of digits: they are taken at once where nothing stands between them.
        let mut text = Vec::new();
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_hexdigit()).count() & !1;
        let digits = self.rest().get(..digits).unwrap_or_default();
        if let Ok(first) = data_encoding::HEXLOWER_PERMISSIVE.decode(digits) {
            self.position += digits.len();
            text = first;
        }
        let mut half = None;
        loop {
            let byte = self.next().ok_or_else(|| self.error("a string does not end"))?;
            if byte == b'>' {
                if let Some(high) = half {
                    text.push(high << 4);
                }
                return Ok(text);
            }
            if is_whitespace(byte) {
                continue;
            }
            let digit = hex_value(byte).ok_or_else(|| self.error("not a hexadecimal digit"))?;
            half = match half {
                None => Some(digit),
                Some(high) => {
                    text.push(high << 4 | digit);
                    None
                }
            };
        }
    }
}
