//! The verdict on a PDF: what each signature covers, whether it is right, and what was done to the document after it.

mod changes;
mod coverage;
mod digests;
mod stated;

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use self::{
    changes::{Difference, Needs},
    coverage::{Covered, cover, revision_of},
    digests::{Digests, Signed},
};
use super::{
    Draft, Finding, SignatureKind, SignatureReport, Trust,
    findings::{Code, Outcome},
    proof::Occasion,
    signer::{self, Judgement, Profile},
    trust::{Material, Source},
    words::shown_time,
};
use crate::formats::{
    cms,
    pdf::{
        Document, Doubt, FieldLock, Limits, MAX_SIGNATURES, Permission, ReadError, SignatureDictionary, Work,
        byte_range_places, salvage,
    },
};

/// The most changes that are listed for one signature; those that it does not permit come first.
pub const MAX_CHANGES: usize = 64;

/// How far a clock may be ahead of ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Judges a PDF into an empty draft, within limits, from a time on.
pub fn judge(draft: &mut Draft, bytes: &[u8], trust: &Trust, at: Timestamp, (limits, started): (&Limits, Instant)) {
    let document = match Document::read_within(bytes, limits, started) {
        Ok(document) => Some(document),
        Err(error) => {
            draft.unreadable(&error);
            None
        }
    };
    let mut found = document
        .as_ref()
        .and_then(|document| find_signatures(draft, document))
        .unwrap_or_default();
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
    if byte_range_places(bytes).len() != found.len() {
        draft.find(Code::ByteRangeElsewhere, None, "");
    }
    if found.len() > MAX_SIGNATURES {
        draft.find(Code::LimitExceeded, None, "MAX_SIGNATURES");
        found.truncate(MAX_SIGNATURES);
    }
    let sound = draft.outcome == Outcome::PASSED;
    let scene = Scene::new(bytes, document, found);
    let differences = scene.differences(draft);
    for signature in &scene.signatures {
        draft.report.signatures.push(scene.blank(signature));
    }
    let work = Work::new(limits, started, bytes.len());
    let digests = Digests::new(bytes, &scene.covered, &work);
    let mut times = Times {
        material: Material::new(trust, at),
        proven: Vec::new(),
    };
    scene.add_store(draft, &mut times.material);
    // Document timestamps before all others, the newest first: each proves that what it covers was there.
    let (stamps, others): (Vec<_>, Vec<_>) = (0..scene.signatures.len())
        .rev()
        .partition(|place| scene.is_timestamp(*place));
    let mut modified: Vec<_> = stamps
        .into_iter()
        .chain(others)
        .map(|place| {
            let judged = match work.check_time() {
                Ok(()) => scene.judge_signature(draft, (place, &digests), &differences, &mut times),
                Err(error) => {
                    draft.unreadable(&error);
                    None
                }
            };
            (scene.is_timestamp(place), judged)
        })
        .collect();
    draft.sha256 = digests.whole_sha256();
    if let Some(document) = &scene.document {
        draft.report.stated = stated::stated(document.at(document.newest()));
    }
    match times.material.evidence.unreadable {
        0 => {}
        unreadable => draft.find(Code::RevocationUnreadable, None, &unreadable.to_string()),
    }
    // A timestamp that cannot be judged says nothing of the signatures under it.
    if modified.iter().any(|(is_timestamp, _)| !is_timestamp) {
        modified.retain(|(is_timestamp, modified)| !is_timestamp || modified.is_some());
    }
    draft.report.modified_after_signing = if modified.iter().any(|(_, modified)| *modified == Some(true)) {
        Some(true)
    } else if sound && modified.iter().all(|(_, modified)| *modified == Some(false)) {
        Some(false)
    } else {
        None
    };
}

impl Draft {
    fn unreadable(&mut self, error: &ReadError) {
        match error {
            ReadError::Limit(limit) => self.find(Code::LimitExceeded, None, limit),
            error => self.find(Code::Unreadable, None, &error.to_string()),
        }
    }
}

