//! What a report says at a glance, for `verdict.html`.

use super::{labels::metadata_rank, lang::Lang};
use crate::verification::{
    Bilingual, Change, Finding, Report, SignatureReport, Statement,
    words::{Assessment, Headline, Tone},
};

/// The most signatures whose details stand on a page; the report to download has all.
const MAX_SHOWN_SIGNATURES: usize = 50;
/// The most findings, and the most changes of a revision, that stand on a page.
pub(super) const MAX_SHOWN_LINES: usize = 100;

/// A report with its headline, for `verdict.html`.
pub(super) struct Verdict {
    pub(super) headline: Headline,
    pub(super) assessments: [Assessment; 3],
    pub(super) report: Report,
    /// The report as it is downloaded: base64 of its JSON.
    pub(super) json: String,
    /// Where the sealed report is, if one can be had.
    pub(super) paper: Option<String>,
    /// Tells the ids of its elements from those of others on the page.
    pub(super) key: String,
}

/// The signed version that a file begins with, where the file goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SignedVersion {
    pub(super) bytes: u64,
    /// The place of its signature, from 1.
    pub(super) number: usize,
}

impl Verdict {
    /// `can_seal`: whether a sealed report can be had of what is kept.
    pub(super) fn new(report: Report, lang: Lang, can_seal: bool) -> Self {
        let json = serde_json::to_vec_pretty(&report).unwrap_or_default();
        let kept = report.id.as_ref().filter(|_| can_seal);
        Self {
            headline: report.headline(),
            assessments: report.assessments(),
            json: data_encoding::BASE64.encode(&json),
            paper: kept.map(|id| format!("/verify/reports/{id}.pdf?lang={lang}")),
            key: report
                .id
                .as_ref()
                .map_or_else(|| report.document_sha256.clone(), ToString::to_string),
            report,
        }
    }

    pub(super) fn class(&self) -> &'static str {
        class(&self.headline.tone)
    }

    pub(super) fn sign(&self) -> &'static str {
        sign(&self.headline.tone)
    }

    /// Findings on the document as a whole, what weighs most first.
    pub(super) fn findings(&self) -> Vec<&Finding> {
        shown(self.report.findings_of(None))
    }

    /// What the document says of itself, in the order in which a person looks for it.
    pub(super) fn stated(&self) -> Vec<&Statement> {
        let mut stated: Vec<&Statement> = self.report.stated.iter().collect();
        stated.sort_by_key(|said| metadata_rank(&said.name));
        stated
    }

    /// The signatures that are shown, each with its place from 1.
    pub(super) fn signatures(&self) -> Vec<(usize, &SignatureReport)> {
        (1..).zip(&self.report.signatures).take(MAX_SHOWN_SIGNATURES).collect()
    }

    pub(super) fn findings_of(&self, number: &usize) -> Vec<&Finding> {
        shown(self.report.findings_of(Some(number.saturating_sub(1))))
    }

    /// Whether the page shows less than the report holds.
    pub(super) fn leaves_out(&self) -> bool {
        self.report.signatures.len() > MAX_SHOWN_SIGNATURES
            || self.report.findings.len() > MAX_SHOWN_LINES
            || self.report.signatures.iter().any(|signature| {
                let revisions = signature.changes_by_revision();
                revisions.iter().any(|(_, changes)| changes.len() > MAX_SHOWN_LINES)
            })
    }

    /// The signed version that matters most.
    pub(super) fn signed_version(&self) -> Option<SignedVersion> {
        let (place, bytes) = self.report.signed_version()?;
        Some(SignedVersion {
            bytes,
            number: place + 1,
        })
    }

    /// The signed version of one signature.
    pub(super) fn version(&self, number: &usize, signature: &SignatureReport) -> Option<SignedVersion> {
        Some(SignedVersion {
            bytes: self.report.version(signature)?,
            number: *number,
        })
    }

    /// The pages that changed since a signed version, with commas: `2,5`.
    pub(super) fn pages(&self, version: &SignedVersion) -> String {
        let signature = self.report.signatures.get(version.number.saturating_sub(1));
        let mut pages: Vec<u32> = signature
            .map(|signature| signature.changes.iter().filter_map(|change| change.page).collect())
            .unwrap_or_default();
        pages.sort_unstable();
        pages.dedup();
        pages.truncate(MAX_SHOWN_LINES);
        let pages: Vec<String> = pages.iter().map(u32::to_string).collect();
        pages.join(",")
    }

    /// What a signature's later revisions changed, no more of each than is shown.
    pub(super) fn revisions<'a>(&self, signature: &'a SignatureReport) -> Vec<(u32, Vec<&'a Change>)> {
        let mut revisions = signature.changes_by_revision();
        revisions
            .iter_mut()
            .for_each(|(_, changes)| changes.truncate(MAX_SHOWN_LINES));
        revisions
    }
}

fn shown(mut findings: Vec<&Finding>) -> Vec<&Finding> {
    findings.truncate(MAX_SHOWN_LINES);
    findings
}

/// The name of a value in the API.
pub(super) fn api_name(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// The class of a tone in `portal.css`.
pub(super) fn class(tone: &Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Unsure => "unsure",
        Tone::Plain => "plain-tone",
    }
}

/// The path of a tone's sign, in a square of 24: a tick, a cross, a question mark, a bar.
pub(super) fn sign(tone: &Tone) -> &'static str {
    match tone {
        Tone::Good => "M6.5 12.5l3.8 3.8 7.4-8.2",
        Tone::Bad => "M7.5 7.5l9 9m0-9l-9 9",
        Tone::Unsure => "M9 9.2a3 3 0 1 1 4.2 2.9c-.9.5-1.2 1-1.2 1.9m0 2.9v.3",
        Tone::Plain => "M8 12h8",
    }
}

impl Lang {
    /// The words of this language.
    pub(super) fn words(self, words: &Bilingual) -> &str {
        self.pick(&words.zh, &words.en)
    }
}
