use std::{fmt, sync::Arc, time::Duration};

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, new_error},
};
use moka::sync::Cache;
use ring::{
    digest,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::ids::{CaseId, GrantId, ItemCode, OperatorId, SystemId};

/// How long a token counts, in seconds: 15 minutes, the longest that one may.
pub const TOKEN_LIFETIME_S: u32 = 900;

/// The longest token that is looked at, in bytes: 16 KiB, with room for the grants of a large department.
const MAX_TOKEN_BYTES: usize = 16 * 1_024;

/// How many tokens are remembered as signed by this node, so that a signature is checked once and not on every call.
const REMEMBERED_TOKENS: u64 = 50_000;

/// What a purpose-bound token says (RFC 9068 names where there are any, RFC 8705 `cnf`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// The system.
    pub sub: String,
    pub client_id: String,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    pub cnf: Confirmation,
    /// The operator's staff number.
    pub operator: String,
    pub case: String,
    /// The service item of the case.
    pub item: String,
    /// The grants that were in force for this purpose when the token was made.
    pub grants: Vec<String>,
}

/// RFC 8705 3.1: the certificate that must come with the token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confirmation {
    /// SHA-256 of the DER of the X.509 certificate, base64url without padding.
    #[serde(rename = "x5t#S256")]
    pub x5t_s256: String,
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is not one of this node's")]
    Invalid,
    #[error("the token has expired")]
    Expired,
    #[error("the token is bound to another client certificate")]
    OtherCertificate,
    #[error("the token key is not an Ed25519 key in PKCS#8")]
    Key,
}

/// What a token is for.
#[derive(Clone, Copy, Debug)]
pub struct TokenPurpose<'a> {
    pub system: &'a SystemId,
    pub operator: &'a OperatorId,
    pub case: &'a CaseId,
    pub item: &'a ItemCode,
    pub grants: &'a [GrantId],
    /// SHA-256 of the DER of the X.509 certificate that must come with it.
    pub certificate_sha256: &'a [u8; 32],
}

/// Signs and checks tokens (EdDSA, jsonwebtoken over ring). No other algorithm is ever accepted.
pub struct TokenKey {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
    node: String,
    signed: Cache<[u8; 32], (Arc<Claims>, [u8; 32])>,
}

