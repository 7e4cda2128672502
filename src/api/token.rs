//! `/v1/token`: OAuth 2.0 client credentials (RFC 6749 4.4), bound to the client certificate (RFC 8705) and a case.

use actix_web::{HttpRequest, HttpResponse, dev, http::header, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    act::Act,
    extract::{parse_id, read_body, service, unsupported_media_type},
    problem::Problem,
};
use crate::{
    audit::Action,
    case::{CaseError, CaseStatus, Cases},
    catalogue::Catalogue,
    config::Limits,
    department::{Permission, TOKEN_LIFETIME_S, TokenKey, TokenPurpose},
    ids::{CaseId, CitizenId, GrantId, OperatorId},
    policy::Refusal,
};

/// What a token is asked for; parameters that are not known are ignored (RFC 6749 3.2).
#[derive(Deserialize, ToSchema)]
pub struct TokenForm {
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// The case (办件) that needs the data: open, and of the caller's department.
    #[schema(max_length = 64, example = "01980000-0000-7000-8000-000000000001")]
    case: String,
    /// The staff number of the operator (经办人): never a name or an ID number.
    #[schema(max_length = 64, example = "w-001")]
    operator: String,
    /// Optional; if given, the id of the calling system.
    client_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Token {
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds.
    #[schema(example = 900)]
    expires_in: u32,
}

/// Get a token for a case
///
/// It counts for 15 minutes, for the case's service item, and together with the client certificate that asked for it.
/// The case and the grants are looked at again on every query: a token outlives neither.
#[utoipa::path(
    post, path = "/v1/token", tag = "exchange",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = Token),
        (status = 400, description = "`grant_type_unsupported`, `form_invalid`", body = Problem),
        (status = 401, description = "`client_certificate_missing` and others of the certificate", body = Problem),
        (status = 403, description = "`permission_missing`, `case_closed`", body = Problem),
        (status = 404, description = "`case_not_found`: no such case of this department", body = Problem),
        (status = 422, description = "`operator_is_a_person`, `identifier_invalid`", body = Problem),
        (status = 503, description = "`audit_unavailable`", body = Problem)
    )
)]
pub async fn issue(
    act: Act,
    request: HttpRequest,
    payload: web::Payload,
    cases: web::Data<Cases>,
    catalogue: web::Data<Catalogue>,
    key: web::Data<TokenKey>,
) -> Result<HttpResponse, Problem> {
    let form = form(&request, payload.into_inner()).await?;
    let mut entry = act.entry(Action::Token);
    act.must_have_one(&[Permission::Query, Permission::Issue], &entry)
        .await?;
    if form.grant_type != "client_credentials" {
        let problem = Problem::bad_request(
            "grant_type_unsupported",
            "grant_type 应为 client_credentials。",
            "`grant_type` must be `client_credentials`.",
        );
        return Err(problem.about("grant_type"));
    }
    if form.client_id.is_some_and(|id| id != act.caller.system.id.as_str()) {
        let problem = Problem::bad_request(
            "client_id_wrong",
            "client_id 与客户端证书所属系统不符。",
            "`client_id` is not the system of this client certificate.",
        );
        return Err(act.refuse(entry, problem.about("client_id")).await);
    }
    let id: CaseId = parse_id("case", &form.case)?;
    let operator = operator(&form.operator)?;
    entry.operator = Some(operator.clone());

    let case = match cases.case(&id).await {
        Ok(case) if case.department == act.caller.department.id => case,
        Ok(_) => return Err(act.refuse(entry, CaseError::NoSuchCase(id).into()).await),
        Err(error) => return Err(act.refuse(entry, error.into()).await),
    };
    entry.case = Some(case.id.clone());
    entry.item = Some(case.item.clone());
    entry.subject = Some(case.applicant.clone());
    if case.status == CaseStatus::Closed {
        return Err(act.refuse(entry, Refusal::CaseClosed.into()).await);
    }
    let now = act.now();
    let mut grants: Vec<GrantId> = catalogue
        .snapshot()
        .by_grantee
        .get(&case.department)
        .into_iter()
        .flatten()
        .filter(|grant| grant.is_in_force(now) && grant.service_items.contains(&case.item))
        .map(|grant| grant.id.clone())
        .collect();
    grants.sort();
    entry.grants.clone_from(&grants);

    let token = act
        .carry_out(entry, async {
            key.issue(
                TokenPurpose {
                    system: &act.caller.system.id,
                    operator: &operator,
                    case: &case.id,
                    item: &case.item,
                    grants: &grants,
                    certificate_sha256: &act.certificate.sha256,
                },
                now,
            )
        })
        .await?;
    // RFC 6749 5.1
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Token {
            access_token: token,
            token_type: "Bearer",
            expires_in: TOKEN_LIFETIME_S,
        }))
}

/// A staff number. A citizen's ID number is refused: it would stand in clear in the audit log.
pub(super) fn operator(text: &str) -> Result<OperatorId, Problem> {
    if CitizenId::parse(text).is_ok() {
        return Err(Problem::unprocessable(
            "operator_is_a_person",
            "operator 应为工号，不得为身份证号码。",
            "`operator` must be a staff number, not an ID number.",
        )
        .about("operator"));
    }
    parse_id("operator", text)
}

async fn form(request: &HttpRequest, payload: dev::Payload) -> Result<TokenForm, Problem> {
    const FORM: &str = "application/x-www-form-urlencoded";
    if !actix_web::HttpMessage::content_type(request).eq_ignore_ascii_case(FORM) {
        return Err(unsupported_media_type(FORM));
    }
    let body = read_body(payload, service::<Limits>(request)?.json_body_bytes).await?;
    let invalid = || {
        Problem::bad_request(
            "form_invalid",
            "请求体应为表单，含 grant_type、case 和 operator，各一次。",
            "The body must be a form with `grant_type`, `case` and `operator`, each once.",
        )
    };
    let text = std::str::from_utf8(&body).map_err(|_| invalid())?;
    let form = web::Query::<TokenForm>::from_query(text).map_err(|_| invalid())?;
    Ok(form.into_inner())
}
