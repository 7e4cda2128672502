//! RSA with digests, salts and lengths that ring leaves out, and DSA: verification only, of public numbers, by the steps
//! of RFC 8017 and FIPS 186-4. The arithmetic is num-bigint's.

use der::{Decode, Reader, SliceReader, asn1::UintRef};
use num_bigint::BigUint;

use crate::formats::cms::{Digest, Scheme};

/// The largest modulus that is computed with, in bits.
const MAX_BITS: u64 = 16_384;

/// The largest RSA exponent that is computed with, in bits.
const MAX_EXPONENT_BITS: u64 = 64;

/// The largest subgroup of DSA that is computed with, in bits.
const MAX_SUBGROUP_BITS: u64 = 512;

/// An RSA public key of a size that is computed with.
pub struct Key {
    modulus: BigUint,
    exponent: BigUint,
}

impl Key {
    /// Reads DER of an RSAPublicKey (RFC 8017 A.1.1).
    pub fn read(der: &[u8]) -> Option<Self> {
        let (modulus, exponent) = pair(der).ok()?;
        let sound = modulus.bits() > 16
            && modulus.bits() <= MAX_BITS
            && modulus.bit(0)
            && exponent.bit(0)
            && exponent.bits() > 1
            && exponent.bits() <= MAX_EXPONENT_BITS;
        sound.then_some(Self { modulus, exponent })
    }

    /// ring takes moduli of whole octets and 2048 to 8192 bits, and exponents of up to 33.
    pub fn fits_ring(&self) -> bool {
        (2048..=8192).contains(&self.modulus.bits())
            && self.modulus.bits().is_multiple_of(8)
            && self.exponent.bits() <= 33
    }

    pub fn bits(&self) -> u64 {
        self.modulus.bits()
    }

    fn octets(&self) -> usize {
        usize::try_from(self.modulus.bits().div_ceil(8)).unwrap_or(usize::MAX)
    }

    /// RSAVP1 (RFC 8017 5.2.2), as octets of the modulus's length.
    fn open(&self, value: &[u8]) -> Option<Vec<u8>> {
        let number = BigUint::from_bytes_be(value);
        if value.len() != self.octets() || number >= self.modulus {
            return None;
        }
        let opened = number.modpow(&self.exponent, &self.modulus).to_bytes_be();
        let mut padded = vec![0; self.octets().checked_sub(opened.len())?];
        padded.extend_from_slice(&opened);
        Some(padded)
    }
}

/// Whether the value is right over the message; none for schemes that are not RSA's.
pub fn verify(key: &Key, scheme: Scheme, message: &[u8], value: &[u8]) -> Option<bool> {
    let opened = key.open(value);
    Some(match scheme {
        Scheme::RsaPkcs1(digest) => {
            let right = encode_pkcs1(digest, &digest.of(&[message]), key.octets());
            right.is_some_and(|right| right.iter().any(|encoded| opened.as_ref() == Some(encoded)))
        }
        Scheme::RsaPss {
            digest,
            mask,
            salt_bytes,
        } => opened.is_some_and(|opened| {
            let bits = usize::try_from(key.modulus.bits()).unwrap_or(0) - 1;
            // Where the modulus has one bit more than whole octets, the encoded message is one octet shorter.
            let encoded = match opened.len() - bits.div_ceil(8) {
                0 => Some(opened.as_slice()),
                _ => opened.strip_prefix(&[0]),
            };
            let hashed = digest.of(&[message]);
            encoded.is_some_and(|encoded| is_pss(encoded, bits, &hashed, (digest, mask, salt_bytes)).unwrap_or(false))
        }),
        _ => return None,
    })
}

/// EMSA-PKCS1-v1_5 (RFC 8017 9.2), with NULL parameters and, as its note 2 allows, with none.
fn encode_pkcs1(digest: Digest, hashed: &[u8], length: usize) -> Option<[Vec<u8>; 2]> {
    let oid = digest.oid();
    let encode = |null: &[u8]| -> Option<Vec<u8>> {
        // All lengths are below 128.
        let short = |length: usize| u8::try_from(length).ok().filter(|length| *length < 0x80);
        let oid = oid.as_bytes();
        let mut info = vec![0x30, short(oid.len() + null.len() + hashed.len() + 6)?];
        info.extend([0x30, short(oid.len() + null.len() + 2)?, 0x06, short(oid.len())?]);
        info.extend_from_slice(oid);
        info.extend_from_slice(null);
        info.extend([0x04, short(hashed.len())?]);
        info.extend_from_slice(hashed);
        let padding = length.checked_sub(info.len() + 3).filter(|padding| *padding >= 8)?;
        let mut encoded = vec![0x00, 0x01];
        encoded.resize(2 + padding, 0xFF);
        encoded.push(0x00);
        encoded.extend(info);
        Some(encoded)
    };
    Some([encode(&[0x05, 0x00])?, encode(&[])?])
}

