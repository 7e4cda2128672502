//! The verdict on a PDF. What passes is strict: one signature, over the whole file, in a document that has one reading.

use jiff::Timestamp;

use super::{
    Draft, Finding, SignatureKind, SignatureReport, Trust,
    findings::{Code, Outcome},
    signer::{self, Judgement, Profile},
};
use crate::formats::{
    cms,
    pdf::{Document, Doubt, MAX_SIGNATURES, ReadError, SignatureDictionary, byte_range_places, salvage},
};

/// Judges a PDF into an empty draft.
pub fn judge(draft: &mut Draft, bytes: &[u8], trust: &Trust, at: Timestamp) {
    let mut sections = Vec::new();
    let mut found = match find_signatures(draft, bytes, &mut sections) {
        Ok(found) => found,
        Err(error) => {
            match error {
                ReadError::Limit(limit) => draft.find(Code::LimitExceeded, None, limit),
                error => draft.find(Code::Unreadable, None, &error.to_string()),
            }
            Vec::new()
        }
    };
    if found.is_empty() {
        found = salvage(bytes);
        if !found.is_empty() {
            draft.find(Code::StraySignature, None, "");
        }
    }
    if found.is_empty() {
        draft.find(Code::NoSignature, None, "");
        return;
    }
    if found.len() > 1 {
        draft.find(Code::SeveralSignatures, None, &found.len().to_string());
    }
    if byte_range_places(bytes).len() != found.len() {
        draft.find(Code::ByteRangeElsewhere, None, "");
    }
    let sound_so_far = draft.outcome == Outcome::PASSED;
    let modified: Vec<_> = found
        .iter()
        .take(MAX_SIGNATURES)
        .map(|signature| judge_signature(draft, (bytes, &sections), signature, trust, at))
        .collect();
    draft.report.modified_after_signing = match modified.as_slice() {
        _ if modified.contains(&Some(true)) => Some(true),
        [Some(false)] if sound_so_far => Some(false),
        _ => None,
    };
}

/// The signatures of the form, and any that stand elsewhere in the file.
fn find_signatures(
    draft: &mut Draft,
    bytes: &[u8],
    sections: &mut Vec<usize>,
) -> Result<Vec<SignatureDictionary>, ReadError> {
    let document = Document::read(bytes)?;
    sections.extend(document.revisions().iter().map(|revision| revision.offset));
    for doubt in document.doubts() {
        draft.find(code_of(*doubt), None, "");
    }
    let mut found = document.form_signatures()?;
    let (all, wrong) = document.all_signatures()?;
    if wrong > 0 {
        draft.find(Code::XrefDangling, None, &wrong.to_string());
    }
    for signature in all {
        let known = found
            .iter()
            .any(|shown| shown.contents.is_some() && shown.contents == signature.contents);
        if !known {
            draft.find(Code::StraySignature, None, "");
            found.push(signature);
        }
    }
    Ok(found)
}

fn code_of(doubt: Doubt) -> Code {
    match doubt {
        Doubt::Header => Code::HeaderNotFirst,
        Doubt::End => Code::EndNotExact,
        Doubt::Hybrid => Code::HybridXref,
        Doubt::EntryTwice => Code::XrefContradicts,
        Doubt::Encrypted => Code::Encrypted,
    }
}

