use std::{fs, io::Read, os::unix::fs::PermissionsExt, path::Path};

use const_oid::{
    ObjectIdentifier,
    db::{rfc5912, rfc8410},
};
use der::{
    Any, Encode,
    asn1::{BitString, Null},
};
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use sm2::{
    dsa::signature::Signer as _,
    elliptic_curve::{
        Curve, SecretKey,
        pkcs8::{DecodePrivateKey as _, EncodePrivateKey},
    },
};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use super::{Algorithm, KeyError, MAX_FILE_BYTES, SigningKey, encrypted};

/// A key in this process's memory, read from a PKCS#8 file.
pub struct SoftwareKey {
    pair: Pair,
    spki: Vec<u8>,
    random: SystemRandom,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
    Sm2(sm2::dsa::SigningKey),
}

/// The curve of SM2 (GM/T 0006), and the identity that it signs with where none was agreed (GM/T 0009 10).
const SM2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");
const SM2_IDENTITY: &str = "1234567812345678";

impl SoftwareKey {
    /// Reads a PKCS#8 file in PEM that is under a password and that only its owner may read.
    pub fn load(path: &Path, password: Option<&str>) -> Result<Self, KeyError> {
        let pem = read_private(path)?;
        if !encrypted::is_encrypted(&pem) {
            return Err(KeyError::NotEncrypted(path.to_owned()));
        }
        Self::from_pem(&pem, password)
    }

    /// Reads a PKCS#8 file, PEM or DER, that is under no password and that only its owner may read.
    pub fn load_plain(path: &Path) -> Result<Self, KeyError> {
        let bytes = read_private(path)?;
        if !bytes.starts_with(b"-----BEGIN") {
            return Self::from_pkcs8(&bytes);
        }
        Self::from_pem(&bytes, None)
    }

    /// Of PEM, whether it is under a password or not.
    pub fn from_pem(pem: &[u8], password: Option<&str>) -> Result<Self, KeyError> {
        Self::from_pkcs8(&encrypted::open(pem, password)?)
    }

    /// DER of a new P-256 key, as PKCS#8.
    pub fn generate_p256(random: &dyn SecureRandom) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        generate::<p256::NistP256>(random)
    }

    /// DER of a new SM2 key, as PKCS#8.
    pub fn generate_sm2(random: &dyn SecureRandom) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        generate::<sm2::Sm2>(random)
    }

    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &random) {
            let algorithm = AlgorithmIdentifierOwned {
                oid: rfc5912::ID_EC_PUBLIC_KEY,
                parameters: Some(Any::from(&rfc5912::SECP_256_R_1)),
            };
            let spki = spki(algorithm, pair.public_key().as_ref())?;
            return Ok(Self {
                pair: Pair::Ecdsa(pair),
                spki,
                random,
            });
        }
        // PKCS#8 version 1, as OpenSSL writes it, has no public key to check against.
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            let algorithm = AlgorithmIdentifierOwned {
                oid: rfc8410::ID_ED_25519,
                parameters: None,
            };
            let spki = spki(algorithm, pair.public_key().as_ref())?;
            return Ok(Self {
                pair: Pair::Ed25519(pair),
                spki,
                random,
            });
        }
        if let Ok(secret) = sm2::SecretKey::from_pkcs8_der(der) {
            let algorithm = AlgorithmIdentifierOwned {
                oid: rfc5912::ID_EC_PUBLIC_KEY,
                parameters: Some(Any::from(&SM2)),
            };
            let pair = sm2::dsa::SigningKey::new(SM2_IDENTITY, &secret).map_err(|_| KeyError::Form)?;
            let spki = spki(algorithm, &pair.verifying_key().to_sec1_bytes())?;
            return Ok(Self {
                pair: Pair::Sm2(pair),
                spki,
                random,
            });
        }
        let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::Form)?;
        let algorithm = AlgorithmIdentifierOwned {
            oid: rfc5912::RSA_ENCRYPTION,
            parameters: Some(Any::from(Null)),
        };
        let spki = spki(algorithm, pair.public_key().as_ref())?;
        Ok(Self {
            pair: Pair::Rsa(pair),
            spki,
            random,
        })
    }
}

/// A new key of a curve of 256 bits.
fn generate<C: Curve>(random: &dyn SecureRandom) -> Result<Zeroizing<Vec<u8>>, KeyError>
where
    SecretKey<C>: EncodePrivateKey,
{
    loop {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut()).map_err(|_| KeyError::Random)?;
        // All but one in 2^32 draws are below the order of the curve.
        if let Ok(secret) = SecretKey::<C>::from_slice(bytes.as_ref()) {
            let der = secret.to_pkcs8_der().map_err(|_| KeyError::Form)?;
            return Ok(Zeroizing::new(der.as_bytes().to_vec()));
        }
    }
}

/// Reads a key file that only its owner may read.
pub(super) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let file = fs::File::open(path).map_err(KeyError::Io)?;
    // The open file is asked, not the path: what is checked is what is read.
    let metadata = file.metadata().map_err(KeyError::Io)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(KeyError::Permissions);
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(KeyError::Form);
    }
    // The whole size at once, so that no half-read copy is left behind by a growing buffer.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1));
    file.take(MAX_FILE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(KeyError::Io)?;
    Ok(bytes)
}

pub(super) fn spki(algorithm: AlgorithmIdentifierOwned, key: &[u8]) -> Result<Vec<u8>, KeyError> {
    let subject_public_key = BitString::from_bytes(key).map_err(|_| KeyError::Form)?;
    SubjectPublicKeyInfoOwned {
        algorithm,
        subject_public_key,
    }
    .to_der()
    .map_err(|_| KeyError::Form)
}

impl SigningKey for SoftwareKey {
    fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::Ecdsa(_) => Algorithm::EcdsaP256Sha256,
            Pair::Ed25519(_) => Algorithm::Ed25519,
            Pair::Rsa(_) => Algorithm::RsaPkcs1Sha256,
            Pair::Sm2(_) => Algorithm::Sm2Sm3,
        }
    }

    fn public_key(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&self.random, message).map_err(|_| KeyError::Sign)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Sm2(pair) => {
                let signature: sm2::dsa::Signature = pair.try_sign(message).map_err(|_| KeyError::Sign)?;
                Ok(sm2::dsa::DerSignature::from(signature).to_vec())
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature)
                    .map_err(|_| KeyError::Sign)?;
                Ok(signature)
            }
        }
    }
}
