//! The value of a signature and its signer, in a seal's signature or in a GB/T 35275 message.

use jiff::Timestamp;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{Draft, sm2};
use crate::{
    formats::ses::{MessageSigner, SM3, SignedMessage},
    verification::{
        Trust,
        findings::Code,
        signer,
        trust::{Material, Purpose, Question, Verdict},
    },
};

/// Whether a value is right over the message by an X.509 certificate's key; finds what is wrong.
pub fn judge_value(
    draft: &mut Draft,
    place: usize,
    certificate: &X509Certificate<'_>,
    algorithm: &str,
    message: &[u8],
    value: &[u8],
) -> bool {
    let key = sm2::key_of(certificate).filter(|_| sm2::is_sm2_with_sm3(algorithm));
    if let Some(own) = draft.report.signatures.get_mut(place) {
        let name = if key.is_some() { "SM2 SM3" } else { algorithm };
        own.algorithm = Some(name.to_owned());
    }
    let Some(key) = key else {
        draft.find(Code::AlgorithmUnknown, Some(place), algorithm);
        return false;
    };
    let right = sm2::is_right(key, message, value);
    if !right {
        draft.find(Code::SignatureWrong, Some(place), "");
    }
    right
}

/// Judges who signed, at which time; enters name, chain and trust.
pub fn judge_signer(
    draft: &mut Draft,
    place: usize,
    der: &[u8],
    others: &[Vec<u8>],
    claimed: Option<Timestamp>,
    (trust, at): (&Trust, Timestamp),
) {
    let Ok((_, parsed)) = X509Certificate::from_der(der) else {
        draft.find(Code::SignerMissing, Some(place), "");
        return;
    };
    match claimed {
        Some(_) => draft.find(Code::TimeClaimed, Some(place), ""),
        None => draft.find(Code::SigningTimeMissing, Some(place), ""),
    }
    if claimed.is_some_and(|claimed| !signer::within(&parsed, claimed)) {
        draft.find(Code::TimeOutsideValidity, Some(place), "");
    }
    let Some((verdict, limit)) = ask(der, others, at, (trust, at)) else {
        draft.find(Code::ChainWrong, Some(place), "its own X.509 certificate");
        return;
    };
    for (code, detail) in &verdict.findings {
        draft.find(*code, Some(place), detail);
    }
    if let Some(limit) = limit {
        draft.find(Code::LimitExceeded, Some(place), limit);
    }
    if let Some(own) = draft.report.signatures.get_mut(place) {
        own.signer = Some(signer::common_name(&parsed));
        own.signing_time = claimed;
        own.signing_time_proof = claimed.map(|_| "claimed".to_owned());
        own.trusted = verdict.trusted;
        own.chain = verdict.chain.iter().map(|link| link.shown.clone()).collect();
        own.revocation = verdict.revocations.first().map(|own| own.status.name().to_owned());
        own.revocations = verdict.revocations;
    }
}

/// Whether one who signs or makes seals is trusted as of a time, and the limit that kept something from being looked
/// at; none where its X.509 certificate cannot be read.
pub fn ask(
    der: &[u8],
    others: &[Vec<u8>],
    existed: Timestamp,
    (trust, at): (&Trust, Timestamp),
) -> Option<(Verdict, Option<&'static str>)> {
    let mut material = Material::new(trust, at);
    for other in others {
        material.pool.add(other);
    }
    let question = Question {
        certificate: material.pool.add(der)?,
        purpose: Purpose::Sign,
        existed,
        made_after: None,
        weak: Vec::new(),
    };
    Some((question.judge(material.sources()), material.limit()))
}

/// Judges a message by GB/T 35275 over `Signature.xml`. Returns whether that was changed; false only where the value is
/// right too.
pub fn judge_message(
    draft: &mut Draft,
    place: usize,
    message: &SignedMessage<'_>,
    description: &[u8],
    (trust, at): (&Trust, Timestamp),
) -> Option<bool> {
    let [signer] = message.signers.as_slice() else {
        draft.find(Code::SignerCount, Some(place), &message.signers.len().to_string());
        return None;
    };
    if signer.digest_algorithm != SM3 {
        draft.find(Code::AlgorithmUnknown, Some(place), &signer.digest_algorithm);
        return None;
    }
    if signer.has_unsigned_attributes {
        draft.find(Code::UnsignedParts, Some(place), "");
    }
    let digest = sm2::sm3(description);
    let same = is_over(message, signer, &digest, description);
    if same == Some(false) {
        draft.find(Code::SignatureFileChanged, Some(place), "");
    }
    if same.is_none() {
        draft.find(Code::DigestMissing, Some(place), "");
    }
    let own = message.certificates.iter().find(|der| is_of(der, signer));
    let Some((der, (_, parsed))) = own.and_then(|der| Some((*der, X509Certificate::from_der(der).ok()?))) else {
        draft.find(Code::SignerMissing, Some(place), "");
        return same.filter(|same| !same).map(|_| true);
    };
    // Without signed attributes the value is over the content, which is the digest, or over the description itself.
    let signed = match (&signer.attributes, &message.content) {
        (Some(attributes), _) => attributes.as_slice(),
        (None, Some(content)) => content.octets,
        (None, None) if is_over_digest(&parsed, signer, &digest) => &digest,
        (None, None) => description,
    };
    let right = judge_value(draft, place, &parsed, &signer.signature_algorithm, signed, signer.value);
    let others: Vec<Vec<u8>> = message.certificates.iter().map(|der| der.to_vec()).collect();
    judge_signer(draft, place, der, &others, signer.signing_time, (trust, at));
    match same? {
        false => Some(true),
        true => right.then_some(false),
    }
}

/// Some sign the digest as if it were the content, without attributes and without putting it in.
fn is_over_digest(certificate: &X509Certificate<'_>, signer: &MessageSigner<'_>, digest: &[u8; 32]) -> bool {
    sm2::key_of(certificate).is_some_and(|key| sm2::is_right(key, digest, signer.value))
}

/// Whether the message is over the description: each of content and message-digest that is there must be its digest,
/// and what a value alone is over shows from the value.
fn is_over(
    message: &SignedMessage<'_>,
    signer: &MessageSigner<'_>,
    digest: &[u8; 32],
    description: &[u8],
) -> Option<bool> {
    let content = message.content.map(|content| content.octets);
    let content_fits = content.is_none_or(|content| content == digest || content == description);
    match (&signer.attributes, signer.message_digest) {
        (Some(_), None) => None,
        (Some(_), Some(expected)) => {
            // The digest of the description, or of the content where that is the digest itself.
            let of_content = content.map(sm2::sm3);
            let fits = expected == digest || of_content.is_some_and(|digest| expected == digest);
            let fits = fits || expected == sm2::sm3(digest);
            Some(fits && content_fits)
        }
        (None, _) => Some(content_fits),
    }
}

/// Whether an X.509 certificate is the one that a signer names, byte for byte: names are written in wrong types.
fn is_of(der: &[u8], signer: &MessageSigner<'_>) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(der) else {
        return false;
    };
    let issuer = parsed.issuer().as_raw();
    let serial = parsed.raw_serial();
    signer.issuer_and_serial.strip_prefix(issuer).is_some_and(|rest| {
        // The INTEGER that follows the name.
        matches!(rest, [0x02, length, number @ ..] if usize::from(*length) == number.len() && number == serial)
    })
}
