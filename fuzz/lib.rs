//! What the targets share: a verifier that trusts the roots of the seeds, and what must hold of every report.

use std::{path::Path, sync::LazyLock};

use jiff::Timestamp;
use yinxin::verification::{Indication, Report, Trust, Verifier};

/// Trusts the roots that the seeds lead to, so that what lies behind trust is reached.
static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("trust");
    let trust = if folder.is_dir() {
        Trust::load(&folder, at())
    } else {
        Trust::new(Vec::new(), at())
    };
    Verifier::new(trust.expect("the roots in fuzz/trust are roots"))
});

/// Noon in China of 5 November 2026.
fn at() -> Timestamp {
    Timestamp::from_second(1_793_851_200).expect("a second of the year 2026")
}

/// A report for whatever comes, and none that contradicts itself.
pub fn verify(bytes: &[u8]) -> Report {
    let report = VERIFIER.verify(bytes, None, at());
    if report.indication == Indication::TotalPassed {
        assert_eq!(report.modified_after_signing, Some(false));
        assert!(!report.signatures.is_empty());
        let sound = report
            .signatures
            .iter()
            .all(|signature| signature.intact && signature.trusted);
        assert!(sound, "passed by a signature that is not intact and trusted");
    } else {
        assert!(!report.findings.is_empty(), "nothing says why it does not pass");
    }
    report
}
