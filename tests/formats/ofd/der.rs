//! DER, written by hand: what the tests sign is not written by the code that they test.

use jiff::{Timestamp, tz::TimeZone};

pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        length @ 0..=0x7F => out.push(length as u8),
        length => {
            let bytes = length.to_be_bytes();
            let bytes = &bytes[length.leading_zeros() as usize / 8..];
            out.push(0x80 | bytes.len() as u8);
            out.extend(bytes);
        }
    }
    out.extend(content);
    out
}

pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub fn set(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x31, &parts.concat())
}

pub fn integer(number: u8) -> Vec<u8> {
    tlv(0x02, &[number])
}

pub fn octets(content: &[u8]) -> Vec<u8> {
    tlv(0x04, content)
}

pub fn bits(content: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], content].concat())
}

pub fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0C, text.as_bytes())
}

pub fn ia5(text: &str) -> Vec<u8> {
    tlv(0x16, text.as_bytes())
}

/// By its dotted numbers.
pub fn oid(dotted: &str) -> Vec<u8> {
    let numbers: Vec<u64> = dotted.split('.').map(|number| number.parse().unwrap()).collect();
    let mut content = Vec::new();
    for number in std::iter::once(numbers[0] * 40 + numbers[1]).chain(numbers[2..].iter().copied()) {
        let mut digits = vec![(number & 0x7F) as u8];
        let mut rest = number >> 7;
        while rest > 0 {
            digits.insert(0, (rest & 0x7F) as u8 | 0x80);
            rest >>= 7;
        }
        content.extend(digits);
    }
    tlv(0x06, &content)
}

pub fn generalized(time: &str) -> Vec<u8> {
    let time: Timestamp = time.parse().unwrap();
    tlv(
        0x18,
        time.to_zoned(TimeZone::UTC)
            .strftime("%Y%m%d%H%M%SZ")
            .to_string()
            .as_bytes(),
    )
}

pub fn utc(time: &str) -> Vec<u8> {
    let time: Timestamp = time.parse().unwrap();
    tlv(
        0x17,
        time.to_zoned(TimeZone::UTC)
            .strftime("%y%m%d%H%M%SZ")
            .to_string()
            .as_bytes(),
    )
}

/// An unsigned number of many bytes.
pub fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
    let bytes = &bytes[start..];
    let sign: &[u8] = if bytes[0] >= 0x80 { &[0] } else { &[] };
    tlv(0x02, &[sign, bytes].concat())
}
