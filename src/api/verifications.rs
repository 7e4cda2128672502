//! `/v1/verifications`: anybody may bring a document, or the code that is printed on one.

use actix_multipart::{Multipart, MultipartError};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{ContentDisposition, DispositionParam, DispositionType},
    },
    web,
};
use futures_util::StreamExt;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    extract::{Id, incomplete, parse_json, read_body, too_large, unsupported_media_type},
    openapi::Binary,
    problem::Problem,
};
use crate::{
    config::Limits,
    ids::VerificationId,
    verification::{Admission, Desk, DeskError, Language, NotAdmitted, PaperError, Receipt, Report},
};

/// The longest name of a file that stands in a report, in characters.
const FILE_NAME_CHARS: usize = 200;

/// A document to verify.
#[derive(ToSchema)]
#[allow(dead_code)] // describes the form: its parts are read as they come
struct DocumentForm {
    /// Exactly one.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// The code on a certificate that one has on paper only.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    /// 20 characters; case, spaces and hyphens do not matter.
    #[schema(max_length = 64, example = "7K3MPQ9XATB2C8RWZH05")]
    code: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VerifyQuery {
    /// Verify the document as of this moment, which has passed (RFC 3339): was it valid then?
    #[param(example = "2026-11-02T12:00:00+08:00")]
    at: Option<String>,
}

impl VerifyQuery {
    fn at(&self) -> Result<Option<Timestamp>, Problem> {
        let parsed = self.at.as_deref().map(str::parse).transpose();
        parsed.map_err(|_| at_invalid())
    }
}

fn at_invalid() -> Problem {
    Problem::unprocessable(
        "at_invalid",
        "at 应为已经过去的时刻（RFC 3339，含时区）。",
        "`at` must be a moment that has passed, in RFC 3339 with its zone.",
    )
    .about("at")
}

/// Verify a document or a verification code
///
/// What the document is shows from its bytes. A bad, broken or hostile one gives a report like any other. The document is
/// not kept; the report, without the file's name, is kept for a time under its `id`.
#[utoipa::path(
    post, path = "/v1/verifications", tag = "portal",
    params(VerifyQuery),
    request_body(content(
        (DocumentForm = "multipart/form-data"),
        (CodeBody = "application/json")
    )),
    responses(
        (status = 200, body = Report),
        (status = 400, description = "`form_invalid`, `body_malformed`", body = Problem),
        (status = 413, description = "`body_too_large`", body = Problem),
        (status = 415, description = "`media_type_unsupported`", body = Problem),
        (status = 422, description = "`body_invalid`, `at_invalid`", body = Problem),
        (status = 429, description = "`rate_limited`", body = Problem),
        (status = 503, description = "`store_unavailable`, `verification_full`", body = Problem)
    )
)]
pub async fn verify(
    request: HttpRequest,
    query: web::Query<VerifyQuery>,
    payload: web::Payload,
    desk: web::Data<Desk>,
    admission: web::Data<Admission>,
    limits: web::Data<Limits>,
) -> Result<web::Json<Report>, Problem> {
    admission.admit(request.peer_addr().map(|address| address.ip()))?;
    let at = query.at()?;
    let report = match request.content_type() {
        "multipart/form-data" => {
            let form = Multipart::new(request.headers(), payload);
            let mut receipt = admission.receive();
            let (name, bytes) = file(form, &mut receipt).await?;
            desk.document_at(bytes, name, at).await
        }
        "application/json" => {
            let body = read_body(payload.into_inner(), limits.json_body_bytes).await?;
            let body: CodeBody = parse_json(&body)?;
            desk.code(&body.code).await
        }
        _ => return Err(unsupported_media_type("multipart/form-data, application/json")),
    };
    Ok(web::Json(report?))
}

