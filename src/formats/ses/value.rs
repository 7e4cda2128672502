use der::{Decode, Sequence, asn1::UintRef};

/// r and s of an SM2 value, in bytes.
pub const SM2_VALUE_BYTES: usize = 64;

#[derive(Sequence)]
struct Pair<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// An SM2 value as r and s: from DER (GB/T 35276 7.3), or as 64 bytes, as some write it.
pub fn sm2_value(bytes: &[u8]) -> Option<[u8; SM2_VALUE_BYTES]> {
    if let Ok(raw) = bytes.try_into() {
        return Some(raw);
    }
    let pair = Pair::from_der(bytes).ok()?;
    let mut value = [0; SM2_VALUE_BYTES];
    let (r, s) = value.split_at_mut(SM2_VALUE_BYTES / 2);
    for (half, number) in [(r, pair.r), (s, pair.s)] {
        let number = number.as_bytes();
        let start = half.len().checked_sub(number.len())?;
        half.get_mut(start..)?.copy_from_slice(number);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_der_or_sixty_four_bytes_and_nothing_else() {
        assert_eq!(sm2_value(&[7; 64]), Some([7; 64]));
        let small = [0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x09];
        let mut expected = [0; 64];
        (expected[31], expected[63]) = (5, 9);
        assert_eq!(sm2_value(&small), Some(expected));
        let negative = [0x30, 0x06, 0x02, 0x01, 0x85, 0x02, 0x01, 0x09];
        let padded = [0x30, 0x07, 0x02, 0x02, 0x00, 0x05, 0x02, 0x01, 0x09];
        let trailing = [0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x09, 0x00];
        let mut long = vec![0x30, 0x26, 0x02, 0x21];
        long.extend([0x01; 33]);
        long.extend([0x02, 0x01, 0x01]);
        for wrong in [&negative[..], &padded, &trailing, &long, b"", &[0; 63], &[0; 65]] {
            assert_eq!(sm2_value(wrong), None, "{wrong:?}");
        }
    }
}
