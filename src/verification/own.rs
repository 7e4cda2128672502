//! Where a document is one of this node's: what became of it since. Told apart from the seal: an expired or revoked
//! certificate keeps a sound seal.

use jiff::Timestamp;

use super::{
    CertificateReport, Draft, Report, Verifier,
    findings::{Code, Outcome},
};
use crate::{
    certificate::{Certificate, Status},
    clock::china_date,
};

/// What people call a certificate's type and its issuer.
#[derive(Clone, Debug)]
pub struct Names {
    pub title: String,
    pub issuer: String,
}

/// Adds to a report what this node knows of the certificate whose document it is, byte for byte.
pub fn judge_own(report: Report, certificate: &Certificate, names: Names) -> Report {
    let at = report.validation_time.unwrap_or(report.verified_at);
    let outcome = Outcome {
        indication: report.indication,
        sub_indication: report.sub_indication,
    };
    let mut draft = Draft {
        report,
        outcome,
        signature_outcomes: Vec::new(),
        sha256: None,
    };
    find_status(&mut draft, certificate, at);
    draft.report.certificate = Some(describe(certificate, names, at, Some(true)));
    (draft.report.indication, draft.report.sub_indication) = (draft.outcome.indication, draft.outcome.sub_indication);
    draft.report
}

/// The report on a verification code: the status of its certificate, and never a verdict on a document nobody showed.
pub fn report_of_code(verifier: &Verifier, found: Option<(&Certificate, Names)>, at: Timestamp) -> Report {
    let nothing = ring::digest::digest(&ring::digest::SHA256, &[]);
    let mut draft = Draft::new(0, None, at, verifier.trust_snapshot());
    match found {
        None => draft.find(Code::CodeUnknown, None, ""),
        Some((certificate, names)) => {
            find_status(&mut draft, certificate, at);
            draft.find(Code::CodeOnly, None, "");
            draft.report.certificate = Some(describe(certificate, names, at, None));
        }
    }
    draft.finish(nothing.as_ref())
}

fn find_status(draft: &mut Draft, certificate: &Certificate, at: Timestamp) {
    match certificate.status(china_date(at)) {
        Status::Valid => {}
        Status::Revoked => draft.find(Code::CertificateRevoked, None, ""),
        Status::Expired => draft.find(Code::CertificateExpired, None, &certificate.valid_until.to_string()),
        Status::NotYetValid => draft.find(Code::CertificateNotYetValid, None, &certificate.valid_from.to_string()),
    }
}

fn describe(certificate: &Certificate, names: Names, at: Timestamp, equals_issued: Option<bool>) -> CertificateReport {
    CertificateReport {
        identifier: certificate.identifier.to_string(),
        certificate_type: certificate.certificate_type.to_string(),
        title: names.title,
        issuer: names.issuer,
        status: certificate.status(china_date(at)),
        valid_from: certificate.valid_from.to_string(),
        valid_until: certificate.valid_until.to_string(),
        revoked_at: certificate.revoked.as_ref().map(|revocation| revocation.at),
        equals_issued,
    }
}
