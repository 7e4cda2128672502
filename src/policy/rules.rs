use std::{collections::HashMap, fmt::Write, path::Path, str::FromStr};

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use jiff::Timestamp;

use super::{PolicyError, Refusal, memo::Reads};
use crate::catalogue::Grant;

const SCHEMA: &str = include_str!("../../config/policy/schema.cedarschema");
const GUARDRAILS: &str = include_str!("../../config/policy/guardrails.cedar");

/// The `@code` of the one permit that no grant stands behind: unconditional sharing.
const UNCONDITIONAL: &str = "unconditional";

/// The guardrails that every node has, in the order in which their refusals are named.
const REQUIRED: [Refusal; 8] = [
    Refusal::CaseClosed,
    Refusal::CaseOfAnotherDepartment,
    Refusal::SubjectNotApplicant,
    Refusal::ResourceNotPublished,
    Refusal::ResourceProhibited,
    Refusal::VerifyOnly,
    Refusal::ItemDoesNotNeedResource,
    Refusal::ItemDoesNotIssueCertificate,
];

/// The guardrails, checked against the schema, and what each of them says.
pub(super) struct Guardrails {
    pub policies: PolicySet,
    pub reads: Reads,
    validator: Validator,
    forbids: HashMap<PolicyId, (usize, Refusal)>,
    unconditional: Option<PolicyId>,
}

impl Guardrails {
    /// Those that the program carries.
    pub fn built_in() -> Result<Self, PolicyError> {
        Self::parse(SCHEMA, GUARDRAILS)
    }

    /// Reads `schema.cedarschema` and `guardrails.cedar`.
    pub fn read(folder: &Path) -> Result<Self, PolicyError> {
        let text = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).map_err(|e| PolicyError::Policies(format!("{}: {e}", path.display())))
        };
        Self::parse(&text("schema.cedarschema")?, &text("guardrails.cedar")?)
    }

    fn parse(schema: &str, guardrails: &str) -> Result<Self, PolicyError> {
        let wrong = |what: String| PolicyError::Policies(what);
        let (schema, _) = Schema::from_cedarschema_str(schema).map_err(|e| wrong(e.to_string()))?;
        let policies = PolicySet::from_str(guardrails).map_err(|e| wrong(e.to_string()))?;
        if policies.num_of_templates() > 0 {
            return Err(wrong("a guardrail cannot be a template".to_owned()));
        }
        let validator = Validator::new(schema);
        validate(&validator, &policies)?;

        let mut forbids = HashMap::new();
        let mut unconditional = None;
        for policy in policies.policies() {
            let code = policy.annotation("code").unwrap_or_default();
            let form = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            if code.is_empty() || code.len() > 64 || !code.bytes().all(form) {
                return Err(wrong(format!(
                    "the policy `{}` has no @code of a-z, 0-9, _",
                    policy.id()
                )));
            }
            match policy.effect() {
                Effect::Permit if code == UNCONDITIONAL && unconditional.is_none() => {
                    unconditional = Some(policy.id().clone());
                }
                Effect::Permit => return Err(wrong(format!("`{code}`: only a grant can permit"))),
                Effect::Forbid => {
                    let rank = REQUIRED.iter().position(|refusal| refusal.code() == code);
                    let refusal = rank
                        .and_then(|at| REQUIRED.get(at).cloned())
                        .unwrap_or_else(|| Refusal::Guardrail(code.to_owned()));
                    forbids.insert(policy.id().clone(), (rank.unwrap_or(REQUIRED.len()), refusal));
                }
            }
        }
        for required in &REQUIRED {
            if !forbids.values().any(|(_, refusal)| refusal == required) {
                return Err(wrong(format!("the guardrail `{}` is missing", required.code())));
            }
        }
        Ok(Self {
            reads: Reads::of(&policies)?,
            policies,
            validator,
            forbids,
            unconditional,
        })
    }

    /// The refusal that comes first of the guardrails that forbade.
    pub fn first_refusal<'a>(&self, reasons: impl Iterator<Item = &'a PolicyId>) -> Option<Refusal> {
        reasons
            .filter_map(|id| self.forbids.get(id))
            .min_by(|a, b| (a.0, a.1.to_string()).cmp(&(b.0, b.1.to_string())))
            .map(|(_, refusal)| refusal.clone())
    }

    pub fn is_unconditional(&self, id: &PolicyId) -> bool {
        self.unconditional.as_ref() == Some(id)
    }

    /// The guardrails with one permit a grant.
    pub fn with_grants<'a>(
        &self,
        grants: impl Iterator<Item = (PolicyId, &'a Grant)>,
    ) -> Result<PolicySet, PolicyError> {
        let mut policies = self.policies.clone();
        for (id, grant) in grants {
            let policy = Policy::parse(Some(id), permit(grant)).map_err(|e| PolicyError::Policies(e.to_string()))?;
            policies.add(policy).map_err(|e| PolicyError::Policies(e.to_string()))?;
        }
        validate(&self.validator, &policies)?;
        Ok(policies)
    }
}

