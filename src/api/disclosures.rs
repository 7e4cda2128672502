//! `/v1/resources/{code}/query` and `/verify`: one disclosure each.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, http::header, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    SubjectBody,
    act::Act,
    extract::{Json, Purpose, parse_id},
    problem::Problem,
};
use crate::{
    audit::{Action, Entry},
    department::Permission,
    exchange::{Ask, Exchange, Released, Request},
    ids::{CaseId, FieldName, RequestId, ResourceCode},
};

/// The most fields or claims in one request: as many as a resource can have.
const MAX_FIELDS: usize = 200;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The applicant of the case.
    subject: SubjectBody,
    /// The fields wanted; none asks for all that are allowed.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 200, example = json!(["name", "status"]))]
    fields: Vec<FieldName>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The applicant of the case.
    subject: SubjectBody,
    /// What the applicant says, a value of its data item's type by field.
    #[schema(value_type = BTreeMap<String, Value>, example = json!({"status": "正常参保"}))]
    claims: BTreeMap<FieldName, Value>,
}

#[derive(Serialize, ToSchema)]
pub struct QueryAnswer<'a> {
    #[schema(value_type = String)]
    request_id: &'a RequestId,
    /// The sequence number of the audit entry.
    #[schema(example = 1042)]
    entry: u64,
    #[schema(value_type = String)]
    resource: &'a ResourceCode,
    #[schema(value_type = String)]
    case: &'a CaseId,
    /// The mask of each field.
    #[schema(value_type = BTreeMap<String, String>, example = json!({"name": "name", "status": "none"}))]
    fields: BTreeMap<&'a str, &'static str>,
    /// What the provider holds, in its order; none where it knows nothing of the subject.
    #[schema(value_type = Vec<BTreeMap<String, Value>>, example = json!([{"name": "***例", "status": "正常参保"}]))]
    records: &'a [Map<String, Value>],
}

#[derive(Serialize, ToSchema)]
pub struct VerifyAnswer<'a> {
    #[schema(value_type = String)]
    request_id: &'a RequestId,
    /// The sequence number of the audit entry.
    #[schema(example = 1043)]
    entry: u64,
    #[schema(value_type = String)]
    resource: &'a ResourceCode,
    #[schema(value_type = String)]
    case: &'a CaseId,
    /// Yes or no to each claim, all of one record of the provider's; no to all where it knows nothing of the subject.
    #[schema(value_type = BTreeMap<String, bool>, example = json!({"status": true}))]
    matches: BTreeMap<&'a str, bool>,
}

/// Query the data of one person
///
/// Needs a token (`POST /v1/token`) and the client certificate that it is bound to. The access is recorded before the
/// provider is asked; fields that were not granted never leave, and masks are applied here.
#[utoipa::path(
    post, path = "/v1/resources/{code}/query", tag = "exchange", request_body = Query,
    params(("code" = String, Path, description = "The resource", example = "653125-hr-social-insurance")),
    security(("purpose" = [])),
    responses(
        (status = 200, body = QueryAnswer),
        (status = 401, description = "`purpose_missing`, `token_expired`, `token_bound_to_other_certificate`", body = Problem),
        (
            status = 403, body = Problem,
            description = "`case_closed`, `subject_not_applicant`, `resource_not_published`, `resource_prohibited`, \
                           `resource_verify_only`, `item_does_not_need_resource`, `guardrail`, `grant_expired`, \
                           `grant_withdrawn`, `grant_missing`, `field_not_granted`, `permission_missing`"
        ),
        (status = 404, description = "`resource_not_found`", body = Problem),
        (status = 422, description = "`field_unknown`, `check_character_wrong`, `body_invalid`", body = Problem),
        (status = 429, description = "`rate_limited`", body = Problem),
        (status = 502, description = "`provider_failed`, `provider_garbage`, `provider_too_much`", body = Problem),
        (status = 503, description = "`audit_unavailable`, `provider_resting`", body = Problem),
        (status = 504, description = "`provider_timeout`", body = Problem)
    )
)]
pub async fn query(
    purpose: Purpose,
    act: Act,
    code: web::Path<String>,
    Json(body): Json<Query>,
    exchange: web::Data<Exchange>,
) -> Result<HttpResponse, Problem> {
    let call = Call::new(&purpose, &act, &code, Action::Query).await?;
    bounded("fields", body.fields.len())?;
    let released = call
        .disclose(&exchange, &body.subject, Ask::Query(&body.fields))
        .await?;
    Ok(answer(&QueryAnswer {
        request_id: &act.request,
        entry: released.entry,
        resource: &call.resource,
        case: &purpose.case,
        fields: released
            .fields
            .iter()
            .map(|f| (f.name.as_str(), f.mask.as_str()))
            .collect(),
        records: &released.records,
    }))
}

