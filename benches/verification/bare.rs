//! The least that verifying a sealed document can cost: hash the file, check one signature, check one chain.

use ring::signature::{ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};
use yinxin::formats::cms;

use crate::documents::Signed;

/// All that can be taken out of a document once.
pub struct Bare<'a> {
    pieces: [&'a [u8]; 2],
    digest: Vec<u8>,
    attributes: Vec<u8>,
    value: Vec<u8>,
    key: Vec<u8>,
    algorithm: &'static dyn VerificationAlgorithm,
    signer: CertificateDer<'static>,
    anchors: Vec<TrustAnchor<'static>>,
    at: UnixTime,
}

impl<'a> Bare<'a> {
    pub fn new(signed: &'a Signed, rsa: bool) -> Self {
        let file = signed.bytes.as_slice();
        let gap = memchr::memmem::rfind(file, b"/Contents <").unwrap() + 10;
        let end = gap + memchr::memchr(b'>', &file[gap..]).unwrap() + 1;
        let message = data_encoding::HEXLOWER.decode(&file[gap + 1..end - 1]).unwrap();
        let (message, _) = cms::split(&message).unwrap();
        let message = cms::parse(message).unwrap();
        let signer = &message.signers[0];
        let attributes = signer.attributes.as_ref().unwrap();
        let certificate = message.certificates[signer.certificate.unwrap()].clone();
        let (_, parsed) = X509Certificate::from_der(&certificate).unwrap();
        let seconds = u64::try_from(crate::at().as_second()).unwrap();
        Self {
            pieces: [&file[..gap], &file[end..]],
            digest: attributes.message_digest.clone().unwrap(),
            attributes: attributes.der.clone(),
            value: signer.signature.clone(),
            key: parsed.public_key().subject_public_key.data.to_vec(),
            algorithm: if rsa {
                &RSA_PKCS1_2048_8192_SHA256
            } else {
                &ECDSA_P256_SHA256_ASN1
            },
            signer: CertificateDer::from(certificate.clone()),
            anchors: vec![anchor_from_trusted_cert(&signed.root).unwrap().to_owned()],
            at: UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)),
        }
    }

    pub fn verify(&self) -> bool {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        self.pieces.iter().for_each(|piece| context.update(piece));
        let key = UnparsedPublicKey::new(self.algorithm, &self.key);
        let right = context.finish().as_ref() == self.digest && key.verify(&self.attributes, &self.value).is_ok();
        let signer = EndEntityCert::try_from(&self.signer).unwrap();
        let usage = KeyUsage::required_if_present(&[]);
        let chain = signer.verify_for_usage(ALL_VERIFICATION_ALGS, &self.anchors, &[], self.at, usage, None, None);
        right && chain.is_ok()
    }
}
