//! `/v1/certificates`: issue, look at, fetch, revoke.

use actix_web::{
    HttpResponse,
    http::header::{self, ContentDisposition, DispositionParam, DispositionType},
    web,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    SubjectBody,
    act::Act,
    extract::{IdempotencyKey, Json, Purpose, parse_id},
    openapi::Binary,
    problem::Problem,
};
use crate::{
    audit::{Action, Entry},
    certificate::{Certificate, Issuer, Request, Revocation, RevocationReason, Status},
    department::Permission,
    ids::{CaseId, CertificateIdentifier, CertificateType},
};

/// What is to be issued, for which case, to whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "type": "shebao-canbao",
    "case": "019a9c3e-5b1c-7c44-9a53-1c1a8f6f0a11",
    "subject": {"id_type": "citizen_id", "id": "653199199003070015", "name": "甲·示例"}
}))]
pub struct IssueBody {
    /// The type of certificate, such as `shebao-canbao`.
    #[serde(rename = "type")]
    #[schema(value_type = String, max_length = 64)]
    certificate_type: CertificateType,
    /// The case that the token was made for.
    #[schema(value_type = String, max_length = 64)]
    case: CaseId,
    subject: SubjectBody,
}

/// An issued e-certificate.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "identifier": "1.2.156.3005.2.11653125MB99990018001.11653125MB99990018.20261122000017.001.U",
    "type": "shebao-canbao",
    "issuer": "shache-hr",
    "case": "019a9c3e-5b1c-7c44-9a53-1c1a8f6f0a11",
    "issued_at": "2026-11-22T04:00:00Z",
    "valid_from": "2026-11-22",
    "valid_until": "2027-02-19",
    "status": "valid",
    "verification_code": "7K3MPQ9XATB2C8RWZH05",
    "document_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "links": {
        "self": "/v1/certificates/1.2.156.3005.2.11653125MB99990018001.11653125MB99990018.20261122000017.001.U",
        "document_pdf": "/v1/certificates/1.2.156.3005.2.11653125MB99990018001.11653125MB99990018.20261122000017.001.U/document.pdf",
        "revoke": "/v1/certificates/1.2.156.3005.2.11653125MB99990018001.11653125MB99990018.20261122000017.001.U/revoke"
    }
}))]
pub struct CertificateBody {
    /// 电子证照标识 (GB/T 36904).
    #[schema(value_type = String)]
    identifier: CertificateIdentifier,
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    certificate_type: String,
    /// The department in whose name it is sealed.
    issuer: String,
    case: String,
    #[schema(value_type = String, format = DateTime)]
    issued_at: Timestamp,
    #[schema(format = Date)]
    valid_from: String,
    /// The last day on which it counts.
    #[schema(format = Date)]
    valid_until: String,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation: Option<Revocation>,
    /// What a verifier types where there is no file: 20 characters.
    verification_code: String,
    /// SHA-256 of the sealed PDF, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    document_sha256: Option<String>,
    links: Links,
}

#[derive(Serialize, ToSchema)]
pub struct Links {
    #[serde(rename = "self")]
    this: String,
    document_pdf: String,
    /// Where the department issues OFD too.
    #[serde(skip_serializing_if = "Option::is_none")]
    document_ofd: Option<String>,
    revoke: String,
}

/// Why a certificate is revoked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "superseded"}))]
pub struct RevokeBody {
    reason: RevocationReason,
}

/// A department that only provides data publishes; one that only handles cases issues. Either may look at what is its.
const HOLDERS: [Permission; 2] = [Permission::Issue, Permission::Publish];

/// Routes of the exchange listener.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/v1/certificates", web::post().to(issue))
        .route("/v1/certificates/{identifier}", web::get().to(show))
        .route("/v1/certificates/{identifier}/document.pdf", web::get().to(document))
        .route("/v1/certificates/{identifier}/document.ofd", web::get().to(ofd))
        .route("/v1/certificates/{identifier}/revoke", web::post().to(revoke));
}