/// Ask whether claims about one person hold
///
/// The least that serves: yes or no a claim, no value. Otherwise like a query.
#[utoipa::path(
    post, path = "/v1/resources/{code}/verify", tag = "exchange", request_body = Verify,
    params(("code" = String, Path, description = "The resource", example = "653125-hr-social-insurance")),
    security(("purpose" = [])),
    responses(
        (status = 200, body = VerifyAnswer),
        (status = 401, description = "`purpose_missing`, `token_expired`, `token_bound_to_other_certificate`", body = Problem),
        (
            status = 403, body = Problem,
            description = "`case_closed`, `subject_not_applicant`, `resource_not_published`, `resource_prohibited`, \
                           `item_does_not_need_resource`, `guardrail`, `grant_expired`, `grant_withdrawn`, \
                           `grant_missing`, `field_not_granted`, `permission_missing`"
        ),
        (status = 404, description = "`resource_not_found`", body = Problem),
        (status = 422, description = "`claim_invalid`, `field_unknown`, `check_character_wrong`", body = Problem),
        (status = 429, description = "`rate_limited`", body = Problem),
        (status = 502, description = "`provider_failed`, `provider_garbage`, `provider_too_much`", body = Problem),
        (status = 503, description = "`audit_unavailable`, `provider_resting`", body = Problem),
        (status = 504, description = "`provider_timeout`", body = Problem)
    )
)]
pub async fn verify(
    purpose: Purpose,
    act: Act,
    code: web::Path<String>,
    Json(body): Json<Verify>,
    exchange: web::Data<Exchange>,
) -> Result<HttpResponse, Problem> {
    let call = Call::new(&purpose, &act, &code, Action::Verify).await?;
    bounded("claims", body.claims.len())?;
    if body.claims.is_empty() {
        return Err(Problem::unprocessable(
            "claims_missing",
            "claims 至少应含一项。",
            "`claims` must hold at least one claim.",
        )
        .about("claims"));
    }
    let released = call
        .disclose(&exchange, &body.subject, Ask::Verify(&body.claims))
        .await?;
    Ok(answer(&VerifyAnswer {
        request_id: &act.request,
        entry: released.entry,
        resource: &call.resource,
        case: &purpose.case,
        matches: released
            .matches
            .iter()
            .map(|(name, holds)| (name.as_str(), *holds))
            .collect(),
    }))
}

struct Call<'a> {
    purpose: &'a Purpose,
    act: &'a Act,
    resource: ResourceCode,
}

impl<'a> Call<'a> {
    async fn new(purpose: &'a Purpose, act: &'a Act, code: &str, action: Action) -> Result<Self, Problem> {
        if !act.caller.may(Permission::Query) {
            let entry = Entry {
                operator: Some(purpose.operator.clone()),
                case: Some(purpose.case.clone()),
                item: Some(purpose.item.clone()),
                ..act.entry(action)
            };
            act.must_have_one(&[Permission::Query], &entry).await?;
        }
        Ok(Self {
            purpose,
            act,
            resource: parse_id("code", code)?,
        })
    }

    async fn disclose(&self, exchange: &Exchange, subject: &SubjectBody, ask: Ask<'_>) -> Result<Released, Problem> {
        let released = exchange
            .disclose(Request {
                id: &self.act.request,
                caller: &self.act.caller,
                operator: &self.purpose.operator,
                case: &self.purpose.case,
                resource: &self.resource,
                subject: &subject.parse()?,
                ask,
            })
            .await?;
        Ok(released)
    }
}

fn bounded(field: &'static str, count: usize) -> Result<(), Problem> {
    if count <= MAX_FIELDS {
        return Ok(());
    }
    Err(Problem::unprocessable(
        "too_many_fields",
        format!("{field} 最多 {MAX_FIELDS} 项。"),
        format!("`{field}` can hold at most {MAX_FIELDS}."),
    )
    .about(field))
}

/// Personal data: no cache on the way may keep it.
fn answer(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(body)
}
