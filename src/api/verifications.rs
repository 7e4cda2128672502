//! `/v1/verifications`: anybody may bring a document, or the code that is printed on one.

use actix_multipart::{Multipart, MultipartError};
use actix_web::{HttpMessage, HttpRequest, http::StatusCode, web};
use futures_util::StreamExt;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    extract::{incomplete, parse_json, read_body, too_large, unsupported_media_type},
    problem::Problem,
};
use crate::{
    config::Limits,
    verification::{Admission, Desk, DeskError, NotAdmitted, Receipt, Report},
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

/// Verify a document or a verification code
///
/// What the document is shows from its bytes. A bad, broken or hostile one gives a report like any other; it is not kept.
#[utoipa::path(
    post, path = "/v1/verifications", tag = "portal",
    request_body(content(
        (DocumentForm = "multipart/form-data"),
        (CodeBody = "application/json")
    )),
    responses(
        (status = 200, body = Report),
        (status = 400, description = "`form_invalid`, `body_malformed`", body = Problem),
        (status = 413, description = "`body_too_large`", body = Problem),
        (status = 415, description = "`media_type_unsupported`", body = Problem),
        (status = 422, description = "`body_invalid`", body = Problem),
        (status = 429, description = "`rate_limited`", body = Problem),
        (status = 503, description = "`store_unavailable`, `verification_full`", body = Problem)
    )
)]
pub async fn verify(
    request: HttpRequest,
    payload: web::Payload,
    desk: web::Data<Desk>,
    admission: web::Data<Admission>,
    limits: web::Data<Limits>,
) -> Result<web::Json<Report>, Problem> {
    admission.admit(request.peer_addr().map(|address| address.ip()))?;
    let report = match request.content_type() {
        "multipart/form-data" => {
            let form = Multipart::new(request.headers(), payload);
            let mut receipt = admission.receive();
            let (name, bytes) = file(form, &mut receipt).await?;
            desk.document(bytes, name).await
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

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        Self::unavailable(&error)
    }
}
