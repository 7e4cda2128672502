//! Where a document is one of this node's: what became of it since. Told apart from the seal: an expired or revoked
//! certificate keeps a sound seal.

use jiff::Timestamp;

use super::{
    CertificateReport, Draft, Format, RecordedField, Report, SignatureKind, SignatureReport, Statement, Verifier,
    findings::{Code, Outcome},
};
use crate::{
    certificate::{Certificate, Status},
    clock::china_date,
    ids::CertificateIdentifier,
};

/// What people call a certificate's type and its issuer.
#[derive(Clone, Debug)]
pub struct Names {
    pub title: String,
    pub issuer: String,
}

/// The certificate that a document names which is not, byte for byte, what was issued: a countersigned copy, say, or one
/// without its last revisions. Asked only where a signature that is sound and trusted covers the name, so that nobody
/// learns of a certificate by making up a document.
pub fn named_in(report: &Report) -> Option<CertificateIdentifier> {
    // No revision of a PDF that changes what is attached leaves it unmodified.
    let unmodified = report.format == Format::Pdf && report.modified_after_signing == Some(false);
    let vouches = |signature: &SignatureReport| {
        let signs = signature.kind != SignatureKind::DocumentTimestamp;
        signs && signature.intact && signature.trusted && (signature.covers_whole_document || unmodified)
    };
    let said = report.stated.iter().find(|said| said.name == "ZZBS")?;
    let is_vouched_for = report.signatures.iter().any(vouches);
    is_vouched_for
        .then(|| CertificateIdentifier::parse(&said.value).ok())
        .flatten()
}

/// Adds to a report what this node knows of the certificate whose document it is, byte for byte (`equal`), or as the
/// document says.
pub fn judge_own(report: Report, certificate: &Certificate, names: Names, equal: bool) -> Report {
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
    let recorded = recorded(&draft.report.stated, certificate, &names);
    if !equal {
        find_differences(&mut draft, &recorded);
    }
    find_status(&mut draft, certificate, at);
    draft.report.certificate = Some(CertificateReport {
        recorded,
        ..describe(certificate, names, at, Some(equal))
    });
    (draft.report.indication, draft.report.sub_indication) = (draft.outcome.indication, draft.outcome.sub_indication);
    draft.report
}

/// Names change while certificates stay.
const NAMES: [&str; 2] = ["ZZMC", "ZZBFJG"];

/// What a document says of itself against the record, by the names of GB/T 36903: nothing of the holder, whom the record
/// does not name.
fn recorded(stated: &[Statement], certificate: &Certificate, names: &Names) -> Vec<RecordedField> {
    let identifier = &certificate.identifier;
    let from = certificate.valid_from.to_string();
    let fields = [
        ("ZZMC", names.title.clone()),
        ("ZZLXDM", identifier.type_code().to_owned()),
        ("ZZBH", identifier.serial().to_owned()),
        ("ZZBS", identifier.to_string()),
        ("ZZBFJG", names.issuer.clone()),
        ("ZZBFJGDM", identifier.issuer_code().to_owned()),
        ("ZZBFRQ", from.clone()),
        ("ZZYXQQSRQ", from),
        ("ZZYXQJZRQ", certificate.valid_until.to_string()),
    ];
    let compared = fields.into_iter().filter_map(|(name, value)| {
        let mut said = stated.iter().filter(|said| said.name == name).peekable();
        said.peek()?;
        Some(RecordedField {
            name: name.to_owned(),
            equal: said.all(|said| said.value == value),
            value,
        })
    });
    compared.collect()
}

