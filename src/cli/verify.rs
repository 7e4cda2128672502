//! `yinxin verify`: offline, with no configuration and no node.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::CommandError;
use crate::verification::{Bilingual, Indication, MAX_DOCUMENT_BYTES, Report, Severity, Trust, Verifier};

#[derive(Args)]
pub struct Arguments {
    /// The documents
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A folder of trusted roots (.pem, .crt, .cer, .der); without it no signer is trusted
    #[arg(long, value_name = "DIR")]
    trust: Option<PathBuf>,
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
    let trust = match &arguments.trust {
        Some(folder) => match Trust::load(folder, now) {
            Ok(trust) => trust,
            // Not the 1 of a document that failed.
            Err(error) => {
                writeln!(io::stderr(), "yinxin: {error}")?;
                return Ok(ExitCode::from(NOT_OPENED));
            }
        },
        None => Trust::new(Vec::new(), now)?,
    };
    let verifier = Verifier::new(trust);
    let mut out = io::stdout().lock();
    let mut codes = Vec::new();
    for path in &arguments.files {
        let name = path.display().to_string();
        let written = match verify(&verifier, path, &name, at) {
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

fn parse_time(text: &str) -> Result<Timestamp, String> {
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

/// A document's own words, without what moves a terminal's cursor, turns the direction of writing or begins a line: a
/// signer's name must not be able to write a verdict.
fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|c| if c.is_control() || turns(c) { '\u{FFFD}' } else { c })
        .collect()
}

/// A report for a terminal, in the language of the environment.
fn describe(report: &Report, name: &str) -> String {
    let chinese = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|value| !value.is_empty()))
        .is_some_and(|value| value.starts_with("zh"));
    let pick = |zh: &'static str, en: &'static str| if chinese { zh } else { en };
    let say = |message: &Bilingual| {
        if chinese {
            message.zh.clone()
        } else {
            message.en.clone()
        }
    };
    let verdict = match (report.indication, report.modified_after_signing) {
        (Indication::TotalPassed, _) => pick("通过：自盖章以来未被更改", "PASSED: unchanged since it was sealed"),
        (_, Some(true)) => pick("不通过：盖章之后被更改", "FAILED: changed after it was sealed"),
        (Indication::TotalFailed, _) => pick("不通过", "FAILED"),
        (Indication::Indeterminate, _) => pick("无法证实", "CANNOT BE PROVEN"),
    };
    let mut text = format!("{}: {verdict}\n", plain(name));
    for signature in &report.signatures {
        let signer = plain(signature.signer.as_deref().unwrap_or("?"));
        let time = signature.signing_time.map(|time| time.to_string()).unwrap_or_default();
        text += &format!("  {}: {signer}  {time}\n", pick("签名者", "signed by"));
    }
    for finding in report
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Info)
    {
        text += &format!("  - {} [{}]\n", plain(&say(&finding.message)), finding.code);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signers_name_can_neither_begin_a_line_nor_turn_the_writing() {
        assert_eq!(
            plain("示例局\nPASSED\u{1b}[2K\u{202E}"),
            "示例局\u{FFFD}PASSED\u{FFFD}[2K\u{FFFD}"
        );
    }
}