/// Judges one signature and returns whether the document was modified after it, as far as that can be told.
fn judge_signature(
    draft: &mut Draft,
    (bytes, sections): (&[u8], &[usize]),
    signature: &SignatureDictionary,
    trust: &Trust,
    at: Timestamp,
) -> Option<bool> {
    let claimed = signature.time;
    let place = draft.report.signatures.len();
    draft.report.signatures.push(SignatureReport {
        name: signature.field.clone().unwrap_or_default(),
        kind: match signature.sub_filter.as_deref() {
            Some(b"ETSI.RFC3161") => SignatureKind::DocumentTimestamp,
            _ if signature.permits_no_change => SignatureKind::Seal,
            _ => SignatureKind::Signature,
        },
        intact: false,
        trusted: false,
        indication: Outcome::PASSED.indication,
        sub_indication: None,
        signer: None,
        seal_name: signature.name.clone(),
        seal_picture: None,
        signing_time: claimed,
        signing_time_proof: claimed.map(|_| "claimed".to_owned()),
        algorithm: None,
        covers_whole_document: false,
        signed_bytes: None,
        revision: 0,
        changes: Vec::new(),
        chain: Vec::new(),
        revocation: None,
        best_signature_time: None,
        timestamps: Vec::new(),
        revocations: Vec::new(),
    });
    if claimed.is_some() {
        draft.find(Code::TimeClaimed, Some(place), "");
    }
    let profile = signature.sub_filter.as_deref().and_then(Profile::of_sub_filter);
    if profile.is_none() {
        let kind = signature
            .sub_filter
            .as_deref()
            .map(String::from_utf8_lossy)
            .unwrap_or_default();
        draft.find(Code::SubFilterUnknown, Some(place), &kind);
    }
    let covered = match cover(bytes, signature) {
        Ok(covered) => covered,
        Err(code) => {
            draft.find(code, Some(place), "");
            return (code == Code::ByteRangePastEnd).then_some(true);
        }
    };
    let appended = bytes.len() - covered.end;
    let modified_by_more = match (appended, signature.permits_no_change) {
        (0, _) => Some(false),
        (more, true) => {
            draft.find(Code::AppendedToCertified, Some(place), &more.to_string());
            Some(true)
        }
        (more, false) => {
            draft.find(Code::Appended, Some(place), &more.to_string());
            None
        }
    };
    let message = message(draft, covered.contents, place)?;
    let judgement = signer::judge(
        &message,
        profile.unwrap_or(Profile::Pades),
        &covered.pieces,
        claimed,
        (trust, at),
    );
    let digest_matches = judgement.digest_matches;
    let intact = judgement.intact;
    enter(draft, place, judgement);
    if let Some(own) = draft.report.signatures.get_mut(place) {
        own.covers_whole_document = appended == 0;
        own.signed_bytes = u64::try_from(covered.end).ok();
        own.revision = u32::try_from(sections.iter().filter(|section| **section < covered.end).count()).unwrap_or(0);
    }
    match (digest_matches, intact) {
        (Some(false), _) => Some(true),
        // Somebody changed the message, or its signer wrote it so: it cannot be told which.
        (_, true) if message_doubtful(draft, place) => modified_by_more.filter(|modified| *modified),
        (_, true) => modified_by_more,
        // What was signed cannot be told, but what came later can.
        _ => modified_by_more.filter(|modified| *modified),
    }
}

/// Whether what stands in the gap, which no signature covers, is not as a signer writes it.
fn message_doubtful(draft: &Draft, place: usize) -> bool {
    let doubtful = [Code::ContentsPadding, Code::SigningCertificateOther].map(Code::as_str);
    let of_this = |finding: &Finding| finding.signature == Some(place) && doubtful.contains(&finding.code.as_str());
    draft.report.findings.iter().any(of_this)
}

/// The bytes that a signature is over.
struct Covered<'a> {
    pieces: [&'a [u8]; 2],
    /// The gap without its `<` and `>`.
    contents: &'a [u8],
    end: usize,
}

/// Checks `/ByteRange`: from the first byte on, and nothing left out but the `/Contents` string.
fn cover<'a>(bytes: &'a [u8], signature: &SignatureDictionary) -> Result<Covered<'a>, Code> {
    let range = signature.byte_range.ok_or(Code::ByteRangeForm)?;
    let [0, first, second, length] = range else {
        return Err(Code::ByteRangeForm);
    };
    let end = second.checked_add(length).ok_or(Code::ByteRangeForm)?;
    let after = bytes.get(second..end).ok_or(Code::ByteRangePastEnd)?;
    let before = bytes.get(..first).ok_or(Code::ByteRangePastEnd)?;
    let gap = bytes.get(first..second).ok_or(Code::ByteRangeForm)?;
    match gap.strip_prefix(b"<").and_then(|gap| gap.strip_suffix(b">")) {
        Some(contents) if signature.contents == Some(first..second) => Ok(Covered {
            pieces: [before, after],
            contents,
            end,
        }),
        _ => Err(Code::ByteRangeGap),
    }
}

/// Takes the message out of the gap. Nothing signed protects these bytes, so there is one way to write them: digits of
/// one case, one message, zeros.
fn message(draft: &mut Draft, contents: &[u8], place: usize) -> Option<Vec<u8>> {
    let decoded = data_encoding::HEXLOWER
        .decode(contents)
        .or_else(|_| data_encoding::HEXUPPER.decode(contents));
    let Ok(decoded) = decoded else {
        draft.find(Code::ContentsForm, Some(place), "");
        return None;
    };
    match cms::split(&decoded) {
        Ok((message, padding)) => {
            if padding.iter().any(|byte| *byte != 0) {
                draft.find(Code::ContentsPadding, Some(place), "");
            }
            Some(message.to_vec())
        }
        Err(error) => {
            draft.find(Code::CmsUnreadable, Some(place), &error.to_string());
            None
        }
    }
}

fn enter(draft: &mut Draft, place: usize, judgement: Judgement) {
    for (code, detail) in &judgement.findings {
        draft.find(*code, Some(place), detail);
    }
    if let Some(own) = draft.report.signatures.get_mut(place) {
        own.intact = judgement.intact;
        own.trusted = judgement.trusted;
        own.signer = judgement.signer;
        own.algorithm = judgement.algorithm;
        own.chain = judgement.chain;
        own.revocation = judgement.revocations.first().map(|own| own.status.name().to_owned());
        own.revocations = judgement.revocations;
    }
}
