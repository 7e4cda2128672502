//! Reading BER as it is stored (X.690 8), with bounds. Libraries that decode into structures write the bytes anew, sort
//! each SET OF and refuse what is not DER; here nothing is decoded but tags and lengths, and the stored bytes remain.

use super::{MAX_DEPTH, ParseError};

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const CONSTRUCTED: u8 = 0x20;

/// `[number]` of constructed form.
pub(super) const fn context(number: u8) -> u8 {
    0xA0 | number
}

/// One value, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value<'a> {
    /// The identifier octet; numbers above 30 are not read.
    pub tag: u8,
    /// Tag, length, contents and, with an indefinite length, the two end-of-contents octets.
    pub raw: &'a [u8],
    pub contents: &'a [u8],
    /// The length is written in the one form of DER.
    pub definite: bool,
}

impl<'a> Value<'a> {
    /// The one value of these bytes.
    pub fn only(bytes: &'a [u8]) -> Result<Self, ParseError> {
        match read(bytes)? {
            (value, []) => Ok(value),
            _ => Err(ParseError::Form),
        }
    }

    /// Its contents, where it has this tag.
    pub fn expect(self, tag: u8) -> Result<Self, ParseError> {
        if self.tag == tag {
            Ok(self)
        } else {
            Err(ParseError::Form)
        }
    }

    pub fn children(self) -> Values<'a> {
        Values { rest: self.contents }
    }

    /// The octets of a string with this tag, primitive or in segments (X.690 8.7, 8.14).
    pub fn octets(self, tag: u8) -> Result<Vec<u8>, ParseError> {
        let mut joined = Vec::new();
        self.join(tag, &mut joined, 0)?;
        Ok(joined)
    }

    fn join(self, tag: u8, into: &mut Vec<u8>, depth: usize) -> Result<(), ParseError> {
        if depth > MAX_DEPTH {
            return Err(ParseError::Limit("MAX_DEPTH"));
        }
        if self.tag == tag {
            into.extend_from_slice(self.contents);
            return Ok(());
        }
        for segment in self.expect(tag | CONSTRUCTED)?.children() {
            // The segments of `[0] IMPLICIT OCTET STRING` are OCTET STRINGs.
            let tag = if tag & 0xC0 == 0 { tag } else { OCTET_STRING };
            segment?.join(tag, into, depth + 1)?;
        }
        Ok(())
    }
}

/// Values that stand one after the other.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    rest: &'a [u8],
}

