//! The least that verifying or sealing an OFD can cost: digests, and SM2 operations with keys that are read.

use sm2::dsa::{
    Signature, SigningKey, VerifyingKey,
    signature::{Signer as _, Verifier as _},
};
use sm3::{Digest as _, Sm3};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};
use yinxin::formats::{
    ofd::Package,
    ses::{self, Seal, sm2_value},
};

const IDENTITY: &str = "1234567812345678";
const FOLDER: &str = "Doc_0/Signs/Sign_0";

/// A key, what it signed, and the value.
struct Signed {
    key: VerifyingKey,
    message: Vec<u8>,
    value: Signature,
}

impl Signed {
    fn new(certificate: &[u8], message: &[u8], value: &[u8]) -> Self {
        let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
        let point = parsed.public_key().subject_public_key.data.as_ref();
        Self {
            key: VerifyingKey::from_sec1_bytes(IDENTITY, point).unwrap(),
            message: message.to_vec(),
            value: Signature::from_bytes(&sm2_value(value).unwrap().into()).unwrap(),
        }
    }

    /// An X.509 certificate by its issuer's.
    fn certificate(der: &[u8], issuer: &[u8]) -> Self {
        let (_, parsed) = X509Certificate::from_der(der).unwrap();
        Self::new(
            issuer,
            parsed.tbs_certificate.as_ref(),
            parsed.signature_value.data.as_ref(),
        )
    }

    fn is_right(&self) -> bool {
        self.key.verify(&self.message, &self.value).is_ok()
    }
}

/// All that can be taken out of a document once.
pub struct Bare {
    /// All files that are covered, with their digests.
    files: Vec<(Vec<u8>, Vec<u8>)>,
    description: Vec<u8>,
    hash: Vec<u8>,
    value: Signed,
    /// The seal, and the X.509 certificates of signer and maker.
    others: Vec<Signed>,
    key: SigningKey,
}

impl Bare {
    pub fn new(document: &[u8], root: &[u8]) -> Self {
        let package = Package::read(document).unwrap();
        let file = |name: &str| package.file(&format!("{FOLDER}/{name}")).unwrap().to_vec();
        let (description, stored) = (file("Signature.xml"), file("SignedValue.dat"));
        let covered = |path: &&str| {
            !["Signatures.xml", "Signature.xml", "SignedValue.dat"]
                .iter()
                .any(|open| path.ends_with(open))
        };
        let files = package.paths().filter(covered).map(|path| {
            let content = package.file(path).unwrap().to_vec();
            let digest = Sm3::digest(&content).to_vec();
            (content, digest)
        });
        let files = files.collect();
        let ses::Value::Seal(signature) = ses::read(&stored).unwrap() else {
            panic!("it is sealed");
        };
        let seal: &Seal<'_> = &signature.seal;
        Self {
            files,
            description,
            hash: signature.data_hash.to_vec(),
            value: Signed::new(signature.certificate, signature.to_sign, signature.value),
            others: vec![
                Signed::new(seal.maker, &seal.signed, seal.value),
                Signed::certificate(signature.certificate, root),
                Signed::certificate(seal.maker, root),
            ],
            key: SigningKey::from_slice(IDENTITY, &[7; 32]).unwrap(),
        }
    }

    pub fn unpacked(&self) -> usize {
        self.files.iter().map(|(content, _)| content.len()).sum()
    }

    fn digests_are_right(&self) -> bool {
        let same = |(content, digest): &(Vec<u8>, Vec<u8>)| Sm3::digest(content).as_slice() == digest;
        self.files.iter().all(same) && Sm3::digest(&self.description).as_slice() == self.hash
    }

    /// By one who has seen the seal before.
    pub fn verify(&self) -> bool {
        self.digests_are_right() && self.value.is_right()
    }

    pub fn verify_all(&self) -> bool {
        self.verify() && self.others.iter().all(Signed::is_right)
    }

    pub fn sign(&self) {
        assert!(self.digests_are_right());
        let value: Signature = self.key.sign(&self.value.message);
        std::hint::black_box(value);
    }
}
