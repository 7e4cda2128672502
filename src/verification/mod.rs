//! Any document in, one [`Report`] out. A verdict is a value: a bad, broken or hostile document gives a report, never
//! an error. What is not proven is INDETERMINATE.

mod admission;
pub mod algorithm;
mod archive;
mod desk;
pub mod drawing;
mod findings;
mod known;
mod ofd;
mod own;
pub mod paper;
mod pdf;
mod proof;
mod report;
mod signer;
mod timestamp;
mod trust;
pub mod words;

use std::{sync::Arc, time::Instant};

use arc_swap::ArcSwap;
use jiff::Timestamp;

use self::findings::{Code, Outcome};
pub use self::{
    admission::{Admission, NotAdmitted, Receipt},
    archive::{Archive, Language, PaperError, ReportStore, Retention},
    desk::{Desk, DeskError, NamesOf},
    own::{Names, judge_own, named_in, report_of_code},
    report::*,
    trust::{MAX_ROOTS, RevocationPolicy, Trust, TrustError, TrustPlaces},
};
use crate::formats::ofd::is_package;
pub use crate::{
    certificate::StoreFault,
    formats::pdf::{Limits, MAX_DOCUMENT_BYTES},
};

/// Verifies documents against one trust list, which all its clones share.
#[derive(Clone)]
pub struct Verifier {
    trust: Arc<ArcSwap<Trust>>,
    limits: Limits,
}

impl Verifier {
    pub fn new(trust: Trust) -> Self {
        Self {
            trust: Arc::new(ArcSwap::from_pointee(trust)),
            limits: Limits::default(),
        }
    }

    /// The same within other limits; beyond them a document is INDETERMINATE.
    pub fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub fn trust_snapshot(&self) -> TrustSnapshot {
        self.trust().snapshot().clone()
    }

    /// Verifies against another trust list from now on; what is being verified ends by the one it began with. Returns
    /// whether it trusts anybody else: the same keeps its date.
    pub fn trust_anew(&self, trust: Trust) -> bool {
        let current = self.trust();
        let is_other = trust.snapshot().id != current.snapshot().id;
        let date = if is_other { trust.snapshot() } else { current.snapshot() }.date;
        self.trust.store(Arc::new(trust.dated(date).knowing(&current)));
        is_other
    }

    fn trust(&self) -> Arc<Trust> {
        self.trust.load_full()
    }

    /// Verifies a document as of a time. Takes processor time in proportion to its size: keep it off threads that wait
    /// on sockets.
    pub fn verify(&self, bytes: &[u8], name: Option<&str>, at: Timestamp) -> Report {
        let started = Instant::now();
        let sha256 = || ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().to_vec();
        if bytes.len() > self.limits.document_bytes {
            return self.too_large(&sha256(), bytes.len(), name, at);
        }
        let trust = self.trust();
        let mut draft = Draft::new(bytes.len(), name, at, trust.snapshot().clone());
        draft.report.format = format_of(bytes);
        let due = draft.report.trust_snapshot.next_update;
        if let Some(due) = due.filter(|due| *due < at) {
            draft.find(Code::TrustListExpired, None, &words::shown_time(due));
        }
        match draft.report.format {
            Format::Pdf => pdf::judge(&mut draft, bytes, &trust, at, (&self.limits, started)),
            Format::Ofd => ofd::judge(&mut draft, bytes, &trust, at, (&self.limits, started)),
            _ => draft.find(Code::UnknownFormat, None, ""),
        }
        let sha256 = draft.sha256.take().unwrap_or_else(sha256);
        draft.finish(&sha256)
    }

    /// The report on a document of more than [`Limits::document_bytes`], which need not be in memory for it.
    pub fn too_large(&self, sha256: &[u8], size: usize, name: Option<&str>, at: Timestamp) -> Report {
        let mut draft = Draft::new(size, name, at, self.trust_snapshot());
        draft.find(Code::LimitExceeded, None, "document_bytes");
        draft.find(Code::TooLarge, None, &self.limits.document_bytes.to_string());
        draft.finish(sha256)
    }
}

