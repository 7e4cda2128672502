//! One CMS signature: is its value right over these bytes, and may its signer be trusted?

use jiff::Timestamp;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::{certificate::X509Certificate, prelude::FromDer, public_key::PublicKey, time::ASN1Time};

use super::{
    RevocationReport, Trust,
    findings::Code,
    trust::{Material, Purpose, Question},
};
use crate::formats::cms::{self, Digest, Known, Message, ParseError, Scheme, Signer, SigningCertificate};

/// The smallest RSA modulus that counts, in bits.
const MIN_RSA_BITS: usize = 2048;

/// The largest RSA modulus that is computed with, in bits.
const MAX_RSA_BITS: usize = 8192;

/// `secp256r1` and `secp384r1`.
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";

/// What was found out about one signature.
#[derive(Default)]
pub struct Judgement {
    pub findings: Vec<(Code, String)>,
    /// Whether the bytes are those that were signed; none where it cannot be told.
    pub digest_matches: Option<bool>,
    /// Digest and value are right.
    pub intact: bool,
    pub trusted: bool,
    pub signer: Option<String>,
    pub algorithm: Option<String>,
    pub chain: Vec<String>,
    pub revocations: Vec<RevocationReport>,
}

impl Judgement {
    fn find(&mut self, code: Code) {
        self.find_with(code, String::new());
    }

    fn find_with(&mut self, code: Code, detail: impl Into<String>) {
        self.findings.push((code, detail.into()));
    }
}

/// Judges a message (DER of a ContentInfo) as a signature over the pieces.
pub fn judge(message: &[u8], pieces: &[&[u8]], claimed: Option<Timestamp>, trust: &Trust, at: Timestamp) -> Judgement {
    let mut judgement = Judgement::default();
    let message = match cms::parse(message) {
        Ok(message) => message,
        Err(ParseError::Ber) => {
            judgement.find(Code::CmsNotDer);
            return judgement;
        }
        Err(ParseError::Limit(limit)) => {
            judgement.find_with(Code::LimitExceeded, limit);
            return judgement;
        }
        Err(error) => {
            judgement.find_with(Code::CmsUnreadable, error.to_string());
            return judgement;
        }
    };
    let [signer] = message.signers.as_slice() else {
        judgement.find_with(Code::SignerCount, message.signers.len().to_string());
        return judgement;
    };
    judgement.algorithm = Some(signer.algorithm.clone());
    if !message.sound || !signer.consistent {
        judgement.find(Code::CmsForm);
    }
    if !message.revocations.is_empty() || !signer.unsigned_attributes.is_empty() {
        judgement.find(Code::UnsignedParts);
    }
    let certificate = signer.certificate.and_then(|place| message.certificates.get(place));
    let parsed = certificate
        .and_then(|der| X509Certificate::from_der(der).ok())
        .map(|(_, parsed)| parsed);
    let digest_right = judge_digest(&mut judgement, signer, pieces);
    let (Some(der), Some(parsed)) = (certificate, parsed) else {
        judgement.find(Code::SignerMissing);
        return judgement;
    };
    judgement.signer = Some(common_name(&parsed));
    judgement.intact = judge_value(&mut judgement, signer, &parsed) && digest_right;
    judge_trust(&mut judgement, der, &parsed, &message, claimed, (trust, at));
    judgement
}

fn judge_digest(judgement: &mut Judgement, signer: &Signer, pieces: &[&[u8]]) -> bool {
    let Some(attributes) = &signer.attributes else {
        judgement.find(Code::AttributesMissing);
        return false;
    };
    if !attributes.sound {
        judgement.find(Code::CmsForm);
    }
    match attributes.signing_certificate {
        SigningCertificate::Matches => {}
        SigningCertificate::Missing => judgement.find(Code::SigningCertificateMissing),
        SigningCertificate::Other => judgement.find(Code::SigningCertificateOther),
    }
    if attributes.has_signing_time {
        judgement.find(Code::SigningTimeInCms);
    }
    let Some(expected) = &attributes.message_digest else {
        judgement.find(Code::DigestMissing);
        return false;
    };
    match signer.digest {
        Known::Known(digest) => {
            let same = digest.of(pieces) == *expected;
            judgement.digest_matches = Some(same);
            if !same {
                judgement.find(Code::DigestDiffers);
            }
            same
        }
        Known::Weak => {
            judgement.find_with(Code::AlgorithmWeak, &signer.algorithm);
            false
        }
        Known::Unknown => {
            judgement.find_with(Code::AlgorithmUnknown, &signer.algorithm);
            false
        }
    }
}