/// The signatures of the form, and any that stand elsewhere in the file; none where the document cannot be read.
fn find_signatures(draft: &mut Draft, document: &Document<'_>) -> Option<Vec<SignatureDictionary>> {
    for doubt in document.doubts() {
        draft.find(code_of(*doubt), None, "");
    }
    let mut found = document
        .form_signatures()
        .map_err(|error| draft.unreadable(&error))
        .ok()?;
    let (all, wrong) = document
        .all_signatures()
        .map_err(|error| draft.unreadable(&error))
        .ok()?;
    if wrong > 0 {
        draft.find(Code::XrefDangling, None, &wrong.to_string());
    }
    let mut strays: Vec<_> = all
        .into_iter()
        .filter(|signature| {
            let same = |shown: &SignatureDictionary| shown.contents.is_some() && shown.contents == signature.contents;
            !found.iter().any(same)
        })
        .collect();
    if !strays.is_empty() {
        draft.find(Code::StraySignature, None, "");
        for stray in &mut strays {
            name_stray(document, stray);
        }
        found.append(&mut strays);
    }
    Some(found)
}

/// A signature that the newest form does not show may have been in the form that it signed.
fn name_stray(document: &Document<'_>, stray: &mut SignatureDictionary) {
    let Some(Range4(end)) = Range4::of(stray) else { return };
    let covered = Covered { gap: 0..0, end };
    let shown = revision_of(document, &covered).and_then(|revision| document.at(revision).form_signatures().ok());
    let same = |shown: &SignatureDictionary| shown.contents.is_some() && shown.contents == stray.contents;
    if let Some(shown) = shown.unwrap_or_default().into_iter().find(same) {
        *stray = shown;
    }
}

/// The end of what a `/ByteRange` names.
struct Range4(usize);

impl Range4 {
    fn of(signature: &SignatureDictionary) -> Option<Self> {
        let [_, _, second, length] = signature.byte_range?;
        second.checked_add(length).map(Self)
    }
}

fn code_of(doubt: Doubt) -> Code {
    match doubt {
        Doubt::Header => Code::HeaderNotFirst,
        Doubt::End => Code::EndNotExact,
        Doubt::Hybrid => Code::HybridXref,
        Doubt::EntryTwice => Code::XrefContradicts,
        Doubt::Empty => Code::XrefEmpty,
        Doubt::RevisionEnd => Code::RevisionEnd,
        Doubt::Encrypted => Code::Encrypted,
    }
}

/// What is at hand, and what document timestamps prove.
struct Times<'t> {
    material: Material<'t>,
    /// Each covers the file up to a byte, and is from a time.
    proven: Vec<(usize, Timestamp)>,
}

impl<'t> Times<'t> {
    /// For the signature over a range: what it covers was there before it was made.
    fn occasion(&mut self, covered: &Covered) -> Occasion<'_, 't> {
        let before = self.proven.iter().filter(|(end, _)| *end < covered.end);
        Occasion {
            made_after: before.map(|(_, time)| *time).max(),
            end: Some(covered.gap.end),
            material: &mut self.material,
        }
    }
}

/// A document with its signatures, the oldest first.
struct Scene<'a> {
    bytes: &'a [u8],
    document: Option<Document<'a>>,
    signatures: Vec<SignatureDictionary>,
    /// By signature; none where its range is not sound.
    covered: Vec<Option<Covered>>,
    faults: Vec<Option<(Code, Option<Covered>)>>,
    /// The revision that each signed, from 1.
    revisions: Vec<Option<u32>>,
}

impl<'a> Scene<'a> {
    fn new(bytes: &'a [u8], document: Option<Document<'a>>, mut signatures: Vec<SignatureDictionary>) -> Self {
        signatures.sort_by_key(|signature| Range4::of(signature).map_or(usize::MAX, |range| range.0));
        let (mut covered, mut faults, mut revisions) = (Vec::new(), Vec::new(), Vec::new());
        for signature in &signatures {
            let (range, fault) = match cover(bytes, signature) {
                Ok(range) => (Some(range), None),
                Err(fault) => (None, Some(fault)),
            };
            let document = document.as_ref();
            revisions.push(range.as_ref().and_then(|range| revision_of(document?, range)));
            covered.push(range);
            faults.push(fault);
        }
        Self {
            bytes,
            document,
            signatures,
            covered,
            faults,
            revisions,
        }
    }