/// Read a report again
///
/// As it was given, without the file's name. Whoever has the id may read it; it is kept for the days that the node is
/// configured for (30 by default).
#[utoipa::path(
    get, path = "/v1/verifications/{id}", tag = "portal",
    params(("id" = String, Path, description = "The `id` of a report")),
    responses(
        (status = 200, body = Report),
        (status = 404, description = "`verification_not_found`: none, or no longer kept", body = Problem),
        (status = 503, description = "`store_unavailable`", body = Problem)
    )
)]
pub async fn read(path: web::Path<String>, desk: web::Data<Desk>) -> Result<web::Json<Report>, Problem> {
    let id = parse(&path)?;
    let report = desk.report(&id).await?.ok_or(PaperError::NoSuchReport)?;
    Ok(web::Json(report))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PaperQuery {
    /// `zh-CN` (default) or `en`
    lang: Option<String>,
}

/// Print a report
///
/// The report as a PDF, sealed by the node, with itself attached as `data.json`. It is sealed when it is first asked for
/// in a language, which is recorded before; from then on it is the same bytes.
#[utoipa::path(
    get, path = "/v1/verifications/{id}.pdf", tag = "portal",
    params(("id" = String, Path, description = "The `id` of a report"), PaperQuery),
    responses(
        (status = 200, description = "The sealed PDF", content_type = "application/pdf", body = inline(Binary)),
        (status = 404, description = "`verification_not_found`: none, or no longer kept", body = Problem),
        (status = 409, description = "`report_seal_missing`: no department seals the reports of this node", body = Problem),
        (status = 429, description = "`rate_limited`", body = Problem),
        (status = 503, description = "`store_unavailable`; `audit_unavailable`: sealing cannot be recorded, so nothing is sealed", body = Problem)
    )
)]
pub async fn print(
    request: HttpRequest,
    id: Id,
    path: web::Path<String>,
    query: web::Query<PaperQuery>,
    desk: web::Data<Desk>,
    admission: web::Data<Admission>,
) -> Result<HttpResponse, Problem> {
    let verification = parse(&path)?;
    admission.admit(request.peer_addr().map(|address| address.ip()))?;
    let lang = query.lang.as_deref().and_then(Language::parse).unwrap_or_default();
    let pdf = desk.paper(&id.0, &verification, lang).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/pdf")
        .insert_header(ContentDisposition {
            disposition: DispositionType::Attachment,
            parameters: vec![DispositionParam::Filename(format!("{verification}.pdf"))],
        })
        .body(pdf))
}

fn parse(id: &str) -> Result<VerificationId, Problem> {
    // What cannot be an id is none.
    VerificationId::parse(id).map_err(|_| PaperError::NoSuchReport.into())
}

async fn file(mut form: Multipart, receipt: &mut Receipt<'_>) -> Result<(Option<String>, web::Bytes), Problem> {
    let mut file = None;
    while let Some(part) = form.next().await {
        let mut part = part.map_err(|error| unread(&error))?;
        if part.name() != Some("file") || file.is_some() {
            return Err(malformed());
        }
        let name = part
            .content_disposition()
            .and_then(|disposition| disposition.get_filename())
            .filter(|name| !name.is_empty())
            .map(|name| name.chars().filter(|c| !c.is_control()).take(FILE_NAME_CHARS).collect());
        let mut bytes = web::BytesMut::new();
        while let Some(chunk) = part.next().await {
            let chunk = chunk.map_err(|error| unread(&error))?;
            receipt.take(&mut bytes, &chunk)?;
        }
        file = Some((name, bytes.freeze()));
    }
    file.ok_or_else(malformed)
}

fn unread(error: &MultipartError) -> Problem {
    match error {
        MultipartError::Payload(error) => incomplete(error),
        _ => malformed(),
    }
}

fn malformed() -> Problem {
    Problem::bad_request(
        "form_invalid",
        "表单应恰好包含一个名为 file 的文件。",
        "The form must hold exactly one part, a file of the name `file`.",
    )
}

impl From<NotAdmitted> for Problem {
    fn from(error: NotAdmitted) -> Self {
        match error {
            NotAdmitted::TooMany { retry_after_s } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "此地址查验过于频繁。请按 Retry-After 稍候再试。",
                "This address verifies too often. Wait as Retry-After says.",
            )
            .retry_after(retry_after_s),
            NotAdmitted::Full { retry_after_s } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "verification_full",
                "正在接收的文件过多。请按 Retry-After 稍候再试。",
                "Too many documents are being received. Wait as Retry-After says.",
            )
            .retry_after(retry_after_s),
            NotAdmitted::TooLarge { max_bytes } => too_large(max_bytes),
        }
    }
}

impl From<PaperError> for Problem {
    fn from(error: PaperError) -> Self {
        match error {
            PaperError::NoSuchReport => Self::not_found(
                "verification_not_found",
                "没有此编号的查验报告，或其保存期已过。请重新查验文件。",
                "No report of this id is kept, or no longer. Verify the document again.",
            ),
            PaperError::NoSeal => Self::conflict(
                "report_seal_missing",
                "本平台未设置加盖查验报告的印章，不能出具盖章的报告。",
                "No department seals the reports of this node: there is no sealed report.",
            ),
            PaperError::Desk(error) => error.into(),
            PaperError::Paper(error) => error.into(),
        }
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Future => at_invalid(),
            error => Self::unavailable(&error),
        }
    }
}
