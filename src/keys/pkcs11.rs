//! Keys that do not leave a token: PKCS#11 (OASIS PKCS #11 v2.40), through `cryptoki`.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use const_oid::db::rfc5912;
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error as TokenError, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use der::{
    Any, Decode, Encode, Sequence,
    asn1::{Null, OctetStringRef, Uint},
};
use ring::digest;
use spki::AlgorithmIdentifierOwned;

use super::{Algorithm, KeyError, SigningKey, software::spki};

/// The modules of this process: each is loaded and initialized once (PKCS #11 5.4).
#[derive(Default)]
pub struct Modules {
    open: HashMap<PathBuf, Pkcs11>,
}

impl Modules {
    /// Opens the key with this label in the token with that one.
    pub fn key(&mut self, module: &Path, token: &str, label: &str, pin: &str) -> Result<Pkcs11Key, KeyError> {
        let context = match self.open.get(module) {
            Some(context) => context.clone(),
            None => {
                let context = Pkcs11::new(module).map_err(fault)?;
                context
                    .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
                    .map_err(fault)?;
                self.open.insert(module.to_owned(), context.clone());
                context
            }
        };
        Pkcs11Key::open(context, token, label, AuthPin::from(pin.to_owned()))
    }
}

/// A key in a token: RSA with PKCS#1 v1.5, or ECDSA on P-256, both with SHA-256.
pub struct Pkcs11Key {
    context: Pkcs11,
    token: String,
    label: String,
    pin: AuthPin,
    algorithm: Algorithm,
    spki: Vec<u8>,
    /// One at a time: a session holds one operation (PKCS #11 4.4.2). None after it broke.
    session: Mutex<Option<(Session, ObjectHandle)>>,
}

impl Pkcs11Key {
    fn open(context: Pkcs11, token: &str, label: &str, pin: AuthPin) -> Result<Self, KeyError> {
        let (session, private) = connect(&context, token, label, &pin)?;
        let (algorithm, spki) = public_key(&session, label)?;
        Ok(Self {
            context,
            token: token.to_owned(),
            label: label.to_owned(),
            pin,
            algorithm,
            spki,
            session: Mutex::new(Some((session, private))),
        })
    }

    fn sign_once(&self, session: &Session, key: ObjectHandle, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        match self.algorithm {
            Algorithm::EcdsaP256Sha256 => session.sign(
                &Mechanism::Ecdsa,
                key,
                digest::digest(&digest::SHA256, message).as_ref(),
            ),
            _ => session.sign(&Mechanism::Sha256RsaPkcs, key, message),
        }
    }
}

impl SigningKey for Pkcs11Key {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn public_key(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut held = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        // A token that was unplugged, or a daemon that was restarted, is asked once more over a new session.
        let first = held
            .as_ref()
            .map(|(session, key)| self.sign_once(session, *key, message));
        let value = match first {
            Some(Ok(value)) => value,
            _ => {
                *held = None;
                let (session, key) = connect(&self.context, &self.token, &self.label, &self.pin)?;
                // The token that is there now may hold another key under the same label.
                if public_key(&session, &self.label)?.1 != self.spki {
                    return Err(KeyError::OtherKey);
                }
                let value = self.sign_once(&session, key, message).map_err(fault)?;
                *held = Some((session, key));
                value
            }
        };
        match self.algorithm {
            Algorithm::EcdsaP256Sha256 => ecdsa_der(&value),
            _ => Ok(value),
        }
    }
}

/// Where the token of this label is now: after it was unplugged, its slot may be another's. A token that locks itself at
/// the next wrong PIN is left alone: the try is a person's.
fn slot_of(context: &Pkcs11, token: &str) -> Result<Slot, KeyError> {
    let slots = context.get_slots_with_token().map_err(fault)?;
    let known = slots
        .into_iter()
        .filter_map(|slot| Some((slot, context.get_token_info(slot).ok()?)));
    let mut found = known.filter(|(_, info)| info.label() == token);
    match (found.next(), found.next()) {
        (Some((_, info)), None) if info.user_pin_final_try() || info.user_pin_locked() => Err(KeyError::Token(
            format!("a wrong PIN locks the token `{token}`, or has: log in to it by its own tool first"),
        )),
        (Some((slot, _)), None) => Ok(slot),
        (None, _) => Err(KeyError::Token(format!("there is no token `{token}`"))),
        (Some(_), Some(_)) => Err(KeyError::Token(format!("several tokens have the label `{token}`"))),
    }
}