/// Issue an e-certificate
///
/// Draws the data that its type names, lays the document out, seals it and keeps it. Repeating a request with the same
/// `Idempotency-Key` gives the same certificate, also after a failure on the way.
#[utoipa::path(
    post, path = "/v1/certificates", tag = "exchange", request_body = IssueBody,
    params(("Idempotency-Key" = String, Header, description = "8 to 128 visible ASCII characters")),
    responses(
        (status = 201, body = CertificateBody, headers(("Location" = String))),
        (status = 403, description = "`permission_missing`, `case_of_another_token`, or the policy's refusal", body = Problem),
        (status = 422, description = "`certificate_type_unknown`, `nothing_to_certify`, `certificate_too_long`, \
                                      `idempotency_key_reused`, `identifier_invalid`", body = Problem),
        (status = 503, description = "`audit_unavailable` (nothing was drawn or sealed), `issuing_unavailable`, `timestamp_unavailable`, `revocation_data_unavailable`", body = Problem)
    )
)]
pub async fn issue(
    purpose: Purpose,
    act: Act,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<IssueBody>,
    issuer: web::Data<Issuer>,
) -> Result<HttpResponse, Problem> {
    let entry = Entry {
        operator: Some(purpose.operator.clone()),
        case: Some(purpose.case.clone()),
        item: Some(purpose.item.clone()),
        ..act.entry(Action::Issue)
    };
    act.must_have_one(&[Permission::Issue], &entry).await?;
    if body.case != purpose.case {
        let problem = Problem::forbidden(
            "case_of_another_token",
            "访问令牌是为另一个办件签发的。请为此办件申请令牌。",
            "The token was made for another case. Get one for this case.",
        );
        return Err(act.refuse(entry, problem.about("case")).await);
    }
    let certificate = issuer
        .issue(Request {
            id: &act.request,
            caller: &act.caller,
            operator: &purpose.operator,
            case: &purpose.case,
            certificate_type: &body.certificate_type,
            subject: &body.subject.parse()?,
            idempotency_key: &key,
        })
        .await?;
    let body = shown(&issuer, certificate);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, body.links.this.clone()))
        .json(body))
}

/// Show a certificate and its status
///
/// For the department in whose name it was sealed and the one that asked for it.
#[utoipa::path(
    get, path = "/v1/certificates/{identifier}", tag = "exchange",
    params(("identifier" = String, Path, description = "GB/T 36904")),
    responses(
        (status = 200, body = CertificateBody),
        (status = 404, description = "`certificate_not_found`: none, or another department's", body = Problem)
    )
)]
pub async fn show(
    act: Act,
    path: web::Path<String>,
    issuer: web::Data<Issuer>,
) -> Result<web::Json<CertificateBody>, Problem> {
    act.must(Permission::Publish).or_else(|_| act.must(Permission::Issue))?;
    let identifier = parse_id("identifier", &path)?;
    let certificate = issuer.certificate(&act.caller, &identifier).await?;
    Ok(web::Json(shown(&issuer, certificate)))
}

/// Fetch the sealed document
///
/// Recorded before it leaves. For the department in whose name it was sealed and the one that asked for it.
#[utoipa::path(
    get, path = "/v1/certificates/{identifier}/document.pdf", tag = "exchange",
    params(("identifier" = String, Path, description = "GB/T 36904")),
    responses(
        (status = 200, description = "The sealed PDF, as it was issued", content_type = "application/pdf", body = inline(Binary)),
        (status = 404, description = "`certificate_not_found`: none, or another department's", body = Problem),
        (status = 503, description = "`audit_unavailable`: fetching cannot be recorded, so nothing leaves", body = Problem)
    )
)]
pub async fn document(act: Act, path: web::Path<String>, issuer: web::Data<Issuer>) -> Result<HttpResponse, Problem> {
    act.must_have_one(&HOLDERS, &act.entry(Action::Fetch)).await?;
    let identifier: CertificateIdentifier = parse_id("identifier", &path)?;
    let document = issuer.document(&act.request, &act.caller, &identifier).await?;
    Ok(download(document, "application/pdf", format!("{identifier}.pdf")))
}