fn find_differences(draft: &mut Draft, recorded: &[RecordedField]) {
    let (names, facts): (Vec<_>, Vec<_>) = recorded
        .iter()
        .filter(|field| !field.equal)
        .partition(|field| NAMES.contains(&field.name.as_str()));
    for (code, fields) in [(Code::RecordNameDiffers, names), (Code::RecordDiffers, facts)] {
        if !fields.is_empty() {
            let all: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
            draft.find(code, None, &all.join(", "));
        }
    }
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
        recorded: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verification::{Indication, Trust};

    fn certificate() -> Certificate {
        Certificate {
            identifier: CertificateIdentifier::parse(
                "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
            )
            .unwrap(),
            certificate_type: "shebao-canbao".parse().unwrap(),
            issuer: "shache-hr".parse().unwrap(),
            holder: "b".repeat(32).parse().unwrap(),
            case: "case-1".parse().unwrap(),
            requested_by: "window".parse().unwrap(),
            issued_at: "2026-11-01T08:00:00Z".parse().unwrap(),
            valid_from: "2026-11-01".parse().unwrap(),
            valid_until: "2027-01-31".parse().unwrap(),
            revoked: None,
            verification_code: "0123456789ABCDEFGHJK".to_owned(),
            document_sha256: Some([9; 32]),
        }
    }

    /// A report that passed, on a document that says this of itself.
    fn report(stated: &[(&str, &str)]) -> Report {
        let at: Timestamp = "2026-11-05T08:00:00Z".parse().unwrap();
        let trust = Trust::new(Vec::new(), at).unwrap();
        let mut draft = Draft::new(1, None, at, trust.snapshot().clone());
        (draft.report.indication, draft.report.sub_indication) = (Indication::TotalPassed, None);
        let statement = |(name, value): &(&str, &str)| Statement {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        draft.report.stated = stated.iter().map(statement).collect();
        draft.report
    }

    fn judged(stated: &[(&str, &str)], equal: bool) -> Report {
        let names = Names {
            title: "社会保险参保证明".to_owned(),
            issuer: "莎车县人社局".to_owned(),
        };
        judge_own(report(stated), &certificate(), names, equal)
    }

    fn codes(report: &Report) -> Vec<&str> {
        report.findings.iter().map(|finding| finding.code.as_str()).collect()
    }

    #[test]
    fn a_document_is_held_against_the_record_field_by_field() {
        let right = [
            ("ZZLXDM", "11100000000013338W011"),
            ("ZZBFJGDM", "11430000006122244L"),
            ("ZZBH", "20230000403"),
            ("ZZYXQJZRQ", "2027-01-31"),
            ("CZZT", "示例人甲"),
        ];
        let report = judged(&right, false);
        assert_eq!(report.indication, Indication::TotalPassed, "{:?}", report.findings);
        let certificate = report.certificate.unwrap();
        assert_eq!(certificate.equals_issued, Some(false));
        assert!(certificate.recorded.iter().all(|field| field.equal));
        let names: Vec<_> = certificate.recorded.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(
            names,
            ["ZZLXDM", "ZZBH", "ZZBFJGDM", "ZZYXQJZRQ"],
            "nothing of the holder"
        );

        // The second of two that contradict each other is seen too.
        let later = [("ZZYXQJZRQ", "2027-01-31"), ("ZZYXQJZRQ", "2037-01-31")];
        let report = judged(&later, false);
        assert_eq!(codes(&report), ["issuer_record_differs"]);
        assert!(report.findings[0].message.zh.contains("ZZYXQJZRQ"));
        assert_eq!(report.indication, Indication::Indeterminate);
        let recorded = &report.certificate.as_ref().unwrap().recorded;
        assert_eq!((recorded[0].equal, recorded[0].value.as_str()), (false, "2027-01-31"));
        assert!(report.recorded(&report.stated[1]).unwrap().en.contains("2027-01-31"));

        let renamed = judged(&[("ZZBFJG", "莎车县人力资源和社会保障局")], false);
        assert_eq!(codes(&renamed), ["issuer_record_name_differs"]);
        assert_eq!(renamed.indication, Indication::TotalPassed);
        // What was issued, byte for byte, is what was issued.
        assert!(codes(&judged(&later, true)).is_empty());
    }

    #[test]
    fn only_what_somebody_trusted_signed_names_a_certificate() {
        let identifier = certificate().identifier;
        let mut report = report(&[("ZZBS", identifier.as_str())]);
        assert_eq!(named_in(&report), None);
        report.signatures.push(SignatureReport {
            name: "1".to_owned(),
            kind: SignatureKind::Seal,
            intact: true,
            trusted: true,
            indication: Indication::TotalPassed,
            sub_indication: None,
            signer: None,
            seal_name: None,
            seal_picture: None,
            signing_time: None,
            signing_time_proof: None,
            algorithm: None,
            covers_whole_document: true,
            signed_bytes: None,
            revision: 0,
            changes: Vec::new(),
            chain: Vec::new(),
            revocation: None,
            best_signature_time: None,
            timestamps: Vec::new(),
            revocations: Vec::new(),
        });
        assert_eq!(named_in(&report), Some(identifier));
        report.signatures[0].trusted = false;
        assert_eq!(named_in(&report), None);
    }
}
