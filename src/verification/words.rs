//! What a report says to people, in both languages: the same on the page, on paper and in the terminal.

mod details;

use jiff::{Timestamp, tz::Offset};

pub use self::details::{annotation, metadata, revocation, time_proof};

use super::{
    Bilingual, Change, Finding, Indication, RecordedField, Report, Severity, SignatureKind, SignatureReport, Statement,
    SubIndication, findings::Code,
};
use crate::certificate::Status;

/// How a verdict looks; never by colour alone, the words say it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Unsure,
    /// About a code, or about what there is nothing to say of.
    Plain,
}

/// The first thing that a report says.
#[derive(Clone, Debug, PartialEq)]
pub struct Headline {
    pub tone: Tone,
    pub title: Bilingual,
    /// What it means for whoever holds the document, and why.
    pub text: Bilingual,
}

/// One of the three questions that are told apart: is it as it was signed, who signed it, and does it still count here.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    pub tone: Tone,
    pub question: Bilingual,
    /// The answer in a word.
    pub state: Bilingual,
    pub answer: Bilingual,
}

/// Words in both languages.
pub fn said(zh: impl Into<String>, en: impl Into<String>) -> Bilingual {
    Bilingual {
        zh: zh.into(),
        en: en.into(),
    }
}

impl Report {
    /// Good only for what is proven: all passed, and known not to be changed.
    pub fn headline(&self) -> Headline {
        if self.is_about_a_code() {
            return self.headline_of_code();
        }
        if self.modified_after_signing == Some(true) {
            return self.because(
                Tone::Bad,
                self.by_kind(
                    ("盖章之后被更改过", "Changed after it was sealed"),
                    ("签名之后被更改过", "Changed after it was signed"),
                ),
                "文件内容与盖章或签名时不一致，不应采信。",
                "The file is not what was sealed or signed. Do not rely on it.",
            );
        }
        let status = self.certificate.as_ref().map(|certificate| certificate.status);
        let refused = ("文件不能作为有效证明使用。", "The file does not count as a proof.");
        let here = |tone, zh, en| self.because(tone, said(zh, en), refused.0, refused.1);
        match status {
            Some(Status::Revoked) => return here(Tone::Bad, "该证明已被撤销", "This certificate was revoked"),
            Some(Status::Expired) => return here(Tone::Bad, "该证明已过有效期", "This certificate has expired"),
            Some(Status::NotYetValid) => {
                return here(Tone::Unsure, "该证明尚未生效", "This certificate is not valid yet");
            }
            Some(Status::Valid) | None => {}
        }
        match (self.indication, self.modified_after_signing) {
            (Indication::TotalPassed, Some(false)) => self.unchanged(),
            (Indication::TotalFailed, _) => here(Tone::Bad, "未通过查验", "Did not pass"),
            _ => self.because(
                Tone::Unsure,
                said("无法证明", "Cannot be proven"),
                "没有足够的依据证明文件真实，也不能断定其为伪造。",
                "There is not enough to show that the file is genuine, nor that it is not.",
            ),
        }
    }

    /// Integrity, trust, and this node's own record.
    pub fn assessments(&self) -> [Assessment; 3] {
        [self.integrity(), self.trust(), self.record()]
    }

    /// What the issuer's record says of a statement of the document, where this node is the issuer.
    pub fn recorded(&self, said: &Statement) -> Option<Bilingual> {
        let recorded = &self.certificate.as_ref()?.recorded;
        recorded
            .iter()
            .find(|field| field.name == said.name)
            .map(RecordedField::words)
    }

    /// What decided the verdict, before everything else that was found.
    pub fn findings_by_weight(&self) -> Vec<&Finding> {
        let mut findings: Vec<&Finding> = self.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }

    /// Findings of the document, or of one signature, what weighs most first.
    pub fn findings_of(&self, signature: Option<usize>) -> Vec<&Finding> {
        let mut findings = self.findings_by_weight();
        findings.retain(|finding| finding.signature == signature);
        findings
    }

