use const_oid::ObjectIdentifier;
use spki::AlgorithmIdentifierOwned;

/// Digests that a signature may be made with. Those that ring has are its; the others RustCrypto's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    Md5,
    Ripemd160,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    /// SHAKE256 with 512 bits of output, as Ed448 goes with (RFC 8702 3.1, RFC 8419 2.3).
    Shake256,
    Sm3,
}

/// By object identifier: the NIST and OIW registers, RFC 1321, GM/T 0006.
const IDENTIFIERS: [(Digest, ObjectIdentifier); 13] = [
    (Digest::Md5, ObjectIdentifier::new_unwrap("1.2.840.113549.2.5")),
    (Digest::Ripemd160, ObjectIdentifier::new_unwrap("1.3.36.3.2.1")),
    (Digest::Sha1, ObjectIdentifier::new_unwrap("1.3.14.3.2.26")),
    (Digest::Sha224, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4")),
    (Digest::Sha256, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1")),
    (Digest::Sha384, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2")),
    (Digest::Sha512, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3")),
    (Digest::Sha3_224, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.7")),
    (Digest::Sha3_256, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.8")),
    (Digest::Sha3_384, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.9")),
    (
        Digest::Sha3_512,
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.10"),
    ),
    (
        Digest::Shake256,
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.12"),
    ),
    (Digest::Sm3, ObjectIdentifier::new_unwrap("1.2.156.10197.1.401")),
];

impl Digest {
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Ripemd160 => "RIPEMD-160",
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Sha3_224 => "SHA3-224",
            Self::Sha3_256 => "SHA3-256",
            Self::Sha3_384 => "SHA3-384",
            Self::Sha3_512 => "SHA3-512",
            Self::Shake256 => "SHAKE256",
            Self::Sm3 => "SM3",
        }
    }

    pub fn oid(self) -> ObjectIdentifier {
        let (_, oid) = IDENTIFIERS
            .into_iter()
            .find(|(digest, _)| *digest == self)
            .unwrap_or(IDENTIFIERS[4]);
        oid
    }

    /// Its AlgorithmIdentifier, without parameters (RFC 5754 2).
    pub fn identifier(self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned {
            oid: self.oid(),
            parameters: None,
        }
    }

    pub fn of_oid(oid: ObjectIdentifier) -> Option<Self> {
        let found = IDENTIFIERS.into_iter().find(|(_, known)| *known == oid)?;
        Some(found.0)
    }

    /// Collisions are found, or have no margin left (ETSI TS 119 312 no longer recommends any of them).
    pub fn is_weak(self) -> bool {
        matches!(self, Self::Md5 | Self::Ripemd160 | Self::Sha1)
    }

    /// The digest of the pieces, one after the other.
    pub fn of(self, pieces: &[&[u8]]) -> Vec<u8> {
        let ring = |algorithm| {
            let mut context = ring::digest::Context::new(algorithm);
            pieces.iter().for_each(|piece| context.update(piece));
            context.finish().as_ref().to_vec()
        };
        match self {
            Self::Sha1 => ring(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => ring(&ring::digest::SHA256),
            Self::Sha384 => ring(&ring::digest::SHA384),
            Self::Sha512 => ring(&ring::digest::SHA512),
            Self::Md5 => by::<md5::Md5>(pieces),
            Self::Ripemd160 => by::<ripemd::Ripemd160>(pieces),
            Self::Sha224 => by::<sha2::Sha224>(pieces),
            Self::Sha3_224 => by::<sha3::Sha3_224>(pieces),
            Self::Sha3_256 => by::<sha3::Sha3_256>(pieces),
            Self::Sha3_384 => by::<sha3::Sha3_384>(pieces),
            Self::Sha3_512 => by::<sha3::Sha3_512>(pieces),
            Self::Sm3 => by::<sm3::Sm3>(pieces),
            Self::Shake256 => {
                use sha3::digest::{ExtendableOutput, Update, XofReader};
                let mut state = shake::Shake256::default();
                pieces.iter().for_each(|piece| state.update(piece));
                let mut out = vec![0; 64];
                state.finalize_xof().read(&mut out);
                out
            }
        }
    }
}

fn by<D: sha3::Digest>(pieces: &[&[u8]]) -> Vec<u8> {
    let mut state = D::new();
    pieces.iter().for_each(|piece| sha3::Digest::update(&mut state, piece));
    state.finalize().to_vec()
}