fn validate(validator: &Validator, policies: &PolicySet) -> Result<(), PolicyError> {
    let result = validator.validate(policies, ValidationMode::Strict);
    match result.validation_errors().next() {
        None => Ok(()),
        Some(error) => Err(PolicyError::Policies(error.to_string())),
    }
}

/// A grant as Cedar. Identifiers hold nothing that would end a string literal: letters, digits and `. _ : -` only. Its
/// times count in whole seconds, as the time of a question does: it begins and ends as the second begins that they are in.
fn permit(grant: &Grant) -> String {
    let list = |ids: &mut dyn Iterator<Item = &str>| {
        ids.fold(String::new(), |mut text, id| {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}\"{id}\"");
            text
        })
    };
    let items = list(&mut grant.service_items.iter().map(AsRef::as_ref));
    let certificates = list(&mut grant.certificates.iter().map(AsRef::as_ref));
    let mut actions = r#"Action::"query", Action::"verify""#.to_owned();
    let mut conditions = format!(
        r#"context.now >= {} && context.now < {} && [{items}].contains(context.item)"#,
        whole_seconds_ms(grant.valid_from),
        whole_seconds_ms(grant.valid_until),
    );
    if let Some(at) = grant.withdrawn_at {
        let _ = write!(conditions, " && context.now < {}", whole_seconds_ms(at));
    }
    if !certificates.is_empty() {
        actions.push_str(r#", Action::"issue""#);
        let _ = write!(
            conditions,
            r#" && (action != Action::"issue" || [{certificates}].contains(context.certificate))"#
        );
    }
    format!(
        r#"permit (principal in Department::"{}", action in [{actions}], resource == Resource::"{}") when {{ {conditions} }};"#,
        grant.grantee, grant.resource,
    )
}

/// The beginning of the second that this moment is in, in milliseconds since 1970.
pub(super) fn whole_seconds_ms(time: Timestamp) -> i64 {
    time.as_millisecond().div_euclid(1_000) * 1_000
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn error(guardrails: &str) -> String {
        match Guardrails::parse(SCHEMA, guardrails) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_node_does_not_start_without_one_of_the_required_guardrails() {
        for required in &REQUIRED {
            let code = format!("@code(\"{}\")", required.code());
            let without = GUARDRAILS.replace(&code, "@code(\"another\")");
            assert_eq!(
                error(&without),
                format!(
                    "the policies cannot be read: the guardrail `{}` is missing",
                    required.code()
                )
            );
        }
    }

    #[test]
    fn a_policy_that_speaks_of_what_the_schema_does_not_know_is_refused() {
        let with =
            format!("{GUARDRAILS}\n@code(\"x\") forbid (principal, action, resource) when {{ context.weather }};");
        assert!(error(&with).contains("weather"), "{}", error(&with));
    }

    #[test]
    fn an_operator_may_forbid_more_but_not_permit_more() {
        let forbid =
            format!("{GUARDRAILS}\n@code(\"night\") forbid (principal, action, resource) when {{ context.now < 0 }};");
        assert_eq!(error(&forbid), "");
        let permit = format!("{GUARDRAILS}\n@code(\"all\") permit (principal, action, resource);");
        assert!(error(&permit).contains("only a grant can permit"));
        let nameless = format!("{GUARDRAILS}\nforbid (principal, action, resource);");
        assert!(error(&nameless).contains("no @code"));
    }

    #[test]
    fn the_files_in_config_are_those_that_the_program_carries() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policy");
        let read = Guardrails::read(&folder).unwrap();
        assert_eq!(read.policies, Guardrails::built_in().unwrap().policies);
    }
}
