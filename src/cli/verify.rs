//! `yinxin verify`: offline, with no configuration and no node.

use std::{
    error::Error,
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::CommandError;
use crate::verification::{
    Bilingual, Finding, Indication, MAX_DOCUMENT_BYTES, Report, RevocationPolicy, Severity, TrustPlaces, Verifier,
    words::{Tone, plain, shown_time},
};

#[derive(Args)]
pub struct Arguments {
    /// The documents
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A folder of trusted roots (.pem, .crt, .cer, .der), or a signed trust list; without it no signer is trusted
    #[arg(long, value_name = "DIR|LIST")]
    trust: Option<PathBuf>,
    /// The file with the key to check the trust list with (.vkey)
    #[arg(long, value_name = "VKEY", requires = "trust")]
    trust_key: Option<PathBuf>,
    /// A folder of CRLs (.crl) and OCSP responses (.ors), beside what the documents hold
    #[arg(long, value_name = "DIR")]
    revocations: Option<PathBuf>,
    /// Pass only what is known not to have been revoked
    #[arg(long)]
    require_revocation: bool,
    /// Verify as of this time: 2026-11-02T12:00:00+08:00, or a day (its end, in China)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
    /// One report a line, as JSON
    #[arg(long)]
    json: bool,
}

/// Exit codes; where files differ, the first of these that applies.
const FAILED: u8 = 1;
const INDETERMINATE: u8 = 2;
const NOT_OPENED: u8 = 3;

pub fn run(arguments: Arguments) -> Result<ExitCode, CommandError> {
    let now = Timestamp::now();
    let at = arguments.at.unwrap_or(now);
    let trust = match arguments.places().open(now) {
        Ok(trust) => trust,
        // Not the 1 of a document that failed.
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            writeln!(io::stderr(), "yinxin: {error}{cause}")?;
            return Ok(ExitCode::from(NOT_OPENED));
        }
    };
    let verifier = Verifier::new(trust);
    let mut out = io::stdout().lock();
    let mut codes = Vec::new();
    for path in &arguments.files {
        let name = path.display().to_string();
        let verified = verify(&verifier, path, &name, at).map(|report| match arguments.at {
            Some(moment) => report.as_of(moment, now),
            None => report,
        });
        let written = match verified {
            Ok(report) => {
                codes.push(match report.indication {
                    Indication::TotalPassed => 0,
                    Indication::Indeterminate => INDETERMINATE,
                    Indication::TotalFailed => FAILED,
                });
                if arguments.json {
                    writeln!(out, "{}", serde_json::to_string(&report)?)
                } else {
                    out.write_all(describe(&report, &name).as_bytes())
                }
            }
            Err(error) => {
                codes.push(NOT_OPENED);
                if arguments.json {
                    writeln!(
                        out,
                        "{}",
                        serde_json::json!({ "file": name, "error": error.to_string() })
                    )
                } else {
                    writeln!(io::stderr(), "{name}: {error}")
                }
            }
        };
        match written {
            // Whoever reads has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            written => written?,
        }
    }
    let worst = codes.into_iter().filter(|code| *code != 0).min();
    Ok(worst.map_or(ExitCode::SUCCESS, ExitCode::from))
}

impl Arguments {
    fn places(&self) -> TrustPlaces {
        let list = match (&self.trust, &self.trust_key) {
            (Some(list), Some(key)) => Some((list.clone(), key.clone())),
            _ => None,
        };
        TrustPlaces {
            roots: self.trust.clone().filter(|_| list.is_none()),
            list,
            revocations: self.revocations.clone(),
            seen: None,
            policy: if self.require_revocation {
                RevocationPolicy::Required
            } else {
                RevocationPolicy::IfAvailable
            },
        }
    }
}