/// A session that is logged in, and the private key of this label.
fn connect(context: &Pkcs11, token: &str, label: &str, pin: &AuthPin) -> Result<(Session, ObjectHandle), KeyError> {
    let session = context.open_ro_session(slot_of(context, token)?).map_err(fault)?;
    match session.login(UserType::User, Some(pin)) {
        // One login counts for all sessions of a process with a token.
        Ok(()) | Err(TokenError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
        Err(error) => return Err(fault(error)),
    }
    let private = only(&session, ObjectClass::PRIVATE_KEY, label)?;
    Ok((session, private))
}

fn only(session: &Session, class: ObjectClass, label: &str) -> Result<ObjectHandle, KeyError> {
    let template = [Attribute::Class(class), Attribute::Label(label.as_bytes().to_vec())];
    match session.find_objects(&template).map_err(fault)?.as_slice() {
        [one] => Ok(*one),
        found => Err(KeyError::Token(format!(
            "{} objects of class {class} have the label `{label}`",
            found.len()
        ))),
    }
}

/// Algorithm and SubjectPublicKeyInfo of the public key of this label.
fn public_key(session: &Session, label: &str) -> Result<(Algorithm, Vec<u8>), KeyError> {
    let public = only(session, ObjectClass::PUBLIC_KEY, label)?;
    let wanted = [
        AttributeType::KeyType,
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
    ];
    let (mut kind, mut curve, mut point, mut modulus, mut exponent) = (None, None, None, None, None);
    for attribute in session.get_attributes(public, &wanted).map_err(fault)? {
        match attribute {
            Attribute::KeyType(value) => kind = Some(value),
            Attribute::EcParams(value) => curve = Some(value),
            Attribute::EcPoint(value) => point = Some(value),
            Attribute::Modulus(value) => modulus = Some(value),
            Attribute::PublicExponent(value) => exponent = Some(value),
            _ => {}
        }
    }
    let unfit = || KeyError::Token(format!("the key `{label}` is neither RSA nor ECDSA on P-256"));
    match (kind, curve, point, modulus, exponent) {
        (Some(KeyType::EC), Some(curve), Some(point), ..) => {
            let p256 = rfc5912::SECP_256_R_1.to_der().map_err(|_| KeyError::Form)?;
            let point = <&OctetStringRef>::from_der(&point).map_err(|_| unfit())?;
            if curve != p256 {
                return Err(unfit());
            }
            let algorithm = AlgorithmIdentifierOwned {
                oid: rfc5912::ID_EC_PUBLIC_KEY,
                parameters: Some(Any::from(&rfc5912::SECP_256_R_1)),
            };
            Ok((Algorithm::EcdsaP256Sha256, spki(algorithm, point.as_bytes())?))
        }
        (Some(KeyType::RSA), _, _, Some(modulus), Some(exponent)) => {
            let numbers = Pair::of(&modulus, &exponent)?;
            let algorithm = AlgorithmIdentifierOwned {
                oid: rfc5912::RSA_ENCRYPTION,
                parameters: Some(Any::from(Null)),
            };
            Ok((Algorithm::RsaPkcs1Sha256, spki(algorithm, &numbers)?))
        }
        _ => Err(unfit()),
    }
}

/// RSAPublicKey (RFC 8017 A.1.1) and Ecdsa-Sig-Value (RFC 3279 2.2.3) are both two numbers.
#[derive(Sequence)]
struct Pair {
    one: Uint,
    other: Uint,
}

impl Pair {
    fn of(one: &[u8], other: &[u8]) -> Result<Vec<u8>, KeyError> {
        let number = |bytes: &[u8]| Uint::new(bytes).map_err(|_| KeyError::Sign);
        let pair = Self {
            one: number(one)?,
            other: number(other)?,
        };
        pair.to_der().map_err(|_| KeyError::Sign)
    }
}

/// A token gives r and s side by side (PKCS #11 2.3.1); CMS asks for DER.
fn ecdsa_der(value: &[u8]) -> Result<Vec<u8>, KeyError> {
    match value.split_at_checked(32) {
        Some((r, s)) if s.len() == 32 => Pair::of(r, s),
        _ => Err(KeyError::Sign),
    }
}

/// What went wrong, without what was sent: the library's errors hold neither PIN nor data.
fn fault(error: TokenError) -> KeyError {
    KeyError::Token(error.to_string())
}
