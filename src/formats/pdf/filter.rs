//! Stream filters (ISO 32000-2 7.4), as far as cross-references and object streams need them.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::{
    ReadError,
    object::{Dictionary, Object},
    work::Work,
};

/// Decodes a stream's bytes, as far as the limits allow.
pub fn decode(dictionary: &Dictionary, raw: &[u8], work: &Work) -> Result<Vec<u8>, ReadError> {
    let limit = work.left_to_decode();
    work.spend(raw.len())?;
    let filter = match dictionary.get(b"Filter") {
        None | Some(Object::Null) => None,
        Some(Object::Name(name)) => Some(name),
        Some(Object::Array(filters)) => match filters.as_slice() {
            [] => None,
            [Object::Name(name)] => Some(name),
            _ => return Err(ReadError::Unsupported("several filters on one stream")),
        },
        Some(_) => return Err(ReadError::Unsupported("an indirect filter")),
    };
    let parameters = match dictionary.get(b"DecodeParms") {
        None | Some(Object::Null) => None,
        Some(Object::Dictionary(parameters)) => Some(parameters),
        Some(Object::Array(items)) => match items.as_slice() {
            [] | [Object::Null] => None,
            [Object::Dictionary(parameters)] => Some(parameters),
            _ => return Err(ReadError::Unsupported("these filter parameters")),
        },
        Some(_) => return Err(ReadError::Unsupported("these filter parameters")),
    };
    match filter.map(Vec::as_slice) {
        None if raw.len() <= limit => {
            work.spend_decoded(raw.len());
            Ok(raw.to_vec())
        }
        None => Err(ReadError::Limit("MAX_DECODED_BYTES")),
        Some(b"FlateDecode") => {
            let mut out = Vec::new();
            let allowed = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
            let read = ZlibDecoder::new(raw).take(allowed).read_to_end(&mut out);
            work.spend_decoded(out.len());
            read.map_err(|_| ReadError::Stream)?;
            if out.len() > limit {
                return Err(ReadError::Limit("MAX_DECODED_BYTES"));
            }
            unpredict(parameters, out)
        }
        Some(_) => Err(ReadError::Unsupported("this filter on a structural stream")),
    }
}

/// Takes back the PNG predictors (ISO 32000-2 7.4.4.4).
fn unpredict(parameters: Option<&Dictionary>, data: Vec<u8>) -> Result<Vec<u8>, ReadError> {
    let number = |key: &[u8], default: i64| -> Result<usize, ReadError> {
        let value = parameters.and_then(|parameters| parameters.get(key));
        let value = value.map_or(Some(default), Object::as_integer);
        value
            .and_then(|value| usize::try_from(value).ok())
            .ok_or(ReadError::Stream)
    };
    let predictor = number(b"Predictor", 1)?;
    if predictor == 1 {
        return Ok(data);
    }
    if !(10..=15).contains(&predictor) {
        return Err(ReadError::Unsupported("this predictor"));
    }
    let (columns, colors, bits) = (
        number(b"Columns", 1)?,
        number(b"Colors", 1)?,
        number(b"BitsPerComponent", 8)?,
    );
    if columns == 0 || columns > 65_536 || !(1..=32).contains(&colors) || ![1, 2, 4, 8, 16].contains(&bits) {
        return Err(ReadError::Stream);
    }
    let row_bytes = (columns * colors * bits).div_ceil(8);
    let pixel_bytes = (colors * bits).div_ceil(8);
    let mut out = Vec::with_capacity(data.len());
    let mut above = vec![0_u8; row_bytes];
    for row in data.chunks(row_bytes + 1) {
        let (kind, row) = row.split_first().ok_or(ReadError::Stream)?;
        if row.len() != row_bytes {
            return Err(ReadError::Stream);
        }
        let mut line: Vec<u8> = Vec::with_capacity(row_bytes);
        for (place, byte) in row.iter().enumerate() {
            let before = place.checked_sub(pixel_bytes);
            let left = before.and_then(|at| line.get(at)).copied().unwrap_or(0);
            let up = above.get(place).copied().unwrap_or(0);
            let corner = before.and_then(|at| above.get(at)).copied().unwrap_or(0);
            let guess = match kind {
                0 => 0,
                1 => left,
                2 => up,
                3 => u8::midpoint(left, up),
                4 => paeth(left, up, corner),
                _ => return Err(ReadError::Stream),
            };
            line.push(byte.wrapping_add(guess));
        }
        out.extend_from_slice(&line);
        above = line;
    }
    Ok(out)
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let estimate = a + b - c;
    let (from_left, from_up, from_corner) = ((estimate - a).abs(), (estimate - b).abs(), (estimate - c).abs());
    if from_left <= from_up && from_left <= from_corner {
        left
    } else if from_up <= from_corner {
        up
    } else {
        corner
    }
}
