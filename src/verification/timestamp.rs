//! Timestamps of signatures (RFC 3161 appendix A): what they are of, and whether they prove their time.

use jiff::Timestamp;

use super::{
    TimestampReport,
    findings::Code,
    proof::{self, Occasion},
    signer::{Judgement, Profile, judge_value},
    trust::Material,
};
use crate::formats::cms::{self, Message, ParseError};

/// A timestamp that was judged.
pub struct Stamp {
    /// None where it is not a timestamp of this signature.
    pub report: Option<TimestampReport>,
    pub findings: Vec<(Code, String)>,
}

impl Stamp {
    /// The time that it proves.
    pub fn proven(&self) -> Option<Timestamp> {
        let report = self.report.as_ref()?;
        (report.intact && report.trusted).then_some(report.time)
    }

    fn broken(code: Code, detail: impl Into<String>) -> Self {
        Self {
            report: None,
            findings: vec![(code, detail.into())],
        }
    }
}

/// Judges the timestamp of a signature value. It stands in the file up to `end`.
pub fn judge_of_signature(token: &[u8], value: &[u8], material: &mut Material<'_>, end: Option<usize>) -> Stamp {
    judge_message(cms::parse(token), value, material, end)
}

/// Judges one likewise, which is a message by RFC 5652 or by GB/T 35275.
pub fn judge_also_gbt_35275(token: &[u8], value: &[u8], material: &mut Material<'_>) -> Stamp {
    judge_message(cms::parse_also_gbt_35275(token), value, material, None)
}

fn judge_message(
    token: Result<Message, ParseError>,
    value: &[u8],
    material: &mut Material<'_>,
    end: Option<usize>,
) -> Stamp {
    let message = match token {
        Ok(message) => message,
        Err(ParseError::Limit(limit)) => return Stamp::broken(Code::LimitExceeded, limit),
        Err(error) => return Stamp::broken(Code::TimestampWrong, error.to_string()),
    };
    let mut judgement = Judgement::default();
    let certificate = judge_value(&mut judgement, &message, Profile::Timestamp, &[value]);
    let wrong = judgement
        .findings
        .iter()
        .find(|(code, _)| is_wrong(*code))
        .map(|(code, _)| *code);
    let intact = judgement.intact && wrong.is_none();
    let Some(der) = certificate.filter(|_| intact) else {
        return Stamp::broken(
            // A timestamp of another signature is sound in itself.
            if judgement.digest_matches == Some(false) {
                Code::TimestampOther
            } else {
                Code::TimestampWrong
            },
            wrong.map_or_else(String::new, |code| code.as_str().to_owned()),
        );
    };
    let occasion = Occasion {
        material,
        end,
        made_after: None,
    };
    proof::judge(&mut judgement, &message, der, Profile::Timestamp, None, occasion);
    let report = judgement.time.map(|time| TimestampReport {
        time,
        authority: judgement.signer.clone(),
        intact: true,
        trusted: judgement.proven.is_some(),
    });
    let all = judgement.findings.into_iter().chain(judgement.standing);
    let against = all.into_iter().find(|(code, _)| code.outcome().is_some());
    let findings = against.map(|(code, detail)| match code {
        Code::TimestampOrder | Code::UnusedCertificate | Code::LimitExceeded | Code::UnsignedParts => (code, detail),
        code => (Code::TimestampUntrusted, code.as_str().to_owned()),
    });
    Stamp {
        report,
        findings: findings.into_iter().collect(),
    }
}

/// Whether a finding says that the token is not what its authority made. That its algorithm is weak says nothing yet.
fn is_wrong(code: Code) -> bool {
    code.outcome().is_some() && code != Code::AlgorithmWeak
}