fn verify(verifier: &Verifier, path: &Path, name: &str, at: Timestamp) -> io::Result<Report> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_DOCUMENT_BYTES).unwrap_or(u64::MAX);
    (&mut file).take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() <= MAX_DOCUMENT_BYTES {
        return Ok(verifier.verify(&bytes, Some(name), at));
    }
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut size = 0;
    loop {
        context.update(&bytes);
        size += bytes.len();
        bytes.clear();
        if (&mut file).take(limit).read_to_end(&mut bytes)? == 0 {
            break;
        }
    }
    Ok(verifier.too_large(context.finish().as_ref(), size, Some(name), at))
}

pub(super) fn parse_time(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let day: Date = text
        .parse()
        .map_err(|_| "neither a time with its zone nor a day".to_owned())?;
    let end = day
        .at(23, 59, 59, 0)
        .to_zoned(TimeZone::fixed(jiff::tz::Offset::constant(8)));
    end.map(|end| end.timestamp()).map_err(|error| error.to_string())
}

/// A report for a terminal, in the language of the environment: the verdict, the three questions, what each later
/// revision changed, and what was found.
fn describe(report: &Report, name: &str) -> String {
    let chinese = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|value| !value.is_empty()))
        .is_some_and(|value| value.starts_with("zh"));
    describe_in(report, name, chinese)
}

fn describe_in(report: &Report, name: &str, chinese: bool) -> String {
    let pick = |zh: &str, en: &str| if chinese { zh.to_owned() } else { en.to_owned() };
    let say = |message: &Bilingual| plain(if chinese { &message.zh } else { &message.en });
    let headline = report.headline();
    let mark = match headline.tone {
        Tone::Good => pick("通过", "PASSED"),
        Tone::Bad => pick("不通过", "FAILED"),
        Tone::Unsure | Tone::Plain => pick("无法证实", "NOT PROVEN"),
    };
    let mut text = format!(
        "{}: {mark}: {}\n  {}\n",
        plain(name),
        say(&headline.title),
        say(&headline.text)
    );
    // Our own record is kept by a node; here there is none to look into.
    for one in report.assessments().iter().take(2) {
        text += &format!("  {}: {}  {}\n", say(&one.question), say(&one.state), say(&one.answer));
    }
    text += &format!("  SHA-256: {}\n", report.document_sha256);
    for (place, signature) in report.signatures.iter().enumerate() {
        let (zh, en) = signature.kind.words();
        let signer = plain(signature.signer.as_deref().unwrap_or("?"));
        let time = signature.signing_time.map(shown_time).unwrap_or_default();
        let (number, verdict) = (place + 1, signature.indication_text());
        text += &format!(
            "  {} {number} ({}): {signer}  {time}  {verdict}\n",
            pick("签章", "signature"),
            pick(zh, en)
        );
        for (revision, changes) in signature.changes_by_revision() {
            text += &format!("    {} {revision}:\n", pick("此后的文件版本", "later revision"));
            for change in changes {
                let permitted = if change.permitted {
                    pick("允许", "permitted")
                } else {
                    pick("不允许", "not permitted")
                };
                let page = change
                    .page
                    .map(|page| format!(" {} {page}", pick("页", "page")))
                    .unwrap_or_default();
                text += &format!(
                    "      - [{permitted}]{page} {} [{}]\n",
                    say(&change.message),
                    plain(&change.code)
                );
            }
        }
        findings(&mut text, &report.findings_of(Some(place)), "    ", &say);
    }
    for said in &report.stated {
        text += &format!(
            "  {} {}: {}\n",
            pick("自述", "states"),
            plain(&said.name),
            plain(&said.value)
        );
    }
    findings(&mut text, &report.findings_of(None), "  ", &say);
    text
}

fn findings(text: &mut String, findings: &[&Finding], indent: &str, say: &dyn Fn(&Bilingual) -> String) {
    for finding in findings.iter().filter(|finding| finding.severity > Severity::Info) {
        *text += &format!("{indent}- {} [{}]\n", say(&finding.message), finding.code);
    }
}