/// How far from the start the header of a PDF is looked for, in bytes (as common readers do).
const HEADER_BYTES: usize = 1024;

fn format_of(bytes: &[u8]) -> Format {
    let head = bytes.get(..bytes.len().min(HEADER_BYTES)).unwrap_or_default();
    if is_package(bytes) {
        Format::Ofd
    } else if head.windows(5).any(|window| window == b"%PDF-") {
        Format::Pdf
    } else {
        Format::Unknown
    }
}

/// A report while it is being written: findings make its verdict.
struct Draft {
    report: Report,
    outcome: Outcome,
    signature_outcomes: Vec<Outcome>,
    /// Of the whole document, where it came of itself.
    sha256: Option<Vec<u8>>,
}

impl Draft {
    fn new(size: usize, name: Option<&str>, at: Timestamp, trust_snapshot: TrustSnapshot) -> Self {
        Self {
            report: Report {
                id: None,
                kept_until: None,
                file: name.map(str::to_owned),
                format: Format::Unknown,
                document_sha256: String::new(),
                size_bytes: u64::try_from(size).unwrap_or(u64::MAX),
                verified_at: at,
                validation_time: None,
                indication: Indication::Indeterminate,
                sub_indication: Some(SubIndication::Generic),
                modified_after_signing: None,
                signatures: Vec::new(),
                certificate: None,
                stated: Vec::new(),
                trust_snapshot,
                findings: Vec::new(),
            },
            outcome: Outcome::PASSED,
            signature_outcomes: Vec::new(),
            sha256: None,
        }
    }

    /// Enters a finding, once, with what it does to the verdict on the document and on the signature it is about.
    fn find(&mut self, code: Code, signature: Option<usize>, detail: &str) {
        let finding = code.finding(signature, detail);
        if self.report.findings.contains(&finding) {
            return;
        }
        self.report.findings.push(finding);
        let Some(outcome) = code.outcome() else { return };
        self.outcome.worsen(outcome);
        if let Some(place) = signature {
            self.worsen_own(place, outcome);
        }
    }

    /// Whether a finding of the kind was entered for a signature.
    fn found(&self, code: Code, place: usize) -> bool {
        let mut found = self.report.findings.iter();
        found.any(|finding| finding.signature == Some(place) && finding.code == code.as_str())
    }

    /// What one signature makes of its own verdict alone.
    fn worsen_own(&mut self, place: usize, outcome: Outcome) {
        if self.signature_outcomes.len() <= place {
            self.signature_outcomes.resize(place + 1, Outcome::PASSED);
        }
        if let Some(own) = self.signature_outcomes.get_mut(place) {
            own.worsen(outcome);
        }
    }

    fn finish(mut self, sha256: &[u8]) -> Report {
        self.report.document_sha256 = data_encoding::HEXLOWER.encode(sha256);
        // A document passes by its signatures, not by a lack of findings.
        if self.report.signatures.is_empty() && self.outcome == Outcome::PASSED {
            self.find(Code::NoSignature, None, "");
        }
        // Beside signatures, a timestamp that is not trusted takes nothing from them.
        let is_stamp = |signature: &SignatureReport| signature.kind == SignatureKind::DocumentTimestamp;
        let only_stamps = self.report.signatures.iter().all(is_stamp);
        if only_stamps && !self.report.signatures.is_empty() {
            // Anybody can have anything stamped.
            self.find(Code::OnlyTimestamps, None, "");
        }
        for (place, signature) in self.report.signatures.iter_mut().enumerate() {
            let mut own = self.signature_outcomes.get(place).copied().unwrap_or(Outcome::PASSED);
            if own == Outcome::PASSED && !(signature.intact && signature.trusted) {
                own = Outcome {
                    indication: Indication::Indeterminate,
                    sub_indication: Some(SubIndication::Generic),
                };
            }
            (signature.indication, signature.sub_indication) = (own.indication, own.sub_indication);
            if only_stamps || !(is_stamp(signature) && signature.intact) {
                self.outcome.worsen(own);
            }
        }
        (self.report.indication, self.report.sub_indication) = (self.outcome.indication, self.outcome.sub_indication);
        self.report
    }
}