/// Fetch the sealed document as OFD
///
/// The same pages as the PDF, with an electronic seal by GB/T 38540. Recorded before it leaves. For the department in
/// whose name it was sealed and the one that asked for it.
#[utoipa::path(
    get, path = "/v1/certificates/{identifier}/document.ofd", tag = "exchange",
    params(("identifier" = String, Path, description = "GB/T 36904")),
    responses(
        (status = 200, description = "The sealed OFD, as it was issued", content_type = "application/ofd", body = inline(Binary)),
        (status = 404, description = "`certificate_not_found`: none, or another department's; `certificate_has_no_ofd`", body = Problem),
        (status = 503, description = "`audit_unavailable`: fetching cannot be recorded, so nothing leaves", body = Problem)
    )
)]
pub async fn ofd(act: Act, path: web::Path<String>, issuer: web::Data<Issuer>) -> Result<HttpResponse, Problem> {
    act.must_have_one(&HOLDERS, &act.entry(Action::Fetch)).await?;
    let identifier: CertificateIdentifier = parse_id("identifier", &path)?;
    let document = issuer.ofd(&act.request, &act.caller, &identifier).await?;
    Ok(download(document, "application/ofd", format!("{identifier}.ofd")))
}

fn download(document: Vec<u8>, media_type: &str, name: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(media_type)
        .insert_header(ContentDisposition {
            disposition: DispositionType::Attachment,
            parameters: vec![DispositionParam::Filename(name)],
        })
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(document)
}

/// Revoke a certificate
///
/// For the department in whose name it was sealed. Recorded with its reason; counts at once for everybody who verifies.
#[utoipa::path(
    post, path = "/v1/certificates/{identifier}/revoke", tag = "exchange", request_body = RevokeBody,
    params(("identifier" = String, Path, description = "GB/T 36904")),
    responses(
        (status = 200, body = CertificateBody),
        (status = 404, description = "`certificate_not_found`: none, or another department's", body = Problem),
        (status = 409, description = "`certificate_revoked`: revoked already", body = Problem),
        (status = 503, description = "`audit_unavailable`: revoking cannot be recorded, so nothing was done", body = Problem)
    )
)]
pub async fn revoke(
    act: Act,
    path: web::Path<String>,
    Json(body): Json<RevokeBody>,
    issuer: web::Data<Issuer>,
) -> Result<web::Json<CertificateBody>, Problem> {
    act.must_have_one(&HOLDERS, &act.entry(Action::Revoke)).await?;
    let identifier = parse_id("identifier", &path)?;
    let certificate = issuer
        .revoke(&act.request, &act.caller, &identifier, body.reason)
        .await?;
    Ok(web::Json(shown(&issuer, certificate)))
}

fn shown(issuer: &Issuer, certificate: Certificate) -> CertificateBody {
    let this = format!("/v1/certificates/{}", certificate.identifier);
    CertificateBody {
        status: issuer.status(&certificate),
        links: Links {
            document_pdf: format!("{this}/document.pdf"),
            document_ofd: issuer
                .issues_ofd(&certificate.issuer)
                .then(|| format!("{this}/document.ofd")),
            revoke: format!("{this}/revoke"),
            this,
        },
        identifier: certificate.identifier,
        certificate_type: certificate.certificate_type.to_string(),
        issuer: certificate.issuer.to_string(),
        case: certificate.case.to_string(),
        issued_at: certificate.issued_at,
        valid_from: certificate.valid_from.to_string(),
        valid_until: certificate.valid_until.to_string(),
        revocation: certificate.revoked,
        verification_code: certificate.verification_code,
        document_sha256: certificate
            .document_sha256
            .map(|digest| data_encoding::HEXLOWER.encode(&digest)),
    }
}