    /// `TOTAL_PASSED`, or an indication with its sub-indication.
    pub fn indication_text(&self) -> String {
        indication_text(self.indication, self.sub_indication)
    }

    /// Whether it is about a verification code, with no document.
    pub fn is_about_a_code(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| matches!(finding.code.as_str(), "code_only" | "code_unknown"))
    }

    /// The signed version that matters most, as the place of its signature and the bytes from the start of the file that
    /// are it: of a signature after which something changed that it does not permit, else of the newest that the file
    /// goes on after. None where the whole file is what was signed.
    pub fn signed_version(&self) -> Option<(usize, u64)> {
        let versions = || {
            let newest_first = self.signatures.iter().enumerate().rev();
            newest_first.filter_map(|(place, signature)| Some((place, signature, self.version(signature)?)))
        };
        let forbidden = |signature: &SignatureReport| signature.changes.iter().any(|change| !change.permitted);
        let of_forbidden = versions().find(|(_, signature, _)| forbidden(signature));
        let (place, _, bytes) = of_forbidden.or_else(|| versions().next())?;
        Some((place, bytes))
    }

    /// The bytes from the start of the file that one signature signed, where they are still as they were signed and the
    /// file goes on after them.
    pub fn version(&self, signature: &SignatureReport) -> Option<u64> {
        signature
            .signed_bytes
            .filter(|bytes| signature.intact && (1..self.size_bytes).contains(bytes))
    }

    fn unchanged(&self) -> Headline {
        let by = self.signatures.iter().find_map(|signature| {
            // The X.509 certificate's name before the seal's: the one is the authority's word, the other the signer's own.
            let names = [&signature.signer, &signature.seal_name];
            names.into_iter().flatten().next().map(|name| plain(name))
        });
        let (zh, en) = match &by {
            Some(name) => (name.as_str(), name.as_str()),
            None => ("未知签署人", "an unknown signer"),
        };
        let title = self.by_kind(
            (
                &format!("自“{zh}”盖章以来未被更改"),
                &format!("Unchanged since it was sealed by {en}"),
            ),
            (
                &format!("自“{zh}”签名以来未被更改"),
                &format!("Unchanged since it was signed by {en}"),
            ),
        );
        let later = self.signatures.iter().any(|signature| !signature.changes.is_empty());
        let text = if later {
            said(
                "签章完整有效。此后只有签署人允许的更改，逐项列在下面。",
                "The signature is intact and trusted. What was added later is what the signer allowed; it is listed below.",
            )
        } else {
            said(
                "签章完整有效，文件与签署时一致。",
                "The signature is intact and trusted, and the file is as it was signed.",
            )
        };
        Headline {
            tone: Tone::Good,
            title,
            text,
        }
    }

    fn headline_of_code(&self) -> Headline {
        let compare = (
            "请上传电子文件核对内容，或与下列信息逐项比对。",
            "Check the file itself, or compare what you hold with the particulars below.",
        );
        let refused = (
            "持有的文件不能作为有效证明使用。",
            "What you hold does not count as a proof.",
        );
        let (tone, title, text) = match self.certificate.as_ref().map(|certificate| certificate.status) {
            Some(Status::Valid) => (
                Tone::Plain,
                ("该查验码对应的证明有效", "The certificate with this code is valid"),
                compare,
            ),
            Some(Status::Revoked) => (Tone::Bad, ("该证明已被撤销", "This certificate was revoked"), refused),
            Some(Status::Expired) => (Tone::Bad, ("该证明已过有效期", "This certificate has expired"), refused),
            Some(Status::NotYetValid) => (
                Tone::Unsure,
                ("该证明尚未生效", "This certificate is not valid yet"),
                compare,
            ),
            None => (
                Tone::Unsure,
                ("没有与该查验码对应的证明", "No certificate has this code"),
                (
                    "请核对查验码是否输入正确。",
                    "Check that the code was entered correctly.",
                ),
            ),
        };
        Headline {
            tone,
            title: said(title.0, title.1),
            text: said(text.0, text.1),
        }
    }

    /// A headline with the finding that decided, where there is one.
    fn because(&self, tone: Tone, title: Bilingual, zh: &str, en: &str) -> Headline {
        let errors = || {
            self.findings
                .iter()
                .filter(|finding| finding.severity == Severity::Error)
        };
        let decides = |finding: &&Finding| {
            let outcome = Code::named(&finding.code).and_then(Code::outcome);
            outcome.is_some_and(|outcome| outcome.indication == self.indication)
        };
        let deciding = errors().find(decides).or_else(|| errors().next());
        let text = match deciding {
            Some(finding) => said(
                format!("{zh}原因：{}", plain(&finding.message.zh)),
                format!("{en} Reason: {}", plain(&finding.message.en)),
            ),
            None => said(zh, en),
        };
        Headline { tone, title, text }
    }

    /// One wording where there is a seal, another where there are signatures only.
    fn by_kind(&self, sealed: (&str, &str), signed: (&str, &str)) -> Bilingual {
        let kinds = || self.signatures.iter().map(|signature| signature.kind);
        let is_signed_only =
            kinds().any(|kind| kind == SignatureKind::Signature) && !kinds().any(|kind| kind == SignatureKind::Seal);
        let (zh, en) = if is_signed_only { signed } else { sealed };
        said(zh, en)
    }

    fn integrity(&self) -> Assessment {
        let all_intact = !self.signatures.is_empty() && self.signatures.iter().all(|signature| signature.intact);
        let unknown = ("不能断定", "Cannot be told");
        let (tone, state, answer) = if self.is_about_a_code() {
            let answer = (
                "未上传文件，没有查验内容。",
                "No file was given: its contents were not checked.",
            );
            (Tone::Plain, ("未查验", "Not checked"), answer)
        } else if self.modified_after_signing == Some(true) {
            let answer = ("内容在签署之后被更改。", "The contents were changed after signing.");
            (Tone::Bad, ("已更改", "Changed"), answer)
        } else if self.signatures.is_empty() {
            (
                Tone::Unsure,
                unknown,
                ("没有可以核对的签章。", "There is no signature to check it by."),
            )
        } else if self.modified_after_signing == Some(false) && all_intact && self.is_added_upon() {
            let answer = (
                "签署的内容未变，但之后添加的批注或签名外观盖在原有的批注或签名外观之上。",
                "What was signed is unchanged, but something that came later lies over an annotation or a signature's \
                 picture.",
            );
            (Tone::Unsure, ("有添加", "Added to"), answer)
        } else if self.modified_after_signing == Some(false) && all_intact {
            let answer = ("内容与签署时一致。", "The contents are as they were signed.");
            (Tone::Good, ("未更改", "Unchanged"), answer)
        } else {
            let answer = (
                "不能断定内容与签署时一致。",
                "It cannot be told whether the contents are as signed.",
            );
            (Tone::Unsure, unknown, answer)
        };
        assessment(tone, ("内容完整", "Integrity"), state, answer)
    }

    fn is_added_upon(&self) -> bool {
        let code = Code::ChangeCoversAnnotation.as_str();
        self.findings.iter().any(|finding| finding.code == code)
    }

    fn trust(&self) -> Assessment {
        let trusted = self.signatures.iter().filter(|signature| signature.trusted).count();
        let revoked = |signature: &SignatureReport| signature.sub_indication == Some(SubIndication::Revoked);
        let (tone, state, answer) = if self.signatures.is_empty() {
            (
                Tone::Plain,
                ("无", "None"),
                ("没有签署人可供核对。", "There is no signer to look at."),
            )
        } else if self.signatures.iter().any(revoked) {
            let answer = (
                "签署人的 X.509 证书已被吊销。",
                "The signer's X.509 certificate was revoked.",
            );
            (Tone::Bad, ("已吊销", "Revoked"), answer)
        } else if trusted == self.signatures.len() {
            let answer = (
                "签署人在所用的信任列表之下。",
                "The signer leads to the trust list that was used.",
            );
            (Tone::Good, ("可信", "Trusted"), answer)
        } else if trusted > 0 {
            let answer = (
                "只有部分签署人得到证实。",
                "Only some of the signers could be established.",
            );
            (Tone::Unsure, ("部分可信", "In part"), answer)
        } else {
            let answer = ("签署人的身份没有得到证实。", "Who signed could not be established.");
            (Tone::Unsure, ("未证实", "Not established"), answer)
        };
        assessment(tone, ("签署可信", "Trust"), state, answer)
    }

    fn record(&self) -> Assessment {
        let (tone, state, answer) = match self.certificate.as_ref().map(|certificate| certificate.status) {
            Some(Status::Valid) => (
                Tone::Good,
                ("有效", "Valid"),
                ("由本平台开具，目前有效。", "Issued here, and valid now."),
            ),
            Some(Status::NotYetValid) => {
                let answer = ("由本平台开具，尚未生效。", "Issued here, and not valid yet.");
                (Tone::Unsure, ("尚未生效", "Not valid yet"), answer)
            }
            Some(Status::Expired) => {
                let answer = ("由本平台开具，已过有效期。", "Issued here, and past its validity.");
                (Tone::Bad, ("已过期", "Expired"), answer)
            }
            Some(Status::Revoked) => {
                let answer = ("由本平台开具，已被撤销。", "Issued here, and revoked since.");
                (Tone::Bad, ("已撤销", "Revoked"), answer)
            }
            None if self.is_about_a_code() => {
                let answer = (
                    "本平台没有开具过与该查验码对应的证明。",
                    "This node has not issued a certificate with this code.",
                );
                (Tone::Plain, ("无记录", "No record"), answer)
            }
            None => {
                let answer = ("本平台没有开具过这份文件。", "This node has not issued this file.");
                (Tone::Plain, ("无记录", "No record"), answer)
            }
        };
        assessment(tone, ("本平台记录", "Our own record"), state, answer)
    }
}

