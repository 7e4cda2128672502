//! The printable report: what a report says, put into words for the template `config/report/verification.typ`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Bilingual, Finding, Format, Language, Report, SignatureReport,
    words::{Tone, metadata, plain, revocation, said, shown_time, time_proof},
};
use crate::{
    certificate::{CertificateError, Sheet, Status, qr},
    ids::VerificationId,
};

const TEMPLATE: &str = include_str!("../../config/report/verification.typ");
const FRAME: &str = include_str!("../../config/certificates/frame.typ");

/// The most signatures that are printed; the attached report holds all.
const MAX_SIGNATURES: usize = 40;
/// The most timestamps, and the most revocations, that are printed of a signature.
const MAX_PROOFS: usize = 12;
/// The most findings, and the most changes, that are printed of a document and of each signature.
const MAX_LINES: usize = 60;
/// The most lines of those that are printed in all.
const MAX_LINES_IN_ALL: usize = 400;

/// Whose paper it is.
pub enum Origin<'a> {
    /// This node's, sealed in this name.
    Node { by: &'a str, portal: &'a str },
    /// Made offline: nobody seals it.
    Offline,
}

/// The title of the paper, which is also the reason that its seal gives.
pub fn title(lang: Language) -> &'static str {
    match lang {
        Language::Chinese => "电子文件查验报告",
        Language::English => "Report on the verification of an electronic document",
    }
}

/// What the template is laid out with. `now` is when it is made, which may be days after the verification.
pub fn sheet(report: &Report, lang: Language, origin: &Origin<'_>, now: Timestamp) -> Result<Sheet, CertificateError> {
    let mut without_name = report.clone();
    without_name.file = None;
    let attachment =
        serde_json::to_vec_pretty(&without_name).map_err(|error| CertificateError::Template(error.to_string()))?;
    let id = report.id.as_ref().map_or("", VerificationId::as_str);
    let online = match origin {
        Origin::Node { portal, .. } if !id.is_empty() => {
            format!("{}/verify/reports/{id}", portal.trim_end_matches('/'))
        }
        _ => String::new(),
    };
    let qr = if online.is_empty() {
        String::new()
    } else {
        qr::svg(&online)?
    };
    Ok(Sheet {
        template: TEMPLATE.into(),
        frame: FRAME.into(),
        content: Writer { report, lang, lines: 0 }.content(origin, id, &online, now),
        content_name: "report.json",
        attachment,
        metadata: Vec::new(),
        qr,
        identifier: format!("yinxin-report-{}-{id}-{}", report.document_sha256, lang.tag()),
        issued_at: now,
    })
}

struct Writer<'a> {
    report: &'a Report,
    lang: Language,
    /// Findings and changes that were written so far.
    lines: usize,
}

