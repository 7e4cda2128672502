//! The value of a signature and its signer, in a seal's signature or in a GB/T 35275 message.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{
    Draft, Scope, sm3,
    stamps::{self, Times},
};
use crate::{
    formats::{
        ses::{MessageSigner, SM2_WITH_SM3, SM3, SignedMessage},
        x509::Certificate,
    },
    verification::{
        algorithm::verify_sm2,
        findings::Code,
        trust::{Material, Purpose, Question, Verdict},
        words::shown_time,
    },
};

/// How far the clocks of a signer and of an authority may be apart.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(1);

/// How far a signer's clock may be ahead of ours.
const CLOCK_AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// Names under which SM2 with SM3 is written: by GB/T 33560, and as older software does.
const NAMES: [&str; 3] = [SM2_WITH_SM3, "1.2.156.10197.1.301.1", "1.2.156.10197.1.301"];

/// Whether an algorithm's object identifier means SM2 with SM3.
pub fn is_sm2_with_sm3(oid: &str) -> bool {
    NAMES.contains(&oid)
}

/// DER of the public key of an X.509 certificate, also where nothing else of that is as it should be.
pub fn key_of(der: &[u8], material: &mut Material<'_>) -> Option<Vec<u8>> {
    match material.pool.add(der) {
        Some(certificate) => Some(certificate.public_key.clone()),
        None => Some(X509Certificate::from_der(der).ok()?.1.public_key().raw.to_vec()),
    }
}

/// Whether a value is right over the message by a key; finds what is wrong. Without a key the signer is missing, which is
/// found elsewhere.
pub fn judge_value(
    draft: &mut Draft,
    place: usize,
    key: Option<&[u8]>,
    algorithm: &str,
    message: &[u8],
    value: &[u8],
) -> bool {
    let Some(key) = key else { return false };
    let right = is_sm2_with_sm3(algorithm)
        .then(|| verify_sm2(key, message, value))
        .flatten();
    if let Some(own) = draft.report.signatures.get_mut(place) {
        let name = if right.is_some() { "SM2 SM3" } else { algorithm };
        own.algorithm = Some(name.to_owned());
    }
    match right {
        None => draft.find(Code::AlgorithmUnknown, Some(place), algorithm),
        Some(false) => draft.find(Code::SignatureWrong, Some(place), ""),
        Some(true) => {}
    }
    right == Some(true)
}

/// Judges who signed, at which time; enters name, chain and trust.
pub fn judge_signer(draft: &mut Draft, place: usize, der: &[u8], times: &Times, material: &mut Material<'_>) {
    let at = material.at;
    let Some(certificate) = material.pool.add(der) else {
        match X509Certificate::from_der(der) {
            Ok(_) => draft.find(Code::ChainWrong, Some(place), "its own X.509 certificate"),
            Err(_) => draft.find(Code::SignerMissing, Some(place), ""),
        }
        return;
    };
    judge_time(draft, place, &certificate, times, at);
    let verdict = ask(&certificate, (times.existed, times.made_after), material);
    for (code, detail) in &verdict.findings {
        draft.find(*code, Some(place), detail);
    }
    if let Some(limit) = material.limit()
        && !draft.found(Code::LimitExceeded, place)
    {
        draft.find(Code::LimitExceeded, Some(place), limit);
    }
    if let Some(own) = draft.report.signatures.get_mut(place) {
        let is_proven = times.existed < at;
        own.signer = Some(certificate.shown.clone());
        own.signing_time = times.claimed;
        own.signing_time_proof = match times.claimed {
            _ if is_proven => Some("timestamp".to_owned()),
            claimed => claimed.map(|_| "claimed".to_owned()),
        };
        own.best_signature_time = is_proven.then_some(times.existed);
        own.trusted = verdict.trusted;
        own.chain = verdict.chain.iter().map(|link| link.shown.clone()).collect();
        own.revocation = verdict.revocations.first().map(|own| own.status.name().to_owned());
        own.revocations = verdict.revocations;
    }
}

