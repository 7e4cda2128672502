//! One CMS signature: is its value right over these bytes, and may its signer be trusted?

use jiff::Timestamp;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{
    RevocationReport, TimestampReport,
    algorithm::{verify_scheme, weakness},
    findings::Code,
    proof::{self, Occasion},
};
use crate::formats::{
    cms::{self, Digest, Message, ParseError, Scheme, Signer, SigningCertificate},
    timestamp::{TST_INFO, TstInfo},
};

/// What a message is for: what it must hold, and what its digest is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `ETSI.CAdES.detached` (EN 319 142-1)
    Pades,
    /// `adbe.pkcs7.detached` (ISO 32000-2 12.8.3.3)
    Pkcs7,
    /// `adbe.pkcs7.sha1`: the content is the SHA-1 of the bytes.
    Pkcs7Sha1,
    /// `ETSI.RFC3161`, and signature timestamps: the content is a TSTInfo.
    Timestamp,
}

impl Profile {
    pub fn of_sub_filter(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"ETSI.CAdES.detached" => Self::Pades,
            b"adbe.pkcs7.detached" => Self::Pkcs7,
            b"adbe.pkcs7.sha1" => Self::Pkcs7Sha1,
            b"ETSI.RFC3161" => Self::Timestamp,
            _ => return None,
        })
    }
}

/// The limit that is exceeded where there is no time left to make a digest.
const TIME: &str = "time_ms";

/// What a message signs.
pub trait Content {
    /// None where there is no time left to make it.
    fn digest(&self, digest: Digest) -> Option<Vec<u8>>;

    fn bytes(&self) -> Vec<u8>;
}

/// Pieces, one after the other.
impl<const N: usize> Content for [&[u8]; N] {
    fn digest(&self, digest: Digest) -> Option<Vec<u8>> {
        Some(digest.of(self))
    }

    fn bytes(&self) -> Vec<u8> {
        self.concat()
    }
}

/// What was found out about one signature.
#[derive(Default)]
pub struct Judgement {
    pub findings: Vec<(Code, String)>,
    /// What was found out about who signed, as opposed to what.
    pub standing: Vec<(Code, String)>,
    /// Whether the bytes are those that were signed; none where it cannot be told.
    pub digest_matches: Option<bool>,
    /// Digest and value are right.
    pub intact: bool,
    pub trusted: bool,
    pub signer: Option<String>,
    pub algorithm: Option<String>,
    pub chain: Vec<String>,
    pub revocations: Vec<RevocationReport>,
    pub timestamps: Vec<TimestampReport>,
    /// When it says that it was made; of a timestamp, what that is about.
    pub time: Option<Timestamp>,
    /// The earliest time at which it is proven to have existed.
    pub best_signature_time: Option<Timestamp>,
    /// The time that it proves, if it is a timestamp, sound and trusted.
    pub proven: Option<Timestamp>,
}

impl Judgement {
    pub fn find(&mut self, code: Code) {
        self.find_with(code, String::new());
    }

    pub fn find_with(&mut self, code: Code, detail: impl Into<String>) {
        self.findings.push((code, detail.into()));
    }
}

/// Judges a message (BER of a ContentInfo) as a signature over the pieces.
pub fn judge(
    message: &[u8],
    profile: Profile,
    pieces: &dyn Content,
    claimed: Option<Timestamp>,
    occasion: Occasion<'_, '_>,
) -> Judgement {
    let mut judgement = Judgement::default();
    let message = match cms::parse(message) {
        Ok(message) => message,
        Err(ParseError::Limit(limit)) => {
            judgement.find_with(Code::LimitExceeded, limit);
            return judgement;
        }
        Err(error) => {
            judgement.find_with(Code::CmsUnreadable, error.to_string());
            return judgement;
        }
    };
    if let Some(der) = judge_value(&mut judgement, &message, profile, pieces) {
        proof::judge(&mut judgement, &message, der, profile, claimed, occasion);
    }
    judgement
}

/// Judges digests and value, and returns the signer's X.509 certificate. Says nothing of trust.
pub fn judge_value<'a>(
    judgement: &mut Judgement,
    message: &'a Message,
    profile: Profile,
    pieces: &dyn Content,
) -> Option<&'a [u8]> {
    let [signer] = message.signers.as_slice() else {
        judgement.find_with(Code::SignerCount, message.signers.len().to_string());
        return None;
    };
    judgement.algorithm = Some(signer.algorithm.clone());
    if !message.der {
        // The standards ask for DER of all. What PAdES signers write is, so that anything else is held against it; of
        // others, BER is common.
        judgement.find(match profile {
            Profile::Pades => Code::CmsNotDer,
            _ => Code::CmsBer,
        });
    }
    if !signer.consistent {
        judgement.find(Code::CmsVersions);
    }
    let stands_inside = matches!(profile, Profile::Pkcs7Sha1 | Profile::Timestamp);
    let content_type = match profile {
        Profile::Timestamp => TST_INFO,
        _ => cms::ID_DATA,
    };
    if message.content_type != content_type || message.content.is_some() != stands_inside {
        judgement.find(Code::CmsForm);
    }
    let inside = message.content.as_deref().unwrap_or_default();
    let content_right = match profile {
        Profile::Pades | Profile::Pkcs7 => true,
        Profile::Pkcs7Sha1 => {
            judgement.find_with(Code::AlgorithmWeak, "adbe.pkcs7.sha1");
            judge_imprint(judgement, pieces.digest(Digest::Sha1), inside)
        }
        Profile::Timestamp => match TstInfo::parse(inside) {
            Ok(info) => {
                let digest = Digest::of_oid(info.imprint.algorithm);
                if let Some(weak) = digest.filter(|digest| digest.is_weak()) {
                    judgement.find_with(Code::AlgorithmWeak, weak.name());
                }
                match digest {
                    Some(digest) => judge_imprint(judgement, pieces.digest(digest), &info.imprint.digest),
                    None => {
                        judgement.find_with(Code::AlgorithmUnknown, "TSTInfo");
                        false
                    }
                }
            }
            Err(_) => {
                judgement.find(Code::CmsForm);
                false
            }
        },
    };
    let content = [inside];
    let content: &dyn Content = if stands_inside { &content } else { pieces };
    let digest_right = judge_attributes(judgement, message, signer, profile, content) && content_right;

    let certificate = signer.certificate.and_then(|place| message.certificates.get(place));
    let parsed = certificate.and_then(|der| X509Certificate::from_der(der).ok());
    let (Some(der), Some((_, parsed))) = (certificate, parsed) else {
        judgement.find(Code::SignerMissing);
        return None;
    };
    if !signer.named_exactly {
        judgement.find(Code::SignerNamedOtherwise);
    }
    judgement.signer = Some(common_name(&parsed));
    judgement.intact = judge_signature(judgement, signer, parsed.public_key().raw, content) && digest_right;
    Some(der)
}