    /// What was changed by the revisions after the oldest signature; none where it cannot be told.
    fn differences(&self, draft: &mut Draft) -> Option<Vec<Difference>> {
        let document = self.document.as_ref()?;
        let Some(oldest) = self.revisions.iter().flatten().min() else {
            return Some(Vec::new());
        };
        if *oldest == document.newest() {
            return Some(Vec::new());
        }
        changes::since(document, *oldest)
            .map_err(|error| draft.unreadable(&error))
            .ok()
    }

    fn is_timestamp(&self, place: usize) -> bool {
        let sub_filter = self
            .signatures
            .get(place)
            .and_then(|signature| signature.sub_filter.as_deref());
        sub_filter == Some(b"ETSI.RFC3161")
    }

    fn blank(&self, signature: &SignatureDictionary) -> SignatureReport {
        let kind = match signature.sub_filter.as_deref() {
            Some(b"ETSI.RFC3161") => SignatureKind::DocumentTimestamp,
            _ if signature.certifies == Some(Permission::Nothing) => SignatureKind::Seal,
            _ => SignatureKind::Signature,
        };
        SignatureReport {
            name: signature.field.clone().unwrap_or_default(),
            kind,
            intact: false,
            trusted: false,
            indication: Outcome::PASSED.indication,
            sub_indication: None,
            signer: None,
            seal_name: signature.name.clone(),
            seal_picture: None,
            signing_time: signature.time,
            signing_time_proof: signature.time.map(|_| "claimed".to_owned()),
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
        }
    }

    /// What a signature and those before it permit, and the fields that they lock. With neither DocMDP nor a lock that
    /// says so, all that a certification could permit (docs/divergences.md).
    fn permits(&self, place: usize) -> (Permission, Vec<&FieldLock>) {
        let own = self.revisions.get(place).copied().flatten();
        let counted = self
            .signatures
            .iter()
            .zip(&self.revisions)
            .filter(|(_, revision)| **revision <= own);
        let mut permission = Permission::Annotations;
        let mut locks = Vec::new();
        for (signature, _) in counted {
            let unclear = signature.is_unclear.then_some(Permission::Nothing);
            for stricter in [signature.certifies, signature.lock_permission, unclear]
                .into_iter()
                .flatten()
            {
                permission = permission.min(stricter);
            }
            locks.extend(&signature.locks);
        }
        (permission, locks)
    }

