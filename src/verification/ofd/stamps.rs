//! Timestamps (RFC 3161) in seals and in the signatures made with them, and what they prove.

use jiff::Timestamp;

use super::Draft;
use crate::{
    formats::{
        cms::{self, Digest},
        der::bits,
        ses::{MessageSigner, Signature, TimeInfo},
        timestamp::{TstInfo, granted_token},
    },
    verification::{
        findings::Code,
        proof::MAX_TIMESTAMPS,
        timestamp::{Stamp, judge_also_gbt_35275},
        trust::Material,
        words::shown_time,
    },
};

/// What is known of the time of a signature made with a seal.
pub struct Times {
    /// When it says that it was made: the signer's own word.
    pub claimed: Option<Timestamp>,
    /// It existed then: proven, or the time of verification.
    pub existed: Timestamp,
    /// It holds a timestamp of then, so that it was made later.
    pub made_after: Option<Timestamp>,
    /// The seal existed then.
    pub seal_existed: Timestamp,
}

/// Judges the timestamps of a signature over the description, and enters them.
pub fn judge(
    draft: &mut Draft,
    place: usize,
    signature: &Signature<'_>,
    description: &[u8],
    material: &mut Material<'_>,
) -> Times {
    let at = material.at;
    let of_value = signature.timestamp.and_then(|token| {
        let stored = bits(signature.value).unwrap_or_default();
        let stamp = of_either(token, [signature.value, &stored], material);
        enter(draft, place, stamp)
    });
    let existed = of_value.filter(|own| own.proves).map_or(at, |own| own.time.min(at));
    let (claimed, made_after) = match signature.time {
        TimeInfo::Time(time) => (Some(time), None),
        TimeInfo::Unknown => (None, None),
        // It stands in what is signed, and so it cannot be of the signature: it is of what was to be signed.
        TimeInfo::Token(token) => {
            let stamp = of_either(token, [description, signature.data_hash], material);
            let known = enter(draft, place, stamp);
            (
                known.map(|own| own.time),
                known.filter(|own| own.proves).map(|own| own.time),
            )
        }
    };
    if let Some(after) = made_after {
        draft.find(Code::MadeAfter, Some(place), &shown_time(after));
    }
    let seal = &signature.seal;
    let of_seal = seal.timestamp.and_then(|token| {
        let stored = bits(seal.value).unwrap_or_default();
        let mut stamp = of_either(token, [seal.value, &stored], material);
        for (code, detail) in &mut stamp.findings {
            if matches!(code, Code::TimestampWrong | Code::TimestampOther) {
                *detail = code.as_str().to_owned();
                *code = Code::SealTimestampWrong;
            }
        }
        enter(draft, place, stamp)
    });
    let seal_existed = of_seal
        .filter(|own| own.proves)
        .map_or(existed, |own| own.time.min(existed));
    Times {
        claimed,
        existed,
        made_after,
        seal_existed,
    }
}

/// Judges the timestamps of a message's value (RFC 3161 appendix A), and enters them. Each is over the octets of the value.
pub fn judge_of_message(
    draft: &mut Draft,
    place: usize,
    signer: &MessageSigner<'_>,
    material: &mut Material<'_>,
) -> Times {
    let mut existed = material.at;
    if signer.timestamps.len() > MAX_TIMESTAMPS {
        draft.find(Code::LimitExceeded, Some(place), "MAX_TIMESTAMPS");
    }
    for token in signer.timestamps.iter().take(MAX_TIMESTAMPS) {
        let granted = granted_token(token);
        let stamp = judge_also_gbt_35275(granted.as_deref().unwrap_or(token), signer.value, material);
        if let Some(known) = enter(draft, place, stamp).filter(|known| known.proves) {
            existed = existed.min(known.time);
        }
    }
    Times {
        claimed: signer.signing_time,
        existed,
        made_after: None,
        seal_existed: existed,
    }
}

#[derive(Clone, Copy)]
struct Known {
    time: Timestamp,
    /// Its authority is trusted.
    proves: bool,
}

fn enter(draft: &mut Draft, place: usize, stamp: Stamp) -> Option<Known> {
    for (code, detail) in &stamp.findings {
        draft.find(*code, Some(place), detail);
    }
    let proves = stamp.proven().is_some();
    let report = stamp.report?;
    let time = report.time;
    if let Some(own) = draft.report.signatures.get_mut(place) {
        own.timestamps.push(report);
    }
    Some(Known { time, proves })
}

/// Judges a token, or the answer of an authority that holds one, as one of either: implementations differ in what they
/// have stamped, and each proves as much.
fn of_either(token: &[u8], [usual, other]: [&[u8]; 2], material: &mut Material<'_>) -> Stamp {
    let granted = granted_token(token);
    let token = granted.as_deref().unwrap_or(token);
    let stamped = if is_of(token, other) { other } else { usual };
    judge_also_gbt_35275(token, stamped, material)
}

fn is_of(token: &[u8], content: &[u8]) -> bool {
    let info = cms::parse_also_gbt_35275(token)
        .ok()
        .and_then(|message| TstInfo::parse(message.content.as_deref()?).ok());
    info.is_some_and(|info| {
        let digest = Digest::of_oid(info.imprint.algorithm);
        digest.is_some_and(|digest| digest.of(&[content]) == info.imprint.digest)
    })
}
