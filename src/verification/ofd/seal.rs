//! A signature made with an electronic seal (GB/T 38540-2020 7.3): the value, the seal itself, its maker, who may use it.

use jiff::Timestamp;
use x509_parser::{certificate::X509Certificate, prelude::FromDer, time::ASN1Time};

use super::{Draft, picture, sm2, value};
use crate::{
    formats::ses::{SM3, Seal, Signature, Signers, TimeInfo, Version},
    verification::{Trust, findings::Code},
};

/// Judges a seal's signature over the description (its path and bytes). Returns whether the description or the seal in
/// the package was changed; false only where the value is right too.
pub fn judge(
    draft: &mut Draft,
    place: usize,
    signature: &Signature<'_>,
    (path, description): (&str, &[u8]),
    file: Option<&[u8]>,
    (trust, at): (&Trust, Timestamp),
) -> Option<bool> {
    let seal = &signature.seal;
    let pictures = draft
        .report
        .signatures
        .iter()
        .filter_map(|other| other.seal_picture.as_ref());
    let shown = pictures.map(|picture| picture.base64.len()).sum();
    if let Some(own) = draft.report.signatures.get_mut(place) {
        own.seal_name = Some(seal.name.clone());
        own.seal_picture = picture::of(&seal.picture, shown);
    }
    if signature.mixed {
        draft.find(Code::SealVersionMixed, Some(place), "");
    }
    if let Some(extension) = signature.critical.as_ref().or(seal.critical.as_ref()) {
        draft.find(Code::SealExtension, Some(place), extension);
    }
    let named = signature.property.trim_start_matches(['/', '.']);
    if named != path {
        let named: String = signature.property.chars().take(120).collect();
        draft.find(Code::NamesOtherFile, Some(place), &named);
    }
    let claimed = match signature.time {
        TimeInfo::Time(time) => Some(time),
        TimeInfo::Token(_) | TimeInfo::Unknown => None,
    };
    if signature.timestamp.is_some() || matches!(signature.time, TimeInfo::Token(_)) {
        draft.find(Code::SealTimestampUnverified, Some(place), "");
    }
    let right = judge_value(draft, place, signature);
    judge_listed(draft, place, signature);
    judge_seal(draft, place, seal, (trust, at));
    judge_validity(draft, place, seal, claimed, at);
    value::judge_signer(draft, place, signature.certificate, &[], claimed, (trust, at));
    let same = sm2::sm3(description).as_slice() == signature.data_hash;
    if !same {
        draft.find(Code::SignatureFileChanged, Some(place), "");
    }
    // What viewers draw is the file; what was signed is in the signature.
    let same_seal = file.is_none_or(|file| file == seal.raw);
    if !same_seal {
        draft.find(Code::SealFileDiffers, Some(place), "");
    }
    match same && same_seal {
        false => Some(true),
        true => right.then_some(false),
    }
}

fn judge_value(draft: &mut Draft, place: usize, signature: &Signature<'_>) -> bool {
    let Ok((_, signer)) = X509Certificate::from_der(signature.certificate) else {
        return false;
    };
    let (algorithm, message) = (&signature.algorithm, signature.to_sign);
    value::judge_value(draft, place, &signer, algorithm, message, signature.value)
}

/// The signer must stand in the seal's list, byte for byte or by digest.
fn judge_listed(draft: &mut Draft, place: usize, signature: &Signature<'_>) {
    let own = signature.certificate;
    let listed = match &signature.seal.signers {
        Signers::Certificates(all) => all.contains(&own),
        Signers::Digests(all) => all
            .iter()
            .any(|(algorithm, digest)| match algorithm.to_ascii_uppercase().as_str() {
                "SM3" | SM3 => sm2::sm3(own).as_slice() == *digest,
                "SHA256" | "SHA-256" | "2.16.840.1.101.3.4.2.1" => {
                    ring::digest::digest(&ring::digest::SHA256, own).as_ref() == *digest
                }
                _ => false,
            }),
    };
    if !listed {
        draft.find(Code::SignerNotListed, Some(place), "");
    }
}

/// The maker's signature over the seal, and the maker.
fn judge_seal(draft: &mut Draft, place: usize, seal: &Seal<'_>, (trust, at): (&Trust, Timestamp)) {
    let Ok((_, maker)) = X509Certificate::from_der(seal.maker) else {
        draft.find(Code::SealMakerChain, Some(place), "X.509");
        return;
    };
    match sm2::key_of(&maker).filter(|_| sm2::is_sm2_with_sm3(&seal.algorithm)) {
        None => draft.find(Code::AlgorithmUnknown, Some(place), &seal.algorithm),
        Some(key) if !sm2::is_right(key, &seal.signed, seal.value) => {
            draft.find(Code::SealSignatureWrong, Some(place), "");
        }
        Some(_) => {}
    }
    let created = ASN1Time::from_timestamp(seal.created.as_second());
    let valid_then = created.is_ok_and(|created| maker.validity().is_valid_at(created));
    if !valid_then {
        draft.find(Code::SealMakerTime, Some(place), "");
    }
    let Some((verdict, _)) = value::ask(seal.maker, &[], at, (trust, at)) else {
        draft.find(Code::SealMakerChain, Some(place), "X.509");
        return;
    };
    if verdict.trusted {
        return;
    }
    let decisive = verdict.findings.iter().find(|(code, _)| code.outcome().is_some());
    match decisive {
        Some((Code::Untrusted, _)) => draft.find(Code::SealMakerUntrusted, Some(place), ""),
        Some((Code::KeyUsage | Code::KeyPurpose, _)) => draft.find(Code::SealMakerUsage, Some(place), ""),
        Some((Code::SignerRevoked, when)) => draft.find(Code::SealMakerRevoked, Some(place), when),
        Some((Code::SignerExpired | Code::SignerExpiredNotRevoked | Code::SignerNotYetValid, _)) => {
            // GM/T 0031-2025: a notice where it was good when the seal was made.
            let then = value::ask(seal.maker, &[], seal.created, (trust, at));
            if seal.version == Version::V5 && then.is_some_and(|(then, _)| then.trusted) {
                draft.find(Code::SealMakerExpiredSince, Some(place), "");
            } else {
                draft.find(Code::SealMakerExpired, Some(place), "");
            }
        }
        Some((Code::ChainWrong, why)) => draft.find(Code::SealMakerChain, Some(place), why),
        Some((code, _)) => draft.find(Code::SealMakerChain, Some(place), code.as_str()),
        None => draft.find(Code::SealMakerChain, Some(place), ""),
    }
}

/// The seal must have been valid when it was signed with, and where nothing proves that time, be so still.
fn judge_validity(draft: &mut Draft, place: usize, seal: &Seal<'_>, claimed: Option<Timestamp>, at: Timestamp) {
    let (from, until) = (seal.valid_from, seal.valid_until);
    if claimed.is_some_and(|claimed| claimed < from || claimed > until) {
        draft.find(Code::SealOutsideValidity, Some(place), &format!("{from} – {until}"));
    }
    if at > until || at < from {
        draft.find(Code::SealExpired, Some(place), &until.to_string());
    }
}
