//! Roots, seal makers and signers with SM2 keys, made up.

use sm2::dsa::{Signature, SigningKey, signature::Signer as _};
use yinxin::verification::{Trust, Verifier};

use super::der::{bits, integer, octets, oid, sequence, set, tlv, utc, utf8};

pub const SM2_SM3: &str = "1.2.156.10197.1.501";
pub const IDENTITY: &str = "1234567812345678";

/// A key with its X.509 certificate.
#[derive(Clone)]
pub struct Person {
    pub key: SigningKey,
    pub certificate: Vec<u8>,
    pub name: Vec<u8>,
    pub serial: u8,
}

/// What an X.509 certificate says.
#[derive(Clone)]
pub struct Says {
    pub name: &'static str,
    /// The bits of key usage; none for no extension.
    pub usage: Option<u8>,
    pub authority: bool,
    /// For timestamps, as RFC 3161 2.3 asks.
    pub stamps: bool,
    pub from: &'static str,
    pub until: &'static str,
}

impl Default for Says {
    fn default() -> Self {
        Self {
            name: "示例县人社局",
            usage: Some(0xC0),
            authority: false,
            stamps: false,
            from: "2020-01-01T00:00:00Z",
            until: "2040-01-01T00:00:00Z",
        }
    }
}

impl Person {
    pub fn root(seed: u8, name: &'static str) -> Self {
        let says = Says {
            name,
            usage: Some(0x06),
            authority: true,
            ..Says::default()
        };
        Self::new(seed, &says, None)
    }

    /// `seed` chooses the key; without an issuer it signs for itself.
    pub fn new(seed: u8, says: &Says, issuer: Option<&Self>) -> Self {
        let key = SigningKey::from_slice(IDENTITY, &[seed; 32]).unwrap();
        let own_name = name(says.name);
        let (issuer_key, issuer_name) = issuer.map_or((&key, &own_name), |issuer| (&issuer.key, &issuer.name));
        let algorithm = sequence(&[&oid(SM2_SM3)]);
        let point = key.verifying_key().to_sec1_bytes();
        let curve = sequence(&[&oid("1.2.840.10045.2.1"), &oid("1.2.156.10197.1.301")]);
        let mut extensions = Vec::new();
        if says.authority {
            let constraints = sequence(&[&tlv(0x01, &[0xFF])]);
            extensions.push(extension("2.5.29.19", true, &constraints));
        }
        if let Some(usage) = says.usage {
            let unused = usage.trailing_zeros() as u8;
            extensions.push(extension("2.5.29.15", true, &tlv(0x03, &[unused, usage])));
        }
        if says.stamps {
            let purposes = sequence(&[&oid("1.3.6.1.5.5.7.3.8")]);
            extensions.push(extension("2.5.29.37", true, &purposes));
        }
        let extensions: Vec<&[u8]> = extensions.iter().map(Vec::as_slice).collect();
        let extensions = match extensions.as_slice() {
            [] => Vec::new(),
            all => tlv(0xA3, &sequence(all)),
        };
        let body = sequence(&[
            &tlv(0xA0, &integer(2)),
            &integer(seed),
            &algorithm,
            issuer_name,
            &sequence(&[&utc(says.from), &utc(says.until)]),
            &own_name,
            &sequence(&[&curve, &bits(&point)]),
            &extensions,
        ]);
        let value: Signature = issuer_key.sign(&body);
        let certificate = sequence(&[&body, &algorithm, &bits(&value_der(&value))]);
        Self {
            key,
            certificate,
            name: own_name,
            serial: seed,
        }
    }

    /// A verifier that trusts this root and no other.
    pub fn verifier(&self) -> Verifier {
        let root = self.certificate.clone().into();
        Verifier::new(Trust::new(vec![root], "2026-11-02T00:00:00Z".parse().unwrap()).unwrap())
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let value: Signature = self.key.sign(message);
        value_der(&value)
    }

    /// r and s, one after the other.
    pub fn sign_raw(&self, message: &[u8]) -> Vec<u8> {
        let value: Signature = self.key.sign(message);
        value.to_bytes().to_vec()
    }
}

fn value_der(value: &Signature) -> Vec<u8> {
    let bytes = value.to_bytes();
    sequence(&[&super::der::unsigned(&bytes[..32]), &super::der::unsigned(&bytes[32..])])
}

fn name(common: &str) -> Vec<u8> {
    let part = |kind: &str, value: Vec<u8>| set(&[&sequence(&[&oid(kind), &value])]);
    sequence(&[&part("2.5.4.6", tlv(0x13, b"CN")), &part("2.5.4.3", utf8(common))])
}

fn extension(kind: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv(0x01, &[0xFF]) } else { Vec::new() };
    sequence(&[&oid(kind), &critical, &octets(value)])
}