impl Writer<'_> {
    fn pick(&self, words: &Bilingual) -> String {
        plain(match self.lang {
            Language::Chinese => &words.zh,
            Language::English => &words.en,
        })
    }

    fn say(&self, zh: &str, en: &str) -> String {
        match self.lang {
            Language::Chinese => zh.to_owned(),
            Language::English => en.to_owned(),
        }
    }

    fn words(&self, (zh, en): (&str, &str)) -> String {
        self.say(zh, en)
    }

    fn content(&mut self, origin: &Origin<'_>, id: &str, online: &str, now: Timestamp) -> Value {
        let report = self.report;
        let headline = report.headline();
        let assessments: Vec<Value> = report
            .assessments()
            .iter()
            .map(|one| json!({"question": self.pick(&one.question), "state": self.pick(&one.state), "answer": self.pick(&one.answer), "tone": tone(one.tone)}))
            .collect();
        let findings = self.findings(&report.findings_of(None));
        let signatures: Vec<Value> = report
            .signatures
            .iter()
            .enumerate()
            .take(MAX_SIGNATURES)
            .map(|(place, signature)| self.signature(place, signature))
            .collect();
        let by = match origin {
            Origin::Node { by, .. } => plain(by),
            Origin::Offline => self.say("离线查验，未加盖印章", "Verified offline, not sealed"),
        };
        json!({
            "lang": if self.lang == Language::Chinese { "zh" } else { "en" },
            "title": title(self.lang),
            "id": id,
            "headline": self.pick(&headline.title),
            "text": self.pick(&headline.text),
            "tone": tone(headline.tone),
            "assessments": assessments,
            "document": self.document(),
            "certificate": self.certificate(),
            "findings": findings,
            "signatures": signatures,
            "left_out": self.left_out(),
            "by": by,
            "made_on": shown_time(now),
            "online": online,
            "kept_until": report.kept_until.map(shown_time),
            "words": self.labels(),
            "notes": self.notes(),
        })
    }

    fn document(&self) -> Value {
        let report = self.report;
        let format = match report.format {
            Format::Pdf => "PDF".to_owned(),
            Format::Ofd => "OFD".to_owned(),
            Format::SdJwt => "SD-JWT".to_owned(),
            Format::Cms => "CMS".to_owned(),
            Format::Unknown => self.say("无法识别", "not recognised"),
        };
        let mut facts = Vec::new();
        if !report.is_about_a_code() {
            facts.extend([
                (
                    self.say("文件摘要（SHA-256）", "Digest of the file (SHA-256)"),
                    report.document_sha256.clone(),
                ),
                (self.say("格式", "Format"), format),
                (
                    self.say("大小", "Size"),
                    self.say(
                        &format!("{} 字节", report.size_bytes),
                        &format!("{} bytes", report.size_bytes),
                    ),
                ),
            ]);
        }
        facts.push((self.say("查验时间", "Verified at"), shown_time(report.verified_at)));
        if let Some(moment) = report.validation_time {
            facts.push((self.say("所查验的时刻", "As of"), shown_time(moment)));
        }
        facts.extend([
            (
                self.say("结论代码（EN 319 102-1）", "Indication (EN 319 102-1)"),
                report.indication_text(),
            ),
            (
                self.say("所用信任列表", "Trust list used"),
                self.pick(&report.trust_snapshot.words()),
            ),
        ]);
        json!(facts)
    }

    fn certificate(&self) -> Value {
        let Some(certificate) = &self.report.certificate else {
            return Value::Null;
        };
        let status = match certificate.status {
            Status::Valid => ("有效", "valid"),
            Status::NotYetValid => ("尚未生效", "not valid yet"),
            Status::Expired => ("已过期", "expired"),
            Status::Revoked => ("已撤销", "revoked"),
        };
        let mut facts = vec![
            (self.say("名称", "Title"), plain(&certificate.title)),
            (self.say("出具单位", "Issued by"), plain(&certificate.issuer)),
            (self.say("证照标识", "Identifier"), certificate.identifier.clone()),
            (self.say("查验时的状态", "Status when verified"), self.words(status)),
            (
                self.say("有效期", "Valid"),
                format!("{} – {}", certificate.valid_from, certificate.valid_until),
            ),
        ];
        if let Some(at) = certificate.revoked_at {
            facts.push((self.say("撤销时间", "Revoked"), shown_time(at)));
        }
        if let Some(equal) = certificate.equals_issued {
            let words = if equal { ("是", "yes") } else { ("否", "no") };
            let question = self.say("与出具的文件逐字节一致", "Equal, byte for byte, to what was issued");
            facts.push((question, self.words(words)));
        }
        for field in &certificate.recorded {
            let name = metadata(&field.name).map_or_else(|| plain(&field.name), |name| self.words(name));
            let question = format!("{} {name}", self.say("文件自述的", "As the document says:"));
            facts.push((question, self.pick(&field.words())));
        }
        json!(facts)
    }

    fn signature(&mut self, place: usize, signature: &SignatureReport) -> Value {
        let yes_no = |yes: bool, good: (&str, &str), bad: (&str, &str)| self.words(if yes { good } else { bad });
        let mut facts = vec![(self.say("签名域", "Field"), plain(&signature.name))];
        let mut add = |zh: &str, en: &str, value: Option<String>| {
            facts.extend(value.map(|value| (self.say(zh, en), value)));
        };
        add("印章名称", "Seal", signature.seal_name.as_deref().map(plain));
        add("签署人", "Signer", signature.signer.as_deref().map(plain));
        add("结论代码", "Indication", Some(signature.indication_text()));
        let intact = yes_no(
            signature.intact,
            ("摘要与签名值正确", "digest and signature value are right"),
            ("摘要或签名值不符", "digest or signature value is wrong"),
        );
        add("密码学校验", "Cryptographic check", Some(intact));
        let trusted = yes_no(
            signature.trusted,
            ("可追溯到受信任的根证书", "chains to a trusted root"),
            ("不能追溯到受信任的根证书", "does not chain to a trusted root"),
        );
        add("信任", "Trust", Some(trusted));
        let covers = yes_no(
            signature.covers_whole_document,
            ("整个文件", "the whole file"),
            ("文件的较早版本", "an earlier version of the file"),
        );
        add("覆盖范围", "Coverage", Some(covers));
        add(
            "签署时间",
            "Signing time",
            signature.signing_time.map(|at| {
                let time = shown_time(at);
                let proof = time_proof(signature.signing_time_proof.as_deref().unwrap_or("claimed"));
                self.say(&format!("{time}（{}）", proof.zh), &format!("{time} ({})", proof.en))
            }),
        );
        add(
            "已证明的最早时间",
            "Proven to exist since",
            signature.best_signature_time.map(shown_time),
        );
        for stamp in signature.timestamps.iter().take(MAX_PROOFS) {
            add("时间戳", "Timestamp", Some(self.pick(&stamp.words())));
        }
        add("算法", "Algorithm", signature.algorithm.as_deref().map(plain));
        if signature.revocations.is_empty() {
            let known = signature
                .revocation
                .as_deref()
                .map(|known| self.pick(&revocation(known)));
            add("证书吊销状态", "Revocation", known);
        }
        for of in signature.revocations.iter().take(MAX_PROOFS) {
            let colon = self.say("：", ": ");
            let words = format!("{}{colon}{}", plain(&of.certificate), self.pick(&of.words()));
            add("证书吊销状态", "Revocation", Some(words));
        }
        let chain: Vec<String> = signature.chain.iter().take(MAX_LINES).map(|name| plain(name)).collect();
        let changes: Vec<Value> = signature
            .changes
            .iter()
            .take(self.room())
            .map(|change| {
                let page = change.page.map_or_else(|| "—".to_owned(), |page| page.to_string());
                let verdict = if change.permitted {
                    ("允许", "permitted")
                } else {
                    ("不允许", "not permitted")
                };
                json!([
                    change.revision.to_string(),
                    page,
                    self.words(verdict),
                    self.pick(&change.message)
                ])
            })
            .collect();
        self.lines += changes.len();
        let findings = self.findings(&self.report.findings_of(Some(place)));
        let number = place + 1;
        json!({
            "title": self.say(&format!("签章 {number}：{}", signature.kind.words().0), &format!("Signature {number}: {}", signature.kind.words().1)),
            "facts": facts,
            "chain": chain,
            "changes": changes,
            "findings": findings,
        })
    }

    fn findings(&mut self, findings: &[&Finding]) -> Vec<Value> {
        let printed: Vec<Value> = findings
            .iter()
            .take(self.room())
            .map(|finding| {
                let severity = self.words(finding.severity.words());
                json!([severity, self.pick(&finding.message), finding.code])
            })
            .collect();
        self.lines += printed.len();
        printed
    }

    fn room(&self) -> usize {
        MAX_LINES_IN_ALL.saturating_sub(self.lines).min(MAX_LINES)
    }

    /// A sentence that says so where the paper holds less than the report.
    fn left_out(&self) -> Option<String> {
        let report = self.report;
        let all = report.findings.len() + report.signatures.iter().map(|s| s.changes.len()).sum::<usize>();
        (report.signatures.len() > MAX_SIGNATURES || all > self.lines).then(|| {
            self.say(
                "本报告未逐项列出全部内容，完整内容见附件 data.json。",
                "Not everything is printed here; the attached data.json holds all of it.",
            )
        })
    }

    fn labels(&self) -> Value {
        json!({
            "number": self.say("报告编号", "Report number"),
            "document": self.say("被查验的文件", "The document"),
            "certificate": self.say("本平台的开具记录", "This node's record of it"),
            "findings": self.say("查验发现", "Findings"),
            "chain": self.say("证书链", "Chain"),
            "changes": self.say("签署之后的更改", "Changes after signing"),
            "revision": self.say("版本", "Revision"),
            "page": self.say("页", "Page"),
            "allowed": self.say("是否允许", "Permitted"),
            "what": self.say("更改内容", "What was changed"),
            "notes": self.say("说明", "Notes"),
            "online": self.say("扫描二维码在线核对本报告", "Scan to see this report online"),
            "until": self.say("在线保存至", "Kept online until"),
            "made_on": self.say("报告生成时间", "Report made at"),
            "of": self.say("第 {} 页，共 {} 页", "Page {} of {}"),
        })
    }

    fn notes(&self) -> Vec<String> {
        let notes = [
            said(
                "本报告只说明上列摘要所对应的那份文件；手中文件的 SHA-256 摘要与之相同，才是同一份文件。",
                "This report is about the file of the digest above, and no other: yours is that file if its SHA-256 is the same.",
            ),
            said(
                "“内容完整”说明文件在签署之后有没有改动；“签署可信”说明签署人能否追溯到所用的信任列表；“本平台记录”说明本平台是否开具过这份文件、目前是否有效。三者互不替代。",
                "Integrity tells whether the file was changed after signing; trust, whether the signer leads to the trust list that was used; the record, whether this node issued it and whether it still counts. None stands for another.",
            ),
            said(
                "结论以查验时间为准。机器可读的完整报告作为附件 data.json 随本文件保存。被查验的文件不予保存。",
                "The verdict holds for the time of verification. The whole report, for machines, is attached as data.json. The document itself is not kept.",
            ),
            said(
                "字体中没有的字符以 □ 代替，原文见附件。",
                "□ stands for a character that the fonts lack; the attachment has the original.",
            ),
        ];
        notes.iter().map(|note| self.note(note)).collect()
    }

    /// A sentence of ours, which is not cut.
    fn note(&self, words: &Bilingual) -> String {
        self.say(&words.zh, &words.en)
    }
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Unsure => "unsure",
        Tone::Plain => "plain",
    }
}