/// EMSA-PSS-VERIFY (RFC 8017 9.1.2).
fn is_pss(
    encoded: &[u8],
    bits: usize,
    hashed: &[u8],
    (digest, mask, salt_bytes): (Digest, Digest, usize),
) -> Option<bool> {
    let (masked, [0xBC]) = encoded.split_at_checked(encoded.len().checked_sub(1)?)? else {
        return Some(false);
    };
    let (masked, hash) = masked.split_at_checked(masked.len().checked_sub(hashed.len())?)?;
    let unused = 8 * encoded.len() - bits;
    let keep = 0xFF_u8.checked_shr(u32::try_from(unused).ok()?)?;
    if masked.first()? & !keep != 0 {
        return Some(false);
    }
    let mut block: Vec<u8> = masked
        .iter()
        .zip(mgf1(mask, hash, masked.len()))
        .map(|(one, other)| one ^ other)
        .collect();
    *block.first_mut()? &= keep;
    let (padding, salt) = block.split_at_checked(block.len().checked_sub(salt_bytes)?)?;
    let (one, zeros) = padding.split_last()?;
    if *one != 1 || zeros.iter().any(|octet| *octet != 0) {
        return Some(false);
    }
    Some(digest.of(&[&[0; 8], hashed, salt]) == hash)
}

/// MGF1 (RFC 8017 B.2.1).
fn mgf1(digest: Digest, seed: &[u8], length: usize) -> Vec<u8> {
    let mut mask = Vec::with_capacity(length + 64);
    let mut counter = 0_u32;
    while mask.len() < length {
        mask.extend(digest.of(&[seed, &counter.to_be_bytes()]));
        counter += 1;
    }
    mask.truncate(length);
    mask
}

/// The two numbers of a SEQUENCE in DER.
fn pair(der: &[u8]) -> Result<(BigUint, BigUint), der::Error> {
    let mut reader = SliceReader::new(der)?;
    let (one, other) = reader.sequence(|inner: &mut SliceReader<'_>| {
        Ok::<_, der::Error>((UintRef::decode(inner)?, UintRef::decode(inner)?))
    })?;
    reader.finish()?;
    Ok((number(one), number(other)))
}

fn number(uint: UintRef<'_>) -> BigUint {
    BigUint::from_bytes_be(uint.as_bytes())
}

/// Whether a DSA value (DER of r and s) is right over a digest (FIPS 186-4 4.7). `parameters` are the octets of
/// Dss-Parms without tag and length; `key` is DER of y.
pub fn verify_dsa(parameters: &[u8], key: &[u8], digest: &[u8], value: &[u8]) -> Option<bool> {
    let mut reader = SliceReader::new(parameters).ok()?;
    let mut next = || UintRef::decode(&mut reader).ok().map(number);
    let (p, q, g) = (next()?, next()?, next()?);
    let y = number(UintRef::from_der(key).ok()?);
    let sizes = p.bits() > 16 && p.bits() <= MAX_BITS && q.bits() > 16 && q.bits() <= MAX_SUBGROUP_BITS;
    let one = BigUint::from(1_u8);
    if !sizes || !p.bit(0) || !q.bit(0) || g <= one || g >= p || y <= one || y >= p {
        return None;
    }
    let Ok((r, s)) = pair(value) else {
        return Some(false);
    };
    let zero = BigUint::ZERO;
    if r == zero || r >= q || s == zero || s >= q {
        return Some(false);
    }
    // The leftmost bits of the digest, as many as q has.
    let digest_bits = 8 * u64::try_from(digest.len()).ok()?;
    let z = BigUint::from_bytes_be(digest) >> digest_bits.saturating_sub(q.bits());
    let w = s.modinv(&q)?;
    let (u1, u2) = (z * &w % &q, &r * &w % &q);
    let v = (g.modpow(&u1, &p) * y.modpow(&u2, &p) % &p) % &q;
    Some(v == r)
}