impl<'a> Values<'a> {
    /// The next, which must be there.
    pub fn required(&mut self) -> Result<Value<'a>, ParseError> {
        self.next().ok_or(ParseError::Form)?
    }

    /// The next, if it has this tag.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Value<'a>>, ParseError> {
        if self.rest.first() == Some(&tag) {
            self.required().map(Some)
        } else {
            Ok(None)
        }
    }

    pub fn finish(self) -> Result<(), ParseError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(ParseError::Form)
        }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Result<Value<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match read(self.rest) {
            Ok((value, rest)) => {
                self.rest = rest;
                Some(Ok(value))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}

/// The first value of the bytes, and what follows it.
pub(super) fn read(bytes: &[u8]) -> Result<(Value<'_>, &[u8]), ParseError> {
    read_at(bytes, 0)
}

fn read_at(bytes: &[u8], depth: usize) -> Result<(Value<'_>, &[u8]), ParseError> {
    if depth > MAX_DEPTH {
        return Err(ParseError::Limit("MAX_DEPTH"));
    }
    let [tag, first, ..] = bytes else {
        return Err(ParseError::Form);
    };
    if tag & 0x1F == 0x1F || *tag == 0 {
        return Err(ParseError::Form);
    }
    if *first == 0x80 {
        if tag & CONSTRUCTED == 0 {
            return Err(ParseError::Form);
        }
        let all = bytes.get(2..).unwrap_or_default();
        let mut rest = all;
        while !rest.starts_with(&[0, 0]) {
            rest = read_at(rest, depth + 1)?.1;
        }
        let length = all.len() - rest.len();
        return Ok((
            Value {
                tag: *tag,
                raw: bytes.get(..length + 4).unwrap_or_default(),
                contents: all.get(..length).unwrap_or_default(),
                definite: false,
            },
            rest.get(2..).unwrap_or_default(),
        ));
    }
    let (header, length) = if *first < 0x80 {
        (2, usize::from(*first))
    } else {
        let count = usize::from(first & 0x7F);
        let octets = bytes.get(2..2 + count).ok_or(ParseError::Form)?;
        if count > size_of::<u32>() {
            return Err(ParseError::Form);
        }
        let length = octets
            .iter()
            .fold(0_usize, |length, octet| length << 8 | usize::from(*octet));
        (2 + count, length)
    };
    let end = header.checked_add(length).ok_or(ParseError::Form)?;
    let raw = bytes.get(..end).ok_or(ParseError::Form)?;
    Ok((
        Value {
            tag: *tag,
            raw,
            contents: raw.get(header..).unwrap_or_default(),
            definite: header == header_octets(length),
        },
        bytes.get(end..).unwrap_or_default(),
    ))
}

/// How many octets tag and length take in DER.
fn header_octets(length: usize) -> usize {
    match length {
        0..0x80 => 2,
        0x80..0x100 => 3,
        0x100..0x1_0000 => 4,
        0x1_0000..0x100_0000 => 5,
        _ => 6,
    }
}

/// Whether value and all within it have lengths as DER writes them, and no string is in segments.
pub(super) fn is_definite(value: Value<'_>, depth: usize) -> bool {
    let string_in_segments =
        value.tag & 0xC0 == 0 && value.tag & CONSTRUCTED != 0 && ![SEQUENCE, SET].contains(&value.tag);
    value.definite
        && depth <= MAX_DEPTH
        && !string_in_segments
        && (value.tag & CONSTRUCTED == 0
            || value
                .children()
                .all(|child| child.is_ok_and(|child| is_definite(child, depth + 1))))
}

/// The value in DER (X.690 10 and 11): definite lengths, strings in one piece, each SET in order. `tag` replaces its own,
/// as RFC 5652 5.4 asks of signed attributes.
pub(super) fn to_der(value: Value<'_>, tag: u8) -> Result<Vec<u8>, ParseError> {
    let mut out = Vec::with_capacity(value.raw.len());
    write_der(value, tag, &mut out, 0)?;
    Ok(out)
}

fn write_der(value: Value<'_>, tag: u8, out: &mut Vec<u8>, depth: usize) -> Result<(), ParseError> {
    if depth > MAX_DEPTH {
        return Err(ParseError::Limit("MAX_DEPTH"));
    }
    if tag & CONSTRUCTED == 0 {
        match (tag, value.contents) {
            (BOOLEAN, [truth]) if *truth != 0 => write(tag, &[0xFF], out),
            _ => write(tag, value.contents, out),
        }
        return Ok(());
    }
    let universal_string = tag & 0xC0 == 0 && tag != SEQUENCE && tag != SET;
    if universal_string {
        let primitive = tag & !CONSTRUCTED;
        write(primitive, &value.octets(primitive)?, out);
        return Ok(());
    }
    let mut parts = Vec::new();
    for child in value.children() {
        let child = child?;
        let mut part = Vec::with_capacity(child.raw.len());
        write_der(child, child.tag, &mut part, depth + 1)?;
        parts.push(part);
    }
    if tag == SET {
        parts.sort_unstable();
    }
    write(tag, &parts.concat(), out);
    Ok(())
}

/// Appends tag, length and contents.
pub(super) fn write(tag: u8, contents: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    let length = contents.len();
    let octets = length.to_be_bytes();
    match header_octets(length) {
        2 => out.extend(octets.last()),
        header => {
            let count = header - 2;
            // At most 6 octets of header: the count is at most 4.
            out.push(0x80 | u8::try_from(count).unwrap_or(4));
            out.extend_from_slice(octets.get(octets.len() - count..).unwrap_or_default());
        }
    }
    out.extend_from_slice(contents);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indefinite_lengths_and_segments_become_der() {
        // SEQUENCE (indefinite) { OCTET STRING in two segments, SET { 2, 1 } with a long length }
        let ber = [
            0x30, 0x80, 0x24, 0x80, 0x04, 0x01, b'a', 0x04, 0x02, b'b', b'c', 0x00, 0x00, 0x31, 0x81, 0x06, 0x02, 0x01,
            0x02, 0x02, 0x01, 0x01, 0x00, 0x00,
        ];
        let value = Value::only(&ber).unwrap();
        assert!(!is_definite(value, 0));
        let der = to_der(value, SEQUENCE).unwrap();
        assert_eq!(
            der,
            [
                0x30, 0x0D, 0x04, 0x03, b'a', b'b', b'c', 0x31, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02
            ]
        );
        let value = Value::only(&der).unwrap();
        assert!(is_definite(value, 0));
        assert_eq!(to_der(value, SEQUENCE).unwrap(), der);
        assert_eq!(
            value.children().next().unwrap().unwrap().octets(OCTET_STRING).unwrap(),
            b"abc"
        );
    }

    #[test]
    fn long_lengths_are_written_as_der_writes_them() {
        for length in [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x1_0000] {
            let mut out = Vec::new();
            write(OCTET_STRING, &vec![7; length], &mut out);
            let value = Value::only(&out).unwrap();
            assert_eq!(value.contents.len(), length);
            assert!(value.definite, "{length}");
        }
        assert!(!Value::only(&[0x04, 0x81, 0x01, 0x00]).unwrap().definite);
    }

    #[test]
    fn nesting_without_end_and_lengths_past_the_end_are_refused() {
        assert_eq!(read(&[0x30, 0x80].repeat(100)), Err(ParseError::Limit("MAX_DEPTH")));
        assert_eq!(read(&[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), Err(ParseError::Form));
        assert_eq!(read(&[0x04, 0x80, 0x00, 0x00]), Err(ParseError::Form));
        assert_eq!(read(&[0x30, 0x80, 0x04, 0x01]), Err(ParseError::Form));
    }
}
