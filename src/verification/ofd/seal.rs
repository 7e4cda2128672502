//! A signature made with an electronic seal (GB/T 38540-2020 7.3): the value, the seal itself, its maker, who may use it.

use jiff::Timestamp;

use super::{
    Draft, Scope, picture, sm3,
    stamps::{self, Times},
    value,
};
use crate::{
    formats::ses::{SM3, Seal, Signature, Signers, Version},
    verification::{
        findings::Code,
        trust::{Material, Verdict},
        words::shown_time,
    },
};

/// Judges a seal's signature over the description (its path and bytes). Returns whether the description or the seal in
/// the package was changed; false only where the value is right too.
pub fn judge(
    draft: &mut Draft,
    place: usize,
    signature: &Signature<'_>,
    (path, description): (&str, &[u8]),
    file: Option<&[u8]>,
    scope: Scope<'_>,
) -> Option<bool> {
    let mut material = Material::new(scope.trust, scope.at);
    let seal = &signature.seal;
    let pictures = draft
        .report
        .signatures
        .iter()
        .filter_map(|other| other.seal_picture.as_ref());
    let shown = pictures.map(|picture| picture.base64.len()).sum();
    if let Some(own) = draft.report.signatures.get_mut(place) {
        own.seal_name = Some(seal.name.clone());
        own.seal_picture = picture::of(&seal.picture, shown, scope.trust.known());
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
    let times = stamps::judge(draft, place, signature, description, &mut material);
    let right = value::judge_value(
        draft,
        place,
        value::key_of(signature.certificate, &mut material).as_deref(),
        &signature.algorithm,
        signature.to_sign,
        signature.value,
    );
    judge_listed(draft, place, signature);
    judge_seal(draft, place, seal, times.seal_existed, &mut material);
    judge_validity(draft, place, seal, &times, scope.at);
    value::judge_signer(draft, place, signature.certificate, &times, &mut material);
    let same = sm3(description).as_slice() == signature.data_hash;
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

/// The signer must stand in the seal's list, byte for byte or by digest.
fn judge_listed(draft: &mut Draft, place: usize, signature: &Signature<'_>) {
    let own = signature.certificate;
    let listed = match &signature.seal.signers {
        Signers::Certificates(all) => all.contains(&own),
        Signers::Digests(all) => all
            .iter()
            .any(|(algorithm, digest)| match algorithm.to_ascii_uppercase().as_str() {
                "SM3" | SM3 => sm3(own).as_slice() == *digest,
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
fn judge_seal(draft: &mut Draft, place: usize, seal: &Seal<'_>, existed: Timestamp, material: &mut Material<'_>) {
    let Some(maker) = material.pool.add(seal.maker) else {
        draft.find(Code::SealMakerChain, Some(place), "X.509");
        return;
    };
    // One seal comes with many documents.
    let known = material.pool.trust.known();
    let right = value::is_sm2_with_sm3(&seal.algorithm)
        .then(|| known.sm2(&maker.public_key, &seal.signed, seal.value))
        .flatten();
    match right {
        None => draft.find(Code::AlgorithmUnknown, Some(place), &seal.algorithm),
        Some(false) => draft.find(Code::SealSignatureWrong, Some(place), ""),
        Some(true) => {}
    }
    if !maker.is_within(seal.created) {
        draft.find(Code::SealMakerTime, Some(place), "");
    }
    let verdict = value::ask(&maker, (existed, None), material);
    if verdict.trusted {
        for (code, detail) in &verdict.findings {
            match code {
                Code::SignerExpiredSince => draft.find(Code::SealMakerExpiredSince, Some(place), ""),
                Code::SignerRevokedSince => draft.find(Code::SealMakerRevokedSince, Some(place), detail),
                _ => {}
            }
        }
        return;
    }
    find_maker(draft, place, &verdict, || {
        // GM/T 0031-2025: a notice where it was good when the seal was made. That time is the maker's own word, which
        // counts for nothing once its key was revoked.
        let then = value::ask(&maker, (seal.created, None), material);
        let revoked = |(code, _): &(Code, String)| *code == Code::SignerRevokedSince;
        seal.version == Version::V5 && then.trusted && !then.findings.iter().any(revoked)
    });
}

fn find_maker(draft: &mut Draft, place: usize, verdict: &Verdict, was_good: impl FnOnce() -> bool) {
    let decisive = verdict.findings.iter().find(|(code, _)| code.outcome().is_some());
    match decisive {
        Some((Code::Untrusted, _)) => draft.find(Code::SealMakerUntrusted, Some(place), ""),
        Some((Code::KeyUsage | Code::KeyPurpose, _)) => draft.find(Code::SealMakerUsage, Some(place), ""),
        Some((Code::SignerRevoked, when)) => draft.find(Code::SealMakerRevoked, Some(place), when),
        Some((Code::SignerExpired | Code::SignerExpiredNotRevoked | Code::SignerNotYetValid, _)) => {
            let code = if was_good() {
                Code::SealMakerExpiredSince
            } else {
                Code::SealMakerExpired
            };
            draft.find(code, Some(place), "");
        }
        Some((Code::ChainWrong, why)) => draft.find(Code::SealMakerChain, Some(place), why),
        Some((code, _)) => draft.find(Code::SealMakerChain, Some(place), code.as_str()),
        None => draft.find(Code::SealMakerChain, Some(place), ""),
    }
}

/// The seal must have been valid when it was signed with, and where nothing proves that time, be so still.
fn judge_validity(draft: &mut Draft, place: usize, seal: &Seal<'_>, times: &Times, at: Timestamp) {
    let (from, until) = (seal.valid_from, seal.valid_until);
    let outside = |time: Timestamp| time < from || time > until;
    let is_proven = times.existed < at;
    if times.claimed.is_some_and(outside) || (is_proven && times.existed < from) {
        draft.find(
            Code::SealOutsideValidity,
            Some(place),
            &format!("{} – {}", shown_time(from), shown_time(until)),
        );
    }
    if times.existed > until || (!is_proven && at < from) {
        draft.find(Code::SealExpired, Some(place), &shown_time(until));
    } else if at > until {
        draft.find(Code::SealExpiredSince, Some(place), &shown_time(until));
    }
}