fn assessment(tone: Tone, question: (&str, &str), state: (&str, &str), answer: (&str, &str)) -> Assessment {
    let said = |(zh, en): (&str, &str)| said(zh, en);
    Assessment {
        tone,
        question: said(question),
        state: said(state),
        answer: said(answer),
    }
}

impl SignatureReport {
    pub fn indication_text(&self) -> String {
        indication_text(self.indication, self.sub_indication)
    }

    /// What later revisions changed, in the order of the revisions: the number of each, and its changes.
    pub fn changes_by_revision(&self) -> Vec<(u32, Vec<&Change>)> {
        let mut revisions = std::collections::BTreeMap::<u32, Vec<&Change>>::new();
        for change in &self.changes {
            revisions.entry(change.revision).or_default().push(change);
        }
        revisions.into_iter().collect()
    }
}

fn indication_text(indication: Indication, sub: Option<SubIndication>) -> String {
    let name = |value: Result<serde_json::Value, serde_json::Error>| match value {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    };
    let text = name(serde_json::to_value(indication));
    match sub {
        Some(sub) => format!("{text} / {}", name(serde_json::to_value(sub))),
        None => text,
    }
}

/// A time as people in China read it: `2026-11-22 15:04:05 UTC+8`.
pub fn shown_time(time: Timestamp) -> String {
    let local = Offset::constant(8).to_datetime(time);
    format!("{} UTC+8", local.strftime("%Y-%m-%d %H:%M:%S"))
}