/// What the signer says of the time, against what is proven.
fn judge_time(draft: &mut Draft, place: usize, certificate: &Certificate, times: &Times, at: Timestamp) {
    let is_proven = times.existed < at;
    match times.claimed {
        _ if is_proven => draft.find(Code::TimeProven, Some(place), &shown_time(times.existed)),
        Some(_) if times.made_after.is_none() => draft.find(Code::TimeClaimed, Some(place), ""),
        Some(_) => {}
        // A timestamp that should say it and does not hold is found already.
        None if !draft.found(Code::TimestampWrong, place) && !draft.found(Code::TimestampOther, place) => {
            draft.find(Code::SigningTimeMissing, Some(place), "");
        }
        None => {}
    }
    let Some(claimed) = times.claimed else { return };
    let beyond = |time: Timestamp, by: SignedDuration| claimed > time.saturating_add(by).unwrap_or(time);
    if !certificate.is_within(claimed) {
        draft.find(Code::TimeOutsideValidity, Some(place), "");
    }
    if beyond(at, CLOCK_AHEAD) {
        draft.find(Code::TimeInFuture, Some(place), "");
    } else if is_proven && beyond(times.existed, CLOCK_SKEW) {
        draft.find(Code::TimeAfterTimestamp, Some(place), "");
    }
}

/// Whether one who signs or makes seals is trusted, as of when the signature existed and later than when it was made.
pub fn ask(
    certificate: &Arc<Certificate>,
    (existed, made_after): (Timestamp, Option<Timestamp>),
    material: &Material<'_>,
) -> Verdict {
    let question = Question {
        certificate: certificate.clone(),
        purpose: Purpose::Sign,
        existed,
        made_after,
        weak: Vec::new(),
    };
    question.judge(material.sources())
}

/// Judges a message by GB/T 35275 over `Signature.xml`. Returns whether that was changed; false only where the value is
/// right too.
pub fn judge_message(
    draft: &mut Draft,
    place: usize,
    message: &SignedMessage<'_>,
    description: &[u8],
    scope: Scope<'_>,
) -> Option<bool> {
    let [signer] = message.signers.as_slice() else {
        draft.find(Code::SignerCount, Some(place), &message.signers.len().to_string());
        return None;
    };
    if signer.digest_algorithm != SM3 {
        draft.find(Code::AlgorithmUnknown, Some(place), &signer.digest_algorithm);
        return None;
    }
    if signer.attributes.is_none() {
        draft.find(Code::AttributesMissing, Some(place), "");
    }
    if signer.has_other_unsigned_attributes {
        draft.find(Code::UnsignedParts, Some(place), "");
    }
    let digest = sm3(description);
    let same = is_over(message, signer, &digest, description);
    if same == Some(false) {
        draft.find(Code::SignatureFileChanged, Some(place), "");
    }
    if same.is_none() {
        draft.find(Code::DigestMissing, Some(place), "");
    }
    let mut material = Material::new(scope.trust, scope.at);
    let own = message.certificates.iter().find(|der| is_of(der, signer));
    let key = own.and_then(|der| key_of(der, &mut material));
    let (Some(der), Some(key)) = (own, key) else {
        draft.find(Code::SignerMissing, Some(place), "");
        return same.filter(|same| !same).map(|_| true);
    };
    // Without signed attributes the value is over the content, which is the digest, or over the description itself.
    let signed = match (&signer.attributes, &message.content) {
        (Some(attributes), _) => attributes.as_slice(),
        (None, Some(content)) => content.octets,
        // Some sign the digest as if it were the content, and do not put it in.
        (None, None) if verify_sm2(&key, &digest, signer.value) == Some(true) => &digest,
        (None, None) => description,
    };
    let algorithm = &signer.signature_algorithm;
    let right = judge_value(draft, place, Some(&key), algorithm, signed, signer.value);
    for other in &message.certificates {
        material.pool.add(other);
    }
    let times = stamps::judge_of_message(draft, place, signer, &mut material);
    judge_signer(draft, place, der, &times, &mut material);
    match same? {
        false => Some(true),
        true => right.then_some(false),
    }
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
            let of_content = content.map(sm3);
            let fits = expected == digest || of_content.is_some_and(|digest| expected == digest);
            let fits = fits || expected == sm3(digest);
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