/// Whether the signature value is right over the signed attributes.
fn judge_value(judgement: &mut Judgement, signer: &Signer, certificate: &X509Certificate<'_>) -> bool {
    let Some(attributes) = &signer.attributes else {
        return false;
    };
    let algorithm = match signer.scheme {
        Known::Known(scheme) => algorithm_for(scheme, certificate),
        Known::Weak => Known::Weak,
        Known::Unknown => Known::Unknown,
    };
    match algorithm {
        Known::Known(algorithm) => {
            let key = UnparsedPublicKey::new(algorithm, certificate.public_key().subject_public_key.data.as_ref());
            let right = key.verify(&attributes.der, &signer.signature).is_ok();
            if !right {
                judgement.find(Code::SignatureWrong);
            }
            right
        }
        Known::Weak => {
            judgement.find_with(Code::AlgorithmWeak, &signer.algorithm);
            false
        }
        Known::Unknown => {
            judgement.find_with(Code::AlgorithmUnknown, &signer.algorithm);
            false
        }
    }
}

fn algorithm_for(scheme: Scheme, certificate: &X509Certificate<'_>) -> Known<&'static dyn VerificationAlgorithm> {
    let key = certificate.public_key();
    let curve = key
        .algorithm
        .parameters
        .as_ref()
        .and_then(|parameters| parameters.as_oid().ok());
    let curve = curve.map(|curve| curve.to_id_string());
    let known = |algorithm: &'static dyn VerificationAlgorithm| Known::Known(algorithm);
    match (scheme, key.parsed()) {
        (Scheme::Ecdsa(digest), Ok(PublicKey::EC(_))) => match (curve.as_deref(), digest) {
            (Some(P256), Digest::Sha256) => known(&signature::ECDSA_P256_SHA256_ASN1),
            (Some(P256), Digest::Sha384) => known(&signature::ECDSA_P256_SHA384_ASN1),
            (Some(P384), Digest::Sha256) => known(&signature::ECDSA_P384_SHA256_ASN1),
            (Some(P384), Digest::Sha384) => known(&signature::ECDSA_P384_SHA384_ASN1),
            _ => Known::Unknown,
        },
        (Scheme::RsaPkcs1(digest) | Scheme::RsaPss(digest), Ok(PublicKey::RSA(rsa))) => {
            if rsa.key_size() < MIN_RSA_BITS {
                return Known::Weak;
            }
            if rsa.key_size() > MAX_RSA_BITS {
                return Known::Unknown;
            }
            let pss = matches!(scheme, Scheme::RsaPss(_));
            match (digest, pss) {
                (Digest::Sha256, false) => known(&signature::RSA_PKCS1_2048_8192_SHA256),
                (Digest::Sha384, false) => known(&signature::RSA_PKCS1_2048_8192_SHA384),
                (Digest::Sha512, false) => known(&signature::RSA_PKCS1_2048_8192_SHA512),
                (Digest::Sha256, true) => known(&signature::RSA_PSS_2048_8192_SHA256),
                (Digest::Sha384, true) => known(&signature::RSA_PSS_2048_8192_SHA384),
                (Digest::Sha512, true) => known(&signature::RSA_PSS_2048_8192_SHA512),
            }
        }
        (Scheme::Ed25519, _) if key.algorithm.algorithm.to_id_string() == "1.3.101.112" => known(&signature::ED25519),
        _ => Known::Unknown,
    }
}

fn judge_trust(
    judgement: &mut Judgement,
    der: &[u8],
    parsed: &X509Certificate<'_>,
    message: &Message,
    claimed: Option<Timestamp>,
    (trust, at): (&Trust, Timestamp),
) {
    if let Some(claimed) = claimed
        && !within(parsed, claimed)
    {
        judgement.find(Code::TimeOutsideValidity);
    }
    let mut material = Material::new(trust, at);
    material.add_message(message, None);
    let Some(certificate) = material.pool.add(der) else {
        judgement.find_with(Code::ChainWrong, "its own X.509 certificate");
        return;
    };
    let question = Question {
        certificate,
        purpose: Purpose::Sign,
        existed: at,
        made_after: None,
        weak: Vec::new(),
    };
    let verdict = question.judge(material.sources());
    if material.unvouched(&message.certificates, &verdict.chain) > usize::from(verdict.chain.is_empty()) {
        judgement.find(Code::UnusedCertificate);
    }
    if let Some(limit) = material.limit() {
        judgement.find_with(Code::LimitExceeded, limit);
    }
    match material.evidence.unreadable {
        0 => {}
        unreadable => judgement.find_with(Code::RevocationUnreadable, unreadable.to_string()),
    }
    judgement.trusted = verdict.trusted;
    judgement.chain = verdict.chain.iter().map(|link| link.shown.clone()).collect();
    judgement.findings.extend(verdict.findings);
    judgement.revocations = verdict.revocations;
}

pub fn within(certificate: &X509Certificate<'_>, time: Timestamp) -> bool {
    let time = ASN1Time::from_timestamp(time.as_second());
    time.is_ok_and(|time| certificate.validity().is_valid_at(time))
}

/// The common name, or the whole name where there is none.
pub fn common_name(certificate: &X509Certificate<'_>) -> String {
    let subject = certificate.subject();
    let common = subject.iter_common_name().find_map(|name| name.as_str().ok());
    common.map_or_else(|| subject.to_string(), str::to_owned)
}
