//! PKCS#8 keys under a password (RFC 5958 3, RFC 8018 6.2, RFC 7914): written with scrypt and AES-256-CBC, which OpenSSL
//! reads; read with whatever PBES2 the library knows.

use der::{Decode, Encode, Sequence, asn1::OctetString, pem::LineEnding};
use pkcs5::{EncryptionScheme, pbes2};
use ring::rand::SecureRandom;
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use zeroize::Zeroizing;

use super::KeyError;

/// scrypt's cost: 2^13 blocks of 8 × 128 bytes, twice: 8 MiB and some 40 ms a key. OpenSSL reads no more than 32 MiB, and
/// what is less the allocator keeps for as long as the node runs.
const LOG_N: u8 = 13;
const BLOCK: u32 = 8;
const PARALLEL: u32 = 2;

/// The most memory that a key file may make scrypt take, in bytes.
const MAX_MEMORY_BYTES: u64 = 128 * 1024 * 1024;

/// The most rounds of PBKDF2 that a key file may ask for.
const MAX_ROUNDS: u32 = 10_000_000;

const PLAIN: &[u8] = b"-----BEGIN PRIVATE KEY-----";
const ENCRYPTED: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
const LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// `EncryptedPrivateKeyInfo` (RFC 5958 3).
#[derive(Sequence)]
struct Envelope {
    scheme: EncryptionScheme,
    data: OctetString,
}

/// Whether the file holds a key under a password.
pub fn is_encrypted(pem: &[u8]) -> bool {
    pem.trim_ascii_start().starts_with(ENCRYPTED)
}

/// DER of the PKCS#8 key in a PEM file, whether it is under a password or not.
pub fn open(pem: &[u8], password: Option<&str>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if !is_encrypted(pem) {
        if !pem.trim_ascii_start().starts_with(PLAIN) {
            return Err(KeyError::Form);
        }
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| KeyError::Form)?;
        let key = Zeroizing::new(key);
        return Ok(Zeroizing::new(key.secret_pkcs8_der().to_vec()));
    }
    let password = password.ok_or(KeyError::NoPassword)?;
    let (label, der) = der::pem::decode_vec(pem.trim_ascii()).map_err(|_| KeyError::Form)?;
    if label != LABEL {
        return Err(KeyError::Form);
    }
    let envelope = Envelope::from_der(&der).map_err(|_| KeyError::Form)?;
    let parameters = envelope.scheme.pbes2().ok_or(KeyError::Form)?;
    if !bounded(&parameters.kdf) {
        return Err(KeyError::Form);
    }
    let opened = parameters.decrypt(password.as_bytes(), envelope.data.as_bytes());
    opened.map(Zeroizing::new).map_err(|_| KeyError::Password)
}

/// PEM of a PKCS#8 key under a password.
pub fn seal(pkcs8: &[u8], password: &str, random: &dyn SecureRandom) -> Result<String, KeyError> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    random
        .fill(&mut salt)
        .and_then(|()| random.fill(&mut iv))
        .map_err(|_| KeyError::Random)?;
    let cost = scrypt::Params::new(LOG_N, BLOCK, PARALLEL).map_err(|_| KeyError::Form)?;
    let parameters = pbes2::Parameters::generate_scrypt_aes256cbc(cost, &salt, iv).map_err(|_| KeyError::Form)?;
    let data = parameters
        .encrypt(password.as_bytes(), pkcs8)
        .map_err(|_| KeyError::Form)?;
    let envelope = Envelope {
        scheme: parameters.into(),
        data: OctetString::new(data).map_err(|_| KeyError::Form)?,
    };
    let der = envelope.to_der().map_err(|_| KeyError::Form)?;
    der::pem::encode_string(LABEL, LineEnding::LF, &der).map_err(|_| KeyError::Form)
}

/// A file must not make the node work without end.
fn bounded(kdf: &pbes2::Kdf) -> bool {
    match kdf {
        pbes2::Kdf::Scrypt(scrypt) => {
            let memory = scrypt.cost_parameter.checked_mul(128 * u64::from(scrypt.block_size));
            // RFC 7914 2: N is more than 1; the library panics at none.
            scrypt.cost_parameter > 1
                && memory.is_some_and(|memory| memory <= MAX_MEMORY_BYTES)
                && scrypt.parallelization <= 16
        }
        pbes2::Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= MAX_ROUNDS,
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_that_asks_for_more_than_is_given_or_for_nothing_is_refused() {
        for (cost, block) in [(0, 8), (1, 8), (1 << 20, 8), (u64::MAX, 8)] {
            let known = scrypt::Params::new(LOG_N, BLOCK, PARALLEL).unwrap();
            let mut parameters = pbes2::Parameters::generate_scrypt_aes256cbc(known, &[0; 16], [0; 16]).unwrap();
            let pbes2::Kdf::Scrypt(asked) = &mut parameters.kdf else {
                panic!("scrypt was asked for");
            };
            (asked.cost_parameter, asked.block_size) = (cost, block);
            let envelope = Envelope {
                scheme: parameters.into(),
                data: OctetString::new(vec![0; 16]).unwrap(),
            };
            let pem = der::pem::encode_string(LABEL, LineEnding::LF, &envelope.to_der().unwrap()).unwrap();
            let opened = open(pem.as_bytes(), Some("password"));
            assert!(matches!(opened, Err(KeyError::Form)), "{cost}: {opened:?}");
        }
    }
}
