//! `yinxin verify`: offline, with no configuration and no node.

use std::{
    error::Error,
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::CommandError;
use crate::{
    certificate::{Fonts, Press},
    verification::{
        Bilingual, Finding, Indication, Language, Limits, MAX_DOCUMENT_BYTES, Report, RevocationPolicy, Severity,
        TrustPlaces, Verifier, paper,
        words::{Tone, plain, shown_time},
    },
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
    /// The largest PDF that is verified, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 52_428_800)]
    max_bytes: usize,
    /// How long one PDF is worked on, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    max_ms: u64,
    /// What is kept of one PDF in memory at a time, itself included, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 268_435_456)]
    max_memory: usize,
    /// One report a line, as JSON
    #[arg(long)]
    json: bool,
    /// Take the signed version out of each document that goes on after it: DIR/NAME.signed.pdf
    #[arg(long, value_name = "DIR")]
    signed: Option<PathBuf>,
    /// Write a printable report on each document, which nobody seals: DIR/NAME.report.pdf
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
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
    let verifier = Verifier::new(trust).within(Limits {
        document_bytes: arguments.max_bytes,
        time: Duration::from_millis(arguments.max_ms),
        memory_bytes: arguments.max_memory,
    });
    let press = arguments
        .report
        .as_ref()
        .map(|_| Press::new(Arc::new(Fonts::new(fonts())), 1));
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
                if let Some(folder) = &arguments.signed {
                    write_signed(folder, path, &report)?;
                }
                if let (Some(folder), Some(press)) = (&arguments.report, &press) {
                    write_paper(press, folder, path, &report, now)?;
                }
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

/// Where fonts are looked for: as a node does by default.
fn fonts() -> Vec<PathBuf> {
    crate::config::Certificates::default().fonts
}

/// Copies the signed version, where there is one and the file goes on after it.
fn write_signed(folder: &Path, path: &Path, report: &Report) -> Result<(), CommandError> {
    let Some((_, bytes)) = report.signed_version() else {
        return Ok(());
    };
    let mut signed = File::open(path)?.take(bytes);
    io::copy(&mut signed, &mut beside(folder, path, "signed")?)?;
    Ok(())
}

fn write_paper(press: &Press, folder: &Path, path: &Path, report: &Report, now: Timestamp) -> Result<(), CommandError> {
    let lang = if chinese() {
        Language::Chinese
    } else {
        Language::English
    };
    let mut sheet = paper::sheet(report, lang, &paper::Origin::Offline, now)?;
    press.mark_missing(&mut sheet.content)?;
    let laid_out = press.lay_out_now(&sheet)?;
    beside(folder, path, "report")?.write_all(&laid_out.pdf)?;
    Ok(())
}

/// A new file `NAME.KIND.pdf`: what is there already is never overwritten.
fn beside(folder: &Path, path: &Path, kind: &str) -> Result<File, CommandError> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let target = folder.join(format!("{stem}.{kind}.pdf"));
    File::create_new(&target).map_err(|error| format!("`{}` cannot be written: {error}", target.display()).into())
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
    describe_in(report, name, chinese())
}

fn chinese() -> bool {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|value| !value.is_empty()))
        .is_some_and(|value| value.starts_with("zh"))
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
    text += &format!(
        "  {}: {}\n",
        pick("信任列表", "trust list"),
        say(&report.trust_snapshot.words())
    );
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
        if let Some(at) = signature.best_signature_time {
            text += &format!(
                "    {}: {}\n",
                pick("已证明的最早时间", "proven to exist since"),
                shown_time(at)
            );
        }
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
        let recorded = report.recorded(said).map(|recorded| format!(" ({})", say(&recorded)));
        text += &format!(
            "  {} {}: {}{}\n",
            pick("自述", "states"),
            plain(&said.name),
            plain(&said.value),
            recorded.unwrap_or_default()
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
