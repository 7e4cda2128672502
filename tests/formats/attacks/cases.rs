//! All attacks, and the one rule for all: none passes.

use std::collections::BTreeSet;

use yinxin::verification::{Indication, Report};

use super::{
    active, annotations, copied, forgery, forms, incremental, messages, pages, references, revocation, scene::Stage,
    sealed, shadow, spoofing, wrapping,
};

/// What the headline may say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modified {
    /// Changed after it was signed.
    Yes,
    /// Not that it is unchanged.
    NotUnchanged,
    /// Only the signature's own message was touched, which nobody signed.
    MessageOnly,
}

pub struct Case {
    pub class: &'static str,
    pub name: String,
    pub bytes: Vec<u8>,
    pub modified: Modified,
    /// The finding, or the change, that names it: one of these.
    pub codes: &'static [&'static str],
}

pub fn case(class: &'static str, name: impl Into<String>, bytes: Vec<u8>, codes: &'static [&'static str]) -> Case {
    Case {
        class,
        name: name.into(),
        bytes,
        modified: Modified::Yes,
        codes,
    }
}

impl Case {
    pub fn headline(mut self, modified: Modified) -> Self {
        self.modified = modified;
        self
    }
}

type Class = fn(&Stage) -> Vec<Case>;

/// What is appended to the stage's documents, or changed in them where they stand.
const ON_ANY: [Class; 10] = [
    wrapping::cases,
    incremental::cases,
    forgery::cases,
    shadow::cases,
    annotations::cases,
    forms::cases,
    spoofing::cases,
    pages::cases,
    active::cases,
    references::cases,
];

/// Documents that are signed for the purpose.
const OF_THEIR_OWN: [Class; 4] = [messages::cases, revocation::cases, sealed::cases, copied::cases];

fn of(stage: &Stage, classes: &[Class]) -> Vec<Case> {
    classes.iter().flat_map(|of_class| of_class(stage)).collect()
}

pub fn all(stage: &Stage) -> Vec<Case> {
    of(stage, &[ON_ANY.as_slice(), &OF_THEIR_OWN].concat())
}

/// The stable codes that a report gives, be it for the document or for a change.
pub fn codes(report: &Report) -> BTreeSet<&str> {
    let changes = report.signatures.iter().flat_map(|signature| &signature.changes);
    let unpermitted = changes
        .filter(|change| !change.permitted)
        .map(|change| change.code.as_str());
    let findings = report.findings.iter().map(|finding| finding.code.as_str());
    findings.chain(unpermitted).collect()
}

fn fault(case: &Case, report: &Report) -> Option<String> {
    let codes = codes(report);
    let wrong = if report.indication == Indication::TotalPassed {
        "it passes"
    } else if !case.codes.iter().any(|code| codes.contains(code)) {
        "another finding"
    } else {
        match (case.modified, report.modified_after_signing) {
            (Modified::Yes, Some(true)) | (Modified::NotUnchanged, Some(true) | None) | (Modified::MessageOnly, _) => {
                return None;
            }
            _ => "another headline",
        }
    };
    Some(format!(
        "{} / {}: {wrong}: {:?}, modified {:?} (not {:?}), {codes:?} (not {:?})",
        case.class, case.name, report.indication, report.modified_after_signing, case.modified, case.codes
    ))
}

fn assert_none_passes(stage: &Stage, cases: &[Case]) {
    let names: BTreeSet<_> = cases.iter().map(|case| (case.class, &case.name)).collect();
    assert_eq!(names.len(), cases.len(), "two cases of one name");
    assert!(cases.len() >= 60);
    let faults: Vec<_> = cases
        .iter()
        .filter_map(|case| fault(case, &stage.verify(&case.bytes)))
        .collect();
    assert!(
        faults.is_empty(),
        "{} of {}:\n{}",
        faults.len(),
        cases.len(),
        faults.join("\n")
    );
}

#[test]
fn no_attack_passes_and_each_has_its_finding() {
    let stage = Stage::new();
    assert_none_passes(&stage, &all(&stage));
}

#[test]
fn no_attack_passes_on_documents_that_were_timestamped_since() {
    let stage = Stage::archived();
    assert_none_passes(&stage, &of(&stage, &ON_ANY));
}
