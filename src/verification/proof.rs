//! When a signature is proven to have existed, and whether its signer may be trusted as of then.

use jiff::{SignedDuration, Timestamp};

use super::{
    findings::Code,
    signer::{Judgement, Profile},
    timestamp::{self, Stamp},
    trust::{Material, Purpose, Question, strong_until},
};
use crate::formats::{
    cms::Message,
    timestamp::{SIGNATURE_TIMESTAMP, TstInfo},
    x509::Certificate,
};

/// The most timestamps of one signature that are looked at.
pub const MAX_TIMESTAMPS: usize = 8;

/// How far apart the clocks of two authorities may be.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(1);

/// Among what a signature is judged.
pub struct Occasion<'m, 'a> {
    pub material: &'m mut Material<'a>,
    /// Where it ends in the file.
    pub end: Option<usize>,
    /// What it covers holds a timestamp of then.
    pub made_after: Option<Timestamp>,
}

/// Judges time and signer of a message whose digests and value were judged.
pub fn judge(
    judgement: &mut Judgement,
    message: &Message,
    der: &[u8],
    profile: Profile,
    claimed: Option<Timestamp>,
    occasion: Occasion<'_, '_>,
) {
    let Occasion {
        material,
        end,
        made_after,
    } = occasion;
    material.add_message(message, end);
    let mut existed = material.existence.of(end);
    let info = match profile {
        Profile::Timestamp => message
            .content
            .as_deref()
            .and_then(|content| TstInfo::parse(content).ok()),
        _ => None,
    };
    judgement.time = info.as_ref().map(|info| info.time).or(claimed);
    for stamp in stamps(judgement, message, profile, material, end) {
        if let Some(time) = stamp.proven() {
            existed = existed.min(time);
            judge_order(judgement, time, made_after, None);
        }
        judgement.findings.extend(stamp.findings);
        judgement.timestamps.extend(stamp.report);
    }
    let Some(certificate) = material.pool.add(der) else {
        judgement
            .standing
            .push((Code::ChainWrong, "its own X.509 certificate".to_owned()));
        return;
    };
    match (&info, claimed) {
        (Some(info), _) => {
            judge_order(judgement, info.time, made_after, Some(existed));
            judge_claim(judgement, &certificate, info.time, existed);
        }
        (None, Some(claimed)) => judge_claim(judgement, &certificate, claimed, existed),
        (None, None) => {}
    }
    if existed < material.at {
        judgement.best_signature_time = Some(existed);
    }
    forgive_weakness(judgement, existed);
    let question = Question {
        certificate,
        purpose: if profile == Profile::Timestamp {
            Purpose::Timestamp
        } else {
            Purpose::Sign
        },
        existed,
        made_after,
        // What is weak in the signature itself is a finding already.
        weak: Vec::new(),
    };
    let verdict = question.judge(material.sources());
    // Without a chain nothing passes anyway.
    if !verdict.chain.is_empty() && material.unvouched(&message.certificates, &verdict.chain) > 0 {
        judgement.find(Code::UnusedCertificate);
    }
    judgement.trusted = verdict.trusted;
    judgement.chain = verdict.chain.iter().map(|link| link.shown.clone()).collect();
    judgement.standing.extend(verdict.findings);
    judgement.revocations = verdict.revocations;
    let is_found = judgement.standing.iter().any(|(code, _)| *code == Code::LimitExceeded);
    if let Some(limit) = material.limit().filter(|_| !is_found) {
        judgement.find_with(Code::LimitExceeded, limit);
    }
    let mut all = judgement.findings.iter().chain(&judgement.standing);
    let sound = judgement.intact && judgement.trusted && all.all(|(code, _)| code.outcome().is_none());
    judgement.proven = info.filter(|_| sound).map(|info| info.time);
}

/// The timestamps of the signature, judged; what else stands unsigned in the message is a finding.
fn stamps(
    judgement: &mut Judgement,
    message: &Message,
    profile: Profile,
    material: &mut Material<'_>,
    end: Option<usize>,
) -> Vec<Stamp> {
    let mut stamps = Vec::new();
    let mut others = message.revocations.others > 0 || message.other_certificates > 0;
    for signer in &message.signers {
        for attribute in &signer.unsigned_attributes {
            // A token's own has no timestamp of its own: what is later is over the document.
            if attribute.oid != SIGNATURE_TIMESTAMP || profile == Profile::Timestamp {
                others = true;
                continue;
            }
            for token in &attribute.values {
                if stamps.len() >= MAX_TIMESTAMPS {
                    judgement.find_with(Code::LimitExceeded, "MAX_TIMESTAMPS");
                    return stamps;
                }
                stamps.push(timestamp::judge_of_signature(token, &signer.signature, material, end));
            }
        }
    }
    if others {
        judgement.find(Code::UnsignedParts);
    }
    stamps
}

/// EN 319 102-1 5.5.4: timestamps stand in the order in which they were made.
fn judge_order(judgement: &mut Judgement, time: Timestamp, after: Option<Timestamp>, before: Option<Timestamp>) {
    let is_early = after.is_some_and(|after| time < after.saturating_sub(CLOCK_SKEW).unwrap_or(after));
    let is_late = before.is_some_and(|before| time > before.saturating_add(CLOCK_SKEW).unwrap_or(before));
    if is_early || is_late {
        judgement.find_with(Code::TimestampOrder, time.to_string());
    }
}

fn judge_claim(judgement: &mut Judgement, certificate: &Certificate, claimed: Timestamp, existed: Timestamp) {
    if !certificate.is_within(claimed) {
        judgement.standing.push((Code::TimeOutsideValidity, String::new()));
    } else if claimed > existed.saturating_add(CLOCK_SKEW).unwrap_or(existed) {
        judgement.find(Code::TimeAfterTimestamp);
    }
}

/// A weak algorithm does not count against what is proven to be from when it was strong.
fn forgive_weakness(judgement: &mut Judgement, existed: Timestamp) {
    for (code, name) in &mut judgement.findings {
        if *code == Code::AlgorithmWeak && existed <= strong_until(name) {
            *code = Code::AlgorithmWeakSince;
        }
    }
}