/// The longest text of a document's own that is shown, in characters.
const SHOWN_CHARS: usize = 300;

/// A document's own words, without what moves a cursor, turns the direction of writing or begins a line, and no longer
/// than a person reads: a signer's name must not be able to write a verdict.
pub fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARS)
        .map(|c| if c.is_control() || turns(c) { '\u{FFFD}' } else { c })
        .collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verification::{CertificateReport, Format, TrustSnapshot};

    fn report(indication: Indication, modified: Option<bool>, status: Option<Status>) -> Report {
        Report {
            id: None,
            kept_until: None,
            file: None,
            format: Format::Pdf,
            document_sha256: String::new(),
            size_bytes: 0,
            verified_at: Timestamp::UNIX_EPOCH,
            validation_time: None,
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
                recorded: Vec::new(),
            }),
            stated: Vec::new(),
            trust_snapshot: TrustSnapshot {
                id: String::new(),
                date: Timestamp::UNIX_EPOCH,
                name: None,
                sequence: None,
                next_update: None,
            },
            findings: Vec::new(),
        }
    }

    fn finding(code: &str, severity: Severity) -> Finding {
        Finding {
            code: code.to_owned(),
            severity,
            signature: None,
            message: said(format!("{code}。"), format!("{code}.")),
        }
    }

    #[test]
    fn problems_are_shown_before_notes() {
        let mut report = report(Indication::TotalFailed, Some(true), None);
        report.findings = [Severity::Info, Severity::Error, Severity::Warning, Severity::Info]
            .map(|severity| finding("x", severity))
            .to_vec();
        let shown: Vec<_> = report
            .findings_by_weight()
            .iter()
            .map(|finding| finding.severity)
            .collect();
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
                    let headline = report(indication, modified, status).headline();
                    let good = indication == TotalPassed
                        && modified == Some(false)
                        && matches!(status, None | Some(Status::Valid));
                    assert_eq!(
                        headline.tone == Tone::Good,
                        good,
                        "{indication:?} {modified:?} {status:?}"
                    );
                    assert_eq!(headline.title.en.starts_with("Unchanged since"), good);
                }
            }
        }
    }

    #[test]
    fn a_code_alone_is_never_good_news_about_a_document() {
        for status in [None, Some(Status::Valid), Some(Status::Revoked)] {
            let mut report = report(Indication::Indeterminate, None, status);
            let code = if status.is_some() { "code_only" } else { "code_unknown" };
            report.findings = vec![finding(code, Severity::Error)];
            assert_ne!(report.headline().tone, Tone::Good);
            assert_eq!(report.assessments()[0].tone, Tone::Plain);
        }
    }

    #[test]
    fn a_headline_that_refuses_gives_the_finding_that_decided() {
        let mut report = report(Indication::TotalFailed, Some(true), None);
        report.findings = vec![finding("note", Severity::Info), finding("page_added", Severity::Error)];
        let headline = report.headline();
        assert!(headline.text.zh.ends_with("原因：page_added。") && headline.text.en.ends_with("Reason: page_added."));
    }

    #[test]
    fn a_headline_that_refuses_gives_what_failed_before_what_is_only_unproven() {
        let mut report = report(Indication::TotalFailed, Some(true), None);
        report.findings = [Code::XrefDangling, Code::ChangedAfterSigning]
            .map(|code| code.finding(None, "1"))
            .to_vec();
        let text = report.headline().text;
        assert!(
            text.zh.contains("不允许的更改") && text.en.contains("does not permit"),
            "{text:?}"
        );
    }

    #[test]
    fn a_timestamp_that_is_not_trusted_and_an_annotation_are_named_in_words() {
        let untrusted = Code::TimestampUntrusted.finding(None, Code::Untrusted.as_str()).message;
        assert!(
            untrusted.zh.contains("信任列表") && !untrusted.en.contains('_'),
            "{untrusted:?}"
        );
        let covers = Code::ChangeCoversAnnotation.finding(None, "/Circle").message;
        assert!(covers.zh.contains("圆形") && covers.en.contains("circle"), "{covers:?}");
    }

    #[test]
    fn a_signers_name_can_neither_begin_a_line_nor_turn_the_writing_nor_go_on_for_ever() {
        assert_eq!(
            plain("示例局\nPASSED\u{1b}[2K\u{202E}"),
            "示例局\u{FFFD}PASSED\u{FFFD}[2K\u{FFFD}"
        );
        assert_eq!(plain(&"长".repeat(1_000)).chars().count(), SHOWN_CHARS + 1);
    }
}
