//! One question — may this system read these fields of this resource for this case? — and one [`Decision`].
//!
//! Guardrails and grants are Cedar policies: every grant of a department is a `permit`, every guardrail a `forbid`
//! (config/policy). The fields and masks come from the grants that Cedar says decided.

mod engine;
mod memo;
mod rules;

use std::sync::Arc;

pub use self::engine::Policy;
/// Who asks: a part of every question.
pub use crate::department::Caller;
use crate::{
    case::{Case, ServiceItem},
    catalogue::{Mask, Resource},
    ids::{CertificateType, FieldName, GrantId, OperatorId, Pseudonym},
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Field values of one subject.
    Query,
    /// Yes or no to claims about one subject.
    Verify,
    /// An e-certificate of this type, drawn from the resource.
    Issue(&'a CertificateType),
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub action: Action<'a>,
    pub caller: &'a Caller,
    pub operator: &'a OperatorId,
    pub case: &'a Case,
    pub item: &'a ServiceItem,
    pub resource: &'a Arc<Resource>,
    pub subject: &'a Pseudonym,
    /// The fields asked for; empty asks for all that are allowed.
    pub fields: &'a [FieldName],
}

/// The answer, with its reasons.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    Permit {
        fields: Vec<AllowedField>,
        /// The grants that decided.
        grants: Vec<GrantId>,
    },
    Refuse(Refusal),
}

/// A field that may be released, and how it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct AllowedField {
    pub name: FieldName,
    pub mask: Mask,
}

/// Why not: stable codes, in the order in which they are looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the case is closed")]
    CaseClosed,
    #[error("the case belongs to another department")]
    CaseOfAnotherDepartment,
    #[error("the subject is not the applicant of the case")]
    SubjectNotApplicant,
    #[error("the resource is not published")]
    ResourceNotPublished,
    #[error("the resource is not shared")]
    ResourceProhibited,
    #[error("the resource answers `verify` only")]
    VerifyOnly,
    #[error("the service item does not need the resource")]
    ItemDoesNotNeedResource,
    #[error("the service item does not lead to this certificate")]
    ItemDoesNotIssueCertificate,
    /// A guardrail that the operator of the node added.
    #[error("the guardrail `{0}` of this node forbids it")]
    Guardrail(String),
    #[error("the grant has expired")]
    GrantExpired,
    #[error("the grant was withdrawn")]
    GrantWithdrawn,
    #[error("the department has no grant for the resource and the service item")]
    NoGrant,
    #[error("no data item has the name `{0}`")]
    UnknownField(FieldName),
    #[error("the field `{0}` is not granted")]
    FieldNotGranted(FieldName),
}

impl Refusal {
    /// Its code in the API and the audit log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::CaseClosed => "case_closed",
            Self::CaseOfAnotherDepartment => "case_of_another_department",
            Self::SubjectNotApplicant => "subject_not_applicant",
            Self::ResourceNotPublished => "resource_not_published",
            Self::ResourceProhibited => "resource_prohibited",
            Self::VerifyOnly => "resource_verify_only",
            Self::ItemDoesNotNeedResource => "item_does_not_need_resource",
            Self::ItemDoesNotIssueCertificate => "item_does_not_issue_certificate",
            Self::Guardrail(_) => "guardrail",
            Self::GrantExpired => "grant_expired",
            Self::GrantWithdrawn => "grant_withdrawn",
            Self::NoGrant => "grant_missing",
            Self::UnknownField(_) => "field_unknown",
            Self::FieldNotGranted(_) => "field_not_granted",
        }
    }
}

/// Why no decision could be made: never a permit.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("the policies cannot be read: {0}")]
    Policies(String),
    #[error("the question cannot be put: {0}")]
    Question(String),
}

#[cfg(test)]
mod tests;