    /// Judges one signature and returns whether the document was modified after it, as far as that can be told.
    fn judge_signature(
        &self,
        draft: &mut Draft,
        (place, digests): (usize, &Digests<'_>),
        differences: &Option<Vec<Difference>>,
        times: &mut Times<'_>,
    ) -> Option<bool> {
        let signature = self.signatures.get(place)?;
        let at = times.material.at;
        if let Some(claimed) = signature.time
            && claimed > at.saturating_add(CLOCK_SKEW).unwrap_or(at)
        {
            draft.find(Code::TimeInFuture, Some(place), "");
        }
        let sub_filter = signature.sub_filter.as_deref().unwrap_or_default();
        let profile = Profile::of_sub_filter(sub_filter);
        if profile.is_none() {
            draft.find(
                Code::SubFilterUnknown,
                Some(place),
                &String::from_utf8_lossy(sub_filter),
            );
        }
        let profile = profile.unwrap_or(Profile::Pades);
        let Some(covered) = self.covered.get(place).and_then(Option::as_ref) else {
            return self.judge_fault(draft, place, profile, times);
        };
        let later = self.judge_later(draft, place, covered, differences);
        let Some(message) = message(draft, signature, covered.contents(self.bytes), place) else {
            return later.filter(|modified| *modified);
        };
        let signed = Signed {
            digests,
            signature: place,
        };
        let judgement = signer::judge(&message, profile, &signed, signature.time, times.occasion(covered));
        let (digest_matches, intact) = (judgement.digest_matches, judgement.intact);
        if let Some(time) = judgement.proven {
            times.material.existence.prove(covered.end, time);
            times.proven.push((covered.end, time));
        }
        self.enter(draft, place, judgement);
        match (digest_matches, intact) {
            (Some(false), _) => Some(true),
            // Somebody changed the message, or its signer wrote it so: it cannot be told which.
            (_, true) if message_doubtful(draft, place) => later.filter(|modified| *modified),
            (_, true) => later,
            // What was signed cannot be told, but what came later can.
            _ => later.filter(|modified| *modified),
        }
    }

    /// Adds the document's security store to what is at hand.
    fn add_store(&self, draft: &mut Draft, material: &mut Material<'_>) {
        let Some(document) = &self.document else { return };
        let store = match document.latest().security_store() {
            Ok(store) => store,
            Err(error @ ReadError::Limit(_)) => return draft.unreadable(&error),
            // A catalog that cannot be read is a finding already.
            Err(_) => return,
        };
        material.evidence.unreadable += store.broken;
        for item in &store.certificates {
            if material.pool.add(&item.der).is_none() {
                material.evidence.unreadable += 1;
            }
        }
        for item in &store.crls {
            material.evidence.add_crl(&item.der, Source::Document, Some(item.end));
        }
        for item in &store.responses {
            let (pool, evidence) = (&mut material.pool, &mut material.evidence);
            evidence.add_response(pool, &item.der, Source::Document, Some(item.end));
        }
    }

    /// Enters what was found out about a signature. A document timestamp beside signatures proves nothing where its
    /// authority is not trusted, and takes nothing from them.
    fn enter(&self, draft: &mut Draft, place: usize, judgement: Judgement) {
        for (code, detail) in &judgement.findings {
            draft.find(*code, Some(place), detail);
        }
        let is_beside = self.is_timestamp(place) && (0..self.signatures.len()).any(|other| !self.is_timestamp(other));
        for (code, detail) in &judgement.standing {
            match code.outcome().filter(|_| is_beside) {
                Some(outcome) => {
                    draft.worsen_own(place, outcome);
                    draft.find(Code::TimestampUntrusted, Some(place), code.as_str());
                }
                None => draft.find(*code, Some(place), detail),
            }
        }
        match (judgement.best_signature_time, judgement.time) {
            _ if self.is_timestamp(place) => {}
            (Some(time), _) => draft.find(Code::TimeProven, Some(place), &shown_time(time)),
            (None, Some(_)) => draft.find(Code::TimeClaimed, Some(place), ""),
            (None, None) => {}
        }
        if let Some(own) = draft.report.signatures.get_mut(place) {
            own.intact = judgement.intact;
            own.trusted = judgement.trusted;
            own.signing_time_proof = match (judgement.best_signature_time, judgement.proven) {
                (Some(_), _) | (_, Some(_)) => Some("timestamp".to_owned()),
                _ => judgement.time.map(|_| "claimed".to_owned()),
            };
        }
        draft.name_signer(place, judgement);
    }

    /// A `/ByteRange` that is not sound.
    fn judge_fault(&self, draft: &mut Draft, place: usize, profile: Profile, times: &mut Times<'_>) -> Option<bool> {
        let (code, range) = self.faults.get(place)?.as_ref()?;
        draft.find(*code, Some(place), "");
        if *code == Code::ByteRangePastEnd {
            return Some(true);
        }
        // A range that leaves out more than the signature leaves room for what nobody signed, and something is there.
        let range = range.as_ref()?;
        let pieces = range.pieces(self.bytes);
        let signature = self.signatures.get(place)?;
        let contents = signature.contents.clone().and_then(|contents| self.bytes.get(contents));
        let digits = contents.and_then(|contents| contents.get(1..contents.len().checked_sub(1)?));
        let decoded = digits.and_then(|digits| data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok());
        let Some((message, _)) = decoded.as_deref().and_then(|decoded| cms::split(decoded).ok()) else {
            return Some(true);
        };
        let judgement = signer::judge(message, profile, &pieces, signature.time, times.occasion(range));
        draft.name_signer(place, judgement);
        Some(true)
    }

    /// Judges what follows the signed revision, and returns whether the document was modified by it.
    fn judge_later(
        &self,
        draft: &mut Draft,
        place: usize,
        covered: &Covered,
        differences: &Option<Vec<Difference>>,
    ) -> Option<bool> {
        let appended = self.bytes.len().saturating_sub(covered.end);
        let revision = self.revisions.get(place).copied().flatten();
        if let Some(own) = draft.report.signatures.get_mut(place) {
            own.covers_whole_document = appended == 0;
            own.signed_bytes = u64::try_from(covered.end).ok();
            own.revision = revision.unwrap_or(0);
        }
        if appended == 0 {
            // It has signed whatever stands there: if it is no revision, the doubts about the document say so.
            return Some(false);
        }
        let Some(document) = &self.document else {
            draft.find(Code::AppendedUnreadable, Some(place), &appended.to_string());
            return Some(true);
        };
        let end = document
            .revision(document.newest())
            .and_then(|newest| newest.end.as_ref());
        if end.is_none_or(|end| end.range.end < self.bytes.len() && covered.end < self.bytes.len()) {
            draft.find(Code::AppendedUnreadable, Some(place), &appended.to_string());
            return Some(true);
        }
        let Some(revision) = revision else {
            draft.find(Code::ByteRangeNotRevision, Some(place), "");
            return Some(true);
        };
        let later = differences
            .as_ref()?
            .iter()
            .filter(|difference| difference.revision > revision);
        let (permission, locks) = self.permits(place);
        let mut changes = Vec::new();
        let (mut forbidden, mut doubtful): (usize, bool) = (0, false);
        for difference in later {
            let permitted = permits(difference, permission, &locks);
            forbidden += usize::from(!permitted);
            if let Some(doubt) = difference.doubt.filter(|_| permitted) {
                draft.find(doubt, Some(place), &difference.detail);
                // Where annotations may be changed and removed, one over another changes nothing that was to stay.
                doubtful |= doubt != Code::ChangeCoversAnnotation || permission < Permission::Annotations;
            }
            changes.push(difference.change(permitted));
        }
        changes.sort_by_key(|change| (change.permitted, change.page.is_none()));
        changes.truncate(MAX_CHANGES);
        changes.sort_by_key(|change| change.revision);
        if let Some(own) = draft.report.signatures.get_mut(place) {
            own.changes = changes;
        }
        if forbidden > 0 {
            draft.find(Code::ChangedAfterSigning, Some(place), &forbidden.to_string());
            return Some(true);
        }
        (!doubtful).then_some(false)
    }
}

fn permits(difference: &Difference, permission: Permission, locks: &[&FieldLock]) -> bool {
    let locked = difference
        .field
        .as_deref()
        .is_some_and(|field| locks.iter().any(|lock| lock.holds(field)));
    match difference.needs {
        Needs::Nothing => true,
        Needs::Forms => permission >= Permission::Forms && !locked,
        Needs::Annotations => permission >= Permission::Annotations && !locked,
        Needs::Never => false,
    }
}

/// Whether what stands in the gap, which no signature covers, is not as a signer writes it.
fn message_doubtful(draft: &Draft, place: usize) -> bool {
    let doubtful = [Code::ContentsPadding, Code::SigningCertificateOther].map(Code::as_str);
    let of_this = |finding: &Finding| finding.signature == Some(place) && doubtful.contains(&finding.code.as_str());
    draft.report.findings.iter().any(of_this)
}

/// Takes the message out of the gap. Nothing signed protects these bytes, so there is one way to write them: digits of
/// one case, which for our own is the lower, one message, zeros.
fn message(draft: &mut Draft, signature: &SignatureDictionary, contents: &[u8], place: usize) -> Option<Vec<u8>> {
    let decoded = match data_encoding::HEXLOWER.decode(contents) {
        Err(_) if !signature.is_ours => data_encoding::HEXUPPER.decode(contents),
        decoded => decoded,
    };
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

impl Draft {
    fn name_signer(&mut self, place: usize, judgement: Judgement) {
        if let Some(own) = self.report.signatures.get_mut(place) {
            own.signer = judgement.signer;
            own.signing_time = judgement.time.or(own.signing_time);
            own.best_signature_time = judgement.best_signature_time;
            own.timestamps = judgement.timestamps;
            own.algorithm = judgement.algorithm;
            own.chain = judgement.chain;
            own.revocation = judgement.revocations.first().map(|own| own.status.name().to_owned());
            own.revocations = judgement.revocations;
        }
    }
}
