//! What a report says at a glance.

use std::cmp::Reverse;

use super::{labels, lang::Lang, texts::fill};
use crate::{
    certificate::Status,
    verification::{Indication, Report},
};

/// How the verdict looks; never by colour alone, the headline says it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Unsure,
    /// About a code, not about a document.
    Plain,
}

/// A report with its headline, for `verdict.html`.
pub(super) struct Verdict {
    pub(super) tone: Tone,
    pub(super) headline: String,
    pub(super) text: &'static str,
    pub(super) report: Report,
    /// The report as it is downloaded: base64 of its JSON.
    pub(super) json: String,
}

impl Verdict {
    /// About a document.
    pub(super) fn of_document(report: Report, lang: Lang) -> Self {
        let (tone, headline, text) = judge(&report, lang);
        Self::new(tone, headline, text, report)
    }

    /// About what a code stands for: nothing is said of any document.
    pub(super) fn of_code(report: Report, lang: Lang) -> Self {
        let t = lang.texts();
        let (tone, headline, text) = match report.certificate.as_ref().map(|certificate| certificate.status) {
            Some(Status::Valid) => (Tone::Plain, t.verdict_listed, t.verdict_listed_text),
            Some(Status::Revoked) => (Tone::Bad, t.verdict_revoked, t.verdict_refused_text),
            Some(Status::Expired) => (Tone::Bad, t.verdict_expired, t.verdict_refused_text),
            Some(Status::NotYetValid) => (Tone::Unsure, t.verdict_not_yet, t.verdict_listed_text),
            None => (Tone::Unsure, t.verdict_no_code, t.verdict_no_code_text),
        };
        Self::new(tone, headline.to_owned(), text, report)
    }

    fn new(tone: Tone, headline: String, text: &'static str, mut report: Report) -> Self {
        let json = serde_json::to_vec_pretty(&report).unwrap_or_default();
        // What decided the verdict is read first.
        report.findings.sort_by_key(|finding| Reverse(finding.severity));
        Self {
            tone,
            headline,
            text,
            report,
            json: data_encoding::BASE64.encode(&json),
        }
    }

    pub(super) fn class(&self) -> &'static str {
        match self.tone {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Unsure => "unsure",
            Tone::Plain => "plain-tone",
        }
    }

    /// The path of its sign, in a square of 24: a tick, a cross, a question mark, an i.
    pub(super) fn sign(&self) -> &'static str {
        match self.tone {
            Tone::Good => "M6.5 12.5l3.8 3.8 7.4-8.2",
            Tone::Bad => "M7.5 7.5l9 9m0-9l-9 9",
            Tone::Unsure => "M9 9.2a3 3 0 1 1 4.2 2.9c-.9.5-1.2 1-1.2 1.9m0 2.9v.3",
            Tone::Plain => "M12 11v5.5m0-9v.3",
        }
    }

    pub(super) fn indication(&self) -> String {
        let mut text = labels::indication(&self.report.indication).to_owned();
        if let Some(sub) = self.report.sub_indication {
            text.push_str(" / ");
            text.push_str(&api_name(&sub));
        }
        text
    }
}

/// The name of a value in the API.
pub(super) fn api_name(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// Green only for what is proven: all passed, and known not to be changed.
fn judge(report: &Report, lang: Lang) -> (Tone, String, &'static str) {
    let t = lang.texts();
    let plain = |tone, headline: &str, text| (tone, headline.to_owned(), text);
    if report.modified_after_signing == Some(true) {
        return plain(Tone::Bad, t.verdict_changed, t.verdict_changed_text);
    }
    match report.certificate.as_ref().map(|certificate| certificate.status) {
        Some(Status::Revoked) => return plain(Tone::Bad, t.verdict_revoked, t.verdict_refused_text),
        Some(Status::Expired) => return plain(Tone::Bad, t.verdict_expired, t.verdict_refused_text),
        Some(Status::NotYetValid) => return plain(Tone::Unsure, t.verdict_not_yet, t.verdict_refused_text),
        Some(Status::Valid) | None => {}
    }
    match (report.indication, report.modified_after_signing) {
        (Indication::TotalPassed, Some(false)) => {
            let sealed_by = report.signatures.iter().find_map(|signature| {
                let names = [&signature.seal_name, &signature.signer];
                names.into_iter().flatten().next()
            });
            let signer = sealed_by.map_or(t.unknown_signer, String::as_str);
            (Tone::Good, fill(t.verdict_unchanged, signer), t.verdict_unchanged_text)
        }
        (Indication::TotalFailed, _) => plain(Tone::Bad, t.verdict_refused, t.verdict_refused_text),
        _ => plain(Tone::Unsure, t.verdict_unproven, t.verdict_unproven_text),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::verification::{Bilingual, CertificateReport, Finding, Format, Severity, TrustSnapshot};

    fn report(indication: Indication, modified: Option<bool>, status: Option<Status>) -> Report {
        Report {
            file: None,
            format: Format::Pdf,
            document_sha256: String::new(),
            size_bytes: 0,
            verified_at: Timestamp::UNIX_EPOCH,
            indication,
            sub_indication: None,
            modified_after_signing: modified,
            signatures: Vec::new(),
            certificate: status.map(|status| CertificateReport {
                identifier: String::new(),
                certificate_type: String::new(),
                title: String::new(),
                issuer: String::new(),
                status,
                valid_from: String::new(),
                valid_until: String::new(),
                revoked_at: None,
                equals_issued: None,
            }),
            trust_snapshot: TrustSnapshot {
                id: String::new(),
                date: Timestamp::UNIX_EPOCH,
            },
            findings: Vec::new(),
        }
    }

    #[test]
    fn problems_are_shown_before_notes() {
        let mut report = report(Indication::TotalFailed, Some(true), None);
        report.findings = [Severity::Info, Severity::Error, Severity::Warning, Severity::Info]
            .map(|severity| Finding {
                code: String::new(),
                severity,
                signature: None,
                message: Bilingual {
                    zh: String::new(),
                    en: String::new(),
                },
            })
            .to_vec();
        let verdict = Verdict::of_document(report, Lang::En);
        let shown: Vec<_> = verdict.report.findings.iter().map(|finding| finding.severity).collect();
        assert_eq!(
            shown,
            [Severity::Error, Severity::Warning, Severity::Info, Severity::Info]
        );
    }

    #[test]
    fn only_an_unchanged_document_that_passed_and_counts_is_good() {
        use Indication::{Indeterminate, TotalFailed, TotalPassed};
        for indication in [TotalPassed, Indeterminate, TotalFailed] {
            for modified in [Some(false), Some(true), None] {
                for status in [
                    None,
                    Some(Status::Valid),
                    Some(Status::Revoked),
                    Some(Status::Expired),
                    Some(Status::NotYetValid),
                ] {
                    let verdict = Verdict::of_document(report(indication, modified, status), Lang::En);
                    let good = indication == TotalPassed
                        && modified == Some(false)
                        && matches!(status, None | Some(Status::Valid));
                    assert_eq!(
                        verdict.tone == Tone::Good,
                        good,
                        "{indication:?} {modified:?} {status:?}"
                    );
                    assert_eq!(verdict.headline.starts_with("Unchanged since"), good);
                }
            }
        }
    }

    #[test]
    fn a_code_alone_is_never_good_news_about_a_document() {
        for status in [None, Some(Status::Valid), Some(Status::Revoked)] {
            let verdict = Verdict::of_code(report(Indication::Indeterminate, None, status), Lang::Zh);
            assert_ne!(verdict.tone, Tone::Good);
        }
    }
}