/// Whether what the content says the bytes' digest is, is so.
fn judge_imprint(judgement: &mut Judgement, expected: Option<Vec<u8>>, stated: &[u8]) -> bool {
    let Some(expected) = expected else {
        judgement.find_with(Code::LimitExceeded, TIME);
        return false;
    };
    let same = expected == stated;
    judgement.digest_matches = Some(same);
    if !same {
        judgement.find(Code::DigestDiffers);
    }
    same
}

/// Judges the signed attributes, and whether the digest among them is the content's.
fn judge_attributes(
    judgement: &mut Judgement,
    message: &Message,
    signer: &Signer,
    profile: Profile,
    content: &dyn Content,
) -> bool {
    let Some(attributes) = &signer.attributes else {
        // The value is then over the content itself, and nothing in the message says what was meant to be signed.
        judgement.find(Code::AttributesMissing);
        return true;
    };
    if !attributes.sound || attributes.content_type != Some(message.content_type) {
        judgement.find(Code::CmsForm);
    }
    let needed = matches!(profile, Profile::Pades | Profile::Timestamp);
    match attributes.signing_certificate {
        SigningCertificate::Missing if needed => judgement.find(Code::SigningCertificateMissing),
        SigningCertificate::Matches | SigningCertificate::Missing => {}
        SigningCertificate::Other => judgement.find(Code::SigningCertificateOther),
    }
    if attributes.has_signing_time && profile == Profile::Pades {
        judgement.find(Code::SigningTimeInCms);
    }
    if attributes.algorithms_match == Some(false) {
        judgement.find(Code::AlgorithmsDiffer);
    }
    let Some(expected) = &attributes.message_digest else {
        judgement.find(Code::DigestMissing);
        return false;
    };
    let Some(digest) = signer.digest else {
        judgement.find_with(Code::AlgorithmUnknown, &signer.algorithm);
        return false;
    };
    if digest.is_weak() {
        judgement.find_with(Code::AlgorithmWeak, digest.name());
    }
    if signer.scheme.is_some_and(|scheme| scheme.content_digest() != digest) {
        judgement.find_with(
            Code::DigestAlgorithms,
            format!("{}, {}", digest.name(), signer.algorithm),
        );
    }
    let Some(made) = content.digest(digest) else {
        judgement.find_with(Code::LimitExceeded, TIME);
        return false;
    };
    let same = made == *expected;
    if judgement.digest_matches != Some(false) {
        judgement.digest_matches = Some(same);
    }
    if !same {
        judgement.find(Code::DigestDiffers);
    }
    same
}

/// Whether the signature value is right, over the signed attributes or, without any, over the content.
fn judge_signature(judgement: &mut Judgement, signer: &Signer, spki: &[u8], content: &dyn Content) -> bool {
    let unknown = |judgement: &mut Judgement| {
        judgement.find_with(Code::AlgorithmUnknown, &signer.algorithm);
        false
    };
    let Some(scheme) = signer.scheme else {
        return unknown(judgement);
    };
    if scheme == Scheme::Sm2 {
        judgement.find(Code::AlgorithmSm2);
    }
    let check = |signed: &[u8]| verify_scheme(spki, scheme, signed, &signer.signature);
    let verdict = match &signer.attributes {
        None => check(&content.bytes()),
        Some(attributes) => match (check(&attributes.der), &attributes.stored) {
            (Some(false), Some(stored)) => {
                let right = check(stored);
                if right == Some(true) {
                    judgement.find(Code::AttributesAsStored);
                }
                right
            }
            (verdict, _) => verdict,
        },
    };
    let Some(right) = verdict else {
        return unknown(judgement);
    };
    if let Some(weak) = weakness(spki, scheme) {
        judgement.find_with(Code::AlgorithmWeak, weak);
    }
    if signer.attributes.is_none() {
        judgement.digest_matches = judgement.digest_matches.or(right.then_some(true));
    }
    if !right {
        judgement.find(Code::SignatureWrong);
    }
    right
}

/// The common name, or the whole name where there is none.
pub fn common_name(certificate: &X509Certificate<'_>) -> String {
    let subject = certificate.subject();
    let common = subject.iter_common_name().find_map(|name| name.as_str().ok());
    common.map_or_else(|| subject.to_string(), str::to_owned)
}
