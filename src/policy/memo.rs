//! Cedar's answers of this second. A system that asks much asks alike: for the same service item, of the same resource,
//! for the same fields, of one person after another. Cedar is asked once a second, and again for whatever its policies
//! could tell apart.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use cedar_policy::PolicySet;
use serde_json::Value;

use super::{Action, Decision, PolicyError, Question};
use crate::case::CaseStatus;

/// How many answers are kept of one second, of one system about one resource.
const KEPT: usize = 256;

/// The longest key that is kept, in bytes: of some dozens of fields.
const MAX_KEY_BYTES: usize = 4_096;

/// Which parts of a question the guardrails read, of those that the answers of one service item may differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reads {
    /// Who the subject is, not only whether they are the applicant.
    subject: bool,
    operator: bool,
}

impl Reads {
    /// What these policies read of the context. One that takes it whole reads everything.
    pub fn of(policies: &PolicySet) -> Result<Self, PolicyError> {
        let mut reads = Self {
            subject: false,
            operator: false,
        };
        for policy in policies.policies() {
            let json = policy.to_json().map_err(|e| PolicyError::Policies(e.to_string()))?;
            reads.add(&json);
        }
        Ok(reads)
    }

    /// In Cedar's JSON, `context.subject` is `{".": {"left": {"Var": "context"}, "attr": "subject"}}`, and the same with
    /// `has`.
    fn add(&mut self, expression: &Value) {
        let is_context = |value: &Value| value.get("Var").is_some_and(|var| var == "context");
        if is_context(expression) {
            *self = Self {
                subject: true,
                operator: true,
            };
        }
        match (expression.get("left"), expression.get("attr").and_then(Value::as_str)) {
            (Some(left), Some(attribute)) if is_context(left) => match attribute {
                "subject" | "case_applicant" => self.subject = true,
                "operator" => self.operator = true,
                _ => {}
            },
            _ => match expression {
                Value::Array(all) => all.iter().for_each(|part| self.add(part)),
                Value::Object(all) => all.values().for_each(|part| self.add(part)),
                _ => {}
            },
        }
    }
}

/// The answers of one second. They are those of one state of the catalogue: with another they are forgotten.
#[derive(Debug, Default)]
pub(super) struct Memo(Mutex<Second>);

#[derive(Debug, Default)]
struct Second {
    second: i64,
    answers: HashMap<Vec<u8>, Decision>,
}

impl Memo {
    /// What was answered in this second to a question that no policy could tell from this one.
    pub fn get(&self, second: i64, key: &[u8]) -> Option<Decision> {
        let known = self.lock();
        (known.second == second).then(|| known.answers.get(key).cloned())?
    }

    pub fn put(&self, second: i64, key: Vec<u8>, decision: &Decision) {
        if key.len() > MAX_KEY_BYTES {
            return;
        }
        let mut known = self.lock();
        if known.second != second || known.answers.len() >= KEPT {
            known.second = second;
            known.answers.clear();
        }
        known.answers.insert(key, decision.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Second> {
        // An answer is put in whole: what a panicking thread left behind holds.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that a decision goes by, but for the system, the resource and the time; parts with their lengths, so that no two
/// questions have one key.
pub(super) fn key(question: &Question<'_>, reads: Reads) -> Vec<u8> {
    let mut key = Vec::with_capacity(512);
    let mut part = |text: &str| {
        key.extend_from_slice(&text.len().to_le_bytes());
        key.extend_from_slice(text.as_bytes());
    };
    match question.action {
        Action::Query => part("query"),
        Action::Verify => part("verify"),
        Action::Issue(certificate) => {
            part("issue");
            part(certificate.as_ref());
        }
    }
    let case = question.case;
    part(if case.status == CaseStatus::Open {
        "open"
    } else {
        "closed"
    });
    part(case.department.as_ref());
    part(if *question.subject == case.applicant {
        "applicant"
    } else {
        "another"
    });
    if reads.subject {
        part(question.subject.as_str());
        part(case.applicant.as_str());
    }
    if reads.operator {
        part(question.operator.as_ref());
    }
    // A list ends with a part that no name can be.
    question.fields.iter().for_each(|field| part(field.as_ref()));
    part("");
    part(question.item.code.as_ref());
    for need in &question.item.needs {
        part(need.resource.as_ref());
        need.fields.iter().for_each(|field| part(field.as_ref()));
        part("");
    }
    part("");
    question.item.certificates.iter().for_each(|kind| part(kind.as_ref()));
    key
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn reads(condition: &str) -> (bool, bool) {
        let policies: PolicySet = format!("forbid (principal, action, resource) when {{ {condition} }};")
            .parse()
            .unwrap();
        let Reads { subject, operator } = Reads::of(&policies).unwrap();
        (subject, operator)
    }

    #[test]
    fn what_policies_read_is_found_wherever_it_stands() {
        assert_eq!(reads("context.subject_is_applicant && context.now < 0"), (false, false));
        assert_eq!(
            reads(r#"if context.now < 0 then [context.subject].contains("a") else false"#),
            (true, false)
        );
        assert_eq!(reads(r#"{"a": context.case_applicant} == {"a": "b"}"#), (true, false));
        assert_eq!(reads("context has subject"), (true, false));
        assert_eq!(reads(r#"!(context["operator"] like "1*")"#), (false, true));
        assert_eq!(reads("context == context"), (true, true));
        assert_eq!(reads("[context].isEmpty()"), (true, true));
        assert_eq!(
            reads("(if context.now < 0 then context else context).case_open"),
            (true, true)
        );
    }
}
