//! `/v1/cases`: the registry of purposes.

use std::sync::Arc;

use actix_web::{HttpResponse, http::header, rt, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    SubjectBody,
    act::Act,
    extract::{IdempotencyKey, Json, parse_id},
    idempotency::Once,
    problem::Problem,
    token::operator,
};
use crate::{
    audit::Action,
    case::{Case, CaseError, Cases, EventKind},
    department::{Permission, Reply, ReplyStore},
    ids::{CaseId, ItemCode, PseudonymKey},
};

/// A case to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCase {
    /// The service item (事项) that the applicant asks for.
    #[schema(max_length = 64, example = "shebao-canbao-dayin")]
    item: String,
    /// The applicant: kept as a pseudonym only.
    applicant: SubjectBody,
    /// The staff number of the operator (经办人).
    #[schema(max_length = 64, example = "w-001")]
    operator: String,
}

/// Something that happened in a case.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    kind: EventKind,
    #[schema(max_length = 64, example = "w-001")]
    operator: String,
    /// A note for the file; it must not name a person.
    #[serde(default)]
    #[schema(max_length = 500)]
    note: String,
}

/// Open a case
#[utoipa::path(
    post, path = "/v1/cases", tag = "exchange", request_body = NewCase,
    params(("Idempotency-Key" = String, Header, description = "8 to 128 visible ASCII characters, the same on a retry")),
    responses(
        (status = 201, body = Case),
        (status = 400, description = "`idempotency_key_missing`, `body_malformed`", body = Problem),
        (status = 403, description = "`permission_missing`", body = Problem),
        (status = 409, description = "`request_in_progress`", body = Problem),
        (status = 422, description = "`item_not_found`, `check_character_wrong`, `idempotency_key_reused`", body = Problem),
        (status = 503, description = "`audit_unavailable`, `store_unavailable`", body = Problem)
    )
)]
pub async fn open(
    act: Act,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<NewCase>,
    cases: web::Data<Cases>,
    pseudonyms: web::Data<PseudonymKey>,
    replies: web::Data<dyn ReplyStore>,
) -> Result<HttpResponse, Problem> {
    let mut entry = act.entry(Action::OpenCase);
    act.must_have_one(&[Permission::Case], &entry).await?;
    let item: ItemCode = parse_id("item", &body.item)?;
    let operator = operator(&body.operator)?;
    let applicant = pseudonyms.pseudonym(&body.applicant.parse()?.id);
    if cases.item(&item).is_none() {
        return Err(CaseError::NoSuchItem(item).into());
    }
    entry.operator = Some(operator.clone());
    entry.item = Some(item.clone());
    entry.subject = Some(applicant.clone());

    // In a task of its own: where the caller went away half-way, the key would be without its answer, and a retry would
    // open a second case.
    let opening = rt::spawn(async move {
        let system = &act.caller.system;
        let once = Once {
            replies: replies.into_inner(),
            system: &system.id,
            key: &key,
            request: &["POST /v1/cases", item.as_str(), operator.as_str(), applicant.as_str()],
            now: act.now(),
        };
        once.answer(async {
            let id = CaseId::fresh();
            entry.case = Some(id.clone());
            let start = cases.start(id, &item, &system.department, &system.id, &operator, applicant.clone());
            let case = act.carry_out(entry, start).await?;
            Ok(Reply {
                status: 201,
                body: serde_json::to_vec(&*case).map_err(|error| Problem::internal(&error))?,
            })
        })
        .await
    });
    opening.await.map_err(|error| Problem::internal(&error))?
}

/// A case of the caller's department
#[utoipa::path(
    get, path = "/v1/cases/{id}", tag = "exchange", params(("id" = String, Path, description = "The case")),
    responses(
        (status = 200, body = Case),
        (status = 403, description = "`permission_missing`", body = Problem),
        (status = 404, description = "`case_not_found`: no such case of this department", body = Problem)
    )
)]
pub async fn read(act: Act, id: web::Path<String>, cases: web::Data<Cases>) -> Result<HttpResponse, Problem> {
    act.must(Permission::Case)?;
    let case = own(&act, &cases, &parse_id("id", &id)?).await?;
    Ok(answer(&case))
}

/// Add an event; `closed` closes the case
///
/// From that moment nothing more is disclosed for the case, with tokens that are still valid neither.
#[utoipa::path(
    post, path = "/v1/cases/{id}/events", tag = "exchange", request_body = NewEvent,
    params(("id" = String, Path, description = "The case")),
    responses(
        (status = 200, body = Case),
        (status = 403, description = "`permission_missing`", body = Problem),
        (status = 404, description = "`case_not_found`: no such case of this department", body = Problem),
        (status = 409, description = "`case_closed`, `case_events_limit`", body = Problem),
        (status = 422, description = "`note_invalid`", body = Problem),
        (status = 503, description = "`audit_unavailable`, `store_unavailable`", body = Problem)
    )
)]
pub async fn add_event(
    act: Act,
    id: web::Path<String>,
    Json(body): Json<NewEvent>,
    cases: web::Data<Cases>,
) -> Result<HttpResponse, Problem> {
    let mut entry = act.entry(Action::CaseEvent);
    act.must_have_one(&[Permission::Case], &entry).await?;
    let operator = operator(&body.operator)?;
    entry.operator = Some(operator.clone());
    let case = match own(&act, &cases, &parse_id("id", &id)?).await {
        Ok(case) => case,
        Err(problem) => return Err(act.refuse(entry, problem).await),
    };
    entry.case = Some(case.id.clone());
    entry.item = Some(case.item.clone());
    entry.subject = Some(case.applicant.clone());
    let add = cases.add_event(&case.id, body.kind, &operator, &body.note);
    Ok(answer(&*act.carry_out(entry, add).await?))
}

/// A case of another department is answered like one that does not exist.
async fn own(act: &Act, cases: &Cases, id: &CaseId) -> Result<Arc<Case>, Problem> {
    let case = cases.case(id).await?;
    if case.department == act.caller.department.id {
        Ok(case)
    } else {
        Err(CaseError::NoSuchCase(id.clone()).into())
    }
}

fn answer(case: &Case) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(case)
}