impl TokenKey {
    /// From an Ed25519 key in PKCS#8 (DER), for the node of this name: issuer and audience of its tokens.
    pub fn new(pkcs8: &[u8], node: &str) -> Result<Self, TokenError> {
        // Whoever was first installed the same: nothing else here uses jsonwebtoken.
        let _ = RING.install_default();
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| TokenError::Key)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        validation.set_issuer(&[node]);
        validation.set_audience(&[node]);
        // Time is checked below, by the clock that was passed in and on every call.
        validation.validate_exp = false;
        Ok(Self {
            signing: EncodingKey::from_ed_der(pkcs8),
            checking: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            validation,
            node: node.to_owned(),
            signed: Cache::builder()
                .max_capacity(REMEMBERED_TOKENS)
                .time_to_live(Duration::from_secs(TOKEN_LIFETIME_S.into()))
                .build(),
        })
    }

    /// Signs a token that counts for [`TOKEN_LIFETIME_S`] from now.
    pub fn issue(&self, purpose: TokenPurpose<'_>, now: Timestamp) -> Result<String, TokenError> {
        let claims = Claims {
            iss: self.node.clone(),
            aud: self.node.clone(),
            sub: purpose.system.to_string(),
            client_id: purpose.system.to_string(),
            iat: now.as_second(),
            exp: now.as_second() + i64::from(TOKEN_LIFETIME_S),
            jti: uuid::Uuid::new_v4().to_string(),
            cnf: Confirmation {
                x5t_s256: BASE64URL_NOPAD.encode(purpose.certificate_sha256),
            },
            operator: purpose.operator.to_string(),
            case: purpose.case.to_string(),
            item: purpose.item.to_string(),
            grants: purpose.grants.iter().map(ToString::to_string).collect(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        jsonwebtoken::encode(&header, &claims, &self.signing).map_err(|_| TokenError::Key)
    }

    /// Checks signature, issuer and audience (once a token), and on every call that it has not expired and is bound to
    /// this certificate.
    pub fn verify(
        &self,
        token: &str,
        certificate_sha256: &[u8; 32],
        now: Timestamp,
    ) -> Result<Arc<Claims>, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let key: [u8; 32] = digest::digest(&digest::SHA256, token.as_bytes())
            .as_ref()
            .try_into()
            .map_err(|_| TokenError::Invalid)?;
        let (claims, bound_to) = match self.signed.get(&key) {
            Some(known) => known,
            None => {
                let known = self.check(token)?;
                self.signed.insert(key, known.clone());
                known
            }
        };
        if !bool::from(bound_to.ct_eq(certificate_sha256)) {
            return Err(TokenError::OtherCertificate);
        }
        if claims.exp <= now.as_second() {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    fn check(&self, token: &str) -> Result<(Arc<Claims>, [u8; 32]), TokenError> {
        let claims: Claims = jsonwebtoken::decode(token, &self.checking, &self.validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        let bound_to = BASE64URL_NOPAD
            .decode(claims.cnf.x5t_s256.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(TokenError::Invalid)?;
        Ok((Arc::new(claims), bound_to))
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({}, …)", self.node)
    }
}

/// jsonwebtoken brings no cryptography of its own here: Ed25519 of ring, and nothing else.
static RING: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| {
        if *algorithm != Algorithm::EdDSA {
            return Err(new_error(ErrorKind::UnsupportedAlgorithm));
        }
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.as_bytes())
            .map_err(|_| new_error(ErrorKind::InvalidEddsaKey))?;
        Ok(Box::new(Signer(pair)))
    },
    verifier_factory: |algorithm, key| {
        if *algorithm != Algorithm::EdDSA {
            return Err(new_error(ErrorKind::UnsupportedAlgorithm));
        }
        Ok(Box::new(Checker(key.try_get_as_bytes()?.to_vec())))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

struct Signer(Ed25519KeyPair);

impl signature::Signer<Vec<u8>> for Signer {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Checker(Vec<u8>);

impl signature::Verifier<Vec<u8>> for Checker {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(message, signature)
            .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Checker {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

#[cfg(test)]
mod tests {
    use ring::{hmac, rand::SystemRandom};

    use super::*;

    const CERTIFICATE: [u8; 32] = [3; 32];

    fn pkcs8() -> Vec<u8> {
        Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .unwrap()
            .as_ref()
            .to_vec()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn issue(key: &TokenKey) -> String {
        key.issue(
            TokenPurpose {
                system: &SystemId::parse("window").unwrap(),
                operator: &OperatorId::parse("w-001").unwrap(),
                case: &CaseId::parse("c1").unwrap(),
                item: &ItemCode::parse("proof").unwrap(),
                grants: &[GrantId::parse("g1").unwrap()],
                certificate_sha256: &CERTIFICATE,
            },
            at(1_000),
        )
        .unwrap()
    }

    #[test]
    fn a_token_says_its_purpose_until_the_second_in_which_it_expires() {
        let key = TokenKey::new(&pkcs8(), "node").unwrap();
        let token = issue(&key);
        let claims = key.verify(&token, &CERTIFICATE, at(1_899)).unwrap();
        assert_eq!((claims.case.as_str(), claims.item.as_str()), ("c1", "proof"));
        assert_eq!(claims.grants, ["g1"]);
        assert_eq!(key.verify(&token, &CERTIFICATE, at(1_900)), Err(TokenError::Expired));
    }

    #[test]
    fn a_token_that_was_seen_before_is_still_bound_to_its_certificate() {
        let key = TokenKey::new(&pkcs8(), "node").unwrap();
        let token = issue(&key);
        assert!(key.verify(&token, &CERTIFICATE, at(1_000)).is_ok());
        assert_eq!(
            key.verify(&token, &[4; 32], at(1_000)),
            Err(TokenError::OtherCertificate)
        );
    }

    #[test]
    fn a_token_of_another_key_or_another_node_does_not_count() {
        let secret = pkcs8();
        let key = TokenKey::new(&secret, "node").unwrap();
        for other in [
            TokenKey::new(&pkcs8(), "node").unwrap(),
            TokenKey::new(&secret, "another").unwrap(),
        ] {
            assert_eq!(
                key.verify(&issue(&other), &CERTIFICATE, at(1_000)),
                Err(TokenError::Invalid)
            );
        }
    }

    #[test]
    fn a_token_altered_anywhere_does_not_count() {
        let key = TokenKey::new(&pkcs8(), "node").unwrap();
        let token = issue(&key);
        for at_byte in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            // The next letter of the alphabet changes the high bits, so that padding bits cannot hide it.
            bytes[at_byte] = if bytes[at_byte] == b'A' { b'Q' } else { b'A' };
            let altered = String::from_utf8(bytes).unwrap();
            if altered != token {
                assert_eq!(
                    key.verify(&altered, &CERTIFICATE, at(1_000)),
                    Err(TokenError::Invalid),
                    "{at_byte}"
                );
            }
        }
    }

    #[test]
    fn no_other_algorithm_is_accepted_even_keyed_with_the_public_key() {
        let secret = pkcs8();
        let key = TokenKey::new(&secret, "node").unwrap();
        let token = issue(&key);
        let payload = token.split('.').nth(1).unwrap();
        let public = Ed25519KeyPair::from_pkcs8(&secret)
            .unwrap()
            .public_key()
            .as_ref()
            .to_vec();
        for (header, sign) in [(r#"{"alg":"none"}"#, false), (r#"{"alg":"HS256"}"#, true)] {
            let message = format!("{}.{payload}", BASE64URL_NOPAD.encode(header.as_bytes()));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), message.as_bytes());
            let signature = if sign {
                BASE64URL_NOPAD.encode(tag.as_ref())
            } else {
                String::new()
            };
            let forged = format!("{message}.{signature}");
            assert_eq!(key.verify(&forged, &CERTIFICATE, at(1_000)), Err(TokenError::Invalid));
        }
    }
}
